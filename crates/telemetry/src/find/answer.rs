//! Answers to requests for devices.

use std::borrow::Cow;

use serde::Serialize;
use strum::{IntoStaticStr, VariantNames};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer<'a> {
    /// Version of the format.
    pub schema: u32,
    /// True if there is a choice.
    pub found: bool,
    /// The choices, the best first.
    pub choices: Vec<Choice<'a>>,
    /// If there is no choice, the three hosts that nearly have one, the nearest first.
    pub nearest: Vec<NearHost<'a>>,
}

/// Devices of one host, as many as requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice<'a> {
    /// Name of the host.
    pub host: &'a str,
    /// The devices, in the order of their indices.
    pub devices: Vec<Offer<'a>>,
    /// Their UUIDs, for the variable of this name.
    pub cuda_visible_devices: String,
    /// Command that opens a shell on the host. The search leaves it to its caller.
    pub command: Option<String>,
}

/// A device in a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offer<'a> {
    /// NVML's index of the GPU.
    pub index: u32,
    /// UUID of the GPU or the MIG instance.
    pub uuid: &'a str,
    /// Product name; for a MIG instance, as NVML writes it, with the profile.
    pub name: Option<Cow<'a, str>>,
    /// Free memory in bytes.
    pub memory_free_bytes: Option<u64>,
}

/// A host that nearly has a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearHost<'a> {
    /// Name of the host.
    pub host: &'a str,
    /// Number of devices that fit.
    pub fitting: usize,
    /// Reasons why the others do not fit. Each device counts once.
    pub missing: Vec<Missing>,
}

/// Reason why devices of a host do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Reason.
    pub what: Lack,
    /// Number of devices for which it is the first.
    pub devices: usize,
}

/// Reason why a device does not fit. A device counts for the first of these, except `count`: what waiting does not change is before
/// what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Lack {
    /// The host has fewer devices than requested; `devices` is the difference.
    Count,
    /// It is another model, or an instance of another profile, or a GPU in MIG mode.
    Model,
    /// It was not read on time, its use is unknown, or it has no UUID of its own.
    Stale,
    /// It is not healthy.
    Health,
    /// Somebody has it: it is busy, or held where only free devices are requested.
    Held,
    /// Somebody has claimed it.
    Claimed,
    /// It has too little memory; of devices that somebody has, only if it is too little in total.
    Memory,
}

impl Lack {
    /// Number of words.
    pub(super) const COUNT: usize = Self::VARIANTS.len();
    /// All of them.
    pub(super) const ALL: [Self; Self::COUNT] =
        [Self::Count, Self::Model, Self::Stale, Self::Health, Self::Held, Self::Claimed, Self::Memory];
}
