//! Field values: many facts in one call, each with a status of its own.

use std::ffi::{c_int, c_uint};
use std::mem::offset_of;
use std::time::{SystemTime, UNIX_EPOCH};

use nvml_wrapper_sys::bindings::{self as sys, field_id as fields, nvmlFieldValue_t, nvmlValue_t};

use super::export;
use crate::call::Call;
use crate::code::{self, INVALID_ARGUMENT, NOT_SUPPORTED};
use crate::pointer::{List, Open};
use crate::scenario::{Field, FieldKey, Gpu};
use crate::value::Value;

/// The scope that stands for all links together.
const ALL_LINKS: c_uint = c_uint::MAX;

/// A field's value, and the type that it is told in.
enum Told {
    Wide(u64),
    Narrow(u32),
    Signed(i64),
    Real(f64),
    /// Of a type that the scenario says, which may be one that NVML does not have.
    Typed(u32, u64),
}

/// Whether a field's scope is a link.
const fn is_of_a_link(id: c_uint) -> bool {
    matches!(id, fields::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX..=fields::NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX
        | fields::NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID
        | fields::NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY..=fields::NVML_FI_DEV_NVLINK_GET_POWER_STATE
        | fields::NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS..=fields::NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER)
}

/// Whether a field counts something that outgrows 32 bits.
const fn is_wide(id: c_uint) -> bool {
    id < fields::NVML_FI_DEV_MEMORY_TEMP
        || counts_pcie_bytes(id)
        || matches!(id, fields::NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION
            | fields::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX..=fields::NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX
            | fields::NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY..=fields::NVML_FI_DEV_NVLINK_ERROR_DL_CRC
            | fields::NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS..=fields::NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER)
}

const fn counts_pcie_bytes(id: c_uint) -> bool {
    matches!(id, fields::NVML_FI_DEV_PCIE_COUNT_TX_BYTES | fields::NVML_FI_DEV_PCIE_COUNT_RX_BYTES)
}

/// Fields that tell what other functions tell too.
fn of_a_fact(gpu: &Gpu, id: c_uint) -> Option<Value> {
    match id {
        fields::NVML_FI_DEV_MEMORY_TEMP => gpu.memory_temperature_c,
        fields::NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION => gpu.energy_mj,
        fields::NVML_FI_DEV_NVLINK_LINK_COUNT => gpu.nvlinks_total.or(gpu.nvlinks),
        fields::NVML_FI_DEV_PCIE_REPLAY_COUNTER => gpu.pcie_replays,
        fields::NVML_FI_DEV_POWER_AVERAGE | fields::NVML_FI_DEV_POWER_INSTANT => gpu.power_mw,
        fields::NVML_FI_DEV_POWER_MIN_LIMIT => gpu.min_limit_mw,
        fields::NVML_FI_DEV_POWER_MAX_LIMIT => gpu.max_limit_mw,
        fields::NVML_FI_DEV_POWER_DEFAULT_LIMIT => gpu.default_limit_mw,
        fields::NVML_FI_DEV_POWER_CURRENT_LIMIT => gpu.enforced_limit_mw,
        fields::NVML_FI_DEV_POWER_REQUESTED_LIMIT => gpu.power_limit_mw,
        _ => None,
    }
}

/// The errors of a link, or of all: those that there are are replays of the first.
fn errors_of_a_link(gpu: &Gpu, id: c_uint, scope: c_uint) -> Option<Value> {
    let errors = gpu.nvlink_errors?;
    match id {
        fields::NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY if scope == 0 || scope == ALL_LINKS => Some(errors),
        fields::NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL => Some(errors),
        fields::NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY..=fields::NVML_FI_DEV_NVLINK_ERROR_DL_CRC => Some(Value::Whole(0)),
        _ => None,
    }
}

