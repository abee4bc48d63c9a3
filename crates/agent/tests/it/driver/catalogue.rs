//! Every reading of the catalogue: its value appears under its own name in the collector's sample, the API, the native
//! metrics and those of dcgm-exporter, and follows the driver as often as the catalogue says.
//!
//! The scenarios are made from the catalogue, with plausible values that no two readings share in all of them. A plain
//! reading needs no entry here.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value as Json, json};
use telemetry::{
    frame::Message,
    readings::{DcgmUnit, Every, Field, Readings, Set, Shown, Spec, Type, Unit, Value},
    sample::{Driver as DriverState, GpuSample},
};

use crate::{
    lifecycle::collector::collect,
    support::{Driver, Start, eventually},
};

/// Number of scenarios: with three, seven flags differ in one of them.
const SCENARIOS: u32 = 3;

/// Readings that depend on others or on time; tests of their own check them.
const OTHERS: [&str; 11] = [
    "fabric.problems",
    "fabric.state",
    "memory.free_bytes",
    "memory.unified",
    "fans.speed_percent",
    "fans.speeds_percent",
    "pcie.tx_bytes_per_second",
    "pcie.rx_bytes_per_second",
    "nvlink.tx_bytes_per_second",
    "nvlink.rx_bytes_per_second",
    "modes.mig",
];

/// Keys of the scenario for readings that are words or bits; the value is NVML's number.
const KEYS: [(&str, &str); 4] = [
    ("fabric.health", "fabric_health"),
    ("clocks.event_reasons", "clocks_event_reasons"),
    ("recovery_action", "fields.230"),
    ("modes.compute", "compute_mode"),
];

/// Paths that the simulated driver knows.
const KNOWN: &str = include_str!("../../../../fake-nvml/src/scenario/reading.rs");

/// Values of a scenario, as they are read.
fn values(scenario: u32) -> Vec<(&'static Spec, Field, Value<'static>)> {
    let (mut flags, mut numbers) = (0, 0);
    let tested = Readings::FIELDS.iter().filter(|field| !OTHERS.contains(&field.spec().path));
    let value = |&field: &Field| {
        let spec = field.spec();
        numbers += 1;
        let number = match spec.unit {
            Unit::Flag => {
                flags += 1;
                (flags >> scenario) & 1
            }
            Unit::Word(words) => words[((numbers + scenario) as usize) % words.len()].0,
            // Bits with names and without a meaning for health.
            Unit::Bits(_) => 1 << scenario,
            _ => number(spec, numbers, scenario),
        };
        let value = match (spec.value, spec.unit) {
            (Type::Bool, _) => Value::Bool(number == 1),
            (Type::F64, _) => Value::F64(f64::from(number) / 100.0),
            (Type::I32, _) => Value::I32(number.cast_signed()),
            (Type::U64, Unit::Bytes) => Value::U64(u64::from(number) << 20),
            (Type::U64, _) => Value::U64(number.into()),
            _ => Value::U32(number),
        };
        (spec, field, value)
    };
    tested.map(value).collect()
}

/// A number within the plausible range.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the ends are small and positive")]
fn number(spec: &Spec, number: u32, scenario: u32) -> u32 {
    match spec.path {
        "memory.total_bytes" => return 10_000_000 + scenario,
        "nvlink.links_active" => return 3 + scenario,
        "nvlink.links_total" => return 13 + scenario,
        _ => {}
    }
    let (low, high) = match &spec.range {
        _ if spec.value == Type::F64 => (1, 100),
        Some(range) => (range.start().max(1.0) as u32, range.end().min(100_000.0) as u32),
        None => (1, 100_000),
    };
    match high - low {
        0..=255 => low + (number + scenario * (number % 5 + 1)) % (high - low),
        // Counters only rise.
        _ if spec.max_per_second.is_some() => high - 40 * number + scenario,
        _ => high - 40 * number - scenario,
    }
}

fn toml(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value}") }
}

