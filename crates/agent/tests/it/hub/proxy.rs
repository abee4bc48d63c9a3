//! The hub's proxy to real agents: scopes of viewers, one that does not know of scopes, and the audit log.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    thread,
};

use super::{hub, name};
use crate::support::{Agent, Driver, StandIn, Start, eventually};

pub(super) const READ: &str = "reads-everything-there-is";
pub(super) const SUMMARY: &str = "sees-a-summary-only";
pub(super) const METRICS: &str = "scrapes-and-no-more";
pub(super) const OF_AGENT: &str = "the-agents-own-token";
const PLANTED: &str = "planted-argument";
/// Paths of an agent that answer, and end.
const PATHS: [&str; 13] = [
    "status",
    "count",
    "metrics",
    "openapi.json",
    "api/v1/snapshot",
    "api/v1/gpus",
    "api/v1/gpus/0",
    "api/v1/processes",
    "api/v1/users",
    "api/v1/summary",
    "api/v1/summary.txt",
    "api/v1/events",
    "api/v1/find",
];

/// A host in front of an agent that knows neither scopes of requests nor streams of summaries, as agents of earlier
/// releases: it leaves the header out.
pub(super) fn without_scopes(agent: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let kept = head.split_inclusive("\r\n").filter(|line| !line.starts_with("nvsmi-scope"));
                if head.starts_with("GET /api/v1/stream?view=") {
                    let _ =
                        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    return;
                }
                let kept: String = kept.collect::<String>().replacen("\r\n", "\r\nconnection: close\r\n", 1);
                let mut behind = TcpStream::connect(agent).unwrap();
                behind.write_all(kept.as_bytes()).unwrap();
                let _ = std::io::copy(&mut behind, &mut stream);
            });
        }
    });
    address
}

/// A hub with tokens for viewers, in front of this agent and of the same without scopes.
fn hub_with_tokens(agent: &Agent) -> (Agent, [String; 2]) {
    hub_of_hosts([agent.address(), without_scopes(agent.address())])
}

/// A hub with tokens for viewers, which sees these hosts; and their names.
pub(super) fn hub_of_hosts<const N: usize>(addresses: [SocketAddr; N]) -> (Agent, [String; N]) {
    let hosts = addresses.map(name);
    let tokens = format!("alice read {READ}\nboard summary {SUMMARY}\nscraper metrics {METRICS}\n");
    let start = hub(&format!("static:{}", hosts.join(",")));
    let start = start.file("tokens", &tokens).file("of-agents", &format!("127.0.0.0/8 {OF_AGENT}\n"));
    let [viewers, agents] = ["tokens", "of-agents"].map(|file| start.work().join(file));
    for file in [&viewers, &agents] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let start = start.argument("--token-file").argument(viewers.to_str().unwrap());
    let hub = start.argument("--agent-token-file").argument(agents.to_str().unwrap()).serve();
    eventually("the hosts", || {
        let fleet = hub.request("/api/v1/fleet", &[("Authorization", READ)]).json();
        let rows = fleet["hosts"].as_array().unwrap();
        (rows.len() == N && rows.iter().all(|row| row["state"] == "ok")).then_some(())
    });
    (hub, hosts)
}

#[test]
fn viewers_see_no_more_through_the_hub_than_their_scope() {
    let process = StandIn::start(&["planted-name", PLANTED]);
    let row = format!("[[gpu.process]]\npid = {}\ntype = 'C'\nmemory_bytes = 2147483648\n", process.pid());
    let driver = Driver::new(&format!("[[gpu]]\nname = 'NVIDIA H200'\n{row}"));
    let agent = Start::on(&driver).variable("TOKEN", OF_AGENT).serve().ready();
    let (hub, [current, older]) = hub_with_tokens(&agent);
    let ask = |host: &str, path: &str, token: &str| {
        hub.request(&format!("/hosts/{host}/{path}"), &[("Authorization", &format!("Bearer {token}"))])
    };
    for host in [&current, &older] {
        eventually("the process", || ask(host, "status", READ).text().contains(PLANTED).then_some(()));
    }
    for path in PATHS {
        for (host, token) in [(&current, SUMMARY), (&current, METRICS), (&older, SUMMARY), (&older, METRICS)] {
            let answer = ask(host, path, token);
            let is_theirs = host == &current && (path == "metrics" || token == SUMMARY && path != "api/v1/users");
            assert_eq!(answer.status, if is_theirs { 200 } else { 403 }, "{host} {path} {token}: {}", answer.text());
            for planted in ["planted-name", PLANTED, &format!("\"pid\":{}", process.pid())] {
                assert!(!answer.text().contains(planted), "{host} {path} {token}");
            }
            let policy = answer.header("content-security-policy").unwrap();
            assert_eq!(policy.starts_with("sandbox"), is_theirs, "{policy}");
        }
        assert_eq!(ask(&older, path, READ).status, 200, "{path}");
        // A client can lower its own scope.
        let address = format!("/hosts/{older}/{path}");
        let lowered = hub.request(&address, &[("Authorization", READ), ("NVSMI-Scope", "summary")]);
        assert_eq!(lowered.status, 403, "{path}");
        assert_eq!(hub.get(&address).status, 401, "{path}");
    }
    assert_eq!(agent.request("/count", &[("Authorization", READ)]).status, 401, "viewers' tokens are the hub's alone");
}

#[test]
fn proxied_requests_are_in_the_log_of_the_hub() {
    let driver = Driver::new("[[gpu]]\nname = 'NVIDIA H200'\n");
    let agent = Start::on(&driver).variable("TOKEN", OF_AGENT).serve().ready();
    let (hub, [host, _]) = hub_with_tokens(&agent);
    let path = format!("/hosts/{host}/api/v1/processes?user=alice&gpu=0");
    assert_eq!(hub.request(&path, &[("Authorization", READ)]).status, 200);
    let path = format!("/hosts/{host}/api/v1/processes?…&gpu=0");
    hub.logged(&format!(r#"who="alice" host="{host}" method="GET" path="{path}" status=200 microseconds="#));
    assert_eq!(hub.request(&format!("/hosts/{host}/../count"), &[("Authorization", SUMMARY)]).status, 400);
    hub.logged(r#"who="board" host="-" method="GET""#);
    let log = hub.log();
    for secret in [READ, SUMMARY, OF_AGENT, "user=alice"] {
        assert!(!log.contains(secret), "{log}");
    }
}
