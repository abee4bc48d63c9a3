//! Scenario files. The names of GPU facts are those of the golden files.
//!
//! Any number may change with time (see [`crate::value`]). A missing fact, or a negative one other than a temperature,
//! is "not supported".
//!
//! There are four ways to set the value of a call. They are listed by rising priority:
//!
//! 1. A fact of the GPU, such as `energy_mj = 5000`, sets every function and field that returns it.
//! 2. `readings = { "power.energy_joules" = 5 }` is another name for the same fact, in the units of the agent's API.
//! 3. `answers = { nvmlDeviceGetTotalEnergyConsumption = 5000 }` sets one function, including functions without a fact,
//!    and `fields = { 83 = 5000 }` sets one field.
//! 4. `errors = { nvmlDeviceGetTotalEnergyConsumption = 3 }` fails the function and the fields that equal it, except
//!    those in `fields`. `answers = { … = { code = 3 } }` fails the function alone, `fields = { 83 = { code = 3 } }` the
//!    field alone.
//!
//! A file is reloaded when it changes. Write the new version to another file and rename it over the old one, so that no
//! half-written file is read. An invalid version is reported and ignored.

mod answer;
mod fault;
mod field;
mod gpu;
mod identity;
mod key;
mod process;
mod reading;

use std::fmt;
use std::ops::Range;

use serde::Deserialize;

pub(crate) use answer::{Answer, Answers, Item, List};
pub(crate) use fault::{Crash, Destination, Errors, Fault, Pattern, Write};
pub(crate) use field::{Field, Metric};
pub(crate) use gpu::{Gpu, Mig, Xid};
pub(crate) use identity::PciAddress;
pub(crate) use key::{FieldKey, MetricId};
pub(crate) use process::{Kind, Process};
pub(crate) use reading::Readings;

use crate::code::{FUNCTION_NOT_FOUND, Outcome};
use crate::function::Function;
use identity::uuid;

/// A whole scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Scenario {
    /// Result of `nvmlSystemGetDriverVersion`.
    pub(crate) driver_version: String,
    /// Result of `nvmlSystemGetNVMLVersion`. Default: `13.` and the driver's version.
    pub(crate) nvml_version: Option<String>,
    /// CUDA version; 13000 is 13.0.
    pub(crate) cuda_version: i32,
    /// Return code of init.
    pub(crate) init: u32,
    /// Duration of init.
    pub(crate) init_latency_ms: u64,
    /// Makes init block until a version without this is read.
    pub(crate) init_hang: bool,
    /// Return code of both count functions.
    pub(crate) count_error: u32,
    /// Result of the count functions. Default: the number of GPUs described. Existing handles stay valid.
    pub(crate) count: Option<u32>,
    /// Bytes per entry of the `_v3` process lists: 16, 24 or 32.
    pub(crate) process_layout: usize,
    /// Seed of generated UUIDs.
    pub(crate) seed: u64,
    /// Time 0 of changing values.
    pub(crate) clock: Clock,
    /// Return codes by function, for all GPUs; `"*"` is every function of a GPU.
    pub(crate) errors: Errors,
    /// Results by function, for functions that concern no GPU.
    pub(crate) answers: Answers,
    /// Functions that return "function not found", although the library exports their symbols. Unknown names are
    /// allowed.
    pub(crate) missing: Vec<String>,
    /// True if fields that equal a function, such as 83 (energy) and 187 to 192 (power limits), have its value. False
    /// makes them "not supported", unless they are in `fields`.
    pub(crate) field_equivalents: bool,
    /// Maximum number of fields per call; a call with more returns "invalid argument". Default: none.
    pub(crate) max_fields: Option<usize>,
    /// Faults of single calls.
    pub(crate) fault: Vec<Fault>,
    /// GPUs by index.
    pub(crate) gpu: Vec<Gpu>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            driver_version: "580.95.05".to_owned(),
            nvml_version: None,
            cuda_version: 13_000,
            init: 0,
            init_latency_ms: 0,
            init_hang: false,
            count_error: 0,
            count: None,
            process_layout: 24,
            seed: 0,
            clock: Clock::Load,
            errors: Errors::default(),
            answers: Answers::default(),
            missing: Vec::new(),
            field_equivalents: true,
            max_fields: None,
            fault: Vec::new(),
            gpu: Vec::new(),
        }
    }
}

