//! The description of a reading: every attribute that an API, a metric, a page or a document needs to know.

use std::{borrow::Cow, ops::RangeInclusive, time::Duration};

use super::words;

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

/// Type of a value as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `i32`.
    I32,
    /// `f64`.
    F64,
    /// `bool`.
    Bool,
    /// `String`.
    Text,
    /// `Vec<u32>`.
    List,
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
    /// HELP text where it is not the reading's description: readings that share a metric, and words.
    pub help: Option<&'static str>,
}

impl Metric {
    /// A gauge.
    pub(super) const fn gauge(name: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels: &[], state_label: None, help: None }
    }

    /// A counter.
    pub(super) const fn counter(name: &'static str) -> Self {
        Self { name, kind: Kind::Counter, labels: &[], state_label: None, help: None }
    }

    /// A gauge whose label has the word.
    pub(super) const fn state(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels: &[], state_label: Some(label), help: Some(help) }
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
    /// Name and unit since dcgm-exporter 4.9, where they differ.
    pub renamed: Option<(&'static str, DcgmUnit)>,
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
        Self { renamed: Some((name, unit)), ..self }
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
            Self::Bits => "bits",
        }
    }
}

/// Unit of a value as it is read. Every conversion is here.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// A number of things, or a number without a unit.
    Count,
    /// %.
    Percent,
    /// From 0 to 1.
    Ratio,
    /// °C.
    Celsius,
    /// mW; W in the API and in metrics.
    Milliwatts,
    /// mJ; J in the API and in metrics.
    Millijoules,
    /// MHz; Hz in metrics.
    Megahertz,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// ns; seconds in the API and in metrics.
    Nanoseconds,
    /// Yes or no; 1 or 0 in metrics.
    Flag,
    /// Text.
    Text,
    /// NVML's number of a state that has a word.
    Word(words::Table),
    /// NVML's bits, each of which has a word.
    Bits(words::Bits),
}

impl Unit {
    /// The unit in the API and on the page: a stable word.
    #[must_use]
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Percent => "percent",
            Self::Ratio => "ratio",
            Self::Celsius => "celsius",
            Self::Milliwatts => "watts",
            Self::Millijoules => "joules",
            Self::Megahertz => "megahertz",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_second",
            Self::Nanoseconds => "seconds",
            Self::Flag => "flag",
            Self::Text => "text",
            Self::Word(_) => "word",
            Self::Bits(_) => "words",
        }
    }

    /// The base unit that a metric's name ends in; empty for those without one.
    #[must_use]
    pub const fn base_name(self) -> &'static str {
        match self {
            Self::Percent | Self::Ratio => "ratio",
            Self::Celsius => "celsius",
            Self::Milliwatts => "watts",
            Self::Millijoules => "joules",
            Self::Megahertz => "hertz",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_second",
            Self::Nanoseconds => "seconds",
            Self::Count | Self::Flag | Self::Text | Self::Word(_) | Self::Bits(_) => "",
        }
    }

    /// The value in the API's unit.
    #[must_use]
    pub fn in_api<'a>(self, value: Value<'a>) -> Shown<'a> {
        match (self, value) {
            (Self::Milliwatts | Self::Millijoules, value) => Shown::Real(value.number().unwrap_or_default() / 1000.0),
            (Self::Nanoseconds, Value::U64(nanoseconds)) => {
                Shown::Real(Duration::from_nanos(nanoseconds).as_secs_f64())
            }
            (Self::Word(table), Value::U32(number)) => Shown::Word(words::word(number, table)),
            (Self::Bits(names), Value::U64(bits)) => Shown::Words(words::set_bits(bits, names).collect()),
            (_, Value::U32(number)) => Shown::Unsigned(number.into()),
            (_, Value::U64(number)) => Shown::Unsigned(number),
            (_, Value::I32(number)) => Shown::Signed(number.into()),
            (_, Value::F64(number)) => Shown::Real(number),
            (_, Value::Bool(flag)) => Shown::Flag(flag),
            (_, Value::Text(text)) => Shown::Word(text.into()),
            (_, Value::List(list)) => Shown::List(list),
        }
    }

    /// The value in the API's unit as a float; nothing for words and text.
    #[must_use]
    pub fn api_number(self, value: Value<'_>) -> Option<f64> {
        match self {
            Self::Milliwatts | Self::Millijoules => Some(value.number()? / 1000.0),
            Self::Nanoseconds => self.in_base(&value),
            Self::Word(_) | Self::Bits(_) | Self::Text => None,
            _ => value.number(),
        }
    }

    /// The value in Prometheus' base unit; nothing for text.
    #[must_use]
    pub fn in_base(self, value: &Value<'_>) -> Option<f64> {
        let number = value.number()?;
        Some(match self {
            Self::Percent => number / 100.0,
            Self::Milliwatts | Self::Millijoules => number / 1000.0,
            Self::Megahertz => number * 1e6,
            Self::Nanoseconds => match value {
                Value::U64(nanoseconds) => Duration::from_nanos(*nanoseconds).as_secs_f64(),
                _ => number / 1e9,
            },
            _ => number,
        })
    }
}

