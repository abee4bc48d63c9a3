//! Fields of DCGM that are served: those of the catalogue, and a few that are computed. Units are DCGM's, in its integers;
//! a division truncates, as there.

mod computed;
mod known;

use std::sync::LazyLock;

pub(crate) use telemetry::readings::Set;
use telemetry::{
    Absence, Reading,
    readings::{self, Dcgm, DcgmUnit, Instance, SPECS, Section, Value},
    sample::Memory,
};

use super::places::Place;
use crate::metrics::text::Kind;

pub(super) use known::{DRIVER_VERSION, KNOWN, Known};

/// Version of dcgm-exporter whose names are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Up to 4.8.
    Until48,
    /// 4.9 and newer.
    Since49,
}

impl Version {
    pub(crate) const ALL: [Self; 2] = [Self::Until48, Self::Since49];
}

/// One field.
pub(crate) struct Field {
    until48: Named,
    since49: Named,
    from: From,
}

/// Name of a field in a version of dcgm-exporter, with its unit.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    /// Type as dcgm-exporter declares it.
    pub(crate) kind: Kind,
    pub(super) unit: DcgmUnit,
    /// The unit as the help has it.
    pub(crate) unit_text: &'static str,
    pub(crate) help: &'static str,
    pub(crate) set: Set,
}

