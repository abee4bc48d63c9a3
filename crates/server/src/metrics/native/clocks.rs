//! Clocks, and what holds them down.

use crate::{
    metrics::{
        table::{Metric, Of, flag},
        text::{Kind, seconds},
    },
    v1::words,
};

pub(crate) const METRICS: &[Metric] = &[
    Metric::gauge("nvsmi_gpu_graphics_clock_hertz", "hertz", "The graphics clock.", |gpu| {
        gpu.readings.clocks.graphics_mhz.map(hertz)
    })
    .from("`nvmlDeviceGetClockInfo`, graphics"),
    Metric::gauge("nvsmi_gpu_sm_clock_hertz", "hertz", "The SM clock.", |gpu| gpu.readings.clocks.sm_mhz.map(hertz))
        .from("`nvmlDeviceGetClockInfo`, SM")
        .dcgm("DCGM_FI_DEV_SM_CLOCK"),
    Metric::gauge("nvsmi_gpu_memory_clock_hertz", "hertz", "The memory clock.", |gpu| {
        gpu.readings.clocks.memory_mhz.map(hertz)
    })
    .from("`nvmlDeviceGetClockInfo`, memory")
    .dcgm("DCGM_FI_DEV_MEM_CLOCK"),
    Metric::gauge("nvsmi_gpu_video_clock_hertz", "hertz", "The video clock.", |gpu| {
        gpu.readings.clocks.video_mhz.map(hertz)
    })
    .from("`nvmlDeviceGetClockInfo`, video")
    .dcgm("DCGM_FI_DEV_VIDEO_CLOCK"),
    Metric::gauge("nvsmi_gpu_max_graphics_clock_hertz", "hertz", "The highest graphics clock.", |gpu| {
        gpu.readings.clocks.max_graphics_mhz.map(hertz)
    })
    .from("`nvmlDeviceGetMaxClockInfo`, graphics"),
    Metric::gauge("nvsmi_gpu_max_sm_clock_hertz", "hertz", "The highest SM clock.", |gpu| {
        gpu.readings.clocks.max_sm_mhz.map(hertz)
    })
    .from("`nvmlDeviceGetMaxClockInfo`, SM")
    .dcgm("DCGM_FI_DEV_MAX_SM_CLOCK"),
    Metric::gauge("nvsmi_gpu_max_memory_clock_hertz", "hertz", "The highest memory clock.", |gpu| {
        gpu.readings.clocks.max_memory_mhz.map(hertz)
    })
    .from("`nvmlDeviceGetMaxClockInfo`, memory")
    .dcgm("DCGM_FI_DEV_MAX_MEM_CLOCK"),
    Metric::new(
        "nvsmi_gpu_clocks_event_reason",
        Kind::Gauge,
        "",
        "1 for each reason that holds the clocks down now, 0 for those that do not.",
        Of::Gpus(|gpu, samples| {
            let Ok(bits) = gpu.readings.clocks.event_reasons else { return };
            for (reason, holds) in words::all_event_reasons(bits) {
                samples.push(&[&reason], flag(holds));
            }
        }),
    )
    .with(&["reason"])
    .from("`nvmlDeviceGetCurrentClocksEventReasons`, else `nvmlDeviceGetCurrentClocksThrottleReasons`")
    .dcgm("DCGM_FI_DEV_CLOCKS_EVENT_REASONS"),
    Metric::new(
        "nvsmi_gpu_throttled_seconds_total",
        Kind::Counter,
        "seconds",
        "For how long the power limit or heat has held the clocks down, since the driver was loaded.",
        Of::Gpus(|gpu, samples| {
            samples.read(&["power"], gpu.readings.clocks.power_throttled_ns.map(seconds));
            samples.read(&["thermal"], gpu.readings.clocks.thermal_throttled_ns.map(seconds));
        }),
    )
    .with(&["reason"])
    .from("`nvmlDeviceGetFieldValues`, fields 74 and 75")
    .dcgm("DCGM_FI_DEV_POWER_VIOLATION, DCGM_FI_DEV_THERMAL_VIOLATION"),
    Metric::gauge(
        "nvsmi_gpu_performance_state",
        "",
        "The performance state: 0 is the fastest, 15 the slowest.",
        |gpu| gpu.readings.state.performance_state.map(f64::from),
    )
    .from("`nvmlDeviceGetPerformanceState`")
    .dcgm("DCGM_FI_DEV_PSTATE"),
];

fn hertz(megahertz: u32) -> f64 {
    f64::from(megahertz) * 1e6
}