/// The simulated GPU.
fn scenario(scenario: u32) -> String {
    let (mut readings, mut answers, mut keys) = (String::new(), String::new(), String::new());
    for (spec, _, value) in values(scenario) {
        let raw = value.number().unwrap();
        if let Some((_, key)) = KEYS.iter().find(|(path, _)| *path == spec.path) {
            writeln!(keys, "{key} = {raw}").unwrap();
        } else if KNOWN.contains(&format!("\"{}\" = ", spec.path)) {
            let shown = spec.unit.api_number(value).unwrap();
            let shown = if let Value::Bool(flag) = value { flag.to_string() } else { toml(shown) };
            write!(readings, "'{}' = {shown}, ", spec.path).unwrap();
        } else {
            let function = spec.nvml.split('`').find(|word| word.starts_with("nvml"));
            let function = function.unwrap_or_else(|| panic!("{} has no NVML function", spec.path));
            write!(answers, "{function} = {raw}, ").unwrap();
        }
    }
    format!(
        "[[gpu]]\nname = 'NVIDIA H200'\nfabric_state = 3\n{keys}readings = {{ {readings} }}\nanswers = {{ {answers} }}\n"
    )
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= one.abs().max(1e-3) * 1e-6
}

/// The value in the API.
fn in_api(spec: &Spec, value: Value<'_>) -> Json {
    match spec.unit.in_api(value) {
        Shown::Unsigned(number) => json!(number),
        Shown::Signed(number) => json!(number),
        Shown::Real(number) => json!(number),
        Shown::Flag(flag) => json!(flag),
        Shown::Word(word) => json!(word),
        Shown::Words(words) => json!(words),
        Shown::List(list) => json!(list),
    }
}

/// The value in a unit of DCGM.
fn in_dcgm(spec: &Spec, unit: DcgmUnit, value: Value<'_>) -> f64 {
    let number = value.number().unwrap();
    match unit {
        DcgmUnit::Watts => number / 1000.0,
        DcgmUnit::Mebibytes => (number / 1_048_576.0).floor(),
        DcgmUnit::Joules => (number / 1000.0).floor(),
        DcgmUnit::Hertz => number * 1e6,
        // Served with six digits, as dcgm-exporter does.
        DcgmUnit::Seconds => (number / 1e3).round() / 1e6,
        DcgmUnit::Ratio if matches!(spec.unit, Unit::Percent) => number / 100.0,
        _ => number,
    }
}

fn of_api(gpu: &Json, found: &mut Vec<String>, scenario: u32) {
    for (spec, _, value) in values(scenario).into_iter().filter(|(spec, ..)| spec.in_api) {
        let shown = spec.path.split('.').fold(gpu, |object, key| &object[key]);
        let expected = in_api(spec, value);
        let same = match (shown.as_f64(), expected.as_f64()) {
            (Some(one), Some(other)) => near(one, other),
            _ => *shown == expected,
        };
        if !same {
            found.push(format!("API: {} is {shown}, expected {expected}", spec.path));
        }
    }
}

