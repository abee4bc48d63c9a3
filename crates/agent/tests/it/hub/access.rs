//! Tokens, certificates and prefixes, of agents and of the hub.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::{TWO_GPUS, hub, hub_of, in_state, name};
use crate::support::{Authority, Driver, Start, eventually};

#[test]
fn wrong_agent_token_is_refused_until_corrected() {
    let driver = Driver::new(TWO_GPUS);
    let agent = Start::on(&driver).variable("TOKEN", "of-this-agent").serve();
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("tokens");
    let host = name(agent.address());
    fs::write(&tokens, format!("{host} another-token\n")).unwrap();
    let hub = hub_of(&[&agent]).argument("--agent-token-file").argument(tokens.to_str().unwrap());
    let hub = hub.variable("TOKEN", "of-viewers").serve();
    let row = || {
        let fleet = hub.request("/api/v1/fleet", &[("Authorization", "Bearer of-viewers")]).json();
        fleet["hosts"][0].clone()
    };
    let state =
        |expected: &str| crate::support::eventually(expected, || Some(row()).filter(|row| row["state"] == expected));
    let refused = state("refused");
    assert!(refused["error"].as_str().unwrap().contains("401"), "{refused}");
    fs::write(&tokens, "broken line of-this-agent\n").unwrap();
    hub.logged("keeping the previous tokens for agents");
    let fleet = || hub.request("/api/v1/fleet", &[("Authorization", "Bearer of-viewers")]).json();
    let notes = || fleet()["notes"].as_array().unwrap().clone();
    let errors = |count: u32| {
        let metrics = hub.request("/metrics", &[("Authorization", "Bearer of-viewers")]);
        metrics.text().contains(&format!("\nnvsmi_hub_config_errors {count}\n")).then_some(())
    };
    let note = eventually("the note", || notes().first().cloned());
    assert!(note.as_str().unwrap().contains("the agent token file"), "{note}");
    eventually("the metric", || errors(1));
    fs::write(&tokens, "127.0.0.0/8 of-this-agent\n").unwrap();
    state("ok");
    eventually("no note", || notes().is_empty().then_some(()));
    eventually("the metric again", || errors(0));
    let answer = hub.request(&format!("/hosts/{host}/count"), &[("Authorization", "of-viewers")]);
    assert_eq!((answer.status, answer.json()["data"].as_u64()), (200, Some(2)), "{}", answer.text());
    assert_eq!(hub.get("/api/v1/fleet").status, 401);
    for token in ["another-token", "of-this-agent", "of-viewers"] {
        assert!(!hub.log().contains(token), "{}", hub.log());
    }
}

#[test]
fn agents_over_tls_need_the_authority() {
    let (driver, authority) = (Driver::new(TWO_GPUS), Authority::new());
    let pair = authority.pair("host", "ec");
    let [certificate, key] = [&pair.certificate, &pair.key].map(|path| path.to_str().unwrap());
    let agent =
        Start::on(&driver).argument("--tls-cert").argument(certificate).argument("--tls-key").argument(key).serve();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hosts.json");
    let port = agent.address().port();
    let list = json!([{"targets": [format!("localhost:{port}")], "labels": {"name": "gpu01", "__scheme__": "https"}}]);
    fs::write(&path, list.to_string()).unwrap();
    let without = hub(path.to_str().unwrap()).serve();
    in_state(&without, "gpu01", "refused");
    let authority = authority.certificate();
    let with = hub(path.to_str().unwrap()).argument("--agent-ca").argument(authority.to_str().unwrap()).serve();
    in_state(&with, "gpu01", "ok");
    assert_eq!(with.get("/hosts/gpu01/count").json()["data"], 2);
    // A static list can have a scheme.
    let plain = hub(&format!("static:https://localhost:{port}")).argument("--agent-ca");
    in_state(&plain.argument(authority.to_str().unwrap()).serve(), &format!("localhost:{port}"), "ok");
}

#[test]
fn replaced_authority_is_used_and_a_broken_one_is_not() {
    let (driver, first, second) = (Driver::new(TWO_GPUS), Authority::new(), Authority::new());
    let pair = second.pair("host", "ec");
    let [certificate, key] = [&pair.certificate, &pair.key].map(|path| path.to_str().unwrap());
    let agent =
        Start::on(&driver).argument("--tls-cert").argument(certificate).argument("--tls-key").argument(key).serve();
    let host = format!("localhost:{}", agent.address().port());
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ca.pem");
    fs::copy(first.certificate(), &path).unwrap();
    let hub = hub(&format!("static:https://{host}")).argument("--agent-ca").argument(path.to_str().unwrap()).serve();
    in_state(&hub, &host, "refused");
    fs::copy(second.certificate(), &path).unwrap();
    hub.logged("reloaded the authorities of agents");
    in_state(&hub, &host, "ok");
    // A half of it, and nothing, as while it is copied.
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    hub.logged("keeping the previous authorities of agents");
    let notes = || hub.get("/api/v1/fleet").json()["notes"].as_array().unwrap().clone();
    let note = eventually("the note", || notes().first().cloned());
    assert!(note.as_str().unwrap().contains("--agent-ca"), "{note}");
    assert_eq!(hub.get(&format!("/hosts/{host}/count")).json()["data"], 2, "a new connection");
    fs::write(&path, &whole).unwrap();
    eventually("no note", || notes().is_empty().then_some(()));
    in_state(&hub, &host, "ok");
}

#[test]
fn prefixes_of_agent_and_hub_are_kept() {
    let driver = Driver::new(TWO_GPUS);
    let agent = Start::on(&driver).argument("--url-prefix=/gpu/01").serve();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hosts.json");
    let labels = json!({"name": "gpu01", "__metrics_path__": "/gpu/01/metrics"});
    fs::write(&path, json!([{"targets": [name(agent.address())], "labels": labels}]).to_string()).unwrap();
    let hub = hub(path.to_str().unwrap()).argument("--url-prefix=/fleet").serve();
    eventually("the host", || {
        let fleet = hub.get("/fleet/api/v1/fleet").json();
        (fleet["hosts"][0]["state"] == "ok").then_some(())
    });
    assert_eq!(hub.get("/fleet/hosts/gpu01/count").json()["data"], 2);
    assert_eq!(hub.get("/fleet/").status, 200);
    assert_eq!(hub.get("/api/v1/fleet").status, 404);
    let targets = hub.get("/fleet/api/v1/targets").json();
    assert_eq!(targets[0]["labels"]["__metrics_path__"], "/gpu/01/metrics");
}
