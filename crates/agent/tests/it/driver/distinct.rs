//! Values that are not plain readings appear under their own name in `/api/v1`: identity, fans, rates, MIG instances and
//! processes. All are distinct, so that two that were exchanged would be seen.

use serde_json::{Value, json};

use crate::support::{Driver, Start, eventually};

/// A number that no other reading has; `n` makes another one of it.
fn scenario(n: u32) -> String {
    let number = |base: u32| base + n;
    let list = |all: &[(u32, u32)]| {
        let entries = all.iter().map(|(id, base)| format!("{id} = {}", number(*base)));
        entries.collect::<Vec<_>>().join(", ")
    };
    let monitors = |base: u32| list(&[1, 2, 3, 5, 10, 11, 12, 13].into_iter().zip(base..).collect::<Vec<_>>());
    let links = list(&[(20, 33), (21, 35), (60, 37), (61, 39)]);
    let mut text =
        format!("[[gpu]]\nname = 'GPU {n}'\nuuid = 'GPU-0000000{n}'\nserial = 'S{n}'\nvbios_version = 'V{n}'\n");
    text += &format!("pci_bus_id = '00000000:1{n}:00.0'\narchitecture = {}\ncompute_capability = [8, {n}]\n", 7 + n);
    text += &format!(
        "minor_number = {}\nfan_speeds = [{}, {}]\nmig_mode = 1\nmemory_total_bytes = 900000000\nmemory_used_bytes = 500000000\nmemory_reserved_bytes = 700000\nfabric_state = {}\n",
        number(141),
        number(171),
        number(173),
        1 + n
    );
    text += &format!("gpm = {{ {}, {links} }}\n", monitors(20));
    text += &format!(
        "[[gpu.mig]]\ngpu_instance = 301\ncompute_instance = 303\nprofile = '1g.{n}gb'\nuuid = 'MIG-{n}'\n\
         memory_total_bytes = {}\nmemory_used_bytes = {}\ngpm = {{ {} }}\n",
        number(403_000),
        number(402_000),
        monitors(60),
    );
    let process = |pid: u32, kind: &str, base: u32, more: &str| {
        format!(
            "[[gpu.process]]\npid = {pid}\ntype = '{kind}'\nmemory_bytes = {}\nsm_percent = {}\nmemory_percent = {}\n\
             encoder_percent = {}\ndecoder_percent = {}\n{more}",
            base * 1000 + n,
            base + n,
            base + 2 + n,
            base + 4 + n,
            base + 6 + n
        )
    };
    text += &process(4_000_001, "C", 11, "");
    text += &process(4_000_002, "G", 21, "");
    text += &process(4_000_003, "C+G", 31, "");
    text += &process(4_000_004, "M", 41, "");
    text += &process(4_000_005, "C", 51, "gpu_instance = 301\ncompute_instance = 303\n");
    text
}

/// Part of `/api/v1/gpus/0`.
fn gpu(n: u32) -> Value {
    let number = |base: u32| base + n;
    let ratio = |percent: u32| f64::from(percent + n) / 100.0;
    let rate = |mebibytes: u64| (mebibytes + u64::from(n)) << 20;
    let activity = |base: u32| {
        json!({
            "graphics_ratio": ratio(base), "sm_ratio": ratio(base + 1), "sm_occupancy_ratio": ratio(base + 2),
            "tensor_ratio": ratio(base + 3), "dram_ratio": ratio(base + 4), "fp64_ratio": ratio(base + 5),
            "fp32_ratio": ratio(base + 6), "fp16_ratio": ratio(base + 7),
        })
    };
    json!({
        "name": format!("GPU {n}"), "uuid": format!("GPU-0000000{n}"), "serial": format!("S{n}"),
        "vbios_version": format!("V{n}"), "pci_bus_id": format!("00000000:1{n}:00.0"),
        "architecture": if n == 0 { "ampere" } else { "ada" }, "compute_capability": format!("8.{n}"),
        "minor_number": number(141),
        "activity": activity(20),
        "fans": [{"speed_percent": number(171)}, {"speed_percent": number(173)}],
        "pcie": { "tx_bytes_per_second": rate(33), "rx_bytes_per_second": rate(35) },
        "nvlink": { "tx_bytes_per_second": rate(39), "rx_bytes_per_second": rate(37) },
        "modes": { "mig": true },
        "fabric": { "state": if n == 0 { "not_started" } else { "in_progress" } },
        "mig": [{
            "gpu_instance": 301, "compute_instance": 303, "profile": format!("1g.{n}gb"), "uuid": format!("MIG-{n}"),
            "memory_total_bytes": number(403_000), "memory_used_bytes": number(402_000), "activity": activity(60),
        }],
    })
}

