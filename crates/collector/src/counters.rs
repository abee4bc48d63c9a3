//! Counters of a GPU: a reading that falls, or rises faster than can be, is absent until the next one goes on from it.
//!
//! One wrong answer would otherwise be in `rate()` forever: Prometheus takes each fall for a restart of the counter. A
//! real restart, as after a reset of the GPU, is one reading late.

use std::time::{Duration, Instant};

use telemetry::{
    Absence,
    readings::{Field, Readings},
};

/// Shortest time that a rise is measured over: drivers update some counters in steps.
const MIN_STEP: Duration = Duration::from_secs(1);

/// Last value of a counter that was accepted, and one that was not, each with the time at which it was first read.
#[derive(Clone, Copy, Debug)]
struct Counter {
    accepted: (f64, Instant),
    doubtful: Option<(f64, Instant)>,
}

/// Counters of one GPU, each with its highest rate per second, and with its values once it was read.
#[derive(Debug)]
pub(crate) struct Counters(Vec<(Field, f64, Option<Counter>)>);

impl Default for Counters {
    fn default() -> Self {
        let all = Readings::FIELDS.iter();
        Self(all.filter_map(|&field| Some((field, field.spec().max_per_second?, None))).collect())
    }
}

impl Counters {
    /// Makes doubtful values absent, and returns their fields, which are to be read again soon.
    pub(crate) fn check(&mut self, readings: &mut Readings, now: Instant) -> Vec<Field> {
        let mut doubtful = Vec::new();
        for (field, rate, counter) in &mut self.0 {
            let Some(Ok(value)) = readings.value(*field) else { continue };
            let Some(value) = value.number() else { continue };
            if !Self::accepts(counter, value, *rate, now) {
                readings.set_absent(*field, Absence::Error);
                doubtful.push(*field);
            }
        }
        doubtful
    }

    fn accepts(counter: &mut Option<Counter>, value: f64, rate: f64, now: Instant) -> bool {
        let Some(counter) = counter else {
            *counter = Some(Counter { accepted: (value, now), doubtful: None });
            return true;
        };
        // The same value, which may be the same reading: the time of its first one remains.
        if value.total_cmp(&counter.accepted.0).is_eq() {
            counter.doubtful = None;
            return true;
        }
        let continues = |(before, at): (f64, Instant)| {
            let passed = now.duration_since(at).max(MIN_STEP).as_secs_f64();
            value >= before && value - before <= rate * passed
        };
        if continues(counter.accepted) || counter.doubtful.is_some_and(continues) {
            *counter = Counter { accepted: (value, now), doubtful: None };
            return true;
        }
        counter.doubtful = Some((value, now));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that remain of one per second.
    fn accepted(values: &[u64]) -> Vec<Option<u64>> {
        let (mut counters, begun) = (Counters::default(), Instant::now());
        let read = |(second, value): (u64, &u64)| {
            let mut readings = Readings::absent(Absence::Timeout);
            readings.power.energy_mj = Ok(*value);
            counters.check(&mut readings, begun + Duration::from_secs(second));
            readings.power.energy_mj.ok()
        };
        (0..).zip(values).map(read).collect()
    }

    #[test]
    fn counter_without_spikes_and_dips() {
        const KILOJOULE: u64 = 1_000_000;
        let start = 5_000 * KILOJOULE;
        for (name, values, expected) in [
            ("a spike", vec![start, 8_000_000 * KILOJOULE, start + 9], vec![Some(start), None, Some(start + 9)]),
            ("a dip", vec![start, 0, start + 9], vec![Some(start), None, Some(start + 9)]),
            ("a reset", vec![start, 3, 9, 12], vec![Some(start), None, Some(9), Some(12)]),
            ("a reset to a counter that stops", vec![start, 3, 3, 3], vec![Some(start), None, Some(3), Some(3)]),
            ("garbage", vec![start, 3, 9_000 * KILOJOULE, 1], vec![Some(start), None, None, None]),
            ("a load", vec![start, start + KILOJOULE], vec![Some(start), Some(start + KILOJOULE)]),
        ] {
            assert_eq!(accepted(&values), expected, "{name}");
        }
    }

    #[test]
    fn counter_read_seldom_may_rise_by_more() {
        let (mut counters, begun) = (Counters::default(), Instant::now());
        let mut read = |second: u64, value: u64| {
            let mut readings = Readings::absent(Absence::Timeout);
            readings.power.energy_mj = Ok(value);
            let doubtful = counters.check(&mut readings, begun + Duration::from_secs(second));
            (readings.power.energy_mj, doubtful)
        };
        assert_eq!(read(0, 1000), (Ok(1000), vec![]));
        // The reading of ten ticks is in each of them.
        assert_eq!(read(9, 1000), (Ok(1000), vec![]));
        assert_eq!(read(10, 90_000_000), (Ok(90_000_000), vec![]));
        assert_eq!(read(11, 190_000_000), (Err(Absence::Error), vec![Field::PowerEnergy]));
    }
}
