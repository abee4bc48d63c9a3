//! News for streams of summaries: what has changed since the summary that they were sent last.
//!
//! Most snapshots differ from the one before only by noise. A reader is sent the whole when something changes that
//! matters, or a reading has moved by a step of a display, and a line that says that all is as before otherwise.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use telemetry::{
    BootTime, Reading,
    readings::Readings,
    sample::Memory,
    snapshot::{Claimed, Gpu, Mig, Snapshot, Usage},
};

/// Readings that move in small steps, and the temperature, are sent after this time at the latest.
const LONGEST: Duration = Duration::from_secs(60);
/// Steps of memory, as a part of the total, and of power, as a part of the limit.
const MEMORY_PARTS: u64 = 100;
const POWER_PARTS: u64 = 20;
/// Steps of the utilization, in points.
const POINTS: u32 = 5;

/// The summary that streams were sent last.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Number of its snapshot.
    pub(crate) sequence: u64,
    at: BootTime,
    /// Hash of all that is sent at once when it changes.
    exact: u64,
    levels: Vec<Level>,
}

impl News {
    /// The summary that streams are sent with this snapshot; none if the last one still holds.
    pub(super) fn after(before: Option<&Self>, snapshot: &Snapshot) -> Option<Self> {
        let exact = exact(snapshot);
        let holds = before.is_some_and(|before| {
            before.exact == exact
                && snapshot.at.boot.since(before.at) < LONGEST
                && before.levels.iter().copied().eq_by_step(levels(snapshot))
        });
        (!holds).then(|| Self {
            sequence: snapshot.sequence,
            at: snapshot.at.boot,
            exact,
            levels: levels(snapshot).collect(),
        })
    }
}

/// Readings of a GPU or a MIG instance that count once they have moved far enough.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    free_bytes: Option<u64>,
    total_bytes: Option<u64>,
    utilization_percent: Option<u32>,
    power_mw: Option<u32>,
    power_limit_mw: Option<u32>,
}

impl Level {
    fn of_gpu(readings: &Readings) -> Self {
        let power = &readings.power;
        Self {
            free_bytes: readings.memory.free_bytes.ok(),
            total_bytes: readings.memory.total_bytes.ok(),
            utilization_percent: readings.utilization.gpu_percent.ok(),
            power_mw: power.draw_mw.ok(),
            power_limit_mw: power.enforced_limit_mw.or(power.limit_mw).ok(),
        }
    }

    fn of_instance(memory: &Reading<Memory>) -> Self {
        let memory = memory.as_ref().ok();
        Self {
            free_bytes: memory.and_then(|memory| memory.free_bytes.ok()),
            total_bytes: memory.map(|memory| memory.total_bytes),
            ..Self::default()
        }
    }

    /// True if nothing has moved by a step.
    fn is_near(self, other: Self) -> bool {
        let power = |level: Self| level.power_mw.map(u64::from);
        let limit = self.power_limit_mw.or(other.power_limit_mw).map(u64::from);
        // Without a limit, a part of the larger draw.
        let limit = limit.or_else(|| power(self).max(power(other)));
        let has_same_total = self.total_bytes == other.total_bytes;
        has_same_total
            && near(self.free_bytes, other.free_bytes, |moved| {
                moved.saturating_mul(MEMORY_PARTS) < self.total_bytes.unwrap_or(0)
            })
            && near(self.utilization_percent.map(u64::from), other.utilization_percent.map(u64::from), |moved| {
                moved < u64::from(POINTS)
            })
            && near(power(self), power(other), |moved| moved.saturating_mul(POWER_PARTS) < limit.unwrap_or(0))
    }
}

/// True if both are unknown or equal, or if the difference is small.
fn near(one: Option<u64>, other: Option<u64>, is_small: impl FnOnce(u64) -> bool) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other || is_small(one.abs_diff(other)),
        (None, None) => true,
        _ => false,
    }
}

/// Comparison of levels, in order.
trait BySteps: Iterator<Item = Level> + Sized {
    fn eq_by_step(mut self, mut others: impl Iterator<Item = Level>) -> bool {
        loop {
            match (self.next(), others.next()) {
                (None, None) => return true,
                (Some(one), Some(other)) if one.is_near(other) => {}
                _ => return false,
            }
        }
    }
}
impl<I: Iterator<Item = Level>> BySteps for I {}

