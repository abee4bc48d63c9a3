//! Who uses a GPU.

use serde::Deserialize;

use crate::value::Value;

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
    /// That of the clients of a multi-process service, which the server computes for.
    #[serde(rename = "M")]
    Shared,
}
