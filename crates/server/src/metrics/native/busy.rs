//! How busy a GPU is, what ran where, and what the readings of that add up to.

use crate::metrics::table::{Metric, ratio};

pub(crate) const METRICS: &[Metric] = &[
    // How busy it is.
    Metric::gauge(
        "nvsmi_gpu_utilization_ratio",
        "ratio",
        "Of the last sample period, the part in which a kernel ran.",
        |gpu| gpu.readings.utilization.gpu_percent.map(ratio),
    )
    .from("`nvmlDeviceGetUtilizationRates`")
    .dcgm("DCGM_FI_DEV_GPU_UTIL"),
    Metric::gauge(
        "nvsmi_gpu_memory_utilization_ratio",
        "ratio",
        "Of the last sample period, the part in which memory was read or written.",
        |gpu| gpu.readings.utilization.memory_percent.map(ratio),
    )
    .from("`nvmlDeviceGetUtilizationRates`")
    .dcgm("DCGM_FI_DEV_MEM_COPY_UTIL"),
    Metric::gauge("nvsmi_gpu_encoder_utilization_ratio", "ratio", "How busy the video encoder is.", |gpu| {
        gpu.readings.utilization.encoder_percent.map(ratio)
    })
    .from("`nvmlDeviceGetEncoderUtilization`")
    .dcgm("DCGM_FI_DEV_ENC_UTIL"),
    Metric::gauge("nvsmi_gpu_decoder_utilization_ratio", "ratio", "How busy the video decoder is.", |gpu| {
        gpu.readings.utilization.decoder_percent.map(ratio)
    })
    .from("`nvmlDeviceGetDecoderUtilization`")
    .dcgm("DCGM_FI_DEV_DEC_UTIL"),
    Metric::gauge("nvsmi_gpu_jpeg_utilization_ratio", "ratio", "How busy the JPEG engine is.", |gpu| {
        gpu.readings.utilization.jpeg_percent.map(ratio)
    })
    .from("`nvmlDeviceGetJpgUtilization`"),
    Metric::gauge("nvsmi_gpu_ofa_utilization_ratio", "ratio", "How busy the optical flow engine is.", |gpu| {
        gpu.readings.utilization.ofa_percent.map(ratio)
    })
    .from("`nvmlDeviceGetOfaUtilization`"),
    // What ran where.
    Metric::gauge(
        "nvsmi_gpu_graphics_active_ratio",
        "ratio",
        "Of the last window, the part in which the graphics or compute engine worked.",
        |gpu| gpu.readings.activity.graphics_ratio,
    )
    .from("`nvmlGpmMetricsGet`, metric 1")
    .dcgm("DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
    Metric::gauge(
        "nvsmi_gpu_sm_active_ratio",
        "ratio",
        "Of the last window, the part in which SMs had work, over all SMs.",
        |gpu| gpu.readings.activity.sm_ratio,
    )
    .from("`nvmlGpmMetricsGet`, metric 2")
    .dcgm("DCGM_FI_PROF_SM_ACTIVE"),
    Metric::gauge("nvsmi_gpu_sm_occupancy_ratio", "ratio", "Warps on the SMs, of those that could be there.", |gpu| {
        gpu.readings.activity.sm_occupancy_ratio
    })
    .from("`nvmlGpmMetricsGet`, metric 3")
    .dcgm("DCGM_FI_PROF_SM_OCCUPANCY"),
    Metric::gauge("nvsmi_gpu_tensor_active_ratio", "ratio", "How busy the tensor pipes are.", |gpu| {
        gpu.readings.activity.tensor_ratio
    })
    .from("`nvmlGpmMetricsGet`, metric 5")
    .dcgm("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
    Metric::gauge("nvsmi_gpu_dram_active_ratio", "ratio", "How much of the memory's bandwidth is used.", |gpu| {
        gpu.readings.activity.dram_ratio
    })
    .from("`nvmlGpmMetricsGet`, metric 10")
    .dcgm("DCGM_FI_PROF_DRAM_ACTIVE"),
    Metric::gauge("nvsmi_gpu_fp64_active_ratio", "ratio", "How busy the FP64 pipe is.", |gpu| gpu.readings.activity.fp64_ratio)
        .from("`nvmlGpmMetricsGet`, metric 11")
        .dcgm("DCGM_FI_PROF_PIPE_FP64_ACTIVE"),
    Metric::gauge("nvsmi_gpu_fp32_active_ratio", "ratio", "How busy the FP32 pipe is.", |gpu| gpu.readings.activity.fp32_ratio)
        .from("`nvmlGpmMetricsGet`, metric 12")
        .dcgm("DCGM_FI_PROF_PIPE_FP32_ACTIVE"),
    Metric::gauge("nvsmi_gpu_fp16_active_ratio", "ratio", "How busy the FP16 pipe is.", |gpu| gpu.readings.activity.fp16_ratio)
        .from("`nvmlGpmMetricsGet`, metric 13")
        .dcgm("DCGM_FI_PROF_PIPE_FP16_ACTIVE"),
    // What readings add up to.
    Metric::counter(
        "nvsmi_gpu_read_seconds_total",
        "seconds",
        "For how long a GPU was read, since the agent began.",
        |gpu| gpu.totals.read.map(|time| time.as_secs_f64()),
    )
    .from("derived from every reading"),
    Metric::counter(
        "nvsmi_gpu_utilization_read_seconds_total",
        "seconds",
        "For how long a GPU's utilization was read: what nvsmi_gpu_busy_seconds_total is a part of.",
        |gpu| gpu.totals.utilization_read.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlDeviceGetUtilizationRates`"),
    Metric::counter(
        "nvsmi_gpu_activity_read_seconds_total",
        "seconds",
        "For how long it was read what ran where: what the counters of seconds in which SMs and other parts worked are parts of.",
        |gpu| gpu.totals.activity_read.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`"),
    Metric::counter(
        "nvsmi_gpu_busy_seconds_total",
        "seconds",
        "For how long a kernel ran, added up over every reading. Time that was not read adds nothing.",
        |gpu| gpu.totals.busy.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlDeviceGetUtilizationRates`"),
    Metric::counter(
        "nvsmi_gpu_sm_active_seconds_total",
        "seconds",
        "For how long SMs had work, over all SMs, added up over every reading.",
        |gpu| gpu.totals.sm_active.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`, metric 2"),
    Metric::counter(
        "nvsmi_gpu_tensor_active_seconds_total",
        "seconds",
        "For how long the tensor pipes worked, added up over every reading.",
        |gpu| gpu.totals.tensor_active.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`, metric 5"),
    Metric::counter(
        "nvsmi_gpu_dram_active_seconds_total",
        "seconds",
        "For how long the memory's bandwidth was used, added up over every reading.",
        |gpu| gpu.totals.dram_active.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`, metric 10"),
];
