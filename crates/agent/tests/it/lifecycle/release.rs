//! Release mode: the driver is let go while the service goes on.

use std::{
    fs,
    io::Write as _,
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Agent, Driver, Start, Trace, agent_program, eventually};

const ONE_GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\ntemperature_c = 40\npower_mw = 100000\n";

/// A folder with a control socket to be.
struct Room(TempDir);

impl Room {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn socket(&self) -> PathBuf {
        self.0.path().join("control.sock")
    }

    fn flag(&self) -> String {
        format!("--control-socket={}", self.socket().display())
    }

    fn agent(&self, driver: &Driver) -> Start {
        Start::on(driver).argument(&self.flag())
    }

    /// Runs a command for the agent of this room: its status, and what it said.
    fn say(&self, words: &[&str]) -> (i32, String) {
        let start = words.iter().fold(Start::bare(), |start, word| start.argument(word));
        told(start.argument(&self.flag()))
    }

    fn done(&self, words: &[&str]) -> String {
        let (status, said) = self.say(words);
        assert_eq!(status, 0, "{said}");
        said
    }
}

/// A command's status and the one line that it said: what was done on standard output, what was not on the other.
fn told(start: Start) -> (i32, String) {
    let (status, out, error) = start.finish();
    let (said, silent) = if status.success() { (out, error) } else { (error, out) };
    assert_eq!(silent, "");
    assert_eq!(said.lines().count(), 1, "{said:?}");
    (status.code().unwrap(), said)
}

fn state(agent: &Agent) -> Value {
    agent.get("/readyz").json()["state"].clone()
}

/// The processes that have anything of the staged driver open or mapped.
fn holders(driver: &Driver) -> Vec<PathBuf> {
    let folder = driver.folder().to_str().unwrap();
    let mapped = |process: &Path| fs::read_to_string(process.join("maps")).is_ok_and(|maps| maps.contains(folder));
    let open = |process: &Path| {
        let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        files.flat_map(|file| fs::read_link(file.path())).any(|target| target.starts_with(folder))
    };
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    all.filter(|process| mapped(process) || open(process)).collect()
}

#[test]
fn release_closes_driver_and_service_continues() {
    let driver = Driver::new(ONE_GPU);
    let room = TempDir::new().unwrap();
    let runtime = room.path().to_str().unwrap();
    let agent = Start::on(&driver).variable("RUNTIME_DIRECTORY", runtime).serve().ready();
    assert_eq!(holders(&driver).len(), 1, "the collector holds it, and no other");
    let (status, said) = told(Start::bare().argument("release").variable("RUNTIME_DIRECTORY", runtime));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("released until 2") && said.contains("resume"), "{said}");
    // At once, with no time to wait in between: the answer came when it was so.
    assert_eq!((agent.collectors(), holders(&driver)), (vec![], vec![]));
    assert_eq!(driver.calls("nvmlShutdown"), 1, "it left in order");
    let ready = agent.get("/readyz");
    assert_eq!((ready.status, ready.json()), (503, json!({ "state": "released" })));
    let error = json!({ "code": 2, "data": null, "error": "Released by the Administrator" });
    for path in ["/status", "/count", "/status?idx=0"] {
        let response = agent.get(path);
        assert_eq!((response.status, response.json()), (500, error.clone()), "{path}");
    }
    assert_eq!(agent.get("/healthz").status, 200);
    let (status, said) = told(Start::bare().argument("resume").variable("RUNTIME_DIRECTORY", runtime));
    assert_eq!((status, said.contains("resumed")), (0, true), "{said}");
    let agent = agent.ready();
    assert_eq!(agent.status()["devices"][0]["temperature"], json!(40));
    assert!(!agent.log().contains("ERROR"), "a release is no failure: {}", agent.log());
}

