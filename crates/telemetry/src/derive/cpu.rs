//! How busy processors are: what was used between two samples, as a part of the time between them.

use std::collections::BTreeMap;

use crate::{
    Absence, BootTime, Reading,
    sample::{CpuTicks, ProcessFacts, Sample},
};

/// A process: a PID alone may be another's later.
type Key = (u32, BootTime);

/// The processor time of each process in two samples.
#[derive(Debug, Default)]
pub(super) struct ProcessTimes {
    at: BootTime,
    used_ms: BTreeMap<Key, u64>,
    percent: BTreeMap<Key, Reading<f64>>,
}

impl ProcessTimes {
    /// Takes in a sample that was not taken in before.
    pub(super) fn take_in(&mut self, sample: &Sample) {
        let at = sample.assembled.boot;
        if at == self.at {
            return;
        }
        let passed_ms = at.0.saturating_sub(self.at.0);
        let read = sample.processes.iter().filter_map(|facts| Some((key(facts)?, facts.cpu_ms.ok()?)));
        let used_ms: BTreeMap<Key, u64> = read.collect();
        self.percent = used_ms
            .iter()
            .filter_map(|(key, now)| Some((*key, percent(*self.used_ms.get(key)?, *now, passed_ms))))
            .collect();
        self.used_ms = used_ms;
        self.at = at;
    }

    /// How much of one processor it used between the newest two samples, in %; above 100 with several threads.
    pub(super) fn cpu_percent(&self, facts: &ProcessFacts) -> Reading<f64> {
        facts.cpu_ms?;
        facts.started?;
        // In the first sample that has it there is nothing to compare with.
        key(facts).and_then(|key| self.percent.get(&key).copied()).unwrap_or(Err(Absence::Timeout))
    }
}

fn key(facts: &ProcessFacts) -> Option<Key> {
    Some((facts.pid, facts.started.ok()?))
}

fn percent(before_ms: u64, now_ms: u64, passed_ms: u64) -> Reading<f64> {
    let used_ms = now_ms.checked_sub(before_ms).ok_or(Absence::Error)?;
    ratio(used_ms, passed_ms).map(|ratio| ratio * 100.0)
}

/// How busy the host's processors were between two readings, in % of all of them.
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
    use crate::{sample::Driver, snapshot::blank};

    fn sample(at: u64, processes: &[(u32, u64, u64)]) -> Sample {
        let facts = |&(pid, started, cpu_ms): &(u32, u64, u64)| ProcessFacts {
            started: Ok(BootTime(started)),
            cpu_ms: Ok(cpu_ms),
            ..ProcessFacts::unread(pid, Absence::Error)
        };
        Sample { processes: processes.iter().map(facts).collect(), ..Sample::of(Driver::Asleep, blank::at(at)) }
    }

    #[test]
    fn a_process_used_what_it_used_between_two_samples() {
        for (name, before, after, expected) in [
            ("half of one", (7, 5, 100), (7, 5, 600), Ok(50.0)),
            ("nothing", (7, 5, 100), (7, 5, 100), Ok(0.0)),
            ("three of them", (7, 5, 0), (7, 5, 3000), Ok(300.0)),
            ("a count that fell", (7, 5, 600), (7, 5, 100), Err(Absence::Error)),
            ("another under the same PID", (7, 5, 100), (7, 900, 600), Err(Absence::Timeout)),
            ("another process", (7, 5, 100), (8, 5, 600), Err(Absence::Timeout)),
        ] {
            let mut times = ProcessTimes::default();
            times.take_in(&sample(1000, &[before]));
            let after = sample(2000, &[after]);
            times.take_in(&after);
            assert_eq!(times.cpu_percent(&after.processes[0]), expected, "{name}");
        }
    }

    #[test]
    fn no_time_and_no_reading_give_no_number() {
        let mut times = ProcessTimes::default();
        let first = sample(1000, &[(7, 5, 100)]);
        times.take_in(&first);
        assert_eq!(times.cpu_percent(&first.processes[0]), Err(Absence::Timeout));
        let same = sample(1000, &[(7, 5, 200)]);
        times.take_in(&same);
        assert_eq!(times.cpu_percent(&same.processes[0]), Err(Absence::Timeout));
        let back = sample(900, &[(7, 5, 300)]);
        times.take_in(&back);
        assert_eq!(times.cpu_percent(&back.processes[0]), Err(Absence::Error));
        let gone = ProcessFacts::unread(7, Absence::Denied);
        assert_eq!(times.cpu_percent(&gone), Err(Absence::Denied));
    }

    #[test]
    fn the_host_is_as_busy_as_its_processors_were() {
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
