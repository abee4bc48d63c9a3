//! Claims over time: of processes that end, and over restarts of the agent.

use std::{
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{Run, TWO, agent, ask, claim, claimed, socket, status};
use crate::support::{Driver, eventually};

#[test]
fn claim_of_killed_run_ends() {
    let driver = Driver::new(TWO);
    let _agent = agent(&driver);
    let socket = socket(&driver);
    let run = Run::start(&socket, "0");
    assert_eq!(claimed(&socket), ["GPU-A"]);
    assert_eq!(claim(&socket, &["0"])["reason"], "claimed", "of the same user");
    let answer = ask(&socket, json!({"do": "unclaim"}));
    assert_eq!(answer["reason"], "not_yours", "its process still runs: {answer}");
    drop(run);
    eventually("the end of the claim", || claimed(&socket).is_empty().then_some(()));
}

#[test]
fn claims_survive_restart_with_their_end() {
    let driver = Driver::new(TWO);
    let first = agent(&driver);
    let socket = socket(&driver);
    let claimed_at = Instant::now();
    let answer = ask(&socket, json!({"do": "claim", "devices": ["0"], "for_ms": 4000, "why": "paper"}));
    let before = ask(&socket, json!({"do": "list"}));
    assert_eq!((status(&answer), before["claims"].as_array().unwrap().len()), ("done", 1));
    first.stop();
    assert!(!socket.exists());
    let mode = driver.folder().join("state/claims").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = agent(&driver);
    let after = ask(&socket, json!({"do": "list"}));
    if claimed_at.elapsed() < Duration::from_secs(3) {
        assert_eq!(after["claims"], before["claims"]);
    }
    eventually("its end", || claimed(&socket).is_empty().then_some(()));
    assert!(claimed_at.elapsed() >= Duration::from_secs(4));
    drop(second);
}

#[test]
fn claims_of_runs_survive_restart_with_their_process() {
    let driver = Driver::new(TWO);
    let first = agent(&driver);
    let socket = socket(&driver);
    let (ends, stays) = (Run::start(&socket, "0"), Run::start(&socket, "1"));
    // As a crash.
    drop(first);
    drop(ends);
    let second = agent(&driver);
    assert_eq!(claimed(&socket), ["GPU-B"]);
    drop(stays);
    eventually("the end of the claim", || claimed(&socket).is_empty().then_some(()));
    drop(second);
}

#[test]
fn socket_is_open_to_all_and_state_is_not() {
    let driver = Driver::new(TWO);
    let _agent = agent(&driver);
    let mode = |path: &str| driver.folder().join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("run/claims.sock"), mode("run/control.sock")), (0o666, 0o600));
}
