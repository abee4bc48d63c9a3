//! Prometheus beside a hub: it scrapes the hub, and the hosts of the hub's list.

use std::{collections::BTreeMap, fs};

use serde_json::json;
use tempfile::TempDir;

use super::{
    TWO_GPUS, agent, hub, in_state, name,
    proxy::{OF_AGENT, READ, hub_of_hosts, without_scopes},
    scopes::original,
};
use crate::{
    http::metrics::values::promtool_accepts,
    support::{Driver, Monitor, Start, Target, eventually, repository},
};

#[test]
fn promtool_accepts_metrics_of_a_hub() {
    let driver = Driver::new(TWO_GPUS);
    let agent = Start::on(&driver).variable("TOKEN", OF_AGENT).serve().ready();
    let (hub, hosts) = hub_of_hosts([agent.address(), without_scopes(agent.address()), original()]);
    let read = [("Authorization", READ)];
    let fleet = hub.request("/api/v1/fleet", &read).json();
    let source = |host: &String| {
        let rows = fleet["hosts"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == **host).unwrap()["source"].clone()
    };
    assert_eq!(hosts.each_ref().map(source), ["agent", "older_agent", "original"]);
    for (host, status) in hosts.iter().zip([200, 200, 404]) {
        assert_eq!(hub.request(&format!("/hosts/{host}/metrics"), &read).status, status);
    }
    promtool_accepts(hub.request("/metrics", &read).text());
}

#[test]
fn promtool_accepts_metrics_of_a_hub_with_an_engine() {
    let driver = Driver::new(TWO_GPUS);
    let agent = agent(&driver);
    let rules = repository("deploy/prometheus/fleet.yml");
    let monitor = Monitor::prometheus(&[Target::new("one", &agent)], &[&rules]);
    let host = name(agent.address());
    let start = hub(&format!("static:{host}")).argument("--live-from=prometheus");
    let hub = start.argument("--prometheus").argument(&monitor.url()).serve();
    assert_eq!(in_state(&hub, &host, "ok")["source"], "engine");
    promtool_accepts(hub.get("/metrics").text());
}

/// The targets that are up: their labels, without that of the name of the metric.
fn up(monitor: &Monitor) -> Vec<BTreeMap<String, String>> {
    let labels = |series: serde_json::Value| {
        let labels = series["metric"].as_object().unwrap().clone();
        labels.into_iter().map(|(name, value)| (name, value.as_str().unwrap().to_owned())).collect()
    };
    let mut found: Vec<_> = monitor.query("up == 1").into_iter().map(labels).collect();
    found.sort();
    found
}

#[test]
fn prometheus_scrapes_the_hosts_of_a_hub() {
    let driver = Driver::new(TWO_GPUS);
    let agents = [agent(&driver), Start::on(&driver).variable("URL_PREFIX", "/gpu").serve()];
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hosts.json");
    let [first, second] = agents.each_ref().map(|agent| agent.address().to_string());
    let list = json!([
        {"targets": [first], "labels": {"name": "gpu01", "rack": "a1"}},
        {"targets": [second], "labels": {"name": "gpu02", "__metrics_path__": "/gpu/metrics"}},
    ]);
    fs::write(&path, list.to_string()).unwrap();
    let path = path.to_str().unwrap();
    let hub = hub(path).serve();
    for host in ["gpu01", "gpu02"] {
        in_state(&hub, host, "ok");
    }
    let of_file = Monitor::discovering(&format!("file_sd_configs: [{{files: ['{path}']}}]"));
    let targets = format!("http://{}/api/v1/targets", hub.address());
    let of_hub = Monitor::discovering(&format!("http_sd_configs: [{{url: '{targets}'}}]"));
    for monitor in [&of_file, &of_hub] {
        eventually("both hosts to be up", || (up(monitor).len() == 2).then_some(()));
    }
    let found = up(&of_file);
    assert_eq!(found.iter().map(|labels| &*labels["instance"]).collect::<Vec<_>>().len(), 2);
    assert_eq!(found, up(&of_hub));
    let mut named: Vec<_> = found.iter().map(|labels| (&*labels["name"], &*labels["instance"])).collect();
    named.sort_unstable();
    assert_eq!(named, [("gpu01", &*first), ("gpu02", &*second)]);
}
