//! Each value of the driver stands under its own name in `/api/v1`: all are distinct, so that two that were exchanged, or
//! one that was left out, would be seen.

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
    // No two switches have the same values in both scenarios.
    let [both, first_only, second_only, neither] = [1, u32::from(n == 0), u32::from(n == 1), 0];
    let mut text =
        format!("[[gpu]]\nname = 'GPU {n}'\nuuid = 'GPU-0000000{n}'\nserial = 'S{n}'\nvbios_version = 'V{n}'\n");
    text += &format!("pci_bus_id = '00000000:1{n}:00.0'\narchitecture = {}\ncompute_capability = [8, {n}]\n", 7 + n);
    for (key, base) in NUMBERS {
        text += &format!("{key} = {}\n", number(base));
    }
    text += &format!(
        "fan_speeds = [{}, {}]\nclocks_event_reasons = {}\nfabric_state = {}\ncompute_mode = {}\n\
         persistence = {both}\necc_enabled = {first_only}\nvgpu_licensed = {second_only}\ndisplay_active = {neither}\n\
         remapped_pending = {first_only}\nremapped_failed = {second_only}\nmig_mode = 1\n",
        number(171),
        number(173),
        4 << n,
        3,
        2 + n,
    );
    text += &format!("fields = {{ 74 = {}, 75 = {}, 230 = {} }}\n", 91_000_000_000_u64, 93_000_000_000_u64, 1 + n);
    text += &format!("gpm = {{ {}, {links} }}\n", monitors(20));
    text += &format!(
        "[[gpu.mig]]\ngpu_instance = 301\ncompute_instance = 303\nprofile = '1g.{n}gb'\nuuid = 'MIG-{n}'\n\
         memory_total_bytes = {}\nmemory_used_bytes = {}\ngpm = {{ {} }}\n",
        number(401_000),
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

/// What is a number in the scenario and in the answer.
const NUMBERS: [(&str, u32); 45] = [
    ("minor_number", 141),
    ("temperature_c", 41),
    ("memory_temperature_c", 43),
    ("slowdown_temperature_c", 93),
    ("margin_temperature_c", 83),
    ("shutdown_temperature_c", 95),
    ("power_mw", 101_000),
    ("power_limit_mw", 103_000),
    ("enforced_limit_mw", 105_000),
    ("default_limit_mw", 107_000),
    ("energy_mj", 109_000),
    ("utilization_percent", 71),
    ("memory_utilization_percent", 73),
    ("encoder_percent", 75),
    ("decoder_percent", 77),
    ("jpeg_percent", 79),
    ("ofa_percent", 81),
    ("memory_total_bytes", 1_000_000),
    ("memory_used_bytes", 200_000),
    ("memory_reserved_bytes", 3000),
    ("bar1_total_bytes", 70_000),
    ("bar1_used_bytes", 7000),
    ("graphics_clock_mhz", 1101),
    ("sm_clock_mhz", 1103),
    ("memory_clock_mhz", 1105),
    ("video_clock_mhz", 1107),
    ("max_graphics_clock_mhz", 1109),
    ("max_sm_clock_mhz", 1111),
    ("max_memory_clock_mhz", 1113),
    ("performance_state", 5),
    ("pcie_generation", 121),
    ("pcie_width", 123),
    ("pcie_max_generation", 125),
    ("pcie_max_width", 127),
    ("pcie_replays", 129),
    ("nvlinks", 15),
    ("nvlinks_total", 18),
    ("nvlink_errors", 131),
    ("fabric_status", 133),
    ("ecc_volatile_corrected", 151),
    ("ecc_volatile_uncorrected", 153),
    ("ecc_aggregate_corrected", 155),
    ("ecc_aggregate_uncorrected", 157),
    ("remapped_correctable", 161),
    ("remapped_uncorrectable", 163),
];

/// What `/api/v1/gpus/0` says of it.
fn gpu(n: u32) -> Value {
    let number = |base: u32| base + n;
    let thousandth = |base: u32| f64::from(base + n) / 1000.0;
    let ratio = |percent: u32| f64::from(percent + n) / 100.0;
    let either = |first: &str, second: &str| if n == 0 { first.to_owned() } else { second.to_owned() };
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
        "architecture": either("ampere", "ada"), "compute_capability": format!("8.{n}"), "minor_number": number(141),
        "utilization": {
            "gpu_percent": number(71), "memory_percent": number(73), "encoder_percent": number(75),
            "decoder_percent": number(77), "jpeg_percent": number(79), "ofa_percent": number(81),
        },
        "activity": activity(20),
        "memory": {
            "total_bytes": number(1_000_000), "used_bytes": number(200_000), "reserved_bytes": number(3000),
            "free_bytes": 1_000_000 - 200_000 - 3000 - n, "unified": false,
            "bar1_total_bytes": number(70_000), "bar1_used_bytes": number(7000),
        },
        "temperature": {
            "gpu_celsius": number(41), "memory_celsius": number(43), "slowdown_celsius": number(93), "margin_celsius": number(83),
            "shutdown_celsius": number(95),
        },
        "power": {
            "draw_watts": thousandth(101_000), "limit_watts": thousandth(103_000),
            "enforced_limit_watts": thousandth(105_000), "default_limit_watts": thousandth(107_000),
            "energy_joules": thousandth(109_000),
        },
        "clocks": {
            "graphics_mhz": number(1101), "sm_mhz": number(1103), "memory_mhz": number(1105), "video_mhz": number(1107),
            "max_graphics_mhz": number(1109), "max_sm_mhz": number(1111), "max_memory_mhz": number(1113),
            "event_reasons": [either("sw_power_cap", "hw_slowdown")],
            "power_throttled_seconds": 91.0, "thermal_throttled_seconds": 93.0,
        },
        "performance_state": number(5),
        "fans": [{"speed_percent": number(171)}, {"speed_percent": number(173)}],
        "pcie": {
            "generation": number(121), "width": number(123), "max_generation": number(125), "max_width": number(127),
            "replays": number(129), "tx_bytes_per_second": rate(33), "rx_bytes_per_second": rate(35),
        },
        "nvlink": {
            "links_active": number(15), "links_total": number(18), "errors": number(131),
            "tx_bytes_per_second": rate(39), "rx_bytes_per_second": rate(37),
        },
        "ecc": {
            "enabled": n == 0, "volatile_corrected": number(151), "volatile_uncorrected": number(153),
            "aggregate_corrected": number(155), "aggregate_uncorrected": number(157),
        },
        "remapped_rows": {"correctable": number(161), "uncorrectable": number(163), "pending": n == 0, "failed": n == 1},
        "modes": {
            "persistence": true, "compute": either("prohibited", "exclusive_process"), "mig": true,
            "display_active": false, "vgpu_licensed": n == 1,
        },
        "fabric": {"state": "completed", "status": number(133)},
        "recovery_action": either("gpu_reset", "node_reboot"),
        "mig": [{
            "gpu_instance": 301, "compute_instance": 303, "profile": format!("1g.{n}gb"), "uuid": format!("MIG-{n}"),
            "memory_total_bytes": number(401_000), "memory_used_bytes": number(402_000), "activity": activity(60),
        }],
    })
}

/// What `/api/v1/processes` says of them.
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
fn readings_appear_under_own_name_and_follow_driver() {
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
        assert!(seen.is_ok(), "{n}: {found:#?}");
    }
}
