//! The scenario file: missing, invalid and changed.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::{Fake, RELOADED};

#[test]
fn init_fails_without_scenario() {
    let fake = Fake::load("x = 1");
    assert_eq!(fake.init(), 999, "an unknown key");
    fs::remove_file(fake.folder().join("scenario.toml")).unwrap();
    assert_eq!(fake.init(), 999, "no file");
    fake.replace("[[gpu]]\n");
    assert_eq!(fake.init(), 0, "init tries again");
}

#[test]
fn changed_scenario_is_reloaded() {
    let fake = Fake::play("[[gpu]]\nfan_percent = 10\n");
    let gpu = fake.handle(0);
    assert_eq!(fake.get("nvmlDeviceGetFanSpeed", gpu), (0, 10_u32));
    fake.replay("[[gpu]]\nfan_percent = 20\n");
    assert_eq!(fake.get("nvmlDeviceGetFanSpeed", gpu), (0, 20_u32));
    fake.replay("[[gpu]]\nfan_percent = \"no\"\n");
    assert_eq!(fake.get("nvmlDeviceGetFanSpeed", gpu), (0, 20_u32), "an invalid version is ignored");
    fake.replay("");
    assert_eq!(fake.get("nvmlDeviceGetFanSpeed", gpu), (0, 20_u32), "so is an empty one");
    fake.replay("driver_version = \"1\"\n");
    assert_eq!(fake.get::<u32>("nvmlDeviceGetFanSpeed", gpu).0, 15, "a removed GPU is lost");
}

#[test]
fn handles_survive_a_smaller_count() {
    let fake = Fake::play("[[gpu]]\nfan_percent = 1\n[[gpu]]\nfan_percent = 2\n");
    let second = fake.handle(1);
    fake.replay("count = 1\n[[gpu]]\nfan_percent = 1\n[[gpu]]\nfan_percent = 2\n");
    assert_eq!(count(&fake), (0, 1));
    assert_eq!(fake.handle_code(1).0, 2);
    assert_eq!(fake.get("nvmlDeviceGetFanSpeed", second), (0, 2_u32));
    fake.replay("count_error = 999\n[[gpu]]\n[[gpu]]\n");
    assert_eq!(count(&fake).0, 999);
}

fn count(fake: &Fake) -> (u32, u32) {
    let function: unsafe extern "C" fn(*mut u32) -> u32 = fake.function("nvmlDeviceGetCount_v2");
    let mut count = 0;
    // SAFETY: the pointer leads to a number of ours.
    (unsafe { function(&raw mut count) }, count)
}

#[test]
fn values_change_with_time_since_loading() {
    let fake = Fake::play("[[gpu]]\nenergy_mj = { count_from = 1000000, per_s = 1000 }\n");
    let gpu = fake.handle(0);
    let (_, first): (u32, u64) = fake.get("nvmlDeviceGetTotalEnergyConsumption", gpu);
    assert!((1_000_000..1_005_000).contains(&first), "{first}");
    std::thread::sleep(RELOADED);
    let (_, second): (u32, u64) = fake.get("nvmlDeviceGetTotalEnergyConsumption", gpu);
    assert!(second >= first + 40, "{first} {second}");
}

/// Helper of the test below, which reads the standard error of its process.
#[test]
fn helper_with_invalid_scenario() {
    if std::env::var_os("INVALID_SCENARIO").is_none() {
        return;
    }
    let fake = Fake::load("seed = 1\n[[gpu]]\nnmae = \"X\"\n");
    assert_eq!(fake.init(), 999);
}

#[test]
fn mistake_is_reported_in_one_line() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "scenario_file::helper_with_invalid_scenario", "--nocapture"])
        .env("INVALID_SCENARIO", "1")
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = stderr.lines().filter(|line| line.starts_with("fake-nvml: ")).collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    for part in ["scenario.toml", "line 3, column 1", "nmae"] {
        assert!(lines[0].contains(part), "{}", lines[0]);
    }
}
