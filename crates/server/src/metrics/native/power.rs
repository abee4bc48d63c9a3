//! Heat, power and fans.

use telemetry::{Absence, Reading, snapshot::Gpu};

use crate::metrics::{
    table::{Metric, Of, ratio, wide},
    text::Kind,
};

pub(crate) const METRICS: &[Metric] = &[
    Metric::gauge("nvsmi_gpu_temperature_celsius", "celsius", "How warm the chip is.", |gpu| {
        gpu.readings.temperature.gpu_celsius.map(f64::from)
    })
    .from("`nvmlDeviceGetTemperatureV`, else `nvmlDeviceGetTemperature`")
    .dcgm("DCGM_FI_DEV_GPU_TEMP"),
    Metric::gauge("nvsmi_gpu_memory_temperature_celsius", "celsius", "How warm the memory is.", |gpu| {
        gpu.readings.temperature.memory_celsius.map(f64::from)
    })
    .from("`nvmlDeviceGetFieldValues`, field 82")
    .dcgm("DCGM_FI_DEV_MEMORY_TEMP"),
    Metric::gauge(
        "nvsmi_gpu_temperature_margin_celsius",
        "celsius",
        "How far the hottest part is from slowing down; below zero beyond that. Newer GPUs tell this in place of where.",
        |gpu| gpu.readings.temperature.margin_celsius.map(f64::from),
    )
    .from("`nvmlDeviceGetMarginTemperature`"),
    Metric::gauge("nvsmi_gpu_slowdown_temperature_celsius", "celsius", "Where the chip slows down.", |gpu| {
        gpu.readings.temperature.slowdown_celsius.map(f64::from)
    })
    .from("`nvmlDeviceGetTemperatureThreshold`, slowdown")
    .dcgm("DCGM_FI_DEV_SLOWDOWN_TEMP"),
    Metric::gauge("nvsmi_gpu_shutdown_temperature_celsius", "celsius", "Where the chip shuts down.", |gpu| {
        gpu.readings.temperature.shutdown_celsius.map(f64::from)
    })
    .from("`nvmlDeviceGetTemperatureThreshold`, shutdown")
    .dcgm("DCGM_FI_DEV_SHUTDOWN_TEMP"),
    Metric::gauge("nvsmi_gpu_power_watts", "watts", "What the board draws.", |gpu| {
        gpu.readings.power.draw_mw.map(thousandth)
    })
    .from("`nvmlDeviceGetPowerUsage`")
    .dcgm("DCGM_FI_DEV_POWER_USAGE"),
    Metric::gauge("nvsmi_gpu_power_limit_watts", "watts", "The power limit that was set.", |gpu| {
        gpu.readings.power.limit_mw.map(thousandth)
    })
    .from("`nvmlDeviceGetPowerManagementLimit`")
    .dcgm("DCGM_FI_DEV_POWER_MGMT_LIMIT"),
    Metric::gauge(
        "nvsmi_gpu_enforced_power_limit_watts",
        "watts",
        "The power limit in force: the lowest of all that limit.",
        |gpu| gpu.readings.power.enforced_limit_mw.map(thousandth),
    )
    .from("`nvmlDeviceGetEnforcedPowerLimit`")
    .dcgm("DCGM_FI_DEV_ENFORCED_POWER_LIMIT"),
    Metric::gauge("nvsmi_gpu_default_power_limit_watts", "watts", "The power limit after a reset.", |gpu| {
        gpu.readings.power.default_limit_mw.map(thousandth)
    })
    .from("`nvmlDeviceGetPowerManagementDefaultLimit`")
    .dcgm("DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF"),
    Metric::counter(
        "nvsmi_gpu_energy_joules_total",
        "joules",
        "What was drawn: since the driver was loaded, or since the agent began on a GPU that does not count it.",
        energy,
    )
    .from("`nvmlDeviceGetTotalEnergyConsumption`, else derived from `nvmlDeviceGetPowerUsage`")
    .dcgm("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"),
    Metric::new(
        "nvsmi_gpu_fan_speed_ratio",
        Kind::Gauge,
        "ratio",
        "A fan's intended speed, of its highest; may exceed 1.",
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

fn thousandth(number: u32) -> f64 {
    f64::from(number) / 1000.0
}

/// What the GPU counts, in joules; what its draw adds up to if it does not count.
fn energy(gpu: &Gpu) -> Reading<f64> {
    match gpu.readings.power.energy_mj {
        Ok(counted) => Ok(wide(counted) / 1000.0),
        Err(Absence::NotSupported) => gpu.totals.drawn_uj.map(|drawn| wide(drawn) / 1e6),
        Err(why) => Err(why),
    }
}
