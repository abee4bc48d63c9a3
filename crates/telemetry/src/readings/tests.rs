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
