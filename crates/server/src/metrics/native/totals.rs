//! Sums over readings, and readings that need more than the catalogue says: energy and fans.

use telemetry::{Absence, Reading, snapshot::Gpu};

use crate::metrics::{
    table::{Metric, Of, ratio, wide},
    text::Kind,
};

pub(crate) const METRICS: &[Metric] = &[
    Metric::counter(
        "nvsmi_gpu_read_seconds_total",
        "seconds",
        "Time for which the GPU was read, since the agent started.",
        |gpu| gpu.totals.read.map(|time| time.as_secs_f64()),
    )
    .from("derived from all readings"),
    Metric::counter(
        "nvsmi_gpu_utilization_read_seconds_total",
        "seconds",
        "Time for which the utilization was read; nvsmi_gpu_busy_seconds_total is a part of it.",
        |gpu| gpu.totals.utilization_read.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlDeviceGetUtilizationRates`"),
    Metric::counter(
        "nvsmi_gpu_activity_read_seconds_total",
        "seconds",
        "Time for which the activity was read; nvsmi_gpu_sm_active_seconds_total and the others of activity are parts of it.",
        |gpu| gpu.totals.activity_read.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`"),
    Metric::counter(
        "nvsmi_gpu_busy_seconds_total",
        "seconds",
        "Time in which a kernel ran, summed over all readings. Time that was not read adds nothing.",
        |gpu| gpu.totals.busy.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlDeviceGetUtilizationRates`"),
    Metric::counter(
        "nvsmi_gpu_sm_active_seconds_total",
        "seconds",
        "Time in which SMs had at least one warp, over all SMs, summed over all readings.",
        |gpu| gpu.totals.sm_active.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`, metric 2"),
    Metric::counter(
        "nvsmi_gpu_tensor_active_seconds_total",
        "seconds",
        "Time in which any tensor pipe was active, summed over all readings.",
        |gpu| gpu.totals.tensor_active.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`, metric 5"),
    Metric::counter(
        "nvsmi_gpu_dram_active_seconds_total",
        "seconds",
        "Time for which the memory bandwidth was used, summed over all readings.",
        |gpu| gpu.totals.dram_active.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`, metric 10"),
    Metric::counter(
        "nvsmi_gpu_energy_joules_total",
        "joules",
        "Energy consumed since the driver was loaded; on a GPU that does not count it, since the agent started.",
        energy,
    )
    .from("`nvmlDeviceGetTotalEnergyConsumption`, else derived from `nvmlDeviceGetPowerUsage`")
    .dcgm("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"),
    Metric::new(
        "nvsmi_gpu_fan_speed_ratio",
        Kind::Gauge,
        "ratio",
        "Intended speed of a fan, relative to its highest; may exceed 1.",
        Of::Gpus(|gpu, samples| {
            for (fan, percent) in gpu.readings.fans.speeds_percent.iter().flatten().enumerate() {
                samples.push(&[&fan.to_string()], ratio(*percent));
            }
        }),
    )
    .with(&["fan"])
    .from("`nvmlDeviceGetFanSpeed_v2`")
    .dcgm("DCGM_FI_DEV_FAN_SPEED"),
];

/// Energy in joules as the GPU counts it; the sum of its draw if it did not count when it was first read. It keeps its
/// source as long as the agent runs.
fn energy(gpu: &Gpu) -> Reading<f64> {
    let drawn = || gpu.totals.drawn_uj.map(|drawn| wide(drawn) / 1e6);
    match (gpu.totals.energy_is_counted, gpu.readings.power.energy_mj) {
        (Some(false), Ok(_)) | (Some(false) | None, Err(Absence::NotSupported)) => drawn(),
        (_, counted) => counted.map(|counted| wide(counted) / 1000.0),
    }
}
