//! The readings of a GPU.

use telemetry::{Absence, Reading, snapshot::Gpu};

use crate::{
    api::words,
    metrics::{
        table::{Metric, Of, flag, wide},
        text::{Kind, seconds},
    },
};

pub(crate) const METRICS: &[Metric] = &[
    // How busy it is.
    Metric::gauge("nvsmi_gpu_utilization_ratio", "ratio", "Of the last sample period, the part in which a kernel ran.", |gpu| {
        gpu.fast.utilization.map(|utilization| ratio(utilization.gpu_percent))
    })
    .from("`nvmlDeviceGetUtilizationRates`")
    .dcgm("DCGM_FI_DEV_GPU_UTIL"),
    Metric::gauge(
        "nvsmi_gpu_memory_utilization_ratio",
        "ratio",
        "Of the last sample period, the part in which memory was read or written.",
        |gpu| gpu.fast.utilization.map(|utilization| ratio(utilization.memory_percent)),
    )
    .from("`nvmlDeviceGetUtilizationRates`")
    .dcgm("DCGM_FI_DEV_MEM_COPY_UTIL"),
    Metric::gauge("nvsmi_gpu_encoder_utilization_ratio", "ratio", "How busy the video encoder is.", |gpu| {
        gpu.fast.encoder_percent.map(ratio)
    })
    .from("`nvmlDeviceGetEncoderUtilization`")
    .dcgm("DCGM_FI_DEV_ENC_UTIL"),
    Metric::gauge("nvsmi_gpu_decoder_utilization_ratio", "ratio", "How busy the video decoder is.", |gpu| {
        gpu.fast.decoder_percent.map(ratio)
    })
    .from("`nvmlDeviceGetDecoderUtilization`")
    .dcgm("DCGM_FI_DEV_DEC_UTIL"),
    Metric::gauge("nvsmi_gpu_jpeg_utilization_ratio", "ratio", "How busy the JPEG engine is.", |gpu| {
        gpu.fast.jpeg_percent.map(ratio)
    })
    .from("`nvmlDeviceGetJpgUtilization`"),
    Metric::gauge("nvsmi_gpu_ofa_utilization_ratio", "ratio", "How busy the optical flow engine is.", |gpu| {
        gpu.fast.ofa_percent.map(ratio)
    })
    .from("`nvmlDeviceGetOfaUtilization`"),
    // What ran where.
    Metric::gauge("nvsmi_gpu_graphics_active_ratio", "ratio", "Of the last window, the part in which the graphics or compute engine worked.", |gpu| {
        gpu.activity.graphics_ratio
    })
    .from("`nvmlGpmMetricsGet`, metric 1")
    .dcgm("DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
    Metric::gauge("nvsmi_gpu_sm_active_ratio", "ratio", "Of the last window, the part in which SMs had work, over all SMs.", |gpu| {
        gpu.activity.sm_ratio
    })
    .from("`nvmlGpmMetricsGet`, metric 2")
    .dcgm("DCGM_FI_PROF_SM_ACTIVE"),
    Metric::gauge("nvsmi_gpu_sm_occupancy_ratio", "ratio", "Warps on the SMs, of those that could be there.", |gpu| {
        gpu.activity.sm_occupancy_ratio
    })
    .from("`nvmlGpmMetricsGet`, metric 3")
    .dcgm("DCGM_FI_PROF_SM_OCCUPANCY"),
    Metric::gauge("nvsmi_gpu_tensor_active_ratio", "ratio", "How busy the tensor pipes are.", |gpu| gpu.activity.tensor_ratio)
        .from("`nvmlGpmMetricsGet`, metric 5")
        .dcgm("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
    Metric::gauge("nvsmi_gpu_dram_active_ratio", "ratio", "How much of the memory's bandwidth is used.", |gpu| gpu.activity.dram_ratio)
        .from("`nvmlGpmMetricsGet`, metric 10")
        .dcgm("DCGM_FI_PROF_DRAM_ACTIVE"),
    Metric::gauge("nvsmi_gpu_fp64_active_ratio", "ratio", "How busy the FP64 pipe is.", |gpu| gpu.activity.fp64_ratio)
        .from("`nvmlGpmMetricsGet`, metric 11")
        .dcgm("DCGM_FI_PROF_PIPE_FP64_ACTIVE"),
    Metric::gauge("nvsmi_gpu_fp32_active_ratio", "ratio", "How busy the FP32 pipe is.", |gpu| gpu.activity.fp32_ratio)
        .from("`nvmlGpmMetricsGet`, metric 12")
        .dcgm("DCGM_FI_PROF_PIPE_FP32_ACTIVE"),
    Metric::gauge("nvsmi_gpu_fp16_active_ratio", "ratio", "How busy the FP16 pipe is.", |gpu| gpu.activity.fp16_ratio)
        .from("`nvmlGpmMetricsGet`, metric 13")
        .dcgm("DCGM_FI_PROF_PIPE_FP16_ACTIVE"),
    // What readings add up to.
    Metric::counter(
        "nvsmi_gpu_read_seconds_total",
        "seconds",
        "For how long a GPU was read, since the agent began: what the counters of seconds below are parts of.",
        |gpu| gpu.totals.read.map(|time| time.as_secs_f64()),
    )
    .from("derived from every reading"),
    Metric::counter(
        "nvsmi_gpu_busy_seconds_total",
        "seconds",
        "For how long a kernel ran, added up over every reading. Time that was not read adds nothing.",
        |gpu| gpu.totals.busy.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlDeviceGetUtilizationRates`"),
    Metric::counter(
        "nvsmi_gpu_sm_active_seconds_total",
        "seconds",
        "For how long SMs had work, over all SMs, added up over every reading.",
        |gpu| gpu.totals.sm_active.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`, metric 2"),
    Metric::counter(
        "nvsmi_gpu_tensor_active_seconds_total",
        "seconds",
        "For how long the tensor pipes worked, added up over every reading.",
        |gpu| gpu.totals.tensor_active.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`, metric 5"),
    Metric::counter(
        "nvsmi_gpu_dram_active_seconds_total",
        "seconds",
        "For how long the memory's bandwidth was used, added up over every reading.",
        |gpu| gpu.totals.dram_active.map(|time| time.as_secs_f64()),
    )
    .from("derived from `nvmlGpmMetricsGet`, metric 10"),
    // Memory.
    Metric::gauge("nvsmi_gpu_memory_total_bytes", "bytes", "All memory of a GPU.", |gpu| {
        gpu.fast.memory.map(|memory| wide(memory.total_bytes))
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`")
    .dcgm("DCGM_FI_DEV_FB_TOTAL"),
    Metric::gauge("nvsmi_gpu_memory_used_bytes", "bytes", "Memory in use, without what is reserved where that is known.", |gpu| {
        gpu.fast.memory.and_then(|memory| memory.used_bytes).map(wide)
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`")
    .dcgm("DCGM_FI_DEV_FB_USED"),
    Metric::gauge("nvsmi_gpu_memory_free_bytes", "bytes", "Memory that can be had.", |gpu| {
        gpu.fast.memory.and_then(|memory| memory.free_bytes).map(wide)
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`")
    .dcgm("DCGM_FI_DEV_FB_FREE"),
    Metric::gauge("nvsmi_gpu_memory_reserved_bytes", "bytes", "Memory that driver and firmware keep to themselves.", |gpu| {
        gpu.fast.memory.and_then(|memory| memory.reserved_bytes).map(wide)
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`")
    .dcgm("DCGM_FI_DEV_FB_RESERVED"),
    Metric::gauge("nvsmi_gpu_memory_unified", "", "1 if a GPU's memory is the host's, which it shares.", |gpu| {
        gpu.fast.memory.map(|memory| flag(memory.unified))
    })
    .from("`nvmlDeviceGetMemoryInfo_v2`, `/proc/meminfo`"),
    Metric::gauge("nvsmi_gpu_bar1_total_bytes", "bytes", "The window through which the host writes to a GPU's memory.", |gpu| {
        gpu.slow.bar1.map(|bar1| wide(bar1.total_bytes))
    })
    .from("`nvmlDeviceGetBAR1MemoryInfo`")
    .dcgm("DCGM_FI_DEV_BAR1_TOTAL"),
    Metric::gauge("nvsmi_gpu_bar1_used_bytes", "bytes", "How much of that window is mapped.", |gpu| {
        gpu.slow.bar1.map(|bar1| wide(bar1.used_bytes))
    })
    .from("`nvmlDeviceGetBAR1MemoryInfo`")
    .dcgm("DCGM_FI_DEV_BAR1_USED"),
    // Heat, power, fans.
    Metric::gauge("nvsmi_gpu_temperature_celsius", "celsius", "How warm the chip is.", |gpu| {
        gpu.fast.temperature_celsius.map(f64::from)
    })
    .from("`nvmlDeviceGetTemperatureV`, else `nvmlDeviceGetTemperature`")
    .dcgm("DCGM_FI_DEV_GPU_TEMP"),
    Metric::gauge("nvsmi_gpu_memory_temperature_celsius", "celsius", "How warm the memory is.", |gpu| {
        gpu.fast.memory_temperature_celsius.map(f64::from)
    })
    .from("`nvmlDeviceGetFieldValues`, field 82")
    .dcgm("DCGM_FI_DEV_MEMORY_TEMP"),
    Metric::gauge("nvsmi_gpu_slowdown_temperature_celsius", "celsius", "Where the chip slows down.", |gpu| {
        gpu.slow.slowdown_celsius.map(f64::from)
    })
    .from("`nvmlDeviceGetTemperatureThreshold`, slowdown")
    .dcgm("DCGM_FI_DEV_SLOWDOWN_TEMP"),
    Metric::gauge("nvsmi_gpu_shutdown_temperature_celsius", "celsius", "Where the chip shuts down.", |gpu| {
        gpu.slow.shutdown_celsius.map(f64::from)
    })
    .from("`nvmlDeviceGetTemperatureThreshold`, shutdown")
    .dcgm("DCGM_FI_DEV_SHUTDOWN_TEMP"),
    Metric::gauge("nvsmi_gpu_power_watts", "watts", "What the board draws.", |gpu| gpu.fast.power_draw_mw.map(thousandth))
        .from("`nvmlDeviceGetPowerUsage`")
        .dcgm("DCGM_FI_DEV_POWER_USAGE"),
    Metric::gauge("nvsmi_gpu_power_limit_watts", "watts", "The power limit that was set.", |gpu| {
        gpu.fast.power_limit_mw.map(thousandth)
    })
    .from("`nvmlDeviceGetPowerManagementLimit`")
    .dcgm("DCGM_FI_DEV_POWER_MGMT_LIMIT"),
    Metric::gauge("nvsmi_gpu_enforced_power_limit_watts", "watts", "The power limit in force: the lowest of all that limit.", |gpu| {
        gpu.slow.enforced_limit_mw.map(thousandth)
    })
    .from("`nvmlDeviceGetEnforcedPowerLimit`")
    .dcgm("DCGM_FI_DEV_ENFORCED_POWER_LIMIT"),
    Metric::gauge("nvsmi_gpu_default_power_limit_watts", "watts", "The power limit after a reset.", |gpu| {
        gpu.slow.default_limit_mw.map(thousandth)
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
            for (fan, percent) in gpu.slow.fans.iter().flatten().enumerate() {
                samples.push(&[&fan.to_string()], ratio(*percent));
            }
        }),
    )
    .with(&["fan"])
    .from("`nvmlDeviceGetFanSpeed_v2`")
    .dcgm("DCGM_FI_DEV_FAN_SPEED"),
    // Clocks.
    Metric::gauge("nvsmi_gpu_graphics_clock_hertz", "hertz", "The graphics clock.", |gpu| gpu.fast.graphics_mhz.map(hertz))
        .from("`nvmlDeviceGetClockInfo`, graphics"),
    Metric::gauge("nvsmi_gpu_sm_clock_hertz", "hertz", "The SM clock.", |gpu| gpu.fast.sm_mhz.map(hertz))
        .from("`nvmlDeviceGetClockInfo`, SM")
        .dcgm("DCGM_FI_DEV_SM_CLOCK"),
    Metric::gauge("nvsmi_gpu_memory_clock_hertz", "hertz", "The memory clock.", |gpu| gpu.fast.memory_mhz.map(hertz))
        .from("`nvmlDeviceGetClockInfo`, memory")
        .dcgm("DCGM_FI_DEV_MEM_CLOCK"),
    Metric::gauge("nvsmi_gpu_video_clock_hertz", "hertz", "The video clock.", |gpu| gpu.fast.video_mhz.map(hertz))
        .from("`nvmlDeviceGetClockInfo`, video")
        .dcgm("DCGM_FI_DEV_VIDEO_CLOCK"),
    Metric::gauge("nvsmi_gpu_max_graphics_clock_hertz", "hertz", "The highest graphics clock.", |gpu| {
        gpu.slow.max_graphics_mhz.map(hertz)
    })
    .from("`nvmlDeviceGetMaxClockInfo`, graphics"),
    Metric::gauge("nvsmi_gpu_max_sm_clock_hertz", "hertz", "The highest SM clock.", |gpu| gpu.slow.max_sm_mhz.map(hertz))
        .from("`nvmlDeviceGetMaxClockInfo`, SM")
        .dcgm("DCGM_FI_DEV_MAX_SM_CLOCK"),
    Metric::gauge("nvsmi_gpu_max_memory_clock_hertz", "hertz", "The highest memory clock.", |gpu| {
        gpu.slow.max_memory_mhz.map(hertz)
    })
    .from("`nvmlDeviceGetMaxClockInfo`, memory")
    .dcgm("DCGM_FI_DEV_MAX_MEM_CLOCK"),
    Metric::new(
        "nvsmi_gpu_clocks_event_reason",
        Kind::Gauge,
        "",
        "1 for each reason that holds the clocks down now, 0 for those that do not.",
        Of::Gpus(|gpu, samples| {
            let Ok(bits) = gpu.fast.event_reasons else { return };
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
            samples.read(&["power"], gpu.slow.power_throttled_ns.map(seconds));
            samples.read(&["thermal"], gpu.slow.thermal_throttled_ns.map(seconds));
        }),
    )
    .with(&["reason"])
    .from("`nvmlDeviceGetFieldValues`, fields 74 and 75")
    .dcgm("DCGM_FI_DEV_POWER_VIOLATION, DCGM_FI_DEV_THERMAL_VIOLATION"),
    Metric::gauge("nvsmi_gpu_performance_state", "", "The performance state: 0 is the fastest, 15 the slowest.", |gpu| {
        gpu.fast.performance_state.map(f64::from)
    })
    .from("`nvmlDeviceGetPerformanceState`")
    .dcgm("DCGM_FI_DEV_PSTATE"),
    // Links.
    Metric::gauge("nvsmi_gpu_pcie_generation", "", "The generation that the PCIe link runs at; it falls while a GPU is idle.", |gpu| {
        gpu.slow.pcie_generation.map(f64::from)
    })
    .from("`nvmlDeviceGetCurrPcieLinkGeneration`")
    .dcgm("DCGM_FI_DEV_PCIE_LINK_GEN"),
    Metric::gauge("nvsmi_gpu_pcie_width", "", "The lanes that the PCIe link runs on.", |gpu| gpu.slow.pcie_width.map(f64::from))
        .from("`nvmlDeviceGetCurrPcieLinkWidth`")
        .dcgm("DCGM_FI_DEV_PCIE_LINK_WIDTH"),
    Metric::gauge("nvsmi_gpu_pcie_max_generation", "", "The generation that GPU and slot can both do.", |gpu| {
        gpu.slow.pcie_max_generation.map(f64::from)
    })
    .from("`nvmlDeviceGetMaxPcieLinkGeneration`")
    .dcgm("DCGM_FI_DEV_PCIE_MAX_LINK_GEN"),
    Metric::gauge("nvsmi_gpu_pcie_max_width", "", "The lanes that GPU and slot both have.", |gpu| {
        gpu.slow.pcie_max_width.map(f64::from)
    })
    .from("`nvmlDeviceGetMaxPcieLinkWidth`")
    .dcgm("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH"),
    Metric::gauge("nvsmi_gpu_pcie_transmit_bytes_per_second", "bytes_per_second", "What a GPU sends over PCIe.", |gpu| {
        gpu.traffic.pcie_tx_bytes_per_second.map(wide)
    })
    .from("`nvmlGpmMetricsGet`, metric 20, else field 197")
    .dcgm("DCGM_FI_PROF_PCIE_TX_BYTES"),
    Metric::gauge("nvsmi_gpu_pcie_receive_bytes_per_second", "bytes_per_second", "What a GPU receives over PCIe.", |gpu| {
        gpu.traffic.pcie_rx_bytes_per_second.map(wide)
    })
    .from("`nvmlGpmMetricsGet`, metric 21, else field 198")
    .dcgm("DCGM_FI_PROF_PCIE_RX_BYTES"),
    Metric::counter("nvsmi_gpu_pcie_replays_total", "", "Packets that had to be sent again over PCIe.", |gpu| {
        gpu.slow.pcie_replays.map(f64::from)
    })
    .from("`nvmlDeviceGetPcieReplayCounter`")
    .dcgm("DCGM_FI_DEV_PCIE_REPLAY_COUNTER"),
    Metric::gauge("nvsmi_gpu_nvlink_links", "", "NVLink links that there are.", |gpu| gpu.slow.links.map(|links| f64::from(links.total)))
        .from("`nvmlDeviceGetNvLinkState`"),
    Metric::gauge("nvsmi_gpu_nvlink_links_active", "", "NVLink links that are up.", |gpu| {
        gpu.slow.links.map(|links| f64::from(links.active))
    })
    .from("`nvmlDeviceGetNvLinkState`"),
    Metric::gauge("nvsmi_gpu_nvlink_transmit_bytes_per_second", "bytes_per_second", "What a GPU sends over NVLink, all links together.", |gpu| {
        gpu.traffic.nvlink_tx_bytes_per_second.map(wide)
    })
    .from("`nvmlGpmMetricsGet`, metric 61, else field 138")
    .dcgm("DCGM_FI_PROF_NVLINK_TX_BYTES, DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"),
    Metric::gauge("nvsmi_gpu_nvlink_receive_bytes_per_second", "bytes_per_second", "What a GPU receives over NVLink, all links together.", |gpu| {
        gpu.traffic.nvlink_rx_bytes_per_second.map(wide)
    })
    .from("`nvmlGpmMetricsGet`, metric 60, else field 139")
    .dcgm("DCGM_FI_PROF_NVLINK_RX_BYTES, DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"),
    Metric::counter("nvsmi_gpu_nvlink_errors_total", "", "NVLink errors of every kind, all links together.", |gpu| {
        gpu.slow.nvlink_errors.map(wide)
    })
    .from("`nvmlDeviceGetNvLinkErrorCounter`"),
    Metric::new(
        "nvsmi_gpu_fabric_state",
        Kind::Gauge,
        "",
        "Where a GPU stands with the NVSwitch fabric, which is the label; always 1.",
        Of::Gpus(|gpu, samples| {
            if let Ok(fabric) = gpu.slow.fabric.as_ref().map(|fabric| fabric.state).map_err(|why| *why)
                && fabric != 0
            {
                samples.push(&[&words::fabric_state(fabric)], 1.0);
            }
        }),
    )
    .with(&["state"])
    .from("`nvmlDeviceGetGpuFabricInfo`"),
    // Errors of the memory.
    Metric::gauge("nvsmi_gpu_ecc_enabled", "", "1 if errors of the memory are corrected.", |gpu| gpu.slow.ecc_enabled.map(flag))
        .from("`nvmlDeviceGetEccMode`"),
    Metric::new(
        "nvsmi_gpu_ecc_errors_total",
        Kind::Counter,
        "",
        "Errors of the memory, by whether they were corrected, since the driver was loaded (volatile) or over the GPU's life (aggregate).",
        Of::Gpus(|gpu, samples| {
            let slow = &gpu.slow;
            samples.read(&["corrected", "volatile"], slow.ecc_volatile_corrected.map(wide));
            samples.read(&["uncorrected", "volatile"], slow.ecc_volatile_uncorrected.map(wide));
            samples.read(&["corrected", "aggregate"], slow.ecc_aggregate_corrected.map(wide));
            samples.read(&["uncorrected", "aggregate"], slow.ecc_aggregate_uncorrected.map(wide));
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
            if let Ok(rows) = gpu.slow.remapped_rows {
                samples.push(&["correctable"], f64::from(rows.correctable));
                samples.push(&["uncorrectable"], f64::from(rows.uncorrectable));
            }
        }),
    )
    .with(&["type"])
    .from("`nvmlDeviceGetRemappedRows`")
    .dcgm("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS, DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"),
    Metric::gauge("nvsmi_gpu_row_remap_pending", "", "1 if a row waits for a reset to be replaced.", |gpu| {
        gpu.slow.remapped_rows.map(|rows| flag(rows.pending))
    })
    .from("`nvmlDeviceGetRemappedRows`")
    .dcgm("DCGM_FI_DEV_ROW_REMAP_PENDING"),
    Metric::gauge("nvsmi_gpu_row_remap_failed", "", "1 if a row could not be replaced.", |gpu| {
        gpu.slow.remapped_rows.map(|rows| flag(rows.failed))
    })
    .from("`nvmlDeviceGetRemappedRows`")
    .dcgm("DCGM_FI_DEV_ROW_REMAP_FAILURE"),
    Metric::new(
        "nvsmi_gpu_recovery_action",
        Kind::Gauge,
        "",
        "What the driver asks to be done, which is the label; always 1.",
        Of::Gpus(|gpu, samples| {
            if let Ok(action) = gpu.slow.recovery_action {
                samples.push(&[&words::recovery_action(action)], 1.0);
            }
        }),
    )
    .with(&["action"])
    .from("`nvmlDeviceGetFieldValues`, field 230"),
    // How it is set up.
    Metric::gauge("nvsmi_gpu_persistence_mode", "", "1 if the driver stays loaded without a client.", |gpu| {
        gpu.slow.persistence_mode.map(flag)
    })
    .from("`nvmlDeviceGetPersistenceMode`")
    .dcgm("DCGM_FI_DEV_PERSISTENCE_MODE"),
    Metric::gauge("nvsmi_gpu_mig_mode", "", "1 if a GPU is cut into MIG instances.", |gpu| gpu.slow.mig_mode.map(flag))
        .from("`nvmlDeviceGetMigMode`")
        .dcgm("DCGM_FI_DEV_MIG_MODE"),
    Metric::gauge("nvsmi_gpu_display_active", "", "1 if a GPU drives a display.", |gpu| gpu.slow.display_active.map(flag))
        .from("`nvmlDeviceGetDisplayActive`"),
    Metric::new(
        "nvsmi_gpu_compute_mode",
        Kind::Gauge,
        "",
        "Who may compute, which is the label; always 1.",
        Of::Gpus(|gpu, samples| {
            if let Ok(mode) = gpu.slow.compute_mode {
                samples.push(&[&words::compute_mode(mode)], 1.0);
            }
        }),
    )
    .with(&["mode"])
    .from("`nvmlDeviceGetComputeMode`")
    .dcgm("DCGM_FI_DEV_COMPUTE_MODE"),
    Metric::gauge("nvsmi_gpu_vgpu_licensed", "", "1 if a feature of a virtual GPU is licensed.", |gpu| gpu.slow.vgpu_licensed.map(flag))
        .from("`nvmlDeviceGetGridLicensableFeatures_v4`")
        .dcgm("DCGM_FI_DEV_VGPU_LICENSE_STATUS"),
];

fn ratio(percent: u32) -> f64 {
    f64::from(percent) / 100.0
}

fn thousandth(number: u32) -> f64 {
    f64::from(number) / 1000.0
}

fn hertz(megahertz: u32) -> f64 {
    f64::from(megahertz) * 1e6
}

/// What the GPU counts, in joules; what its draw adds up to if it does not count.
fn energy(gpu: &Gpu) -> Reading<f64> {
    match gpu.fast.energy_mj {
        Ok(counted) => Ok(wide(counted) / 1000.0),
        Err(Absence::NotSupported) => gpu.totals.drawn_uj.map(|drawn| wide(drawn) / 1e6),
        Err(why) => Err(why),
    }
}
