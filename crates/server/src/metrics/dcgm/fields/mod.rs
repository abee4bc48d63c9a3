//! The fields of DCGM that are served: dcgm-exporter's default set, some more, and those that only its own file asks for.
//! Units are DCGM's, in its integers; a division cuts, as there.

mod asked;
mod default;
mod known;
mod more;

use telemetry::{Absence, Reading, readings::Activity, sample::Memory};

use super::places::Place;
use crate::metrics::text::Kind;

pub(super) use known::{DRIVER_VERSION, KNOWN, Known};

/// One field.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The type that dcgm-exporter declares it as.
    pub(crate) kind: Kind,
    pub(crate) unit: &'static str,
    pub(crate) help: &'static str,
    pub(super) value: fn(&Place<'_>) -> Reading<Number>,
}

/// When a field is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// It is in dcgm-exporter's default set.
    Default,
    /// It is not, and is served all the same.
    More,
    /// If a file asks for it.
    Asked,
}

/// A value as DCGM keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// A 64-bit integer.
    Whole(i64),
    /// A double.
    Real(f64),
}

/// The one whose samples say more than their value.
pub(super) const XID_ERRORS: &str = "DCGM_FI_DEV_XID_ERRORS";

const fn field(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    help: &'static str,
    value: fn(&Place<'_>) -> Reading<Number>,
) -> Field {
    Field { name, kind, unit, help, value }
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Place<'_>) -> Reading<Number>,
) -> Field {
    field(name, Kind::Gauge, unit, help, value)
}

const fn counter(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Place<'_>) -> Reading<Number>,
) -> Field {
    field(name, Kind::Counter, unit, help, value)
}

/// All fields, in the order in which they are served, with when they are.
pub(crate) fn all() -> impl Iterator<Item = (Set, &'static Field)> {
    let sets = [(Set::Default, default::FIELDS), (Set::More, more::FIELDS), (Set::Asked, asked::FIELDS)];
    sets.into_iter().flat_map(|(set, fields)| fields.iter().map(move |field| (set, field)))
}

const MEBIBYTE: u64 = 1024 * 1024;

fn whole(reading: Reading<impl Into<i64>>) -> Reading<Number> {
    reading.map(|number| Number::Whole(number.into()))
}

fn wide(reading: Reading<u64>) -> Reading<Number> {
    i64::try_from(reading?).map(Number::Whole).map_err(|_| Absence::Error)
}

fn watts(reading: Reading<u32>) -> Reading<Number> {
    reading.map(|milliwatts| Number::Real(f64::from(milliwatts) / 1000.0))
}

/// A part of the memory: the instance's own. On unified memory there is none, since it is the host's.
fn mebibytes(place: &Place<'_>, part: impl Fn(&Memory) -> Reading<u64>) -> Reading<Number> {
    let memory = match place.mig {
        Some(mig) => mig.sample.memory?,
        None => place.gpu.readings.memory.whole()?,
    };
    if memory.unified {
        return Err(Absence::NotSupported);
    }
    wide(Ok(part(&memory)? / MEBIBYTE))
}

/// A part of the activity: the instance's own.
fn active(place: &Place<'_>, part: impl Fn(&Activity) -> Reading<f64>) -> Reading<Number> {
    match place.mig {
        Some(mig) => part(&mig.activity()),
        None => part(&place.gpu.readings.activity),
    }
    .map(Number::Real)
}

/// The whole GPU's traffic is none of its instances'.
fn rate(place: &Place<'_>, bytes: Reading<u64>) -> Reading<Number> {
    if place.mig.is_some() { Err(Absence::NotSupported) } else { wide(bytes) }
}