fn levels(snapshot: &Snapshot) -> impl Iterator<Item = Level> {
    snapshot.gpus.iter().flat_map(|gpu| {
        let instances = gpu.mig.iter().flatten().map(|mig| Level::of_instance(&mig.sample.memory));
        std::iter::once(Level::of_gpu(&gpu.readings)).chain(instances)
    })
}

/// Hash of what is sent at once when it changes: all of a summary but its readings and its time.
fn exact(snapshot: &Snapshot) -> u64 {
    let mut hasher = DefaultHasher::new();
    let host = (&snapshot.host.hostname, snapshot.driver.as_ref().map(|driver| &driver.driver_version));
    (host, snapshot.interval, snapshot.collector.state.as_str(), snapshot.has_counted()).hash(&mut hasher);
    for problem in snapshot.problems() {
        problem.text.hash(&mut hasher);
    }
    for missing in &snapshot.missing {
        missing.id.hash(&mut hasher);
    }
    snapshot.gpus.iter().for_each(|gpu| gpu_exact(gpu, &mut hasher));
    hasher.finish()
}

fn gpu_exact(gpu: &Gpu, hasher: &mut DefaultHasher) {
    let identity = (gpu.index, &gpu.identity.uuid, &gpu.identity.name);
    (identity, gpu.state.as_str(), gpu.health.verdict.as_str()).hash(hasher);
    usage_exact(&gpu.usage, hasher);
    claim_exact(gpu.claim.as_ref(), hasher);
    (gpu.readings.modes.mig, gpu.readings.modes.compute).hash(hasher);
    gpu.mig.as_ref().map(Vec::len).hash(hasher);
    gpu.mig.iter().flatten().for_each(|mig| mig_exact(mig, hasher));
}

fn mig_exact(mig: &Mig, hasher: &mut DefaultHasher) {
    let sample = &mig.sample;
    (&sample.uuid, &sample.profile, sample.gpu_instance, sample.compute_instance).hash(hasher);
    usage_exact(&mig.usage, hasher);
    claim_exact(mig.claim.as_ref(), hasher);
}

/// A claim never changes, except that its account's name may become known.
fn claim_exact(claimed: Option<&Claimed>, hasher: &mut DefaultHasher) {
    claimed.map(|claimed| (claimed.claim.number, &claimed.claim.user)).hash(hasher);
}

fn usage_exact(usage: &Usage, hasher: &mut DefaultHasher) {
    (usage.verdict.as_str(), usage.since.unix_ms, &usage.users).hash(hasher);
}

#[cfg(test)]
mod tests {
    use telemetry::{
        Absence, Stamp,
        snapshot::{CollectorState, GpuState, Severity, UseVerdict},
    };

    use super::*;
    use crate::v1::tests::hosts;

    fn at(seconds: u64, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        let mut snapshot = hosts::planted();
        let power = &mut snapshot.gpus[0].readings.power;
        (power.draw_mw, power.enforced_limit_mw) = (Ok(300_000), Ok(700_000));
        let memory = &mut snapshot.gpus[0].readings.memory;
        (memory.total_bytes, memory.free_bytes) = (Ok(100_000), Ok(50_000));
        snapshot.gpus[0].readings.utilization.gpu_percent = Ok(50);
        snapshot.at = Stamp { boot: BootTime(snapshot.at.boot.0 + seconds * 1000), ..snapshot.at };
        snapshot.sequence += seconds;
        change(&mut snapshot);
        snapshot
    }

    fn is_news(seconds: u64, change: impl FnOnce(&mut Snapshot)) -> bool {
        let before = News::after(None, &at(0, |_| {})).unwrap();
        News::after(Some(&before), &at(seconds, change)).is_some()
    }

