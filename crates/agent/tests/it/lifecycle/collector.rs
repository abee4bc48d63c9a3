//! The collector process: its environment, its heartbeat, its lock, and how it leaves.

use std::{
    fs,
    io::BufReader,
    process::{Command, Stdio},
};

use collector::Settings;
use nix::sys::signal::{Signal, kill};
use serde_json::json;
use telemetry::{
    frame::{self, Message},
    sample::{Driver as DriverState, Sample},
};

use crate::support::{Agent, Driver, StandIn, Start, agent_program, eventually, nix_pid};

const ONE_GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\npower_mw = 100000\nenforced_limit_mw = 700000\n";
const HANG: &str = "\n[[fault]]\nfunction = 'nvmlDeviceGetPowerUsage'\nhang = true\n";

fn only_collector(agent: &Agent) -> u32 {
    let collectors = agent.collectors();
    assert_eq!(collectors.len(), 1, "{collectors:?}");
    collectors[0]
}

fn lives(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn collector_environment_has_no_secrets() {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver)
        .variable("TOKEN", "hush")
        .variable("NVSMI_LOG", "debug")
        .variable("NOTIFY_SOCKET", "/nowhere")
        .variable("WATCHDOG_USEC", "1")
        .variable("LISTEN_FDS", "0")
        .variable("CREDENTIALS_DIRECTORY", "/nowhere")
        .variable("LD_LIBRARY_PATH", "/passes")
        .serve();
    let pid = eventually("a collector", || agent.collectors().first().copied());
    let environment = eventually("the collector's own environment", || {
        let bytes = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let text = String::from_utf8_lossy(&bytes).replace('\0', "\n");
        fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?.contains("collect").then_some(text)
    });
    for kept in ["TOKEN", "NVSMI_", "PORT", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "CREDENTIALS_DIRECTORY"] {
        assert!(!environment.lines().any(|line| line.starts_with(kept)), "{kept} in {environment}");
    }
    assert!(environment.contains("LD_LIBRARY_PATH=/passes") && environment.contains("FAKE_NVML_SCENARIO="));
}

#[test]
fn collector_ignores_service_signals() {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver).serve().ready();
    let pid = only_collector(&agent);
    assert_eq!(nix::unistd::getpgid(Some(nix_pid(pid))), Ok(nix_pid(pid)), "a process group of its own");
    let before = driver.calls("nvmlDeviceGetPowerUsage");
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        kill(nix_pid(pid), signal).unwrap();
    }
    eventually("more readings", || (driver.calls("nvmlDeviceGetPowerUsage") > before + 3).then_some(()));
    assert_eq!(agent.collectors(), [pid]);
}

#[test]
fn fatal_signal_from_outside_ends_collector() {
    let driver = Driver::new(ONE_GPU);
    for signal in [Signal::SIGABRT, Signal::SIGSEGV] {
        // Each has an agent of its own: a collector that has not read its settings yet does not end by a signal's name.
        let agent = Start::on(&driver).serve().ready();
        let pid = only_collector(&agent);
        kill(nix_pid(pid), signal).unwrap();
        eventually("another collector", || {
            (!lives(pid) && agent.collectors().first().is_some_and(|other| *other != pid)).then_some(())
        });
        agent.logged(signal.as_str());
    }
}

#[test]
fn collector_shuts_library_down_when_parent_exits() {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver).serve().ready();
    let pid = only_collector(&agent);
    agent.signal(Signal::SIGKILL);
    eventually("the collector to leave", || (!lives(pid)).then_some(()));
    assert_eq!(driver.calls("nvmlShutdown"), 1);
}

#[test]
fn collector_exits_without_shutdown_while_call_hung() {
    let driver = Driver::new(ONE_GPU);
    let agent = Start::on(&driver).serve().ready();
    let pid = only_collector(&agent);
    driver.play(&format!("{ONE_GPU}{HANG}"));
    agent.until("the GPU to stand still", |_| agent.get("/readyz").status == 503);
    agent.signal(Signal::SIGKILL);
    eventually("the collector to leave", || (!lives(pid)).then_some(()));
    assert_eq!(driver.calls("nvmlShutdown"), 0);
}

#[test]
fn collector_of_new_parent_waits_for_stuck_one() {
    let driver = Driver::new(ONE_GPU);
    let runtime = driver.folder().to_str().unwrap();
    let first = Start::on(&driver).variable("RUNTIME_DIRECTORY", runtime).serve().ready();
    let stuck = only_collector(&first);
    // As a process in the kernel's hands: it sees neither the end of its input nor a signal. It must get a parent of
    // this session when its own dies, for the kernel continues stopped processes that would be left without one.
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    kill(nix_pid(stuck), Signal::SIGSTOP).unwrap();
    let stopped = || fs::read_to_string(format!("/proc/{stuck}/stat")).is_ok_and(|stat| stat.contains(") T "));
    eventually("it to stop", || stopped().then_some(()));
    first.signal(Signal::SIGKILL);
    let calls = driver.calls("nvmlInit_v2");
    let second = Start::on(&driver).variable("RUNTIME_DIRECTORY", runtime).serve();
    eventually("the second to wait", || (second.get("/readyz").json() == json!({ "state": "stalled" })).then_some(()));
    assert_eq!(driver.calls("nvmlInit_v2"), calls, "no second caller beside the stuck one");
    kill(nix_pid(stuck), Signal::SIGCONT).unwrap();
    let second = second.ready();
    assert!(!lives(stuck));
    assert_eq!(second.collectors().len(), 1);
}

