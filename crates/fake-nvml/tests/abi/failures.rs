//! Faults and error codes.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::Fake;

const TWO: &str = "[[gpu]]\nfan_percent = 1\npower_mw = 5\n[[gpu]]\nfan_percent = 2\npower_mw = 6\n";

fn with(fault: &str) -> String {
    format!("{TWO}[[fault]]\n{fault}\n")
}

fn fan(fake: &Fake, gpu: u32) -> (u32, u32) {
    fake.get("nvmlDeviceGetFanSpeed", fake.handle(gpu))
}

#[test]
fn errors_apply_by_function_gpu_and_wildcard() {
    let fake = Fake::play(
        "errors = { nvmlDeviceGetPowerUsage = 4 }\n[[gpu]]\nfan_percent = 1\npower_mw = 5\nerrors = { nvmlDeviceGetFanSpeed = 999, nvmlDeviceGetPowerUsage = 0 }\n[[gpu]]\nfan_percent = 2\npower_mw = 6\n",
    );
    assert_eq!(fan(&fake, 0).0, 999);
    assert_eq!(fan(&fake, 1), (0, 2));
    assert_eq!(fake.get("nvmlDeviceGetPowerUsage", fake.handle(0)), (0, 5_u32), "the GPU's own table has priority");
    assert_eq!(fake.get::<u32>("nvmlDeviceGetPowerUsage", fake.handle(1)).0, 4);
    fake.replay("[[gpu]]\n[gpu.errors]\n\"*\" = 15\n[[gpu]]\nfan_percent = 2\n");
    assert_eq!(fake.handle_code(0).0, 15, "a lost GPU has no handle");
    assert_eq!(fan(&fake, 1), (0, 2), "the other GPU works");
}

