//! The fields of DCGM that are served: dcgm-exporter's default set, some more, and those that only its own file asks for.
//! Units are DCGM's, in its integers; a division cuts, as there.

use telemetry::{
    Absence, Reading,
    sample::Memory,
    snapshot::{Gpu, Snapshot},
};

use super::places::Place;
use crate::metrics::text::Kind;

/// One field.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The type that dcgm-exporter declares it as.
    pub(crate) kind: Kind,
    pub(crate) unit: &'static str,
    pub(crate) help: &'static str,
    pub(crate) set: Set,
    pub(super) value: fn(&Place<'_>) -> Reading<Number>,
}

/// When a field is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// It is in dcgm-exporter's default set.
    Default,
    /// It is not, and is served all the same.
    More,
    /// If a file asks for it.
    Asked,
}

/// A value as DCGM keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// A 64-bit integer.
    Whole(i64),
    /// A double.
    Real(f64),
}

/// A field that is a label of all others.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(super) value: fn(&Snapshot, &Gpu) -> Option<String>,
}

pub(super) const XID_ERRORS: &str = "DCGM_FI_DEV_XID_ERRORS";

const fn field(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    help: &'static str,
    value: fn(&Place<'_>) -> Reading<Number>,
) -> Field {
    Field { name, kind, unit, help, set: Set::Default, value }
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Place<'_>) -> Reading<Number>,
) -> Field {
    field(name, Kind::Gauge, unit, help, value)
}

const fn counter(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Place<'_>) -> Reading<Number>,
) -> Field {
    field(name, Kind::Counter, unit, help, value)
}

impl Field {
    const fn more(mut self) -> Self {
        self.set = Set::More;
        self
    }

    const fn asked(mut self) -> Self {
        self.set = Set::Asked;
        self
    }
}

/// In the order in which they are served.
pub(crate) const FIELDS: &[Field] = &[
    gauge("DCGM_FI_DEV_SM_CLOCK", "MHz", "SM clock", |place| whole(place.gpu.fast.sm_mhz)),
    gauge("DCGM_FI_DEV_MEM_CLOCK", "MHz", "Memory clock", |place| whole(place.gpu.fast.memory_mhz)),
    gauge("DCGM_FI_DEV_MEMORY_TEMP", "°C", "Temperature of the memory", |place| {
        whole(place.gpu.fast.memory_temperature_celsius)
    }),
    gauge("DCGM_FI_DEV_GPU_TEMP", "°C", "Temperature of the chip", |place| whole(place.gpu.fast.temperature_celsius)),
    gauge("DCGM_FI_DEV_POWER_USAGE", "W", "Power draw", |place| watts(place.gpu.fast.power_draw_mw)),
    counter("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "mJ", "Energy drawn since the driver was loaded", |place| {
        wide(place.gpu.fast.energy_mj)
    }),
    counter("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "", "Packets that had to be sent again over PCIe", |place| {
        whole(place.gpu.slow.pcie_replays)
    }),
    gauge("DCGM_FI_DEV_GPU_UTIL", "%", "Time in which a kernel ran", |place| {
        whole(place.gpu.fast.utilization.map(|utilization| utilization.gpu_percent))
    }),
    gauge("DCGM_FI_DEV_MEM_COPY_UTIL", "%", "Time in which memory was read or written", |place| {
        whole(place.gpu.fast.utilization.map(|utilization| utilization.memory_percent))
    }),
    gauge("DCGM_FI_DEV_ENC_UTIL", "%", "How busy the encoder is", |place| whole(place.gpu.fast.encoder_percent)),
    gauge("DCGM_FI_DEV_DEC_UTIL", "%", "How busy the decoder is", |place| whole(place.gpu.fast.decoder_percent)),
    gauge(XID_ERRORS, "", "The newest Xid error; 0 if there was none", |place| {
        // Whether anybody listens decides whether none was heard.
        place.gpu.xid.count?;
        wide(Ok(place.gpu.xid.last.map_or(0, |(code, _)| code)))
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
            let traffic = &place.gpu.traffic;
            let both = traffic.nvlink_tx_bytes_per_second?.checked_add(traffic.nvlink_rx_bytes_per_second?);
            // As DCGM works it out: NVML's KiB, divided by a thousand.
            wide(both.map(|bytes| bytes / 1024 / 1000).ok_or(Absence::Error))
        },
    ),
    gauge("DCGM_FI_DEV_VGPU_LICENSE_STATUS", "", "1 if a feature of a virtual GPU is licensed", |place| {
        whole(place.gpu.slow.vgpu_licensed)
    }),
    counter(
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
        "",
        "Rows replaced for errors that could not be corrected",
        |place| whole(place.gpu.slow.remapped_rows.map(|rows| rows.uncorrectable)),
    ),
    counter("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "", "Rows replaced for errors that could be corrected", |place| {
        whole(place.gpu.slow.remapped_rows.map(|rows| rows.correctable))
    }),
    gauge("DCGM_FI_DEV_ROW_REMAP_FAILURE", "", "1 if a row could not be replaced", |place| {
        whole(place.gpu.slow.remapped_rows.map(|rows| rows.failed))
    }),
    gauge("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "ratio", "How busy the graphics or compute engine is", |place| {
        active(place, place.gpu.activity.graphics_ratio)
    }),
    gauge("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "ratio", "How busy the tensor pipes are", |place| {
        active(place, place.gpu.activity.tensor_ratio)
    }),
    gauge("DCGM_FI_PROF_DRAM_ACTIVE", "ratio", "How much of the memory's bandwidth is used", |place| {
        active(place, place.gpu.activity.dram_ratio)
    }),
    gauge("DCGM_FI_PROF_PCIE_TX_BYTES", "B/s", "What is sent over PCIe", |place| {
        rate(place, place.gpu.traffic.pcie_tx_bytes_per_second)
    }),
    gauge("DCGM_FI_PROF_PCIE_RX_BYTES", "B/s", "What is received over PCIe", |place| {
        rate(place, place.gpu.traffic.pcie_rx_bytes_per_second)
    }),
    // Beyond the default set.
    gauge("DCGM_FI_PROF_SM_ACTIVE", "ratio", "Time in which SMs had work, over all SMs", |place| {
        active(place, place.gpu.activity.sm_ratio)
    })
    .more(),
    gauge("DCGM_FI_PROF_SM_OCCUPANCY", "ratio", "Warps on the SMs, of those that could be there", |place| {
        active(place, place.gpu.activity.sm_occupancy_ratio)
    })
    .more(),
    gauge("DCGM_FI_PROF_PIPE_FP64_ACTIVE", "ratio", "How busy the FP64 pipe is", |place| {
        active(place, place.gpu.activity.fp64_ratio)
    })
    .more(),
    gauge("DCGM_FI_PROF_PIPE_FP32_ACTIVE", "ratio", "How busy the FP32 pipe is", |place| {
        active(place, place.gpu.activity.fp32_ratio)
    })
    .more(),
    gauge("DCGM_FI_PROF_PIPE_FP16_ACTIVE", "ratio", "How busy the FP16 pipe is", |place| {
        active(place, place.gpu.activity.fp16_ratio)
    })
    .more(),
    counter("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "", "Corrected memory errors since the driver was loaded", |place| {
        wide(place.gpu.slow.ecc_volatile_corrected)
    })
    .more(),
    counter("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "", "Uncorrected memory errors since the driver was loaded", |place| {
        wide(place.gpu.slow.ecc_volatile_uncorrected)
    })
    .more(),
    counter("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "", "Corrected memory errors over the GPU's life", |place| {
        wide(place.gpu.slow.ecc_aggregate_corrected)
    })
    .more(),
    counter("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "", "Uncorrected memory errors over the GPU's life", |place| {
        wide(place.gpu.slow.ecc_aggregate_uncorrected)
    })
    .more(),
    counter("DCGM_FI_DEV_POWER_VIOLATION", "ns", "For how long the power limit has held the clocks down", |place| {
        wide(place.gpu.slow.power_throttled_ns)
    })
    .more(),
    counter("DCGM_FI_DEV_THERMAL_VIOLATION", "ns", "For how long heat has held the clocks down", |place| {
        wide(place.gpu.slow.thermal_throttled_ns)
    })
    .more(),
    gauge("DCGM_FI_DEV_FAN_SPEED", "%", "The fan's intended speed", |place| whole(place.gpu.fast.fan_percent)).more(),
    // If a file asks for them.
    gauge("DCGM_FI_DEV_FB_TOTAL", "MiB", "All memory", |place| mebibytes(place, |memory| Ok(memory.total_bytes)))
        .asked(),
    gauge("DCGM_FI_DEV_BAR1_TOTAL", "MiB", "The window through which the host writes", |place| {
        wide(place.gpu.slow.bar1.map(|bar1| bar1.total_bytes / MEBIBYTE))
    })
    .asked(),
    gauge("DCGM_FI_DEV_BAR1_USED", "MiB", "How much of that window is mapped", |place| {
        wide(place.gpu.slow.bar1.map(|bar1| bar1.used_bytes / MEBIBYTE))
    })
    .asked(),
    gauge("DCGM_FI_DEV_BAR1_FREE", "MiB", "How much of that window is not mapped", |place| {
        wide(place.gpu.slow.bar1.map(|bar1| bar1.total_bytes.saturating_sub(bar1.used_bytes) / MEBIBYTE))
    })
    .asked(),
    gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT", "W", "The power limit that was set", |place| {
        watts(place.gpu.fast.power_limit_mw)
    })
    .asked(),
    gauge("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "W", "The power limit in force", |place| {
        watts(place.gpu.slow.enforced_limit_mw)
    })
    .asked(),
    gauge("DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF", "W", "The power limit after a reset", |place| {
        watts(place.gpu.slow.default_limit_mw)
    })
    .asked(),
    gauge("DCGM_FI_DEV_SLOWDOWN_TEMP", "°C", "Where the chip slows down", |place| {
        whole(place.gpu.slow.slowdown_celsius)
    })
    .asked(),
    gauge("DCGM_FI_DEV_SHUTDOWN_TEMP", "°C", "Where the chip shuts down", |place| {
        whole(place.gpu.slow.shutdown_celsius)
    })
    .asked(),
    gauge("DCGM_FI_DEV_VIDEO_CLOCK", "MHz", "Video clock", |place| whole(place.gpu.fast.video_mhz)).asked(),
    gauge("DCGM_FI_DEV_MAX_SM_CLOCK", "MHz", "The highest SM clock", |place| whole(place.gpu.slow.max_sm_mhz)).asked(),
    gauge("DCGM_FI_DEV_MAX_MEM_CLOCK", "MHz", "The highest memory clock", |place| whole(place.gpu.slow.max_memory_mhz))
        .asked(),
    gauge("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "bits", "What holds the clocks down", |place| {
        wide(place.gpu.fast.event_reasons)
    })
    .asked(),
    gauge("DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "bits", "What holds the clocks down", |place| {
        wide(place.gpu.fast.event_reasons)
    })
    .asked(),
    gauge("DCGM_FI_DEV_PSTATE", "", "The performance state: 0 is the fastest", |place| {
        whole(place.gpu.fast.performance_state)
    })
    .asked(),
    gauge("DCGM_FI_DEV_PCIE_LINK_GEN", "", "The PCIe link's generation", |place| whole(place.gpu.slow.pcie_generation))
        .asked(),
    gauge("DCGM_FI_DEV_PCIE_LINK_WIDTH", "", "The PCIe link's lanes", |place| whole(place.gpu.slow.pcie_width)).asked(),
    gauge("DCGM_FI_DEV_PCIE_MAX_LINK_GEN", "", "The highest generation of the PCIe link", |place| {
        whole(place.gpu.slow.pcie_max_generation)
    })
    .asked(),
    gauge("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", "", "The most lanes of the PCIe link", |place| {
        whole(place.gpu.slow.pcie_max_width)
    })
    .asked(),
    gauge("DCGM_FI_DEV_ROW_REMAP_PENDING", "", "1 if a row waits for a reset to be replaced", |place| {
        whole(place.gpu.slow.remapped_rows.map(|rows| rows.pending))
    })
    .asked(),
    gauge("DCGM_FI_DEV_PERSISTENCE_MODE", "", "1 if the driver stays loaded without a client", |place| {
        whole(place.gpu.slow.persistence_mode)
    })
    .asked(),
    gauge("DCGM_FI_DEV_MIG_MODE", "", "1 if it is cut into MIG instances", |place| whole(place.gpu.slow.mig_mode))
        .asked(),
    gauge("DCGM_FI_DEV_COMPUTE_MODE", "", "Who may compute, by NVML's number", |place| {
        whole(place.gpu.slow.compute_mode)
    })
    .asked(),
    gauge("DCGM_FI_PROF_NVLINK_TX_BYTES", "B/s", "What is sent over NVLink", |place| {
        rate(place, place.gpu.traffic.nvlink_tx_bytes_per_second)
    })
    .asked(),
    gauge("DCGM_FI_PROF_NVLINK_RX_BYTES", "B/s", "What is received over NVLink", |place| {
        rate(place, place.gpu.traffic.nvlink_rx_bytes_per_second)
    })
    .asked(),
];

