//! Power, and what comes of it: heat and wind.

use telemetry::{Reading, snapshot::Gpu};

use crate::v1::view::{Eye, view};

fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}

/// Exact below 2^53 mJ, which is 285 years at 1 kW.
#[allow(clippy::cast_precision_loss, reason = "there is no exact conversion, and none is needed")]
fn joules(millijoules: u64) -> f64 {
    millijoules as f64 / 1000.0
}

view! {
    /// How warm a GPU is, and may get.
    struct Temperature of (eye, gpu: &Gpu) {
        /// The chip's temperature.
        /// Source: `nvmlDeviceGetTemperatureV`, else `nvmlDeviceGetTemperature`. Lane: fast. Absent: `not_supported` on vGPUs.
        read gpu_celsius: Option<i32> = gpu.readings.temperature.gpu_celsius;
        /// The memory's temperature.
        /// Source: `nvmlDeviceGetFieldValues`, field 82. Lane: fast. Absent: `not_supported` on boards without HBM.
        read memory_celsius: Option<i32> = gpu.readings.temperature.memory_celsius;
        /// Where the chip slows down.
        /// Source: `nvmlDeviceGetTemperatureThreshold`, slowdown. Lane: slow. Absent: `not_supported` on some boards.
        read slowdown_celsius: Option<u32> = gpu.readings.temperature.slowdown_celsius;
        /// Where the chip shuts down.
        /// Source: `nvmlDeviceGetTemperatureThreshold`, shutdown. Lane: slow. Absent: `not_supported` on some boards.
        read shutdown_celsius: Option<u32> = gpu.readings.temperature.shutdown_celsius;
        /// How far its hottest part is from slowing down; below zero beyond that. Newer GPUs tell this in place of
        /// `slowdown_celsius`.
        /// Source: `nvmlDeviceGetMarginTemperature`. Lane: slow. Absent: `not_supported` before Ada and Hopper.
        read margin_celsius: Option<i32> = gpu.readings.temperature.margin_celsius;
    }
}

view! {
    /// What a GPU draws, and may draw.
    struct Power of (eye, gpu: &Gpu) {
        /// What the board draws; a mean over 1 s on Ampere and newer.
        /// Source: `nvmlDeviceGetPowerUsage`. Lane: fast. Absent: `not_supported` on boards without the sensor.
        read draw_watts: Option<f64> = gpu.readings.power.draw_mw.map(watts);
        /// The limit that was set.
        /// Source: `nvmlDeviceGetPowerManagementLimit`. Lane: fast. Absent: `not_supported` where none can be set.
        read limit_watts: Option<f64> = gpu.readings.power.limit_mw.map(watts);
        /// The limit in force: the lowest of all that limit.
        /// Source: `nvmlDeviceGetEnforcedPowerLimit`. Lane: slow. Absent: `not_supported` where none can be set.
        read enforced_limit_watts: Option<f64> = gpu.readings.power.enforced_limit_mw.map(watts);
        /// The limit after a reset.
        /// Source: `nvmlDeviceGetPowerManagementDefaultLimit`. Lane: slow. Absent: `not_supported` where none can be set.
        read default_limit_watts: Option<f64> = gpu.readings.power.default_limit_mw.map(watts);
        /// What was drawn since the driver was loaded.
        /// Source: `nvmlDeviceGetTotalEnergyConsumption`. Lane: fast. Absent: `not_supported` before Volta.
        read energy_joules: Option<f64> = gpu.readings.power.energy_mj.map(joules);
    }
}

view! {
    /// One fan.
    struct Fan of (_eye, percent: u32) {
        /// Its intended speed, in % of the highest; may exceed 100.
        /// Source: `nvmlDeviceGetFanSpeed_v2`. Lane: slow. Absent: never; see `fans`.
        value speed_percent: u32 = percent;
    }
}

impl Fan {
    /// Each fan, or the only one that an older driver tells of.
    pub(crate) fn all(eye: &mut Eye, gpu: &Gpu) -> Reading<Vec<Self>> {
        let speeds = gpu
            .readings
            .fans
            .speeds_percent
            .clone()
            .or_else(|why| gpu.readings.fans.speed_percent.map(|only| vec![only]).map_err(|_| why));
        Ok(speeds?.into_iter().map(|percent| Self::of(eye, percent)).collect())
    }
}
