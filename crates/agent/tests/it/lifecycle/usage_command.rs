//! `usage`: the table on the terminal, and how the agent that it asks is found.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    process::Command,
    sync::mpsc,
    thread,
};

use crate::support::{Authority, Driver, PATIENCE, Start, agent_program, python};

/// An answer with a user whose name would clear the terminal, and one whose name is long.
const TWO: &str = r#"{"schema":1,"since":1795910400000,"until":1795996800000,"tz":"UTC","by":["user"],"persistent":false,"people":true,
"note":"There is no state directory: usage is kept in memory.","price_gpu_hour":{"amount":1.2,"currency":"EUR"},"devices":2,
"device_seconds":172800.0,"edge_seconds":0.0,"rows":[
{"user":"b\u001b[2Job","gpu_seconds":36000.0,"present_gpu_seconds":36000.0,"busy_gpu_seconds":27000.0,"idle_gpu_seconds":3600.0,"allocated_gpu_seconds":null,"memory_byte_seconds":1.0,"peak_memory_bytes":1,"energy_joules":7200000.0,"sessions":3},
{"user":"somebody-with-a-name-that-is-too-long-for-most-terminals","gpu_seconds":180.0,"present_gpu_seconds":180.0,"busy_gpu_seconds":0.0,"idle_gpu_seconds":180.0,"allocated_gpu_seconds":null,"memory_byte_seconds":1.0,"peak_memory_bytes":1,"energy_joules":1.0,"sessions":1}],
"free_gpu_seconds":130020.0,"unknown_gpu_seconds":0.0,"unassigned_gpu_seconds":0.0,"unobserved_gpu_seconds":6600.0,"energy_joules":14400000.0}"#;

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn nobody() -> String {
    let (head, rest) = TWO.split_once("\"rows\":[").unwrap();
    ok(&format!("{head}\"rows\":[]{}", rest.split_once(']').unwrap().1))
}

/// A listener that gives one answer to each request, and the heads of the requests.
struct Played {
    address: SocketAddr,
    heads: mpsc::Receiver<String>,
}

impl Played {
    fn new(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, (sender, heads)) = (listener.local_addr().unwrap(), mpsc::channel());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut head = Vec::new();
                let mut part = [0; 1024];
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut part) {
                        Ok(length @ 1..) => head.extend_from_slice(&part[..length]),
                        _ => break,
                    }
                }
                let _ = stream.write_all(answer.as_bytes());
                let _ = sender.send(String::from_utf8_lossy(&head).into_owned());
            }
        });
        Self { address, heads }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Head of the next request.
    fn head(&self) -> String {
        self.heads.recv_timeout(PATIENCE).unwrap()
    }

    /// Token of the next request.
    fn token(&self) -> Option<String> {
        let head = self.head();
        head.lines().find_map(|line| line.strip_prefix("Authorization: Bearer ").map(str::to_owned))
    }
}

fn usage(words: &[&str]) -> Start {
    words.iter().fold(Start::bare().argument("usage").variable("TZ", "UTC"), |start, word| start.argument(word))
}

/// Runs it: status, standard output, standard error.
fn done(start: Start) -> (i32, String, String) {
    let (status, out, error) = start.finish();
    (status.code().unwrap(), out, error)
}

