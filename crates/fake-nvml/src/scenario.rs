//! What a scenario file may say. The names of GPU facts are those of the golden files.
//!
//! Any number may move (see [`crate::value`]). A fact that is absent, or below zero where it is no temperature, is
//! answered with "not supported"; nothing is invented for it.
//!
//! A file is read again when it changes. Write the new one beside it and rename it over the old one: a reader never
//! sees half of it. A version that cannot be read changes nothing.

mod answer;
mod fault;
mod field;
mod gpu;
mod identity;
mod key;
mod process;

use std::fmt;
use std::ops::Range;

use serde::Deserialize;

pub(crate) use answer::{Answer, Answers, Item, List};
pub(crate) use fault::{Crash, Errors, Fault, Pattern, Place, Write};
pub(crate) use field::{Field, Metric};
pub(crate) use gpu::{Gpu, Mig};
pub(crate) use identity::PciAddress;
pub(crate) use key::{FieldKey, MetricId};
pub(crate) use process::{Kind, Process};

use crate::abi::Function;
use crate::code::{Done, FUNCTION_NOT_FOUND};
use identity::uuid;

/// A whole scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Scenario {
    /// What `nvmlSystemGetDriverVersion` tells.
    pub(crate) driver_version: String,
    /// What `nvmlSystemGetNVMLVersion` tells; `13.` and the driver's version unless given.
    pub(crate) nvml_version: Option<String>,
    /// 13000 is CUDA 13.0.
    pub(crate) cuda_version: i32,
    /// The return code of init.
    pub(crate) init: u32,
    /// How long init takes.
    pub(crate) init_latency_ms: u64,
    /// Init blocks until a scenario without this is read.
    pub(crate) init_hang: bool,
    /// The return code of both count functions.
    pub(crate) count_error: u32,
    /// What the count functions tell, if not the number of GPUs described. Handles got earlier stay valid.
    pub(crate) count: Option<u32>,
    /// Bytes of an entry that the `_v3` process lists write: 16, 24 or 32.
    pub(crate) process_layout: usize,
    /// What made-up identities are derived from.
    pub(crate) seed: u64,
    /// Where time 0 of moving values is.
    pub(crate) clock: Clock,
    /// Function to return code, for all GPUs; `"*"` is every function of a GPU.
    pub(crate) errors: Errors,
    /// What was captured of functions that concern no GPU.
    pub(crate) answers: Answers,
    /// Functions that the driver did not have, by any name: each answers "function not found". A program that looks for
    /// the symbol finds it all the same.
    pub(crate) missing: Vec<String>,
    /// What goes wrong in single calls.
    pub(crate) fault: Vec<Fault>,
    /// The GPUs, by index.
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
            fault: Vec::new(),
            gpu: Vec::new(),
        }
    }
}

/// Where time 0 of moving values is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Clock {
    /// When this process first called the library: a test knows what it will see.
    Load,
    /// When the machine started: all processes see the same values at the same time.
    Boot,
}

/// Why a scenario cannot be played, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Line and column, from 1.
    pub(crate) at: Option<(usize, usize)>,
    pub(crate) reason: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(formatter, "line {line}, column {column}: {}", self.reason),
            None => formatter.write_str(&self.reason),
        }
    }
}

impl Scenario {
    /// Reads a scenario and fills in what is derived.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        if text.trim().is_empty() {
            // It would play as a machine without GPUs, and it is what a file looks like that is just being written.
            return Err(Wrong { at: None, reason: "the file is empty".to_owned() });
        }
        let mut scenario: Self = toml::from_str(text).map_err(|error| Wrong {
            at: error.span().map(|span| position(text, &span)),
            reason: error.message().replace('\n', " "),
        })?;
        scenario.check().map_err(|reason| Wrong { at: None, reason })?;
        scenario.derive();
        Ok(scenario)
    }

    /// Whether the driver has a function.
    pub(crate) fn has(&self, function: Function) -> Done {
        let name = Function::NAMES[function as usize];
        if self.missing.iter().any(|missing| missing == name) { Err(FUNCTION_NOT_FOUND) } else { Ok(()) }
    }

    /// What the types cannot say.
    fn check(&self) -> Result<(), String> {
        if ![16, 24, 32].contains(&self.process_layout) {
            return Err(format!("`process_layout` is {}, and must be 16, 24 or 32", self.process_layout));
        }
        for (index, gpu) in self.gpu.iter().enumerate() {
            if gpu.name.is_some() && gpu.name_bytes.is_some() {
                return Err(format!("GPU {index} has both `name` and `name_bytes`"));
            }
            if gpu.pci_bus_id.as_deref().is_some_and(|id| PciAddress::parse(id).is_none()) {
                return Err(format!("GPU {index}: `pci_bus_id` must look like 00000000:18:00.0"));
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
            return Err(format!("a fault names GPU {}, which is not described", fault.gpu.unwrap_or_default()));
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

/// Line and column of a place in the text, both from 1.
fn position(text: &str, span: &Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests;