#[test]
fn release_expires_and_last_request_counts() {
    let driver = Driver::new(ONE_GPU);
    let room = Room::new();
    let agent = room.agent(&driver).serve().ready();
    assert!(room.done(&["resume"]).contains("nothing to resume"));
    room.done(&["release", "--for", "24h"]);
    room.done(&["release", "--for=1s"]);
    let agent = agent.ready();
    agent.logged("the release is over");
    assert_eq!(agent.collectors().len(), 1);
}

#[test]
fn release_starts_no_collector() {
    let driver = Driver::new("init = 9");
    let room = Room::new();
    let agent = room.agent(&driver).argument("--log=debug").serve();
    eventually("no driver", || (state(&agent) == json!("no_driver")).then_some(()));
    // Longer than the two seconds after which a driver is tried again.
    room.done(&["release", "--for=3s"]);
    assert_eq!(state(&agent), json!("released"));
    driver.play("init = 18");
    let log = eventually("the end", || Some(agent.log()).filter(|log| log.contains("the release is over")));
    let during = log.split("released: no collector runs").nth(1).unwrap().split("the release is over").next().unwrap();
    assert!(!during.contains("the collector is started"), "{during}");
    let mismatch = "RM has detected an NVML/RM version mismatch.";
    eventually("the driver of now", || (agent.get("/count").json()["error"] == json!(mismatch)).then_some(()));
}

#[test]
fn release_names_call_that_blocks_exit() {
    let driver = Driver::new(ONE_GPU);
    let room = Room::new();
    let agent = room.agent(&driver).serve().ready();
    let collector = agent.collectors()[0];
    driver.play(&format!("{ONE_GPU}\n[[fault]]\nfunction = 'nvmlDeviceGetPowerUsage'\nhang = true\n"));
    eventually("stalled", || (state(&agent) == json!("stalled")).then_some(()));
    let kept = Trace::keep(collector);
    let (status, said) = room.say(&["release"]);
    assert_eq!(status, 1, "{said}");
    for part in ["not released yet", &format!("PID {collector}"), "nvmlDeviceGetPowerUsage on GPU 0 for"] {
        assert!(said.contains(part), "{said:?} lacks {part:?}");
    }
    assert_eq!(state(&agent), json!("stalled"), "it is not released while the collector may hold the driver");
    driver.play(ONE_GPU);
    drop(kept);
    // It stays in force: once the stuck one has gone there is no other.
    eventually("released", || (state(&agent) == json!("released")).then_some(()));
    assert_eq!(holders(&driver), [""; 0].map(PathBuf::from));
    room.done(&["resume"]);
    agent.ready();
}

#[test]
fn release_succeeds_despite_hung_call() {
    let driver = Driver::new(ONE_GPU);
    let room = Room::new();
    let agent = room.agent(&driver).serve().ready();
    driver.play(&format!("{ONE_GPU}\n[[fault]]\nfunction = 'nvmlDeviceGetPowerUsage'\nhang = true\n"));
    eventually("stalled", || (state(&agent) == json!("stalled")).then_some(()));
    room.done(&["release"]);
    assert_eq!(holders(&driver), [""; 0].map(PathBuf::from));
    assert_eq!(driver.calls("nvmlShutdown"), 0, "nothing is called beside a call that hangs");
}

#[test]
fn release_denied_to_other_user() {
    if !nix::unistd::getuid().is_root() {
        // Whom the agent refuses is tested beside its code; being another user takes root.
        return;
    }
    let driver = Driver::new(ONE_GPU);
    let room = Room::new();
    let agent = room.agent(&driver).serve().ready();
    fs::set_permissions(room.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = room.0.path().join("client");
    fs::copy(agent_program(), &program).unwrap();
    let as_another = || {
        let mut command = Command::new(&program);
        let output = command.args(["release", &room.flag()]).current_dir("/").uid(4242).gid(4242).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, said) = as_another();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("not permitted") && said.contains("sudo"), "{said}");
    // With the file's mode out of the way it is the agent that refuses.
    fs::set_permissions(room.socket(), fs::Permissions::from_mode(0o666)).unwrap();
    let (status, said) = as_another();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("user 4242 may not"), "{said}");
    assert_eq!(state(&agent), json!("ok"));
    agent.logged("of another user");
}

