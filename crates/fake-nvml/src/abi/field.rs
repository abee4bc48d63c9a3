//! Field values: many values in one call, each with a return code of its own.

use std::ffi::{c_int, c_uint};
use std::mem::offset_of;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nvml_wrapper_sys::bindings::{self as sys, field_id as fields, nvmlFieldValue_t, nvmlValue_t};

use super::export;
use crate::call::Call;
use crate::code::{INVALID_ARGUMENT, NOT_SUPPORTED, Outcome, SUCCESS};
use crate::function::Function;
use crate::pointer::{Fields, List};
use crate::scenario::{Field, FieldKey, Gpu};
use crate::value::Value;

/// Scope of an NVLink field that means all links together.
const ALL_LINKS: c_uint = c_uint::MAX;

/// A value, by its type in the ABI.
enum FieldValue {
    UnsignedLongLong(u64),
    UnsignedInt(u32),
    SignedLongLong(i64),
    Double(f64),
    /// Bits with a type given by the scenario, which may be one that NVML does not define.
    Other(u32, u64),
}

/// Returns true if the scope of a field is a link.
const fn is_per_link(id: c_uint) -> bool {
    matches!(id, fields::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX..=fields::NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX
        | fields::NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID
        | fields::NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY..=fields::NVML_FI_DEV_NVLINK_GET_POWER_STATE
        | fields::NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS..=fields::NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER)
}

/// Returns true if a field is a 64-bit counter.
const fn is_wide(id: c_uint) -> bool {
    (fields::NVML_FI_DEV_ECC_SBE_VOL_TOTAL <= id && id < fields::NVML_FI_DEV_MEMORY_TEMP)
        || counts_pcie_bytes(id)
        || matches!(id, fields::NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION | fields::NVML_FI_DEV_ENERGY
            | fields::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX..=fields::NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX
            | fields::NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY..=fields::NVML_FI_DEV_NVLINK_ERROR_DL_CRC
            | fields::NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS..=fields::NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER)
}

const fn counts_pcie_bytes(id: c_uint) -> bool {
    matches!(id, fields::NVML_FI_DEV_PCIE_COUNT_TX_BYTES | fields::NVML_FI_DEV_PCIE_COUNT_RX_BYTES)
}

/// Function with the same value as a field, and the fact behind both.
fn equivalent(gpu: &Gpu, id: c_uint) -> Option<(Function, Option<Value>)> {
    use Function as F;
    Some(match id {
        fields::NVML_FI_DEV_ECC_CURRENT | fields::NVML_FI_DEV_ECC_PENDING => (F::nvmlDeviceGetEccMode, gpu.ecc_enabled),
        fields::NVML_FI_DEV_ECC_SBE_VOL_TOTAL => (F::nvmlDeviceGetTotalEccErrors, gpu.ecc_volatile_corrected),
        fields::NVML_FI_DEV_ECC_DBE_VOL_TOTAL => (F::nvmlDeviceGetTotalEccErrors, gpu.ecc_volatile_uncorrected),
        fields::NVML_FI_DEV_ECC_SBE_AGG_TOTAL => (F::nvmlDeviceGetTotalEccErrors, gpu.ecc_aggregate_corrected),
        fields::NVML_FI_DEV_ECC_DBE_AGG_TOTAL => (F::nvmlDeviceGetTotalEccErrors, gpu.ecc_aggregate_uncorrected),
        fields::NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION | fields::NVML_FI_DEV_ENERGY => {
            (F::nvmlDeviceGetTotalEnergyConsumption, gpu.energy_mj)
        }
        fields::NVML_FI_DEV_NVLINK_LINK_COUNT => (F::nvmlDeviceGetNvLinkState, gpu.nvlinks_total.or(gpu.nvlinks)),
        fields::NVML_FI_DEV_PCIE_REPLAY_COUNTER => (F::nvmlDeviceGetPcieReplayCounter, gpu.pcie_replays),
        fields::NVML_FI_DEV_REMAPPED_COR => (F::nvmlDeviceGetRemappedRows, gpu.remapped_correctable),
        fields::NVML_FI_DEV_REMAPPED_UNC => (F::nvmlDeviceGetRemappedRows, gpu.remapped_uncorrectable),
        fields::NVML_FI_DEV_REMAPPED_PENDING => (F::nvmlDeviceGetRemappedRows, gpu.remapped_pending),
        fields::NVML_FI_DEV_REMAPPED_FAILURE => (F::nvmlDeviceGetRemappedRows, gpu.remapped_failed),
        fields::NVML_FI_DEV_POWER_AVERAGE | fields::NVML_FI_DEV_POWER_INSTANT => {
            (F::nvmlDeviceGetPowerUsage, gpu.power_mw)
        }
        fields::NVML_FI_DEV_POWER_MIN_LIMIT => (F::nvmlDeviceGetPowerManagementLimitConstraints, gpu.min_limit_mw),
        fields::NVML_FI_DEV_POWER_MAX_LIMIT => (F::nvmlDeviceGetPowerManagementLimitConstraints, gpu.max_limit_mw),
        fields::NVML_FI_DEV_POWER_DEFAULT_LIMIT => (F::nvmlDeviceGetPowerManagementDefaultLimit, gpu.default_limit_mw),
        fields::NVML_FI_DEV_POWER_CURRENT_LIMIT => (F::nvmlDeviceGetEnforcedPowerLimit, gpu.enforced_limit_mw),
        fields::NVML_FI_DEV_POWER_REQUESTED_LIMIT => (F::nvmlDeviceGetPowerManagementLimit, gpu.power_limit_mw),
        _ => return None,
    })
}