#[test]
fn init_has_own_code() {
    let fake = Fake::load("init = 18\n");
    assert_eq!(fake.init(), 18);
    assert_eq!(fake.handle_code(0).0, 1, "not initialized");
    let slow = Fake::load("init_latency_ms = 150\n[[gpu]]\n");
    let started = Instant::now();
    assert_eq!(slow.init(), 0);
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[test]
fn fault_has_function_gpu_and_times() {
    let fake =
        Fake::play(&with("function = \"nvmlDeviceGetFanSpeed\"\ngpu = 1\ncode = 999\nafter_calls = 2\ntimes = 3"));
    assert_eq!(fan(&fake, 0).0, 0, "another GPU does not count");
    let codes: Vec<_> = (0..7).map(|_| fan(&fake, 1).0).collect();
    assert_eq!(codes, [0, 0, 999, 999, 999, 0, 0]);
}

#[test]
fn wildcard_fault_delays_one_gpu() {
    let fake = Fake::play(&with("function = \"*\"\ngpu = 1\nlatency_ms = 300"));
    let started = Instant::now();
    assert_eq!(fan(&fake, 0), (0, 1));
    assert!(started.elapsed() < Duration::from_millis(250), "the other GPU: {:?}", started.elapsed());
    let started = Instant::now();
    assert_eq!(fan(&fake, 1), (0, 2));
    assert!(started.elapsed() >= Duration::from_millis(600), "handle and speed: {:?}", started.elapsed());
}

#[test]
fn garbage_succeeds_with_absurd_values() {
    let fake = Fake::play(&with("function = \"*\"\ngpu = 1\ngarbage = true\nafter_calls = 1"));
    let gpu = fake.handle(1);
    assert_eq!(fake.get("nvmlDeviceGetFanSpeed", gpu), (0, 0xeeee_eeee_u32));
    assert_eq!(
        fake.get("nvmlDeviceGetTotalEnergyConsumption", gpu),
        (0, 0xeeee_eeee_eeee_eeee_u64),
        "even for an unsupported value"
    );
    let (code, name) = fake.text("nvmlDeviceGetName", gpu, 96);
    assert_eq!((code, name.len()), (0, 95));
    assert!(std::str::from_utf8(&name).is_err());
    assert_eq!(fan(&fake, 0), (0, 1));
}

#[test]
fn hang_ends_with_its_scenario_and_blocks_one_call() {
    let fake = Fake::play(&with("function = \"nvmlDeviceGetFanSpeed\"\ngpu = 1\nhang = true"));
    let (first, second) = (fake.handle(0).addr(), fake.handle(1).addr());
    let finished = AtomicBool::new(false);
    thread::scope(|scope| {
        let hanging = scope.spawn(|| {
            let result: (u32, u32) = fake.get("nvmlDeviceGetFanSpeed", std::ptr::without_provenance_mut(second));
            finished.store(true, Ordering::SeqCst);
            result
        });
        thread::sleep(Duration::from_millis(150));
        assert!(!finished.load(Ordering::SeqCst), "it hangs");
        // If the hang blocked this call as well, it would never return.
        assert_eq!(fake.get("nvmlDeviceGetFanSpeed", std::ptr::without_provenance_mut(first)), (0, 1_u32));
        fake.replace(&TWO.replace("fan_percent = 2", "fan_percent = 3"));
        assert_eq!(hanging.join().unwrap(), (0, 3), "it continues with the new version");
    });
}

#[test]
fn init_hangs_until_scenario_changes() {
    let fake = Fake::load("init_hang = true\n[[gpu]]\n");
    let finished = AtomicBool::new(false);
    thread::scope(|scope| {
        let hanging = scope.spawn(|| {
            let code = fake.init();
            finished.store(true, Ordering::SeqCst);
            code
        });
        thread::sleep(Duration::from_millis(150));
        assert!(!finished.load(Ordering::SeqCst));
        assert_eq!(fake.handle_code(0).0, 1, "not initialized during the hang");
        fake.replace("[[gpu]]\n");
        assert_eq!(hanging.join().unwrap(), 0);
    });
}

#[test]
fn panic_becomes_unknown_error() {
    let fake = Fake::play(&with("function = \"nvmlDeviceGetFanSpeed\"\ncrash = \"panic\"\ntimes = 1"));
    assert_eq!(fan(&fake, 0).0, 999);
    assert_eq!(fan(&fake, 0), (0, 1), "the next call works");
}

/// Helper of the test below, which runs it in a process that crashes.
#[test]
fn helper_that_crashes() {
    let Ok(fault) = std::env::var("FAULT") else { return };
    let fake = Fake::play(&with(&fault));
    fan(&fake, 0);
}

#[test]
fn crash_ends_the_process() {
    let crash = |fault: &str| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "failures::helper_that_crashes"])
            .env("FAULT", format!("function = \"nvmlDeviceGetFanSpeed\"\n{fault}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
    };
    assert_eq!(crash("crash = \"segv\"").signal(), Some(11));
    assert_eq!(crash("crash = \"abort\"").signal(), Some(6));
    assert_eq!(crash("crash = \"heap\"").signal(), Some(6));
    assert_eq!(crash("exit = 43").code(), Some(43));
    assert_eq!(crash("latency_ms = 1").code(), Some(0), "no crash without a fault");
}

/// Helper of the test below, which reads the standard output of its process; it reads a pipe itself.
#[test]
fn helper_that_writes_stray_bytes() {
    if std::env::var_os("STRAY").is_none() {
        return;
    }
    let (mut end, pipe) = std::io::pipe().unwrap();
    let fault =
        "function = \"nvmlDeviceGetFanSpeed\"\ntimes = 1\nwrite = { to = \"PLACE\", bytes = [104, 105], repeat = 3 }";
    for place in ["stdout", "pipes"] {
        assert_eq!(fan(&Fake::play(&with(&fault.replace("PLACE", place))), 0), (0, 1), "the call succeeds");
    }
    drop(pipe);
    let mut read = String::new();
    end.read_to_string(&mut read).unwrap();
    assert_eq!(read, "hihihi");
}

#[test]
fn stray_bytes_reach_stdout_and_pipes() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "failures::helper_that_writes_stray_bytes", "--nocapture"])
        .env("STRAY", "1")
        .output()
        .unwrap();
    let written = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && written.contains("hihihi"), "{written}");
}
