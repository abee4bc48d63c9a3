//! Usage of all hosts, compared with that of each.

use std::thread;

use serde_json::Value;

use super::{TWO_GPUS, hub_of, in_state, name};
use crate::support::{Agent, Driver, StandIn, Start, eventually};

const SUMMARY: &str = "sees-a-summary-only";
const READ: &str = "sees-everything-here";

/// A GPU on which a process works.
fn used_by(process: &StandIn) -> String {
    format!(
        "[[gpu]]\nname = 'NVIDIA H200'\nmemory_total_bytes = 150754820096\nmemory_used_bytes = 1048576\n\
         utilization_percent = 50\n[[gpu.process]]\npid = {}\ntype = 'C'\nmemory_bytes = 1048576\n",
        process.pid()
    )
}

fn seconds(usage: &Value) -> f64 {
    usage["rows"].as_array().unwrap().iter().map(|row| row["gpu_seconds"].as_f64().unwrap()).sum()
}

/// Seconds of use on an agent, once there are some.
fn used(agent: &Agent, until: u64) -> f64 {
    eventually("usage", || {
        let usage = agent.get(&format!("/api/v1/usage?since=0&until={until}")).json();
        Some(seconds(&usage)).filter(|seconds| *seconds > 1.0)
    })
}

#[test]
fn usage_of_all_hosts_is_the_sum_of_theirs() {
    let process = StandIn::start(&["train"]);
    let drivers = [Driver::new(&used_by(&process)), Driver::new(&format!("{}{TWO_GPUS}", used_by(&process)))];
    let agents: Vec<Agent> = drivers.iter().map(|driver| Start::on(driver).serve()).collect();
    let off = Start::on(&drivers[0]).argument("--usage=off").serve();
    let tokens = tempfile::tempdir().unwrap();
    let file = tokens.path().join("tokens");
    std::fs::write(&file, format!("alice read {READ}\nboard summary {SUMMARY}\n")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let hub = hub_of(&[&agents[0], &agents[1], &off]).serve();
    for agent in agents.iter().chain([&off]) {
        in_state(&hub, &name(agent.address()), "ok");
    }
    // A moment that is over: what is added up for it does not change any more.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let until = u64::try_from(now).unwrap() + 2000;
    thread::sleep(std::time::Duration::from_millis(2500));
    let expected: f64 = agents.iter().map(|agent| used(agent, until)).sum();
    let usage = hub.get(&format!("/api/v1/fleet/usage?since=0&until={until}&by=host,user")).json();
    let others = ["free", "unknown", "unassigned", "unobserved"]
        .map(|kind| usage[format!("{kind}_gpu_seconds")].as_f64().unwrap());
    let difference = seconds(&usage) + others.iter().sum::<f64>() - usage["device_seconds"].as_f64().unwrap();
    assert!(difference.abs() < 0.002, "{difference} s in {usage}");
    assert!((seconds(&usage) - expected).abs() < 0.01 * expected, "{expected} s, {usage}");
    assert_eq!((&usage["hosts"], &usage["devices"]), (&2.into(), &4.into()), "{usage}");
    let hosts: Vec<&str> = usage["rows"].as_array().unwrap().iter().map(|row| row["host"].as_str().unwrap()).collect();
    assert!(agents.iter().all(|agent| hosts.contains(&&*name(agent.address()))), "{hosts:?}");
    assert_eq!(usage["missing"][0]["host"], name(off.address()), "{usage}");
    assert!(usage["missing"][0]["error"].as_str().unwrap().contains("keeps no usage"), "{usage}");
    // A viewer of totals sees no user, and agents of this release confirm that they hide them.
    let guarded = hub_of(&[&agents[0]]).argument("--token-file").argument(file.to_str().unwrap()).serve();
    eventually("its host", || {
        let answer = guarded.request("/api/v1/fleet/usage?since=0", &[("Authorization", SUMMARY)]);
        let usage = answer.json();
        let row = usage["rows"].as_array()?.first()?.clone();
        assert!(row.get("user").is_none() && row["gpu_seconds"].as_f64().unwrap() > 1.0, "{usage}");
        Some(())
    });
    let by_user = guarded.request("/api/v1/fleet/usage?by=user", &[("Authorization", SUMMARY)]);
    assert_eq!(by_user.status, 403);
    assert_eq!(guarded.get("/api/v1/fleet/usage").status, 401);
}
