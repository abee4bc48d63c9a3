//! Declaration of a metric: name, meaning and source, once. The exposition, `docs/metrics.md` and the tests are made from
//! the declarations.

use telemetry::{
    Reading,
    readings::Field,
    snapshot::{Gpu, Histogram, Mig, Process, Snapshot},
    usage::UserTotals,
};

use super::{
    number::Number,
    sets::MetricsSet,
    text::{Family, Kind, Samples, label_into, labels as labels_of},
};
use crate::{config::commands::Commands, store::http_stats::HttpStats};
use http_server::auth::Scope;

/// Metric under our own name.
#[derive(Clone, Copy)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Base unit, or nothing. The name without `_total` ends in it.
    pub(crate) unit: &'static str,
    pub(crate) help: &'static str,
    /// Labels beside those of its subject.
    pub(crate) labels: &'static [&'static str],
    /// Function, field or file that it comes from.
    pub(crate) source: &'static str,
    /// Name in dcgm-exporter, if it has one.
    pub(crate) dcgm: &'static str,
    pub(crate) fleet: Fleet,
    pub(crate) of: Of,
}

/// Part of a metric in the set for large fleets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fleet {
    /// None.
    No,
    /// All its series.
    All,
    /// Series that are not 0.
    WhileSet,
    /// Series of a state set: of these states, and of others while they are the current one.
    States { always: &'static [&'static str], current: &'static [&'static str] },
}

/// Subject of a metric, and the source of its samples. A value that was not read has no sample.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    /// A GPU that is read on time.
    Gpu(fn(&Gpu) -> Reading<f64>),
    /// A GPU that is read on time, with several samples.
    Gpus(fn(&Gpu, &mut Labelled<'_, '_>)),
    /// Readings of the catalogue that share a metric, of a GPU that is read on time.
    Readings(&'static [Field]),
    /// The same of a MIG instance.
    InstanceReadings(&'static [Field]),
    /// A GPU, whatever its state.
    Known(fn(&Seen<'_>, &Gpu, &mut Labelled<'_, '_>)),
    /// A MIG instance of a GPU that is read on time.
    Instance(fn(&Seen<'_>, &Mig, &mut Labelled<'_, '_>)),
    /// The same of a GPU instance: with the labels of its first compute instance, since all of them share it.
    GpuInstance(fn(&Mig) -> Reading<f64>),
    /// A process on a GPU that is read on time.
    Process(fn(&Process) -> Reading<f64>),
    /// Users, on demand; exposed with every choice of names.
    Users(fn(&Seen<'_>, &mut Labelled<'_, '_>)),
    /// The agent; exposed with every choice of names.
    Agent(fn(&Seen<'_>, &mut Labelled<'_, '_>)),
    /// Driver calls, in the full set only: two series for each of some 60 functions.
    Calls(fn(&Seen<'_>, &mut Labelled<'_, '_>)),
}

/// Snapshot to render, and what its client may see.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) scope: Scope,
    pub(crate) commands: Commands,
    pub(crate) set: MetricsSet,
    /// Limit of processes with series; none if processes have none.
    pub(crate) processes: Option<usize>,
    /// Totals of users; none if they have no series, or this client may not see them.
    pub(crate) users: Option<&'a [UserTotals]>,
    pub(crate) http: &'a HttpStats,
}

impl Seen<'_> {
    /// True if the set has the metric, or a part of it.
    pub(crate) fn has(&self, metric: &Metric) -> bool {
        match self.set {
            MetricsSet::Fleet => metric.fleet != Fleet::No,
            MetricsSet::Standard => !matches!(metric.of, Of::Calls(_)),
            MetricsSet::Full => true,
        }
    }

    /// True for the set for large fleets.
    pub(crate) fn is_fleet(&self) -> bool {
        self.set == MetricsSet::Fleet
    }
}

/// Samples of one subject, whose labels come before those of the metric.
pub(crate) struct Labelled<'a, 'b> {
    samples: &'a mut Samples<'b>,
    subject: &'a str,
    names: &'static [&'static str],
    /// Part of a state set that is written.
    part: Fleet,
}

impl<'a, 'b> Labelled<'a, 'b> {
    pub(crate) fn new(seen: &Seen<'_>, samples: &'a mut Samples<'b>, subject: &'a str, metric: &Metric) -> Self {
        let part = if seen.is_fleet() { metric.fleet } else { Fleet::All };
        Self { samples, subject, names: metric.labels, part }
    }

    /// Writes a state set: a sample for each state, 1 for the current one and 0 for the others.
    pub(crate) fn states(&mut self, all: &[&str], now: &str) {
        let part = self.part;
        let has = |state: &&&str| match part {
            Fleet::States { always, current } => always.contains(state) || (**state == now && current.contains(state)),
            Fleet::All | Fleet::WhileSet | Fleet::No => true,
        };
        for state in all.iter().filter(has) {
            self.push(&[state], i32::from(*state == now));
        }
    }

    /// Writes a histogram of times, in seconds, of a metric without labels of its own.
    pub(crate) fn histogram(&mut self, histogram: &Histogram) {
        self.samples.histogram(self.subject, histogram);
    }

    /// Writes the sum of times, in seconds, and their number, with this value of the metric's own label.
    pub(crate) fn summary(&mut self, value: &str, histogram: &Histogram) {
        let labels: Vec<_> = self.names.iter().map(|name| (*name, value)).collect();
        self.samples.summary(&labels_of(&labels), histogram);
    }

    /// Writes a sample with these values of the metric's own labels.
    pub(crate) fn push(&mut self, values: &[&str], value: impl Number) {
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

    /// Writes a sample of a value, if it was read.
    pub(crate) fn read(&mut self, values: &[&str], value: Reading<f64>) {
        if let Ok(value) = value {
            self.push(values, value);
        }
    }
}

impl Metric {
    /// Declares a metric.
    pub(crate) const fn new(name: &'static str, kind: Kind, unit: &'static str, help: &'static str, of: Of) -> Self {
        Self { name, kind, unit, help, labels: &[], source: "", dcgm: "", fleet: Fleet::No, of }
    }

    /// Declares a gauge of a GPU.
    pub(crate) const fn gauge(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        value: fn(&Gpu) -> Reading<f64>,
    ) -> Self {
        Self::new(name, Kind::Gauge, unit, help, Of::Gpu(value))
    }

    /// Declares a counter of a GPU.
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

    /// Puts all its series into the set for large fleets.
    pub(crate) const fn in_fleet(mut self) -> Self {
        self.fleet = Fleet::All;
        self
    }

    /// Puts the series of these states into the set for large fleets.
    pub(crate) const fn states_in_fleet(
        mut self,
        always: &'static [&'static str],
        current: &'static [&'static str],
    ) -> Self {
        self.fleet = Fleet::States { always, current };
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

/// Ratio of a percentage.
pub(crate) fn ratio(percent: u32) -> f64 {
    f64::from(percent) / 100.0
}

/// As a float, exact below 2^53: monitoring systems keep doubles.
#[allow(clippy::cast_precision_loss, reason = "there is no exact conversion, and the readers keep doubles")]
pub(crate) fn wide(number: u64) -> f64 {
    number as f64
}
