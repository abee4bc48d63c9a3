//! What is served if a file asks for it.

use super::{Field, MEBIBYTE, gauge, mebibytes, rate, watts, whole, wide};

pub(super) const FIELDS: &[Field] = &[
    gauge("DCGM_FI_DEV_FB_TOTAL", "MiB", "All memory", |place| mebibytes(place, |memory| Ok(memory.total_bytes))),
    gauge("DCGM_FI_DEV_BAR1_TOTAL", "MiB", "The window through which the host writes", |place| {
        wide(place.gpu.slow.bar1.map(|bar1| bar1.total_bytes / MEBIBYTE))
    }),
    gauge("DCGM_FI_DEV_BAR1_USED", "MiB", "How much of that window is mapped", |place| {
        wide(place.gpu.slow.bar1.map(|bar1| bar1.used_bytes / MEBIBYTE))
    }),
    gauge("DCGM_FI_DEV_BAR1_FREE", "MiB", "How much of that window is not mapped", |place| {
        wide(place.gpu.slow.bar1.map(|bar1| bar1.total_bytes.saturating_sub(bar1.used_bytes) / MEBIBYTE))
    }),
    gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT", "W", "The power limit that was set", |place| {
        watts(place.gpu.fast.power_limit_mw)
    }),
    gauge("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "W", "The power limit in force", |place| {
        watts(place.gpu.slow.enforced_limit_mw)
    }),
    gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF", "W", "The power limit after a reset", |place| {
        watts(place.gpu.slow.default_limit_mw)
    }),
    gauge("DCGM_FI_DEV_SLOWDOWN_TEMP", "°C", "Where the chip slows down", |place| {
        whole(place.gpu.slow.slowdown_celsius)
    }),
    gauge("DCGM_FI_DEV_SHUTDOWN_TEMP", "°C", "Where the chip shuts down", |place| {
        whole(place.gpu.slow.shutdown_celsius)
    }),
    gauge("DCGM_FI_DEV_VIDEO_CLOCK", "MHz", "Video clock", |place| whole(place.gpu.fast.video_mhz)),
    gauge("DCGM_FI_DEV_MAX_SM_CLOCK", "MHz", "The highest SM clock", |place| whole(place.gpu.slow.max_sm_mhz)),
    gauge("DCGM_FI_DEV_MAX_MEM_CLOCK", "MHz", "The highest memory clock", |place| whole(place.gpu.slow.max_memory_mhz)),
    gauge("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "bits", "What holds the clocks down", |place| {
        wide(place.gpu.fast.event_reasons)
    }),
    gauge("DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "bits", "What holds the clocks down", |place| {
        wide(place.gpu.fast.event_reasons)
    }),
    gauge("DCGM_FI_DEV_PSTATE", "", "The performance state: 0 is the fastest", |place| {
        whole(place.gpu.fast.performance_state)
    }),
    gauge("DCGM_FI_DEV_PCIE_LINK_GEN", "", "The PCIe link's generation", |place| whole(place.gpu.slow.pcie_generation)),
    gauge("DCGM_FI_DEV_PCIE_LINK_WIDTH", "", "The PCIe link's lanes", |place| whole(place.gpu.slow.pcie_width)),
    gauge("DCGM_FI_DEV_PCIE_MAX_LINK_GEN", "", "The highest generation of the PCIe link", |place| {
        whole(place.gpu.slow.pcie_max_generation)
    }),
    gauge("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", "", "The most lanes of the PCIe link", |place| {
        whole(place.gpu.slow.pcie_max_width)
    }),
    gauge("DCGM_FI_DEV_ROW_REMAP_PENDING", "", "1 if a row waits for a reset to be replaced", |place| {
        whole(place.gpu.slow.remapped_rows.map(|rows| rows.pending))
    }),
    gauge("DCGM_FI_DEV_PERSISTENCE_MODE", "", "1 if the driver stays loaded without a client", |place| {
        whole(place.gpu.slow.persistence_mode)
    }),
    gauge("DCGM_FI_DEV_MIG_MODE", "", "1 if it is cut into MIG instances", |place| whole(place.gpu.slow.mig_mode)),
    gauge("DCGM_FI_DEV_COMPUTE_MODE", "", "Who may compute, by NVML's number", |place| {
        whole(place.gpu.slow.compute_mode)
    }),
    gauge("DCGM_FI_PROF_NVLINK_TX_BYTES", "B/s", "What is sent over NVLink", |place| {
        rate(place, place.gpu.traffic.nvlink_tx_bytes_per_second)
    }),
    gauge("DCGM_FI_PROF_NVLINK_RX_BYTES", "B/s", "What is received over NVLink", |place| {
        rate(place, place.gpu.traffic.nvlink_rx_bytes_per_second)
    }),
];
