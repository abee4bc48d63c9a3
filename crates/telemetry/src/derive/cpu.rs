//! CPU use between two samples, as a share of the time between them.

use crate::{
    Absence, Arguments, BootTime, Reading, Stamp,
    sample::{CpuTicks, ProcessFacts, Sample},
};

/// A process: a PID alone may be another's later.
type Key = (u32, BootTime);

/// Each process's processor time as it was last read, and what stays the same from sample to sample.
#[derive(Debug, Default)]
pub(super) struct ProcessTimes {
    /// By key.
    known: Vec<(Key, Known)>,
}

#[derive(Clone, Debug)]
struct Known {
    used: Option<Used>,
    /// When it started by the wall clock, Unix time in milliseconds, as it was when the process was first seen: the two
    /// clocks are not read at once, and one of them is set.
    started_ms: u64,
    /// The first copy of its arguments, so that snapshots share it, and the command lines made of it.
    arguments: Option<Arguments>,
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
        let mut known: Vec<(Key, Known)> = Vec::with_capacity(sample.processes.len());
        known.extend(sample.processes.iter().filter_map(|facts| {
            let key = key(facts)?;
            Some((key, self.next(key, facts, sample.assembled)))
        }));
        if !known.is_sorted_by(|(one, _), (other, _)| one < other) {
            known.sort_by_key(|(key, _)| *key);
            known.dedup_by_key(|(key, _)| *key);
        }
        self.known = known;
    }

    fn next(&self, key: Key, facts: &ProcessFacts, now: Stamp) -> Known {
        let before = self.get(key);
        let read = facts.read_at.and_then(|read_at| Some((read_at, facts.cpu_ms.ok()?)));
        let used = read.map(|(read_at, cpu_ms)| match before.and_then(|before| before.used) {
            Some(before) if before.read_at >= read_at => before,
            Some(before) => {
                let passed_ms = read_at.0.saturating_sub(before.read_at.0);
                Used { read_at, cpu_ms, percent: percent(before.cpu_ms, cpu_ms, passed_ms) }
            }
            None => Used { read_at, cpu_ms, percent: Err(Absence::Timeout) },
        });
        let arguments = facts.arguments.as_ref().ok();
        let same = before.and_then(|before| before.arguments.as_ref()).filter(|before| arguments == Some(before));
        Known {
            used,
            started_ms: before.map_or_else(|| by_wall_clock(key, now), |before| before.started_ms),
            arguments: same.or(arguments).cloned(),
        }
    }

    fn get(&self, process: Key) -> Option<&Known> {
        let position = self.known.binary_search_by_key(&process, |(key, _)| *key).ok()?;
        self.known.get(position).map(|(_, known)| known)
    }

    /// When it started, Unix time in milliseconds: always the same for one process.
    pub(super) fn started_at_ms(&self, facts: &ProcessFacts, now: Stamp) -> Reading<u64> {
        let key = (facts.pid, facts.started?);
        Ok(self.get(key).map_or_else(|| by_wall_clock(key, now), |known| known.started_ms))
    }

    /// CPU use between the newest two samples, in % of one processor; above 100 with several threads.
    pub(super) fn cpu_percent(&self, facts: &ProcessFacts) -> Reading<f64> {
        facts.cpu_ms?;
        let key = (facts.pid, facts.started?);
        // In the first sample that has it there is nothing to compare with.
        self.get(key).and_then(|known| known.used).map_or(Err(Absence::Timeout), |used| used.percent)
    }

    /// Its arguments, as a copy that is shared from sample to sample as long as they stay the same.
    pub(super) fn arguments(&self, facts: &ProcessFacts) -> Reading<Arguments> {
        let read = facts.arguments.as_ref().map_err(|why| *why)?;
        let known = key(facts).and_then(|key| self.get(key)?.arguments.as_ref());
        Ok(known.filter(|known| *known == read).unwrap_or(read).clone())
    }
}

fn by_wall_clock(process: Key, now: Stamp) -> u64 {
    now.unix_ms.saturating_sub(now.boot.0.saturating_sub(process.1.0))
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
