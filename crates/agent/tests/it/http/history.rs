//! `/api/v1/history` of the running agent, and what it knows after it was started again.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Agent, Driver, Start, eventually};

const GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\nutilization_percent = 42\n";
const ASKED: &str = "/api/v1/history?metric=utilization.gpu_percent&since=-10m";

/// The values of the one series, oldest first, and when the first step begins.
fn past(agent: &Agent) -> (u64, Vec<Option<f64>>) {
    let answer = agent.get(ASKED);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let values = answer["series"][0]["values"].as_array().cloned().unwrap_or_default();
    (answer["start_at"].as_u64().unwrap(), values.iter().map(Value::as_f64).collect())
}

fn seconds(agent: &Agent, least: usize) -> (u64, Vec<Option<f64>>) {
    eventually("some seconds to be over", || {
        Some(past(agent)).filter(|(_, values)| values.iter().flatten().count() >= least)
    })
}

#[test]
fn history_grows_and_collector_restart_is_gap() {
    let driver = Driver::new(GPU);
    let agent = Start::on(&driver).serve().ready();
    let (_, values) = seconds(&agent, 2);
    assert!(values.iter().flatten().all(|value| (*value - 42.0).abs() < 0.001), "{values:?}");
    // A month may have no step that is over, so finer ones answer, the longest that is over; and an end alone asks for the
    // minutes before it.
    for (query, least) in [("since=-30d", 1), ("until=2100-01-01T00:00:00Z", 2), ("until=-2d", 0)] {
        let answer = agent.get(&format!("/api/v1/history?metric=utilization.gpu_percent&{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let values = answer.json()["series"][0]["values"].as_array().map_or(0, Vec::len);
        assert!(values >= least && (least > 0 || values == 0), "{query}: {}", answer.text());
    }
    let collector = agent.collectors()[0];
    nix::sys::signal::kill(crate::support::nix_pid(collector), Signal::SIGKILL).unwrap();
    eventually("a gap and then values again", || {
        let (_, values) = past(&agent);
        let gap = values.iter().position(Option::is_none)?;
        values[gap..].iter().any(Option::is_some).then_some(())
    });
}

#[test]
fn history_survives_agent_restart() {
    let driver = Driver::new(GPU);
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let folder = format!("--state-dir={}", folder.path().display());
        Start::on(&driver).argument(&folder).argument("--idle-after=1s").serve().ready()
    };
    let mut first = start();
    let (began, _) = seconds(&first, 2);
    let since = first.get("/api/v1/gpus/0").json()["use"]["since"].clone();
    first.signal(Signal::SIGTERM);
    assert_eq!(first.ended().code(), Some(0));
    let second = start();
    let (begins, values) = past(&second);
    // The clocks are read twice, so that the same moment may differ by a step.
    assert!(begins.abs_diff(began) <= 1000, "{begins} {began}");
    assert!(values.iter().flatten().count() >= 2, "{values:?}");
    assert_eq!(second.get("/api/v1/gpus/0").json()["use"]["since"], since);
    drop(second);
    // What is damaged is said, and nothing else happens.
    std::fs::write(folder.path().join("history"), b"NSWS\x01\0nonsense").unwrap();
    let third = start();
    third.logged("starting without history");
}
