//! Find: the devices that fit a request, on one host or over many, and the hosts that nearly fit.
//!
//! A device is a GPU or a MIG instance. A device is offered if it is free (or held, on request), healthy, unclaimed and
//! read on time, and has a UUID of its own. A warning is not healthy: work on such a GPU is slow, or a reset is
//! due, and a scheduler that asks for a device cannot see that.
//!
//! Each host has one choice at most, its best. Choices are sorted by, in this order:
//! 1. hosts whose health is judged before others;
//! 2. fewer held devices;
//! 3. smaller devices, by total memory in GiB, since drivers report different parts of one size;
//! 4. hosts that are in use already: a host that is entirely free is kept whole, unless all of it is needed;
//! 5. fewer devices of the host that fit and are left over;
//! 6. the order of the hosts.

mod answer;
mod search;

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::{
    derive::identity::is_blank,
    snapshot::{Severity, UseVerdict},
};

pub use answer::{Answer, Choice, Lack, Missing, NearHost, Offer};
pub use search::{Index, find};

/// Longest UUID in bytes.
const MAX_UUID: usize = 96;

/// A request for devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Number of devices, all on one host.
    pub count: usize,
    /// Least free memory of each device, in bytes; none if it does not matter.
    pub memory_bytes: Option<u64>,
    /// Part of the product name, ignoring case.
    pub model: Option<String>,
    /// MIG instances; none for whole GPUs that are not in MIG mode.
    pub mig: Option<Profile>,
    /// Devices that are held are offered too.
    pub held: bool,
    /// Labels that the host must have, with their values.
    pub labels: Vec<(String, String)>,
    /// Most choices.
    pub limit: usize,
}

impl Default for Request {
    fn default() -> Self {
        Self { count: 1, memory_bytes: None, model: None, mig: None, held: false, labels: Vec::new(), limit: 20 }
    }
}

/// Profile of the MIG instances that are requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Any profile.
    Any,
    /// This profile, ignoring case.
    Named(String),
}

/// A host with its devices.
#[derive(Clone, Debug)]
pub struct Host<'a> {
    /// Name.
    pub name: &'a str,
    /// Labels.
    pub labels: &'a BTreeMap<Box<str>, Box<str>>,
    /// GPUs and MIG instances.
    pub devices: &'a [Device],
    /// True if its newest report is at most three intervals old. Otherwise nothing of it is offered.
    pub is_current: bool,
    /// True if its source does not judge health, as the original's: other hosts are offered before it.
    pub comes_last: bool,
}

/// A GPU or a MIG instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// NVML's index of the GPU.
    pub index: u32,
    /// UUID; none if it cannot name the device.
    pub uuid: Option<Uuid>,
    /// Product name of the GPU.
    pub name: Option<Box<str>>,
    /// Kind.
    pub kind: Kind,
    /// Total memory in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Free memory in bytes.
    pub memory_free_bytes: Option<u64>,
    /// Use.
    pub r#use: UseVerdict,
    /// Health of the GPU; none if it is unknown: then it is not offered, unless its host comes last.
    pub health: Option<Severity>,
    /// True if somebody has claimed it.
    pub is_claimed: bool,
    /// True if the GPU's state is `ok`, or the source has no such state.
    pub is_current: bool,
}

impl Device {
    /// Use of a device for a search: if the compute mode is prohibited, nobody can have it, also not as a held one.
    #[must_use]
    pub const fn usable(r#use: UseVerdict, is_prohibited: bool) -> UseVerdict {
        match r#use {
            UseVerdict::Free | UseVerdict::Held if is_prohibited => UseVerdict::Busy,
            other => other,
        }
    }
}

/// Kind of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A GPU that is not in MIG mode.
    Gpu,
    /// A GPU in MIG mode, or whose mode is not known. It is never offered as a whole.
    MigGpu,
    /// A MIG instance with its profile, if that is known.
    Instance(Option<Box<str>>),
}

/// UUID of a device in the form that `CUDA_VISIBLE_DEVICES` accepts, and that needs no quotes in a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uuid {
    text: Box<str>,
    /// Hash of the text, for a comparison of all devices of a fleet.
    hash: u64,
}

impl Uuid {
    /// UUID; none if the text is none, such as a blank one, an index or something with a comma.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/' | b'.' | b'_');
        let is_named = ["GPU-", "MIG-"].iter().any(|prefix| text.len() > prefix.len() && text.starts_with(prefix));
        let is_uuid = is_named && text.len() <= MAX_UUID && text.bytes().all(is_plain);
        if !is_uuid || is_blank(text.trim_start_matches("MIG-")) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Some(Self { text: text.into(), hash: hasher.finish() })
    }

    /// Text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
