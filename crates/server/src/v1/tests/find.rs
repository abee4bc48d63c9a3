//! `/find` on an agent.

use serde_json::{Value, json};
use telemetry::{
    Absence, Reading,
    snapshot::{Gpu, GpuState, Health, Severity, Snapshot, UseVerdict},
};

use super::{Host, body, hosts};
use crate::config::commands::Commands;
use http_server::auth::Scope;

fn free(index: u32) -> Gpu {
    let mut gpu = hosts::healthy().gpus.swap_remove(0);
    (gpu.index, gpu.key, gpu.identity.uuid) = (index, format!("GPU-{index}"), Ok(format!("GPU-{index}")));
    (gpu.usage.verdict, gpu.health) = (UseVerdict::Free, Health::default());
    gpu.readings.modes.mig = Ok(false);
    gpu.processes.clear();
    gpu
}

fn host(gpus: Vec<Gpu>) -> Host {
    let snapshot = Snapshot { gpus, ..hosts::healthy() };
    Host::new(snapshot, Scope::Summary, Commands::Masked)
}

fn offered(gpus: Vec<Gpu>, query: &str) -> Value {
    let answer = host(gpus).json(&format!("find?{query}"));
    answer["choices"][0]["devices"]
        .as_array()
        .map_or(Value::Null, |devices| devices.iter().map(|device| device["uuid"].clone()).collect())
}

#[test]
fn find_answers_as_the_contract() {
    let gpus = vec![free(0), free(1)];
    let bytes = gpus[0].readings.memory.free_bytes.unwrap();
    let device = |index: u32| json!({"index": index, "uuid": format!("GPU-{index}"), "name": "NVIDIA H200", "memory_free_bytes": bytes});
    assert_eq!(
        host(gpus).json("find?count=2"),
        json!({"schema": 1, "found": true, "choices": [{"host": "gpu01", "devices": [device(0), device(1)],
            "cuda_visible_devices": "GPU-0,GPU-1", "command": null}], "nearest": []})
    );
    let missing = host(vec![free(0)]).json("find?count=2&model=h100");
    assert_eq!(
        missing,
        json!({"schema": 1, "found": false, "choices": [], "nearest": [{"host": "gpu01", "fitting": 0,
            "missing": [{"what": "count", "devices": 1}, {"what": "model", "devices": 1}]}]})
    );
    assert!(host(vec![free(0)]).json("find?labels=rack:a1")["nearest"].as_array().unwrap().is_empty());
    assert_eq!(host(vec![]).json("find")["nearest"][0]["missing"], json!([{"what": "count", "devices": 1}]));
    for query in ["count=0", "memory=lots", "memory=40", "mig=", "held=1"] {
        let refused = host(vec![free(0)]).get(&format!("find?{query}"));
        assert_eq!(refused.status(), 400, "{query}");
        assert!(!body(refused).is_empty());
    }
}

#[test]
fn claimed_devices_are_not_offered() {
    let claimed = Gpu { claim: hosts::planted().gpus.swap_remove(0).claim, ..free(0) };
    assert_eq!(offered(vec![claimed.clone(), free(1)], "count=1"), json!(["GPU-1"]));
    let nearly = host(vec![claimed, free(1)]).json("find?count=2");
    assert_eq!(nearly["nearest"][0]["missing"], json!([{"what": "claimed", "devices": 1}]));
}

#[test]
fn find_never_offers_what_is_not_known_to_be_free() {
    type Change = fn(&mut Gpu);
    let changes: [(&str, Change); 13] = [
        ("busy", |gpu| gpu.usage.verdict = UseVerdict::Busy),
        ("held", |gpu| gpu.usage.verdict = UseVerdict::Held),
        ("unknown", |gpu| gpu.usage.verdict = UseVerdict::Unknown),
        ("stale", |gpu| gpu.state = GpuState::Stale),
        ("asleep", |gpu| gpu.state = GpuState::Asleep),
        ("warning", |gpu| gpu.health.verdict = Severity::Warning),
        ("shared UUID", |gpu| gpu.identity.uuid = Ok("GPU-1".into())),
        ("no UUID", |gpu| gpu.identity.uuid = Err(Absence::Error)),
        ("MIG mode", |gpu| gpu.readings.modes.mig = Ok(true)),
        ("MIG mode unknown", |gpu| (gpu.readings.modes.mig, gpu.mig) = (Err(Absence::Timeout), Ok(vec![]))),
        ("MIG mode not read", |gpu| gpu.readings.modes.mig = Err(Absence::Error)),
        ("prohibited", |gpu| gpu.readings.modes.compute = Ok(2)),
        ("MIG unknown", |gpu| (gpu.readings.modes.mig, gpu.mig) = (Err(Absence::Timeout), Err(Absence::Timeout))),
    ];
    for (name, change) in changes {
        let mut gpu = free(0);
        change(&mut gpu);
        assert_eq!(offered(vec![gpu, free(1)], ""), json!(["GPU-1"]), "{name}");
    }
    let mut memory = free(0);
    memory.readings.memory.free_bytes = Err(Absence::Timeout);
    assert_eq!(offered(vec![memory.clone()], "memory=1G"), Value::Null, "its free memory was not read");
    assert_eq!(offered(vec![memory], ""), json!(["GPU-0"]));
    let mut held = free(0);
    held.usage.verdict = UseVerdict::Held;
    assert_eq!(offered(vec![held.clone()], "held=true"), json!(["GPU-0"]));
    let mut without_mig = free(0);
    without_mig.readings.modes.mig = Err(Absence::NotSupported);
    assert_eq!(offered(vec![without_mig], ""), json!(["GPU-0"]));
    let unusable: [Change; 3] = [
        |gpu| (gpu.readings.modes.mig, gpu.mig) = (Ok(true), Ok(vec![])),
        |gpu| gpu.readings.modes.mig = Err(Absence::Timeout),
        |gpu| gpu.readings.modes.compute = Ok(2),
    ];
    for change in unusable {
        let mut held = held.clone();
        change(&mut held);
        assert_eq!(offered(vec![held], "held=true"), Value::Null);
    }
}

#[test]
fn find_offers_mig_instances() {
    let mut gpu = Gpu { health: Health::default(), ..hosts::mig() };
    let instances: &mut Reading<Vec<_>> = &mut gpu.mig;
    for instance in instances.iter_mut().flatten() {
        (instance.usage.verdict, instance.sample.profile) = (UseVerdict::Free, Ok("1g.18gb".into()));
    }
    let uuid = instances.as_ref().unwrap()[0].sample.uuid.clone().unwrap();
    assert_eq!(offered(vec![gpu.clone()], "mig=1g.18gb")[0], uuid);
    assert!(offered(vec![gpu.clone()], "mig=any").is_array());
    assert_eq!(offered(vec![gpu.clone()], "mig=7g.141gb"), Value::Null);
    assert_eq!(offered(vec![gpu.clone()], ""), Value::Null, "a GPU in MIG mode is not whole");
    gpu.state = GpuState::Stale;
    assert_eq!(offered(vec![gpu], "mig=any"), Value::Null);
}
