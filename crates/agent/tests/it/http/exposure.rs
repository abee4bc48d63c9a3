//! Access to the agent: tokens, listeners, the access log.

use std::{
    fs,
    io::{BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    http::stream::Stream,
    support::{Agent, Driver, StandIn, Start, agent_program, answer, eventually, get, raw},
};

/// Delay of a wrong token once its address has used up its burst.
const WAIT: Duration = Duration::from_secs(1);
const READ: &str = "reads-everything-there-is";
const SUMMARY: &str = "sees-a-summary-only";
const METRICS: &str = "scrapes-and-no-more";
const PLANTED: &str = "planted-argument";

fn tokens() -> String {
    format!("# name scope token\nalice read {READ}\nboard summary {SUMMARY}\nprometheus metrics {METRICS}\n")
}

/// A host with one process, which has a name and an argument that can be looked for.
fn host() -> (Driver, StandIn) {
    let process = StandIn::start(&["planted-name", PLANTED]);
    let row = format!("[[gpu.process]]\npid = {}\ntype = 'C'\nmemory_bytes = 2147483648\n", process.pid());
    (Driver::new(&format!("[[gpu]]\nname = 'NVIDIA H200'\n{row}")), process)
}

fn with_tokens(driver: &Driver) -> (Start, std::path::PathBuf) {
    let start = Start::on(driver).file("tokens", &tokens());
    let file = start.work().join("tokens");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let start = start.variable("NVSMI_TOKEN_FILE", file.to_str().unwrap());
    (start, file)
}

fn status(agent: &Agent, path: &str, token: &str) -> u16 {
    agent.request(path, &[("Authorization", token)]).status
}

#[test]
fn token_grants_its_scope() {
    let (driver, process) = host();
    let agent = with_tokens(&driver).0.serve().ready();
    let told = |token: &str| {
        ["/status", "/api/v1/snapshot", "/api/v1/processes", "/api/v1/events"]
            .map(|path| agent.request(path, &[("Authorization", token)]).text().to_owned())
            .concat()
    };
    let pid = process.pid().to_string();
    eventually("the process", || told(READ).contains(PLANTED).then_some(()));
    assert!(told(READ).contains(&format!("\"pid\":{pid},")));
    for token in [SUMMARY, METRICS, "", "wrong"] {
        let told = told(token);
        for planted in ["planted-name", PLANTED, &format!("\"pid\":{pid},")] {
            assert!(!told.contains(planted), "{token:?} sees {planted}: {told}");
        }
    }
    for (token, expected) in [(READ, [200, 200]), (SUMMARY, [200, 403]), (METRICS, [403, 403]), ("wrong", [401, 401])] {
        assert_eq!(["/status", "/api/v1/users"].map(|path| status(&agent, path, token)), expected, "{token}");
    }
    assert_eq!(agent.get("/count").status, 401, "a file of tokens closes the door");
}

#[test]
fn token_revoked_while_running() {
    let (driver, _process) = host();
    let (start, file) = with_tokens(&driver);
    let agent = start.serve().ready();
    let open = |token: &str| Stream::open(agent.address(), "/api/v1/stream", &format!("Authorization: {token}\r\n")).0;
    let (mut kept, mut taken) = (open(READ), open(SUMMARY));
    kept.next().unwrap();
    taken.next().unwrap();
    let change = |text: &str| fs::write(&file, text).unwrap();
    let logged = |what: &str| eventually(what, || agent.log().contains(what).then_some(()));
    change("alice read\n");
    logged("got 2 parts");
    assert_eq!(status(&agent, "/status", SUMMARY), 200, "what cannot be understood changes nothing");
    fs::remove_file(&file).unwrap();
    logged("cannot read the token file");
    assert_eq!(status(&agent, "/status", SUMMARY), 200);
    change(&format!("alice read {READ}\nbob read of-bob-and-of-nobody-else\n"));
    while taken.next().is_some() {}
    assert_eq!(status(&agent, "/status", SUMMARY), 401);
    assert_eq!(status(&agent, "/status", "Bearer of-bob-and-of-nobody-else"), 200);
    kept.next().expect("another's stream goes on");
    change("# nobody any more\n");
    while kept.next().is_some() {}
    assert_eq!(status(&agent, "/status", READ), 401);
}

#[test]
fn token_never_visible() {
    let (driver, _process) = host();
    let (start, _) = with_tokens(&driver);
    let start = start.variable("TOKEN", "of-the-environment");
    let agent = start.argument("--log=debug").argument("--access-log=json").serve().ready();
    let secrets = [READ, SUMMARY, METRICS, "of-the-environment"];
    for secret in secrets {
        for path in ["/status".into(), format!("/status?token={secret}"), format!("/{secret}?idx={secret}")] {
            let told = agent.request(&path, &[("Authorization", &format!("Bearer {secret}"))]);
            assert!(!told.text().contains(secret), "{path}: {}", told.text());
        }
    }
    raw(agent.address(), format!("GET /{READ}\0 HTTP/1.1\r\nAuthorization: {READ}\r\n\r\n").as_bytes()).unwrap();
    // A wrong one may be a right one that was mistyped.
    agent.request("/status", &[("Authorization", "presented-and-wrong")]);
    eventually("the last line", || agent.log().contains("(wrong token)").then_some(()));
    for secret in secrets.into_iter().chain(["presented-and-wrong"]) {
        assert!(!agent.log().contains(secret), "{secret}: {}", agent.log());
    }
    let lists = [agent.pid(), agent.collectors()[0]].map(|pid| fs::read(format!("/proc/{pid}/cmdline")).unwrap());
    let collector = fs::read(format!("/proc/{}/environ", agent.collectors()[0])).unwrap();
    for place in lists.into_iter().chain([collector]) {
        let place = String::from_utf8_lossy(&place).into_owned();
        assert!(secrets.iter().all(|secret| !place.contains(secret)) && !place.contains("TOKEN"), "{place}");
    }
}

fn refused(start: Start, parts: &[&str]) {
    let (status, _, error) = start.finish();
    assert_eq!((status.code(), error.trim_end().lines().count()), (Some(2), 1), "{error}");
    for part in parts {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
    assert!(!error.contains("0123456789abcdef"), "{error}");
}

#[test]
fn configuration_mistake_never_opens_api() {
    let file = |content: &str| Start::bare().file("tokens", content).argument("--token-file=tokens");
    refused(Start::bare().argument("--token-file=/no/such"), &["/no/such", "cannot read the token file", "can read"]);
    refused(file(""), &["tokens", "has no token", "a name, a scope"]);
    refused(file("# x\na all 0123456789abcdef\n"), &["tokens", "line 2", "invalid scope", "read, summary or metrics"]);
    refused(file("a read 0123456789abcde\n"), &["line 1", "openssl rand -hex 24"]);
    refused(file("a read 0123456789abcdef\n").variable("TOKEN", "0123456789abcdef"), &["\"a\"", "same token as TOKEN"]);
    refused(Start::bare().argument("--anonymous=none"), &["--anonymous none", "TOKEN or --token-file"]);
    let names_people = Start::bare().argument("--metrics-users").argument("--anonymous=metrics");
    refused(names_people, &["--metrics-users names people", "token of the scope metrics"]);
    for usage in ["--usage=totals", "--usage=off"] {
        refused(Start::bare().argument("--metrics-users").argument(usage), &["--metrics-users", "--usage people"]);
    }
    refused(Start::bare().argument("--anonymous=all"), &["all", "metrics, summary, read", "NVSMI_ANONYMOUS"]);
    refused(Start::bare().argument("--cors-origins=*"), &["'*'", "--cors-origins", "https://"]);
    refused(Start::bare().argument("--allowed-hosts=a:80"), &["a:80", "--allowed-hosts", "port"]);
    refused(Start::bare().argument("--bind=127.0.0.1,127.0.0.1"), &["--bind", "127.0.0.1:8000", "twice"]);
    refused(Start::bare().argument("--bind=unix:/tmp/x,mode=rw"), &["\"rw\"", "0660"]);
}

#[test]
fn anonymous_scope_is_as_configured() {
    let (driver, _process) = host();
    for (anonymous, expected) in
        [("none", [401, 401]), ("metrics", [401, 401]), ("summary", [200, 401]), ("read", [200, 200])]
    {
        let start = with_tokens(&driver).0.argument("--anonymous").argument(anonymous);
        let agent = start.serve().ready();
        assert_eq!(["/status", "/api/v1/users"].map(|path| agent.get(path).status), expected, "{anonymous}");
        assert_eq!(status(&agent, "/status", "wrong"), 401, "{anonymous}");
        let open = agent.log().contains("--anonymous read is set: the API is open to public access");
        assert_eq!(open, anonymous == "read", "{}", agent.log());
    }
}

#[test]
fn token_valid_passes_while_invalid_ones_wait() {
    let (driver, _process) = host();
    let agent = with_tokens(&driver).0.serve().ready();
    // All that the address has to spare is spent.
    let wrong = b"GET /count HTTP/1.1\r\nHost: localhost\r\nAuthorization: wrong\r\n\r\n";
    let mut guesses: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(agent.address()).unwrap();
            stream.write_all(wrong).unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(status(&agent, "/count", READ), 200);
    }
    // How many are refused at once depends on how fast they came.
    for stream in guesses.drain(..) {
        assert_eq!(answer(&mut BufReader::new(stream), true).unwrap().status, 401);
    }
}

#[test]
fn token_invalid_waits_valid_does_not() {
    let (driver, _process) = host();
    let agent = with_tokens(&driver).0.serve().ready();
    let took = |token: &str| {
        let begun = Instant::now();
        status(&agent, "/count", token);
        begun.elapsed()
    };
    // What an address has to spare is soon spent.
    let waited = (0..100).find(|_| took("wrong-and-nobodys") >= WAIT);
    assert!(waited.is_some(), "no wrong token waited");
    let right = (0..20).map(|_| took(READ)).min().unwrap();
    assert!(right < WAIT, "{right:?}");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn over_unix(path: &Path, request: &str) -> Result<u16, std::io::Error> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(format!("GET {request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
    Ok(answer(&mut BufReader::new(stream), true)?.status)
}

#[test]
fn listeners_on_every_configured_address() {
    let (driver, _process) = host();
    let start = Start::on(&driver);
    let socket = start.work().join("gpu.sock");
    // A dead agent's file is taken over.
    drop(UnixListener::bind(&socket).unwrap());
    let (own, port) = (free_port(), free_port());
    let places = format!("127.0.0.1,[::1]:{port},unix:{},mode=0606", socket.display());
    let mut agent = start.argument("--bind").argument(&places).argument("--bind=127.0.0.2").serve_on(own).ready();
    let sixth: SocketAddr = format!("[::1]:{port}").parse().unwrap();
    assert_eq!(get(sixth, "/count").status, 200);
    assert_eq!(get(SocketAddr::from(([127, 0, 0, 2], own)), "/count").status, 200);
    assert_eq!(over_unix(&socket, "/count").unwrap(), 200);
    let file = fs::symlink_metadata(&socket).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o606);
    for url in
        [format!("http://[::1]:{port}/"), format!("http://127.0.0.2:{own}/"), format!("unix:{}", socket.display())]
    {
        agent.logged(&url);
    }
    let (status, _, error) = Start::on(&driver).argument(&format!("--bind=unix:{}", socket.display())).finish();
    assert_eq!(status.code(), Some(1), "it may end");
    assert!(error.contains("another agent listens") && error.contains("--bind"), "{error}");
    agent.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(agent.ended().code(), Some(0));
    assert!(!socket.exists(), "the file goes with its agent");
}

#[test]
fn host_header_checked_on_open_local_agent() {
    let (driver, _process) = host();
    let agent = Start::on(&driver).argument("--allowed-hosts=gpu01.lan").serve().ready();
    let asked = |host: &str| {
        raw(agent.address(), format!("GET /count HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
            .unwrap()
    };
    for (host, expected) in [("localhost:9", 200), ("gpu01.lan:8000", 200), ("127.0.0.1", 200), ("evil.example", 421)] {
        assert_eq!(asked(host).status, expected, "{host}");
    }
    assert!(asked("evil.example").text().contains("--allowed-hosts"));
    // Anybody may come to one that listens for all, by any name, unless names are given.
    let count = |agent: &Agent, host: &str| {
        let request = format!("GET /count HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        raw(agent.address(), request.as_bytes()).unwrap().status
    };
    let wide = Start::on(&driver).argument("--bind=0.0.0.0").serve();
    assert_ne!(count(&wide, "evil.example"), 421);
    let named = Start::on(&driver).argument("--bind=0.0.0.0").argument("--allowed-hosts=agent").serve();
    assert_eq!(count(&named, "evil.example"), 421);
    assert_ne!(count(&named, "agent:8000"), 421);
    assert!(!named.log().contains("--allowed-hosts has no effect"), "{}", named.log());
    let closed = Start::on(&driver).variable("TOKEN", "a-token-of-this-test").argument("--allowed-hosts=agent").serve();
    closed.logged("--allowed-hosts has no effect");
}

#[test]
fn exposure_wider_than_meant_is_warned_of() {
    let (driver, _process) = host();
    let (start, file) = with_tokens(&driver);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let agent = start.variable("TOKEN", "short").argument("--bind=0.0.0.0,127.0.0.1:1024").serve();
    let log = agent.log();
    for part in [
        "tokens cross the network unencrypted to 0.0.0.0:",
        "--tls-cert",
        "every account of this host can read the token file",
        "chmod o=",
        "TOKEN has fewer than 16 characters",
    ] {
        assert!(log.contains(part), "{log} lacks {part:?}");
    }
    assert!(!log.contains("open to public access"), "{log}");
    let spaced = Start::on(&driver).variable("TOKEN", "long-enough-and-with-a-space ").serve();
    spaced.logged("no client can send");
    let quiet = with_tokens(&driver).0.serve();
    assert!(!quiet.log().contains("WARN"), "{}", quiet.log());
    let wide = Start::on(&driver).argument("--bind=0.0.0.0").serve();
    wide.logged("to everyone who can reach this host");
}

/// The lines of the access log, in JSON.
fn lines(agent: &Agent) -> Vec<Value> {
    agent.log().lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn access_log_has_a_line_per_request() {
    let (driver, _process) = host();
    let agent = with_tokens(&driver).0.argument("--access-log=json").serve();
    for (path, token) in [("/status?idx=0&user=alice", SUMMARY), ("/metrics?set=fleet", "wrong"), ("/healthz", "")] {
        agent.request(path, &[("Authorization", token), ("X-Forwarded-For", "198.51.100.1")]);
    }
    eventually("three lines", || (lines(&agent).len() == 3).then_some(()));
    let log = lines(&agent);
    for (line, (who, path, status)) in log.iter().zip([
        ("board", "/status?idx=0&…", &[200, 500][..]),
        ("(wrong token)", "/metrics?set=fleet", &[401]),
        ("-", "/healthz", &[200]),
    ]) {
        assert_eq!((line["who"].as_str(), line["path"].as_str()), (Some(who), Some(path)), "{line}");
        assert!(status.contains(&line["status"].as_i64().unwrap()), "{line}");
        assert!(line["from"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
        assert!(line["bytes"].is_u64() && line["microseconds"].is_u64() && line["method"] == "GET", "{line}");
        assert!(line["timestamp"].is_string(), "{line}");
    }
    assert!(!agent.log().contains("198.51.100.1") && !agent.log().contains("alice"), "{}", agent.log());
    let text = with_tokens(&driver).0.argument("--access-log=text").serve();
    text.get("/healthz");
    eventually("a line", || text.log().contains("path=\"/healthz\" status=200").then_some(()));
    let off = with_tokens(&driver).0.argument("--log=debug").serve();
    off.get("/healthz");
    assert!(!off.log().contains("/healthz"), "{}", off.log());
}

#[test]
fn check_lists_access_without_tokens() {
    let (driver, _process) = host();
    let (start, _) = with_tokens(&driver);
    let port = free_port();
    let start = start.argument("--bind=127.0.0.1,127.0.0.2").argument(&format!("--port={port}"));
    let (status, out, error) = start.variable("TOKEN", "of-the-environment").argument("check").finish();
    assert_eq!(status.code(), Some(0), "{out}{error}");
    for part in [
        "tokens                 TOKEN (read), alice (read), board (summary), prometheus (metrics)",
        &format!("listening              127.0.0.1:{port} is free"),
        &format!("listening              127.0.0.2:{port} is free"),
        "token-file",
    ] {
        assert!(out.contains(part), "{out} lacks {part:?}");
    }
    for secret in [READ, SUMMARY, METRICS, "of-the-environment"] {
        assert!(!out.contains(secret) && !error.contains(secret), "{out}{error}");
    }
}

/// Lets another account read and write in a folder.
fn open_up(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o777)).unwrap();
    }
}

#[test]
fn unprivileged_agent_serves_and_check_lists_missing_rights() {
    let (driver, process) = host();
    let dev = driver.folder().join("dev");
    fs::create_dir(&dev).unwrap();
    let program = driver.folder().join("agent");
    fs::copy(agent_program(), &program).unwrap();
    open_up(driver.folder());
    for (name, mode) in [("nvidiactl", 0o666), ("nvidia0", 0o600), ("nvidia-uvm", 0o600)] {
        fs::write(dev.join(name), "").unwrap();
        fs::set_permissions(dev.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let scenario = fs::read_to_string(driver.scenario()).unwrap();
    let denied = "[[fault]]\nfunction = 'nvmlDeviceGetPowerUsage'\ncode = 4\n";
    driver.play(&format!("{scenario}{denied}"));
    fs::set_permissions(driver.scenario(), fs::Permissions::from_mode(0o666)).unwrap();
    let start = || {
        let start = Start::on(&driver).instead_of_the_agent(&program);
        if !nix::unistd::getuid().is_root() {
            return start;
        }
        open_up(&start.work());
        start.through(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"])
    };
    let check =
        start().argument("check").argument("--bind=127.0.0.1").argument("--dev-root").argument(dev.to_str().unwrap());
    let (_, out, error) = check.argument(&format!("--port={}", free_port())).finish();
    for part in [
        "account                ",
        "nvidia0 (which is not a device), so the GPU cannot be read",
        "its mode is 0600",
        "denies this account power.draw_watts",
    ] {
        assert!(out.contains(part), "{out}{error} lacks {part:?}");
    }
    assert!(
        !out.contains("nvidiactl") && !out.contains("nvidia-uvm") && !out.contains("account                root"),
        "{out}"
    );
    let agent = start().variable("TOKEN", "of-the-environment").argument("--anonymous=read").serve().ready();
    assert_eq!(agent.status()["count"], 1);
    agent.until("the process", |data| {
        data["processes"][0]["command"].as_str().is_some_and(|line| line.contains(PLANTED))
    });
    // The account that it shares with the driver's library may not look into it.
    if nix::unistd::getuid().is_root() {
        for (pid, secret) in [(agent.pid(), true), (agent.collectors()[0], false)] {
            let mut look = Command::new("setpriv");
            look.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--", "cat"]);
            let output = look.arg(format!("/proc/{pid}/environ")).output().unwrap();
            assert_eq!(output.status.success(), !secret, "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    for pid in [agent.pid(), agent.collectors()[0]] {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
        assert!(ids.split_whitespace().all(|id| id != "0"), "{ids}");
    }
    drop(process);
}
