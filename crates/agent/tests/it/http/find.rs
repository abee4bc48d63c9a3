//! `/api/v1/find` and `/api/v1/summary` of the running agent.

use serde_json::{Value, json};

use crate::support::{Agent, Driver, Start, eventually};

const LARGE: &str = "[[gpu]]\nuuid = 'GPU-large'\nname = 'NVIDIA H200'\nmemory_total_bytes = 150754820096\nmemory_used_bytes = 0\n\
                     utilization_percent = 0\npower_limit_mw = 700000\n";
const SMALL: &str = "[[gpu]]\nuuid = 'GPU-small'\nname = 'NVIDIA L4'\nmemory_total_bytes = 24152899584\nmemory_used_bytes = 0\n\
                     utilization_percent = 0\npower_limit_mw = 72000\n";

/// UUIDs of the best choice, as they are exported.
fn found(agent: &Agent, query: &str) -> Value {
    agent.get(&format!("/api/v1/find?{query}")).json()["choices"][0]["cuda_visible_devices"].clone()
}

#[test]
fn find_offers_free_gpus_and_follows_their_use() {
    let driver = Driver::new(&format!("{LARGE}{SMALL}"));
    let agent = Start::on(&driver).argument("--hostname=gpu01").serve().ready();
    eventually("the smaller one", || (found(&agent, "") == "GPU-small").then_some(()));
    assert_eq!(found(&agent, "memory=40GiB"), "GPU-large");
    assert_eq!(found(&agent, "model=h200"), "GPU-large");
    assert_eq!(found(&agent, "count=2"), "GPU-large,GPU-small");
    let answer = agent.get("/api/v1/find?limit=1").json();
    assert_eq!((&answer["choices"][0]["host"], &answer["choices"][0]["command"]), (&json!("gpu01"), &Value::Null));
    driver.play(&format!("{LARGE}{}", SMALL.replace("utilization_percent = 0", "utilization_percent = 90")));
    eventually("the larger one", || (found(&agent, "") == "GPU-large").then_some(()));
    let answer = agent.get("/api/v1/find?count=2").json();
    assert_eq!(
        answer["nearest"],
        json!([{"host": "gpu01", "fitting": 1, "missing": [{"what": "held", "devices": 1}]}])
    );
    // A GPU that is no longer read is not free, whatever it was.
    driver.play(&format!("{LARGE}{SMALL}[[fault]]\nfunction = 'nvmlDeviceGetMemoryInfo_v2'\nhang = true\n"));
    let stale = |answer: &Value| answer["nearest"][0]["missing"][0]["what"] == "stale";
    eventually("stale GPUs", || stale(&agent.get("/api/v1/find").json()).then_some(()));
    let refused = agent.get("/api/v1/find?memory=40");
    assert!(refused.status == 400 && refused.text().contains("40GiB"), "{}", refused.text());
    assert!(agent.get("/api/v1/find?memor=40G").text().contains("Did you mean memory?"));
}

#[test]
fn summary_has_age_interval_and_problems() {
    let driver = Driver::new(&format!("{LARGE}{SMALL}"));
    let agent = Start::seldom(&driver).argument("--interval=500ms").serve().ready();
    let summary = || agent.get("/api/v1/summary").json();
    let first = eventually("a reading", || Some(summary()).filter(|summary| summary["gpus"][1]["use"] == "free"));
    assert_eq!((&first["interval_ms"], &first["problems"]), (&json!(500), &json!([])));
    assert!(first["age_ms"].as_u64().is_some_and(|age| age < 60_000) && first["read_at"].is_u64(), "{first}");
    assert_eq!(first["gpus"][1]["memory_total_bytes"], 24_152_899_584_u64);
    driver.play(&format!("{LARGE}[[gpu]]\nuuid = 'GPU-small'\nname = 'NVIDIA L4'\nerrors = {{ '*' = 15 }}\n"));
    let lost = |summary: &Value| {
        summary["problems"][0].as_str().is_some_and(|text| text.starts_with("GPU 1: the GPU is lost"))
    };
    eventually("the problem", || lost(&summary()).then_some(()));
}
