//! Claims over their socket: agreement, persistence, and clients that misbehave.

mod hostile;
mod kept;
mod one_of_many;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{Agent, Driver, PATIENCE, Start, eventually};

/// Host with two GPUs that nobody uses.
pub(crate) const TWO: &str = "[[gpu]]\nuuid = 'GPU-A'\n[[gpu]]\nuuid = 'GPU-B'\n";

/// Options of an agent with claims, whose runtime and state directories are beside its driver.
pub(crate) fn start(driver: &Driver) -> Start {
    let [runtime, state] = ["run", "state"].map(|name| driver.folder().join(name));
    std::fs::create_dir_all(&runtime).unwrap();
    Start::on(driver)
        .variable("RUNTIME_DIRECTORY", runtime.to_str().unwrap())
        .variable("STATE_DIRECTORY", state.to_str().unwrap())
}

pub(crate) fn socket(driver: &Driver) -> PathBuf {
    driver.folder().join("run/claims.sock")
}

/// An agent that has read its GPUs.
pub(crate) fn agent(driver: &Driver) -> Agent {
    let agent = start(driver).serve().ready();
    eventually("the GPUs", || (agent.get("/api/v1/gpus").json()[0]["state"] == "ok").then_some(()));
    agent
}

pub(crate) fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Answer to these bytes, after which the client stops sending.
fn answer(socket: &Path, bytes: &[u8]) -> Value {
    let mut stream = connect(socket);
    // The agent may have answered before it has read everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    finish(stream)
}

/// Answer that a connection gets, up to its end.
fn finish(mut stream: UnixStream) -> Value {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

/// Answer to a request of this process.
pub(crate) fn ask(socket: &Path, mut request: Value) -> Value {
    request["version"] = json!(1);
    answer(socket, format!("{request}\n").as_bytes())
}

pub(crate) fn claim(socket: &Path, devices: &[&str]) -> Value {
    ask(socket, json!({"do": "claim", "devices": devices, "why": "paper"}))
}

fn status(answer: &Value) -> &str {
    answer["status"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

/// UUIDs of claimed devices.
fn claimed(socket: &Path) -> Vec<String> {
    let answer = ask(socket, json!({"do": "list"}));
    let devices = answer["claims"].as_array().unwrap().iter().flat_map(|claim| claim["devices"].as_array().unwrap());
    let mut uuids: Vec<String> = devices.map(|device| device["uuid"].as_str().unwrap().into()).collect();
    uuids.sort();
    uuids
}

/// A process that has claimed a device as `run` does, and runs until it is killed.
struct Run(Child);

impl Run {
    fn start(socket: &Path, device: &str) -> Self {
        let script = "import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'{\"version\":1,\"do\":\"run\",\"devices\":[\"%s\"]}\\n' % sys.argv[2].encode())
print(s.makefile().readline(), end='', flush=True)
s.close()
time.sleep(600)";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .arg(socket)
            .arg(device)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(status(&answer), "done", "{answer}");
        let claim = &answer["claims"][0];
        assert_eq!((&claim["kind"], &claim["pid"], &claim["until"]), (&json!("run"), &json!(child.id()), &Value::Null));
        Self(child)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn claim_is_answered_listed_and_ended() {
    let driver = Driver::new(TWO);
    let _agent = agent(&driver);
    let socket = socket(&driver);
    let answer = claim(&socket, &["1"]);
    let claim = &answer["claims"][0];
    assert_eq!(
        (status(&answer), &claim["kind"], &claim["why"]),
        ("done", &json!("claim"), &json!("paper")),
        "{answer}"
    );
    assert_eq!(claim["devices"], json!([{"uuid": "GPU-B", "place": "1", "name": claim["devices"][0]["name"]}]));
    assert_eq!(claim["until"].as_u64().unwrap() - claim["since"].as_u64().unwrap(), 4 * 3_600_000);
    assert_eq!(claim["uid"], nix::unistd::getuid().as_raw());
    for (devices, reason) in
        [(&["GPU-B"][..], "claimed"), (&["0", "1"], "claimed"), (&["2"], "unknown"), (&["0:0"], "unknown")]
    {
        let answer = super::claims::claim(&socket, devices);
        assert_eq!((status(&answer), &answer["reason"]), ("refused", &json!(reason)), "{answer}");
    }
    assert_eq!(claimed(&socket), ["GPU-B"]);
    let answer = ask(&socket, json!({"do": "claim", "devices": ["0"], "for_ms": 25 * 3_600_000_u64}));
    assert_eq!(status(&answer), "invalid", "{answer}");
    assert_eq!(ask(&socket, json!({"do": "unclaim", "devices": ["0"]}))["reason"], "not_yours");
    assert_eq!(ask(&socket, json!({"do": "unclaim"}))["ended"][0]["uuid"], "GPU-B");
    assert_eq!(claimed(&socket), [""; 0]);
}

#[test]
fn claims_can_be_disabled() {
    let driver = Driver::new(TWO);
    let _agent = start(&driver).argument("--claims=false").serve().ready();
    assert!(!socket(&driver).exists());
}
