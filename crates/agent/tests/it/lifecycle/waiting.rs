//! A host whose driver library is there and whose kernel module is not.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Agent, Driver, Start, client, eventually};

const ONE_GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\n";

/// A host without a module, and the library that NVIDIA's driver would install.
struct Host {
    driver: Driver,
    root: TempDir,
}

impl Host {
    fn new() -> Self {
        let driver = Driver::absent();
        driver.play("init = 9");
        driver.install_as_nvidias("1");
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("proc")).unwrap();
        fs::create_dir_all(root.path().join("sys/module")).unwrap();
        Self { driver, root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn start(&self) -> Start {
        Start::on(&self.driver)
            .argument("--proc-root")
            .argument(self.path("proc").to_str().unwrap())
            .argument("--sys-root")
            .argument(self.path("sys").to_str().unwrap())
    }

    /// Loads the module.
    fn load(&self) {
        self.driver.play(ONE_GPU);
        fs::create_dir(self.path("sys/module/nvidia")).unwrap();
    }

    fn attempts(&self) -> u64 {
        self.driver.calls("nvmlInit_v2")
    }
}

fn snapshot(agent: &Agent) -> Value {
    agent.get("/api/v1/snapshot").json()
}

/// Waits until the state is known, and another collector than the one that failed waits.
fn waiting(agent: &Agent) {
    eventually("no driver", || (snapshot(agent)["collector"]["state"] == "no_driver").then_some(()));
    let first = agent.collectors();
    eventually("a collector that waits", || {
        let now = agent.collectors();
        (now.len() == 1 && now != first).then_some(())
    });
}

#[test]
fn driver_waited_for_without_attempts_and_read_once_it_is_there() {
    let host = Host::new();
    let agent = host.start().serve();
    waiting(&agent);
    let (collectors, begun) = (agent.collectors(), snapshot(&agent)["sampled_at"].as_u64().unwrap());
    // Longer than two attempts were apart.
    eventually("time to pass", || (snapshot(&agent)["sampled_at"].as_u64().unwrap() > begun + 5000).then_some(()));
    assert_eq!((host.attempts(), agent.collectors()), (1, collectors), "nothing is tried, no process is started");
    let now = snapshot(&agent);
    assert_eq!(
        (&now["collector"]["state"], &now["host"]["nvml_version"]),
        (&json!("no_driver"), &json!("13.580.95.05"))
    );
    assert_eq!(agent.get("/count").json(), json!({ "code": 2, "data": null, "error": "Driver Not Loaded" }));

    host.load();
    let loaded = Instant::now();
    let agent = agent.ready();
    assert!(loaded.elapsed().as_secs() < 5, "{:?}", loaded.elapsed());
    assert_eq!(agent.get("/count").json()["data"], 1);
}

#[test]
fn driver_tried_again_after_signal_and_with_another_library() {
    let host = Host::new();
    let agent = host.start().serve();
    waiting(&agent);
    agent.signal(Signal::SIGHUP);
    eventually("another attempt", || (host.attempts() == 2).then_some(()));
    waiting(&agent);
    host.driver.install_as_nvidias("2");
    eventually("an attempt with the new library", || (host.attempts() == 3).then_some(()));
    waiting(&agent);
    // A module that the library cannot use: it is tried every two seconds.
    fs::create_dir_all(host.path("proc/driver/nvidia")).unwrap();
    fs::write(host.path("proc/driver/nvidia/version"), "580").unwrap();
    eventually("attempts", || (host.attempts() >= 5).then_some(()));
    host.driver.play(ONE_GPU);
    agent.ready();
}

#[test]
fn collector_that_waits_is_replaced_if_it_dies() {
    let host = Host::new();
    let agent = host.start().serve();
    waiting(&agent);
    let pid = agent.collectors()[0];
    nix::sys::signal::kill(crate::support::nix_pid(pid), Signal::SIGKILL).unwrap();
    eventually("another", || agent.collectors().first().is_some_and(|other| *other != pid).then_some(()));
    eventually("no driver", || (snapshot(&agent)["collector"]["state"] == "no_driver").then_some(()));
    host.load();
    agent.ready();
    assert_eq!(host.attempts(), 2, "the first, and one with the module");
}

#[test]
fn real_driver_library_is_initialized_once() {
    let library = client("libnvidia-ml.so.1");
    // As root the library creates it, once.
    let device = Path::new("/dev/nvidiactl");
    let was_there = device.exists();
    let agent = Start::bare().argument("--nvml-library").argument(library.to_str().unwrap()).serve();
    waiting(&agent);
    let now = snapshot(&agent);
    assert_eq!(agent.get("/count").json(), json!({ "code": 2, "data": null, "error": "Driver Not Loaded" }));
    assert!(now["host"]["nvml_version"].is_string(), "{}", now["host"]);
    let maps = fs::read_to_string(format!("/proc/{}/maps", agent.collectors()[0])).unwrap();
    assert!(!maps.contains("libnvidia-ml"), "the library is not loaded any more");
    let (collectors, begun) = (agent.collectors(), now["sampled_at"].as_u64().unwrap());
    eventually("time to pass", || (snapshot(&agent)["sampled_at"].as_u64().unwrap() > begun + 5000).then_some(()));
    assert_eq!(agent.collectors(), collectors);
    drop(agent);
    if !was_there && device.exists() {
        fs::remove_file(device).unwrap();
    }
}
