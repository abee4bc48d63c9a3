//! GPUs and MIG instances.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Answers, Errors, Field, FieldKey, Metric, MetricId, Process, Readings};
use crate::value::Value;

/// One GPU. Facts have the names of the golden files; a missing fact is "not supported".
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Gpu {
    pub(crate) name: Option<String>,
    /// Name as bytes, instead of `name`, for invalid UTF-8.
    pub(crate) name_bytes: Option<Vec<u8>>,
    /// Default: derived from seed and index.
    pub(crate) uuid: Option<String>,
    /// Such as `00000000:18:00.0`. Default: derived from the index.
    pub(crate) pci_bus_id: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) vbios_version: Option<String>,
    pub(crate) minor_number: Option<Value>,
    pub(crate) architecture: Option<Value>,
    pub(crate) compute_capability: Option<[i32; 2]>,

    pub(crate) fan_percent: Option<Value>,
    /// Speed of each fan. `fan_percent` alone means one fan.
    pub(crate) fan_speeds: Option<Vec<Value>>,
    pub(crate) temperature_c: Option<Value>,
    pub(crate) memory_temperature_c: Option<Value>,
    pub(crate) slowdown_temperature_c: Option<Value>,
    /// Margin to the slowdown threshold; may be negative.
    pub(crate) margin_temperature_c: Option<Value>,
    pub(crate) shutdown_temperature_c: Option<Value>,

    pub(crate) power_mw: Option<Value>,
    pub(crate) power_limit_mw: Option<Value>,
    pub(crate) enforced_limit_mw: Option<Value>,
    pub(crate) default_limit_mw: Option<Value>,
    pub(crate) min_limit_mw: Option<Value>,
    pub(crate) max_limit_mw: Option<Value>,
    pub(crate) energy_mj: Option<Value>,

    pub(crate) utilization_percent: Option<Value>,
    /// Default: 0 if `utilization_percent` is given.
    pub(crate) memory_utilization_percent: Option<Value>,
    pub(crate) encoder_percent: Option<Value>,
    pub(crate) decoder_percent: Option<Value>,
    pub(crate) jpeg_percent: Option<Value>,
    pub(crate) ofa_percent: Option<Value>,

    pub(crate) memory_total_bytes: Option<Value>,
    /// Used memory without the reserved memory, as in version 2 of the function. Version 1 returns the sum.
    pub(crate) memory_used_bytes: Option<Value>,
    /// Default: 0.
    pub(crate) memory_reserved_bytes: Option<Value>,
    pub(crate) bar1_total_bytes: Option<Value>,
    pub(crate) bar1_used_bytes: Option<Value>,

    pub(crate) graphics_clock_mhz: Option<Value>,
    pub(crate) sm_clock_mhz: Option<Value>,
    pub(crate) memory_clock_mhz: Option<Value>,
    pub(crate) video_clock_mhz: Option<Value>,
    pub(crate) max_graphics_clock_mhz: Option<Value>,
    pub(crate) max_sm_clock_mhz: Option<Value>,
    pub(crate) max_memory_clock_mhz: Option<Value>,
    pub(crate) max_video_clock_mhz: Option<Value>,
    /// A bit mask.
    pub(crate) clocks_event_reasons: Option<Value>,
    pub(crate) performance_state: Option<Value>,

    pub(crate) pcie_generation: Option<Value>,
    pub(crate) pcie_width: Option<Value>,
    pub(crate) pcie_max_generation: Option<Value>,
    pub(crate) pcie_max_width: Option<Value>,
    pub(crate) pcie_tx_kib_per_s: Option<Value>,
    pub(crate) pcie_rx_kib_per_s: Option<Value>,
    pub(crate) pcie_replays: Option<Value>,
    /// True if the byte counters, fields 197 and 198, have 32 bits and wrap around.
    pub(crate) pcie_counters_wrap: bool,

    /// Number of active links.
    pub(crate) nvlinks: Option<Value>,
    /// Number of links. Default: the active ones.
    pub(crate) nvlinks_total: Option<Value>,
    /// Errors of all links, reported as replays of the first link by function and field.
    pub(crate) nvlink_errors: Option<Value>,
    pub(crate) fabric_state: Option<Value>,
    /// Return code of the fabric registration.
    pub(crate) fabric_status: Option<Value>,
    /// Summary of the fabric's health: 1 healthy, 2 unhealthy, 3 limited capacity.
    pub(crate) fabric_health: Option<Value>,
    /// `NVML_GPU_FABRIC_HEALTH_MASK_*`: bits 0 and 1 are 1 for degraded bandwidth and 2 for none, and so on.
    pub(crate) fabric_health_mask: Option<Value>,

    pub(crate) ecc_enabled: Option<Value>,
    pub(crate) ecc_volatile_corrected: Option<Value>,
    pub(crate) ecc_volatile_uncorrected: Option<Value>,
    pub(crate) ecc_aggregate_corrected: Option<Value>,
    pub(crate) ecc_aggregate_uncorrected: Option<Value>,
    pub(crate) remapped_correctable: Option<Value>,
    pub(crate) remapped_uncorrectable: Option<Value>,
    pub(crate) remapped_pending: Option<Value>,
    pub(crate) remapped_failed: Option<Value>,

    pub(crate) persistence: Option<Value>,
    pub(crate) compute_mode: Option<Value>,
    pub(crate) mig_mode: Option<Value>,
    pub(crate) display_active: Option<Value>,
    /// True if the only licensable feature is licensed. Without the key no feature can be licensed.
    pub(crate) vgpu_licensed: Option<Value>,

    /// Values by path in the agent's API, in its units: `{ "power.draw_watts" = 562.5 }` is `power_mw = 562500`.
    pub(crate) readings: Readings,
    /// Values by GPM metric id. A GPU without this table does not support GPM.
    pub(crate) gpm: Option<BTreeMap<MetricId, Metric>>,
    /// Values by field id, with priority over the fact of an equivalent function. An NVLink throughput (138 to 141) is
    /// the sum of all links; a key `id:link` sets one link.
    pub(crate) fields: BTreeMap<FieldKey, Field>,
    /// MIG instances, by index.
    pub(crate) mig: Vec<Mig>,
    /// Future Xid events. A GPU without this list does not support events.
    pub(crate) xids: Option<Vec<Xid>>,
    /// Return codes by function, for this GPU without its MIG instances; `"*"` is every function of a GPU. A field that
    /// equals the function fails with the same code.
    pub(crate) errors: Errors,
    /// Results by function, with priority over facts: `{ nvmlDeviceGetModuleId = 3 }`. They do not change fields.
    pub(crate) answers: Answers,
    /// Processes on the GPU.
    pub(crate) process: Vec<Process>,
}

