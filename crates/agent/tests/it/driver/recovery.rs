//! Answers while the driver or the collector fails, and recovery from it.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use crate::support::{Agent, Driver, Start, eventually, nix_pid};

fn gpus(number: u32) -> String {
    (0..number)
        .map(|index| format!("[[gpu]]\nname = 'GPU {index}'\ntemperature_c = 4{index}\nfan_percent = 30\n"))
        .collect()
}

fn error(agent: &Agent) -> Option<(u16, Value)> {
    let response = agent.get("/status");
    (response.status != 200).then(|| (response.status, response.json()))
}

fn failing(text: &str) -> Option<(u16, Value)> {
    Some((500, json!({ "code": 2, "data": null, "error": text })))
}

/// Waits for a first answer that is not `Collector Starting`.
fn answer(agent: &Agent) -> Option<(u16, Value)> {
    eventually("an answer", || Some(error(agent)).filter(|answer| *answer != failing("Collector Starting")))
}

#[test]
fn library_installed_later_found_within_five_seconds() {
    let driver = Driver::absent();
    driver.play(&gpus(1));
    let agent = Start::on(&driver).serve();
    assert_eq!(answer(&agent), failing("NVML Shared Library Not Found"));
    driver.install(&[]);
    let installed = Instant::now();
    eventually("data", || error(&agent).is_none().then_some(()));
    assert!(installed.elapsed() < Duration::from_secs(5), "{:?}", installed.elapsed());
    assert_eq!(agent.get("/count").json()["data"], json!(1));
}

#[test]
fn init_failure_reports_driver_text_and_retries() {
    let driver = Driver::new("init = 9");
    let agent = Start::on(&driver).serve();
    assert_eq!(answer(&agent), failing("Driver Not Loaded"));
    for (code, text) in
        [(4, "Insufficient Permissions"), (18, "RM has detected an NVML/RM version mismatch."), (999, "Unknown Error")]
    {
        driver.play(&format!("init = {code}"));
        eventually(text, || (error(&agent) == failing(text)).then_some(()));
        assert_eq!(agent.get("/readyz").json(), json!({ "state": "no_driver" }));
    }
    driver.play(&gpus(1));
    eventually("data", || error(&agent).is_none().then_some(()));
    assert!(agent.collectors().len() <= 1);
}

#[test]
fn count_failure_is_driver_failure() {
    let driver = Driver::new("count_error = 999");
    let agent = Start::on(&driver).serve();
    assert_eq!(answer(&agent), failing("Unknown Error"));
    assert_eq!(agent.get("/count").json(), json!({ "code": 2, "data": null, "error": "Unknown Error" }));
}

#[test]
fn init_slow_is_starting() {
    let driver = Driver::new(&format!("init_hang = true\n{}", gpus(1)));
    let agent = Start::on(&driver).serve();
    assert_eq!(error(&agent), failing("Collector Starting"));
    assert_eq!(agent.get("/readyz").json(), json!({ "state": "starting" }));
    assert_eq!(agent.get("/healthz").status, 200);
    driver.play(&gpus(1));
    agent.ready();
}

#[test]
fn gpu_hung_keeps_last_values_others_update() {
    let driver = Driver::new(&gpus(2));
    let agent = Start::on(&driver).serve().ready();
    let ts = |data: &Value, gpu: usize| data["devices"][gpu]["ts"].as_u64().unwrap();
    driver.play(&format!("{}\n[[fault]]\nfunction = 'nvmlDeviceGetFanSpeed'\ngpu = 1\nhang = true\n", gpus(2)));
    // It hangs once the second's time does not advance while the first's advances by two seconds.
    let data = agent.until("one to stand still", |data| ts(data, 0) > ts(data, 1) + 2000);
    assert_eq!(data["devices"][1]["temperature"], json!(41), "the last value, with its old time");
    assert_eq!(agent.get("/readyz").status, 200, "the other is live");
    let mut took: Vec<Duration> = (0..100)
        .map(|_| {
            let asked = Instant::now();
            agent.status();
            asked.elapsed()
        })
        .collect();
    took.sort();
    assert!(took[50] < Duration::from_millis(5), "the median answer took {:?}", took[50]);
    driver.play(&gpus(2));
    agent.until("it to come back", |data| ts(data, 1) + 1000 > ts(data, 0));
}

#[test]
fn gpus_all_hung_serve_last_snapshot_with_one_collector() {
    let driver = Driver::new(&gpus(2));
    let agent = Start::on(&driver).serve().ready();
    let collectors = agent.collectors();
    driver.play(&format!("{}\n[[fault]]\nfunction = 'nvmlDeviceGetFanSpeed'\nhang = true\n", gpus(2)));
    eventually("stalled", || (agent.get("/readyz").json() == json!({ "state": "stalled" })).then_some(()));
    assert_eq!(agent.status()["devices"][0]["temperature"], json!(40));
    assert_eq!(agent.collectors(), collectors);
    driver.play(&gpus(2));
    let agent = agent.ready();
    assert_eq!(agent.collectors(), collectors);
}

