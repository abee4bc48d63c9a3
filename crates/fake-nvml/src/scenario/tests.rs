use super::*;
use crate::function::Function;
use crate::value::Value;
use proptest::prelude::*;

#[test]
fn uuids_and_bus_ids_are_derived() {
    let scenario = Scenario::parse("seed = 3\n[[gpu]]\nname = \"X\"\n[[gpu]]\n").unwrap();
    assert_eq!(scenario.nvml_version.as_deref(), Some("13.580.95.05"));
    assert_eq!(scenario.gpu[1].pci_bus_id.as_deref(), Some("00000000:20:00.0"));
    let uuids: Vec<_> = scenario.gpu.iter().filter_map(|gpu| gpu.uuid.clone()).collect();
    assert_ne!(uuids[0], uuids[1]);
    let groups: Vec<_> = uuids[0].split('-').map(str::len).collect();
    assert_eq!(groups, [3, 8, 4, 4, 4, 12], "{}", uuids[0]);
    let again = Scenario::parse("seed = 3\n[[gpu]]\n").unwrap();
    assert_eq!(again.gpu[0].uuid.as_ref(), uuids.first());
    let other = Scenario::parse("seed = 4\n[[gpu]]\n").unwrap();
    assert_ne!(other.gpu[0].uuid.as_ref(), uuids.first());
}

#[test]
fn mistake_has_line_and_column() {
    let wrong = Scenario::parse("seed = 1\n[[gpu]]\nnmae = \"X\"\n").unwrap_err();
    assert_eq!(wrong.at, Some((3, 1)));
    assert!(wrong.reason.contains("nmae"), "{wrong}");
    assert!(!wrong.to_string().contains('\n'));
}

#[test]
fn mistakes_beyond_types_are_reported() {
    let reason = |text: &str| Scenario::parse(text).unwrap_err().reason;
    assert!(reason("process_layout = 20").contains("16, 24 or 32"));
    assert!(reason("[[gpu]]\n[[gpu.process]]\ntype = \"C\"").contains("needs `pid`"));
    assert!(reason("[[gpu]]\n[[gpu.process]]\nfirst_pid = 5").contains("needs `pid`"));
    assert!(reason("[[fault]]\nfunction = \"*\"\ngpu = 0\ncode = 15").contains("not described"));
    assert!(reason("[errors]\nnvmlNoSuchThing = 3").contains("nvmlNoSuchThing"));
    assert!(reason("[[gpu]]\n[gpu.fields]\n\"a\" = 1").contains("expected a field id"));
    assert!(reason("[[gpu]]\nreadings = { \"power.draw\" = 1 }").contains("power.draw"));
    assert!(reason("[[gpu]]\npower_mw = 5\nreadings = { \"power.draw_watts\" = 1 }").contains("remove one"));
    assert!(reason(" \n").contains("empty"));
}

#[test]
fn function_has_priority_over_wildcard() {
    let scenario = Scenario::parse("[errors]\n\"*\" = 15\nnvmlDeviceGetName = 0\n").unwrap();
    assert_eq!(scenario.errors.of(Function::nvmlDeviceGetName), Some(0));
    assert_eq!(scenario.errors.of(Function::nvmlDeviceGetUUID), Some(15));
}

#[test]
fn field_key_has_scope() {
    let scenario = Scenario::parse("[[gpu]]\n[gpu.fields]\n138 = 5\n\"138:2\" = 7\n").unwrap();
    let keys: Vec<_> = scenario.gpu[0].fields.keys().map(|key| (key.id, key.scope)).collect();
    assert_eq!(keys, [(138, None), (138, Some(2))]);
}

#[test]
fn readings_are_other_names_for_facts_fields_and_metrics() {
    let scenario = Scenario::parse(
        "[[gpu]]\n[gpu.readings]\n'power.draw_watts' = 562.25\n'temperature.gpu_celsius' = -3\n'ecc.enabled' = true\n\
         'clocks.power_throttled_seconds' = 1.5\n'activity.sm_ratio' = 0.25\n\
         'power.energy_joules' = { count_from = 10, per_s = 2 }\n",
    )
    .unwrap();
    let gpu = &scenario.gpu[0];
    let whole = |value: Option<Value>| value.map(|value| value.whole(3.0));
    assert_eq!(whole(gpu.power_mw), Some(562_250));
    assert_eq!(whole(gpu.temperature_c), Some(-3));
    assert_eq!(whole(gpu.ecc_enabled), Some(1));
    assert_eq!(whole(gpu.energy_mj), Some(16_000));
    let field = gpu.fields[&FieldKey { id: 74, scope: None }];
    assert_eq!(field, Field::Value(Value::Whole(1_500_000_000)), "an integer, as drivers report it");
    let metrics = gpu.gpm.as_ref().unwrap();
    assert_eq!(metrics[&MetricId(2)], Metric::Value(Value::Fraction(25.0)));
}

#[test]
fn pci_address_parses_in_all_forms() {
    let address = PciAddress { domain: 0, bus: 0x18, device: 1 };
    for text in ["00000000:18:01.0", "0000:18:01.0", "18:01.0", "0:18:1"] {
        assert_eq!(PciAddress::parse(text), Some(address), "{text}");
    }
    assert_eq!(address.to_string(), "00000000:18:01.0");
    assert_eq!(PciAddress::parse("nonsense"), None);
}

