//! Fields of DCGM that are served: those of the catalogue, and a few that are computed. Units are DCGM's, in its integers;
//! a division truncates, as there.

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

/// One field.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Type as dcgm-exporter declares it.
    pub(crate) kind: Kind,
    pub(crate) unit: &'static str,
    pub(crate) help: &'static str,
    from: From,
}

/// Origin of a field's value.
enum From {
    /// A reading of the catalogue.
    Reading(readings::Field, &'static Dcgm),
    /// Computed from several.
    Computed(fn(&Place<'_>) -> Reading<Number>),
}

/// A value as DCGM keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// A 64-bit integer.
    Whole(i64),
    /// A double.
    Real(f64),
}

/// The field whose samples have labels of their own.
pub(super) const XID_ERRORS: &str = "DCGM_FI_DEV_XID_ERRORS";

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
    XID_ERRORS,
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

/// Fields whose value is not one reading.
const COMPUTED: [(Set, Field); 3] = [
    (
        Set::Default,
        Field {
            name: XID_ERRORS,
            kind: Kind::Gauge,
            unit: "",
            help: "The newest Xid error; 0 if there was none",
            from: From::Computed(last_xid),
        },
    ),
    (
        Set::Default,
        Field {
            name: "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
            kind: Kind::Counter,
            unit: "MB/s",
            help: "What crosses NVLink both ways; a rate, though it is declared a counter",
            from: From::Computed(nvlink_bandwidth),
        },
    ),
    (
        Set::Asked,
        Field {
            name: "DCGM_FI_DEV_BAR1_FREE",
            kind: Kind::Gauge,
            unit: "MiB",
            help: "How much of that window is not mapped",
            from: From::Computed(bar1_free),
        },
    ),
];

/// All fields, in the order in which they are served, with the set that each belongs to.
pub(crate) fn all() -> impl Iterator<Item = (Set, &'static Field)> {
    static ALL: LazyLock<Vec<(Set, Field)>> = LazyLock::new(|| {
        let named = readings::Field::ALL.iter().zip(&SPECS);
        let named = named.flat_map(|(&field, spec)| spec.dcgm.iter().map(move |dcgm| (dcgm.set, of(field, dcgm))));
        let mut all: Vec<(Set, Field)> = named.chain(COMPUTED).collect();
        let place = |name: &str| ORDER.iter().position(|other| *other == name).unwrap_or(ORDER.len());
        all.sort_by_key(|(set, field)| (*set as u8, place(field.name)));
        all
    });
    ALL.iter().map(|(set, field)| (*set, field))
}

fn of(field: readings::Field, dcgm: &'static Dcgm) -> Field {
    let kind = match dcgm.kind {
        readings::Kind::Gauge => Kind::Gauge,
        readings::Kind::Counter => Kind::Counter,
    };
    Field { name: dcgm.name, kind, unit: dcgm.unit.as_str(), help: dcgm.help, from: From::Reading(field, dcgm) }
}

impl Field {
    /// Value of a GPU or of an instance.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) fn value(&self, place: &Place<'_>) -> Reading<Number> {
        match self.from {
            From::Computed(value) => value(place),
            From::Reading(field, dcgm) => {
                let readings = &place.gpu.readings;
                match (dcgm.instance, place.mig) {
                    (Instance::Absent, Some(_)) => Err(Absence::NotSupported),
                    // On unified memory there is none, since it is the host's.
                    (Instance::Own, mig) if Section::MemoryReadings.fields().contains(&field) => {
                        let memory = mig.map_or_else(|| readings.memory.whole(), |mig| mig.sample.memory)?;
                        if memory.unified { Err(Absence::NotSupported) } else { part(&memory, field, dcgm.unit) }
                    }
                    (Instance::Own, Some(mig)) => number(mig.activity().value(field), dcgm.unit),
                    _ => number(readings.value(field), dcgm.unit),
                }
            }
        }
    }
}

/// Part of a memory.
fn part(memory: &Memory, field: readings::Field, unit: DcgmUnit) -> Reading<Number> {
    let mut parts = readings::MemoryReadings::absent(Absence::NotSupported);
    parts.set_whole(Ok(*memory));
    number(parts.value(field), unit)
}

/// The value in DCGM's unit.
fn number(reading: Option<Reading<Value<'_>>>, unit: DcgmUnit) -> Reading<Number> {
    let value = reading.ok_or(Absence::NotSupported)??;
    match unit {
        DcgmUnit::Watts | DcgmUnit::Joules => Ok(Number::Real(real(&value)? / 1000.0)),
        DcgmUnit::Ratio => real(&value).map(Number::Real),
        DcgmUnit::Mebibytes => Ok(Number::Whole(whole(&value)? / 1024 / 1024)),
        DcgmUnit::Hertz => whole(&value)?.checked_mul(1_000_000).map(Number::Whole).ok_or(Absence::Error),
        _ => whole(&value).map(Number::Whole),
    }
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

fn last_xid(place: &Place<'_>) -> Reading<Number> {
    match place.gpu.xid.last {
        Some((code, _)) => whole(&Value::U64(code)).map(Number::Whole),
        // Without a listener nothing is known of errors.
        None => place.gpu.xid.since.map(|_| Number::Whole(0)),
    }
}

fn nvlink_bandwidth(place: &Place<'_>) -> Reading<Number> {
    let nvlink = &place.gpu.readings.nvlink;
    let both = nvlink.tx_bytes_per_second?.checked_add(nvlink.rx_bytes_per_second?);
    // As DCGM computes it: NVML's KiB, divided by a thousand.
    whole(&Value::U64(both.ok_or(Absence::Error)? / 1024 / 1000)).map(Number::Whole)
}

fn bar1_free(place: &Place<'_>) -> Reading<Number> {
    let memory = &place.gpu.readings.memory;
    let free = memory.bar1_total_bytes?.saturating_sub(memory.bar1_used_bytes?);
    number(Some(Ok(Value::U64(free))), DcgmUnit::Mebibytes)
}