/// A value as it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `u32`.
    U32(u32),
    /// `u64`.
    U64(u64),
    /// `i32`.
    I32(i32),
    /// `f64`.
    F64(f64),
    /// `bool`.
    Bool(bool),
    /// `String`.
    Text(&'a str),
    /// `Vec<u32>`.
    List(&'a [u32]),
}

/// Numbers that drivers and tools report in place of one that they do not have: all ones of 32 and 64 bits, the lowest and
/// the highest signed numbers, and the 16 below the latter that DCGM calls blank.
#[must_use]
pub const fn is_filler(number: u64) -> bool {
    matches!(
        number,
        0x7FFF_FFF0..=0x7FFF_FFFF
            | 0xFFFF_FFFF
            | 0x7FFF_FFFF_FFFF_FFF0..=0x8000_0000_0000_0000
            | 0xFFFF_FFFF_0000_0000..=u64::MAX
    )
}

impl Value<'_> {
    /// True for a number that says that there is none, and for a real number that is none.
    #[must_use]
    pub fn is_filler(&self) -> bool {
        match *self {
            Self::U32(number) => is_filler(number.into()) || number == 1 << 31,
            Self::U64(number) => is_filler(number),
            Self::I32(number) => number == i32::MIN || number >= 0x7FFF_FFF0,
            Self::F64(number) => !number.is_finite(),
            Self::List(list) => list.iter().any(|&number| is_filler(number.into())),
            Self::Bool(_) | Self::Text(_) => false,
        }
    }

    /// As a float, exact up to 2^53; flags are 1 and 0. The highest of a list; nothing for text.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "there is no exact conversion, and monitoring systems keep doubles")]
    pub fn number(&self) -> Option<f64> {
        match *self {
            Self::U32(number) => Some(number.into()),
            Self::U64(number) => Some(number as f64),
            Self::I32(number) => Some(number.into()),
            Self::F64(number) => Some(number),
            Self::Bool(flag) => Some(u8::from(flag).into()),
            Self::List(list) => list.iter().max().map(|&number| number.into()),
            Self::Text(_) => None,
        }
    }
}

/// A value in the API's unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown<'a> {
    /// An integer.
    Unsigned(u64),
    /// An integer that may be below zero.
    Signed(i64),
    /// A real number.
    Real(f64),
    /// Yes or no.
    Flag(bool),
    /// A word or text.
    Word(Cow<'a, str>),
    /// Words.
    Words(Vec<Cow<'static, str>>),
    /// Numbers.
    List(&'a [u32]),
}

/// Types of values.
pub(super) trait Typed {
    /// The type in the catalogue.
    const TYPE: Type;

    /// The value.
    fn value(&self) -> Value<'_>;
}

macro_rules! typed {
    ($($type:ty => $variant:ident, $name:ident;)*) => {
        $(impl Typed for $type {
            const TYPE: Type = Type::$name;

            fn value(&self) -> Value<'_> {
                Value::$variant(*self)
            }
        })*
    };
}

typed! {
    u32 => U32, U32;
    u64 => U64, U64;
    i32 => I32, I32;
    f64 => F64, F64;
    bool => Bool, Bool;
}

impl Typed for String {
    const TYPE: Type = Type::Text;

    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Typed for Vec<u32> {
    const TYPE: Type = Type::List;

    fn value(&self) -> Value<'_> {
        Value::List(self)
    }
}
