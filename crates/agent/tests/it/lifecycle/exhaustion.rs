//! Nothing left: no place for the log, no file descriptors.

use std::{
    fs::{File, OpenOptions},
    io::{PipeReader, PipeWriter, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    process::{Command, Stdio},
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::signal::{Signal, kill},
};

use crate::support::{Agent, Driver, KeptAlive, Start, agent_program, eventually, nix_pid};

const ONE_GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\ntemperature_c = 40\n";

/// A device that is always full.
fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// A pipe that nobody reads any more.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A pipe that is full and open, whose reader does not read.
fn blocked() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    while writer.write(&[b'x'; 4096]).is_ok() {}
    while writer.write(b"x").is_ok() {}
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    (reader, writer)
}

/// Gives it much to log, and sees that it serves on and ends in order.
fn bears_it(what: &str, driver: &Driver, agent: Agent) {
    let agent = agent.ready();
    let first = agent.collectors();
    kill(nix_pid(first[0]), Signal::SIGKILL).unwrap();
    eventually("another collector", || Some(agent.collectors()).filter(|now| now.len() == 1 && *now != first));
    agent.reads_again();
    assert_eq!(agent.stop().code(), Some(0), "{what}");
    eventually("the collector to leave", || (driver.calls("nvmlShutdown") == 1).then_some(()));
}

#[test]
fn log_full_or_closed_blocks_nothing() {
    let start = |driver: &Driver| Start::on(driver).argument("--log=debug");
    let driver = Driver::new(ONE_GPU);
    bears_it("on a full disk", &driver, start(&driver).serve_unheard(full()));
    let driver = Driver::new(ONE_GPU);
    bears_it("into a pipe that nobody reads", &driver, start(&driver).serve_unheard(unread()));
    for closed in ["exec \"$@\" >&-", "exec \"$@\" 2>&-", "exec \"$@\" <&- >&- 2>&-"] {
        let driver = Driver::new(ONE_GPU);
        let start = start(&driver).through(&["sh", "-c", closed, "sh"]);
        bears_it(closed, &driver, start.serve_unheard(Stdio::null()));
    }
}

#[test]
fn log_that_is_not_read_stops_nothing() {
    let driver = Driver::new(ONE_GPU);
    let (_reader, writer) = blocked();
    let agent = Start::on(&driver).argument("--log=debug").argument("--access-log=text").serve_unheard(writer).ready();
    // More lines than the queues take, of the program itself and of requests.
    for _ in 0..600 {
        let mut rejected = TcpStream::connect(agent.address()).unwrap();
        rejected.write_all(b"\x01\r\n\r\n").unwrap();
        assert_eq!(agent.get("/healthz").status, 200);
    }
    for _ in 0..8 {
        let many = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
        let mut stream = TcpStream::connect(agent.address()).unwrap();
        stream.write_all(many.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    eventually("a note", || agent.get("/api/v1/snapshot").text().contains("log lines were dropped").then_some(()));
    bears_it("into a pipe that is full", &driver, agent);
}

#[test]
fn library_that_prints_without_end_is_truncated() {
    let print = "[[fault]]\nfunction = 'nvmlDeviceGetTemperature'\nwrite = { to = 'stdout', bytes = [104, 105, 10], repeat = 200000 }\n";
    let driver = Driver::new(&format!("{ONE_GPU}{}", print.replace("Temperature'", "TemperatureV'")));
    let agent = Start::on(&driver).serve().ready();
    driver.play(&format!("{ONE_GPU}{print}{}", print.replace("Temperature'", "TemperatureV'")));
    eventually("a note", || agent.get("/api/v1/snapshot").text().contains("of its output were dropped").then_some(()));
    let log = agent.log();
    assert!(log.contains("\nhi\n") && log.contains("65536 bytes in a second"), "{}", log.len());
    assert!(log.len() < 2 << 20, "{} bytes", log.len());
    driver.play(ONE_GPU);
    agent.reads_again();
}

#[test]
fn command_output_unwritable_fails_without_panic() {
    let agent = agent_program();
    let output = Command::new(&agent).arg("--help").stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("cannot write to standard output") && error.lines().count() == 1, "{error}");
    // Who closes the pipe has read enough.
    let output = Command::new(&agent).arg("--help").stdout(unread()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    let status = Command::new(&agent).arg("--no-such-flag").stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn connections_leave_descriptors_for_collector() {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver).through(&["prlimit", "--nofile=64"]).serve().ready();
    let first = agent.collectors();
    // More than there are descriptors: the rest waits in the kernel's queue.
    let idle: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(agent.address()).unwrap()).collect();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", agent.pid())).unwrap().count();
    eventually("connections to be taken", || (open() > 30).then_some(()));
    kill(nix_pid(first[0]), Signal::SIGKILL).unwrap();
    eventually("another collector", || (driver.calls("nvmlInit_v2") == 2).then_some(()));
    assert!(!agent.log().contains("cannot start the collector"), "{}", agent.log());
    drop(idle);
    // Until they are gone another of the same address may be one too many.
    eventually("connections to be given back", || (open() < 30).then_some(()));
    agent.ready();
}

/// Sets how many descriptors it may have from now on; those that it has stay.
fn allow(agent: &Agent, descriptors: &str) {
    let limit = format!("--nofile={descriptors}:");
    let status = Command::new("prlimit").args(["--pid", &agent.pid().to_string(), &limit]).status().unwrap();
    assert!(status.success());
}

#[test]
fn descriptors_exhausted_recovers() {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver).serve().ready();
    let mut open = KeptAlive::open(agent.address());
    assert_eq!(open.get("/healthz").status, 200);
    allow(&agent, "3");
    let mut logged = |what: &str| {
        eventually(what, || {
            assert_eq!(open.get("/status").status, 200, "whoever is connected is served");
            agent.log().contains(what).then_some(())
        });
    };
    let waiting = TcpStream::connect(agent.address()).unwrap();
    logged("cannot accept connections");
    kill(nix_pid(agent.collectors()[0]), Signal::SIGKILL).unwrap();
    logged("cannot start the collector");
    assert!(agent.collectors().is_empty());
    allow(&agent, "1024");
    drop(waiting);
    let agent = agent.ready();
    assert_eq!(agent.collectors().len(), 1);
    assert!(!agent.log().contains("panicked"), "{}", agent.log());
}
