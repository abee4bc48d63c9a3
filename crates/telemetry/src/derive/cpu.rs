//! CPU use between two samples, as a share of the time between them.

use std::collections::BTreeMap;

use crate::{
    Absence, BootTime, Reading, Stamp,
    sample::{CpuTicks, ProcessFacts, Sample},
};

/// A process: a PID alone may be another's later.
type Key = (u32, BootTime);

/// The processor time of each process as it was last read, and how busy it was before that.
#[derive(Debug, Default)]
pub(super) struct ProcessTimes {
    used: BTreeMap<Key, Used>,
    /// When each started by the wall clock, Unix time in milliseconds, as it was when the process was first seen: the two
    /// clocks are not read at once, and one of them is set.
    started: BTreeMap<Key, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Used {
    read_at: BootTime,
    cpu_ms: u64,
    percent: Reading<f64>,
}

impl ProcessTimes {
    /// Takes in a sample. Two samples may carry the same reading of a process, since those of many take their time:
    /// that says nothing new.
    pub(super) fn add(&mut self, sample: &Sample) {
        let keys = sample.processes.iter().filter_map(key);
        self.started = keys.map(|key| (key, self.started_by_wall_clock(key, sample.assembled))).collect();
        let read = sample.processes.iter().filter_map(|facts| {
            Some((
                key(facts)?,
                Used { read_at: facts.read_at?, cpu_ms: facts.cpu_ms.ok()?, percent: Err(Absence::Timeout) },
            ))
        });
        self.used = read
            .map(|(key, now)| match self.used.get(&key) {
                Some(before) if before.read_at >= now.read_at => (key, *before),
                Some(before) => {
                    let passed_ms = now.read_at.0.saturating_sub(before.read_at.0);
                    (key, Used { percent: percent(before.cpu_ms, now.cpu_ms, passed_ms), ..now })
                }
                None => (key, now),
            })
            .collect();
    }

    /// When it started, Unix time in milliseconds: always the same for one process.
    pub(super) fn started_at_ms(&self, facts: &ProcessFacts, now: Stamp) -> Reading<u64> {
        Ok(self.started_by_wall_clock((facts.pid, facts.started?), now))
    }

    fn started_by_wall_clock(&self, process: Key, now: Stamp) -> u64 {
        let known = self.started.get(&process).copied();
        known.unwrap_or_else(|| now.unix_ms.saturating_sub(now.boot.0.saturating_sub(process.1.0)))
    }