/// Parts of `/api/v1/processes`.
fn processes(n: u32) -> Value {
    let row = |pid: u32, kind: &str, base: u32| {
        json!({
            "gpu": 0, "pid": pid, "type": kind, "gpu_memory_bytes": base * 1000 + n, "sm_percent": base + n,
            "memory_percent": base + 2 + n, "encoder_percent": base + 4 + n, "decoder_percent": base + 6 + n,
            "gpu_instance": null, "compute_instance": null,
        })
    };
    let mut on_instance = row(4_000_005, "C", 51);
    (on_instance["gpu_instance"], on_instance["compute_instance"]) = (301.into(), 303.into());
    json!([
        row(4_000_001, "C", 11),
        row(4_000_002, "G", 21),
        row(4_000_003, "C+G", 31),
        // A client of the multi-process service computes.
        row(4_000_004, "C", 41),
        on_instance,
    ])
}

/// Where an answer does not say what is expected of it. It may say more.
fn differences(expected: &Value, told: &Value, at: &str, found: &mut Vec<String>) {
    match (expected, told) {
        (Value::Object(expected), Value::Object(_)) => {
            expected.iter().for_each(|(key, value)| differences(value, &told[key], &format!("{at}.{key}"), found));
        }
        (Value::Array(expected), Value::Array(items)) if expected.len() == items.len() => {
            let pairs = expected.iter().zip(items).enumerate();
            pairs.for_each(|(place, (one, other))| differences(one, other, &format!("{at}.{place}"), found));
        }
        _ if expected == told => {}
        _ => found.push(format!("{at} is {told} and not {expected}")),
    }
}

/// Every number in it, as it is written, and where.
fn numbers(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| numbers(value, &format!("{at}.{key}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, item)| numbers(item, &format!("{at}.{place}"), found));
        }
        Value::Number(number) => found.push((number.to_string(), at.to_owned())),
        _ => {}
    }
}

#[test]
fn scenario_values_are_distinct() {
    for value in [gpu(0), processes(0)] {
        let mut all = Vec::new();
        numbers(&value, "", &mut all);
        all.retain(|(_, at)| !at.ends_with(".gpu"));
        all.sort();
        let twice: Vec<_> = all.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
        assert!(all.len() > 25 && twice.is_empty(), "{twice:?}");
    }
}

#[test]
fn identity_instances_and_processes_appear_under_own_name() {
    let driver = Driver::new(&scenario(0));
    let agent = Start::on(&driver).serve().ready();
    for n in [0, 1] {
        driver.play(&scenario(n));
        let mut found = Vec::new();
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually("every value", || {
                found.clear();
                differences(&gpu(n), &agent.get("/api/v1/gpus/0").json(), "gpu", &mut found);
                differences(&processes(n), &agent.get("/api/v1/processes").json(), "processes", &mut found);
                found.is_empty().then_some(())
            });
        }));
        assert!(seen.is_ok(), "{n}: {found:#?} {:#}", agent.get("/api/v1/gpus/0").json()["absent"]);
    }
}
