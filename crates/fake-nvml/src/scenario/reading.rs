//! Readings by their path in the agent's API, in the units of the API. Words of the API are NVML's numbers here.
//!
//! The table is this crate's own knowledge of each reading's unit and source: it must not be generated from the
//! collector's, whose mistakes it would repeat.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Field, FieldKey, Gpu, Metric, MetricId};
use crate::value::Value;

/// Readings of a GPU: `readings = { "power.draw_watts" = 562.5 }`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Readings(BTreeMap<Path, Value>);

/// Path of a reading, as an index into [`TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Path(usize);

/// Key of the scenario that a reading is another name for.
enum Key {
    Fact(fn(&mut Gpu) -> &mut Option<Value>),
    Field(u32),
    Gpm(u32),
}

macro_rules! table {
    ($($path:literal = $kind:ident $key:tt $(* $factor:literal)?;)*) => {
        /// Path, key, and the number of the key's units in one unit of the API.
        const TABLE: &[(&str, Key, f64)] = &[$(($path, table!(@ $kind $key), 1.0 $(* $factor)?)),*];
    };
    (@ fact $key:ident) => { Key::Fact(|gpu| &mut gpu.$key) };
    (@ field $key:literal) => { Key::Field($key) };
    (@ gpm $key:literal) => { Key::Gpm($key) };
}

table! {
    "architecture" = fact architecture;
    "activity.graphics_ratio" = gpm 1 * 100.0;
    "activity.sm_ratio" = gpm 2 * 100.0;
    "activity.sm_occupancy_ratio" = gpm 3 * 100.0;
    "activity.tensor_ratio" = gpm 5 * 100.0;
    "activity.dram_ratio" = gpm 10 * 100.0;
    "activity.fp64_ratio" = gpm 11 * 100.0;
    "activity.fp32_ratio" = gpm 12 * 100.0;
    "activity.fp16_ratio" = gpm 13 * 100.0;
    "clocks.event_reasons" = fact clocks_event_reasons;
    "clocks.graphics_mhz" = fact graphics_clock_mhz;
    "clocks.max_graphics_mhz" = fact max_graphics_clock_mhz;
    "clocks.max_memory_mhz" = fact max_memory_clock_mhz;
    "clocks.max_sm_mhz" = fact max_sm_clock_mhz;
    "clocks.memory_mhz" = fact memory_clock_mhz;
    "clocks.power_throttled_seconds" = field 74 * 1e9;
    "clocks.sm_mhz" = fact sm_clock_mhz;
    "clocks.thermal_throttled_seconds" = field 75 * 1e9;
    "clocks.video_mhz" = fact video_clock_mhz;
    "ecc.aggregate_corrected" = fact ecc_aggregate_corrected;
    "ecc.aggregate_uncorrected" = fact ecc_aggregate_uncorrected;
    "ecc.enabled" = fact ecc_enabled;
    "ecc.volatile_corrected" = fact ecc_volatile_corrected;
    "ecc.volatile_uncorrected" = fact ecc_volatile_uncorrected;
    "fabric.health" = fact fabric_health;
    "fabric.state" = fact fabric_state;
    "fabric.status" = fact fabric_status;
    "memory.bar1_total_bytes" = fact bar1_total_bytes;
    "memory.bar1_used_bytes" = fact bar1_used_bytes;
    "memory.reserved_bytes" = fact memory_reserved_bytes;
    "memory.total_bytes" = fact memory_total_bytes;
    "memory.used_bytes" = fact memory_used_bytes;
    "minor_number" = fact minor_number;
    "modes.compute" = fact compute_mode;
    "modes.display_active" = fact display_active;
    "modes.mig" = fact mig_mode;
    "modes.persistence" = fact persistence;
    "modes.vgpu_licensed" = fact vgpu_licensed;
    "nvlink.errors" = fact nvlink_errors;
    "nvlink.links_active" = fact nvlinks;
    "nvlink.links_total" = fact nvlinks_total;
    "pcie.generation" = fact pcie_generation;
    "pcie.max_generation" = fact pcie_max_generation;
    "pcie.max_width" = fact pcie_max_width;
    "pcie.replays" = fact pcie_replays;
    "pcie.width" = fact pcie_width;
    "performance_state" = fact performance_state;
    "power.default_limit_watts" = fact default_limit_mw * 1000.0;
    "power.draw_watts" = fact power_mw * 1000.0;
    "power.energy_joules" = fact energy_mj * 1000.0;
    "power.enforced_limit_watts" = fact enforced_limit_mw * 1000.0;
    "power.limit_watts" = fact power_limit_mw * 1000.0;
    "recovery_action" = field 230;
    "remapped_rows.correctable" = fact remapped_correctable;
    "remapped_rows.failed" = fact remapped_failed;
    "remapped_rows.pending" = fact remapped_pending;
    "remapped_rows.uncorrectable" = fact remapped_uncorrectable;
    "temperature.gpu_celsius" = fact temperature_c;
    "temperature.margin_celsius" = fact margin_temperature_c;
    "temperature.memory_celsius" = fact memory_temperature_c;
    "temperature.shutdown_celsius" = fact shutdown_temperature_c;
    "temperature.slowdown_celsius" = fact slowdown_temperature_c;
    "utilization.decoder_percent" = fact decoder_percent;
    "utilization.encoder_percent" = fact encoder_percent;
    "utilization.gpu_percent" = fact utilization_percent;
    "utilization.jpeg_percent" = fact jpeg_percent;
    "utilization.memory_percent" = fact memory_utilization_percent;
    "utilization.ofa_percent" = fact ofa_percent;
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        let found = TABLE.iter().position(|(known, ..)| *known == path).map(Self);
        found.ok_or_else(|| {
            D::Error::custom(format!(
                "expected the path of a reading, got `{path}`; give a function's value under `answers`, as in \
                 answers = {{ nvmlDeviceGetModuleId = 3 }}"
            ))
        })
    }
}

impl Gpu {
    /// Moves `readings` to the keys that they are other names for. Fails if the scenario has both.
    pub(super) fn resolve_readings(&mut self) -> Result<(), String> {
        for (Path(index), value) in std::mem::take(&mut self.readings).0 {
            let (path, key, factor) = &TABLE[index];
            let value = value.scaled(*factor);
            let is_new = match key {
                Key::Fact(fact) => fact(self).replace(value).is_none(),
                Key::Field(id) => {
                    self.fields.insert(FieldKey { id: *id, scope: None }, Field::Value(value.rounded())).is_none()
                }
                Key::Gpm(id) => {
                    let metrics = self.gpm.get_or_insert_default();
                    metrics.insert(MetricId(*id), Metric::Value(value)).is_none()
                }
            };
            if !is_new {
                return Err(format!("`readings` has `{path}`, and another key gives the same value; remove one"));
            }
        }
        Ok(())
    }
}
