//! Shutdown by signals.

use std::{
    io::{self, Write as _},
    net::TcpStream,
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::support::{Agent, Driver, KeptAlive, Start, Trace, eventually, thread_named};

const ONE_GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\n";

fn agent() -> (Driver, Agent) {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver).serve().ready();
    (driver, agent)
}

/// A connection whose answers are not read, so that one of them is always in the making.
fn slow_reader(agent: &Agent) -> TcpStream {
    let mut stream = TcpStream::connect(agent.address()).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let requests = "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    // The agent reads no more requests once it cannot write the answers.
    let error = loop {
        if let Err(error) = stream.write_all(requests.as_bytes()) {
            break error;
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    stream
}

#[test]
fn shutdown_not_delayed_by_open_connections() {
    let (driver, mut agent) = agent();
    let mut idle = KeptAlive::open(agent.address());
    assert_eq!(idle.get("/healthz").status, 200);
    let _slow = slow_reader(&agent);
    agent.signal(Signal::SIGTERM);
    agent.logged("stopping");
    eventually("the door to be shut", || TcpStream::connect(agent.address()).is_err().then_some(()));
    assert_eq!(agent.ended().code(), Some(0));
    // The idle one was closed at once; only the slow one was there to be cut off.
    agent.logged("cut off");
    assert!(agent.log().contains("left=1"), "{}", agent.log());
    eventually("the collector to leave", || (driver.calls("nvmlShutdown") == 1).then_some(()));
}

#[test]
fn shutdown_immediate_at_second_signal() {
    for (second, status) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let (driver, mut agent) = agent();
        let _slow = slow_reader(&agent);
        agent.signal(Signal::SIGTERM);
        agent.logged("stopping");
        agent.signal(second);
        assert_eq!(agent.ended().code(), Some(status));
        assert!(!agent.log().contains("did not end in time"), "{}", agent.log());
        eventually("the collector to leave", || (driver.calls("nvmlShutdown") == 1).then_some(()));
    }
}

#[test]
fn shutdown_not_delayed_by_stuck_supervisor() {
    let (_driver, mut agent) = agent();
    let stopped = Trace::stop(thread_named(agent.pid(), "supervisor"));
    agent.signal(Signal::SIGTERM);
    agent.logged("the supervisor is stuck");
    drop(stopped);
    assert_eq!(agent.ended().code(), Some(0));
}

#[test]
fn stuck_supervisor_does_not_look_healthy() {
    let (_driver, agent) = agent();
    let stopped = Trace::stop(thread_named(agent.pid(), "supervisor"));
    eventually("it not to be ready", || (agent.get("/readyz").status == 503).then_some(()));
    assert_eq!(agent.get("/readyz").text(), r#"{"state":"stalled"}"#);
    let snapshot = agent.get("/api/v1/snapshot").json();
    assert_eq!(snapshot["gpus"][0]["state"], "stale");
    let detail = snapshot["collector"]["detail"].as_str().unwrap();
    assert!(detail.contains("supervisor has not reported"), "{detail}");
    assert!(agent.get("/metrics").text().contains("nvsmi_agent_collector_state{state=\"stalled\"} 1"));
    drop(stopped);
    agent.ready();
}