fn field(call: &Call, gpu: &Gpu, id: c_uint, scope: c_uint) -> Result<Told, u32> {
    if let Some(of_this_scope) = gpu.fields.get(&FieldKey { id, scope: Some(scope) }) {
        return told(call, id, of_this_scope, 1);
    }
    // A scenario may give fields that are newer than the header.
    if id >= fields::NVML_FI_MAX && !gpu.fields.keys().any(|key| key.id == id) {
        return Err(INVALID_ARGUMENT);
    }
    let mut share = 1;
    if is_of_a_link(id) {
        let links = call.fact(&gpu.nvlinks_total.or(gpu.nvlinks))?;
        if scope != ALL_LINKS && i64::from(scope) >= links {
            return Err(INVALID_ARGUMENT);
        }
        let is_sum = (fields::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX..=fields::NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX)
            .contains(&id);
        if is_sum && scope != ALL_LINKS {
            share = links.max(1);
        }
    }
    let given = gpu.fields.get(&FieldKey { id, scope: None }).copied();
    let fact = || of_a_fact(gpu, id).or_else(|| errors_of_a_link(gpu, id, scope)).map(Field::Value);
    let told = told(call, id, &given.or_else(fact).ok_or(NOT_SUPPORTED)?, share)?;
    Ok(match told {
        Told::Wide(bytes) if gpu.pcie_counters_wrap && counts_pcie_bytes(id) => Told::Wide(bytes & u64::from(u32::MAX)),
        told => told,
    })
}

/// What a field tells now, of which a share is asked for.
fn told(call: &Call, id: c_uint, field: &Field, share: i64) -> Result<Told, u32> {
    let value = match field {
        Field::Code(code) => return Err(*code),
        Field::Typed { value, kind } if *kind == sys::nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE => {
            return Ok(Told::Real(value.at(call.seconds)));
        }
        Field::Typed { value, kind } => return Ok(Told::Typed(*kind, value.whole(call.seconds) as u64)),
        Field::Value(value) => value,
    };
    let whole = value.whole(call.seconds) / share;
    Ok(match value {
        Value::Fraction(real) => Told::Real(*real),
        _ if whole < 0 => Told::Signed(whole),
        _ => match u32::try_from(whole) {
            Ok(narrow) if !is_wide(id) => Told::Narrow(narrow),
            _ => Told::Wide(whole as u64),
        },
    })
}

/// Writes a field's answer; what is asked for stays as the caller put it.
fn write(call: &Call, entry: Open<nvmlFieldValue_t>, told: Result<Told, u32>) -> code::Done {
    let now_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
    let (code, kind, value) = match told {
        Ok(Told::Real(value)) => (0, sys::nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE, nvmlValue_t { dVal: value }),
        Ok(Told::Narrow(value)) => {
            // A narrower member of the union is its lower bytes; the others must not be left as they were in memory.
            (0, sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_INT, nvmlValue_t { ullVal: value.into() })
        }
        Ok(Told::Wide(value)) => {
            (0, sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, nvmlValue_t { ullVal: value })
        }
        Ok(Told::Signed(value)) => {
            (0, sys::nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_LONG_LONG, nvmlValue_t { sllVal: value })
        }
        Ok(Told::Typed(kind, bits)) => (0, kind, nvmlValue_t { ullVal: bits }),
        Err(code) => (code, sys::nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE, nvmlValue_t { ullVal: 0 }),
    };
    entry.field(offset_of!(nvmlFieldValue_t, timestamp)).put(now_us);
    entry.field(offset_of!(nvmlFieldValue_t, latencyUsec)).put(1_i64);
    entry.field(offset_of!(nvmlFieldValue_t, nvmlReturn)).put(if call.garbage { code::SUCCESS } else { code });
    call.put(entry.field(offset_of!(nvmlFieldValue_t, valueType)), kind)?;
    call.put(entry.field(offset_of!(nvmlFieldValue_t, value)), value)
}

export! {
    gpu fn nvmlDeviceGetFieldValues(call, gpu; count: c_int, fields: List<nvmlFieldValue_t>) {
        let count = usize::try_from(count).map_err(|_| INVALID_ARGUMENT)?;
        if count == 0 || fields.is_absent() {
            return Err(INVALID_ARGUMENT);
        }
        for place in 0..count {
            let entry = fields.at(place).open();
            let id = entry.field(offset_of!(nvmlFieldValue_t, fieldId)).get();
            let scope = entry.field(offset_of!(nvmlFieldValue_t, scopeId)).get();
            write(call, entry, field(call, gpu, id, scope))?;
        }
        Ok(())
    }
}