#[test]
fn collector_killed_is_restarted() {
    let driver = Driver::new(&gpus(1));
    let agent = Start::on(&driver).serve().ready();
    let first = agent.collectors();
    kill(nix_pid(first[0]), Signal::SIGKILL).unwrap();
    let second = eventually("another collector", || {
        assert!(error(&agent).is_none(), "the last values are served meanwhile");
        let now = agent.collectors();
        assert!(now.len() <= 1, "never two: {now:?}");
        (now.len() == 1 && now != first).then_some(now)
    });
    let agent = agent.ready();
    assert_eq!(agent.collectors(), second);
    agent.logged("killed by SIGKILL");
}

#[test]
fn collector_stopped_is_killed_and_restarted() {
    let driver = Driver::new(&gpus(1));
    let agent = Start::on(&driver).serve().ready();
    let first = agent.collectors();
    kill(nix_pid(first[0]), Signal::SIGSTOP).unwrap();
    eventually("it is noticed", || (agent.get("/readyz").status == 503).then_some(()));
    eventually("another collector", || Some(agent.collectors()).filter(|now| now.len() == 1 && *now != first));
    agent.ready();
}

#[test]
fn library_crash_restarts_collector() {
    for (crash, signal) in [("segv", "SIGSEGV"), ("abort", "SIGABRT")] {
        let driver = Driver::new(&gpus(2));
        let agent = Start::on(&driver).serve().ready();
        driver
            .play(&format!("{}\n[[fault]]\nfunction = 'nvmlDeviceGetFanSpeed'\ngpu = 1\ncrash = '{crash}'\n", gpus(2)));
        eventually("the crash", || agent.log().contains(signal).then_some(()));
        driver.play(&gpus(2));
        let crashed = Instant::now();
        let agent = agent.ready();
        let before = agent.status()["devices"][1]["ts"].clone();
        agent.until("new readings", |data| data["devices"][1]["ts"] != before);
        assert!(crashed.elapsed() < Duration::from_secs(10), "{:?}", crashed.elapsed());
        agent.logged("nvmlDeviceGetFanSpeed on GPU 1");
    }
}

#[test]
fn gpu_not_counted_is_listed_last() {
    let driver = Driver::new(&gpus(3));
    let agent = Start::on(&driver).serve().ready();
    driver.play(&format!("count = 2\n{}", gpus(3)));
    let data = agent.until("it to be lost", |data| data["devices"][2]["temperature"] == json!("N/A"));
    assert_eq!((&data["count"], &data["devices"][2]["name"]), (&json!(3), &json!("GPU 2")));
    assert_eq!(data["devices"][1]["temperature"], json!(41));
    driver.play(&gpus(3));
    agent.until("it to come back", |data| data["devices"][2]["temperature"] == json!(42));
}

#[test]
fn gpu_lost_keeps_name_and_returns() {
    let driver = Driver::new(&gpus(2));
    let agent = Start::on(&driver).serve().ready();
    driver.play(&format!("{}errors = {{ '*' = 15 }}\n", gpus(2)));
    let data = agent.until("it to be lost", |data| data["devices"][1]["temperature"] == json!("N/A"));
    assert_eq!(data["devices"][1]["name"], json!("GPU 1"));
    assert_eq!(data["devices"][0]["temperature"], json!(40));
    driver.play(&gpus(2));
    agent.until("it to come back", |data| data["devices"][1]["temperature"] == json!(41));
}

#[test]
fn gpu_excluded_after_two_crashes() {
    for crash in ["crash = 'segv'", "crash = 'abort'", "crash = 'heap'", "exit = 7"] {
        let driver = Driver::new(&gpus(3));
        let agent = Start::on(&driver).serve().ready();
        // The others are in calls too when it dies, and are not to blame. Where nothing but a wrong exit status is
        // left, only a call that is alone in flight can be blamed.
        let slow =
            if crash.starts_with("exit") { "" } else { "[[fault]]\nfunction = 'nvmlDeviceGetName'\nlatency_ms = 50\n" };
        driver.play(&format!("{}{slow}[[fault]]\nfunction = 'nvmlDeviceGetFanSpeed'\ngpu = 1\n{crash}\n", gpus(3)));
        if crash.starts_with("exit") {
            eventually("restarts", || (agent.log().matches("ended with status 7").count() >= 2).then_some(()));
            driver.play(&gpus(3));
            agent.ready();
            continue;
        }
        eventually("it to be left out", || agent.log().contains("left out").then_some(()));
        let left_out = agent.until("the others to go on", |data| data["devices"][1]["temperature"] == json!("N/A"));
        let ts = |data: &Value, gpu: usize| data["devices"][gpu]["ts"].as_u64().unwrap();
        agent.until("new readings", |data| ts(data, 0) > ts(&left_out, 0) && ts(data, 2) > ts(&left_out, 2));
        assert_eq!(left_out["devices"][1]["name"], json!("GPU 1"));
        agent.logged("function=\"nvmlDeviceGetFanSpeed\"");
        // The event is another line.
        assert_eq!(agent.log().matches("twice in calls for this GPU").count(), 1, "{}", agent.log());
    }
}

