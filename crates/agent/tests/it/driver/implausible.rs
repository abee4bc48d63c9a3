//! Numbers that cannot be: absent with the reason `error` in every view, and in no counter, alarm or sum.

use serde_json::{Value, json};

use crate::support::{Agent, Driver, Start, eventually};

const GPU: &str = "
[[gpu]]
name = 'NVIDIA H200'
utilization_percent = 37
temperature_c = 41
power_mw = 118923
power_limit_mw = 700000
memory_total_bytes = 150754820096
memory_used_bytes = 1073741824
memory_reserved_bytes = 512753664
sm_clock_mhz = 1980
max_sm_clock_mhz = 1980
fan_percent = 30
ecc_enabled = 1
ecc_volatile_uncorrected = 0
remapped_correctable = 0
remapped_uncorrectable = 0
remapped_pending = 0
remapped_failed = 0
pcie_generation = 4
pcie_width = 16
pcie_max_generation = 4
pcie_max_width = 16
slowdown_temperature_c = 87
xids = []
";

/// Lines of a GPU, instead of those above with the same key, and the readings that they spoil.
const SPOILED: [(&str, &[&str]); 24] = [
    ("power_mw = 4294967295", &["power.draw_watts"]),
    ("power_mw = 2147483632", &["power.draw_watts"]),
    ("power_mw = 2200000", &["power.draw_watts"]),
    ("power_limit_mw = 0", &["power.limit_watts"]),
    ("temperature_c = -256", &["temperature.gpu_celsius"]),
    ("temperature_c = 255", &["temperature.gpu_celsius"]),
    ("fan_percent = 4294967295", &["fans"]),
    ("sm_clock_mhz = 4294967295", &["clocks.sm_mhz"]),
    ("sm_clock_mhz = 99999", &["clocks.sm_mhz"]),
    ("max_sm_clock_mhz = 0", &["clocks.max_sm_mhz"]),
    ("ecc_volatile_uncorrected = 4294967295", &["ecc.volatile_uncorrected"]),
    ("ecc_volatile_uncorrected = 9223372036854775807", &["ecc.volatile_uncorrected"]),
    ("ecc_enabled = 4294967295", &["ecc.enabled"]),
    ("remapped_pending = 4294967295", &["remapped_rows.pending"]),
    ("remapped_failed = 255", &["remapped_rows.failed"]),
    ("pcie_generation = 0\npcie_width = 0", &["pcie.generation", "pcie.width"]),
    ("slowdown_temperature_c = 0", &["temperature.slowdown_celsius"]),
    ("memory_used_bytes = 160000000000", &["memory.used_bytes", "memory.free_bytes"]),
    ("memory_total_bytes = 9000000000000000000", &["memory.total_bytes", "memory.free_bytes"]),
    (
        "memory_total_bytes = 0",
        &["memory.total_bytes", "memory.used_bytes", "memory.free_bytes", "memory.reserved_bytes", "memory.unified"],
    ),
    ("bar1_total_bytes = 1000000\nbar1_used_bytes = 4294967295", &["memory.bar1_used_bytes"]),
    ("utilization_percent = 37\nmemory_utilization_percent = 101", &["utilization.memory_percent"]),
    ("energy_mj = 9223372036854775807", &["power.energy_joules"]),
    ("clocks_event_reasons = 4294967295", &["clocks.event_reasons"]),
];

/// The GPU with other values of the keys in these lines.
fn with(lines: &str) -> String {
    let key = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
    let others: Vec<String> = lines.lines().map(key).collect();
    let kept = GPU.lines().filter(|line| !others.contains(&key(line)));
    format!("{}\n{lines}\n", kept.collect::<Vec<_>>().join("\n"))
}

fn gpus(agent: &Agent) -> Vec<Value> {
    eventually("every slow reading", || {
        let gpus = agent.get("/api/v1/snapshot").json()["gpus"].as_array().cloned().unwrap_or_default();
        let read = |gpu: &Value| gpu["absent"]["modes.persistence"] == "not_supported";
        (!gpus.is_empty() && gpus.iter().all(read)).then_some(gpus)
    })
}

#[test]
fn implausible_values_absent_in_every_view() {
    let scenario: String = SPOILED.iter().map(|(lines, _)| with(lines)).collect();
    let driver = Driver::new(&(with("") + &scenario));
    let agent = Start::on(&driver).serve().ready();
    let gpus = gpus(&agent);
    let (native, dcgm) = (agent.get("/metrics"), agent.get("/metrics?names=dcgm"));
    for (number, (lines, paths)) in (1..).zip(SPOILED) {
        let gpu = &gpus[number];
        for path in paths {
            assert_eq!(gpu["absent"][path], "error", "{lines}: {path}");
        }
        // Whatever depends on it is absent too, and nothing else.
        let with_used = paths.iter().any(|path| path.starts_with("memory."));
        for (path, _) in gpu["absent"].as_object().unwrap().iter().filter(|(_, why)| *why == "error") {
            let expected = paths.contains(&path.as_str()) || with_used && path == "use.unattributed_bytes";
            assert!(expected, "{lines}: {path}");
        }
        assert_eq!((&gpu["health"]["verdict"], &gpu["state"]), (&json!("ok"), &json!("ok")), "{lines}");
    }
    // Nothing of it is a sample, and no sum is beside itself.
    for text in [native.text(), dcgm.text()] {
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.contains("_timestamp_")) {
            let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
            assert!((0.0..1.0e12).contains(&value), "{line}");
        }
    }
    let status = agent.get("/status").json();
    let devices = &status["data"]["devices"];
    assert_eq!(devices[1]["power_status"], "N/A / 700W");
    assert_eq!((&devices[5]["temperature"], &devices[7]["fan_speed"]), (&json!("N/A"), &json!("N/A")));
    assert_eq!((&devices[18]["memory_used_human"], &devices[18]["memory_free_human"]), (&json!("N/A"), &json!("N/A")));
    assert_eq!((&devices[20]["memory_total_human"], &devices[22]["gpu_utilization"]), (&json!("N/A"), &json!(37)));
}
