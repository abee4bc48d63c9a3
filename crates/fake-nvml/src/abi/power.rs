//! Power limits and clocks.

use std::ffi::c_uint;

use nvml_wrapper_sys::bindings as sys;

use super::export;
use crate::code::INVALID_ARGUMENT;
use crate::pointer::Out;

export! {
    gpu fn nvmlDeviceGetPowerManagementLimitConstraints(call, gpu; lowest: Out<c_uint>, highest: Out<c_uint>) {
        call.put_fact(lowest, &gpu.min_limit_mw)?;
        call.put_fact(highest, &gpu.max_limit_mw)
    }

    gpu fn nvmlDeviceGetClockInfo(call, gpu; kind: c_uint, clock: Out<c_uint>) {
        call.put_fact(clock, match kind {
            sys::nvmlClockType_enum_NVML_CLOCK_GRAPHICS => &gpu.graphics_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_SM => &gpu.sm_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_MEM => &gpu.memory_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_VIDEO => &gpu.video_clock_mhz,
            _ => return Err(INVALID_ARGUMENT),
        })
    }

    gpu fn nvmlDeviceGetMaxClockInfo(call, gpu; kind: c_uint, clock: Out<c_uint>) {
        call.put_fact(clock, match kind {
            sys::nvmlClockType_enum_NVML_CLOCK_GRAPHICS => &gpu.max_graphics_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_SM => &gpu.max_sm_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_MEM => &gpu.max_memory_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_VIDEO => &gpu.max_video_clock_mhz,
            _ => return Err(INVALID_ARGUMENT),
        })
    }
}