/// What may be a label of all others, in alphabetical order, as it is served; the first is one by default.
pub(super) const KNOWN: &[Known] = &[
    Known {
        name: "DCGM_FI_CUDA_DRIVER_VERSION",
        value: |snapshot, _| Some(snapshot.driver.as_ref()?.cuda_version.ok()?.to_string()),
    },
    Known { name: "DCGM_FI_DEV_MINOR_NUMBER", value: |_, gpu| Some(gpu.identity.minor_number.ok()?.to_string()) },
    Known { name: "DCGM_FI_DEV_NAME", value: |_, gpu| gpu.identity.name.clone().ok() },
    Known { name: "DCGM_FI_DEV_SERIAL", value: |_, gpu| gpu.identity.serial.clone().ok() },
    Known { name: "DCGM_FI_DEV_UUID", value: |_, gpu| gpu.identity.uuid.clone().ok() },
    Known { name: "DCGM_FI_DEV_VBIOS_VERSION", value: |_, gpu| gpu.identity.vbios_version.clone().ok() },
    Known { name: DRIVER_VERSION, value: |snapshot, _| snapshot.driver.as_ref()?.driver_version.clone().ok() },
    Known { name: "DCGM_FI_NVML_VERSION", value: |snapshot, _| snapshot.driver.as_ref()?.nvml_version.clone().ok() },
];

