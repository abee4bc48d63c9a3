//! The numbers that are kept: one declaration each.

use crate::{Reading, snapshot::Gpu};

/// A number of a GPU that is kept.
#[derive(Debug)]
pub struct Metric {
    /// Its dotted path in the GPU's object in `/api/v1`.
    pub name: &'static str,
    pub(super) read: fn(&Gpu) -> Reading<f64>,
}

/// How many are kept of each GPU.
pub const METRICS: usize = 20;

/// Those that are kept. A file of the past knows them by name, so that their order may change.
pub static ALL: [Metric; METRICS] = [
    Metric { name: "utilization.gpu_percent", read: |gpu| Ok(gpu.fast.utilization?.gpu_percent.into()) },
    Metric { name: "utilization.memory_percent", read: |gpu| Ok(gpu.fast.utilization?.memory_percent.into()) },
    Metric { name: "utilization.encoder_percent", read: |gpu| gpu.fast.encoder_percent.map(f64::from) },
    Metric { name: "utilization.decoder_percent", read: |gpu| gpu.fast.decoder_percent.map(f64::from) },
    Metric { name: "activity.sm_ratio", read: |gpu| gpu.activity.sm_ratio },
    Metric { name: "activity.sm_occupancy_ratio", read: |gpu| gpu.activity.sm_occupancy_ratio },
    Metric { name: "activity.tensor_ratio", read: |gpu| gpu.activity.tensor_ratio },
    Metric { name: "activity.dram_ratio", read: |gpu| gpu.activity.dram_ratio },
    Metric { name: "memory.used_bytes", read: |gpu| gpu.fast.memory?.used_bytes.map(large) },
    Metric { name: "temperature.gpu_celsius", read: |gpu| gpu.fast.temperature_celsius.map(f64::from) },
    Metric { name: "temperature.memory_celsius", read: |gpu| gpu.fast.memory_temperature_celsius.map(f64::from) },
    Metric { name: "power.draw_watts", read: |gpu| gpu.fast.power_draw_mw.map(|draw| f64::from(draw) / 1000.0) },
    Metric { name: "clocks.graphics_mhz", read: |gpu| gpu.fast.graphics_mhz.map(f64::from) },
    Metric { name: "clocks.sm_mhz", read: |gpu| gpu.fast.sm_mhz.map(f64::from) },
    Metric { name: "clocks.memory_mhz", read: |gpu| gpu.fast.memory_mhz.map(f64::from) },
    Metric { name: "fans.speed_percent", read: |gpu| gpu.fast.fan_percent.map(f64::from) },
    Metric { name: "pcie.tx_bytes_per_second", read: |gpu| gpu.traffic.pcie_tx_bytes_per_second.map(large) },
    Metric { name: "pcie.rx_bytes_per_second", read: |gpu| gpu.traffic.pcie_rx_bytes_per_second.map(large) },
    Metric { name: "nvlink.tx_bytes_per_second", read: |gpu| gpu.traffic.nvlink_tx_bytes_per_second.map(large) },
    Metric { name: "nvlink.rx_bytes_per_second", read: |gpu| gpu.traffic.nvlink_rx_bytes_per_second.map(large) },
];

/// The place of the metric of that name.
#[must_use]
pub fn find(name: &str) -> Option<usize> {
    ALL.iter().position(|metric| metric.name == name)
}

/// As a float, which is exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "it is kept with 24 bits anyway")]
fn large(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (position, metric) in ALL.iter().enumerate() {
            assert_eq!(find(metric.name), Some(position), "{}", metric.name);
        }
    }
}