    /// CPU use between the newest two samples, in % of one processor; above 100 with several threads.
    pub(super) fn cpu_percent(&self, facts: &ProcessFacts) -> Reading<f64> {
        facts.cpu_ms?;
        facts.started?;
        // In the first sample that has it there is nothing to compare with.
        key(facts).and_then(|key| self.used.get(&key)).map_or(Err(Absence::Timeout), |used| used.percent)
    }
}

fn key(facts: &ProcessFacts) -> Option<Key> {
    Some((facts.pid, facts.started.ok()?))
}

fn percent(before_ms: u64, now_ms: u64, passed_ms: u64) -> Reading<f64> {
    let used_ms = now_ms.checked_sub(before_ms).ok_or(Absence::Error)?;
    ratio(used_ms, passed_ms).map(|ratio| ratio * 100.0)
}

/// CPU use of the host between two readings, in % of all processors.
pub(super) fn host_percent(before: CpuTicks, now: CpuTicks) -> Reading<f64> {
    // The kernel's counts of idle time are known to step back at times.
    let busy = now.busy.checked_sub(before.busy).ok_or(Absence::Error)?;
    let total = now.total.checked_sub(before.total).ok_or(Absence::Error)?;
    if busy > total {
        return Err(Absence::Error);
    }
    ratio(busy, total).map(|ratio| ratio * 100.0)
}

/// A number that can be shown: no collector should send another, but what crosses a pipe is not trusted.
pub(super) fn sane(reading: Reading<f64>) -> Reading<f64> {
    reading.and_then(|number| if number.is_finite() && number >= 0.0 { Ok(number) } else { Err(Absence::Error) })
}

/// Counts far below 2⁵³, which a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "the loss is far below what a percentage shows")]
fn ratio(part: u64, whole: u64) -> Reading<f64> {
    if whole == 0 { Err(Absence::Error) } else { Ok(part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures::blank, sample::Driver};

    fn sample(at: u64, processes: &[(u32, u64, u64)]) -> Sample {
        let facts = |&(pid, started, cpu_ms): &(u32, u64, u64)| ProcessFacts {
            started: Ok(BootTime(started)),
            cpu_ms: Ok(cpu_ms),
            read_at: Some(BootTime(at)),
            ..ProcessFacts::unread(pid, Absence::Error)
        };
        Sample { processes: processes.iter().map(facts).collect(), ..Sample::of(Driver::Suspended, blank::at(at)) }
    }

    #[test]
    fn process_cpu_measured_between_samples() {
        for (name, before, after, expected) in [
            ("half of one", (7, 5, 100), (7, 5, 600), Ok(50.0)),
            ("nothing", (7, 5, 100), (7, 5, 100), Ok(0.0)),
            ("three of them", (7, 5, 0), (7, 5, 3000), Ok(300.0)),
            ("a count that fell", (7, 5, 600), (7, 5, 100), Err(Absence::Error)),
            ("another under the same PID", (7, 5, 100), (7, 900, 600), Err(Absence::Timeout)),
            ("another process", (7, 5, 100), (8, 5, 600), Err(Absence::Timeout)),
        ] {
            let mut times = ProcessTimes::default();
            times.add(&sample(1000, &[before]));
            let after = sample(2000, &[after]);
            times.add(&after);
            assert_eq!(times.cpu_percent(&after.processes[0]), expected, "{name}");
        }
    }

    #[test]
    fn process_start_stable_under_clock_changes() {
        let mut times = ProcessTimes::default();
        for (unix_ms, pid, started, expected) in [
            (1_000_000, 7, 4000, 999_000),
            (1_000_001, 7, 4000, 999_000),
            (9_000_000, 7, 4000, 999_000),
            // Another under the same PID.
            (9_000_000, 7, 4500, 8_999_500),
        ] {
            let mut sample = sample(5000, &[(pid, started, 0)]);
            sample.assembled.unix_ms = unix_ms;
            times.add(&sample);
            assert_eq!(times.started_at_ms(&sample.processes[0], sample.assembled), Ok(expected), "at {unix_ms}");
        }
    }

    #[test]
    fn repeated_reading_changes_nothing() {
        let mut times = ProcessTimes::default();
        let reading = |at, read_at, cpu_ms| {
            let mut sample = sample(at, &[(7, 5, cpu_ms)]);
            sample.processes[0].read_at = Some(BootTime(read_at));
            sample
        };
        times.add(&reading(1000, 1000, 100));
        times.add(&reading(2000, 2000, 600));
        let again = reading(3000, 2000, 600);
        times.add(&again);
        assert_eq!(times.cpu_percent(&again.processes[0]), Ok(50.0));
    }

    #[test]
    fn cpu_absent_without_time_or_reading() {
        let mut times = ProcessTimes::default();
        let first = sample(1000, &[(7, 5, 100)]);
        times.add(&first);
        assert_eq!(times.cpu_percent(&first.processes[0]), Err(Absence::Timeout));
        let same = sample(1000, &[(7, 5, 200)]);
        times.add(&same);
        assert_eq!(times.cpu_percent(&same.processes[0]), Err(Absence::Timeout));
        let back = sample(900, &[(7, 5, 300)]);
        times.add(&back);
        assert_eq!(times.cpu_percent(&back.processes[0]), Err(Absence::Timeout), "a clock that steps back is no news");
        let gone = ProcessFacts::unread(7, Absence::Denied);
        assert_eq!(times.cpu_percent(&gone), Err(Absence::Denied));
    }

    #[test]
    fn host_cpu_is_average_of_processors() {
        let ticks = |busy, total| CpuTicks { busy, total };
        for (before, now, expected) in [
            (ticks(100, 1000), ticks(150, 1200), Ok(25.0)),
            (ticks(100, 1000), ticks(100, 1200), Ok(0.0)),
            (ticks(100, 1000), ticks(300, 1200), Ok(100.0)),
            (ticks(100, 1000), ticks(301, 1200), Err(Absence::Error)),
            (ticks(100, 1000), ticks(99, 1200), Err(Absence::Error)),
            (ticks(100, 1000), ticks(100, 999), Err(Absence::Error)),
            (ticks(100, 1000), ticks(100, 1000), Err(Absence::Error)),
        ] {
            assert_eq!(host_percent(before, now), expected, "{before:?} {now:?}");
        }
    }
}