#[test]
fn usage_table_in_a_pipe_is_plain_and_whole() {
    let agent = Played::new(ok(TWO));
    let (status, out, error) = done(usage(&["--url", &agent.url(), "--since", "-1d", "--by", "user"]));
    assert_eq!((status, error.as_str()), (0, ""), "{out}");
    let head = agent.head();
    assert!(head.starts_with("GET /api/v1/usage?since=-1d&by=user HTTP/1.1\r\n"), "{head}");
    assert!(!head.contains("Authorization"), "{head}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "GPU usage from 2026-11-29 00:00 to 2026-11-30 00:00 (UTC), 2 devices");
    let titles: Vec<&str> = lines[2].split_whitespace().collect();
    assert_eq!(titles, ["USER", "GPU-HOURS", "SHARE", "BUSY", "IDLE", "H", "KWH", "EUR", "SESSIONS"]);
    let cells: Vec<&str> = lines[3].split_whitespace().collect();
    assert_eq!(cells, ["b\\x1b[2Job", "10.00", "20.8%", "75%", "1.00", "2.00", "12.00", "3"]);
    assert!(lines[4].starts_with("somebody-with-a-name-that-is-too-long-for-most-terminals  "), "{out}");
    assert!(out.ends_with("usage is kept in memory.\n") && !out.contains('\x1b'), "{out}");
    let coloured = done(usage(&["--url", &agent.url(), "--color", "always"])).1;
    assert!(coloured.contains("\x1b[1m") && !coloured.contains("\x1b[2J"), "{coloured:?}");
}

#[test]
fn usage_json_and_csv_are_the_answer_itself() {
    for (option, body) in [("--json", TWO), ("--csv", "user,gpu_seconds\r\n\"a\u{9b}\",1\r\n")] {
        let agent = Played::new(ok(body));
        let (status, out, error) = done(usage(&[option, "--url", &agent.url()]));
        assert_eq!((status, out.trim_end_matches('\n'), error.as_str()), (0, body.trim_end_matches('\n'), ""));
        assert_eq!(agent.head().contains("?format=csv "), option == "--csv");
    }
}

#[test]
fn usage_options_reach_agent_as_they_are() {
    let agent = Played::new(nobody());
    let words =
        ["--user", "a,b c&d", "--user", "é\n", "--gpu", "0,GPU-1", "--until", "2026-11-30T10:00", "--by", "day,user"];
    let words: Vec<&str> = words.into_iter().chain(["--url"]).collect();
    let url = agent.url() + "/a/b/";
    done(usage(&words).argument(&url));
    let head = agent.head();
    let line = head.lines().next().unwrap();
    for part in [
        "/a/b/api/v1/usage?",
        "user=a,b%20c%26d&user=%C3%A9%0A",
        "gpu=0,GPU-1",
        "until=2026-11-30T10:00",
        "by=day,user",
        "tz=UTC",
    ] {
        assert!(line.contains(part), "{line} lacks {part}");
    }
}

#[test]
fn usage_exit_status_tells_nothing_wrong_and_unreachable_apart() {
    // A free port might be bound by another test meanwhile; nobody serves tcpmux.
    let closed = "http://127.0.0.1:1";
    let problem = |status: &str, detail: &str| {
        let body = format!(r#"{{"type":"about:blank","title":"x","detail":"{detail}"}}"#);
        ok(&body).replacen("200 OK", status, 1)
    };
    let empty_csv = ok("user,gpu_seconds\r\n");
    for (answer, words, status, parts) in [
        (nobody(), &[][..], 1, &["Nobody used a GPU from", "36.12 free"][..]),
        (nobody(), &["--user", "zoe"], 1, &["None of these users used a GPU"]),
        (nobody(), &["--json"], 1, &["\"rows\":[]"]),
        (empty_csv, &["--csv"], 1, &["user,gpu_seconds"]),
        (problem("400 Bad Request", "The parameter by=x is unknown."), &["--by", "x"], 2, &["by=x is unknown"]),
        (problem("401 Unauthorized", ""), &[], 3, &["requires a token", "NVSMI_TOKEN", "--send-token-file"]),
        (problem("403 Forbidden", "Totals only."), &[], 3, &["403: Totals only", "scope read"]),
        (problem("404 Not Found", "Usage is not kept"), &[], 3, &["Usage is not kept", "usage is off"]),
        (problem("503 Service Unavailable", "It took too long."), &[], 3, &["503: It took too long"]),
        (ok("<html>"), &[], 3, &["expected the usage", "got something else"]),
        ("SSH-2.0-x\r\n".into(), &[], 3, &["expected the answer of an agent"]),
        (String::new(), &["--url", closed], 3, &["no agent listens", "--url"]),
        (String::new(), &["--url", "ftp://x"], 2, &["http, https or unix"]),
        (String::new(), &["--since"], 2, &["--since"]),
        (String::new(), &["--csv", "--json"], 2, &["--csv"]),
        (String::new(), &["--tz", "Mars"], 2, &["time zone", "Mars"]),
        (String::new(), &["--token-file", "x"], 2, &["--send-token-file"]),
        (String::new(), &["--send-token-file", "/none"], 2, &["/none", "one token"]),
        (String::new(), &["--config", "/none", "--url", "lab"], 2, &["/none"]),
    ] {
        let agent = Played::new(answer);
        let start = usage(words).variable("NVSMI_URL", &agent.url());
        let (found, out, error) = done(start);
        let said = format!("{out}{error}");
        assert_eq!(found, status, "{words:?}: {said}");
        assert!(error.lines().count() <= 1 && (status == 1) == error.is_empty(), "{words:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{words:?}: {said:?} lacks {part:?}");
        }
    }
}

#[test]
fn usage_never_takes_token_to_where_a_redirect_leads() {
    let other = Played::new(ok(TWO));
    let answer = format!("HTTP/1.1 302 Found\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n", other.url());
    let agent = Played::new(answer);
    let (status, _, error) = done(usage(&["--url", &agent.url()]).variable("NVSMI_TOKEN", "hush"));
    assert!(status == 3 && error.contains(&other.url()) && error.contains("not followed"), "{error}");
    assert_eq!(agent.token().as_deref(), Some("hush"));
    assert!(other.heads.try_recv().is_err());
}

#[test]
fn targets_of_configuration_get_their_own_token_only() {
    let [lab, gpu01] = [(); 2].map(|()| Played::new(ok(TWO)));
    let config = format!(
        "default = 'lab'\n[targets.lab]\nurl = '{}'\ntoken = 'of-lab'\n[targets.gpu01]\nurl = '{}'\n",
        lab.url(),
        gpu01.url()
    );
    let start = |words: &[&str], mode: u32| {
        let start = usage(words).file("empty", "");
        let folder = start.work().join("nvidia-smi-web-agent");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("config.toml"), &config).unwrap();
        fs::set_permissions(folder.join("config.toml"), fs::Permissions::from_mode(mode)).unwrap();
        let home = start.work().display().to_string();
        // The service's own token is for the service of this host alone.
        start.variable("XDG_CONFIG_HOME", &home).variable("TOKEN", "of-service")
    };
    for (words, token) in [(&[][..], None), (&["--url", "lab"], Some("of-environment"))] {
        let start = start(words, 0o600);
        let start = if let Some(token) = token { start.variable("NVSMI_TOKEN", token) } else { start };
        let (status, _, error) = done(start);
        assert_eq!((status, error.as_str()), (0, ""));
        assert_eq!(lab.token().as_deref(), Some("of-lab"), "its own token before that of the environment");
    }
    assert_eq!(done(start(&["--url", "gpu01"], 0o600)).0, 0);
    assert_eq!(gpu01.token(), None);
    assert_eq!(done(start(&["--url", "gpu01"], 0o600).variable("NVSMI_TOKEN", "of-environment")).0, 0);
    assert_eq!(gpu01.token().as_deref(), Some("of-environment"));
    let (status, _, error) = done(start(&[], 0o644));
    assert!(status == 0 && error.contains("chmod 600") && !error.contains("of-lab"), "{error}");
    assert!(lab.token().is_some());
    // An address in a variable comes before the default, and needs no file.
    let (status, ..) = done(start(&[], 0o600).variable("NVSMI_URL", &gpu01.url()));
    assert_eq!((status, gpu01.token()), (0, None));
    // A file that was not named may be missing.
    let (status, _, error) = done(usage(&["--url", &gpu01.url()]).variable("XDG_CONFIG_HOME", "/nonexistent"));
    assert_eq!((status, error.as_str()), (0, ""));
}

