//! What goes wrong on purpose.

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
fn errors_by_function_gpu_and_all() {
    let fake = Fake::play(
        "errors = { nvmlDeviceGetPowerUsage = 4 }\n[[gpu]]\nfan_percent = 1\npower_mw = 5\nerrors = { nvmlDeviceGetFanSpeed = 999, nvmlDeviceGetPowerUsage = 0 }\n[[gpu]]\nfan_percent = 2\npower_mw = 6\n",
    );
    assert_eq!(fan(&fake, 0).0, 999);
    assert_eq!(fan(&fake, 1), (0, 2));
    assert_eq!(fake.get("nvmlDeviceGetPowerUsage", fake.handle(0)), (0, 5_u32), "the GPU's own table comes first");
    assert_eq!(fake.get::<u32>("nvmlDeviceGetPowerUsage", fake.handle(1)).0, 4);
    fake.replay("[[gpu]]\n[gpu.errors]\n\"*\" = 15\n[[gpu]]\nfan_percent = 2\n");
    assert_eq!(fake.handle_code(0).0, 15, "a lost GPU has no handle");
    assert_eq!(fan(&fake, 1), (0, 2), "its neighbour is well");
}

#[test]
fn init_has_own_code() {
    let fake = Fake::load("init = 18\n");
    assert_eq!(fake.init(), 18);
    assert_eq!(fake.handle_code(0).0, 1, "it did not start");
    let slow = Fake::load("init_latency_ms = 150\n[[gpu]]\n");
    let started = Instant::now();
    assert_eq!(slow.init(), 0);
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[test]
fn fault_has_function_gpu_and_turns() {
    let fake =
        Fake::play(&with("function = \"nvmlDeviceGetFanSpeed\"\ngpu = 1\ncode = 999\nafter_calls = 2\ntimes = 3"));
    assert_eq!(fan(&fake, 0).0, 0, "another GPU does not count");
    let codes: Vec<_> = (0..7).map(|_| fan(&fake, 1).0).collect();
    assert_eq!(codes, [0, 0, 999, 999, 999, 0, 0]);
}

#[test]
fn gpu_functions_can_all_be_slow() {
    let fake = Fake::play(&with("function = \"*\"\ngpu = 1\nlatency_ms = 300"));
    let started = Instant::now();
    assert_eq!(fan(&fake, 0), (0, 1));
    assert!(started.elapsed() < Duration::from_millis(250), "the neighbour: {:?}", started.elapsed());
    let started = Instant::now();
    assert_eq!(fan(&fake, 1), (0, 2));
    assert!(started.elapsed() >= Duration::from_millis(600), "the handle and the speed: {:?}", started.elapsed());
}

#[test]
fn garbage_succeeds_with_absurd_values() {
    let fake = Fake::play(&with("function = \"*\"\ngpu = 1\ngarbage = true\nafter_calls = 1"));
    let gpu = fake.handle(1);
    assert_eq!(fake.get("nvmlDeviceGetFanSpeed", gpu), (0, 0xeeee_eeee_u32));
    assert_eq!(
        fake.get("nvmlDeviceGetTotalEnergyConsumption", gpu),
        (0, 0xeeee_eeee_eeee_eeee_u64),
        "also what is not supported"
    );
    let (code, name) = fake.text("nvmlDeviceGetName", gpu, 96);
    assert_eq!((code, name.len()), (0, 95));
    assert!(std::str::from_utf8(&name).is_err());
    assert_eq!(fan(&fake, 0), (0, 1));
}

#[test]
fn hang_ends_with_scenario_and_blocks_no_other() {
    let fake = Fake::play(&with("function = \"nvmlDeviceGetFanSpeed\"\ngpu = 1\nhang = true"));
    let (first, second) = (fake.handle(0).addr(), fake.handle(1).addr());
    let finished = AtomicBool::new(false);
    thread::scope(|scope| {
        let hanging = scope.spawn(|| {
            let told: (u32, u32) = fake.get("nvmlDeviceGetFanSpeed", std::ptr::without_provenance_mut(second));
            finished.store(true, Ordering::SeqCst);
            told
        });
        thread::sleep(Duration::from_millis(150));
        assert!(!finished.load(Ordering::SeqCst), "it hangs");
        // If this were held too, it would never come back.
        assert_eq!(fake.get("nvmlDeviceGetFanSpeed", std::ptr::without_provenance_mut(first)), (0, 1_u32));
        fake.replace(&TWO.replace("fan_percent = 2", "fan_percent = 3"));
        assert_eq!(hanging.join().unwrap(), (0, 3), "it goes on with what plays now");
    });
}

#[test]
fn init_can_hang() {
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
        assert_eq!(fake.handle_code(0).0, 1, "meanwhile nothing is started");
        fake.replace("[[gpu]]\n");
        assert_eq!(hanging.join().unwrap(), 0);
    });
}

#[test]
fn panics_stay_inside_library() {
    let fake = Fake::play(&with("function = \"nvmlDeviceGetFanSpeed\"\ncrash = \"panic\"\ntimes = 1"));
    assert_eq!(fan(&fake, 0).0, 999);
    assert_eq!(fan(&fake, 0), (0, 1), "and it goes on");
}

/// Not a test of its own: the one below runs it, with a fault, in a process that does not survive it.
#[test]
fn meet_a_crash() {
    let Ok(fault) = std::env::var("FAULT") else { return };
    let fake = Fake::play(&with(&fault));
    fan(&fake, 0);
}

#[test]
fn crash_ends_process() {
    let meet = |fault: &str| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "failures::meet_a_crash"])
            .env("FAULT", format!("function = \"nvmlDeviceGetFanSpeed\"\n{fault}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
    };
    assert_eq!(meet("crash = \"segv\"").signal(), Some(11));
    assert_eq!(meet("crash = \"abort\"").signal(), Some(6));
    assert_eq!(meet("crash = \"heap\"").signal(), Some(6));
    assert_eq!(meet("exit = 43").code(), Some(43));
    assert_eq!(meet("latency_ms = 1").code(), Some(0), "the same without a crash");
}

/// Not a test of its own: the one below runs it in a process whose standard output and one pipe of which it reads.
#[test]
fn write_to_where_it_does_not_belong() {
    if std::env::var_os("ASTRAY").is_none() {
        return;
    }
    let (mut end, pipe) = std::io::pipe().unwrap();
    let fault =
        "function = \"nvmlDeviceGetFanSpeed\"\ntimes = 1\nwrite = { to = \"PLACE\", bytes = [104, 105], repeat = 3 }";
    for place in ["stdout", "pipes"] {
        assert_eq!(fan(&Fake::play(&with(&fault.replace("PLACE", place))), 0), (0, 1), "the call goes well");
    }
    drop(pipe);
    let mut said = String::new();
    end.read_to_string(&mut said).unwrap();
    assert_eq!(said, "hihihi");
}

#[test]
fn stray_write_reaches_descriptor() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "failures::write_to_where_it_does_not_belong", "--nocapture"])
        .env("ASTRAY", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("hihihi"), "{said}");
}
