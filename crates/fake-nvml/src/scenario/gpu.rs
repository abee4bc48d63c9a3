//! What a GPU is and tells.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Answers, Errors, Field, FieldKey, Metric, MetricId, Process};
use crate::value::Value;

/// One GPU.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Gpu {
    pub(crate) name: Option<String>,
    /// In place of `name`, for a name that is no UTF-8.
    pub(crate) name_bytes: Option<Vec<u8>>,
    /// Derived from seed and index unless given.
    pub(crate) uuid: Option<String>,
    /// Derived from the index unless given; as in `00000000:18:00.0`.
    pub(crate) pci_bus_id: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) vbios_version: Option<String>,
    pub(crate) minor_number: Option<Value>,
    pub(crate) architecture: Option<Value>,
    pub(crate) compute_capability: Option<[i32; 2]>,

    pub(crate) fan_percent: Option<Value>,
    /// One for each fan. `fan_percent` alone is one fan.
    pub(crate) fan_speeds: Option<Vec<Value>>,
    pub(crate) temperature_c: Option<Value>,
    pub(crate) memory_temperature_c: Option<Value>,
    pub(crate) slowdown_temperature_c: Option<Value>,
    /// How far it is from slowing down; may be below zero.
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
    /// 0 unless given, when `utilization_percent` is.
    pub(crate) memory_utilization_percent: Option<Value>,
    pub(crate) encoder_percent: Option<Value>,
    pub(crate) decoder_percent: Option<Value>,
    pub(crate) jpeg_percent: Option<Value>,
    pub(crate) ofa_percent: Option<Value>,

    pub(crate) memory_total_bytes: Option<Value>,
    /// As version 2 of the call tells it: without what is reserved. Version 1 tells the sum.
    pub(crate) memory_used_bytes: Option<Value>,
    /// 0 unless given.
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
    /// The counters of bytes, fields 197 and 198, have 32 bits and begin anew at their end.
    pub(crate) pcie_counters_wrap: bool,

    /// Links that are active.
    pub(crate) nvlinks: Option<Value>,
    /// Links that there are; those active unless given.
    pub(crate) nvlinks_total: Option<Value>,
    /// Errors of all links and kinds: told as replays of the first link, by its counter and by its field.
    pub(crate) nvlink_errors: Option<Value>,
    pub(crate) fabric_state: Option<Value>,
    /// A return code.
    pub(crate) fabric_status: Option<Value>,

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
    /// Whether the one feature that can be licensed is.
    pub(crate) vgpu_licensed: Option<Value>,

    /// GPM metric id to value. A GPU without this table does not support GPM.
    pub(crate) gpm: Option<BTreeMap<MetricId, Metric>>,
    /// Field id to value. A NVLink throughput (138 to 141) is that of all links together unless the key is `id:link`,
    /// which is that of the scope alone, whatever else is described.
    pub(crate) fields: BTreeMap<FieldKey, Field>,
    /// MIG instances, by index.
    pub(crate) mig: Vec<Mig>,
    /// Xid events to come. A GPU without this list does not support events; with an empty one it has none.
    pub(crate) xids: Option<Vec<Xid>>,
    /// Function to return code, for this GPU and not for its MIG instances; `"*"` is every function of a GPU.
    pub(crate) errors: Errors,
    /// What was captured of calls for this GPU.
    pub(crate) answers: Answers,
    /// Who uses the GPU.
    pub(crate) process: Vec<Process>,
}

impl Gpu {
    /// The place of each MIG instance.
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
    /// As in `1g.5gb`.
    #[serde(default)]
    pub(crate) profile: String,
    /// Its index among the places that instances can have; the one after the instance before unless given.
    pub(crate) place: Option<usize>,
    /// Derived from seed and place unless given.
    pub(crate) uuid: Option<String>,
    pub(crate) memory_total_bytes: Option<Value>,
    pub(crate) memory_used_bytes: Option<Value>,
    pub(crate) memory_reserved_bytes: Option<Value>,
    pub(crate) bar1_total_bytes: Option<Value>,
    pub(crate) bar1_used_bytes: Option<Value>,
    pub(crate) multiprocessors: Option<Value>,
    /// GPM metric id to value, of its GPU instance: where several are in one, the first's. An instance without this table
    /// gives no samples.
    pub(crate) gpm: Option<BTreeMap<MetricId, Metric>>,
    /// Function to return code, for this instance.
    #[serde(default)]
    pub(crate) errors: Errors,
    /// What was captured of calls for this instance.
    #[serde(default)]
    pub(crate) answers: Answers,
}

/// A critical Xid that will be reported.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Xid {
    /// Seconds after the scenario that first lists it was read.
    pub(crate) after_s: f64,
    pub(crate) code: u64,
}
