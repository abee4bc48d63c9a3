//! The recordings of the original agent, each played by the fake driver and asked over HTTP.
//!
//! `fixtures/golden/*.json` describe a host and list requests with the original's answers. Where we deviate on
//! purpose, [`deviation`] has our answer.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Agent, Driver, StandIn, Start, eventually, gone, zombie};

macro_rules! cases {
    ($($name:ident: $file:literal),* $(,)?) => {
        $(#[test] fn $name() { play($file); })*

        /// Every recording is a case: a new file without a line here is an error.
        #[test]
        fn golden_recordings_are_matched() {
            let mut files: Vec<String> = fs::read_dir(folder()).unwrap().map(|file| {
                file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()
            }).collect();
            files.sort();
            assert_eq!(files, [$($file),*]);
        }
    };
}

cases! {
    commands: "commands",
    driver_not_loaded: "driver-not-loaded",
    filters: "filters",
    lost_gpu: "lost-gpu",
    memory_not_available: "memory-not-available",
    no_gpu: "no-gpu",
    no_library: "no-library",
    no_memory_info: "no-memory-info",
    not_supported: "not-supported",
    old_driver: "old-driver",
    prefix_slash: "prefix-slash",
    process_kinds: "process-kinds",
    query_forms: "query-forms",
    rounding: "rounding",
    seed_readme: "seed-readme",
    token: "token",
    version_mismatch: "version-mismatch",
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/golden"))
}

fn play(name: &str) {
    let text = fs::read_to_string(folder().join(name).with_extension("json")).unwrap();
    let case: Value = serde_json::from_str(&text).unwrap();
    let people = People::start(&case);
    let driver = Driver::absent();
    driver.play(&scenario(&case, &people));
    if case["no_library"] != json!(true) {
        let missing: Vec<&str> = list(&case["missing"]).iter().map(|symbol| symbol.as_str().unwrap()).collect();
        driver.install(&missing);
    }
    let agent = start(&case, &driver);
    for request in list(&case["requests"]) {
        let path = request["path"].as_str().unwrap();
        let headers: Vec<(&str, &str)> = request["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let response = agent.request(path, &headers);
        let original = &request["original"];
        let (status, body) =
            deviation(name, path, original).unwrap_or_else(|| (original["status"].clone(), original["body"].clone()));
        assert_eq!(json!(response.status), status, "{path}: {}", response.text());
        assert_eq!(response.header("content-type"), Some("application/json"), "{path}");
        let answered = people.anonymise(&case, response.json());
        // As text: the order of the keys and the types of the values are part of the contract.
        assert_eq!(answered.to_string(), body.to_string(), "{path}");
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn start(case: &Value, driver: &Driver) -> Agent {
    let mut start = Start::on(driver);
    for (key, variable) in [("token", "TOKEN"), ("url_prefix", "URL_PREFIX")] {
        if let Some(value) = case[key].as_str() {
            start = start.variable(variable, value);
        }
    }
    let agent = start.serve();
    let prefix = case["url_prefix"].as_str().unwrap_or_default().trim_matches('/').to_owned();
    let readyz = if prefix.is_empty() { "/readyz".to_owned() } else { format!("/{prefix}/readyz") };
    eventually("the first reading", || {
        let response = agent.get(&readyz);
        (!response.text().contains("starting")).then_some(())
    });
    agent
}

/// The host that the recording describes, as a scenario.
fn scenario(case: &Value, people: &People) -> String {
    let mut gpus = list(&case["gpus"]).to_vec();
    for listed in list(&case["listed"]) {
        let gpu = usize::try_from(listed["gpu"].as_u64().unwrap()).unwrap();
        let mut process = json!({ "pid": people.pids[listed["process"].as_str().unwrap()], "type": listed["as"] });
        if let Some(bytes) = listed["bytes"].as_u64() {
            process["memory_bytes"] = json!(bytes);
        }
        let processes = gpus[gpu].as_object_mut().unwrap().entry("process").or_insert(json!([]));
        processes.as_array_mut().unwrap().push(process);
    }
    let init = case["init"].as_u64().unwrap_or(0);
    toml::to_string(&json!({ "init": init, "gpu": gpus })).unwrap()
}

/// The processes that the recording names.
struct People {
    pids: BTreeMap<String, u32>,
    _alive: Vec<StandIn>,
}

impl People {
    fn start(case: &Value) -> Self {
        let mut pids = BTreeMap::new();
        let mut alive = Vec::new();
        for (name, person) in case["processes"].as_object().into_iter().flatten() {
            let pid = match person["kind"].as_str() {
                Some("gone") => gone(),
                Some("pid") => u32::try_from(person["pid"].as_u64().unwrap()).unwrap(),
                kind => {
                    let stand_in = if kind == Some("zombie") { zombie() } else { live(person) };
                    let pid = stand_in.pid();
                    alive.push(stand_in);
                    pid
                }
            };
            pids.insert(name.clone(), pid);
        }
        Self { pids, _alive: alive }
    }

    /// Puts the recording's names in place of what differs from run to run.
    fn anonymise(&self, case: &Value, mut body: Value) -> Value {
        let own_name = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
        for device in body.pointer_mut("/data/devices").and_then(Value::as_array_mut).into_iter().flatten() {
            assert!(device["ts"].as_u64().is_some_and(|ts| ts > 1_700_000_000_000), "{device}");
            device["ts"] = json!("TS");
        }
        let Some(rows) = body.pointer_mut("/data/processes").and_then(Value::as_array_mut) else { return body };
        let order: Vec<(Value, u64)> =
            rows.iter().map(|row| (row["idx"].clone(), row["pid"].as_u64().unwrap())).collect();
        assert!(order.windows(2).all(|pair| pair[0].0 != pair[1].0 || pair[0].1 < pair[1].1), "by PID: {order:?}");
        for row in rows.iter_mut() {
            let pid = row["pid"].as_u64().unwrap();
            let name = self.pids.iter().find(|(_, known)| u64::from(**known) == pid).unwrap().0;
            row["pid"] = json!(name);
            // Kernel threads are root's, and so was the account that recorded.
            if row["username"] == json!(own_name) || row["username"] == json!("root") {
                row["username"] = json!("USER");
            }
            if case["processes"][name]["kind"] == json!("pid") {
                let time = row["running_time"].as_str().unwrap();
                assert!(time.ends_with(|last: char| last.is_ascii_digit()) && time.contains(':'), "{time}");
                row["running_time"] = json!("TIME");
            }
        }
        // The recording's rows stand by name within a device.
        let mut sorted = rows.clone();
        let devices: Vec<Value> = order.iter().map(|(idx, _)| idx.clone()).collect();
        let place = |row: &Value| devices.iter().position(|idx| *idx == row["idx"]);
        sorted.sort_by_key(|row| (place(row), row["pid"].as_str().unwrap().to_owned()));
        rows.clone_from_slice(&sorted);
        body
    }
}

fn live(person: &Value) -> StandIn {
    let arguments: Vec<&str> = list(&person["argv"]).iter().map(|argument| argument.as_str().unwrap()).collect();
    let uid = person["uid"].as_u64().map(|uid| u32::try_from(uid).unwrap());
    StandIn::start_as(&arguments, uid)
}

/// Our answer where it is not the original's, on purpose.
fn deviation(case: &str, path: &str, original: &Value) -> Option<(Value, Value)> {
    if original["body"] == json!({ "detail": "Not Found" }) {
        return Some((json!(404), json!({ "code": 1, "data": null, "error": "Not Found" })));
    }
    let h200 = |idx: u32| {
        json!({
            "idx": idx, "name": "NVIDIA H200", "fan_speed": "N/A", "temperature": 41, "power_status": "119W / 700W",
            "gpu_utilization": 37, "memory_total_human": "143771MiB", "memory_used_human": "11730MiB",
            "memory_free_human": "131552MiB", "memory_utilization": 8, "ts": "TS"
        })
    };
    let rtx = |idx: u32| {
        json!({
            "idx": idx, "name": "NVIDIA GeForce RTX 3090", "fan_speed": 51, "temperature": 55,
            "power_status": "119W / 350W", "gpu_utilization": 5, "memory_total_human": "24576MiB",
            "memory_used_human": "11728MiB", "memory_free_human": "12525MiB", "memory_utilization": 48, "ts": "TS"
        })
    };
    let with = |mut row: Value, changes: Value| {
        for (key, value) in changes.as_object().unwrap() {
            row[key] = value.clone();
        }
        row
    };
    let rows = |count: u32, devices: Vec<Value>| json!({ "code": 0, "data": { "count": count, "devices": devices, "processes": [] } });
    let lost = with(
        h200(1),
        json!({
            "name": "N/A", "temperature": "N/A", "power_status": "N/A / N/A", "gpu_utilization": "N/A",
            "memory_total_human": "N/A", "memory_used_human": "N/A", "memory_free_human": "N/A",
            "memory_utilization": "N/A"
        }),
    );
    let untold = with(
        rtx(0),
        json!({
            "memory_total_human": "N/A", "memory_used_human": "N/A", "memory_free_human": "N/A",
            "memory_utilization": "N/A"
        }),
    );
    match (case, path) {
        ("lost-gpu", "/status") => Some((json!(200), rows(2, vec![h200(0), lost]))),
        ("lost-gpu", "/status?idx=1") => Some((json!(200), rows(2, vec![lost]))),
        ("no-memory-info", "/status") => Some((json!(200), rows(2, vec![untold, rtx(1)]))),
        _ => None,
    }
}
