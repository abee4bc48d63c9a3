//! `health`: what container engines, cron, Nagios and Slurm ask.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
    thread,
};

use crate::support::{Agent, Authority, Driver, PATIENCE, Start, eventually};

const WELL: &str = "[[gpu]]\nname = 'NVIDIA H200'\nmemory_total_bytes = 1048576000\nmemory_used_bytes = 0\n";
const WORN: &str = "[[gpu]]\nname = 'NVIDIA L4'\nremapped_correctable = 1\nremapped_uncorrectable = 0\nremapped_pending = true\nremapped_failed = false\n";

/// Runs `health` for the agent on this port: its status and what it said, all of it on standard output.
fn health(port: u16, words: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let start = Start::bare().argument("health").variable("PORT", &port.to_string());
    let start = start.variable("NVSMI_SERVICE_FILE", "/nonexistent");
    let start = words.iter().fold(start, |start, word| start.argument(word));
    let start = variables.iter().fold(start, |start, (name, value)| start.variable(name, value));
    said(start)
}

fn said(start: Start) -> (i32, String) {
    let (status, out, error) = start.finish();
    assert_eq!(error, "", "{out}");
    (status.code().unwrap(), out)
}

/// Asks until the status is this one: what it said.
fn until(agent: &Agent, status: i32) -> String {
    eventually("that status", || {
        let (found, out) = health(agent.address().port(), &["--gpus"], &[]);
        (found == status).then_some(out)
    })
}

#[test]
fn health_ok_whatever_driver_does() {
    let driver = Driver::new("init = 9");
    let agent = Start::on(&driver).serve();
    let port = agent.address().port();
    assert_eq!(health(port, &[], &[]), (0, "AGENT OK - it serves\n".into()));
    let text = eventually("the driver's answer", || Some(until(&agent, 3)).filter(|text| !text.contains("starting")));
    assert!(text.starts_with("GPU UNKNOWN - GPUs not read: collector state no_driver (Driver Not Loaded"), "{text}");
    let line = text.lines().nth(1).unwrap();
    assert!(line.starts_with("  -  unknown   (collector)") && line.contains("`modprobe nvidia` and dmesg"), "{text}");
}

#[test]
fn health_has_verdict_then_line_per_gpu_then_values() {
    let driver = Driver::new(WELL);
    let agent = Start::on(&driver).serve().ready();
    let text = until(&agent, 0);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "GPU OK - 1 GPU | ok=1;;;0;1 warning=0;0;;0;1 unknown=0;;;0;1 critical=0;;0;0;1");
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["0", "ok", "NVIDIA", "H200"]);
    assert_eq!(lines[2], "values of the GPUs | gpu0_memory_used=0B;;;0;1048576000");
    driver.play(&format!("{WELL}{WORN}"));
    let text = until(&agent, 1);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("GPU WARNING - 1: row remap pending (2 GPUs) | ok=1;"), "{text}");
    assert!(lines[1].contains("ok") && lines[2].contains("warning"), "{text}");
    assert!(lines[2].contains("bad row") && lines[2].contains("(Reset the GPU"), "the reason and the remedy: {text}");
    driver.play(&format!("{WELL}{WORN}[[fault]]\nfunction = '*'\ngpu = 0\ncode = 15\n"));
    let text = until(&agent, 2);
    assert!(text.starts_with("GPU CRITICAL - 0: lost; 1: row remap pending (warning) (2 GPUs) | "), "{text}");
    assert!(text.contains("state lost") && text.contains("Reboot the host"), "{text}");
}

