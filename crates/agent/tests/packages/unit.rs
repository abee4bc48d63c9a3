//! The unit, as systemd judges it.

use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;

use crate::kit::{Machine, Root, released, repository, said, shell};

/// Highest exposure of each unit, by systemd's reckoning.
const HIGHEST: [(&str, f64); 2] = [("nvidia-smi-web-agent", 2.0), ("nvidia-smi-web-hub", 1.5)];

fn exposure(text: &str) -> f64 {
    let line = text.lines().find(|line| line.contains("Overall exposure level"));
    let words = line.unwrap_or_else(|| panic!("no level in {text}")).split_whitespace();
    words.filter_map(|word| word.parse().ok()).next().unwrap()
}

#[test]
fn units_have_low_exposure_scores() {
    for (unit, highest) in HIGHEST {
        let text =
            said(shell(r#"systemd-analyze security --offline=yes "deploy/systemd/$UNIT.service""#).env("UNIT", unit));
        assert!(exposure(&text) <= highest, "{text}");
    }
}

#[test]
fn unit_valid_for_old_and_new_systemd() {
    let unit = "/usr/lib/systemd/system/nvidia-smi-web-agent.service";
    let root = Root::unpack();
    root.bring(&released(".deb"), "/agent.deb");
    root.run("dpkg --install /agent.deb");
    for drop_in in ["original", "credential"] {
        let folder = format!("{unit}.d");
        let from = repository().join(format!("deploy/systemd/drop-ins/{drop_in}.conf"));
        root.bring(&from, &format!("{folder}/{drop_in}.conf"));
    }
    let hub = "/usr/lib/systemd/system/nvidia-smi-web-hub.service";
    let told = said(
        shell(
            r#"systemd-analyze verify --man=no --root="$ROOT" nvidia-smi-web-agent.service nvidia-smi-web-hub.service"#,
        )
        .env("ROOT", root.path()),
    );
    assert_eq!(told.trim(), "", "the newer one");
    // The older one looks for itself first, and must be there. Neither has a program that shows pages of the manual.
    let told = Machine::boot(root).run(&format!("systemd-analyze verify --man=no {unit} {hub}"));
    assert_eq!(told.trim(), "", "the older one");
}

#[test]
fn unit_allows_required_files() {
    let unit = fs::read_to_string(repository().join("deploy/systemd/nvidia-smi-web-agent.service")).unwrap();
    let set: Vec<&str> = unit.lines().filter(|line| !line.starts_with('#')).collect();
    for hides in ["ProtectProc=", "ProcSubset=", "PrivateUsers=", "PrivateDevices=", "PrivateNetwork="] {
        assert!(!set.iter().any(|line| line.starts_with(hides)), "{hides}");
    }
    for line in [
        "Type=notify",
        "WatchdogSec=30",
        "RuntimeDirectoryMode=0755",
        "StateDirectoryMode=0700",
        "KillMode=mixed",
        "RestartPreventExitStatus=2",
        "DeviceAllow=char-195 rwm",
        "ExecStartPre=-+/bin/sh /usr/lib/nvidia-smi-web-agent/device-files",
        "EnvironmentFile=/etc/nvidia-smi-web-agent/agent.env",
    ] {
        assert!(set.contains(&line), "{line}");
    }
    assert!(set.iter().any(|line| line.starts_with("RestrictAddressFamilies=AF_UNIX ")));
}

#[test]
fn hub_unit_allows_no_device_and_keeps_settings_in_its_own_file() {
    let unit = fs::read_to_string(repository().join("deploy/systemd/nvidia-smi-web-hub.service")).unwrap();
    for line in [
        "Type=notify",
        "DynamicUser=yes",
        "DevicePolicy=closed",
        "PrivateDevices=yes",
        "RestartPreventExitStatus=2",
        "EnvironmentFile=/etc/nvidia-smi-web-agent/hub.env",
        "ExecStart=/usr/bin/nvidia-smi-web-agent hub",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    assert!(!unit.lines().any(|line| line.starts_with("DeviceAllow=")));
}

#[test]
fn device_files_created_for_present_gpus_only() {
    let folder = TempDir::new().unwrap();
    let (proc, program, told) = (folder.path().join("proc"), folder.path().join("program"), folder.path().join("told"));
    fs::write(&program, format!("#!/bin/sh\necho \"$*\" >>{}\n", told.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let run = || {
        let _ = fs::remove_file(&told);
        let line = r#"deploy/packages/device-files "$PROC" "$PROGRAM""#;
        said(shell(line).env("PROC", &proc).env("PROGRAM", &program));
        fs::read_to_string(&told).unwrap()
    };
    assert_eq!(run(), "-c 255\n-c 255\n", "of a host without a GPU");
    for (minor, address) in [(0, "0000:17:00.0"), (3, "0000:65:00.0")] {
        let gpu = proc.join("driver/nvidia/gpus").join(address);
        fs::create_dir_all(&gpu).unwrap();
        let text = format!("Model: \t\t NVIDIA H200\nDevice Minor: \t {minor}\nGPU Excluded:\t No\n");
        fs::write(gpu.join("information"), text).unwrap();
    }
    assert_eq!(run(), "-c 255\n-c 255 -c 0 -c 3\n");
    let monitor = proc.join("driver/nvidia/capabilities/mig/monitor");
    fs::create_dir_all(monitor.parent().unwrap()).unwrap();
    fs::write(&monitor, "DeviceFileMinor: 2\n").unwrap();
    assert_eq!(run(), format!("-c 255\n-c 255 -c 0 -c 3 -f {}\n", monitor.display()));
    // A host without the program has other means.
    said(&mut shell("deploy/packages/device-files /no/such /no/such"));
}
