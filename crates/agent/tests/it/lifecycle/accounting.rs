//! The accounting's file: over restarts and kills, `usage export`, `usage forget`, and `check`.

use std::{fs, path::PathBuf};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Agent, Driver, Start, eventually};

/// A GPU with a process of the account that runs the tests.
fn one_gpu() -> String {
    let pid = std::process::id();
    format!(
        "[[gpu]]\nuuid = 'GPU-A'\nname = 'NVIDIA H200'\nutilization_percent = 50\npower_mw = 100000\n\
         [[gpu.process]]\npid = {pid}\ntype = 'C'\nmemory_bytes = 1048576\n"
    )
}

struct Room {
    folder: TempDir,
    driver: Driver,
}

impl Room {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), driver: Driver::new(&one_gpu()) }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("usage.sqlite")
    }

    fn flags(&self, start: Start) -> Start {
        let folder = self.folder.path().display();
        start.argument(&format!("--state-dir={folder}")).argument(&format!("--control-socket={folder}/control.sock"))
    }

    fn agent(&self) -> Agent {
        self.flags(Start::on(&self.driver)).argument("--usage-flush=200ms").serve().ready()
    }

    /// Status and output of a command.
    fn command(&self, words: &[&str]) -> (i32, String) {
        let start = words.iter().fold(self.flags(Start::bare()), |start, word| start.argument(word));
        let (status, out, error) = start.finish();
        (status.code().unwrap(), out + &error)
    }
}

/// Usage of all time by user.
fn usage(agent: &Agent) -> Value {
    let answer = agent.get("/api/v1/usage?by=user&since=2020-01-01");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Seconds of the rows of an answer, all or those of a user.
fn sum_of(answer: &Value, user: Option<&str>) -> f64 {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.filter(|row| user.is_none_or(|user| row["user"] == user)).map(|row| row["gpu_seconds"].as_f64().unwrap()).sum()
}

fn seconds(agent: &Agent) -> f64 {
    sum_of(&usage(agent), None)
}

fn until_used(agent: &Agent, more_than: f64) -> f64 {
    eventually("usage", || Some(seconds(agent)).filter(|seconds| *seconds > more_than))
}

/// The stored total of everybody.
fn stored_ms(room: &Room) -> i64 {
    let file = rusqlite::Connection::open(room.file()).unwrap();
    file.query_row("SELECT coalesce(sum(gpu_us), 0) / 1000 FROM hour_row WHERE user > 0", [], |row| row.get(0)).unwrap()
}

#[test]
fn usage_goes_on_over_stop_and_kill() {
    let room = Room::new();
    let agent = room.agent();
    let first = until_used(&agent, 1.0);
    // Without a wait for the next flush.
    agent.stop();
    assert!(stored_ms(&room) >= (first * 1000.0) as i64, "{first} s were served, {} ms are stored", stored_ms(&room));
    let agent = room.agent();
    let second = until_used(&agent, first + 1.0);
    eventually("a flush", || (stored_ms(&room) > (first * 1000.0) as i64 + 500).then_some(()));
    let before = stored_ms(&room);
    agent.signal(Signal::SIGKILL);
    drop(agent);
    let agent = room.agent();
    assert!(seconds(&agent) >= before as f64 / 1000.0, "{second}");
    let answer = usage(&agent);
    let number = |name: &str| answer[name].as_f64().unwrap();
    let parts = ["free_gpu_seconds", "unknown_gpu_seconds", "unassigned_gpu_seconds", "unobserved_gpu_seconds"];
    let sum = sum_of(&answer, None) + parts.iter().map(|part| number(part)).sum::<f64>();
    assert!((sum - number("device_seconds")).abs() < 0.001, "{answer}");
    assert!(number("unobserved_gpu_seconds") > 0.0, "the agent was down: {answer}");
    assert_eq!(answer["devices"], 1);
}

#[test]
fn export_and_forget_while_the_agent_runs() {
    let room = Room::new();
    let agent = room.agent();
    until_used(&agent, 0.5);
    let user = agent.get("/api/v1/users").json()[0]["user"].as_str().unwrap().to_owned();
    eventually("usage", || (sum_of(&usage(&agent), Some(&user)) > 0.5).then_some(()));
    eventually("a flush", || (stored_ms(&room) > 0).then_some(()));
    let copy = room.folder.path().join("copy.sqlite");
    let (status, said) = room.command(&["usage", "export", copy.to_str().unwrap()]);
    assert!(status == 0 && said.contains("copied") && copy.exists(), "{status}: {said}");
    let (status, said) = room.command(&["usage", "export", copy.to_str().unwrap()]);
    assert!(status == 1 && said.contains("no file has"), "{status}: {said}");
    let (status, said) = room.command(&["usage", "forget", "--user", "no\nplanted"]);
    assert!(status == 1 && said.contains("no user no") && said.trim_end().lines().count() == 1, "{status}: {said}");
    let (status, said) = room.command(&["usage", "forget", "--user", &user]);
    assert!(status == 0 && said.contains("(removed)"), "{status}: {said}");
    let answer = usage(&agent);
    assert!(sum_of(&answer, Some("(removed)")) > 0.4, "{answer}");
    agent.logged("usage forget");
    let log = agent.log();
    // An account without a name is a number, as many things are.
    let names = ["planted", &user].into_iter().filter(|name| name.parse::<u32>().is_err());
    for name in names {
        assert!(!log.lines().any(|line| line.contains("forget") && line.contains(name)), "{name:?} is in {log}");
    }
}

#[test]
fn second_agent_on_a_directory_counts_in_memory_and_check_says_so() {
    let room = Room::new();
    let first = room.agent();
    let second =
        Start::on(&room.driver).argument(&format!("--state-dir={}", room.folder.path().display())).serve().ready();
    second.logged("another agent uses");
    until_used(&second, 0.2);
    drop(second);
    let check = || {
        let (_, out) = room.command(&["check", "--nvml-library=/nonexistent"]);
        out
    };
    assert!(
        check().contains(&format!(
            "usage                  with people's names, for 400 days, in {}",
            room.file().display()
        )),
        "{}",
        check()
    );
    first.stop();
    fs::write(room.file(), "x").unwrap();
    assert!(check().contains("expected an SQLite file"), "{}", check());
    let (_, out) = room.command(&["check", "--nvml-library=/nonexistent", "--usage=off"]);
    assert!(out.lines().any(|line| line == "usage                  off"), "{out}");
    // It begins again with a new file, and keeps the old one.
    let agent = room.agent();
    agent.logged("was renamed");
    until_used(&agent, 0.2);
    let kept = fs::read_dir(room.folder.path())
        .unwrap()
        .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("usage.sqlite.corrupt-"));
    assert_eq!(kept.count(), 1);
}

#[test]
fn usage_off_makes_no_file_and_refuses_to_forget() {
    let room = Room::new();
    let agent = room.flags(Start::on(&room.driver)).argument("--usage=off").serve().ready();
    let (status, said) = room.command(&["usage", "forget", "--user", "alice"]);
    assert!(status == 1 && said.contains("--usage off"), "{status}: {said}");
    agent.stop();
    assert!(!room.file().exists());
}
