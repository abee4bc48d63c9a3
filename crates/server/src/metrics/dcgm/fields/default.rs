//! dcgm-exporter's default set.

use telemetry::Absence;

use super::{Field, Number, XID_ERRORS, active, counter, gauge, mebibytes, rate, watts, whole, wide};

pub(super) const FIELDS: &[Field] = &[
    gauge("DCGM_FI_DEV_SM_CLOCK", "MHz", "SM clock", |place| whole(place.gpu.readings.clocks.sm_mhz)),
    gauge("DCGM_FI_DEV_MEM_CLOCK", "MHz", "Memory clock", |place| whole(place.gpu.readings.clocks.memory_mhz)),
    gauge("DCGM_FI_DEV_MEMORY_TEMP", "°C", "Temperature of the memory", |place| {
        whole(place.gpu.readings.temperature.memory_celsius)
    }),
    gauge("DCGM_FI_DEV_GPU_TEMP", "°C", "Temperature of the chip", |place| {
        whole(place.gpu.readings.temperature.gpu_celsius)
    }),
    gauge("DCGM_FI_DEV_POWER_USAGE", "W", "Power draw", |place| watts(place.gpu.readings.power.draw_mw)),
    counter("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "mJ", "Energy drawn since the driver was loaded", |place| {
        wide(place.gpu.readings.power.energy_mj)
    }),
    counter("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "", "Packets that had to be sent again over PCIe", |place| {
        whole(place.gpu.readings.pcie.replays)
    }),
    gauge("DCGM_FI_DEV_GPU_UTIL", "%", "Time in which a kernel ran", |place| {
        whole(place.gpu.readings.utilization.gpu_percent)
    }),
    gauge("DCGM_FI_DEV_MEM_COPY_UTIL", "%", "Time in which memory was read or written", |place| {
        whole(place.gpu.readings.utilization.memory_percent)
    }),
    gauge("DCGM_FI_DEV_ENC_UTIL", "%", "How busy the encoder is", |place| {
        whole(place.gpu.readings.utilization.encoder_percent)
    }),
    gauge("DCGM_FI_DEV_DEC_UTIL", "%", "How busy the decoder is", |place| {
        whole(place.gpu.readings.utilization.decoder_percent)
    }),
    gauge(XID_ERRORS, "", "The newest Xid error; 0 if there was none", |place| {
        match place.gpu.xid.last {
            Some((code, _)) => wide(Ok(code)),
            // Whether anybody listens decides whether none was heard.
            None => place.gpu.xid.since.map(|_| Number::Whole(0)),
        }
    }),
    gauge("DCGM_FI_DEV_FB_FREE", "MiB", "Free memory", |place| mebibytes(place, |memory| memory.free_bytes)),
    gauge("DCGM_FI_DEV_FB_USED", "MiB", "Used memory", |place| mebibytes(place, |memory| memory.used_bytes)),
    gauge("DCGM_FI_DEV_FB_RESERVED", "MiB", "Reserved memory", |place| {
        mebibytes(place, |memory| memory.reserved_bytes)
    }),
    counter(
        "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
        "MB/s",
        "What crosses NVLink both ways; a rate, though it is declared a counter",
        |place| {
            let nvlink = &place.gpu.readings.nvlink;
            let both = nvlink.tx_bytes_per_second?.checked_add(nvlink.rx_bytes_per_second?);
            // As DCGM works it out: NVML's KiB, divided by a thousand.
            wide(both.map(|bytes| bytes / 1024 / 1000).ok_or(Absence::Error))
        },
    ),
    gauge("DCGM_FI_DEV_VGPU_LICENSE_STATUS", "", "1 if a feature of a virtual GPU is licensed", |place| {
        whole(place.gpu.readings.modes.vgpu_licensed)
    }),
    counter(
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
        "",
        "Rows replaced for errors that could not be corrected",
        |place| whole(place.gpu.readings.remapped_rows.uncorrectable),
    ),
    counter("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "", "Rows replaced for errors that could be corrected", |place| {
        whole(place.gpu.readings.remapped_rows.correctable)
    }),
    gauge("DCGM_FI_DEV_ROW_REMAP_FAILURE", "", "1 if a row could not be replaced", |place| {
        whole(place.gpu.readings.remapped_rows.failed)
    }),
    gauge("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "ratio", "How busy the graphics or compute engine is", |place| {
        active(place, |activity| activity.graphics_ratio)
    }),
    gauge("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "ratio", "How busy the tensor pipes are", |place| {
        active(place, |activity| activity.tensor_ratio)
    }),
    gauge("DCGM_FI_PROF_DRAM_ACTIVE", "ratio", "How much of the memory's bandwidth is used", |place| {
        active(place, |activity| activity.dram_ratio)
    }),
    gauge("DCGM_FI_PROF_PCIE_TX_BYTES", "B/s", "What is sent over PCIe", |place| {
        rate(place, place.gpu.readings.pcie.tx_bytes_per_second)
    }),
    gauge("DCGM_FI_PROF_PCIE_RX_BYTES", "B/s", "What is received over PCIe", |place| {
        rate(place, place.gpu.readings.pcie.rx_bytes_per_second)
    }),
];
