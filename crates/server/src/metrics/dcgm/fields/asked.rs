//! What is served if a file asks for it.

use super::{Field, MEBIBYTE, gauge, mebibytes, rate, watts, whole, wide};

pub(super) const FIELDS: &[Field] = &[
    gauge("DCGM_FI_DEV_FB_TOTAL", "MiB", "All memory", |place| mebibytes(place, |memory| Ok(memory.total_bytes))),
    gauge("DCGM_FI_DEV_BAR1_TOTAL", "MiB", "The window through which the host writes", |place| {
        wide(place.gpu.readings.memory.bar1_total_bytes.map(|bytes| bytes / MEBIBYTE))
    }),
    gauge("DCGM_FI_DEV_BAR1_USED", "MiB", "How much of that window is mapped", |place| {
        wide(place.gpu.readings.memory.bar1_used_bytes.map(|bytes| bytes / MEBIBYTE))
    }),
    gauge("DCGM_FI_DEV_BAR1_FREE", "MiB", "How much of that window is not mapped", |place| {
        let memory = &place.gpu.readings.memory;
        wide(Ok(memory.bar1_total_bytes?.saturating_sub(memory.bar1_used_bytes?) / MEBIBYTE))
    }),
    gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT", "W", "The power limit that was set", |place| {
        watts(place.gpu.readings.power.limit_mw)
    }),
    gauge("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "W", "The power limit in force", |place| {
        watts(place.gpu.readings.power.enforced_limit_mw)
    }),
    gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF", "W", "The power limit after a reset", |place| {
        watts(place.gpu.readings.power.default_limit_mw)
    }),
    gauge("DCGM_FI_DEV_SLOWDOWN_TEMP", "°C", "Where the chip slows down", |place| {
        whole(place.gpu.readings.temperature.slowdown_celsius)
    }),
    gauge("DCGM_FI_DEV_SHUTDOWN_TEMP", "°C", "Where the chip shuts down", |place| {
        whole(place.gpu.readings.temperature.shutdown_celsius)
    }),
    gauge("DCGM_FI_DEV_VIDEO_CLOCK", "MHz", "Video clock", |place| whole(place.gpu.readings.clocks.video_mhz)),
    gauge("DCGM_FI_DEV_MAX_SM_CLOCK", "MHz", "The highest SM clock", |place| {
        whole(place.gpu.readings.clocks.max_sm_mhz)
    }),
    gauge("DCGM_FI_DEV_MAX_MEM_CLOCK", "MHz", "The highest memory clock", |place| {
        whole(place.gpu.readings.clocks.max_memory_mhz)
    }),
    gauge("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "bits", "What holds the clocks down", |place| {
        wide(place.gpu.readings.clocks.event_reasons)
    }),
    gauge("DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "bits", "What holds the clocks down", |place| {
        wide(place.gpu.readings.clocks.event_reasons)
    }),
    gauge("DCGM_FI_DEV_PSTATE", "", "The performance state: 0 is the fastest", |place| {
        whole(place.gpu.readings.state.performance_state)
    }),
    gauge("DCGM_FI_DEV_PCIE_LINK_GEN", "", "The PCIe link's generation", |place| {
        whole(place.gpu.readings.pcie.generation)
    }),
    gauge("DCGM_FI_DEV_PCIE_LINK_WIDTH", "", "The PCIe link's lanes", |place| whole(place.gpu.readings.pcie.width)),
    gauge("DCGM_FI_DEV_PCIE_MAX_LINK_GEN", "", "The highest generation of the PCIe link", |place| {
        whole(place.gpu.readings.pcie.max_generation)
    }),
    gauge("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", "", "The most lanes of the PCIe link", |place| {
        whole(place.gpu.readings.pcie.max_width)
    }),
    gauge("DCGM_FI_DEV_ROW_REMAP_PENDING", "", "1 if a row waits for a reset to be replaced", |place| {
        whole(place.gpu.readings.remapped_rows.pending)
    }),
    gauge("DCGM_FI_DEV_PERSISTENCE_MODE", "", "1 if the driver stays loaded without a client", |place| {
        whole(place.gpu.readings.modes.persistence)
    }),
    gauge("DCGM_FI_DEV_MIG_MODE", "", "1 if it is cut into MIG instances", |place| whole(place.gpu.readings.modes.mig)),
    gauge("DCGM_FI_DEV_COMPUTE_MODE", "", "Who may compute, by NVML's number", |place| {
        whole(place.gpu.readings.modes.compute)
    }),
    gauge("DCGM_FI_PROF_NVLINK_TX_BYTES", "B/s", "What is sent over NVLink", |place| {
        rate(place, place.gpu.readings.nvlink.tx_bytes_per_second)
    }),
    gauge("DCGM_FI_PROF_NVLINK_RX_BYTES", "B/s", "What is received over NVLink", |place| {
        rate(place, place.gpu.readings.nvlink.rx_bytes_per_second)
    }),
];