/// Origin of a field's value.
enum From {
    /// A reading of the catalogue.
    Reading(readings::Field, &'static Dcgm),
    /// Computed from several.
    Computed(fn(&Place<'_>, DcgmUnit) -> Reading<Number>),
    /// Events: counted, or the newest. They are no readings, so a lost GPU has them too.
    Events(fn(&Place<'_>) -> Vec<Sample>),
}

/// A sample of a field.
pub(super) struct Sample {
    /// Labels that this field alone has.
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) number: Number,
}

/// A value as DCGM keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// A 64-bit integer.
    Whole(i64),
    /// A double.
    Real(f64),
}

/// Fields in dcgm-exporter's order. Those of its sets that are not in this list follow in the order of the catalogue.
const ORDER: &[&str] = &[
    "DCGM_FI_DEV_SM_CLOCK",
    "DCGM_FI_DEV_MEM_CLOCK",
    "DCGM_FI_DEV_MEMORY_TEMP",
    "DCGM_FI_DEV_GPU_TEMP",
    "DCGM_FI_DEV_POWER_USAGE",
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_MEM_COPY_UTIL",
    "DCGM_FI_DEV_ENC_UTIL",
    "DCGM_FI_DEV_DEC_UTIL",
    "DCGM_FI_DEV_XID_ERRORS",
    "DCGM_FI_DEV_FB_FREE",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_FB_RESERVED",
    "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
    "DCGM_FI_DEV_VGPU_LICENSE_STATUS",
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
    "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
    "DCGM_FI_DEV_ROW_REMAP_FAILURE",
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "DCGM_FI_PROF_DRAM_ACTIVE",
    "DCGM_FI_PROF_PCIE_TX_BYTES",
    "DCGM_FI_PROF_PCIE_RX_BYTES",
    "DCGM_FI_PROF_SM_ACTIVE",
    "DCGM_FI_PROF_SM_OCCUPANCY",
    "DCGM_FI_PROF_PIPE_FP64_ACTIVE",
    "DCGM_FI_PROF_PIPE_FP32_ACTIVE",
    "DCGM_FI_PROF_PIPE_FP16_ACTIVE",
    "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL",
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
    "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL",
    "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL",
    "DCGM_FI_DEV_POWER_VIOLATION",
    "DCGM_FI_DEV_THERMAL_VIOLATION",
    "DCGM_FI_DEV_FAN_SPEED",
];

/// All fields, in the order in which they are served.
pub(crate) fn all() -> impl Iterator<Item = &'static Field> {
    static ALL: LazyLock<Vec<Field>> = LazyLock::new(|| {
        let named = readings::Field::ALL.iter().zip(&SPECS);
        let named = named.flat_map(|(&field, spec)| spec.dcgm.iter().map(move |dcgm| of(field, dcgm)));
        let mut all: Vec<Field> = named.chain(computed::fields()).collect();
        let place = |name: &str| ORDER.iter().position(|other| *other == name).unwrap_or(ORDER.len());
        all.sort_by_key(|field| (field.until48.set as u8, place(field.until48.name)));
        all
    });
    ALL.iter()
}

fn of(field: readings::Field, dcgm: &'static Dcgm) -> Field {
    let kind = match dcgm.kind {
        readings::Kind::Gauge => Kind::Gauge,
        readings::Kind::Counter => Kind::Counter,
    };
    let named = |name, unit: DcgmUnit, set| Named { name, kind, unit, unit_text: unit.as_str(), help: dcgm.help, set };
    let until48 = named(dcgm.name, dcgm.unit, dcgm.set);
    let since49 = dcgm.renamed.map_or(until48, |new| named(new.name, new.unit, new.set));
    Field { until48, since49, from: From::Reading(field, dcgm) }
}

impl Field {
    /// Its name and unit in a version.
    pub(crate) const fn named(&self, version: Version) -> &Named {
        match version {
            Version::Until48 => &self.until48,
            Version::Since49 => &self.since49,
        }
    }

    /// True if it is of events.
    pub(super) const fn is_event(&self) -> bool {
        matches!(self.from, From::Events(_))
    }

    /// Samples of a GPU or of an instance, in a unit; none if there is no value.
    pub(super) fn samples(&self, place: &Place<'_>, unit: DcgmUnit) -> Vec<Sample> {
        let number = match self.from {
            From::Events(samples) => return samples(place),
            From::Computed(value) => value(place, unit),
            From::Reading(field, dcgm) => reading(place, field, dcgm, unit),
        };
        number.map(|number| Sample { labels: Vec::new(), number }).into_iter().collect()
    }
}

/// A reading of a GPU or of an instance.
fn reading(place: &Place<'_>, field: readings::Field, dcgm: &Dcgm, unit: DcgmUnit) -> Reading<Number> {
    let readings = &place.gpu.readings;
    match (dcgm.instance, place.mig) {
        (Instance::Absent, Some(_)) => Err(Absence::NotSupported),
        // On unified memory there is none, since it is the host's.
        (Instance::Own, mig) if Section::MemoryReadings.fields().contains(&field) => {
            let memory = mig.map_or_else(|| readings.memory.whole(), |mig| mig.sample.memory)?;
            if memory.unified { Err(Absence::NotSupported) } else { part(&memory, field, unit) }
        }
        (Instance::Own, Some(mig)) => number(mig.activity().value(field), field, unit),
        _ => number(readings.value(field), field, unit),
    }
}

/// Part of a memory.
fn part(memory: &Memory, field: readings::Field, unit: DcgmUnit) -> Reading<Number> {
    let mut parts = readings::MemoryReadings::absent(Absence::NotSupported);
    parts.set_whole(Ok(*memory));
    number(parts.value(field), field, unit)
}

/// A reading in DCGM's unit.
fn number(reading: Option<Reading<Value<'_>>>, field: readings::Field, unit: DcgmUnit) -> Reading<Number> {
    let value = reading.ok_or(Absence::NotSupported)??;
    match unit {
        DcgmUnit::Watts => Ok(Number::Real(real(&value)? / 1000.0)),
        DcgmUnit::Seconds => Ok(Number::Real(real(&value)? / 1e9)),
        // The catalogue has shares as ratios or as percentages.
        DcgmUnit::Ratio if matches!(field.spec().unit, readings::Unit::Percent) => {
            Ok(Number::Real(real(&value)? / 100.0))
        }
        DcgmUnit::Ratio => real(&value).map(Number::Real),
        DcgmUnit::Hertz => whole(&value)?.checked_mul(1_000_000).map(Number::Whole).ok_or(Absence::Error),
        DcgmUnit::Joules => Ok(Number::Whole(whole(&value)? / 1000)),
        DcgmUnit::Mebibytes => Ok(Number::Whole(mebibytes(whole(&value)?))),
        _ => whole(&value).map(Number::Whole),
    }
}

const fn mebibytes(bytes: i64) -> i64 {
    bytes / 1024 / 1024
}

fn real(value: &Value<'_>) -> Reading<f64> {
    value.number().ok_or(Absence::NotSupported)
}

fn whole(value: &Value<'_>) -> Reading<i64> {
    match *value {
        Value::U32(number) => Ok(number.into()),
        Value::U64(number) => i64::try_from(number).map_err(|_| Absence::Error),
        Value::I32(number) => Ok(number.into()),
        Value::Bool(flag) => Ok(flag.into()),
        Value::F64(_) | Value::Text(_) | Value::List(_) => Err(Absence::NotSupported),
    }
}
