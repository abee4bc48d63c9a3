//! Plain getters: functions whose results are numbers or a text without a rule of their own.
//!
//! A getter with a fact returns that fact of the scenario. Every getter, like every other function, returns what the
//! scenario gives under `answers`, so that a function without a fact needs no more than a number in a scenario:
//! `answers = { nvmlDeviceGetModuleId = 3 }`. Without one it returns "not supported".

use std::ffi::{c_int, c_uint, c_ulonglong};

use crate::code::NOT_SUPPORTED;
use crate::pointer::{Out, Size, TextOut};

/// Exports getters by the arguments after the handle. `= fact` names the fact of a getter with one number.
macro_rules! getters {
    ($(fn $name:ident $arguments:tt $(= $fact:ident)?;)*) => {
        $(getters!(@ $name, $arguments [$($fact)?]);)*
    };
    (@ $name:ident, (Out<$number:ty>) [$fact:ident]) => {
        getters!(@export $name, (value: Out<$number>), |call, gpu| call.put_fact(value, &gpu.$fact));
    };
    (@ $name:ident, (Out<$number:ty>) []) => {
        // Not a plain error, so that a garbage fault applies here as well.
        getters!(@export $name, (value: Out<$number>), |call, _gpu| call.put_fact(value, &None));
    };
    (@ $name:ident, ($a:ty, $b:ty) []) => {
        getters!(@export $name, (a: $a, b: $b), |_call, _gpu| Err(NOT_SUPPORTED));
    };
    (@ $name:ident, ($a:ty, $b:ty, $c:ty) []) => {
        getters!(@export $name, (a: $a, b: $b, c: $c), |_call, _gpu| Err(NOT_SUPPORTED));
    };
    (@export $name:ident, ($($argument:ident: $type:ty),*), |$call:ident, $gpu:ident| $body:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(device: $crate::handle::Device, $($argument: $type),*) -> u32 {
            $crate::call::on_gpu($crate::function::Function::$name, device, &[$(&$argument),*], |$call, $gpu| $body)
        }
    };
}

// Facts that one number describes.
getters! {
    fn nvmlDeviceGetMinorNumber(Out<c_uint>) = minor_number;
    fn nvmlDeviceGetArchitecture(Out<c_uint>) = architecture;
    fn nvmlDeviceGetPersistenceMode(Out<c_uint>) = persistence;
    fn nvmlDeviceGetComputeMode(Out<c_uint>) = compute_mode;
    fn nvmlDeviceGetDisplayActive(Out<c_uint>) = display_active;
    fn nvmlDeviceGetDisplayMode(Out<c_uint>) = display_active;
    fn nvmlDeviceGetPowerUsage(Out<c_uint>) = power_mw;
    fn nvmlDeviceGetPowerManagementLimit(Out<c_uint>) = power_limit_mw;
    fn nvmlDeviceGetPowerManagementDefaultLimit(Out<c_uint>) = default_limit_mw;
    fn nvmlDeviceGetEnforcedPowerLimit(Out<c_uint>) = enforced_limit_mw;
    fn nvmlDeviceGetTotalEnergyConsumption(Out<c_ulonglong>) = energy_mj;
    fn nvmlDeviceGetCurrentClocksEventReasons(Out<c_ulonglong>) = clocks_event_reasons;
    fn nvmlDeviceGetCurrentClocksThrottleReasons(Out<c_ulonglong>) = clocks_event_reasons;
    fn nvmlDeviceGetPerformanceState(Out<c_uint>) = performance_state;
    fn nvmlDeviceGetCurrPcieLinkGeneration(Out<c_uint>) = pcie_generation;
    fn nvmlDeviceGetCurrPcieLinkWidth(Out<c_uint>) = pcie_width;
    fn nvmlDeviceGetMaxPcieLinkGeneration(Out<c_uint>) = pcie_max_generation;
    fn nvmlDeviceGetMaxPcieLinkWidth(Out<c_uint>) = pcie_max_width;
    fn nvmlDeviceGetPcieReplayCounter(Out<c_uint>) = pcie_replays;
}

