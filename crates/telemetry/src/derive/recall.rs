//! What one run of the agent keeps for the next, beside the history: events, and since when each GPU is free, held or
//! busy.

use serde::{Deserialize, Serialize};

use crate::{
    BootTime, Reading, Stamp,
    snapshot::{Event, Snapshot, Usage, UseVerdict},
};

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub(super) events: Vec<Event>,
    pub(super) uses: Vec<KeptUse>,
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
        Self { events: snapshot.events.to_vec(), uses }
    }

    /// Without what does not outlive a boot: the boot clock began anew, and so did every process.
    #[must_use]
    pub fn after_a_boot(self) -> Self {
        Self { uses: Vec::new(), ..self }
    }
}
