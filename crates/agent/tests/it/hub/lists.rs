//! Lists of hosts: a change is followed, and an error is not.

use std::{
    fs,
    io::Write as _,
    net::{TcpListener, TcpStream},
    thread,
    time::Instant,
};

use serde_json::json;
use tempfile::TempDir;

use super::{TWO_GPUS, agent, hub, in_state, name, names};
use crate::support::{Driver, eventually};

#[test]
fn edited_list_is_followed() {
    let driver = Driver::new(TWO_GPUS);
    let agent = agent(&driver);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hosts.json");
    let list = |hosts: &[&str]| {
        let address = agent.address().to_string();
        let groups: Vec<_> = hosts
            .iter()
            .map(|host| match *host {
                "gpu01" => json!({"targets": [address], "labels": {"name": "gpu01", "rack": "a1"}}),
                other => json!({"targets": ["127.0.0.1:1"], "labels": {"name": other}}),
            })
            .collect();
        json!(groups).to_string()
    };
    fs::write(&path, list(&["gpu01"])).unwrap();
    let hub = hub(path.to_str().unwrap()).serve();
    let row = in_state(&hub, "gpu01", "ok");
    assert_eq!(row["labels"]["rack"], "a1");
    let begun = Instant::now();
    fs::write(&path, list(&["gpu01", "gpu02"])).unwrap();
    eventually("the new host", || (names(&hub) == ["gpu01", "gpu02"]).then_some(()));
    // 5 s, with room for a busy machine.
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
    fs::write(&path, "[{\"targets\": [\"gpu0").unwrap();
    hub.logged("keeping the last list of hosts");
    assert_eq!(names(&hub), ["gpu01", "gpu02"]);
    in_state(&hub, "gpu01", "ok");
    // A host that a valid list drops stays for a while, and is not free.
    fs::write(&path, list(&["gpu02"])).unwrap();
    let row = in_state(&hub, "gpu01", "unreachable");
    assert!(row["error"].as_str().is_some(), "{row}");
    assert_eq!(hub.get("/api/v1/find").json()["found"], false);
    assert_eq!(hub.get("/api/v1/targets").json().as_array().unwrap().len(), 1);
}

#[test]
fn missing_file_keeps_its_hosts_and_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hosts.json");
    fs::write(&path, r#"[{"targets": ["127.0.0.1:1"]}]"#).unwrap();
    let hub = hub(path.to_str().unwrap()).serve();
    let source = || hub.get("/api/v1/fleet").json()["list"]["sources"][0].clone();
    eventually("the list", || (source()["is_loaded"] == true).then_some(()));
    assert_eq!(source()["error"], json!(null));
    fs::remove_file(&path).unwrap();
    eventually("the error", || source()["error"].as_str().filter(|error| error.contains("the file is gone")).map(drop));
    let fleet = hub.get("/api/v1/fleet").json();
    assert!(fleet["notes"][0].as_str().unwrap().contains("hosts.json: "), "{fleet}");
    assert!(fleet["list"]["sources"][0]["since"].is_u64(), "{fleet}");
    assert_eq!(hub.get("/api/v1/targets").json().as_array().unwrap().len(), 1);
    fs::write(&path, "[]").unwrap();
    eventually("an empty list", || (hub.get("/api/v1/targets").json() == json!([])).then_some(()));
    eventually("no note", || (hub.get("/api/v1/fleet").json()["notes"] == json!([])).then_some(()));
}

#[test]
fn hosts_beyond_the_descriptors_leave_room_for_viewers() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
            open.push(stream);
        }
    });
    let hosts: Vec<String> = (1..=80).map(|number| format!("127.0.1.{number}:{port}")).collect();
    let hub = hub(&format!("static:{}", hosts.join(","))).through(&["prlimit", "--nofile=64"]).serve();
    hub.logged("enough for connections to 15 hosts, and the list has 80");
    let without = || {
        let fleet = hub.get("/api/v1/fleet").json();
        let rows = fleet["hosts"].as_array().unwrap().iter();
        rows.filter(|row| row["error"].as_str().is_some_and(|error| error.contains("LimitNOFILE="))).count()
    };
    eventually("hosts without a connection", || (without() >= 65).then_some(()));
    // Beside others of the same address.
    let viewers: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(hub.address()).unwrap()).collect();
    assert_eq!(hub.get("/api/v1/fleet").status, 200);
    drop(viewers);
    let (status, out, _) = super::hub(&format!("static:{}", hosts.join(",")))
        .argument("--check")
        .through(&["prlimit", "--nofile=64"])
        .finish();
    assert!(status.code() == Some(1) && out.contains("Raise it (LimitNOFILE= of the unit, ulimit -n)"), "{out}");
}

#[test]
fn targets_wait_for_the_list() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hosts.yml");
    let hub = hub(path.to_str().unwrap()).serve();
    assert_eq!(hub.get("/api/v1/targets").status, 503);
    assert_eq!(hub.get("/readyz").status, 503);
    assert_eq!(hub.get("/healthz").status, 200);
    fs::write(&path, "[]\n").unwrap();
    let targets = eventually("the list", || Some(hub.get("/api/v1/targets")).filter(|answer| answer.status == 200));
    assert_eq!(targets.json(), json!([]));
}

#[test]
fn hub_reads_the_list_of_another() {
    let driver = Driver::new(TWO_GPUS);
    let agent = agent(&driver);
    let folder = TempDir::new().unwrap();
    let (path, tokens) = (folder.path().join("hosts.yml"), folder.path().join("tokens"));
    let address = name(agent.address());
    fs::write(&path, format!("- targets: ['{address}']\n  labels: {{name: gpu01, ssh_host: gpu01.x}}\n")).unwrap();
    let first = hub(path.to_str().unwrap()).variable("TOKEN", "of-the-first-hub").serve();
    let url = format!("http://{}/api/v1/targets", first.address());
    let second = hub(&url).serve();
    second.logged("expected status 200, got 401");
    fs::write(&tokens, "127.0.0.1 of-the-first-hub\n").unwrap();
    let third =
        hub(&url).argument("--anonymous=read").argument("--agent-token-file").argument(tokens.to_str().unwrap());
    let third = third.serve();
    let row = in_state(&third, "gpu01", "ok");
    assert_eq!(row["ssh_host"], "gpu01.x", "{row}");
    let list =
        |hub: &crate::support::Agent| hub.request("/api/v1/targets", &[("Authorization", "of-the-first-hub")]).json();
    assert_eq!(list(&third), list(&first));
}
