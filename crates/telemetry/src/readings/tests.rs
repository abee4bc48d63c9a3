use std::collections::BTreeSet;

use super::*;

#[test]
fn paths_are_unique_and_found() {
    let paths: BTreeSet<&str> = SPECS.iter().map(|spec| spec.path).collect();
    assert_eq!(paths.len(), SPECS.len());
    for &field in Field::ALL {
        assert_eq!(Field::at(field.spec().path), Some(field));
    }
}

#[test]
fn descriptions_are_sentences() {
    for spec in &SPECS {
        assert!(spec.description.ends_with('.') && !spec.description.contains('\n'), "{}", spec.path);
        assert!(!spec.nvml.is_empty() && !spec.absent.is_empty(), "{}", spec.path);
        let dialect = ["What ", "Who ", "Whether ", "How ", "That ", "So "];
        assert!(dialect.iter().all(|word| !spec.description.starts_with(word)), "{}", spec.path);
    }
}

#[test]
fn metric_names_end_in_their_unit() {
    for spec in &SPECS {
        let Some(metric) = spec.metric else { continue };
        let name = match metric.kind {
            Kind::Counter => metric.name.strip_suffix("_total").unwrap_or_else(|| panic!("{}", metric.name)),
            Kind::Gauge => metric.name,
        };
        assert!(name.ends_with(spec.unit.base_name()), "{name} is in {}", spec.unit.base_name());
        let shows_words = matches!(spec.unit, Unit::Word(_) | Unit::Bits(_));
        assert_eq!(metric.state_label.is_some(), shows_words, "{name}");
    }
}

#[test]
fn described_words_are_the_tables() {
    for spec in &SPECS {
        let words: Vec<&str> = match spec.unit {
            Unit::Word(table) => table.iter().map(|(_, word)| *word).collect(),
            Unit::Bits(names) => names.to_vec(),
            _ => continue,
        };
        for word in words {
            assert!(spec.description.contains(&format!("`{word}`")), "{}: {word}", spec.path);
        }
    }
}

#[test]
fn absent_and_implausible_values_are_named() {
    let mut readings = Readings::absent(Absence::Denied);
    assert_eq!(readings.absences().count(), Readings::FIELDS.len());
    readings.modes.mig = Ok(true);
    readings.utilization.gpu_percent = Ok(37);
    readings.utilization.memory_percent = Ok(101);
    readings.reject_implausible();
    assert_eq!(readings.utilization.gpu_percent, Ok(37));
    assert_eq!(readings.utilization.memory_percent, Err(Absence::Error));
    assert!(readings.absences().all(|(field, _)| field != Field::ModeMig && field != Field::UtilizationGpu));
    assert_eq!(readings.value(Field::ModeMig), Some(Ok(Value::Bool(true))));
    assert_eq!(readings.value(Field::Uuid), None);
    let before = Modes { mig: Ok(false), persistence: Ok(true), ..Modes::absent(Absence::Lost) };
    let kept = readings.modes.or_before(&before);
    assert_eq!((kept.mig, kept.persistence, kept.compute), (Ok(true), Ok(true), Err(Absence::Denied)));
}

#[test]
fn units_are_converted_for_api_and_metrics() {
    for (unit, value, api, base) in [
        (Unit::Milliwatts, Value::U32(118_923), Shown::Real(118.923), 118.923),
        (Unit::Millijoules, Value::U64(1500), Shown::Real(1.5), 1.5),
        (Unit::Percent, Value::U32(37), Shown::Unsigned(37), 0.37),
        (Unit::Megahertz, Value::U32(1980), Shown::Unsigned(1980), 1.98e9),
        (Unit::Celsius, Value::I32(-4), Shown::Signed(-4), -4.0),
        (Unit::Nanoseconds, Value::U64(2_500_000_000), Shown::Real(2.5), 2.5),
        (Unit::Flag, Value::Bool(true), Shown::Flag(true), 1.0),
        (Unit::Bytes, Value::U64(u64::MAX), Shown::Unsigned(u64::MAX), 18_446_744_073_709_551_615.0),
    ] {
        assert_eq!(unit.in_api(value), api, "{unit:?}");
        assert_eq!(unit.in_base(&value), Some(base), "{unit:?}");
    }
    assert_eq!(Unit::Text.in_base(&Value::Text("x")), None);
}

