//! Scopes of viewers on every path of the hub and of its hosts. The paths are those that the OpenAPI documents list,
//! which unit tests compare with the tables of routes, so a new route needs a line here.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use serde_json::{Value, json};

use super::proxy::{METRICS, OF_AGENT, READ, SUMMARY, hub_of_hosts, without_scopes};
use crate::support::{Agent, Container, Driver, PATIENCE, Played, Plays, Proc, Start, eventually};

/// The account, the program and the container of processes. No name has this account.
const USER: u32 = 3_987_654_321;
const PROGRAM: &str = "planted-argument";
const CONTAINER: &str = "planted-container";
/// Statuses for no token and those of the scopes `read`, `summary` and `metrics`.
type Statuses = [u16; 4];
const VIEWS: Statuses = [401, 200, 200, 403];
const PEOPLE: Statuses = [401, 200, 403, 403];
const OPEN: Statuses = [200; 4];
const UNLISTED: Statuses = [401, 404, 404, 403];

/// Paths of the hub.
const HUB: &[(&str, Statuses)] = &[
    ("/api/v1/fleet", VIEWS),
    ("/api/v1/fleet/stream", VIEWS),
    ("/api/v1/fleet/users", PEOPLE),
    ("/api/v1/fleet/usage", VIEWS),
    ("/api/v1/fleet/summary.txt", VIEWS),
    ("/api/v1/find", VIEWS),
    ("/api/v1/targets", VIEWS),
    ("/metrics", [401, 200, 200, 200]),
    ("/openapi.json", VIEWS),
    ("/healthz", OPEN),
    ("/readyz", OPEN),
];
/// Paths of the hub that its document leaves out.
const PAGES: &[(&str, Statuses)] = &[
    ("/", OPEN),
    ("/docs", OPEN),
    ("/assets/none.js", [404; 4]),
    ("/hosts/", UNLISTED),
    ("/hosts/none/status", UNLISTED),
    ("/none", UNLISTED),
];

/// Paths of an agent of this release below the name of its host.
const AGENT: &[(&str, Statuses)] = &[
    ("/status", VIEWS),
    ("/count", VIEWS),
    ("/openapi.json", VIEWS),
    ("/api/v1/snapshot", VIEWS),
    ("/api/v1/gpus", VIEWS),
    ("/api/v1/gpus/{gpu}", VIEWS),
    ("/api/v1/processes", VIEWS),
    ("/api/v1/users", PEOPLE),
    ("/api/v1/summary", VIEWS),
    ("/api/v1/summary.txt", VIEWS),
    ("/api/v1/find", VIEWS),
    ("/api/v1/events", VIEWS),
    ("/api/v1/history", VIEWS),
    ("/api/v1/usage", VIEWS),
    ("/api/v1/sessions", PEOPLE),
    ("/api/v1/peers", VIEWS),
    ("/api/v1/stream", VIEWS),
    ("/healthz", UNLISTED),
    ("/readyz", UNLISTED),
];
/// Paths of an agent that its document leaves out.
const AGENT_PAGES: &[(&str, Statuses)] = &[
    ("/metrics", [401, 200, 200, 200]),
    ("/", OPEN),
    ("/docs", UNLISTED),
    ("/assets/none.js", [404; 4]),
    ("/status/", UNLISTED),
    ("/count/", UNLISTED),
    ("/api/v1/none", UNLISTED),
];

/// An original agent: two paths, and users and programs in one of them.
pub(super) fn original() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let process = json!({"idx": 0, "pid": 7, "username": USER.to_string(), "command": PROGRAM, "type": "C",
        "gpu_memory": "1MiB", "running_time": "0:00:01"});
    let device = json!({"idx": 0, "name": "A", "fan_speed": "N/A", "temperature": 31, "power_status": "1W / 2W",
        "gpu_utilization": 0, "memory_total_human": "100MiB", "memory_used_human": "1MiB", "memory_free_human": "99MiB",
        "memory_utilization": 1, "ts": 1});
    let status = json!({"code": 0, "data": {"count": 1, "devices": [device], "processes": [process]}}).to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let status = status.clone();
            thread::spawn(move || {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head);
                let (line, body) = match head.split(' ').nth(1) {
                    Some("/status") => ("200 OK", &*status),
                    Some("/count") => ("200 OK", r#"{"code":0,"data":1}"#),
                    _ => ("404 Not Found", r#"{"code":404,"data":null,"error":"Not Found"}"#),
                };
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {line}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            });
        }
    });
    address
}