#[test]
fn driver_replaced_is_reloaded() {
    let driver = Driver::new(&format!("driver_version = '1.1'\n{}", gpus(1)));
    let agent = Start::on(&driver).argument("--log=debug").serve().ready();
    let first = agent.collectors();
    driver.play(&format!("driver_version = '2.2'\n{}", gpus(1)));
    driver.install(&[]);
    let second = eventually("a fresh collector", || {
        assert!(error(&agent).is_none(), "the last values are served meanwhile");
        Some(agent.collectors()).filter(|now| now.len() == 1 && *now != first)
    });
    let agent = agent.ready();
    assert_eq!(agent.collectors(), second);
    for part in ["library's file was replaced", "driver=\"1.1\"", "driver=\"2.2\""] {
        agent.logged(part);
    }
    assert_eq!(driver.calls("nvmlShutdown"), 1, "the old one left in order");
}

/// A host's `/sys` for one GPU.
fn sys(driver: &Driver, control: &str) -> std::path::PathBuf {
    let power = driver.folder().join("sys/bus/pci/devices/0000:1b:00.0/power");
    std::fs::create_dir_all(&power).unwrap();
    std::fs::write(power.join("control"), control).unwrap();
    std::fs::write(power.join("runtime_status"), "active\n").unwrap();
    power
}

const LAPTOP: &str = "[[gpu]]\nname = 'Laptop'\npci_bus_id = '00000000:1B:00.0'\ntemperature_c = 40\n\
                      memory_total_bytes = 1048576000\nmemory_used_bytes = 0\n";

#[test]
fn gpus_idle_are_released_until_awake() {
    let driver = Driver::new(LAPTOP);
    let power = sys(&driver, "auto\n");
    let agent = Start::on(&driver)
        .variable("NVSMI_SLEEP_AFTER", "1s")
        .variable("NVSMI_SYS_ROOT", driver.folder().join("sys").to_str().unwrap())
        .serve()
        .ready();
    let data = agent.until("it to be let go", |data| data["devices"][0]["temperature"] == json!("N/A"));
    std::fs::write(power.join("runtime_status"), "suspended\n").unwrap();
    let expected = ["Laptop", "1000MiB", "N/A", "N/A"];
    let found = ["name", "memory_total_human", "memory_used_human", "power_status"]
        .map(|key| data["devices"][0][key].as_str().unwrap().split(" / ").next().unwrap().to_owned());
    assert_eq!(found, expected);
    assert_eq!(agent.get("/readyz").json(), json!({ "state": "ok" }));
    let asleep = eventually("the one that watches", || {
        let now = agent.collectors();
        let [only] = now[..] else { return None };
        let maps = std::fs::read_to_string(format!("/proc/{only}/maps")).ok()?;
        (!maps.is_empty() && !maps.contains("libnvidia-ml")).then_some(only)
    });
    let calls = driver.calls("nvml");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(driver.calls("nvml"), calls, "the driver is left alone");
    std::fs::write(power.join("runtime_status"), "active\n").unwrap();
    agent.until("it to be read again", |data| data["devices"][0]["temperature"] == json!(40));
    assert_eq!(agent.collectors(), [asleep]);
}

#[test]
fn gpus_not_suspending_are_released_once() {
    let driver = Driver::new(LAPTOP);
    sys(&driver, "auto\n");
    let start = || {
        Start::on(&driver)
            .variable("NVSMI_SLEEP_AFTER", "100ms")
            .variable("NVSMI_SYS_ROOT", driver.folder().join("sys").to_str().unwrap())
    };
    let agent = start().serve().ready();
    agent.until("it to be let go", |data| data["devices"][0]["temperature"] == json!("N/A"));
    agent.until("it to be taken up again", |data| data["devices"][0]["temperature"] == json!(40));
    eventually("its log line", || agent.log().contains("were not suspended").then_some(()));
    drop(agent);
    for agent in [start().argument("--sleep=never").serve(), {
        sys(&driver, "on\n");
        start().serve()
    }] {
        let agent = agent.ready();
        let before = agent.status()["devices"][0]["ts"].as_u64().unwrap();
        let after = agent.until("three seconds", |data| data["devices"][0]["ts"].as_u64().unwrap() > before + 3000);
        assert_eq!(after["devices"][0]["temperature"], json!(40));
    }
}