/// The one label of dcgm-exporter's default set.
pub(super) const DRIVER_VERSION: &str = "DCGM_FI_DRIVER_VERSION";

const MEBIBYTE: u64 = 1024 * 1024;

fn whole(reading: Reading<impl Into<i64>>) -> Reading<Number> {
    reading.map(|number| Number::Whole(number.into()))
}

fn wide(reading: Reading<u64>) -> Reading<Number> {
    i64::try_from(reading?).map(Number::Whole).map_err(|_| Absence::Error)
}

fn watts(reading: Reading<u32>) -> Reading<Number> {
    reading.map(|milliwatts| Number::Real(f64::from(milliwatts) / 1000.0))
}

/// A part of the memory: the instance's own. On unified memory there is none, since it is the host's.
fn mebibytes(place: &Place<'_>, part: impl Fn(&Memory) -> Reading<u64>) -> Reading<Number> {
    let memory = match place.mig {
        Some(mig) => mig.sample.memory?,
        None => place.gpu.fast.memory?,
    };
    if memory.unified {
        return Err(Absence::NotSupported);
    }
    wide(Ok(part(&memory)? / MEBIBYTE))
}

/// The whole GPU's activity is none of its instances'.
fn active(place: &Place<'_>, ratio: Reading<f64>) -> Reading<Number> {
    if place.mig.is_some() { Err(Absence::NotSupported) } else { ratio.map(Number::Real) }
}

/// Nor is its traffic.
fn rate(place: &Place<'_>, bytes: Reading<u64>) -> Reading<Number> {
    if place.mig.is_some() { Err(Absence::NotSupported) } else { wide(bytes) }
}
