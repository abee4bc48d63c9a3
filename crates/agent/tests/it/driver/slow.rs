//! A driver that answers every call about one GPU, slowly.

use serde_json::Value;

use crate::support::{Driver, Start, eventually};

#[test]
fn slow_gpu_is_slow_and_not_stale() {
    let slow = "[[fault]]\nfunction = '*'\ngpu = 1\nlatency_ms = 200\n";
    let driver = Driver::new(&format!("[[gpu]]\npower_mw = 9\n[[gpu]]\npower_mw = 9\n{slow}"));
    let agent = Start::on(&driver).serve().ready();
    let slow = || agent.get("/api/v1/gpus/1").json();
    let is_slow = |gpu: &Value| gpu["state_detail"].as_str().is_some_and(|text| text.starts_with("slow: one sample"));
    eventually("a slow GPU", || is_slow(&slow()).then_some(()));
    let events = || agent.get("/api/v1/events").json().as_array().unwrap().len();
    let before = events();
    // Neither state nor events change as its readings come.
    let mut read = Vec::new();
    eventually("three more readings", || {
        let gpu = slow();
        assert!(is_slow(&gpu) && gpu["state"] == "ok", "{} {}", gpu["state"], gpu["state_detail"]);
        if read.last() != Some(&gpu["read_at"]) {
            read.push(gpu["read_at"].clone());
        }
        (read.len() > 3).then_some(())
    });
    assert_eq!(events(), before);
    let gpu = slow();
    let reasons = gpu["health"]["reasons"].as_array().unwrap();
    let words = reasons.iter().find(|reason| reason["code"] == "slow").unwrap_or_else(|| panic!("{reasons:?}"));
    assert!(words["text"].as_str().unwrap().contains("slowest call nvml"), "{words}");
    assert_eq!(agent.get("/api/v1/gpus/0").json()["health"]["verdict"], "ok");
    // Every call of it has returned.
    assert!(!agent.get("/api/v1/events").text().contains("not returned"));
}