#[test]
fn every_number_has_a_plausible_range() {
    for spec in &SPECS {
        assert_eq!(
            spec.plausible.is_empty(),
            spec.value == Type::Text || spec.path == "memory.unified" || spec.path == "fabric.problems",
            "{}",
            spec.path
        );
        let has_range = !matches!(spec.value, Type::Text | Type::Bool) && !matches!(spec.unit, Unit::Bits(_));
        assert_eq!(spec.range.is_some(), has_range, "{}", spec.path);
        let counts =
            spec.metric.is_some_and(|metric| metric.kind == Kind::Counter) || spec.path == "power.energy_joules";
        assert_eq!(spec.max_per_second.is_some(), counts, "{}", spec.path);
    }
}

#[test]
fn fillers_rejected_in_every_reading() {
    const BLANK: u64 = 0x7FFF_FFF0;
    const WIDE: u64 = 0x7FFF_FFFF_FFFF_FFF0;
    for spec in SPECS.iter().filter(|spec| !matches!(spec.value, Type::Text | Type::Bool)) {
        let rejects = |value: Value<'_>| assert!(!spec.is_plausible(&value), "{}: {value:?}", spec.path);
        match spec.value {
            Type::U32 => {
                [u32::MAX, 0x7FFF_FFFF, 0x7FFF_FFF1, 0x8000_0000].into_iter().for_each(|n| rejects(Value::U32(n)));
            }
            Type::I32 => [i32::MAX, i32::MIN, -256, 0x7FFF_FFF1].into_iter().for_each(|n| rejects(Value::I32(n))),
            Type::F64 => {
                [f64::NAN, f64::INFINITY, 2_147_483_632.0, -1.0].into_iter().for_each(|n| rejects(Value::F64(n)));
            }
            Type::List => rejects(Value::List(&[30, u32::MAX])),
            _ => {
                for n in [u64::MAX, u64::MAX - 9, u64::from(u32::MAX), BLANK, BLANK + 2, WIDE, WIDE + 2, 1 << 63] {
                    rejects(Value::U64(n));
                }
            }
        }
    }
}

#[test]
fn plausible_bounds_hold() {
    let plausible = |path: &str, value: Value<'_>| Field::at(path).unwrap().spec().is_plausible(&value);
    for (path, good, bad) in [
        (
            "temperature.gpu_celsius",
            vec![Value::I32(-40), Value::I32(-1), Value::I32(0), Value::I32(199)],
            vec![Value::I32(-41), Value::I32(200), Value::I32(255), Value::I32(510)],
        ),
        (
            "temperature.slowdown_celsius",
            vec![Value::U32(87), Value::U32(105)],
            vec![Value::U32(0), Value::U32(127), Value::U32(255)],
        ),
        ("fans.speed_percent", vec![Value::U32(0), Value::U32(150)], vec![Value::U32(255), Value::U32(1001)]),
        ("clocks.sm_mhz", vec![Value::U32(0), Value::U32(3105)], vec![Value::U32(10_001)]),
        ("clocks.memory_mhz", vec![Value::U32(14_001), Value::U32(18_001)], vec![Value::U32(40_001)]),
        ("clocks.max_sm_mhz", vec![Value::U32(1980)], vec![Value::U32(0)]),
        (
            "power.draw_watts",
            vec![Value::U32(0), Value::U32(1_400_000)],
            vec![Value::U32(10_000_001), Value::U32(4_294_967_000)],
        ),
        ("power.limit_watts", vec![Value::U32(5_000)], vec![Value::U32(0), Value::U32(4_294_967_000)]),
        ("pcie.width", vec![Value::U32(1), Value::U32(16)], vec![Value::U32(0), Value::U32(255)]),
        ("pcie.generation", vec![Value::U32(1), Value::U32(7)], vec![Value::U32(0), Value::U32(255)]),
        ("memory.total_bytes", vec![Value::U64(1 << 31)], vec![Value::U64(0), Value::U64(9_000_000_000_000_000_000)]),
        (
            "power.energy_joules",
            vec![Value::U64(0), Value::U64(5_000_000_000_000)],
            vec![Value::U64(18_000_000_000_000_000_000)],
        ),
    ] {
        good.into_iter().for_each(|value| assert!(plausible(path, value), "{path}: {value:?}"));
        bad.into_iter().for_each(|value| assert!(!plausible(path, value), "{path}: {value:?}"));
    }
}

