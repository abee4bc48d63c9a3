//! How busy a GPU is.

use telemetry::{readings::Activity, snapshot::Gpu};

use crate::v1::view::view;

view! {
    /// How much of the last sample period a GPU's parts were busy.
    struct UtilizationView of (eye, gpu: &Gpu) {
        /// Of the time, that a kernel ran.
        /// Source: `nvmlDeviceGetUtilizationRates`. Lane: fast. Absent: `not_supported` with MIG.
        read gpu_percent: Option<u32> = gpu.readings.utilization.gpu_percent;
        /// Of the time, that memory was read or written.
        /// Source: `nvmlDeviceGetUtilizationRates`. Lane: fast. Absent: `not_supported` with MIG.
        read memory_percent: Option<u32> = gpu.readings.utilization.memory_percent;
        /// The encoder.
        /// Source: `nvmlDeviceGetEncoderUtilization`. Lane: fast. Absent: `not_supported` with MIG.
        read encoder_percent: Option<u32> = gpu.readings.utilization.encoder_percent;
        /// The decoder.
        /// Source: `nvmlDeviceGetDecoderUtilization`. Lane: fast. Absent: `not_supported` with MIG.
        read decoder_percent: Option<u32> = gpu.readings.utilization.decoder_percent;
        /// The JPEG engine.
        /// Source: `nvmlDeviceGetJpgUtilization`. Lane: fast. Absent: `not_supported` before Ampere.
        read jpeg_percent: Option<u32> = gpu.readings.utilization.jpeg_percent;
        /// The optical flow engine.
        /// Source: `nvmlDeviceGetOfaUtilization`. Lane: fast. Absent: `not_supported` before Ampere.
        read ofa_percent: Option<u32> = gpu.readings.utilization.ofa_percent;
    }
}

view! {
    /// What ran where in the last window, as ratios from 0 to 1: on a GPU, or on the GPU instance that a MIG instance is in.
    struct ActivityView of (eye, activity: &Activity) {
        /// The graphics or compute engine.
        /// Source: `nvmlGpmMetricsGet`, metric 1. Lane: activity. Absent: `not_supported` before Hopper.
        read graphics_ratio: Option<f64> = activity.graphics_ratio;
        /// SMs with a warp.
        /// Source: `nvmlGpmMetricsGet`, metric 2. Lane: activity. Absent: `not_supported` before Hopper.
        read sm_ratio: Option<f64> = activity.sm_ratio;
        /// Warps of those that could be.
        /// Source: `nvmlGpmMetricsGet`, metric 3. Lane: activity. Absent: `not_supported` before Hopper.
        read sm_occupancy_ratio: Option<f64> = activity.sm_occupancy_ratio;
        /// Any tensor pipe.
        /// Source: `nvmlGpmMetricsGet`, metric 5. Lane: activity. Absent: `not_supported` before Hopper.
        read tensor_ratio: Option<f64> = activity.tensor_ratio;
        /// The memory's bandwidth.
        /// Source: `nvmlGpmMetricsGet`, metric 10. Lane: activity. Absent: `not_supported` before Hopper.
        read dram_ratio: Option<f64> = activity.dram_ratio;
        /// The FP64 pipe.
        /// Source: `nvmlGpmMetricsGet`, metric 11. Lane: activity. Absent: `not_supported` before Hopper.
        read fp64_ratio: Option<f64> = activity.fp64_ratio;
        /// The FP32 pipe.
        /// Source: `nvmlGpmMetricsGet`, metric 12. Lane: activity. Absent: `not_supported` before Hopper.
        read fp32_ratio: Option<f64> = activity.fp32_ratio;
        /// The FP16 pipe.
        /// Source: `nvmlGpmMetricsGet`, metric 13. Lane: activity. Absent: `not_supported` before Hopper.
        read fp16_ratio: Option<f64> = activity.fp16_ratio;
    }
}
