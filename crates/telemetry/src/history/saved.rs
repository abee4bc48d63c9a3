//! The past as it is kept in a file, GPU by GPU, so that no second copy of all of it is ever in memory.

use serde::{Deserialize, Serialize};

use super::{History, Past, ring::SavedRing};
use crate::{BootTime, Stamp};

/// One GPU's past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedGpu {
    uuid: String,
    fine: Option<SavedRing>,
    coarse: Option<SavedRing>,
}

impl History {
    /// One GPU's past, as it is kept; none if it has none.
    #[must_use]
    pub fn save(&self, uuid: &str) -> Option<SavedGpu> {
        let past = self.gpus.get(uuid)?;
        let now = self.now.boot.0;
        Some(SavedGpu { uuid: uuid.into(), fine: past.fine.save(now), coarse: past.coarse.save(now) })
    }

    /// Takes in a past that was kept at one moment, at another: the host may have been booted meanwhile. What has
    /// steps of another length than are kept now is left.
    pub fn load(&mut self, saved: &SavedGpu, kept_at: Stamp, now: Stamp) {
        let past = self.gpus.entry(saved.uuid.clone()).or_insert_with(|| Past::new(self.depth));
        // By how much the boot clock's zero has moved.
        let zero = |at: Stamp| i128::from(at.unix_ms) - i128::from(at.boot.0);
        let moved_ms = zero(kept_at) - zero(now);
        for (ring, saved) in [(&mut past.fine, &saved.fine), (&mut past.coarse, &saved.coarse)] {
            if let Some(saved) = saved {
                ring.load(saved, moved_ms, now.boot.0);
            }
        }
        // A reading from before is not taken in again.
        past.read_at = BootTime(now.boot.0);
        if past.fine.first().is_none() && past.coarse.first().is_none() {
            // It left the host longer ago than is kept.
            self.gpus.remove(&saved.uuid);
        }
        self.now = now;
    }
}
