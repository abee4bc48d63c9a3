//! Power, clocks and the performance state.

use std::ffi::{c_uint, c_ulonglong};

use nvml_wrapper_sys::bindings as sys;

use super::export;
use crate::code::INVALID_ARGUMENT;
use crate::pointer::Out;

export! {
    gpu fn nvmlDeviceGetPowerUsage(call, gpu; power: Out<c_uint>) { call.tell(power, &gpu.power_mw) }

    gpu fn nvmlDeviceGetPowerManagementLimit(call, gpu; limit: Out<c_uint>) { call.tell(limit, &gpu.power_limit_mw) }

    gpu fn nvmlDeviceGetPowerManagementDefaultLimit(call, gpu; limit: Out<c_uint>) { call.tell(limit, &gpu.default_limit_mw) }

    gpu fn nvmlDeviceGetPowerManagementLimitConstraints(call, gpu; lowest: Out<c_uint>, highest: Out<c_uint>) {
        call.tell(lowest, &gpu.min_limit_mw)?;
        call.tell(highest, &gpu.max_limit_mw)
    }

    gpu fn nvmlDeviceGetEnforcedPowerLimit(call, gpu; limit: Out<c_uint>) { call.tell(limit, &gpu.enforced_limit_mw) }

    gpu fn nvmlDeviceGetTotalEnergyConsumption(call, gpu; energy: Out<c_ulonglong>) { call.tell(energy, &gpu.energy_mj) }

    gpu fn nvmlDeviceGetClockInfo(call, gpu; kind: c_uint, clock: Out<c_uint>) {
        call.tell(clock, match kind {
            sys::nvmlClockType_enum_NVML_CLOCK_GRAPHICS => &gpu.graphics_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_SM => &gpu.sm_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_MEM => &gpu.memory_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_VIDEO => &gpu.video_clock_mhz,
            _ => return Err(INVALID_ARGUMENT),
        })
    }

    gpu fn nvmlDeviceGetMaxClockInfo(call, gpu; kind: c_uint, clock: Out<c_uint>) {
        call.tell(clock, match kind {
            sys::nvmlClockType_enum_NVML_CLOCK_GRAPHICS => &gpu.max_graphics_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_SM => &gpu.max_sm_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_MEM => &gpu.max_memory_clock_mhz,
            sys::nvmlClockType_enum_NVML_CLOCK_VIDEO => &gpu.max_video_clock_mhz,
            _ => return Err(INVALID_ARGUMENT),
        })
    }

    gpu fn nvmlDeviceGetCurrentClocksEventReasons(call, gpu; reasons: Out<c_ulonglong>) { call.tell(reasons, &gpu.clocks_event_reasons) }

    gpu fn nvmlDeviceGetCurrentClocksThrottleReasons(call, gpu; reasons: Out<c_ulonglong>) { call.tell(reasons, &gpu.clocks_event_reasons) }

    gpu fn nvmlDeviceGetPerformanceState(call, gpu; state: Out<c_uint>) { call.tell(state, &gpu.performance_state) }
}
