//! GPUs that are listed and sick: no reading succeeds, limits are exceeded, or a counter seems to restart.

use serde_json::Value;

use crate::support::{Driver, Start, eventually};

const ALL_BUT_THE_HANDLE: &str = "nvmlDeviceGetHandleByIndex_v2 = 0";

#[test]
fn sick_gpus_are_not_ok() {
    let base = |facts: &str| {
        format!(
            "[[gpu]]\nname = 'NVIDIA H200'\ntemperature_c = 41\npower_mw = 118923\nnvlinks = 18\nnvlinks_total = 18\n\
             fabric_state = 3\nfabric_status = 0\nslowdown_temperature_c = 89\nshutdown_temperature_c = 92\n{facts}\n"
        )
    };
    let failing = |code: u32| base(&format!("errors = {{ '*' = {code}, {ALL_BUT_THE_HANDLE} }}"));
    let falling =
        "energy_mj = { ramp = [5000000000, 5000000100], period_s = 1 }\nxids = [{ after_s = 0.5, code = 79 }]";
    let gpus = [
        (base(""), "ok", "ok", ""),
        (failing(999), "error", "warning", "unreadable"),
        (failing(16), "error", "critical", "reset_required"),
        (base("errors = { nvmlDeviceGetHandleByIndex_v2 = 16 }"), "error", "critical", "reset_required"),
        (base("errors = { nvmlDeviceGetPowerUsage = 999 }"), "ok", "ok", ""),
        (base(falling), "ok", "critical", "xid_79"),
        (base("").replace("temperature_c = 41", "temperature_c = 95"), "ok", "critical", "shutdown_temperature"),
        (base("").replace("nvlinks = 18", "nvlinks = 10"), "ok", "warning", "nvlink_down"),
        (failing(15), "lost", "critical", "lost"),
    ];
    let driver = Driver::new(&gpus.iter().map(|(gpu, ..)| gpu.as_str()).collect::<String>());
    let agent = Start::on(&driver).serve().ready();
    let seen = || -> Vec<(Value, Value, Value)> {
        let snapshot = agent.get("/api/v1/snapshot").json();
        let of = |gpu: &Value| {
            let health = &gpu["health"];
            (gpu["state"].clone(), health["verdict"].clone(), health["reasons"][0]["code"].clone())
        };
        snapshot["gpus"].as_array().unwrap().iter().map(of).collect()
    };
    let expected: Vec<(Value, Value, Value)> = gpus
        .iter()
        .map(|(_, state, verdict, code)| {
            let code = if code.is_empty() { Value::Null } else { (*code).into() };
            ((*state).into(), (*verdict).into(), code)
        })
        .collect();
    eventually("these verdicts", || (seen() == expected).then_some(()));
    let gpus = agent.get("/api/v1/snapshot").json()["gpus"].clone();
    let detail = |gpu: usize| gpus[gpu]["state_detail"].as_str().unwrap().to_owned();
    assert!(detail(1).contains("Unknown Error (999)"), "{}", detail(1));
    assert!(detail(2).contains("GPU requires restart (16)"), "{}", detail(2));
    // Several falls of 100 mJ later the error is still held against it.
    let events = |code: &str| agent.get("/api/v1/events").text().matches(code).count();
    assert_eq!(events("xid_79"), 1);
    std::iter::repeat_with(&seen).take(30).for_each(|now| assert_eq!(now[5], expected[5]));
}