#[test]
fn health_of_stale_gpu_has_reason_and_remedy() {
    let driver = Driver::new(&format!("{WELL}power_mw = 1000\n{WORN}"));
    let agent = Start::on(&driver).serve().ready();
    until(&agent, 1);
    driver.play(&format!(
        "{WELL}power_mw = 1000\n{WORN}[[fault]]\nfunction = 'nvmlDeviceGetPowerUsage'\ngpu = 0\nhang = true\n"
    ));
    let text = eventually("the call to be named", || {
        let text = until(&agent, 3);
        text.contains("nvmlDeviceGetPowerUsage").then_some(text)
    });
    assert!(text.starts_with("GPU UNKNOWN - 0: stale; 1: row remap pending (warning) (2 GPUs) | "), "{text}");
    let line = text.lines().nth(1).unwrap();
    for part in ["unknown", "state stale (nvmlDeviceGetPowerUsage on GPU 0 has not returned for", "it is not read"] {
        assert!(line.contains(part), "{line:?} lacks {part:?}");
    }
}

#[test]
fn health_uses_agent_token_and_prefix() {
    let driver = Driver::new(WELL);
    let agent = Start::on(&driver).variable("TOKEN", "right").variable("URL_PREFIX", "/a/b").serve();
    let port = agent.address().port();
    let ask = |words: &[&str], token| health(port, words, &[("TOKEN", token), ("URL_PREFIX", "a/b")]);
    eventually("a GPU", || (ask(&["--gpus"], "right").0 == 0).then_some(()));
    assert_eq!(ask(&[], "").0, 0, "to see that it serves takes no token");
    for (token, article) in [("", "a token"), ("wrong", "another token")] {
        let (status, error) = ask(&["--gpus"], token);
        assert!(status == 3 && error.starts_with("GPU UNKNOWN - "), "{error}");
        assert!(error.contains(article) && error.contains("TOKEN") && !error.contains("wrong"), "{error}");
    }
    let (status, error) = health(port, &["--gpus"], &[("TOKEN", "right")]);
    assert!(status == 3 && error.contains("404") && error.contains("--url-prefix"), "{error}");
}

#[test]
fn health_verifies_certificate_and_accepts_socket() {
    let (driver, authority) = (Driver::new(WELL), Authority::new());
    let [own, other] = ["own", "other"].map(|name| authority.pair(name, "ec"));
    let [certificate, key, another, clients] =
        [&own.certificate, &own.key, &other.certificate, &authority.certificate()]
            .map(|path| path.display().to_string());
    let start =
        || Start::on(&driver).argument("--tls-cert").argument(&certificate).argument("--tls-key").argument(&key);
    let agent = start().serve();
    let port = agent.address().port();
    let over = |certificate: &str| health(port, &["--gpus"], &[("NVSMI_TLS_CERT", certificate)]);
    eventually("the GPU", || (over(&certificate).0 == 0).then_some(()));
    let (status, error) = over(&another);
    assert_eq!((status, error.lines().count()), (3, 1), "{error}");
    let (status, error) = over("/no/such.pem");
    assert!(status == 3 && error.contains("cannot read --tls-cert /no/such.pem"), "{error}");
    let (status, error) = health(port, &[], &[]);
    assert!(status == 3 && error.contains("answers 400"), "in plain: {error}");
    // Whoever lets in none but those with a certificate may listen on a socket beside it.
    let start = start().argument("--tls-client-ca").argument(&clients);
    let place = format!("127.0.0.1,unix:{}", start.work().join("health.sock").display());
    let agent = start.argument("--bind").argument(&place).serve();
    let port = agent.address().port();
    let asked = [("NVSMI_TLS_CERT", &*certificate), ("NVSMI_TLS_CLIENT_CA", &*clients)];
    let (status, error) = health(port, &[], &asked);
    assert!(status == 3 && error.contains("--tls-client-ca") && error.contains("unix:/run/"), "{error}");
    assert_eq!(health(port, &["--bind", &place], &asked), (0, "AGENT OK - it serves\n".into()));
}

