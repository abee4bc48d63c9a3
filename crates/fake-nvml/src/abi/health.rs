//! Memory errors and row remapping.

use std::ffi::{c_uint, c_ulonglong};

use nvml_wrapper_sys::bindings as sys;

use super::export;
use crate::code::{INVALID_ARGUMENT, NOT_SUPPORTED};
use crate::pointer::{List, Out};
use crate::scenario::Gpu;
use crate::value::Value;

/// Counter of an error type (corrected or not) and a period (volatile or aggregate).
fn ecc_errors(gpu: &Gpu, kind: c_uint, counter: c_uint) -> Result<&Option<Value>, u32> {
    match (kind, counter) {
        (
            sys::nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_CORRECTED,
            sys::nvmlEccCounterType_enum_NVML_VOLATILE_ECC,
        ) => Ok(&gpu.ecc_volatile_corrected),
        (
            sys::nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            sys::nvmlEccCounterType_enum_NVML_VOLATILE_ECC,
        ) => Ok(&gpu.ecc_volatile_uncorrected),
        (
            sys::nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_CORRECTED,
            sys::nvmlEccCounterType_enum_NVML_AGGREGATE_ECC,
        ) => Ok(&gpu.ecc_aggregate_corrected),
        (
            sys::nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            sys::nvmlEccCounterType_enum_NVML_AGGREGATE_ECC,
        ) => Ok(&gpu.ecc_aggregate_uncorrected),
        _ => Err(INVALID_ARGUMENT),
    }
}

export! {
    gpu fn nvmlDeviceGetTotalEccErrors(call, gpu; kind: c_uint, counter: c_uint, errors: Out<c_ulonglong>) {
        call.put_fact(errors, ecc_errors(gpu, kind, counter)?)
    }

    gpu fn nvmlDeviceGetMemoryErrorCounter(call, gpu; kind: c_uint, counter: c_uint, location: c_uint, errors: Out<c_ulonglong>) {
        let fact = ecc_errors(gpu, kind, counter)?;
        if location != sys::nvmlMemoryLocation_enum_NVML_MEMORY_LOCATION_DEVICE_MEMORY {
            return Err(NOT_SUPPORTED);
        }
        call.put_fact(errors, fact)
    }

    gpu fn nvmlDeviceGetRemappedRows(call, gpu; correctable: Out<c_uint>, uncorrectable: Out<c_uint>, pending: Out<c_uint>, failed: Out<c_uint>) {
        call.put_fact(correctable, &gpu.remapped_correctable)?;
        call.put_fact(uncorrectable, &gpu.remapped_uncorrectable)?;
        call.put_fact(pending, &gpu.remapped_pending)?;
        call.put_fact(failed, &gpu.remapped_failed)
    }

    gpu fn nvmlDeviceGetRetiredPages(_call, _gpu; _cause: c_uint, _count: Out<c_uint>, _addresses: List<c_ulonglong>) { Err(NOT_SUPPORTED) }

    gpu fn nvmlDeviceGetRetiredPages_v2(_call, _gpu; _cause: c_uint, _count: Out<c_uint>, _addresses: List<c_ulonglong>, _times: List<c_ulonglong>) {
        Err(NOT_SUPPORTED)
    }
}
