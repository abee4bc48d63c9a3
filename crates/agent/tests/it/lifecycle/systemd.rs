//! Notifications to systemd.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Driver, PATIENCE, Start, Trace, eventually, thread_named};

const ONE_GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\npower_mw = 100000\n";
/// A ping every 200 ms.
const WATCHDOG_USEC: &str = "400000";
/// Ten pings' time.
const SILENCE: Duration = Duration::from_secs(2);

/// systemd's end.
struct Manager {
    socket: UnixDatagram,
    name: String,
    _folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, name: path.to_str().unwrap().to_owned(), _folder: folder }
    }

    fn abstract_one() -> Self {
        let folder = TempDir::new().unwrap();
        let name = folder.path().to_str().unwrap().to_owned();
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Self { socket, name: format!("@{name}"), _folder: folder }
    }

    fn start(&self, driver: &Driver) -> Start {
        Start::on(driver).variable("NOTIFY_SOCKET", &self.name)
    }

    /// The next message; none if there is none for so long.
    fn next(&self, wait: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(wait)).unwrap();
        let mut bytes = [0; 4096];
        match self.socket.recv(&mut bytes) {
            Ok(length) => Some(String::from_utf8(bytes[..length].to_vec()).unwrap()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits for a message.
    fn hear(&self, message: &str) {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|last| last != message) {
            let next = self.next(PATIENCE);
            heard.push(next.unwrap_or_else(|| panic!("{message:?} did not come after {heard:?}")));
        }
    }

    fn hear_pings(&self, number: u32) {
        (0..number).for_each(|_| self.hear("WATCHDOG=1"));
    }

    /// Waits until no more pings come: what is still in the queue does not count.
    fn hear_nothing_more(&self) {
        eventually("silence", || self.next(SILENCE).is_none().then_some(()));
    }
}

#[test]
fn ready_reported_whatever_driver_does() {
    for manager in [Manager::new(), Manager::abstract_one()] {
        let driver = Driver::new(&format!("init_hang = true\n{ONE_GPU}"));
        let mut agent = manager.start(&driver).serve();
        assert_eq!(manager.next(PATIENCE).as_deref(), Some("READY=1"));
        assert_eq!(manager.next(PATIENCE).as_deref(), Some("STATUS=starting"));
        assert_eq!(manager.next(SILENCE), None, "no watchdog was asked for, and nothing has changed");
        driver.play(ONE_GPU);
        manager.hear("STATUS=ok, GPUs: 1");
        agent.signal(Signal::SIGTERM);
        manager.hear("STOPPING=1\nSTATUS=stopping");
        assert_eq!(agent.ended().code(), Some(0));
    }
}

#[test]
fn driver_failure_is_status_not_exit() {
    let driver = Driver::new("init = 9");
    let manager = Manager::new();
    let _agent = manager.start(&driver).serve();
    manager.hear("READY=1");
    manager.hear("STATUS=no_driver, Driver Not Loaded");
    driver.play(ONE_GPU);
    manager.hear("STATUS=ok, GPUs: 1");
}

#[test]
fn watchdog_pings_continue_while_gpus_hung() {
    let driver = Driver::new(ONE_GPU);
    let manager = Manager::new();
    let agent = manager.start(&driver).variable("WATCHDOG_USEC", WATCHDOG_USEC).serve().ready();
    driver.play(&format!("{ONE_GPU}\n[[fault]]\nfunction = 'nvmlDeviceGetPowerUsage'\nhang = true\n"));
    eventually("stalled", || (agent.get("/readyz").json() == json!({ "state": "stalled" })).then_some(()));
    manager.hear("STATUS=stalled");
    manager.hear_pings(20);
}

#[test]
fn watchdog_pings_stop_while_loop_stuck() {
    let driver = Driver::new(ONE_GPU);
    let manager = Manager::new();
    let agent = manager.start(&driver).variable("WATCHDOG_USEC", WATCHDOG_USEC).serve().ready();
    // HTTP is on the first thread, whose number is the process's.
    for thread in [thread_named(agent.pid(), "supervisor"), agent.pid()] {
        manager.hear_pings(3);
        let stopped = Trace::stop(thread);
        manager.hear_nothing_more();
        drop(stopped);
    }
    manager.hear_pings(3);
}

#[test]
fn watchdog_of_other_process_ignored() {
    let driver = Driver::new(ONE_GPU);
    let manager = Manager::new();
    let start = manager.start(&driver).variable("WATCHDOG_USEC", WATCHDOG_USEC).variable("WATCHDOG_PID", "1");
    let _agent = start.serve();
    manager.hear("STATUS=ok, GPUs: 1");
    assert_eq!(manager.next(SILENCE), None);
}

#[test]
fn notify_address_invalid_is_warning() {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver).variable("NOTIFY_SOCKET", "vsock:2:1").serve().ready();
    agent.logged("vsock:2:1");
    assert!(agent.log().contains("WARN"), "{}", agent.log());
    // One that nobody listens on is none of our business.
    Start::on(&driver).variable("NOTIFY_SOCKET", "/no/such/socket").serve().ready();
}
