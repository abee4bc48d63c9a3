//! The log: one line per event, without the time under the journal, and wrong tokens.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{fs::MetadataExt as _, net::UnixStream},
    },
};

use crate::support::{Agent, Driver, PATIENCE, Start};

const A: &str = "[[gpu]]\nname = 'NVIDIA H200'\nuuid = 'GPU-A'\npower_mw = 1000\nxids = []\n";
const B: &str = "[[gpu]]\nname = 'NVIDIA L4'\nuuid = 'GPU-B'\npower_mw = 1000\n";
const ROWS: &str = "remapped_correctable = 1\nremapped_uncorrectable = 0\nremapped_pending = false\nremapped_failed = ";
const B_LOST: &str = "[[fault]]\nfunction = '*'\ngpu = 1\ncode = 15\n";

/// The only line that has this text.
fn only_line(agent: &Agent, text: &str) -> String {
    agent.logged(text);
    let log = agent.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(text)).collect();
    assert_eq!(lines.len(), 1, "{log}");
    lines[0].to_owned()
}

#[test]
fn every_event_logged_once_with_gpu_and_action() {
    let driver = Driver::new(&format!("{A}{B}{B_LOST}"));
    let agent = Start::on(&driver).serve().ready();
    let line = only_line(&agent, "GPU 1 is lost at the start");
    assert!(line.contains("ERROR") && line.contains("action=\"Reboot the host"), "{line}");
    driver.play(&format!("{A}{ROWS}true\n{B}"));
    let line = only_line(&agent, "GPU 1 is ok after lost");
    assert!(line.contains("INFO") && line.contains("gpu=1 uuid=\"GPU-B\"") && !line.contains("action="), "{line}");
    let line = only_line(&agent, "GPU 0: a bad row of memory could not be replaced");
    for part in ["ERROR", "gpu=0 uuid=\"GPU-A\"", "code=\"row_remap_failed\"", "action=\"Have the GPU replaced.\""] {
        assert!(line.contains(part), "{line:?} lacks {part:?}");
    }
    let a = A.replace("xids = []", "xids = [{ after_s = 0, code = 79 }]");
    driver.play(&format!("{a}{ROWS}true\n{B}"));
    let line = only_line(&agent, "Xid 79 on GPU 0: ");
    for part in ["ERROR", "gpu=0 uuid=\"GPU-A\"", "code=\"xid_79\"", "action=\""] {
        assert!(line.contains(part), "{line:?} lacks {part:?}");
    }
    driver.play("init = 9");
    agent.signal(nix::sys::signal::Signal::SIGHUP);
    let texts = || {
        let events = agent.get("/api/v1/events").json();
        let events = events.as_array().unwrap().clone();
        events.iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // What the API has, the log has.
    for text in texts() {
        only_line(&agent, &text);
    }
}

/// The agent's log over a socket, as the journal reads it.
struct Journal {
    lines: BufReader<UnixStream>,
    agents: OwnedFd,
}

impl Journal {
    fn new() -> Self {
        let (own, agents) = UnixStream::pair().unwrap();
        own.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { lines: BufReader::new(own), agents: agents.into() }
    }

    /// Its device and inode, as systemd.exec(5) has them in JOURNAL_STREAM.
    fn stream(&self) -> String {
        let file = File::from(self.agents.as_fd().try_clone_to_owned().unwrap()).metadata().unwrap();
        format!("{}:{}", file.dev(), file.ino())
    }

    /// Lines up to the one with this text.
    fn until(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|last: &String| last.contains(text)) {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            lines.push(line);
        }
        lines
    }
}

#[test]
fn lines_have_no_time_under_the_journal_only() {
    let driver = Driver::new(&format!("{A}{B}{B_LOST}"));
    for (is_journal, access) in [(true, "text"), (false, "off")] {
        let mut journal = Journal::new();
        let stream = if is_journal { journal.stream() } else { "1:2".into() };
        let start = Start::on(&driver).variable("JOURNAL_STREAM", &stream).argument("--access-log").argument(access);
        let agent = start.serve_unheard(journal.agents.try_clone().unwrap());
        // Of the agent, of its collector, and of the access log.
        let mut lines = journal.until("serving");
        lines.extend(journal.until("GPU 1 is lost"));
        if is_journal {
            agent.get("/healthz");
            lines.extend(journal.until("path=\"/healthz\""));
        }
        assert!(lines.iter().any(|line| line.contains("reading")), "{lines:?}");
        for line in &lines {
            let begins_with_time = line.starts_with(|first: char| first.is_ascii_digit());
            assert_eq!(begins_with_time, !is_journal, "{line}");
            assert!(is_journal || line.len() > 20 && &line[4..5] == "-", "{line}");
        }
    }
}

#[test]
fn wrong_tokens_logged_once_a_minute_without_them() {
    let driver = Driver::new(A);
    let agent = Start::on(&driver).variable("TOKEN", "right").serve().ready();
    for _ in 0..5 {
        assert_eq!(agent.request("/count", &[("Authorization", "Bearer wr0ng")]).status, 401);
    }
    // To send none is not wrong: a page asks so at first.
    assert_eq!(agent.get("/count").status, 401);
    let line = only_line(&agent, "refused a wrong token");
    assert!(line.contains("WARN") && line.contains("client=127.0.0.1 requests=1"), "{line}");
    assert!(!agent.log().contains("wr0ng"), "{}", agent.log());
}

#[test]
fn check_prints_problems_first_and_defaults_on_request() {
    let driver = Driver::new("init = 18");
    let check = |words: &[&str]| {
        let start = Start::on(&driver).argument("check").argument("--port=1").argument("--bind=192.0.2.1");
        let (status, out, error) = words.iter().fold(start, |start, word| start.argument(word)).finish();
        assert_eq!((status.code(), error.as_str()), (Some(1), ""), "{out}");
        out
    };
    let out = check(&[]);
    let kinds: Vec<&str> = out.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let last = |kind: &str| kinds.iter().rposition(|known| *known == kind).unwrap_or_else(|| panic!("{kind}: {out}"));
    assert!(kinds[0] == "problem" && kinds[1] == "problem" && kinds[2] != "problem", "{out}");
    assert!(last("problem") < last("account") && last("account") < last("port"), "{out}");
    assert!(out.contains("options; --all lists them") && !out.contains(" default\n"), "{out}");
    let all = check(&["--all"]);
    assert!(all.contains("idle-after             15m                          default\n"), "{all}");
    assert!(!all.contains("--all lists them"), "{all}");
    assert!(out.contains(&format!("{} options; ", all.matches(" default\n").count())), "{out}");
}
