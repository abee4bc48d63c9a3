//! What one run of the agent keeps for the next, beside the history: events, since when each GPU is free, held or busy,
//! and the Xid errors that are held against it.

use serde::{Deserialize, Serialize};

use crate::{
    BootTime, Reading, Stamp,
    snapshot::{Event, Gpu, Snapshot, Usage, UseVerdict},
};

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub(super) events: Vec<Event>,
    pub(super) uses: Vec<KeptUse>,
    pub(super) faults: Vec<KeptFaults>,
}

/// What is held against a GPU, and what tells whether it was reset since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptFaults {
    pub(super) uuid: String,
    /// Numbers of Xid errors, with when each was last seen.
    pub(super) held: Vec<(u64, Stamp)>,
    pub(super) driver: Option<String>,
    pub(super) energy_mj: Option<u64>,
    pub(super) uncorrected: Option<u64>,
    pub(super) recovery_action: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptUse {
    pub(super) uuid: String,
    /// Of MIG.
    pub(super) is_instance: bool,
    pub(super) verdict: UseVerdict,
    pub(super) since: Stamp,
    pub(super) at_least: bool,
    /// When that was seen.
    pub(super) seen: BootTime,
}

impl Kept {
    /// What a snapshot tells.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let kept = |uuid: &Reading<String>, is_instance: bool, usage: &Usage| {
            let Usage { verdict, since, since_at_least: at_least, .. } = *usage;
            let uuid = uuid.clone().ok()?;
            Some(KeptUse { uuid, is_instance, verdict, since, at_least, seen: snapshot.at.boot })
        };
        let mut uses = Vec::new();
        for gpu in &snapshot.gpus {
            uses.extend(kept(&gpu.identity.uuid, false, &gpu.usage));
            uses.extend(gpu.mig.iter().flatten().filter_map(|mig| kept(&mig.sample.uuid, true, &mig.usage)));
        }
        let driver = snapshot.driver.as_ref().and_then(|driver| driver.driver_version.clone().ok());
        let faults = snapshot.gpus.iter().filter_map(|gpu| faults(gpu, driver.as_deref())).collect();
        Self { events: snapshot.events.to_vec(), uses, faults }
    }

    /// Without what does not outlive a boot: the boot clock began anew, and so did every process.
    #[must_use]
    pub fn after_a_boot(self) -> Self {
        Self { uses: Vec::new(), faults: Vec::new(), ..self }
    }
}

fn faults(gpu: &Gpu, driver: Option<&str>) -> Option<KeptFaults> {
    let uuid = gpu.identity.uuid.clone().ok().filter(|_| !gpu.xid.held.is_empty())?;
    Some(KeptFaults {
        uuid,
        held: gpu.xid.held.clone(),
        driver: driver.map(String::from),
        energy_mj: gpu.readings.power.energy_mj.ok(),
        uncorrected: gpu.readings.ecc.volatile_uncorrected.ok(),
        recovery_action: gpu.readings.state.recovery_action.ok(),
    })
}