/// Status of an answer, and the whole of it; of a stream its first event.
fn ask(hub: &Agent, path: &str, token: Option<&str>) -> (u16, String) {
    let mut stream = TcpStream::connect(hub.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n{token}\r\n").as_bytes()).unwrap();
    let (mut bytes, mut piece) = (Vec::new(), [0; 65_536]);
    loop {
        let length = stream.read(&mut piece).unwrap_or_else(|error| panic!("{path}: {error}"));
        bytes.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&bytes);
        let is_event = text.contains("text/event-stream")
            && text.split_once("\ndata: ").is_some_and(|(_, data)| data.contains("\n\n"));
        if length == 0 || is_event {
            let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
            return (status.unwrap_or_else(|| panic!("{path}: {text}")), text.into_owned());
        }
    }
}

/// The paths that a program documents.
fn documented(hub: &Agent, path: &str) -> BTreeSet<String> {
    let (_, text) = ask(hub, path, Some(READ));
    let body = text.split_once("\r\n\r\n").unwrap().1;
    let document: Value = serde_json::from_str(body).unwrap();
    document["paths"].as_object().unwrap().keys().cloned().collect()
}

fn paths(table: &[(&str, Statuses)]) -> BTreeSet<String> {
    table.iter().map(|(path, _)| (*path).to_owned()).collect()
}

/// Checks that no answer has a secret; returns the statuses if they are others.
fn check(hub: &Agent, path: &str, expected: Statuses) -> Option<String> {
    let viewers = [None, Some(READ), Some(SUMMARY), Some(METRICS)];
    let found = viewers.map(|token| {
        let (status, text) = ask(hub, path, token);
        for secret in [READ, SUMMARY, METRICS, OF_AGENT] {
            assert!(!text.contains(secret), "{path} {token:?}: {secret}");
        }
        for planted in [&*USER.to_string(), PROGRAM, CONTAINER] {
            assert!(token == Some(READ) || !text.contains(planted), "{path} {token:?}: {planted} in {text}");
        }
        status
    });
    (found != expected).then(|| format!("{path}: expected {expected:?}, got {found:?}"))
}

#[test]
fn every_path_shows_each_scope_its_own() {
    let (proc, id) = (Proc::new(), "a".repeat(64));
    proc.process(11, USER, "/user.slice");
    proc.title(11, "planted", &["planted", PROGRAM]);
    proc.process(12, 0, &format!("/docker/{id}"));
    let socket = Played::new(Plays::Engine(BTreeMap::from([(id, Container::Named(CONTAINER))])));
    let listed = [11, 12].map(|pid| format!("[[gpu.process]]\npid = {pid}\ntype = 'C'\nmemory_bytes = 1048576\n"));
    let driver = Driver::new(&format!("[[gpu]]\nname = 'NVIDIA H200'\n{}", listed.concat()));
    let state = proc.root().join("state");
    let agent = Start::on(&driver)
        .argument("--proc-root")
        .argument(proc.root().to_str().unwrap())
        .argument("--container-socket")
        .argument(socket.path().to_str().unwrap())
        .argument("--state-dir")
        .argument(state.to_str().unwrap())
        .argument("--metrics-processes")
        .variable("TOKEN", OF_AGENT)
        .serve()
        .ready();
    let addresses = [agent.address(), without_scopes(agent.address()), original()];
    let (hub, [current, older, original]) = hub_of_hosts(addresses);
    for (host, planted) in [(&current, CONTAINER), (&current, PROGRAM), (&older, CONTAINER), (&older, PROGRAM)] {
        let path = format!("/hosts/{host}/api/v1/snapshot");
        eventually("what is hidden from others", || ask(&hub, &path, Some(READ)).1.contains(planted).then_some(()));
    }
    assert!(ask(&hub, &format!("/hosts/{original}/status"), Some(READ)).1.contains(PROGRAM));

    assert_eq!(documented(&hub, "/openapi.json"), paths(HUB));
    let own = HUB.iter().chain(PAGES).filter_map(|(path, statuses)| check(&hub, path, *statuses));
    let mut wrong: Vec<String> = own.collect();
    assert_eq!(documented(&hub, &format!("/hosts/{current}/openapi.json")), paths(AGENT));
    for (path, statuses) in AGENT.iter().chain(AGENT_PAGES) {
        let sent = match *path {
            "/api/v1/gpus/{gpu}" => "/api/v1/gpus/0",
            "/api/v1/history" => "/api/v1/history?metric=memory.used_bytes",
            other => other,
        };
        // Neither of the others confirms that it hides people.
        let [with_read_only, of_original] = match *path {
            "/api/v1/none" => [[401, 404, 403, 403]; 2],
            "/status" | "/count" => [PEOPLE; 2],
            "/" | "/assets/none.js" => [*statuses; 2],
            _ if *statuses == UNLISTED => [UNLISTED; 2],
            _ => [PEOPLE, [401, 404, 403, 403]],
        };
        for (host, statuses) in [(&current, *statuses), (&older, with_read_only), (&original, of_original)] {
            wrong.extend(check(&hub, &format!("/hosts/{host}{sent}"), statuses));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