/// Value of a field that equals a function: an error code given to the function fails the field as well.
fn equivalent_value(call: &Call, gpu: &Gpu, id: c_uint) -> Result<Option<Value>, u32> {
    let Some((function, fact)) = equivalent(gpu, id).filter(|_| call.scenario().field_equivalents) else {
        return Ok(None);
    };
    call.check_error(gpu, function)?;
    call.fact(&fact).map(|_| fact)
}

/// Value of a field that equals no function, or one with another way of counting: the memory's temperature, and the
/// state and errors of a link. The scenario's `nvlink_errors` are replays of the first link.
fn own_value(call: &Call, gpu: &Gpu, id: c_uint, scope: c_uint) -> Option<Value> {
    match id {
        fields::NVML_FI_DEV_MEMORY_TEMP => gpu.memory_temperature_c,
        fields::NVML_FI_DEV_NVLINK_GET_STATE => {
            let active = call.fact(&gpu.nvlinks).ok()?;
            Some(Value::Whole(i64::from(i64::from(scope) < active)))
        }
        fields::NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY if scope == 0 || scope == ALL_LINKS => gpu.nvlink_errors,
        fields::NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL => gpu.nvlink_errors,
        // Scenarios have no other errors, unless they answer the function.
        fields::NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL if !answers_link_errors(gpu) => {
            gpu.nvlink_errors.map(|_| Value::Whole(0))
        }
        fields::NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY..=fields::NVML_FI_DEV_NVLINK_ERROR_DL_CRC => {
            gpu.nvlink_errors.map(|_| Value::Whole(0))
        }
        _ => None,
    }
}

fn answers_link_errors(gpu: &Gpu) -> bool {
    let crc_data = sys::nvmlNvLinkErrorCounter_enum_NVML_NVLINK_ERROR_DL_CRC_DATA.into();
    (0..64).any(|link| gpu.answers.to(Function::nvmlDeviceGetNvLinkErrorCounter, &[link, crc_data]).is_some())
}

/// Divisor of a value that is given for all links: the number of links for the throughput of one link, and else 1.
/// Fails with "invalid argument" for a link that does not exist.
fn divisor(call: &Call, gpu: &Gpu, id: c_uint, scope: c_uint) -> Result<i64, u32> {
    if !is_per_link(id) {
        return Ok(1);
    }
    let links = call.fact(&gpu.nvlinks_total.or(gpu.nvlinks))?;
    if scope == ALL_LINKS {
        return Ok(1);
    }
    if i64::from(scope) >= links {
        return Err(INVALID_ARGUMENT);
    }
    let throughput = fields::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX..=fields::NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX;
    Ok(if throughput.contains(&id) { links.max(1) } else { 1 })
}

