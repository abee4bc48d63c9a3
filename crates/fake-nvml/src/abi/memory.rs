//! Memory sizes.

use nvml_wrapper_sys::bindings::{nvmlBAR1Memory_t, nvmlMemory_t, nvmlMemory_v2_t};

use super::export;
use crate::call::Call;
use crate::code::NOT_SUPPORTED;
use crate::handle::Target;
use crate::pointer::Out;
use crate::value::Value;

/// Memory of a GPU or a MIG instance, in bytes.
struct Memory {
    total: u64,
    reserved: u64,
    used: u64,
}

impl Memory {
    fn of(call: &Call, target: Target) -> Result<Self, u32> {
        let (total, used, reserved) = match call.mig(target)? {
            Some(mig) => (&mig.memory_total_bytes, &mig.memory_used_bytes, &mig.memory_reserved_bytes),
            None => {
                let gpu = call.gpu(target)?;
                (&gpu.memory_total_bytes, &gpu.memory_used_bytes, &gpu.memory_reserved_bytes)
            }
        };
        Ok(Self {
            total: call.fact(total)? as u64,
            used: call.fact(used)? as u64,
            reserved: call.fact(&reserved.or(Some(Value::Whole(0))))? as u64,
        })
    }

    const fn free(&self) -> u64 {
        self.total.saturating_sub(self.reserved).saturating_sub(self.used)
    }
}

export! {
    device fn nvmlDeviceGetMemoryInfo(call, target; memory: Out<nvmlMemory_t>) {
        let values = Memory::of(call, target)?;
        call.put(memory, nvmlMemory_t { total: values.total, free: values.free(), used: values.used.saturating_add(values.reserved) })
    }

    device fn nvmlDeviceGetMemoryInfo_v2(call, target; memory: Out<nvmlMemory_v2_t>) {
        memory.expect_version(2)?;
        let version = memory.get().version;
        let values = Memory::of(call, target)?;
        call.put(memory, nvmlMemory_v2_t { version, total: values.total, reserved: values.reserved, free: values.free(), used: values.used })
    }

    device fn nvmlDeviceGetBAR1MemoryInfo(call, target; memory: Out<nvmlBAR1Memory_t>) {
        let (total, used) = match call.mig(target)? {
            Some(mig) => (&mig.bar1_total_bytes, &mig.bar1_used_bytes),
            None => {
                let gpu = call.gpu(target)?;
                (&gpu.bar1_total_bytes, &gpu.bar1_used_bytes)
            }
        };
        let (total, used) = (call.fact(total)? as u64, call.fact(used)? as u64);
        call.put(memory, nvmlBAR1Memory_t { bar1Total: total, bar1Free: total.saturating_sub(used), bar1Used: used })
    }

    gpu fn nvmlDeviceGetConfComputeMemSizeInfo(_call, _gpu; _info: Out<u64>) { Err(NOT_SUPPORTED) }
}
