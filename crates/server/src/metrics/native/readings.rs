//! Metrics of the catalogue's readings: one for each name in it. Readings that share a name are samples of one metric.

use std::sync::LazyLock;

use telemetry::{
    Reading,
    readings::{self, Field, InFleet, SPECS, Section, Unit, Value, words},
};

use crate::metrics::{
    table::{Fleet, Metric, Of},
    text::{Kind, Samples, label_into},
};

/// Metrics of GPUs, in the order of the catalogue.
pub(crate) static METRICS: LazyLock<Vec<Metric>> = LazyLock::new(|| {
    let mut metrics: Vec<Metric> = Vec::new();
    for spec in &SPECS {
        let Some(metric) = spec.metric else { continue };
        if metrics.iter().all(|other| other.name != metric.name) {
            metrics.push(declare(&metric, spec.unit, spec.help()));
        }
    }
    metrics
});

/// Metrics of MIG instances: the activity of the GPU instance that each is in.
pub(crate) static OF_INSTANCES: LazyLock<Vec<Metric>> = LazyLock::new(|| {
    let named = Section::Activity.fields().iter().filter_map(|field| Some((field.spec(), field.spec().metric?)));
    named
        .map(|(spec, metric)| {
            let help = format!("{}; of the MIG instance's GPU instance.", spec.help().trim_end_matches('.'));
            let of_gpu = declare(&metric, spec.unit, spec.help());
            let Of::Readings(fields) = of_gpu.of else { return of_gpu };
            Metric {
                name: metric.name.replacen("nvsmi_gpu_", "nvsmi_gpu_mig_", 1).leak(),
                help: help.leak(),
                source: format!("{}, of the GPU instance", of_gpu.source).leak(),
                fleet: Fleet::No,
                of: Of::InstanceReadings(fields),
                ..of_gpu
            }
        })
        .collect()
});

/// The declaration of a metric of the catalogue. It is made once and never freed.
fn declare(metric: &readings::Metric, unit: Unit, help: &'static str) -> Metric {
    let fields: Vec<Field> = Field::ALL
        .iter()
        .copied()
        .filter(|field| field.spec().metric.is_some_and(|other| other.name == metric.name))
        .collect();
    let kind = match metric.kind {
        readings::Kind::Gauge => Kind::Gauge,
        readings::Kind::Counter => Kind::Counter,
    };
    let labels: Vec<&str> = metric.labels.iter().map(|(name, _)| *name).chain(metric.state_label).collect();
    let dcgm = fields.iter().flat_map(|field| field.spec().dcgm).map(|dcgm| dcgm.name);
    Metric {
        labels: labels.leak(),
        source: joined(fields.iter().map(|field| field.spec().nvml)),
        dcgm: joined(dcgm),
        fleet: match metric.fleet {
            InFleet::No => Fleet::No,
            InFleet::All => Fleet::All,
            InFleet::WhileSet => Fleet::WhileSet,
        },
        ..Metric::new(metric.name, kind, unit.base_name(), help, Of::Readings(fields.leak()))
    }
}

/// Each text once, with commas between them.
fn joined(texts: impl Iterator<Item = &'static str>) -> &'static str {
    let mut all: Vec<&str> = Vec::new();
    for text in texts {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all.join(", ").leak()
}

/// True if a part of a metric has this reading.
pub(super) fn has(part: Fleet, field: Field, reading: Option<&Reading<Value<'_>>>) -> bool {
    let is_set = |value: &Value<'_>| field.spec().unit.in_base(value).is_some_and(|number| number != 0.0);
    part != Fleet::WhileSet || reading.is_some_and(|reading| reading.as_ref().is_ok_and(is_set))
}

/// Writes the samples of a reading: one, or one for each word that it has.
pub(super) fn write(field: Field, reading: Option<Reading<Value<'_>>>, subject: &str, samples: &mut Samples<'_>) {
    let spec = field.spec();
    let (Some(Ok(value)), Some(metric)) = (reading, spec.metric) else { return };
    let mut push = |state: Option<(&str, &str)>, number: f64| {
        if state.is_none() && metric.labels.is_empty() {
            return samples.push(subject, number);
        }
        let mut labels = String::with_capacity(subject.len() + 64);
        labels.push_str(subject);
        for (name, label) in metric.labels.iter().copied().chain(state) {
            label_into(&mut labels, name, label);
        }
        samples.push(&labels, number);
    };
    match (spec.unit, value, metric.state_label) {
        (Unit::Word(table), Value::U32(number), Some(label)) => push(Some((label, &words::word(number, table))), 1.0),
        (Unit::Bits(names), Value::U64(bits), Some(label)) => {
            for (word, set) in words::all_bits(bits, names).filter(|(_, set)| *set || !metric.is_sparse) {
                push(Some((label, &word)), f64::from(u8::from(set)));
            }
        }
        (unit, value, _) => {
            if let Some(number) = unit.in_base(&value) {
                push(None, number);
            }
        }
    }
}
