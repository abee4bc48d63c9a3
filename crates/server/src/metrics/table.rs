//! How a metric is declared: once, with its name, what it means, and where its value comes from. The text, `docs/metrics.md`
//! and the tests are made from the declarations.

use telemetry::{
    Reading,
    snapshot::{Gpu, Mig, Process, Snapshot},
};

use super::{
    native::{agent, busy, clocks, instance, links, memory, modes, power, process, state},
    text::{Family, Kind, Samples, label_into},
};
use crate::{auth::scope::Scope, config::commands::Commands};

/// A metric under our own name.
#[derive(Clone, Copy)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// A base unit, or nothing. The name ends in it, but for `_total`.
    pub(crate) unit: &'static str,
    pub(crate) help: &'static str,
    /// The labels beside those of its subject.
    pub(crate) labels: &'static [&'static str],
    /// The function, field or file that it comes from.
    pub(crate) source: &'static str,
    /// What dcgm-exporter calls it, if it has it.
    pub(crate) dcgm: &'static str,
    pub(crate) of: Of,
}

/// What a metric is about, and how its samples are found. What was not read gives none.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    /// A GPU that is read on time.
    Gpu(fn(&Gpu) -> Reading<f64>),
    /// A GPU that is read on time, with several samples.
    Gpus(fn(&Gpu, &mut Labelled<'_, '_>)),
    /// A GPU, whatever its state: what is known of it without reading.
    Known(fn(&Seen<'_>, &Gpu, &mut Labelled<'_, '_>)),
    /// A MIG instance of a GPU that is read on time.
    Instance(fn(&Seen<'_>, &Mig, &mut Labelled<'_, '_>)),
    /// A process on a GPU that is read on time.
    Process(fn(&Process) -> Reading<f64>),
    /// The agent; told under whatever names the GPUs are.
    Agent(fn(&Seen<'_>, &mut Samples<'_>)),
    /// Calls into the driver: the agent's affair too, but too many series for who has asked for other names.
    Calls(fn(&Seen<'_>, &mut Samples<'_>)),
    /// What is worked out when it is asked for, and so does not stand in what is rendered once per snapshot.
    Asked,
}

/// All metrics under our own names, in the order in which they are served.
pub(crate) fn all() -> impl Iterator<Item = &'static Metric> {
    let of_gpus = [
        state::METRICS,
        busy::METRICS,
        memory::METRICS,
        power::METRICS,
        clocks::METRICS,
        links::METRICS,
        modes::METRICS,
    ];
    of_gpus.into_iter().chain([instance::METRICS, process::METRICS, agent::METRICS]).flatten()
}

/// What is rendered, and for whom.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) scope: Scope,
    pub(crate) commands: Commands,
    /// How many processes may have series; none if processes have none.
    pub(crate) processes: Option<usize>,
}

/// Samples of one subject: its own labels are put before those of the metric.
pub(crate) struct Labelled<'a, 'b> {
    samples: &'a mut Samples<'b>,
    subject: &'a str,
    names: &'static [&'static str],
}

impl<'a, 'b> Labelled<'a, 'b> {
    pub(crate) fn new(samples: &'a mut Samples<'b>, subject: &'a str, metric: &Metric) -> Self {
        Self { samples, subject, names: metric.labels }
    }

    /// A sample with these values of the metric's own labels.
    pub(crate) fn push(&mut self, values: &[&str], value: f64) {
        debug_assert_eq!(values.len(), self.names.len(), "each label has a value");
        if values.is_empty() {
            return self.samples.push(self.subject, value);
        }
        let mut labels = String::with_capacity(self.subject.len() + 64);
        labels.push_str(self.subject);
        for (name, value) in self.names.iter().zip(values) {
            label_into(&mut labels, name, value);
        }
        self.samples.push(&labels, value);
    }

    /// The same of a value that may not have been read.
    pub(crate) fn read(&mut self, values: &[&str], value: Reading<f64>) {
        if let Ok(value) = value {
            self.push(values, value);
        }
    }
}

impl Metric {
    /// The declaration of a metric whose value is `of`.
    pub(crate) const fn new(name: &'static str, kind: Kind, unit: &'static str, help: &'static str, of: Of) -> Self {
        Self { name, kind, unit, help, labels: &[], source: "", dcgm: "", of }
    }

    /// A number of a GPU that goes up and down.
    pub(crate) const fn gauge(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        value: fn(&Gpu) -> Reading<f64>,
    ) -> Self {
        Self::new(name, Kind::Gauge, unit, help, Of::Gpu(value))
    }

    /// A number of a GPU that only goes up.
    pub(crate) const fn counter(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        value: fn(&Gpu) -> Reading<f64>,
    ) -> Self {
        Self::new(name, Kind::Counter, unit, help, Of::Gpu(value))
    }

    pub(crate) const fn from(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }

    pub(crate) const fn dcgm(mut self, name: &'static str) -> Self {
        self.dcgm = name;
        self
    }

    pub(crate) const fn with(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    pub(crate) const fn family(&self) -> Family<'static> {
        Family { name: self.name, kind: self.kind, unit: self.unit, help: self.help }
    }
}

/// A part of a hundred.
pub(crate) fn ratio(percent: u32) -> f64 {
    f64::from(percent) / 100.0
}

/// A truth as a number.
pub(crate) fn flag(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

/// Exact below 2^53: 8 PiB, or 285 million seconds in nanoseconds' thousandths. The monitoring systems have no more.
#[allow(clippy::cast_precision_loss, reason = "there is no exact conversion, and the readers keep doubles")]
pub(crate) fn wide(number: u64) -> f64 {
    number as f64
}
