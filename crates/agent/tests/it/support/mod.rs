//! A host for the agent to run on: a staged driver library, a scenario, processes to list, and a client.

mod agent;
mod clients;
mod driver;
mod http;
mod monitor;
mod proc;
mod process;
mod socket;
mod tls;
mod trace;

pub(crate) use agent::{Agent, Start, free_port, nix_pid};
pub(crate) use clients::{client, clients, python, repository, unpacked};
pub(crate) use driver::{Driver, agent_program, built};
pub(crate) use http::{KeptAlive, Response, answer, get, raw, request};
pub(crate) use monitor::{Monitor, Target};
pub(crate) use proc::Proc;
pub(crate) use process::{StandIn, gone, zombie};
pub(crate) use socket::{Container, Kubelet, Played, Plays};
pub(crate) use tls::{Authority, Client, Pair, openssl, replace};
pub(crate) use trace::{Trace, thread_named};

use std::{
    thread,
    time::{Duration, Instant},
};

/// A test that waits longer than this for something has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until there is an answer. For what has no event to wait for: another process's state, over HTTP.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
