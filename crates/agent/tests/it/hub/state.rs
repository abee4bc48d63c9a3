//! State of hosts, from the agents to the answers of the hub.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{TWO_GPUS, agent, hub_of, in_state, name, row};
use crate::{
    http::stream::Stream,
    support::{Agent, Driver, Start, eventually},
};

/// Waits until so many GPUs are free: an agent needs several readings to know.
fn free(hub: &Agent, count: u64) {
    eventually("the free GPUs", || {
        let fleet = hub.get("/api/v1/fleet").json();
        (fleet["totals"]["gpus"]["free"] == count).then_some(())
    });
}

#[test]
fn hub_shows_finds_and_proxies_hosts() {
    // A UUID that two hosts have is offered by neither.
    let driver = |host: &str| {
        let gpu = |index: u8| {
            TWO_GPUS.split("[[gpu]]").nth(1).map(|gpu| format!("[[gpu]]\nuuid = 'GPU-{host}-{index}'{gpu}"))
        };
        Driver::new(&[gpu(0), gpu(1)].into_iter().flatten().collect::<String>())
    };
    let drivers = [driver("a"), driver("b")];
    let agents = [agent(&drivers[0]), agent(&drivers[1])];
    let hub = hub_of(&[&agents[0], &agents[1]]).serve().ready();
    for agent in &agents {
        let row = in_state(&hub, &name(agent.address()), "ok");
        assert_eq!(row["gpus"].as_array().unwrap().len(), 2, "{row}");
        assert_eq!(row["gpus"][0]["name"], "NVIDIA H200");
        assert_eq!((&row["original"], &row["error"]), (&false.into(), &serde_json::Value::Null));
    }
    free(&hub, 4);
    let fleet = hub.get("/api/v1/fleet").json();
    assert_eq!(fleet["totals"]["hosts"]["ok"], 2, "{fleet}");
    let found = hub.get("/api/v1/find?count=2&model=h200").json();
    assert_eq!((&found["found"], found["choices"].as_array().unwrap().len()), (&true.into(), 2), "{found}");
    let first = name(agents[0].address());
    let proxied = hub.get(&format!("/hosts/{first}/api/v1/summary"));
    assert_eq!(proxied.status, 200, "{}", proxied.text());
    assert_eq!(proxied.json()["gpus"].as_array().unwrap().len(), 2);
    assert_eq!(hub.get(&format!("/hosts/{first}/count")).json()["data"], 2);
    let page = hub.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(hub.get(&format!("/hosts/{first}/")).status, 200);
    assert!(hub.get("/api/v1/fleet/summary.txt").text().contains(&first));
    assert!(hub.get("/metrics").text().contains("nvsmi_hub_hosts"), "{}", hub.get("/metrics").text());
    let targets = hub.get("/api/v1/targets");
    assert_eq!(targets.header("content-type"), Some("application/json"));
    assert_eq!(targets.json()[0]["targets"].as_array().unwrap().len(), 1);
    let (mut stream, _) = Stream::open(hub.address(), "/api/v1/fleet/stream", "");
    let (event, data) = stream.next().unwrap();
    assert_eq!((event.as_str(), data["hosts"].as_array().unwrap().len()), ("fleet", 2));
}

#[test]
fn killed_agent_is_unreachable_and_never_free() {
    let driver = Driver::new(TWO_GPUS);
    let first = agent(&driver);
    let (host, port) = (name(first.address()), first.address().port());
    let hub = hub_of(&[&first]).serve();
    free(&hub, 2);
    let begun = Instant::now();
    drop(first);
    let row = in_state(&hub, &host, "unreachable");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(row["error"].as_str().is_some_and(|error| !error.is_empty()), "{row}");
    let fleet = hub.get("/api/v1/fleet").json();
    let gpus = &fleet["totals"]["gpus"];
    assert_eq!((&gpus["free"], &gpus["unknown"]), (&0.into(), &2.into()), "{fleet}");
    assert_eq!(hub.get("/api/v1/find").json()["found"], false);
    assert!(matches!(hub.get(&format!("/hosts/{host}/count")).status, 502 | 504));
    let again = Start::on(&driver).serve_on(port).ready();
    in_state(&hub, &host, "ok");
    free(&hub, 2);
    assert_eq!(hub.get("/api/v1/find").json()["found"], true);
    drop(again);
}

#[test]
fn stopped_agent_is_stale_and_never_free() {
    let driver = Driver::new(TWO_GPUS);
    let agent = agent(&driver);
    let host = name(agent.address());
    let hub = hub_of(&[&agent]).serve();
    free(&hub, 2);
    agent.signal(Signal::SIGSTOP);
    eventually("the host to be no longer ok", || {
        let row = row(&hub, &host)?;
        (row["state"] != "ok").then_some(())
    });
    assert_eq!(hub.get("/api/v1/find").json()["found"], false);
    assert_eq!(hub.get("/api/v1/fleet").json()["totals"]["gpus"]["free"], 0);
    agent.signal(Signal::SIGCONT);
    in_state(&hub, &host, "ok");
}

#[test]
fn hub_ends_in_order_with_open_streams() {
    let driver = Driver::new(TWO_GPUS);
    let agent = agent(&driver);
    let host = name(agent.address());
    let hub = hub_of(&[&agent]).serve();
    in_state(&hub, &host, "ok");
    let port = hub.address().port();
    let (mut own, _) = Stream::open(hub.address(), "/api/v1/fleet/stream", "");
    let (mut proxied, _) = Stream::open(hub.address(), &format!("/hosts/{host}/api/v1/stream"), "");
    assert!(own.next().is_some() && proxied.next().is_some());
    let begun = Instant::now();
    assert!(hub.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let hub = hub_of(&[&agent]).serve_on(port);
    in_state(&hub, &host, "ok");
}
