//! GPUs whose UUID is not their own, or cannot be read: each has records of its own.

use serde_json::Value;

use crate::support::{Driver, Start, eventually};

#[test]
fn gpus_without_uuid_of_their_own_share_nothing() {
    let zeros = "uuid = 'GPU-00000000-0000-0000-0000-000000000000'\n";
    let unreadable = "errors = { nvmlDeviceGetUUID = 999 }\n";
    let same = "uuid = 'GPU-11111111-2222-3333-4444-555555555555'\n";
    let [works, sick] =
        ["utilization_percent = 95\n", "utilization_percent = 0\nxids = [{ after_s = 0.3, code = 79 }]\n"];
    // The energy counters differ, so that one record read by two GPUs in turn would see a reset.
    let pairs = [zeros, unreadable, same];
    let gpus = pairs.iter().zip(1..).flat_map(|(uuid, pair)| {
        [(uuid, works, pair * 7_000_000_000_u64), (uuid, sick, pair * 1_000_000_000)]
            .map(|(uuid, state, energy)| format!("[[gpu]]\nname = 'A'\nenergy_mj = {energy}\n{state}{uuid}"))
    });
    let driver = Driver::new(&gpus.collect::<String>());
    let agent = Start::on(&driver).serve().ready();
    let codes = || -> Vec<Value> {
        let gpus = agent.get("/api/v1/gpus").json();
        gpus.as_array().unwrap().iter().map(|gpu| gpu["health"]["reasons"][0]["code"].clone()).collect()
    };
    let [well, ill] = [Value::Null, Value::from("xid_79")];
    let expected: Vec<Value> = pairs.iter().flat_map(|_| [well.clone(), ill.clone()]).collect();
    eventually("these verdicts", || (codes() == expected).then_some(()));
    // It stays so with each further reading.
    std::iter::repeat_with(&codes).take(30).for_each(|now| assert_eq!(now, expected));
    let snapshot = agent.get("/api/v1/snapshot").json();
    let notes = snapshot["host"]["notes"].to_string();
    assert_eq!(notes.matches("what is known of it is kept by").count(), 6, "{notes}");
    assert_eq!(agent.get("/count").json()["data"], 6);
    let busy = |gpu: usize| {
        let answer = agent.get("/metrics");
        let start = format!("nvsmi_gpu_busy_seconds_total{{gpu=\"{gpu}\"");
        let line = answer.text().lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{start}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    for pair in 0..pairs.len() {
        assert!(busy(2 * pair) > 0.0);
        assert!(busy(2 * pair + 1).abs() < f64::EPSILON, "GPU {} never worked", 2 * pair + 1);
    }
}
