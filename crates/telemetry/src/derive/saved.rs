//! State that one run of the agent keeps for the next, beside the history: events, since when each GPU is free, held or
//! busy, the Xid errors that are held against it, and the GPUs themselves.

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
    /// Written [after](Self::earlier_gpus) the others, since earlier versions have none.
    #[serde(skip)]
    pub(super) gpus: Vec<EarlierGpu>,
}

/// A GPU that was read, so that a later run notices if it is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierGpu {
    /// Name under which its records are kept.
    pub(super) key: String,
    pub(super) index: u32,
    pub(super) name: Option<String>,
    pub(super) pci_bus_id: Option<String>,
    /// When it was last read, Unix time in milliseconds.
    pub(super) read_at_ms: u64,
    /// There was an event that it is missing.
    pub(super) is_reported: bool,
}

/// Latched errors of a GPU, and the readings that show a reset since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedXids {
    pub(super) uuid: String,
    /// Numbers of Xid errors, with when each was last seen.
    pub(super) held: Vec<(u64, Stamp)>,
    pub(super) signs: SavedSigns,
}

/// Readings that show a reset of a GPU since; none for what was not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedSigns {
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

    /// The GPUs that were read, which are saved apart from the rest.
    #[must_use]
    pub fn earlier_gpus(&self) -> &[EarlierGpu] {
        &self.gpus
    }

    /// The same state with these GPUs.
    #[must_use]
    pub fn with_earlier_gpus(self, gpus: Vec<EarlierGpu>) -> Self {
        Self { gpus, ..self }
    }

    /// The state without parts that do not outlive a boot: the boot clock restarted, and so did every process.
    #[must_use]
    pub fn after_a_boot(self) -> Self {
        Self { uses: Vec::new(), xids: Vec::new(), ..self }
    }
}