    #[test]
    fn changes_of_state_are_news() {
        assert!(!is_news(1, |_| {}));
        let changes: [fn(&mut Snapshot); 18] = [
            |all| all.gpus[0].state = GpuState::Stale,
            |all| all.gpus[0].usage.verdict = UseVerdict::Unknown,
            |all| all.gpus[0].usage.since.unix_ms += 1,
            |all| all.gpus[1].usage.users.push("bob".into()),
            |all| all.gpus[1].health.verdict = Severity::Warning,
            |all| all.gpus[0].health.reasons.clear(),
            |all| all.gpus[0].mig = Ok(vec![]),
            |all| all.gpus[0].mig = Err(Absence::Timeout),
            |all| all.gpus[0].mig.as_mut().unwrap()[0].usage.verdict = UseVerdict::Unknown,
            |all| all.gpus[0].mig.as_mut().unwrap()[0].usage.users.clear(),
            |all| all.gpus[0].mig.as_mut().unwrap()[0].sample.profile = Ok("7g.80gb".into()),
            |all| all.gpus[0].identity.uuid = Ok("GPU-9".into()),
            |all| all.gpus[0].readings.modes.mig = Ok(true),
            |all| all.gpus[0].readings.modes.mig = Err(Absence::NotSupported),
            |all| all.gpus[0].readings.modes.compute = Ok(2),
            |all| all.gpus.truncate(1),
            |all| all.collector.state = CollectorState::Stalled,
            |all| all.host.hostname = Ok("gpu02".into()),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert!(is_news(1, change), "change {number}");
        }
    }

    #[test]
    fn readings_are_news_by_steps() {
        type Change = fn(&mut Readings);
        let changes: [(bool, Change); 13] = [
            (false, |gpu| gpu.memory.free_bytes = Ok(50_999)),
            (true, |gpu| gpu.memory.free_bytes = Ok(51_000)),
            (true, |gpu| gpu.memory.free_bytes = Ok(49_000)),
            (true, |gpu| gpu.memory.free_bytes = Err(Absence::Timeout)),
            (false, |gpu| gpu.utilization.gpu_percent = Ok(54)),
            (true, |gpu| gpu.utilization.gpu_percent = Ok(55)),
            (true, |gpu| gpu.utilization.gpu_percent = Ok(45)),
            (false, |gpu| gpu.power.draw_mw = Ok(334_999)),
            (true, |gpu| gpu.power.draw_mw = Ok(335_000)),
            (true, |gpu| gpu.power.draw_mw = Ok(265_000)),
            (true, |gpu| gpu.power.draw_mw = Err(Absence::NotSupported)),
            (true, |gpu| gpu.memory.total_bytes = Ok(100_001)),
            (false, |gpu| gpu.temperature.gpu_celsius = Ok(90)),
        ];
        for (number, (expected, change)) in changes.into_iter().enumerate() {
            assert_eq!(is_news(1, |all| change(&mut all.gpus[0].readings)), expected, "change {number}");
        }
    }

    #[test]
    fn memory_of_an_instance_is_news_by_steps() {
        let free = |bytes: u64| {
            move |all: &mut Snapshot| {
                let sample = &mut all.gpus[0].mig.as_mut().unwrap()[0].sample;
                sample.memory.as_mut().unwrap().free_bytes = Ok(bytes);
            }
        };
        let memory = at(0, |_| {}).gpus[0].mig.as_ref().unwrap()[0].sample.memory.unwrap();
        let (bytes, step) = (memory.free_bytes.unwrap(), memory.total_bytes.div_ceil(100));
        assert!(!is_news(1, free(bytes - step + 1)) && is_news(1, free(bytes - step)));
    }

    #[test]
    fn small_changes_add_up_to_news() {
        let before = News::after(None, &at(0, |_| {})).unwrap();
        let draws = |draw| move |all: &mut Snapshot| all.gpus[0].readings.power.draw_mw = Ok(draw);
        for draw in [310_000, 320_000, 330_000] {
            assert!(News::after(Some(&before), &at(1, draws(draw))).is_none());
        }
        assert!(News::after(Some(&before), &at(1, draws(340_000))).is_some(), "since it was sent, not since the last");
    }

    #[test]
    fn whole_is_sent_once_a_minute() {
        assert!(!is_news(59, |_| {}) && is_news(60, |_| {}));
    }
}
