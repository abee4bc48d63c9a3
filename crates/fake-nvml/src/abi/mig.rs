//! MIG instances.

use std::ffi::c_uint;

use nvml_wrapper_sys::bindings::nvmlDeviceAttributes_t;

use super::export;
use crate::code::{INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED};
use crate::function::Function;
use crate::handle::{Device, Target};
use crate::pointer::Out;
use crate::scenario::{Gpu, Mig};
use crate::value::Value;

/// Maximum number of instances per GPU.
const MAX_INSTANCES: usize = 7;

/// Returns true if MIG mode is enabled.
fn has_mig_enabled(gpu: &Gpu) -> bool {
    gpu.mig_mode.is_some_and(|mode| mode != Value::Whole(0))
}

/// Number of slices in a profile's name: 3 for `3g.20gb`.
fn slices(mig: &Mig) -> c_uint {
    mig.profile.split('g').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

export! {
    gpu fn nvmlDeviceGetMaxMigDeviceCount(call, gpu; count: Out<c_uint>) {
        call.put(count, if has_mig_enabled(gpu) { MAX_INSTANCES.max(gpu.mig.len()) as c_uint } else { 0 })
    }

    device fn nvmlDeviceGetMigDeviceHandleByIndex(call, target; index: c_uint, instance: Out<Device>) {
        if target.mig.is_some() {
            return Err(INVALID_ARGUMENT);
        }
        let gpu = call.gpu(target)?;
        let found = gpu.places().position(|place| place == index as usize);
        if found.is_none() && !has_mig_enabled(gpu) {
            return Err(NOT_SUPPORTED);
        }
        let place = found.ok_or(NOT_FOUND)?;
        gpu.mig[place].errors.check(Function::nvmlDeviceGetMigDeviceHandleByIndex)?;
        call.put(instance, Device::from(Target { gpu: target.gpu, mig: Some(place) }))
    }

    device fn nvmlDeviceGetDeviceHandleFromMigDeviceHandle(call, target; parent: Out<Device>) {
        target.mig.ok_or(INVALID_ARGUMENT)?;
        call.put(parent, Device::from(Target { gpu: target.gpu, mig: None }))
    }

    device fn nvmlDeviceIsMigDeviceHandle(call, target; is_instance: Out<c_uint>) { call.put(is_instance, c_uint::from(target.mig.is_some())) }

    device fn nvmlDeviceGetGpuInstanceId(call, target; id: Out<c_uint>) {
        call.put(id, call.mig(target)?.ok_or(NOT_SUPPORTED)?.gpu_instance)
    }

    device fn nvmlDeviceGetComputeInstanceId(call, target; id: Out<c_uint>) {
        call.put(id, call.mig(target)?.ok_or(NOT_SUPPORTED)?.compute_instance)
    }

    device fn nvmlDeviceGetAttributes_v2(call, target; attributes: Out<nvmlDeviceAttributes_t>) {
        let mig = call.mig(target)?.ok_or(NOT_SUPPORTED)?;
        call.put(attributes, nvmlDeviceAttributes_t {
            multiprocessorCount: call.fact(&mig.multiprocessors).unwrap_or(0) as c_uint,
            sharedCopyEngineCount: 0,
            sharedDecoderCount: 0,
            sharedEncoderCount: 0,
            sharedJpegCount: 0,
            sharedOfaCount: 0,
            gpuInstanceSliceCount: slices(mig),
            computeInstanceSliceCount: slices(mig),
            memorySizeMB: (call.fact(&mig.memory_total_bytes).unwrap_or(0) >> 20) as u64,
        })
    }
}
