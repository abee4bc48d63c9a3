//! Soft claims: who says of which device that it is theirs, and until when. Nothing enforces a claim.
//!
//! [`Claims`] is a pure state machine with the time as an argument. Claims end by the boot clock, which no change of the date
//! moves; the wall clock counts only over a reboot.

mod saved;
mod state;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use crate::Stamp;

pub use saved::SavedClaims;
pub use state::{Claims, Limits, NotEnded, Refusal, Wanted};

/// Length of a claim without `--for`.
pub const DEFAULT_LENGTH: Duration = Duration::from_secs(4 * 3600);
/// Shortest claim.
pub const SHORTEST: Duration = Duration::from_secs(1);
/// Longest reason in characters.
pub const MAX_WHY: usize = 200;

/// A claim of one or several devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Number, counted up from 1 over restarts of the agent.
    pub number: u64,
    /// Kind.
    pub kind: ClaimKind,
    /// User ID on this host.
    pub uid: u32,
    /// Name of the account; the uid in digits if it has none.
    pub user: Box<str>,
    /// Process to which a claim of `run` belongs.
    pub process: Option<ClaimProcess>,
    /// Begin.
    pub since: Stamp,
    /// End; none for a claim that ends with its process.
    pub until: Option<Stamp>,
    /// Reason by the user, without characters that affect a terminal; may be empty.
    pub why: Box<str>,
    /// Devices.
    pub devices: Vec<ClaimedDevice>,
}

/// Kinds of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ClaimKind {
    /// For a time.
    Claim,
    /// As long as a process runs.
    Run,
}

impl ClaimKind {
    /// Word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// A process, so that another one with the same PID is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimProcess {
    /// PID in the agent's PID namespace.
    pub pid: u32,
    /// Start in clock ticks since boot: `/proc/PID/stat`, field 22. None if it could not be read, as with `hidepid`.
    pub started_ticks: Option<u64>,
}

/// A device that can be claimed, by UUIDs: indices change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClaimedDevice {
    /// Key of the GPU, or of the GPU that has the instance.
    pub gpu: Box<str>,
    /// UUID of the MIG instance; none for the whole GPU.
    pub instance: Option<Box<str>>,
}

impl ClaimedDevice {
    /// A whole GPU.
    #[must_use]
    pub fn gpu(key: &str) -> Self {
        Self { gpu: key.into(), instance: None }
    }

    /// A MIG instance.
    #[must_use]
    pub fn instance(gpu: &str, uuid: &str) -> Self {
        Self { gpu: gpu.into(), instance: Some(uuid.into()) }
    }

    /// Its own UUID.
    #[must_use]
    pub fn uuid(&self) -> &str {
        self.instance.as_deref().unwrap_or(&self.gpu)
    }

    /// True if the other one is this one or a part of it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.gpu == other.gpu && (self.instance.is_none() || self.instance == other.instance)
    }

    /// True if both cannot be used apart.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }
}

/// Claims of one moment, for readers in other threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimList(Arc<[Arc<Claim>]>);

impl ClaimList {
    /// All claims, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.0.iter()
    }

    /// The claim that covers a device: that of itself, else that of its GPU.
    #[must_use]
    pub fn of(&self, device: &ClaimedDevice) -> Option<&Arc<Claim>> {
        let exact = self.0.iter().find(|claim| claim.devices.contains(device));
        exact.or_else(|| self.0.iter().find(|claim| claim.devices.iter().any(|one| one.covers(device))))
    }
}

impl FromIterator<Arc<Claim>> for ClaimList {
    fn from_iter<I: IntoIterator<Item = Arc<Claim>>>(claims: I) -> Self {
        Self(claims.into_iter().collect())
    }
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