/// Value of a field now: from the scenario's `fields`, or from a fact that a function has as well.
fn read(call: &Call, gpu: &Gpu, id: c_uint, scope: c_uint) -> Result<FieldValue, u32> {
    if let Some(field) = gpu.fields.get(&FieldKey { id, scope: Some(scope) }) {
        return evaluate(call, id, field, 1);
    }
    // A scenario may contain fields that are newer than the header.
    if id >= fields::NVML_FI_MAX && !gpu.fields.keys().any(|key| key.id == id) {
        return Err(INVALID_ARGUMENT);
    }
    let divisor = divisor(call, gpu, id, scope)?;
    let field = match gpu.fields.get(&FieldKey { id, scope: None }) {
        Some(field) => *field,
        None => {
            let fact = equivalent_value(call, gpu, id)?.or_else(|| own_value(call, gpu, id, scope));
            Field::Value(fact.ok_or(NOT_SUPPORTED)?)
        }
    };
    Ok(match evaluate(call, id, &field, divisor)? {
        FieldValue::UnsignedLongLong(bytes) if gpu.pcie_counters_wrap && counts_pcie_bytes(id) => {
            FieldValue::UnsignedLongLong(bytes & u64::from(u32::MAX))
        }
        value => value,
    })
}

/// Current value of a field of the scenario, divided by `divisor`.
fn evaluate(call: &Call, id: c_uint, field: &Field, divisor: i64) -> Result<FieldValue, u32> {
    let value = match field {
        Field::Code(code) => return Err(*code),
        Field::Typed { value, kind } if *kind == sys::nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE => {
            return Ok(FieldValue::Double(value.at(call.seconds)));
        }
        Field::Typed { value, kind } => return Ok(FieldValue::Other(*kind, value.whole(call.seconds) as u64)),
        Field::Value(value) => value,
    };
    let whole = value.whole(call.seconds) / divisor;
    Ok(match value {
        Value::Fraction(number) => FieldValue::Double(*number),
        _ if whole < 0 => FieldValue::SignedLongLong(whole),
        _ => match u32::try_from(whole) {
            Ok(number) if !is_wide(id) => FieldValue::UnsignedInt(number),
            _ => FieldValue::UnsignedLongLong(whole as u64),
        },
    })
}

/// Writes the results of an entry. The id and the scope, which the caller set, are not written.
fn write(call: &Call, entry: Fields<nvmlFieldValue_t>, result: Result<FieldValue, u32>, started: Instant) -> Outcome {
    let now_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
    let latency_us = (started.elapsed().as_micros() as i64).max(1);
    let (code, kind, value) = match result {
        Ok(FieldValue::Double(value)) => {
            (SUCCESS, sys::nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE, nvmlValue_t { dVal: value })
        }
        Ok(FieldValue::UnsignedInt(value)) => {
            // The whole union is written, because a narrower member must not leave old bytes beside it.
            (SUCCESS, sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_INT, nvmlValue_t { ullVal: value.into() })
        }
        Ok(FieldValue::UnsignedLongLong(value)) => {
            (SUCCESS, sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, nvmlValue_t { ullVal: value })
        }
        Ok(FieldValue::SignedLongLong(value)) => {
            (SUCCESS, sys::nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_LONG_LONG, nvmlValue_t { sllVal: value })
        }
        Ok(FieldValue::Other(kind, bits)) => (SUCCESS, kind, nvmlValue_t { ullVal: bits }),
        Err(code) => (code, sys::nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE, nvmlValue_t { ullVal: 0 }),
    };
    entry.field(offset_of!(nvmlFieldValue_t, timestamp)).put(now_us);
    entry.field(offset_of!(nvmlFieldValue_t, latencyUsec)).put(latency_us);
    entry.field(offset_of!(nvmlFieldValue_t, nvmlReturn)).put(if call.garbage { SUCCESS } else { code });
    call.put(entry.field(offset_of!(nvmlFieldValue_t, valueType)), kind)?;
    call.put(entry.field(offset_of!(nvmlFieldValue_t, value)), value)
}

export! {
    gpu fn nvmlDeviceGetFieldValues(call, gpu; count: c_int, values: List<nvmlFieldValue_t>) {
        let count = usize::try_from(count).map_err(|_| INVALID_ARGUMENT)?;
        if count == 0 || values.is_null() || call.scenario().max_fields.is_some_and(|max| count > max) {
            return Err(INVALID_ARGUMENT);
        }
        for index in 0..count {
            let started = Instant::now();
            let entry = values.at(index).fields();
            let id = entry.field(offset_of!(nvmlFieldValue_t, fieldId)).get();
            let scope = entry.field(offset_of!(nvmlFieldValue_t, scopeId)).get();
            write(call, entry, read(call, gpu, id, scope), started)?;
        }
        Ok(())
    }
}
