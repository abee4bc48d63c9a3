//! `scripts/gpu-check` on the simulated driver: nvidia-ml-py is the real one, nvidia-smi a stand-in that says what the test
//! has it say. What the check finds on a real GPU it must find here.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Driver, agent_program, client, repository};

const GPU: &str = "
[[gpu]]
name = 'NVIDIA H200'
uuid = 'GPU-00000000-0000-0000-0000-00000000000a'
pci_bus_id = '00000000:1B:00.0'
minor_number = 4
temperature_c = 41
power_mw = 118923
power_limit_mw = 700000
utilization_percent = 61
memory_utilization_percent = 62
memory_total_bytes = 150754820096
memory_used_bytes = 94371840000
memory_reserved_bytes = 512753664
graphics_clock_mhz = 1980
clocks_event_reasons = 4
performance_state = 1
ecc_enabled = true
persistence = true
compute_mode = 3
fields = { 230 = 0 }
";

/// Output of nvidia-smi for it; unsupported values are N/A or have no tag.
const SAYS: &str = "<?xml version='1.0' ?>
<!DOCTYPE nvidia_smi_log SYSTEM 'nvsmi_device_v12.dtd'>
<nvidia_smi_log><driver_version>580.95.05</driver_version><gpu id='00000000:1B:00.0'>
<product_name>NVIDIA H200</product_name><uuid>GPU-00000000-0000-0000-0000-00000000000a</uuid>
<minor_number>4</minor_number><serial>N/A</serial><persistence_mode>Enabled</persistence_mode>
<mig_mode><current_mig>N/A</current_mig></mig_mode><compute_mode>Exclusive_Process</compute_mode>
<pci><pci_bus_id>00000000:1B:00.0</pci_bus_id></pci><performance_state>P1</performance_state>
<clocks_event_reasons><clocks_event_reason_sw_power_cap>Active</clocks_event_reason_sw_power_cap>
<clocks_event_reason_hw_slowdown>Not Active</clocks_event_reason_hw_slowdown></clocks_event_reasons>
<fb_memory_usage><total>143771 MiB</total><reserved>489 MiB</reserved><used>90000 MiB</used><free>53282 MiB</free></fb_memory_usage>
<utilization><gpu_util>61 %</gpu_util><memory_util>62 %</memory_util><encoder_util>N/A</encoder_util></utilization>
<ecc_mode><current_ecc>Enabled</current_ecc></ecc_mode><temperature><gpu_temp>41 C</gpu_temp></temperature>
<gpu_power_readings><average_power_draw>118.92 W</average_power_draw><requested_power_limit>700.00 W</requested_power_limit>
<default_power_limit>N/A</default_power_limit></gpu_power_readings>
<clocks><graphics_clock>1980 MHz</graphics_clock><sm_clock>N/A</sm_clock></clocks>
<gpu_recovery_action>None</gpu_recovery_action><processes></processes></gpu></nvidia_smi_log>
";

/// Runs the check; its status and what it found.
fn check(driver: &Driver, says: &str) -> (i32, Value) {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("nvidia-smi");
    fs::write(&program, format!("#!/bin/sh\ncat <<'SAYS'\n{says}SAYS\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let python = client("nvitop").canonicalize().unwrap().with_file_name("python");
    let output = folder.path().join("out");
    let run = Command::new(python)
        .arg(repository("scripts/gpu-check"))
        .args([Path::new("--output"), &output])
        .args(["--interval=100ms", "--seconds=0.5", "--agent"])
        .arg(agent_program())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .env("LD_LIBRARY_PATH", driver.folder())
        .env("FAKE_NVML_SCENARIO", driver.scenario())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    let report = fs::read_to_string(output.join("report.json")).unwrap_or_else(|error| panic!("{error}: {said}"));
    let capture = fs::read_to_string(output.join("capture.toml")).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert!(capture.contains("nvmlDeviceGetPowerUsage") && !capture.contains("00000000000a"), "{capture}");
    (run.status.code().unwrap(), serde_json::from_str(&report).unwrap())
}

/// The fields that differ, as they stand beside each other.
fn apart(found: &Value) -> Vec<(String, String)> {
    let rows = found["rows"].as_array().unwrap().iter().filter(|row| row["agrees"] == false);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.map(|row| (text(&row["beside"]), text(&row["field"]))).collect()
}

#[test]
fn gpu_check_finds_agreement_and_names_differences() {
    let driver = Driver::new(GPU);
    fs::copy(driver.library(), driver.folder().join("libnvidia-ml.so")).unwrap();
    let (status, found) = check(&driver, SAYS);
    assert_eq!(apart(&found), [], "{found:#}");
    assert_eq!(status, 0);
    for other in ["nvidia-smi", "nvidia-ml-py"] {
        let compared = found["rows"].as_array().unwrap().iter().filter(|row| row["beside"] == other);
        assert!(compared.count() >= 30, "{other}: {found:#}");
    }
    assert!(found["costs"]["calls"]["nvmlDeviceGetPowerUsage"]["count"].as_f64().unwrap() > 5.0);

    let wrong = SAYS
        .replace("118.92 W", "230.00 W")
        .replace("Exclusive_Process", "Default")
        .replace("<sm_clock>N/A", "<sm_clock>1980 MHz")
        .replace("90000 MiB", "80000 MiB")
        .replace("sw_power_cap>Active", "sw_power_cap>Not Active");
    let (status, found) = check(&driver, &wrong);
    let fields = ["memory.used_bytes", "power.draw_watts", "clocks.sm_mhz", "modes.compute", "clocks.event_reasons"];
    assert_eq!(apart(&found), fields.map(|field| ("nvidia-smi".to_owned(), field.to_owned())));
    assert_eq!(status, 1);
}
