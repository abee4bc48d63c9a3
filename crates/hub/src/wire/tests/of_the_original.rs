//! `/status` of the original Python agent.

use std::{fs, path::Path};

use super::*;

fn status(devices: &Value, processes: &Value) -> Result<Report, WireError> {
    let count = devices.as_array().map_or(0, Vec::len);
    let value = json!({"code": 0, "data": {"count": count, "devices": devices, "processes": processes}});
    original(value.to_string().as_bytes())
}

fn device(change: &Value) -> Value {
    let mut device = json!({"idx": 0, "name": "NVIDIA GeForce RTX 3090", "fan_speed": 51, "temperature": 55,
        "power_status": "119W / 350W", "gpu_utilization": 4, "memory_total_human": "24576MiB",
        "memory_used_human": "100MiB", "memory_free_human": "24476MiB", "memory_utilization": 0, "ts": 1});
    for (key, value) in change.as_object().unwrap() {
        device[key] = value.clone();
    }
    device
}

fn used(change: Value, processes: Value) -> UseVerdict {
    status(&json!([device(&change)]), &processes).unwrap().gpus[0].r#use
}

#[test]
fn golden_recordings_read() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/golden"));
    let (mut reports, mut refused) = (0, 0);
    for file in fs::read_dir(folder).unwrap() {
        let case: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        for request in case["requests"].as_array().unwrap() {
            if request["path"] != "/status" || request["original"]["body"].is_null() {
                continue;
            }
            let body = &request["original"]["body"];
            match original(body.to_string().as_bytes()) {
                Ok(report) => {
                    assert_eq!(report.gpus.len(), body["data"]["devices"].as_array().unwrap().len());
                    assert!(report.gpus.iter().all(|gpu| gpu.name.is_some() && gpu.r#use != UseVerdict::Held));
                    reports += 1;
                }
                Err(error) => {
                    assert!(body["code"] != 0 && matches!(error, WireError::Reported(_)), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(reports >= 6 && refused >= 3, "{reports} and {refused}");
}

#[test]
fn row_read_whole() {
    let processes =
        json!([{"idx": 0, "username": "bob"}, {"idx": 0, "username": "alice"}, {"idx": 0, "username": "bob"}]);
    let gpu = status(&json!([device(&json!({}))]), &processes).unwrap().gpus.remove(0);
    assert_eq!((gpu.memory_total_bytes, gpu.memory_free_bytes), (Some(24_576 << 20), Some(24_476 << 20)));
    assert_eq!((gpu.utilization_percent, gpu.temperature_celsius), (Some(4), Some(55)));
    assert_eq!(gpu.power_watts, Some(119.0));
    assert_eq!(gpu.users.as_deref(), Some(["alice".into(), "bob".into()].as_slice()));
    assert_eq!((gpu.state, gpu.health, gpu.uuid), (None, None, None));
}

#[test]
fn use_follows_processes_utilization_and_memory() {
    let none = json!([]);
    let somebody = json!([{"idx": 0, "username": "bob"}]);
    for (change, processes, expected) in [
        (json!({}), &none, UseVerdict::Free),
        (json!({}), &somebody, UseVerdict::Busy),
        (json!({"gpu_utilization": 5}), &none, UseVerdict::Busy),
        (json!({"gpu_utilization": "N/A"}), &none, UseVerdict::Unknown),
        (json!({"gpu_utilization": 101}), &none, UseVerdict::Unknown),
        (json!({"memory_used_human": "1228MiB", "memory_free_human": "23348MiB"}), &none, UseVerdict::Free),
        (json!({"memory_used_human": "1229MiB", "memory_free_human": "23347MiB"}), &none, UseVerdict::Unknown),
        (json!({"memory_used_human": "N/A"}), &none, UseVerdict::Unknown),
        (json!({"memory_total_human": "N/A"}), &none, UseVerdict::Unknown),
        (json!({"memory_total_human": "0MiB", "memory_used_human": "0MiB"}), &none, UseVerdict::Unknown),
        (json!({"memory_used_human": "-1MiB"}), &none, UseVerdict::Unknown),
        (json!({"memory_free_human": "99999MiB"}), &none, UseVerdict::Unknown),
        (json!({}), &json!([{"idx": 7}]), UseVerdict::Unknown),
        (json!({}), &json!([null]), UseVerdict::Unknown),
        (json!({}), &json!(null), UseVerdict::Unknown),
        (json!({}), &json!([{"idx": 0, "username": "N/A"}]), UseVerdict::Busy),
    ] {
        assert_eq!(used(change.clone(), processes.clone()), expected, "{change} {processes}");
    }
}

#[test]
fn answer_of_others_refused() {
    for value in [
        json!({"code": 0}),
        json!({"code": 0, "data": []}),
        json!({"data": {"devices": [], "processes": []}}),
        json!({"code": "0", "data": {"devices": [], "processes": []}}),
        json!({"code": 0, "data": {"count": 2, "devices": [], "processes": []}}),
        json!({"code": 0, "data": {"devices": [{"idx": 0}, {"idx": 0}], "processes": []}}),
        json!({"status": "ok"}),
    ] {
        assert!(original(value.to_string().as_bytes()).is_err(), "{value}");
    }
    let failed = original(br#"{"code":2,"data":null,"error":"Driver Not Loaded"}"#).unwrap_err();
    assert_eq!(failed.to_string(), "the agent reports: Driver Not Loaded");
}
