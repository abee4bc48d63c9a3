//! Processes on a GPU.

use serde::Deserialize;

use crate::value::Value;

/// One or several rows in the process lists of a GPU.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Process {
    pub(crate) pid: Option<u32>,
    /// Part of a command line: every process of this machine with it, except the caller.
    pub(crate) command: Option<String>,
    /// Maximum number of processes that `command` finds.
    #[serde(default = "default_limit")]
    pub(crate) limit: usize,
    /// First PID of `count` rows with consecutive PIDs.
    pub(crate) first_pid: Option<u32>,
    pub(crate) count: Option<u32>,
    #[serde(rename = "type", default)]
    pub(crate) kind: Kind,
    /// Memory in use. Default: unknown (all ones).
    pub(crate) memory_bytes: Option<Value>,
    #[serde(default = "no_instance")]
    pub(crate) gpu_instance: u32,
    #[serde(default = "no_instance")]
    pub(crate) compute_instance: u32,
    /// SM utilization. A process without it has no utilization sample.
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

/// Lists that contain a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Kind {
    #[default]
    #[serde(rename = "C")]
    Compute,
    #[serde(rename = "G")]
    Graphics,
    #[serde(rename = "C+G")]
    Both,
    /// List of the clients of the Multi-Process Service (MPS).
    #[serde(rename = "M")]
    Mps,
}
