//! History: readings of each GPU over the last minutes in fine steps, over the last day in coarse ones and over the last
//! month in long ones, in memory of a size that is known before.
//!
//! Time is the boot clock's, so that a wall clock that is set moves nothing. GPUs go by UUID.

mod codes;
pub mod metric;
mod question;
mod ring;
mod saved;
mod scale;
mod tier;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    BootTime, Stamp,
    snapshot::{CollectorState, Gpu, GpuState, Snapshot},
};

pub use question::{Answer, Question, Refusal, Series, Spread};
use ring::{Ring, Row};
pub use saved::{GpuToSave, LongSteps, SavedGpu};
use tier::Tier;

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
    /// A long step: 5 minutes, or the interval if that is longer.
    pub long_step: Duration,
    /// For how long in long steps; zero for none.
    pub long: Duration,
}

impl Depth {
    /// Depth for readings at that interval.
    #[must_use]
    pub fn new(interval: Duration, fine: Duration, coarse: Duration, long: Duration) -> Self {
        Self {
            fine_step: interval.max(Duration::from_secs(1)),
            fine,
            coarse_step: interval.max(Duration::from_secs(10)),
            coarse,
            long_step: interval.max(Duration::from_secs(300)),
            long,
        }
    }

    /// The most memory that so many GPUs take.
    #[must_use]
    pub fn bytes(&self, gpus: usize) -> usize {
        let steps =
            steps(self.fine, self.fine_step) + steps(self.coarse, self.coarse_step) + steps(self.long, self.long_step);
        steps * scale::bytes_of_a_step() * gpus
    }
}

fn steps(length: Duration, step: Duration) -> usize {
    usize::try_from(length.as_millis().div_ceil(step.as_millis().max(1))).unwrap_or(usize::MAX)
}

fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

impl Default for Depth {
    fn default() -> Self {
        let [minute, day] = [60, 86_400].map(Duration::from_secs);
        Self::new(Duration::from_secs(1), 15 * minute, day, 30 * day)
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
    /// Unix time of the boot clock's zero as of the first moment. Long steps are counted from the Unix epoch by it, so
    /// that they begin at whole minutes, hours and days, and a boot does not move them against each other.
    zero_ms: Option<i64>,
}

#[derive(Debug)]
struct Past {
    fine: Ring,
    coarse: Ring,
    long: Option<Ring>,
    /// When its newest reading was made.
    read_at: BootTime,
}

impl History {
    /// An empty past.
    #[must_use]
    pub const fn new(depth: Depth) -> Self {
        Self { depth, gpus: BTreeMap::new(), restarts: 0, now: Stamp { boot: BootTime(0), unix_ms: 0 }, zero_ms: None }
    }

    /// Depth of the history.
    #[must_use]
    pub const fn depth(&self) -> Depth {
        self.depth
    }

    /// Takes in a snapshot: of each GPU its reading, if it is a new one.
    pub fn add(&mut self, snapshot: &Snapshot) {
        self.now = snapshot.at;
        let zero_ms = self.zero_of_long(snapshot.at);
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
                past.add(gpu, zero_ms);
            }
        }
        self.forget_surplus(snapshot);
    }

    /// Unix time of the boot clock's zero, as of this moment if it is the first one.
    fn zero_of_long(&mut self, at: Stamp) -> i64 {
        *self.zero_ms.get_or_insert(zero_of(at))
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
        // A pause of one and a half fine steps.
        let bridge = milliseconds(depth.fine_step).saturating_mul(3) / 2;
        let ring = |length, step| Ring::new(milliseconds(step), steps(length, step), bridge);
        Self {
            fine: ring(depth.fine, depth.fine_step),
            coarse: ring(depth.coarse, depth.coarse_step),
            long: (!depth.long.is_zero()).then(|| ring(depth.long, depth.long_step)),
            read_at: BootTime(0),
        }
    }

    fn add(&mut self, gpu: &Gpu, zero_ms: i64) {
        let at = gpu.read_at.boot;
        if at <= self.read_at {
            return;
        }
        self.read_at = at;
        let row: Row = std::array::from_fn(|position| metric::read(gpu, metric::ALL[position]).ok());
        self.fine.put(at.0, &row);
        self.coarse.put(at.0, &row);
        if let Some(long) = &mut self.long {
            long.put(moved(at.0, zero_ms), &row);
        }
    }
}

/// Unix time of the boot clock's zero.
fn zero_of(at: Stamp) -> i64 {
    let [unix, boot] = [at.unix_ms, at.boot.0].map(|time| i64::try_from(time).unwrap_or(i64::MAX));
    unix - boot
}

/// A boot time, counted from so much before the boot.
fn moved(boot_ms: u64, zero_ms: i64) -> u64 {
    boot_ms.saturating_add_signed(zero_ms)
}

#[cfg(test)]
mod tests;