#[test]
fn usage_fits_the_terminal() {
    let agent = Played::new(ok(TWO));
    let python = python();
    for columns in [40, 60, 80, 200] {
        let output = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/on-terminal"))
            .args([&columns.to_string(), "30", "20"])
            .arg(agent_program())
            .args(["usage", "--url", &agent.url()])
            .env("TZ", "UTC")
            .output()
            .unwrap();
        let screen = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{screen}");
        let rows: Vec<&str> = screen.lines().collect();
        let at = rows.iter().position(|line| line.starts_with("USER")).expect("the titles");
        // No line is wrapped: the name, the hours, and what else there is room for.
        assert!(rows[at + 1].starts_with("b\\x1b[2Job") && rows[at + 1].contains("10.00"), "{columns}:\n{screen}");
        assert!(rows[at + 2].starts_with("someb") && rows[at + 2].contains("0.05"), "{columns}:\n{screen}");
        assert!(rows[at + 3].starts_with("-----"), "{columns}:\n{screen}");
        assert_eq!(rows[at].contains("SESSIONS"), columns >= 80, "{columns}:\n{screen}");
        assert_eq!(rows[at + 2].contains('…'), columns < 200, "{columns}:\n{screen}");
    }
}

#[test]
fn usage_asks_over_tls_and_sockets() {
    let (driver, authority) = (Driver::new("[[gpu]]\nname = 'NVIDIA H200'\n"), Authority::new());
    let pair = authority.pair("own", "ec");
    let [certificate, key, ca] =
        [&pair.certificate, &pair.key, &authority.certificate()].map(|path| path.display().to_string());
    let start = Start::on(&driver).argument("--tls-cert").argument(&certificate).argument("--tls-key").argument(&key);
    let socket = start.work().join("agent.sock").display().to_string();
    let agent =
        start.variable("TOKEN", "right").argument("--bind").argument(&format!("127.0.0.1,unix:{socket}")).serve();
    let port = agent.address().port();
    let answered = |words: &[&str], variables: &[(&str, &str)]| {
        let start = variables.iter().fold(usage(words), |start, (name, value)| start.variable(name, value));
        let (status, out, error) = done(start);
        assert_eq!(status, 1, "{words:?}: {out}{error}");
        assert!(out.starts_with("Nobody used a GPU"), "{out}");
    };
    let [by_name, by_address] = ["localhost", "127.0.0.1"].map(|host| format!("https://{host}:{port}"));
    for url in [&by_name, &by_address] {
        answered(&["--url", url], &[("SSL_CERT_FILE", &ca), ("NVSMI_TOKEN", "right")]);
    }
    answered(&["--url", &format!("unix:{socket}")], &[("NVSMI_TOKEN", "right")]);
    // This host's agent, as `health` finds it.
    let port = port.to_string();
    answered(&[], &[("PORT", &port), ("NVSMI_TLS_CERT", &certificate), ("TOKEN", "right")]);
    for (variables, part) in [
        (&[("SSL_CERT_FILE", "/none")][..], "cannot read the authorities in /none"),
        (&[("SSL_CERT_FILE", &*key)], "expected certificates"),
        (&[("SSL_CERT_FILE", &*ca), ("NVSMI_TOKEN", "wrong")], "another token"),
    ] {
        let start =
            variables.iter().fold(usage(&["--url", &by_name]), |start, (name, value)| start.variable(name, value));
        let (status, out, error) = done(start);
        assert!((status == 2 || status == 3) && error.contains(part), "{status} {out}{error}");
    }
    let other = Authority::new();
    let (status, _, error) =
        done(usage(&["--url", &by_name]).variable("SSL_CERT_FILE", other.certificate().to_str().unwrap()));
    assert!(status == 3 && error.contains("cannot authenticate") && error.contains("ca_file"), "{error}");
}
