//! Kinds of hosts: the shipped scenarios, unified memory, a library whose second memory call fails, a malformed name.

use std::{fs, path::Path};

use serde_json::json;

use crate::support::{Driver, Start};

#[test]
fn shipped_scenarios_are_served() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fake-nvml/scenarios"));
    let mut names: Vec<String> = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let scenario = fs::read_to_string(&path).unwrap();
        let driver = Driver::new(&scenario);
        let agent = Start::on(&driver).serve().ready();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let described = scenario.lines().filter(|line| line.trim() == "[[gpu]]").count();
        assert_eq!(agent.get("/count").json()["data"], json!(described), "{name}");
        let data = agent.status();
        for device in data["devices"].as_array().unwrap() {
            assert_eq!(device.as_object().unwrap().len(), 11, "{name}: {device}");
        }
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["desktop-rtx", "gb10", "h200-8", "mig-a100", "sick"]);
}

/// Fans above 100 %, a temperature below zero, and two GPUs with one serial number whose buses differ by domain only.
#[test]
fn odd_but_possible_values_are_shown() {
    let gpu = |domain: u32, temperature: i32| {
        format!(
            "[[gpu]]\nname = 'A'\nserial = '1650'\npci_bus_id = '{domain:08}:B0:00.0'\nfan_percent = 130\n\
             temperature_c = {temperature}\n"
        )
    };
    let driver = Driver::new(&[gpu(0, -1), gpu(1, 60)].concat());
    let agent = Start::on(&driver).serve().ready();
    let devices = agent.status()["devices"].clone();
    assert_eq!([&devices[0]["fan_speed"], &devices[1]["fan_speed"]], [130, 130], "{devices}");
    assert_eq!([&devices[0]["temperature"], &devices[1]["temperature"]], [-1, 60], "{devices}");
    let gpus = agent.get("/api/v1/gpus").json();
    assert_eq!(gpus[0]["fans"][0]["speed_percent"], 130, "{gpus}");
    assert_ne!(gpus[0]["pci_bus_id"], gpus[1]["pci_bus_id"]);
    let metrics = agent.get("/metrics?names=native,dcgm").text().to_owned();
    let mut series: Vec<&str> =
        metrics.lines().filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name).collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all, "{metrics}");
}

#[test]
fn unified_memory_shown_as_gpu_memory() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("meminfo"), "MemTotal: 1048576 kB\nMemFree: 1 kB\nMemAvailable: 262144 kB\n").unwrap();
    for gpu in ["name = 'GB10'", "name = 'GB10'\nmemory_total_bytes = 0\nmemory_used_bytes = 0"] {
        let driver = Driver::new(&format!("[[gpu]]\n{gpu}\n"));
        let agent = Start::on(&driver).argument("--proc-root").argument(root.path().to_str().unwrap()).serve().ready();
        let device = agent.status()["devices"][0].clone();
        let memory = ["memory_total_human", "memory_used_human", "memory_free_human", "memory_utilization"];
        assert_eq!(
            memory.map(|key| device[key].clone()),
            [json!("1024MiB"), json!("768MiB"), json!("256MiB"), json!(75)]
        );
    }
}

#[test]
fn memory_falls_back_to_first_function() {
    let driver = Driver::new(
        "[[gpu]]\nname = 'WSL'\nmemory_total_bytes = 1048576000\nmemory_used_bytes = 104857600\n\
         memory_reserved_bytes = 104857600\nerrors = { nvmlDeviceGetMemoryInfo_v2 = 999 }\n",
    );
    let agent = Start::on(&driver).serve().ready();
    let device = agent.status()["devices"][0].clone();
    assert_eq!(device["memory_used_human"], json!("200MiB"), "includes reserved memory, as that call reports it");
    assert_eq!(device["memory_free_human"], json!("800MiB"));
}

#[test]
fn gpu_name_not_utf8_has_replacement_characters() {
    let driver = Driver::new("[[gpu]]\nname_bytes = [78, 86, 255, 65]\n");
    let agent = Start::on(&driver).serve().ready();
    assert_eq!(agent.status()["devices"][0]["name"], json!("NV\u{FFFD}A"));
}
