//! Usage of all hosts from real engines, which scrape agents, compared with what the agents themselves say.

use std::thread;

use serde_json::Value;

use crate::support::{Agent, Driver, Monitor, StandIn, Start, Target, eventually};

const COUNTER: &str = "nvsmi_user_gpu_seconds_total";

/// A GPU that a process uses from now on.
fn used_by(process: &StandIn) -> String {
    format!(
        "[[gpu]]\nname = 'NVIDIA H200'\nuuid = 'GPU-A'\nmemory_total_bytes = 150754820096\n\
         memory_reserved_bytes = 512753664\nmemory_used_bytes = 1048576\nutilization_percent = 50\n\
         [[gpu.process]]\npid = {}\ntype = 'C'\nmemory_bytes = 1048576\n",
        process.pid()
    )
}

fn start(driver: &Driver) -> Start {
    Start::on(driver).argument("--metrics-users").argument("--usage-flush=1s")
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn seconds(usage: &Value) -> f64 {
    usage["rows"].as_array().unwrap().iter().map(|row| row["gpu_seconds"].as_f64().unwrap()).sum()
}

/// Compares the hub's answer from this engine with that of its agents.
fn compare(monitor: impl FnOnce(&[Target<'_>]) -> Monitor) {
    let process = StandIn::start(&["train"]);
    let drivers = [Driver::new(&used_by(&process)), Driver::new(&used_by(&process))];
    let agents: Vec<Agent> = drivers.iter().map(|driver| start(driver).serve().ready()).collect();
    let targets = [Target::new("one", &agents[0]), Target::new("two", &agents[1])];
    let monitor = monitor(&targets);
    // Both have been counting for a while when the period begins.
    let known = || monitor.values(COUNTER).iter().filter(|seconds| **seconds > 1.0).count() == 2;
    eventually("counters of both", || known().then_some(()));
    let hosts: Vec<String> = agents.iter().map(|agent| agent.address().to_string()).collect();
    let hub = Start::bare().argument("hub").argument("--hosts").argument(&format!("static:{}", hosts.join(",")));
    let hub = hub.argument("--prometheus").argument(&monitor.url()).serve();
    let since = now();
    thread::sleep(std::time::Duration::from_secs(40));
    let until = now();
    // Time for a flush and a scrape: what the engine has then is of the period, as far as it was flushed.
    let period = format!("since={since}&until={until}&by=user,host");
    let from_engine = hub.get(&format!("/api/v1/fleet/usage?{period}&source=engine")).json();
    assert_eq!((&from_engine["hosts"], &from_engine["source"]), (&2.into(), &"engine".into()), "{from_engine}");
    assert_eq!(from_engine["missing"], Value::Array(Vec::new()), "{from_engine}");
    let from_agents = hub.get(&format!("/api/v1/fleet/usage?{period}&source=agents")).json();
    let (one, other) = (seconds(&from_engine), seconds(&from_agents));
    // A flush is late by up to a second at each end: 1 % of a period of minutes, and more of this one.
    assert!((one - other).abs() < 0.01 * other + 2.0 * 1.5, "{one} s of the engine, {other} s of the agents");
    assert!(other > 60.0, "{from_agents}");
    // Before the engine knew them, nothing of it counts.
    let early = hub.get("/api/v1/fleet/usage?since=0&by=user&source=engine").json();
    assert_eq!((&early["hosts"], early["missing"].as_array().unwrap().len()), (&0.into(), 2), "{early}");
    let unasked = hub.get("/api/v1/fleet/usage?since=0&by=user").json();
    assert_eq!(unasked["source"], "agents", "{unasked}");
}

#[test]
fn hub_reads_prometheus_for_usage() {
    compare(|targets| Monitor::prometheus(targets, &[]));
}

#[test]
fn hub_reads_victoria_metrics_for_usage() {
    compare(Monitor::victoria);
}