#[test]
fn control_socket_kept_if_live_replaced_if_dead() {
    let driver = Driver::new(ONE_GPU);
    let room = Room::new();
    let first = room.agent(&driver).serve().ready();
    let second = room.agent(&driver).serve().ready();
    second.logged("another agent listens on");
    room.done(&["release"]);
    assert_eq!([state(&first), state(&second)], ["released", "ok"]);
    second.signal(Signal::SIGTERM);
    let mut second = second;
    assert_eq!(second.ended().code(), Some(0));
    room.done(&["resume"]);
    let mut first = first.ready();
    first.signal(Signal::SIGKILL);
    first.ended();
    assert!(room.socket().exists(), "the dead leave theirs behind");
    let (status, said) = room.say(&["release"]);
    assert_eq!((status, said.contains("no process listens")), (1, true), "{said}");
    let mut third = room.agent(&driver).serve().ready();
    room.done(&["release"]);
    assert_eq!(state(&third), json!("released"));
    third.signal(Signal::SIGTERM);
    assert_eq!(third.ended().code(), Some(0));
    assert!(!room.socket().exists(), "a graceful end removes the socket");
}

#[test]
fn control_socket_missing_does_not_affect_serving() {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver).argument("--control-socket=/no/such/folder/s").serve().ready();
    let log = agent.log();
    let warning = log.lines().find(|line| line.contains("no control socket")).unwrap();
    for part in ["WARN", "/no/such/folder/s", "--control-socket"] {
        assert!(warning.contains(part), "{warning:?} lacks {part:?}");
    }
}

#[test]
fn control_socket_tolerates_slow_and_garbage_clients() {
    let driver = Driver::new(ONE_GPU);
    let room = Room::new();
    let agent = room.agent(&driver).serve().ready();
    let silent = [(); 3].map(|()| UnixStream::connect(room.socket()).unwrap());
    let babbling: Vec<UnixStream> = ["GET / HTTP/1.1\r\n\r\n", "release 1", &"x".repeat(100_000), "\u{0}\n", "\n\n\n"]
        .iter()
        .map(|bytes| {
            let mut stream = UnixStream::connect(room.socket()).unwrap();
            stream.set_nonblocking(true).unwrap();
            // What does not fit is not sent.
            let _ = stream.write(bytes.as_bytes());
            stream
        })
        .collect();
    room.done(&["release"]);
    assert_eq!(state(&agent), json!("released"));
    drop((silent, babbling));
}

#[test]
fn release_errors_are_one_line_with_remedy() {
    let room = Room::new();
    let (status, said) = room.say(&["release"]);
    assert_eq!(status, 1, "{said}");
    for part in [&room.socket().display().to_string(), "start the service", "--control-socket"] {
        assert!(said.contains(part), "{said:?} lacks {part:?}");
    }
    drop(UnixListener::bind(room.socket()).unwrap());
    let (status, said) = room.say(&["resume"]);
    assert_eq!((status, said.contains("no process listens")), (1, true), "{said}");
    for words in [&["release", "--for=25h"][..], &["release", "--for=100ms"], &["resume", "now"]] {
        assert_eq!(room.say(words).0, 2, "{words:?}");
    }
}

#[test]
fn check_reports_control_socket() {
    let driver = Driver::new(ONE_GPU);
    let room = Room::new();
    let check = || {
        let (_, out, _) = room.agent(&driver).argument("check").argument("--bind=127.0.0.1").finish();
        out
    };
    assert!(check().contains(&format!("{:<23}{} is free", "control", room.socket().display())), "{}", check());
    assert!(!room.socket().exists());
    let _agent = room.agent(&driver).serve();
    assert!(check().contains(&format!("{:<23}another agent listens on", "warning")), "{}", check());
}
