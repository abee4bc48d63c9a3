//! State that one run of the agent keeps for the next, beside the history: events, since when each GPU is free, held or busy,
//! and the Xid errors that are held against it.

use serde::{Deserialize, Serialize};

use crate::{
    BootTime, Stamp,
    snapshot::{Event, Snapshot, UseVerdict},
};

/// Saved state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedState {
    pub(super) events: Vec<Event>,
    pub(super) uses: Vec<SavedUse>,
    pub(super) xids: Vec<SavedXids>,
}

/// Latched errors of a GPU, and the readings that show a reset since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedXids {
    pub(super) uuid: String,
    /// Numbers of Xid errors, with when each was last seen.
    pub(super) held: Vec<(u64, Stamp)>,
    pub(super) driver: Option<String>,
    pub(super) energy_mj: Option<u64>,
    pub(super) uncorrected: Option<u64>,
    pub(super) recovery_action: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedUse {
    pub(super) uuid: String,
    /// A MIG instance's.
    pub(super) is_instance: bool,
    pub(super) verdict: UseVerdict,
    pub(super) since: Stamp,
    pub(super) at_least: bool,
    /// When that was seen.
    pub(super) seen: BootTime,
}

impl SavedState {
    /// The same state with the events of a snapshot, unless that is from before the first sample and has none yet.
    #[must_use]
    pub fn with_events(self, snapshot: &Snapshot) -> Self {
        if snapshot.sequence == 0 { self } else { Self { events: snapshot.events.to_vec(), ..self } }
    }

    /// The state without parts that do not outlive a boot: the boot clock restarted, and so did every process.
    #[must_use]
    pub fn after_a_boot(self) -> Self {
        Self { uses: Vec::new(), xids: Vec::new(), ..self }
    }
}
