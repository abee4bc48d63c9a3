//! The hub's command in front of real engines, which scrape real agents and evaluate the shipped rules.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{TWO_GPUS, agent, hub_of, name, row};
use crate::support::{Agent, Driver, Monitor, Start, Target, free_port, repository};

/// VictoriaMetrics finds a new series after ten seconds, and then again those that rules make of it.
const PATIENCE: Duration = Duration::from_secs(90);

fn until<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A hub of this agent that reads an engine. What VictoriaMetrics was sent is visible some seconds later, so an interval as short
/// as that of the scrapes would make every reading late.
fn hub_from(monitor: &Monitor, agent: &Agent) -> Start {
    let hub = hub_of(&[agent]).argument(&format!("--prometheus={}", monitor.url()));
    hub.argument("--live-from=prometheus").argument("--scrape-interval=5s")
}

/// A viewer that looks at every host, until it is dropped; it has read this much.
fn look(hub: &Agent) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(hub.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(b"GET /api/v1/fleet/stream?rows=0-9 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 64 << 10]);
    while !text.contains("event: hosts") {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "{text}");
        text += &String::from_utf8_lossy(&buffer[..length]);
    }
    (stream, text)
}

fn found(hub: &Agent, query: &str) -> Value {
    hub.get(&format!("/api/v1/find?{query}")).json()
}

/// A host with two free GPUs, as counted, found, streamed and looked at; then its agent is gone.
fn follow(start: impl FnOnce(&[Target<'_>]) -> Monitor) {
    let driver = Driver::new(TWO_GPUS);
    let agent = agent(&driver);
    let host = name(agent.address());
    let monitor = start(&[Target::new("one", &agent)]);
    let hub = hub_from(&monitor, &agent).serve();
    let counted = until("two free GPUs", || {
        let row = row(&hub, &host)?;
        (row["state"] == "ok" && row["counts"]["gpus"]["free"] == 2).then_some(row)
    });
    assert_eq!((&counted["source"], &counted["original"]), (&"engine".into(), &false.into()), "{counted}");
    let totals = hub.get("/api/v1/fleet").json()["totals"].clone();
    assert_eq!((&totals["hosts"]["ok"], &totals["gpus"]["free"]), (&1.into(), &2.into()), "{totals}");
    until("both GPUs to be found", || {
        let answer = found(&hub, "count=2&memory=100GiB");
        (answer["choices"][0]["host"] == *host).then_some(())
    });

    let (viewer, text) = look(&hub);
    assert!(text.contains("event: fleet") && text.contains(&host), "{text}");
    until("total memory, which the rules do not record", || {
        let row = row(&hub, &host)?;
        let is_read = |gpu: &Value| gpu["memory_total_bytes"].is_u64() && gpu["use"] == "free";
        row["gpus"].as_array().is_some_and(|gpus| gpus.len() == 2 && gpus.iter().all(is_read)).then_some(())
    });

    let (status, out, error) =
        hub_from(&monitor, &agent).argument("--check").argument(&format!("--port={}", free_port())).finish();
    assert!(status.success() && out.contains("has 1 of the 1 hosts"), "{out}{error}");

    agent.stop();
    until("no free GPU", || {
        let row = row(&hub, &host)?;
        (row["state"] != "ok" && row["counts"]["gpus"]["free"] == 0).then_some(())
    });
    assert_eq!(found(&hub, "count=1")["found"], false);
    drop(viewer);
    until("a host that is unreachable", || (row(&hub, &host)?["state"] == "unreachable").then_some(()));
}

#[test]
fn hub_reads_prometheus_as_a_command() {
    let rules = repository("deploy/prometheus/fleet.yml");
    follow(|targets| Monitor::prometheus(targets, &[&rules]));
}

#[test]
fn hub_reads_victoria_metrics_as_a_command() {
    let rules = repository("deploy/prometheus/fleet.yml");
    follow(|targets| Monitor::victoria(targets).with_rules(&rules));
}

#[test]
fn check_names_the_fix_of_an_engine() {
    let driver = Driver::new(TWO_GPUS);
    let agent = agent(&driver);
    let checked = |url: &str| {
        let hub = hub_of(&[&agent])
            .argument("--check")
            .argument(&format!("--port={}", free_port()))
            .argument(&format!("--prometheus={url}"));
        let (status, out, _) = hub.argument("--live-from=prometheus").finish();
        assert_eq!(status.code(), Some(1), "{out}");
        out.lines().find(|line| line.starts_with("problem")).unwrap_or_default().to_owned()
    };
    let nothing = checked("http://127.0.0.1:1");
    assert!(nothing.contains("start it, or correct --prometheus"), "{nothing}");
    let other = checked(&format!("http://{}", agent.address()));
    assert!(other.contains("check the path of the URL") || other.contains("got status"), "{other}");
}
