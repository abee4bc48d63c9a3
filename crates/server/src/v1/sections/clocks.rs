//! Clocks.

use std::time::Duration;

use telemetry::snapshot::Gpu;

use crate::v1::{view::view, words};

fn seconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64()
}

view! {
    /// Clocks, and why they are not higher.
    struct Clocks of (eye, gpu: &Gpu) {
        /// The graphics clock now.
        /// Source: `nvmlDeviceGetClockInfo`, graphics. Lane: fast. Absent: `not_supported` on some vGPUs.
        read graphics_mhz: Option<u32> = gpu.readings.clocks.graphics_mhz;
        /// The SM clock now.
        /// Source: `nvmlDeviceGetClockInfo`, SM. Lane: fast. Absent: `not_supported` on some vGPUs.
        read sm_mhz: Option<u32> = gpu.readings.clocks.sm_mhz;
        /// The memory clock now.
        /// Source: `nvmlDeviceGetClockInfo`, memory. Lane: fast. Absent: `not_supported` on unified memory.
        read memory_mhz: Option<u32> = gpu.readings.clocks.memory_mhz;
        /// The video clock now.
        /// Source: `nvmlDeviceGetClockInfo`, video. Lane: fast. Absent: `not_supported` on some vGPUs.
        read video_mhz: Option<u32> = gpu.readings.clocks.video_mhz;
        /// The highest graphics clock.
        /// Source: `nvmlDeviceGetMaxClockInfo`, graphics. Lane: slow. Absent: `not_supported` on some vGPUs.
        read max_graphics_mhz: Option<u32> = gpu.readings.clocks.max_graphics_mhz;
        /// The highest SM clock.
        /// Source: `nvmlDeviceGetMaxClockInfo`, SM. Lane: slow. Absent: `not_supported` on some vGPUs.
        read max_sm_mhz: Option<u32> = gpu.readings.clocks.max_sm_mhz;
        /// The highest memory clock.
        /// Source: `nvmlDeviceGetMaxClockInfo`, memory. Lane: slow. Absent: `not_supported` on unified memory.
        read max_memory_mhz: Option<u32> = gpu.readings.clocks.max_memory_mhz;
        /// What holds the clocks down: `gpu_idle`, `applications_clocks_setting`, `sw_power_cap`, `hw_slowdown`,
        /// `sync_boost`, `sw_thermal_slowdown`, `hw_thermal_slowdown`, `hw_power_brake_slowdown`,
        /// `display_clock_setting`, or `bit_N` for a bit that has no name here.
        /// Source: `nvmlDeviceGetCurrentClocksEventReasons`, else `nvmlDeviceGetCurrentClocksThrottleReasons`. Lane: fast. Absent: `not_supported` on some vGPUs; then the list is empty.
        list event_reasons: Vec<String> = gpu.readings.clocks.event_reasons.map(words::event_reasons);
        /// For how long the power limit has held the clocks down, since the driver was loaded.
        /// Source: `nvmlDeviceGetFieldValues`, field 74. Lane: slow. Absent: `not_supported` on some boards.
        read power_throttled_seconds: Option<f64> = gpu.readings.clocks.power_throttled_ns.map(seconds);
        /// For how long heat has held the clocks down, since the driver was loaded.
        /// Source: `nvmlDeviceGetFieldValues`, field 75. Lane: slow. Absent: `not_supported` on some boards.
        read thermal_throttled_seconds: Option<f64> = gpu.readings.clocks.thermal_throttled_ns.map(seconds);
    }
}
