//! What a scenario file may say. The names of GPU facts are those of the golden files.
//!
//! Any number may move (see [`crate::value`]). A fact that is absent, or below zero where it is no temperature, is
//! answered with "not supported"; nothing is invented for it.
//!
//! A file is read again when it changes. Write the new one beside it and rename it over the old one: a reader never
//! sees half of it. A version that cannot be read changes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::abi::Function;
use crate::value::{Value, scramble};

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

    /// Links that are active.
    pub(crate) nvlinks: Option<Value>,
    /// Links that there are; those active unless given.
    pub(crate) nvlinks_total: Option<Value>,
    /// Errors of all links together: the first counter of the first link tells them, and all others tell 0.
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
    pub(crate) gpm: Option<BTreeMap<MetricId, Value>>,
    /// Field id to value. A NVLink throughput (138 to 141) is that of all links together unless the key is `id:link`.
    pub(crate) fields: BTreeMap<FieldKey, Value>,
    /// MIG instances, by index.
    pub(crate) mig: Vec<Mig>,
    /// Xid events to come. A GPU without this list does not support events; with an empty one it has none.
    pub(crate) xids: Option<Vec<Xid>>,
    /// Function to return code, for this GPU and not for its MIG instances; `"*"` is every function of a GPU.
    pub(crate) errors: Errors,
    /// Who uses the GPU.
    pub(crate) process: Vec<Process>,
}

/// A MIG instance.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mig {
    pub(crate) gpu_instance: u32,
    pub(crate) compute_instance: u32,
    /// As in `1g.5gb`.
    pub(crate) profile: String,
    /// Derived from seed and place unless given.
    pub(crate) uuid: Option<String>,
    pub(crate) memory_total_bytes: Option<Value>,
    pub(crate) memory_used_bytes: Option<Value>,
    pub(crate) memory_reserved_bytes: Option<Value>,
    pub(crate) bar1_total_bytes: Option<Value>,
    pub(crate) bar1_used_bytes: Option<Value>,
    pub(crate) multiprocessors: Option<Value>,
    /// Function to return code, for this instance.
    #[serde(default)]
    pub(crate) errors: Errors,
}

/// A critical Xid that will be reported.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Xid {
    /// Seconds after the scenario that first lists it was read.
    pub(crate) after_s: f64,
    pub(crate) code: u64,
}

/// One row, or several, of a GPU's process lists.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Process {
    pub(crate) pid: Option<u32>,
    /// Every live process of this machine, but the caller, whose command line contains this.
    pub(crate) command: Option<String>,
    /// How many processes `command` may bring at most.
    #[serde(default = "default_limit")]
    pub(crate) limit: usize,
    /// With `count`, rows with consecutive PIDs from this on.
    pub(crate) first_pid: Option<u32>,
    pub(crate) count: Option<u32>,
    #[serde(rename = "type", default)]
    pub(crate) kind: Kind,
    /// "Not told" (all ones) unless given.
    pub(crate) memory_bytes: Option<Value>,
    #[serde(default = "no_instance")]
    pub(crate) gpu_instance: u32,
    #[serde(default = "no_instance")]
    pub(crate) compute_instance: u32,
    /// A process without this has no utilization sample.
    pub(crate) sm_percent: Option<Value>,
    pub(crate) memory_percent: Option<Value>,
    pub(crate) encoder_percent: Option<Value>,
    pub(crate) decoder_percent: Option<Value>,
}

fn default_limit() -> usize {
    64
}

fn no_instance() -> u32 {
    u32::MAX
}

/// Which lists name a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Kind {
    #[default]
    #[serde(rename = "C")]
    Compute,
    #[serde(rename = "G")]
    Graphics,
    #[serde(rename = "C+G")]
    Both,
}

