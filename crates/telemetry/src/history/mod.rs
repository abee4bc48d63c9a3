//! History: readings of each GPU over the last minutes in fine steps and over the last day in coarse ones, in
//! memory of a size that is known before.
//!
//! Time is the boot clock's, so that a wall clock that is set moves nothing. GPUs go by UUID.

pub mod metric;
mod question;
mod ring;
mod saved;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    BootTime, Stamp,
    snapshot::{CollectorState, Gpu, GpuState, Snapshot},
};

pub use question::{Answer, Question, Refusal, Series, Spread};
use ring::{Ring, Row};
pub use saved::SavedGpu;

/// Depth of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// A fine step: 1 s, or the interval between readings if that is longer.
    pub fine_step: Duration,
    /// For how long in fine steps.
    pub fine: Duration,
    /// A coarse step: 10 s, or the interval if that is longer.
    pub coarse_step: Duration,
    /// For how long in coarse steps.
    pub coarse: Duration,
}

impl Depth {
    /// Depth for readings at that interval.
    #[must_use]
    pub fn new(interval: Duration, fine: Duration, coarse: Duration) -> Self {
        Self {
            fine_step: interval.max(Duration::from_secs(1)),
            fine,
            coarse_step: interval.max(Duration::from_secs(10)),
            coarse,
        }
    }

    /// The most memory that so many GPUs take.
    #[must_use]
    pub fn bytes(&self, gpus: usize) -> usize {
        (self.fine_steps() + self.coarse_steps()) * metric::METRICS * size_of::<f32>() * gpus
    }

    fn fine_steps(&self) -> usize {
        steps(self.fine, self.fine_step)
    }

    fn coarse_steps(&self) -> usize {
        steps(self.coarse, self.coarse_step)
    }
}

fn steps(length: Duration, step: Duration) -> usize {
    usize::try_from(length.as_millis().div_ceil(step.as_millis().max(1))).unwrap_or(usize::MAX).max(1)
}

impl Default for Depth {
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(15 * 60), Duration::from_secs(24 * 3600))
    }
}

/// Most GPUs of the past that are kept though the snapshot does not have them: names that change all the time do not
/// collect.
const MAX_ABSENT: usize = 32;

/// The past of every GPU that was seen.
#[derive(Debug)]
pub struct History {
    depth: Depth,
    gpus: BTreeMap<String, Past>,
    /// Number of collector starts at the last snapshot.
    restarts: u64,
    /// The newest moment that it knows of.
    now: Stamp,
}

#[derive(Debug)]
struct Past {
    fine: Ring,
    coarse: Ring,
    /// When its newest reading was made.
    read_at: BootTime,
}

impl History {
    /// An empty past.
    #[must_use]
    pub const fn new(depth: Depth) -> Self {
        Self { depth, gpus: BTreeMap::new(), restarts: 0, now: Stamp { boot: BootTime(0), unix_ms: 0 } }
    }

    /// Depth of the history.
    #[must_use]
    pub const fn depth(&self) -> Depth {
        self.depth
    }

    /// Takes in a snapshot: of each GPU its reading, if it is a new one.
    pub fn add(&mut self, snapshot: &Snapshot) {
        self.now = snapshot.at;
        let restarted = self.restarts != snapshot.collector.restarts;
        self.restarts = snapshot.collector.restarts;
        if restarted || snapshot.collector.state == CollectorState::Restarting {
            self.gpus.values_mut().for_each(|past| past.fine.cut(snapshot.at.boot.0));
        }
        for gpu in snapshot.gpus.iter().filter(|gpu| gpu.state == GpuState::Ok) {
            if !self.gpus.contains_key(&gpu.key) {
                self.gpus.insert(gpu.key.clone(), Past::new(self.depth));
            }
            if let Some(past) = self.gpus.get_mut(&gpu.key) {
                past.add(gpu);
            }
        }
        self.forget_surplus(snapshot);
    }

    /// Forgets the GPUs that were read longest ago, if there are many that the snapshot does not have.
    fn forget_surplus(&mut self, snapshot: &Snapshot) {
        if self.gpus.len() <= snapshot.gpus.len() + MAX_ABSENT {
            return;
        }
        let is_absent = |key: &String| !snapshot.gpus.iter().any(|gpu| gpu.key == *key);
        let absent = self.gpus.iter().filter(|(key, _)| is_absent(key)).map(|(key, past)| (past.read_at, key.clone()));
        let mut absent: Vec<(BootTime, String)> = absent.collect();
        absent.sort_unstable();
        absent.truncate(absent.len().saturating_sub(MAX_ABSENT));
        absent.iter().for_each(|(_, key)| {
            self.gpus.remove(key);
        });
    }
}

impl Past {
    fn new(depth: Depth) -> Self {
        let ring = |step: Duration, steps| Ring::new(u64::try_from(step.as_millis()).unwrap_or(u64::MAX), steps);
        Self {
            fine: ring(depth.fine_step, depth.fine_steps()),
            coarse: ring(depth.coarse_step, depth.coarse_steps()),
            read_at: BootTime(0),
        }
    }

    fn add(&mut self, gpu: &Gpu) {
        let at = gpu.read_at.boot;
        if at <= self.read_at {
            return;
        }
        self.read_at = at;
        let row: Row = std::array::from_fn(|position| metric::read(gpu, metric::ALL[position]).ok());
        self.fine.put(at.0, &row);
        self.coarse.put(at.0, &row);
    }
}

#[cfg(test)]
mod tests;
