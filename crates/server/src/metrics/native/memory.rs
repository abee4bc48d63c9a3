//! A GPU's memory, and the errors in it.

use crate::{
    metrics::{
        table::{Metric, Of, flag, wide},
        text::Kind,
    },
    v1::words,
};

pub(crate) const METRICS: &[Metric] = &[
    // Memory.
    Metric::gauge("nvsmi_gpu_memory_total_bytes", "bytes", "All memory of a GPU.", |gpu| {
        gpu.readings.memory.total_bytes.map(wide)
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`")
    .dcgm("DCGM_FI_DEV_FB_TOTAL"),
    Metric::gauge("nvsmi_gpu_memory_used_bytes", "bytes", "Memory in use, without what is reserved where that is known.", |gpu| {
        gpu.readings.memory.used_bytes.map(wide)
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`")
    .dcgm("DCGM_FI_DEV_FB_USED"),
    Metric::gauge("nvsmi_gpu_memory_free_bytes", "bytes", "Memory that can be had.", |gpu| {
        gpu.readings.memory.free_bytes.map(wide)
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`")
    .dcgm("DCGM_FI_DEV_FB_FREE"),
    Metric::gauge("nvsmi_gpu_memory_reserved_bytes", "bytes", "Memory that driver and firmware keep to themselves.", |gpu| {
        gpu.readings.memory.reserved_bytes.map(wide)
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`")
    .dcgm("DCGM_FI_DEV_FB_RESERVED"),
    Metric::gauge("nvsmi_gpu_memory_unified", "", "1 if a GPU's memory is the host's, which it shares.", |gpu| {
        gpu.readings.memory.unified.map(flag)
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`, `/proc/meminfo`"),
    Metric::gauge("nvsmi_gpu_bar1_total_bytes", "bytes", "The window through which the host writes to a GPU's memory.", |gpu| {
        gpu.readings.memory.bar1_total_bytes.map(wide)
    })
    .from("`nvmlDeviceGetBAR1MemoryInfo`")
    .dcgm("DCGM_FI_DEV_BAR1_TOTAL"),
    Metric::gauge("nvsmi_gpu_bar1_used_bytes", "bytes", "How much of that window is mapped.", |gpu| {
        gpu.readings.memory.bar1_used_bytes.map(wide)
    })
    .from("`nvmlDeviceGetBAR1MemoryInfo`")
    .dcgm("DCGM_FI_DEV_BAR1_USED"),
    // Errors of the memory.
    Metric::gauge("nvsmi_gpu_ecc_enabled", "", "1 if errors of the memory are corrected.", |gpu| gpu.readings.ecc.enabled.map(flag))
        .from("`nvmlDeviceGetEccMode`"),
    Metric::new(
        "nvsmi_gpu_ecc_errors_total",
        Kind::Counter,
        "",
        "Errors of the memory, by whether they were corrected, since the driver was loaded (volatile) or over the GPU's life (aggregate).",
        Of::Gpus(|gpu, samples| {
            let ecc = &gpu.readings.ecc;
            samples.read(&["corrected", "volatile"], ecc.volatile_corrected.map(wide));
            samples.read(&["uncorrected", "volatile"], ecc.volatile_uncorrected.map(wide));
            samples.read(&["corrected", "aggregate"], ecc.aggregate_corrected.map(wide));
            samples.read(&["uncorrected", "aggregate"], ecc.aggregate_uncorrected.map(wide));
        }),
    )
    .with(&["type", "count"])
    .from("`nvmlDeviceGetTotalEccErrors`")
    .dcgm("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL, DCGM_FI_DEV_ECC_DBE_VOL_TOTAL, DCGM_FI_DEV_ECC_SBE_AGG_TOTAL, DCGM_FI_DEV_ECC_DBE_AGG_TOTAL"),
    Metric::new(
        "nvsmi_gpu_remapped_rows_total",
        Kind::Counter,
        "",
        "Rows of memory that were replaced by spare ones, by whether the errors in them could be corrected.",
        Of::Gpus(|gpu, samples| {
            let rows = &gpu.readings.remapped_rows;
            samples.read(&["correctable"], rows.correctable.map(f64::from));
            samples.read(&["uncorrectable"], rows.uncorrectable.map(f64::from));
        }),
    )
    .with(&["type"])
    .from("`nvmlDeviceGetRemappedRows`")
    .dcgm("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS, DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"),
    Metric::gauge("nvsmi_gpu_row_remap_pending", "", "1 if a row waits for a reset to be replaced.", |gpu| {
        gpu.readings.remapped_rows.pending.map(flag)
    })
    .from("`nvmlDeviceGetRemappedRows`")
    .dcgm("DCGM_FI_DEV_ROW_REMAP_PENDING"),
    Metric::gauge("nvsmi_gpu_row_remap_failed", "", "1 if a row could not be replaced.", |gpu| {
        gpu.readings.remapped_rows.failed.map(flag)
    })
    .from("`nvmlDeviceGetRemappedRows`")
    .dcgm("DCGM_FI_DEV_ROW_REMAP_FAILURE"),
    Metric::new(
        "nvsmi_gpu_recovery_action",
        Kind::Gauge,
        "",
        "What the driver asks to be done, which is the label; always 1.",
        Of::Gpus(|gpu, samples| {
            if let Ok(action) = gpu.readings.state.recovery_action {
                samples.push(&[&words::recovery_action(action)], 1.0);
            }
        }),
    )
    .with(&["action"])
    .from("`nvmlDeviceGetFieldValues`, field 230"),
];