impl Gpu {
    /// Index of each MIG instance among the possible ones.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.mig.iter().scan(0, |next, mig| {
            let place = mig.place.unwrap_or(*next);
            *next = place + 1;
            Some(place)
        })
    }
}

/// A MIG instance.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mig {
    #[serde(default)]
    pub(crate) gpu_instance: u32,
    #[serde(default)]
    pub(crate) compute_instance: u32,
    /// Such as `1g.5gb`.
    #[serde(default)]
    pub(crate) profile: String,
    /// Index among the possible instances. Default: one more than the previous instance.
    pub(crate) place: Option<usize>,
    /// Default: derived from seed and index.
    pub(crate) uuid: Option<String>,
    pub(crate) memory_total_bytes: Option<Value>,
    pub(crate) memory_used_bytes: Option<Value>,
    pub(crate) memory_reserved_bytes: Option<Value>,
    pub(crate) bar1_total_bytes: Option<Value>,
    pub(crate) bar1_used_bytes: Option<Value>,
    pub(crate) multiprocessors: Option<Value>,
    /// Values by GPM metric id of the GPU instance; the first instance's table counts if several share one. An instance
    /// without this table has no samples.
    pub(crate) gpm: Option<BTreeMap<MetricId, Metric>>,
    /// Return codes by function, for this instance.
    #[serde(default)]
    pub(crate) errors: Errors,
    /// Results by function, for this instance.
    #[serde(default)]
    pub(crate) answers: Answers,
}

/// Future Xid event.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Xid {
    /// Delay in seconds after the first version of the scenario that contains it was read.
    pub(crate) after_s: f64,
    pub(crate) code: u64,
    /// GPU to whose event sets it is delivered, by index. Default: its own.
    pub(crate) heard_by: Option<usize>,
}
