//! What is not in the default set, and is served all the same, since it is read anyway.

use super::{Field, active, counter, gauge, whole, wide};

pub(super) const FIELDS: &[Field] = &[
    gauge("DCGM_FI_PROF_SM_ACTIVE", "ratio", "Time in which SMs had work, over all SMs", |place| {
        active(place, |activity| activity.sm_ratio)
    }),
    gauge("DCGM_FI_PROF_SM_OCCUPANCY", "ratio", "Warps on the SMs, of those that could be there", |place| {
        active(place, |activity| activity.sm_occupancy_ratio)
    }),
    gauge("DCGM_FI_PROF_PIPE_FP64_ACTIVE", "ratio", "How busy the FP64 pipe is", |place| {
        active(place, |activity| activity.fp64_ratio)
    }),
    gauge("DCGM_FI_PROF_PIPE_FP32_ACTIVE", "ratio", "How busy the FP32 pipe is", |place| {
        active(place, |activity| activity.fp32_ratio)
    }),
    gauge("DCGM_FI_PROF_PIPE_FP16_ACTIVE", "ratio", "How busy the FP16 pipe is", |place| {
        active(place, |activity| activity.fp16_ratio)
    }),
    counter("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "", "Corrected memory errors since the driver was loaded", |place| {
        wide(place.gpu.readings.ecc.volatile_corrected)
    }),
    counter("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "", "Uncorrected memory errors since the driver was loaded", |place| {
        wide(place.gpu.readings.ecc.volatile_uncorrected)
    }),
    counter("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "", "Corrected memory errors over the GPU's life", |place| {
        wide(place.gpu.readings.ecc.aggregate_corrected)
    }),
    counter("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "", "Uncorrected memory errors over the GPU's life", |place| {
        wide(place.gpu.readings.ecc.aggregate_uncorrected)
    }),
    counter("DCGM_FI_DEV_POWER_VIOLATION", "ns", "For how long the power limit has held the clocks down", |place| {
        wide(place.gpu.readings.clocks.power_throttled_ns)
    }),
    counter("DCGM_FI_DEV_THERMAL_VIOLATION", "ns", "For how long heat has held the clocks down", |place| {
        wide(place.gpu.readings.clocks.thermal_throttled_ns)
    }),
    gauge("DCGM_FI_DEV_FAN_SPEED", "%", "The fan's intended speed", |place| {
        whole(place.gpu.readings.fans.speed_percent)
    }),
];
