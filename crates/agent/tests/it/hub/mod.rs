//! The hub: its process, with real agents on the simulated driver.

mod access;
mod engine;
mod lists;
mod monitors;
mod previous;
mod proxy;
mod scopes;
mod settings;
mod state;
mod stream;
mod usage;

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{Agent, Driver, Start, eventually};

const TWO_GPUS: &str = "[[gpu]]\nname = 'NVIDIA H200'\nmemory_total_bytes = 150754820096\nmemory_used_bytes = 0\nutilization_percent = 0\n\
                        [[gpu]]\nname = 'NVIDIA H200'\nmemory_total_bytes = 150754820096\nmemory_used_bytes = 0\nutilization_percent = 0\n";

/// A hub of these hosts, in the form of `--hosts`.
fn hub(hosts: &str) -> Start {
    Start::bare().argument("hub").argument("--hosts").argument(hosts)
}

/// The same for these agents.
fn hub_of(agents: &[&Agent]) -> Start {
    let addresses: Vec<String> = agents.iter().map(|agent| agent.address().to_string()).collect();
    hub(&format!("static:{}", addresses.join(",")))
}

/// An agent with two GPUs that are free.
fn agent(driver: &Driver) -> Agent {
    Start::on(driver).serve().ready()
}

/// The row of a host in `/api/v1/fleet`, if there is one.
fn row(hub: &Agent, name: &str) -> Option<Value> {
    let fleet = hub.get("/api/v1/fleet").json();
    fleet["hosts"].as_array().unwrap().iter().find(|row| row["name"] == name).cloned()
}

/// Waits until a host is in a state; returns its row.
fn in_state(hub: &Agent, name: &str, state: &str) -> Value {
    let mut last = Value::Null;
    let what = format!("{name} to be {state}");
    eventually(&what, || {
        last = row(hub, name)?;
        (last["state"] == state).then(|| last.clone())
    })
}

/// Names of the listed hosts.
fn names(hub: &Agent) -> Vec<String> {
    let fleet = hub.get("/api/v1/fleet").json();
    fleet["hosts"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// Name of a host that is called by its address.
fn name(address: SocketAddr) -> String {
    address.to_string()
}