/// Time 0 of changing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Clock {
    /// First call of the library in this process, so that a test knows the values.
    Load,
    /// Boot of the machine, so that all processes see the same values at the same time.
    Boot,
}

/// Mistake in a scenario.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScenarioError {
    /// Line and column, from 1.
    pub(crate) at: Option<(usize, usize)>,
    pub(crate) reason: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(formatter, "line {line}, column {column}: {}", self.reason),
            None => formatter.write_str(&self.reason),
        }
    }
}

impl Scenario {
    /// Parses a scenario and fills in derived values.
    pub(crate) fn parse(text: &str) -> Result<Self, ScenarioError> {
        if text.trim().is_empty() {
            // An empty file would describe a machine without GPUs, but most likely it is still being written.
            return Err(ScenarioError { at: None, reason: "the file is empty".to_owned() });
        }
        let mut scenario: Self = toml::from_str(text).map_err(|error| ScenarioError {
            at: error.span().map(|span| position(text, &span)),
            reason: error.message().replace('\n', " "),
        })?;
        scenario.check().map_err(|reason| ScenarioError { at: None, reason })?;
        for (index, gpu) in scenario.gpu.iter_mut().enumerate() {
            let resolved = gpu.resolve_readings();
            resolved.map_err(|reason| ScenarioError { at: None, reason: format!("GPU {index}: {reason}") })?;
        }
        scenario.derive();
        Ok(scenario)
    }

    /// Fails with "function not found" if the driver lacks a function.
    pub(crate) fn has(&self, function: Function) -> Outcome {
        let name = Function::NAMES[function as usize];
        if self.missing.iter().any(|missing| missing == name) { Err(FUNCTION_NOT_FOUND) } else { Ok(()) }
    }

    /// Checks for mistakes that the types do not prevent.
    fn check(&self) -> Result<(), String> {
        if ![16, 24, 32].contains(&self.process_layout) {
            return Err(format!("expected `process_layout` to be 16, 24 or 32, got {}", self.process_layout));
        }
        for (index, gpu) in self.gpu.iter().enumerate() {
            if gpu.name.is_some() && gpu.name_bytes.is_some() {
                return Err(format!("GPU {index} has both `name` and `name_bytes`; remove one"));
            }
            if gpu.pci_bus_id.as_deref().is_some_and(|id| PciAddress::parse(id).is_none()) {
                return Err(format!("GPU {index}: expected a `pci_bus_id` such as 00000000:18:00.0"));
            }
            for process in &gpu.process {
                let named = (process.pid.is_some(), process.command.is_some(), process.first_pid.is_some());
                let counted = process.count.is_some() == process.first_pid.is_some();
                if !counted || !matches!(named, (true, false, false) | (false, true, false) | (false, false, true)) {
                    return Err(format!("GPU {index}: a process needs `pid`, `command`, or `first_pid` with `count`"));
                }
            }
        }
        if let Some(fault) = self.fault.iter().find(|fault| fault.gpu.is_some_and(|gpu| gpu >= self.gpu.len())) {
            return Err(format!("a fault concerns GPU {}, which is not described", fault.gpu.unwrap_or_default()));
        }
        Ok(())
    }

    fn derive(&mut self) {
        if self.nvml_version.is_none() {
            self.nvml_version = Some(format!("13.{}", self.driver_version));
        }
        for (index, gpu) in (0_u32..).zip(&mut self.gpu) {
            gpu.uuid.get_or_insert_with(|| format!("GPU-{}", uuid(self.seed, index, u32::MAX)));
            gpu.pci_bus_id
                .get_or_insert_with(|| PciAddress { domain: 0, bus: 0x18 + index * 8, device: 0 }.to_string());
            for (place, mig) in (0_u32..).zip(&mut gpu.mig) {
                mig.uuid.get_or_insert_with(|| format!("MIG-{}", uuid(self.seed, index, place)));
            }
        }
    }
}

/// Line and column of a span's start, both from 1.
fn position(text: &str, span: &Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests;