/// What goes wrong in calls of one function. Faults are tried in their order in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// The exact exported name, or `"*"` for every function of a GPU.
    pub(crate) function: Pattern,
    /// The index of a GPU (and its MIG instances); all unless given.
    pub(crate) gpu: Option<usize>,
    pub(crate) code: Option<u32>,
    pub(crate) latency_ms: Option<Value>,
    /// Blocks until a scenario without a matching hang is read.
    #[serde(default)]
    pub(crate) hang: bool,
    /// Success, with absurd values.
    #[serde(default)]
    pub(crate) garbage: bool,
    pub(crate) crash: Option<Crash>,
    /// The whole process exits with this status.
    pub(crate) exit: Option<i32>,
    /// Bytes are written to where they do not belong.
    pub(crate) write: Option<Write>,
    /// A process list answers "insufficient size" this many times, each time as if one more entry had come up.
    pub(crate) insufficient_size_times: Option<u64>,
    /// Matching calls that go well first. Counted anew for each version of the scenario.
    #[serde(default)]
    pub(crate) after_calls: u64,
    /// How many matching calls go wrong then.
    pub(crate) times: Option<u64>,
}

/// What a call writes, and where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    pub(crate) to: Place,
    pub(crate) bytes: Vec<u8>,
    /// How often, one after the other.
    #[serde(default = "once")]
    pub(crate) repeat: u64,
}

fn once() -> u64 {
    1
}

/// A place that is not the library's to write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// Standard output, as a library does that prints what it has to say.
    Stdout,
    /// Every pipe of the process that is open for writing, but the standard ones: a stray descriptor.
    Pipes,
}

/// How a call brings the process down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Crash {
    /// A write to an address that is not mapped.
    Segv,
    /// `abort()`.
    Abort,
    /// The heap is overrun, and the allocator finds out.
    Heap,
    /// A panic inside this library, which it must answer with "unknown error".
    Panic,
}

/// A function, or all that concern a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pattern {
    Every,
    One(Function),
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name == "*" {
            return Ok(Self::Every);
        }
        Function::named(&name)
            .map(Self::One)
            .ok_or_else(|| D::Error::custom(format!("there is no exported function `{name}`")))
    }
}

/// Function to return code.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Errors(BTreeMap<Pattern, u32>);

impl Errors {
    /// The code for a function, its own before that of `"*"`. 0 is no error, and so takes a function out of `"*"`.
    pub(crate) fn of(&self, function: Function) -> Option<u32> {
        self.of_exactly(function).or_else(|| self.0.get(&Pattern::Every).copied())
    }

    /// The code for a function that is not one of a GPU, which `"*"` is not about.
    pub(crate) fn of_exactly(&self, function: Function) -> Option<u32> {
        self.0.get(&Pattern::One(function)).copied()
    }
}

/// A GPM metric's id; keys of TOML are strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MetricId(pub(crate) u32);

impl<'de> Deserialize<'de> for MetricId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        key.parse().map(Self).map_err(|_| D::Error::custom(format!("`{key}` is no metric id")))
    }
}

/// A field's id, and its scope (a link) if the value is for that alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FieldKey {
    pub(crate) id: u32,
    pub(crate) scope: Option<u32>,
}

impl<'de> Deserialize<'de> for FieldKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom(format!("`{key}` is no field id, nor `id:scope`"));
        let (id, scope) = match key.split_once(':') {
            Some((id, scope)) => (id, Some(scope.parse().map_err(|_| wrong())?)),
            None => (key.as_str(), None),
        };
        Ok(Self { id: id.parse().map_err(|_| wrong())?, scope })
    }
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

/// An identity in the form of a random UUID, the same for the same place in the same scenario.
fn uuid(seed: u64, gpu: u32, mig: u32) -> String {
    let high = scramble(seed ^ (u64::from(gpu) << 32 | u64::from(mig)));
    let low = scramble(high);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        (high & 0x0fff) | 0x4000,
        ((low >> 48) & 0x3fff) | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// Line and column of a place in the text, both from 1.
fn position(text: &str, span: &Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A PCI address, as the functions of NVML take and tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PciAddress {
    pub(crate) domain: u32,
    pub(crate) bus: u32,
    pub(crate) device: u32,
}

impl PciAddress {
    /// Reads `00000000:18:00.0`, with a domain of any length or none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = |part: &str| u32::from_str_radix(part, 16).ok();
        let (rest, device) = text.rsplit_once(':')?;
        let (domain, bus) = rest.split_once(':').unwrap_or(("0", rest));
        let device = device.split_once('.').map_or(device, |(device, _)| device);
        Some(Self { domain: hex(domain)?, bus: hex(bus)?, device: hex(device)? })
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08X}:{:02X}:{:02X}.0", self.domain, self.bus, self.device)
    }
}

#[cfg(test)]
mod tests;
