//! The previous release of the agent behind this hub, built from the history of the repository (scripts/clients).

use super::{
    TWO_GPUS, hub_of, in_state, name,
    proxy::{METRICS, OF_AGENT, READ, SUMMARY, hub_of_hosts},
};
use crate::support::{Agent, Driver, StandIn, Start, client, eventually};

/// Starts it where this release would start.
fn previous(start: Start) -> Start {
    start.instead_of_the_agent(&client("nvidia-smi-web-agent-previous"))
}

/// Two GPUs, of which one is used.
fn scenario(process: &StandIn) -> String {
    let row = format!("[[gpu.process]]\npid = {}\ntype = 'C'\nmemory_bytes = 2147483648\n", process.pid());
    let gpus = TWO_GPUS.replacen("[[gpu]]", "[[gpu]]\nuuid = 'GPU-0'", 1);
    format!("{}{row}", gpus.replacen("[[gpu]]\nname", "[[gpu]]\nuuid = 'GPU-1'\nname", 1))
}

#[test]
fn previous_release_is_shown_found_and_proxied() {
    let process = StandIn::start(&["planted-name", "planted-argument"]);
    let driver = Driver::new(&scenario(&process));
    let agent = previous(Start::on(&driver).variable("TOKEN", OF_AGENT)).serve().ready();
    let (hub, [host]) = hub_of_hosts([agent.address()]);
    let row = |token: &str| hub.request("/api/v1/fleet", &[("Authorization", token)]).json()["hosts"][0].clone();
    let first = row(READ);
    assert_eq!((&first["source"], &first["original"]), (&"older_agent".into(), &false.into()), "{first}");
    assert_eq!(first["gpus"].as_array().unwrap().len(), 2);
    let found = eventually("a free GPU", || {
        Some(hub.request("/api/v1/find?count=1", &[("Authorization", READ)]).json())
            .filter(|found| found["found"] == true)
    });
    assert_eq!(found["choices"][0]["host"], *host, "{found}");
    let used = |token| row(token)["gpus"][1].clone();
    eventually("the used GPU", || (used(READ)["use"] == "held" || used(READ)["use"] == "busy").then_some(()));
    assert!(used(READ)["users"].as_array().is_some_and(|users| users.len() == 1), "{}", used(READ));
    assert!(used(SUMMARY)["users"].is_null());
    let ask = |path: &str, token: &str| hub.request(&format!("/hosts/{host}{path}"), &[("Authorization", token)]);
    eventually("the process", || ask("/status", READ).text().contains("planted-argument").then_some(()));
    for path in ["/status", "/count", "/metrics", "/openapi.json", "/api/v1/snapshot", "/api/v1/gpus", "/api/v1/users"]
    {
        assert_eq!(ask(path, READ).status, 200, "{path}");
        for token in [SUMMARY, METRICS] {
            let answer = ask(path, token);
            assert_eq!(answer.status, 403, "{path}: {}", answer.text());
            for planted in ["planted-name", "planted-argument", OF_AGENT, &format!("\"pid\":{}", process.pid())] {
                assert!(!answer.text().contains(planted), "{path}: {}", answer.text());
            }
        }
    }
}

#[test]
fn previous_release_is_replaced_and_comes_back() {
    let driver = Driver::new(TWO_GPUS);
    let start = |is_previous| {
        let start = Start::on(&driver);
        if is_previous { previous(start) } else { start }
    };
    for order in [[true, false, true], [false, true, false]] {
        let mut agent = start(order[0]).serve().ready();
        let (host, port) = (name(agent.address()), agent.address().port());
        let hub = hub_of(&[&agent]).serve();
        for (at, is_previous) in order.into_iter().enumerate() {
            if at > 0 {
                assert!(agent.stop().success());
                agent = start(is_previous).serve_on(port).ready();
            }
            sees(&hub, &host, is_previous, &agent);
        }
    }
}

/// Waits until the hub shows this release of an agent.
fn sees(hub: &Agent, host: &str, is_previous: bool, agent: &Agent) {
    let (source, own) = if is_previous { ("older_agent", false) } else { ("agent", true) };
    eventually(source, || {
        let row = in_state(hub, host, "ok");
        let is_own = row["agent_version"] == env!("CARGO_PKG_VERSION");
        (row["source"] == source && is_own == own && row["gpus"].as_array()?.len() == 2).then_some(())
    });
    assert_eq!(hub.get(&format!("/hosts/{host}/count")).json(), agent.get("/count").json());
}
