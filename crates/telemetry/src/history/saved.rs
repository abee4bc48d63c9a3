//! The past as it is kept in a file, GPU by GPU, so that no second copy of all of it is ever in memory.

use serde::{Deserialize, Serialize};

use super::{
    History, Past, moved,
    ring::{RingToSave, SavedRing},
    zero_of,
};
use crate::{BootTime, Stamp};

/// One GPU's past as it was kept.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SavedGpu {
    uuid: String,
    fine: Option<SavedRing>,
    coarse: Option<SavedRing>,
}

/// Its long steps, which earlier versions did not keep.
#[derive(Clone, Debug, PartialEq, Default, Deserialize)]
pub struct LongSteps {
    /// Unix time of the boot clock's zero, by which they were counted.
    zero_ms: i64,
    ring: Option<SavedRing>,
}

/// One GPU's past as it is kept, in the form of [`SavedGpu`] and then [`LongSteps`].
#[derive(Debug, Serialize)]
pub struct GpuToSave<'a> {
    uuid: &'a str,
    fine: Option<RingToSave<'a>>,
    coarse: Option<RingToSave<'a>>,
    zero_ms: i64,
    long: Option<RingToSave<'a>>,
}

impl History {
    /// One GPU's past, as it is kept; none if it has none.
    #[must_use]
    pub fn save(&self, uuid: &str) -> Option<GpuToSave<'_>> {
        let (uuid, past) = self.gpus.get_key_value(uuid)?;
        let now = self.now.boot.0;
        let zero_ms = self.zero_ms.unwrap_or(0);
        Some(GpuToSave {
            uuid,
            fine: past.fine.save(now),
            coarse: past.coarse.save(now),
            zero_ms,
            long: past.long.as_ref().and_then(|long| long.save(moved(now, zero_ms))),
        })
    }

    /// Takes in a past that was kept at one moment, at another: the host may have been booted meanwhile. What has
    /// steps of another length than are kept now is left.
    pub fn load(&mut self, (saved, long): &(SavedGpu, LongSteps), kept_at: Stamp, now: Stamp) {
        let zero_ms = self.zero_of_long(now);
        let past = self.gpus.entry(saved.uuid.clone()).or_insert_with(|| Past::new(self.depth));
        // By how much the boot clock's zero has moved.
        let moved_ms = i128::from(zero_of(kept_at)) - i128::from(zero_of(now));
        for (ring, saved) in [(&mut past.fine, &saved.fine), (&mut past.coarse, &saved.coarse)] {
            if let Some(saved) = saved {
                ring.load(saved, moved_ms, now.boot.0);
            }
        }
        if let (Some(ring), Some(saved)) = (&mut past.long, &long.ring) {
            let moved_ms = moved_ms - i128::from(long.zero_ms) + i128::from(zero_ms);
            ring.load(saved, moved_ms, moved(now.boot.0, zero_ms));
        }
        past.fill_long(zero_ms, now.boot);
        // A reading from before is not taken in again.
        past.read_at = BootTime(now.boot.0);
        if past.is_empty(now.boot.0, zero_ms) {
            // It left the host longer ago than is kept.
            self.gpus.remove(&saved.uuid);
        }
        self.now = now;
    }
}

impl Past {
    /// Takes the long steps after the last one from the coarse ones: a file of an earlier version has none, and one that
    /// was not over when the agent ended is in no file.
    fn fill_long(&mut self, zero_ms: i64, now: BootTime) {
        let Some((long, steps)) = self.long.as_mut().zip(self.coarse.over(now.0)) else { return };
        let readings = self.fine.in_one_of(&self.coarse);
        for step in steps {
            if let Ok(begin_ms) = u64::try_from(self.coarse.begin_of(step).saturating_add(zero_ms)) {
                long.put_many(begin_ms, &self.coarse.row(step, now.0), readings);
            }
        }
    }

    fn is_empty(&self, now_ms: u64, zero_ms: i64) -> bool {
        let long = self.long.as_ref().and_then(|long| long.over(moved(now_ms, zero_ms)));
        self.fine.over(now_ms).or_else(|| self.coarse.over(now_ms)).or(long).is_none()
    }
}
