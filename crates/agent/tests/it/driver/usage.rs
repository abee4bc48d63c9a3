//! Use of GPUs: free means that somebody else can have it.

use serde_json::{Value, json};

use crate::support::{Agent, Driver, Start, eventually};

const BASE: &str = "
[[gpu]]
name = 'NVIDIA H200'
memory_total_bytes = 150754820096
memory_reserved_bytes = 512753664
power_limit_mw = 700000
";

fn gpu(facts: &str) -> String {
    format!("{BASE}{facts}\n")
}

/// Use and users of each GPU.
fn uses(agent: &Agent) -> Vec<(String, Value)> {
    let snapshot = agent.get("/api/v1/snapshot").json();
    let gpus = snapshot["gpus"].as_array().unwrap();
    let of = |gpu: &Value| (gpu["use"]["verdict"].as_str().unwrap().to_owned(), gpu["use"]["users"].clone());
    gpus.iter().map(of).collect()
}

#[test]
fn gpu_that_works_or_cannot_be_used_is_not_free() {
    let pid = std::process::id();
    let process = |kind: &str, bytes: u64, sm: u32| {
        format!("[[gpu.process]]\npid = {pid}\ntype = '{kind}'\nmemory_bytes = {bytes}\nsm_percent = {sm}\n")
    };
    let gpus = [
        ("busy", gpu("utilization_percent = 97\nmemory_used_bytes = 943718400")),
        ("busy", gpu("utilization_percent = 97\nmemory_used_bytes = 64424509440") + &process("G", 64_109_936_640, 95)),
        ("busy", gpu("utilization_percent = 92\nmemory_used_bytes = 734003200") + &process("C+G", 629_145_600, 90)),
        ("busy", gpu("utilization_percent = 0\nmemory_used_bytes = 0\ncompute_mode = 2")),
        (
            "busy",
            gpu("utilization_percent = 0\nmemory_used_bytes = 734003200\ncompute_mode = 3")
                + &process("C+G", 629_145_600, 0),
        ),
        ("busy", gpu("utilization_percent = 0\nencoder_percent = 100\nmemory_used_bytes = 0")),
        (
            "free",
            gpu("utilization_percent = 18\nmemory_used_bytes = 734003200\ndisplay_active = true")
                + &process("G", 629_145_600, 18),
        ),
        ("free", gpu("utilization_percent = 0\nmemory_used_bytes = 0")),
    ];
    let driver = Driver::new(&gpus.iter().map(|(_, gpu)| gpu.as_str()).collect::<String>());
    let agent = Start::on(&driver).serve().ready();
    let expected: Vec<&str> = gpus.iter().map(|(verdict, _)| *verdict).collect();
    let found = eventually("these uses", || {
        let found = uses(&agent);
        (found.iter().map(|(verdict, _)| verdict).eq(&expected)).then_some(found)
    });
    let named: Vec<bool> = found.iter().map(|(_, users)| *users != json!([])).collect();
    assert_eq!(named, [false, true, true, false, true, false, false, false], "{found:?}");
    assert!(agent.get("/api/v1/snapshot").json()["gpus"][3]["state_detail"].as_str().unwrap().contains("prohibited"));
}