#[test]
fn sigterm_ends_agent_in_order() {
    let driver = Driver::new(ONE_GPU);
    let mut agent = Start::on(&driver).serve().ready();
    let pid = only_collector(&agent);
    agent.signal(Signal::SIGTERM);
    assert_eq!(agent.ended().code(), Some(0));
    eventually("the collector to leave", || (!lives(pid)).then_some(()));
    assert_eq!(driver.calls("nvmlShutdown"), 1);
}

/// A collector without a parent, and what it writes.
pub(crate) fn collect(driver: &Driver, interval: &str, each: impl FnMut(Message) -> bool) {
    collect_with(driver, interval, |_| (), each);
}

/// The same with further settings.
pub(crate) fn collect_with(
    driver: &Driver,
    interval: &str,
    set: impl FnOnce(&mut Settings),
    mut each: impl FnMut(Message) -> bool,
) {
    let mut settings = Settings {
        interval: humantime::parse_duration(interval).unwrap(),
        resolve_pids: true,
        library: Some(driver.library()),
        ..Settings::default()
    };
    set(&mut settings);
    let mut process = Command::new(agent_program())
        .arg("collect")
        .env("FAKE_NVML_SCENARIO", driver.scenario())
        .env("FAKE_NVML_CALLS", driver.counts())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    settings.write(process.stdin.as_mut().unwrap()).unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    while let Some(message) = frame::read(&mut output).unwrap() {
        if each(message) {
            break;
        }
    }
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success());
}

fn ready(message: Message) -> Option<Box<Sample>> {
    match message {
        Message::Sample(sample) if matches!(sample.driver, DriverState::Ready(_)) => Some(sample),
        _ => None,
    }
}

#[test]
fn collector_sends_heartbeats_between_readings() {
    let driver = Driver::new(ONE_GPU);
    let (mut heartbeats, mut readings) = (0, 0);
    collect(&driver, "60s", |message| {
        heartbeats += u32::from(message == Message::Heartbeat);
        readings += u32::from(ready(message).is_some());
        heartbeats == 3 || readings == 2
    });
    assert_eq!((heartbeats, readings), (3, 1), "before the second reading was due");
}

#[test]
fn frame_has_process_usage_and_host() {
    let process = StandIn::start(&["python", "train.py"]);
    let driver = Driver::new(&format!("{ONE_GPU}[[gpu.process]]\npid = {}\ntype = 'C'\n", process.pid()));
    let mut told = None;
    collect(&driver, "100ms", |message| {
        told = ready(message).filter(|sample| sample.host.hostname.is_ok() && sample.processes[0].name.is_ok());
        told.is_some()
    });
    let sample = told.unwrap();
    let facts = &sample.processes[0];
    assert_eq!(facts.pid, process.pid());
    assert!(facts.cpu_ms.is_ok() && facts.host_memory_bytes.unwrap() > 0 && facts.read_at.is_some(), "{facts:?}");
    assert_eq!(sample.host.absences().count(), 0, "{:?}", sample.host);
    assert!(sample.notes.is_empty(), "{:?}", sample.notes);
}

#[test]
fn frames_sent_while_init_slow() {
    let driver = Driver::new(&format!("init_hang = true\n{ONE_GPU}"));
    let mut starting = Vec::new();
    collect(&driver, "100ms", |message| match message {
        Message::Sample(sample) => match sample.driver {
            DriverState::Starting { call } => {
                // The library is loaded and its version read just before, and a frame may be sent meanwhile.
                let before = ["dlopen", "nvmlSystemGetNVMLVersion"];
                starting.extend(call.filter(|call| !before.contains(&&*call.function)));
                if starting.len() == 3 {
                    driver.play(ONE_GPU);
                }
                false
            }
            other => matches!(other, DriverState::Ready(_)),
        },
        Message::Heartbeat | Message::Record(_) => false,
    });
    assert!(starting.len() >= 3);
    assert!(starting.iter().all(|call| call.function == "nvmlInit_v2"), "{starting:?}");
}

#[test]
fn slow_readings_read_whole_then_a_tenth_per_tick() {
    let driver = Driver::new(ONE_GPU);
    let mut frames = 0;
    collect(&driver, "100ms", |message| {
        frames += u32::from(ready(message).is_some());
        frames == 31
    });
    let (fast, slow) = (driver.calls("nvmlDeviceGetPowerUsage"), driver.calls("nvmlDeviceGetEnforcedPowerLimit"));
    let expected = 1 + (fast - 1) / 10;
    assert!((expected..=expected + 1).contains(&slow), "{fast} ticks, {slow} slow readings");
}

#[test]
fn gpu_reader_hung_is_named_and_blocks_no_frame() {
    let two = format!("{ONE_GPU}{ONE_GPU}");
    let driver = Driver::new(&two);
    let mut last = None;
    collect(&driver, "100ms", |message| {
        let Some(sample) = ready(message) else { return false };
        driver.play(&format!("{two}{HANG}gpu = 1\n"));
        let stuck = sample.gpus[1].stuck.clone();
        let moved = last.as_ref().is_some_and(|last: &Sample| last.gpus[0].read_at != sample.gpus[0].read_at);
        last = Some(*sample);
        stuck.is_some_and(|call| call.function == "nvmlDeviceGetPowerUsage" && call.gpu == Some(1)) && moved
    });
    driver.play(&two);
    let last = last.unwrap();
    let read = |gpu: usize| last.gpus[gpu].read_at.unwrap().boot;
    assert!(last.gpus[0].stuck.is_none() && read(0) > read(1));
}
