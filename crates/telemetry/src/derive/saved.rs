//! State that one run of the agent keeps for the next, beside the history: events, since when each GPU is free, held or busy,
//! and the Xid errors that are held against it.

use serde::{Deserialize, Serialize};

use crate::{
    BootTime, Reading, Stamp,
    snapshot::{Event, Gpu, Snapshot, Usage, UseVerdict},
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
    /// The state to save of a snapshot.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let kept = |uuid: &Reading<String>, is_instance: bool, usage: &Usage| {
            let Usage { verdict, since, since_at_least: at_least, .. } = *usage;
            let uuid = uuid.clone().ok()?;
            Some(SavedUse { uuid, is_instance, verdict, since, at_least, seen: snapshot.at.boot })
        };
        let mut uses = Vec::new();
        for gpu in &snapshot.gpus {
            uses.extend(kept(&gpu.identity.uuid, false, &gpu.usage));
            uses.extend(gpu.mig.iter().flatten().filter_map(|mig| kept(&mig.sample.uuid, true, &mig.usage)));
        }
        let driver = snapshot.driver.as_ref().and_then(|driver| driver.driver_version.clone().ok());
        let xids = snapshot.gpus.iter().filter_map(|gpu| xids(gpu, driver.as_deref())).collect();
        Self { events: snapshot.events.to_vec(), uses, xids }
    }

    /// The state without parts that do not outlive a boot: the boot clock restarted, and so did every process.
    #[must_use]
    pub fn after_a_boot(self) -> Self {
        Self { uses: Vec::new(), xids: Vec::new(), ..self }
    }
}

fn xids(gpu: &Gpu, driver: Option<&str>) -> Option<SavedXids> {
    let uuid = gpu.identity.uuid.clone().ok().filter(|_| !gpu.xid.held.is_empty())?;
    Some(SavedXids {
        uuid,
        held: gpu.xid.held.clone(),
        driver: driver.map(String::from),
        energy_mj: gpu.readings.power.energy_mj.ok(),
        uncorrected: gpu.readings.ecc.volatile_uncorrected.ok(),
        recovery_action: gpu.readings.state.recovery_action.ok(),
    })
}