/// Value of the sample of that name and with these labels.
fn sample(text: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let line = text.lines().find(|line| {
        let rest = line.strip_prefix(name).unwrap_or_default();
        rest.starts_with('{') && labels.iter().all(|(label, value)| rest.contains(&format!("{label}=\"{value}\"")))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

fn of_metrics(native: &str, dcgm: &str, found: &mut Vec<String>, scenario: u32) {
    for (spec, _, value) in values(scenario) {
        if let Some(metric) = spec.metric {
            let mut labels = metric.labels.to_vec();
            let word = match spec.unit.in_api(value) {
                Shown::Word(word) => Some(word.into_owned()),
                Shown::Words(words) => words.first().map(|word| word.clone().into_owned()),
                _ => None,
            };
            let mut expected = spec.unit.in_base(&value);
            if let (Some(label), Some(word)) = (metric.state_label, &word) {
                labels.push((label, word));
                expected = Some(1.0);
            }
            let shown = sample(native, metric.name, &labels);
            if !shown.zip(expected).is_some_and(|(shown, expected)| near(shown, expected)) {
                found.push(format!("{} is {shown:?}, expected {expected:?}", metric.name));
            }
        }
        let old = spec.dcgm.iter().map(|dcgm| (dcgm.name, dcgm.unit, dcgm.set));
        let new = spec.dcgm.iter().filter_map(|dcgm| dcgm.renamed).map(|new| (new.name, new.unit, new.set));
        for (name, unit, _) in old.chain(new).filter(|(.., set)| *set != Set::Asked) {
            let (shown, expected) = (sample(dcgm, name, &[]), in_dcgm(spec, unit, value));
            if !shown.is_some_and(|shown| near(shown, expected)) {
                found.push(format!("{name} is {shown:?}, expected {expected}"));
            }
        }
    }
}

#[test]
fn scenario_values_are_plausible_and_distinct() {
    let mut all: BTreeMap<String, &str> = BTreeMap::new();
    let scenarios: Vec<_> = (0..SCENARIOS).map(values).collect();
    for (index, (spec, _, first)) in scenarios[0].iter().enumerate() {
        let values: Vec<Value<'_>> = scenarios.iter().map(|values| values[index].2).collect();
        assert!(values.iter().all(|value| spec.is_plausible(value)), "{}: {values:?}", spec.path);
        assert!(values[1..].iter().any(|value| value != first), "{}: {values:?}", spec.path);
        // Units are part of the name where values are compared.
        let numbers: Vec<Option<f64>> = values.iter().map(Value::number).collect();
        if let Some(other) = all.insert(format!("{numbers:?} {:?}", spec.value), spec.path) {
            panic!("{} and {other} have the same values: {numbers:?}", spec.path);
        }
    }
    assert!(all.len() > 55, "{}", all.len());
}

#[test]
fn readings_appear_under_own_name_and_follow_driver() {
    let driver = Driver::new(&scenario(0));
    let agent = Start::on(&driver).serve().ready();
    for number in 0..SCENARIOS {
        driver.play(&scenario(number));
        let mut found = Vec::new();
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually("every value", || {
                found.clear();
                of_api(&agent.get("/api/v1/gpus/0").json(), &mut found, number);
                let (native, dcgm) = (agent.get("/metrics"), agent.get("/metrics?names=dcgm,dcgm4.9"));
                of_metrics(native.text(), dcgm.text(), &mut found, number);
                found.is_empty().then_some(())
            });
        }));
        assert!(seen.is_ok(), "scenario {number}: {found:#?}");
    }
}

/// Paths of the readings of that period that differ from a scenario.
fn differing(gpu: &GpuSample, every: Every, scenario: u32) -> Vec<&'static str> {
    let all = values(scenario).into_iter().filter(|(spec, ..)| spec.every == every);
    let other = all.filter(|(_, field, value)| gpu.readings.value(*field) != Some(Ok(*value)));
    other.map(|(spec, ..)| spec.path).collect()
}

#[test]
fn readings_follow_driver_in_time() {
    let driver = Driver::new(&scenario(0));
    let (mut changed, mut fast, mut slow) = (None, None, None);
    let mut late = (Vec::new(), Vec::new());
    collect(&driver, "100ms", |message| {
        let Message::Sample(sample) = message else { return false };
        if !matches!(sample.driver, DriverState::Ready(_)) {
            return false;
        }
        let gpu = &sample.gpus[0];
        let Some(frames) = &mut changed else {
            let other = differing(gpu, Every::Tick, 0);
            assert!(other.is_empty(), "{other:?}: {gpu:?}");
            // Slow readings are complete with the second frame.
            if differing(gpu, Every::TenTicks, 0).is_empty() {
                driver.play(&scenario(1));
                changed = Some(0);
            }
            return false;
        };
        *frames += 1;
        late = (differing(gpu, Every::Tick, 1), differing(gpu, Every::TenTicks, 1));
        fast = fast.or(late.0.is_empty().then_some(*frames));
        slow = slow.or(late.1.is_empty().then_some(*frames));
        *frames == 14
    });
    // One more than promised, since the change may come during a read.
    assert!(fast.is_some_and(|frames| frames <= 3), "{fast:?} {:?}", late.0);
    assert!(slow.is_some_and(|frames| frames <= 12), "{slow:?} {:?}", late.1);
}