#[test]
fn memory_parts_never_exceed_total() {
    const GIB: u64 = 1 << 30;
    let (garbage, absent) = (Err(Absence::Error), Err(Absence::NotSupported));
    for (name, [total, used, free, reserved], expected) in [
        ("as they should be", [80, 20, 59, 1], [Ok(20), Ok(59), Ok(1)]),
        ("rounded up", [80, 21, 60, 1], [Ok(21), Ok(60), Ok(1)]),
        ("reserved memory counted as used", [80, 21, 59, 20], [Ok(21), Ok(59), Ok(20)]),
        ("used is too large", [80, 85, 0, 1], [garbage, garbage, Ok(1)]),
        ("free went below zero", [80, 20, u64::MAX / GIB, 1], [Ok(20), garbage, Ok(1)]),
        ("both are too large", [80, 90, u64::MAX / GIB - 10, 1], [garbage, garbage, Ok(1)]),
        ("more than the total together", [80, 60, 60, 1], [Ok(60), garbage, Ok(1)]),
        ("reserved is too large", [80, 20, 59, 90], [Ok(20), garbage, garbage]),
    ] {
        let whole = Memory {
            total_bytes: total * GIB,
            used_bytes: Ok(used * GIB),
            free_bytes: Ok(free.saturating_mul(GIB)),
            reserved_bytes: Ok(reserved * GIB),
            unified: false,
        };
        let mut readings = Readings::absent(Absence::NotSupported);
        readings.memory.set_whole(Ok(whole));
        readings.reject_implausible();
        let memory = &readings.memory;
        assert_eq!(
            [memory.used_bytes, memory.free_bytes, memory.reserved_bytes].map(|part| part.map(|part| part / GIB)),
            expected,
            "{name}"
        );
        assert_eq!(memory.total_bytes, Ok(total * GIB), "{name}");
    }
    let mut readings = Readings::absent(Absence::NotSupported);
    (readings.memory.bar1_total_bytes, readings.memory.bar1_used_bytes) = (Ok(GIB), Ok(2 * GIB));
    readings.memory.used_bytes = Ok(GIB);
    readings.reject_implausible();
    let memory = &readings.memory;
    assert_eq!((memory.bar1_total_bytes, memory.bar1_used_bytes), (Ok(GIB), garbage));
    assert_eq!((memory.total_bytes, memory.used_bytes), (absent, Ok(GIB)), "a part without a total remains");
}

#[test]
fn draw_of_three_times_the_limit_rejected() {
    let with = |draw, limit, enforced| {
        let mut readings = Readings::absent(Absence::NotSupported);
        (readings.power.draw_mw, readings.power.limit_mw, readings.power.enforced_limit_mw) =
            (Ok(draw), limit, enforced);
        readings.reject_implausible();
        readings.power.draw_mw
    };
    let no = Err(Absence::NotSupported);
    assert_eq!(with(593_000, Ok(175_000), no), Err(Absence::Error));
    assert_eq!(with(525_000, Ok(175_000), no), Ok(525_000));
    assert_eq!(with(593_000, Ok(700_000), Ok(175_000)), Err(Absence::Error));
    assert_eq!(with(593_000, no, no), Ok(593_000));
    assert_eq!(with(593_000, Ok(0), no), Ok(593_000), "a limit of 0 says nothing");
}