#[test]
fn every_shipped_scenario_parses() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with('#'), "{} starts with a description", path.display());
        if let Err(wrong) = Scenario::parse(&text) {
            panic!("{}: {wrong}", path.display());
        }
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    assert_eq!(names, ["desktop-rtx", "gb10", "h200-8", "mig-a100", "sick"]);
}

/// Keys of a random scenario.
const KEYS: [&str; 28] = [
    "count",
    "init",
    "process_layout",
    "clock",
    "seed",
    "errors",
    "name",
    "name_bytes",
    "uuid",
    "pci_bus_id",
    "fan_percent",
    "fan_speeds",
    "energy_mj",
    "compute_capability",
    "gpm",
    "fields",
    "xids",
    "pid",
    "first_pid",
    "type",
    "function",
    "gpu",
    "write",
    "latency_ms",
    "answers",
    "readings",
    "missing",
    "place",
];
/// Values of a random scenario.
const VALUES: [&str; 25] = [
    "0",
    "-1",
    "9223372036854775807",
    "1e308",
    "nan",
    "-inf",
    "true",
    "''",
    "'*'",
    "'nvmlInit_v2'",
    "'C+G'",
    "'00000000:18:00.0'",
    "[]",
    "[0, 255, 256]",
    "{}",
    "{ '*' = 15 }",
    "{ ramp = [0, 1], period_s = 1e-300 }",
    "{ walk = [-1e300, 1e300], step = 1e300 }",
    "{ count_from = 1e300, per_s = 1e300 }",
    "{ to = 'pipes', bytes = [1], repeat = 2 }",
    "{ nvmlDeviceGetName = 'x', 'nvmlDeviceGetClockInfo(1)' = { code = 3 } }",
    "{ nvmlDeviceGetModuleId = { walk = [-1e300, 1e300], step = 1 } }",
    "{ 'power.draw_watts' = 1e308, 'clocks.power_throttled_seconds' = { count_from = 0, per_s = 1e300 } }",
    "{ nvmlDeviceGetComputeRunningProcesses_v3 = { width = 3, entries = [[1], []] } }",
    "{ '82:0' = { value = { ramp = [0, 1], period_s = 1 }, type = 7 }, 1 = { code = 3 } }",
];

/// Line of a scenario, with any value.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[[gpu]]".to_owned()),
        Just("[[gpu.process]]".to_owned()),
        Just("[[gpu.mig]]".to_owned()),
        Just("[[fault]]".to_owned()),
        (prop::sample::select(&KEYS[..]), prop::sample::select(&VALUES[..]))
            .prop_map(|(key, value)| format!("{key} = {value}")),
        (prop::sample::select(&KEYS[..]), any::<i64>()).prop_map(|(key, value)| format!("{key} = {value}")),
        "\\PC{0,20}",
    ]
}

/// Parses a text and evaluates the values of its GPUs at unusual times.
fn check_any_text(text: &str) {
    let scenario = match Scenario::parse(text) {
        Ok(scenario) => scenario,
        Err(error) => return assert!(!error.to_string().contains('\n'), "one line: {error}"),
    };
    for gpu in &scenario.gpu {
        assert!(gpu.uuid.is_some() && gpu.pci_bus_id.is_some());
        for value in [&gpu.fan_percent, &gpu.energy_mj].into_iter().flatten() {
            let _ = [0.0, -1.0, 1e300, f64::NAN].map(|seconds| value.whole(seconds));
        }
    }
}

#[test]
fn mistake_in_an_answer_is_described() {
    for (answer, expected) in [
        ("nvmlDeviceGetNothing = 1", "nvmlDeviceGetNothing"),
        ("'nvmlDeviceGetName(x)' = 1", "numbers in brackets"),
        ("nvmlDeviceGetName = 1.5", "float"),
        ("nvmlDeviceGetName = { code = -1 }", "a positive number"),
        ("nvmlDeviceGetName = { width = 24 }", "{ width, entries }"),
        ("nvmlDeviceGetName = { code = 3, more = 1 }", "{ code }"),
        ("nvmlDeviceGetName = { ramp = [0, 1] }", "period_s"),
        ("nvmlDeviceGetName = { more = 1 }", "more"),
        ("nvmlDeviceGetName = { bytes = [256] }", "a smaller"),
    ] {
        let error = Scenario::parse(&format!("[[gpu]]\nanswers = {{ {answer} }}\n")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    for wrong in
        ["{ value = 1, type = -1 }", "{ type = 1 }", "{ value = 1, type = 1, code = 3 }", "{ code = 1, x = 2 }"]
    {
        assert!(Scenario::parse(&format!("[[gpu]]\nfields = {{ '82:0' = {wrong} }}\n")).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn any_text_parses_or_fails(text in any::<String>()) {
        check_any_text(&text);
    }

    #[test]
    fn anything_like_a_scenario_parses_or_fails(lines in prop::collection::vec(line(), 0..8)) {
        check_any_text(&lines.join("\n"));
    }
}