// The other getters of NVML 13 with one number.
getters! {
    fn nvmlDeviceGetModuleId(Out<c_uint>);
    fn nvmlDeviceGetNumaNodeId(Out<c_uint>);
    fn nvmlDeviceGetInforomConfigurationChecksum(Out<c_uint>);
    fn nvmlDeviceGetGpuMaxPcieLinkGeneration(Out<c_uint>);
    fn nvmlDeviceGetPowerState(Out<c_uint>);
    fn nvmlDeviceGetPowerManagementMode(Out<c_uint>);
    fn nvmlDeviceGetDefaultEccMode(Out<c_uint>);
    fn nvmlDeviceGetBoardId(Out<c_uint>);
    fn nvmlDeviceGetMultiGpuBoard(Out<c_uint>);
    fn nvmlDeviceGetIrqNum(Out<c_uint>);
    fn nvmlDeviceGetNumGpuCores(Out<c_uint>);
    fn nvmlDeviceGetPowerSource(Out<c_uint>);
    fn nvmlDeviceGetMemoryBusWidth(Out<c_uint>);
    fn nvmlDeviceGetPcieLinkMaxSpeed(Out<c_uint>);
    fn nvmlDeviceGetPcieSpeed(Out<c_uint>);
    fn nvmlDeviceGetAdaptiveClockInfoStatus(Out<c_uint>);
    fn nvmlDeviceGetBusType(Out<c_uint>);
    fn nvmlDeviceGetAccountingMode(Out<c_uint>);
    fn nvmlDeviceGetAccountingBufferSize(Out<c_uint>);
    fn nvmlDeviceGetRetiredPagesPendingStatus(Out<c_uint>);
    fn nvmlDeviceGetVirtualizationMode(Out<c_uint>);
    fn nvmlDeviceGetHostVgpuMode(Out<c_uint>);
    fn nvmlGpmQueryIfStreamingEnabled(Out<c_uint>);
    fn nvmlDeviceGetGpcClkVfOffset(Out<c_int>);
    fn nvmlDeviceGetMemClkVfOffset(Out<c_int>);
    fn nvmlDeviceGetSupportedClocksEventReasons(Out<c_ulonglong>);
    fn nvmlDeviceGetSupportedClocksThrottleReasons(Out<c_ulonglong>);
}

// Getters with a selector: a clock, a fan, a link or a capability.
getters! {
    fn nvmlDeviceGetApplicationsClock(c_uint, Out<c_uint>);
    fn nvmlDeviceGetDefaultApplicationsClock(c_uint, Out<c_uint>);
    fn nvmlDeviceGetMaxCustomerBoostClock(c_uint, Out<c_uint>);
    fn nvmlDeviceGetTargetFanSpeed(c_uint, Out<c_uint>);
    fn nvmlDeviceGetFanControlPolicy_v2(c_uint, Out<c_uint>);
    fn nvmlDeviceGetEncoderCapacity(c_uint, Out<c_uint>);
    fn nvmlDeviceGetAPIRestriction(c_uint, Out<c_uint>);
    fn nvmlDeviceGetNvLinkVersion(c_uint, Out<c_uint>);
    fn nvmlDeviceGetNvLinkRemoteDeviceType(c_uint, Out<c_uint>);
    fn nvmlDeviceGetClock(c_uint, c_uint, Out<c_uint>);
    fn nvmlDeviceGetNvLinkCapability(c_uint, c_uint, Out<c_uint>);
}

// Getters with two or three numbers.
getters! {
    fn nvmlDeviceGetAutoBoostedClocksEnabled(Out<c_uint>, Out<c_uint>);
    fn nvmlDeviceGetMinMaxFanSpeed(Out<c_uint>, Out<c_uint>);
    fn nvmlDeviceGetGpuOperationMode(Out<c_uint>, Out<c_uint>);
    fn nvmlDeviceGetGspFirmwareMode(Out<c_uint>, Out<c_uint>);
    fn nvmlDeviceGetGpcClkMinMaxVfOffset(Out<c_int>, Out<c_int>);
    fn nvmlDeviceGetMemClkMinMaxVfOffset(Out<c_int>, Out<c_int>);
    fn nvmlDeviceGetEncoderStats(Out<c_uint>, Out<c_uint>, Out<c_uint>);
}

// Getters with a text.
getters! {
    fn nvmlDeviceGetBoardPartNumber(TextOut, Size);
    fn nvmlDeviceGetInforomImageVersion(TextOut, Size);
    fn nvmlDeviceGetInforomVersion(c_uint, TextOut, Size);
}
