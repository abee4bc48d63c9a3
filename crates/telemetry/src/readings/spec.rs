//! The description of a reading: every attribute that an API, a metric, a page or a document needs to know.

use std::ops::RangeInclusive;

use super::value::{Type, Unit, Value};

/// One reading of a GPU: an entry of the catalogue.
#[derive(Debug)]
pub struct Spec {
    /// Dotted path in the GPU's object of `/api/v1`.
    pub path: &'static str,
    /// Last part of the path: the key in its section.
    pub key: &'static str,
    /// Type as it is read.
    pub value: Type,
    /// Unit as it is read.
    pub unit: Unit,
    /// One sentence: a noun phrase with a full stop.
    pub description: &'static str,
    /// NVML functions and field ids that it comes from, as documents cite them.
    pub nvml: &'static str,
    /// Field id of `nvmlDeviceGetFieldValues` that is documented as the same value. It is read with the other fields in
    /// one call; the function is the fallback.
    pub field_id: Option<u32>,
    /// When it is absent although the GPU answers.
    pub absent: &'static str,
    /// Plausible values, in the unit as it is read. A value outside was not read: [`crate::Absence::Error`].
    pub range: Option<RangeInclusive<f64>>,
    /// Reason for the range; empty for text.
    pub plausible: &'static str,
    /// Fastest plausible rise of a counter, in the unit as it is read. A reading that rises faster, or falls, is absent
    /// until the next one goes on from it: one wrong answer would remain in a counter forever.
    pub max_per_second: Option<f64>,
    /// Sampling period.
    pub every: Every,
    /// True if another reading's call returns it too: it needs none of its own.
    pub comes_with_another: bool,
    /// False if the API serves it in another form than a key of its section.
    pub in_api: bool,
    /// Native metric.
    pub metric: Option<Metric>,
    /// Names under which dcgm-exporter serves it.
    pub dcgm: &'static [Dcgm],
    /// True if the history keeps it.
    pub history: bool,
    /// Label on the page.
    pub label: &'static str,
    /// Group on the page; readings without one are shown elsewhere.
    pub group: Option<Group>,
}

impl Spec {
    /// Defaults of an entry.
    pub(super) const BLANK: Self = Self {
        path: "",
        key: "",
        value: Type::U32,
        unit: Unit::Count,
        description: "",
        nvml: "",
        field_id: None,
        absent: "as the GPU is",
        range: None,
        plausible: "",
        max_per_second: None,
        every: Every::Tick,
        comes_with_another: false,
        in_api: true,
        metric: None,
        dcgm: &[],
        history: false,
        label: "",
        group: None,
    };

    /// True if a value, in the unit as it is read, is plausible: in the range, and no [filler](Value::is_filler).
    #[must_use]
    pub fn is_plausible(&self, value: &Value<'_>) -> bool {
        if value.is_filler() {
            return false;
        }
        match (&self.range, value) {
            (Some(range), Value::List(list)) => list.iter().all(|&number| range.contains(&number.into())),
            (Some(range), value) => value.number().is_none_or(|number| range.contains(&number)),
            (None, _) => true,
        }
    }

    /// HELP text of its native metric.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self.metric {
            Some(Metric { help: Some(help), .. }) => help,
            _ => self.description,
        }
    }
}

/// Sampling period of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Every {
    /// On every tick.
    Tick,
    /// Whole at the first tick, and then once in ten ticks.
    TenTicks,
    /// On every tick, over the time since the reading before, of about a second or more.
    Window,
    /// When a handle is got, and again every ten ticks.
    Handle,
}

impl Every {
    /// The word for it in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::TenTicks => "10 ticks",
            Self::Window => "window",
            Self::Handle => "handle",
        }
    }
}

/// Group of facts on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Utilization.
    Utilization,
    /// Activity by GPM.
    Activity,
    /// Memory.
    Memory,
    /// Power and temperature.
    Power,
    /// Clocks.
    Clocks,
    /// PCIe, NVLink and the fabric.
    Links,
    /// ECC, remapped rows, recovery.
    Errors,
    /// Identity and modes.
    Identity,
}

impl Group {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 8] = [
        Self::Utilization,
        Self::Activity,
        Self::Memory,
        Self::Power,
        Self::Clocks,
        Self::Links,
        Self::Errors,
        Self::Identity,
    ];

    /// Title on the page.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Utilization => "Utilization",
            Self::Activity => "Activity",
            Self::Memory => "Memory",
            Self::Power => "Power and temperature",
            Self::Clocks => "Clocks",
            Self::Links => "Links",
            Self::Errors => "Memory errors",
            Self::Identity => "Identity",
        }
    }
}

/// Kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up.
    Counter,
}

/// Native metric of a reading. Its unit follows from the reading's.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Labels with fixed values, for readings that share a metric.
    pub labels: &'static [(&'static str, &'static str)],
    /// Label that has the word of a [`Unit::Word`] or [`Unit::Bits`]; the value is then 1, or 0 for a bit that is not set.
    pub state_label: Option<&'static str>,
    /// True if a bit that is not set has no sample, since bits are problems that most GPUs never have.
    pub is_sparse: bool,
    /// HELP text where it is not the reading's description: readings that share a metric, and words.
    pub help: Option<&'static str>,
    /// Part of it in the set for large fleets.
    pub fleet: InFleet,
}