#[test]
fn health_finds_settings_of_installed_service() {
    let driver = Driver::new(WELL);
    let agent = Start::on(&driver).variable("TOKEN", "right").variable("URL_PREFIX", "/x").serve();
    let file = format!("# the service\nPORT={}\nTOKEN=\"right\"\nURL_PREFIX=x\n", agent.address().port());
    let start = || {
        let start = Start::bare().file("service", &file);
        let path = start.work().join("service");
        start.variable("NVSMI_SERVICE_FILE", path.to_str().unwrap())
    };
    eventually("a GPU", || start().argument("health").argument("--gpus").finish().0.success().then_some(()));
    // A file .env is the settings of another agent.
    let (status, error) = said(start().file(".env", "PORT=1\n").argument("health"));
    assert!(status == 3 && error.contains("127.0.0.1:1"), "{error}");
}

#[test]
fn health_failure_is_verdict_line_on_standard_output() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = silent.local_addr().unwrap().port();
    drop(silent);
    for (words, begin, part) in [
        (&[][..], "AGENT UNKNOWN - ", "--port"),
        (&["--gpus"], "GPU UNKNOWN - ", "no agent listens"),
        (&["--drain"], "GPU UNKNOWN - ", "no agent listens"),
        (&["--gpu"], "AGENT UNKNOWN - ", "--gpus"),
        (&["--gpus", "now"], "GPU UNKNOWN - ", "now"),
        (&["--resume"], "AGENT UNKNOWN - ", "--drain"),
        (&["--gpus", "--port", "x"], "GPU UNKNOWN - ", "PORT"),
    ] {
        let (status, out) = health(free, words, &[]);
        assert_eq!((status, out.lines().count()), (3, 1), "{out}");
        assert!(out.starts_with(begin) && out.contains(part), "{words:?}: {out}");
    }
    let (status, out) = health(free, &[], &[("NVSMI_INTERVAL", "x")]);
    assert!(status == 3 && out.contains("NVSMI_INTERVAL"), "{out}");
    let (status, out) = said(Start::bare().file(".env", "TOKEN='x\n").argument("health"));
    assert!(status == 3 && out.starts_with("AGENT UNKNOWN - ") && out.contains(".env"), "{out}");
}

/// A listener of another account, and the bytes that it received in `asked` connections.
fn strangers_port(asked: usize) -> (u16, thread::JoinHandle<String>) {
    let (told, port) = mpsc::channel();
    let serving = thread::spawn(move || {
        // Of this thread alone.
        nix::unistd::setfsuid(65534.into());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        told.send(listener.local_addr().unwrap().port()).unwrap();
        let mut heard = String::new();
        for _ in 0..asked {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut some = [0; 1024];
            let length = stream.read(&mut some).unwrap();
            heard.push_str(std::str::from_utf8(&some[..length]).unwrap());
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
        heard
    });
    (port.recv().unwrap(), serving)
}

#[test]
fn health_shows_token_to_no_other_account() {
    // Only root can listen as somebody else; the accounts that are trusted have a test of their own.
    if !nix::unistd::getuid().is_root() {
        return;
    }
    let token = [("TOKEN", "hush-hush")];
    let (port, serving) = strangers_port(2);
    let (status, error) = health(port, &["--gpus"], &token);
    assert_eq!((status, error.lines().count()), (3, 1), "{error}");
    for part in ["not sending the token", "uid 65534", "as root"] {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
    // To see whether it serves takes none, and so none is sent.
    assert_eq!(health(port, &[], &token).0, 0);
    let heard = serving.join().unwrap();
    assert!(heard.starts_with("GET /healthz ") && !heard.contains("hush-hush"), "{heard}");
}

#[test]
fn health_rejects_other_program_on_port() {
    for (answer, part) in [
        (&b"SSH-2.0-x\r\n"[..], "expected the answer of an agent"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ncut", "expected the answer of an agent"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "expected the summary"),
    ] {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let serving = thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(answer).unwrap();
        });
        let (status, error) = health(port, &["--gpus"], &[]);
        serving.join().unwrap();
        assert!(status == 3 && error.contains(part), "{error}");
    }
}