/// Part of a metric in the set for large fleets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFleet {
    /// None.
    No,
    /// All its series.
    All,
    /// Series that are not 0.
    WhileSet,
}

impl Metric {
    /// A gauge.
    pub(super) const fn gauge(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Gauge,
            labels: &[],
            state_label: None,
            is_sparse: false,
            help: None,
            fleet: InFleet::No,
        }
    }

    /// A counter.
    pub(super) const fn counter(name: &'static str) -> Self {
        Self { kind: Kind::Counter, ..Self::gauge(name) }
    }

    /// A gauge whose label has the word.
    pub(super) const fn state(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self { state_label: Some(label), help: Some(help), ..Self::gauge(name) }
    }

    /// A gauge whose label has the word of each bit that is set.
    pub(super) const fn problems(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self { is_sparse: true, ..Self::state(name, label, help) }
    }

    /// The same in the set for large fleets.
    pub(super) const fn in_fleet(self) -> Self {
        Self { fleet: InFleet::All, ..self }
    }

    /// The same in the set for large fleets, while it is not 0.
    pub(super) const fn in_fleet_while_set(self) -> Self {
        Self { fleet: InFleet::WhileSet, ..self }
    }

    pub(super) const fn labels(self, labels: &'static [(&'static str, &'static str)], help: &'static str) -> Self {
        Self { labels, help: Some(help), ..self }
    }
}

/// Name under which dcgm-exporter serves a reading.
#[derive(Clone, Copy, Debug)]
pub struct Dcgm {
    /// Name until dcgm-exporter 4.8.
    pub name: &'static str,
    /// Type that dcgm-exporter declares it as.
    pub kind: Kind,
    /// Unit of DCGM.
    pub unit: DcgmUnit,
    /// HELP text without the unit.
    pub help: &'static str,
    /// When it is served.
    pub set: Set,
    /// Value for a MIG instance.
    pub instance: Instance,
    /// Change by dcgm-exporter 4.9.
    pub renamed: Option<Renamed>,
}

/// Name of a reading since dcgm-exporter 4.9, where it differs.
#[derive(Clone, Copy, Debug)]
pub struct Renamed {
    /// Name.
    pub name: &'static str,
    /// Unit of DCGM.
    pub unit: DcgmUnit,
    /// When it is served.
    pub set: Set,
}

impl Dcgm {
    pub(super) const fn gauge(set: Set, name: &'static str, unit: DcgmUnit, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, unit, help, set, instance: Instance::OfGpu, renamed: None }
    }

    pub(super) const fn counter(set: Set, name: &'static str, unit: DcgmUnit, help: &'static str) -> Self {
        Self { kind: Kind::Counter, ..Self::gauge(set, name, unit, help) }
    }

    pub(super) const fn instance(self, instance: Instance) -> Self {
        Self { instance, ..self }
    }

    pub(super) const fn renamed(self, name: &'static str, unit: DcgmUnit) -> Self {
        self.renamed_into(self.set, name, unit)
    }

    pub(super) const fn renamed_into(self, set: Set, name: &'static str, unit: DcgmUnit) -> Self {
        Self { renamed: Some(Renamed { name, unit, set }), ..self }
    }
}

/// Set of fields that a name of dcgm-exporter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// dcgm-exporter's default set.
    Default,
    /// Outside the default set, and served by default all the same.
    More,
    /// Served if a file of counters asks for it.
    Asked,
}

/// Value of a dcgm-exporter metric for a MIG instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instance {
    /// The whole GPU's.
    OfGpu,
    /// The instance's own.
    Own,
    /// None: the reading cannot be divided.
    Absent,
}

/// Unit of a DCGM field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DcgmUnit {
    /// None.
    None,
    /// %.
    Percent,
    /// From 0 to 1.
    Ratio,
    /// °C.
    Celsius,
    /// W.
    Watts,
    /// mJ.
    Millijoules,
    /// J.
    Joules,
    /// MHz.
    Megahertz,
    /// Hz.
    Hertz,
    /// MiB.
    Mebibytes,
    /// B.
    Bytes,
    /// B/s.
    BytesPerSecond,
    /// ns.
    Nanoseconds,
    /// s.
    Seconds,
    /// NVML's bits.
    Bits,
}

impl DcgmUnit {
    /// The unit as dcgm-exporter's help text has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Percent => "%",
            Self::Ratio => "ratio",
            Self::Celsius => "°C",
            Self::Watts => "W",
            Self::Millijoules => "mJ",
            Self::Joules => "J",
            Self::Megahertz => "MHz",
            Self::Hertz => "Hz",
            Self::Mebibytes => "MiB",
            Self::Bytes => "B",
            Self::BytesPerSecond => "B/s",
            Self::Nanoseconds => "ns",
            Self::Seconds => "s",
            Self::Bits => "bits",
        }
    }
}
