//! Durations of readings and calls, over all collectors: each counts from zero, and the totals never go back.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    BootTime,
    sample::{CallTimes, Driver, Sample},
    snapshot::{Histogram, Timings},
};

/// More functions than the driver's library has that are called; a collector that names more is not believed.
const MAX_FUNCTIONS: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Clock {
    reported: Arc<Timings>,
    /// Since when the collector that is heard now has counted.
    began: BootTime,
    /// Totals of the collectors before it, when its first sample arrived.
    before: BTreeMap<Arc<str>, Histogram>,
}

impl Clock {
    /// Takes in a sample that was not taken in before.
    pub(super) fn add(&mut self, sample: &Sample) {
        let reported = Arc::make_mut(&mut self.reported);
        if sample.began != self.began {
            self.began = sample.began;
            self.before.clone_from(&reported.calls);
        }
        if let Driver::Ready(_) = sample.driver {
            reported.samples.add(u64::from(sample.duration_us).saturating_mul(1000));
        }
        for times in &sample.calls {
            let before = self.before.get(&*times.function);
            if let Some(reported) = reported.calls.get_mut(&*times.function) {
                raise(reported, before, times);
            } else if reported.calls.len() < MAX_FUNCTIONS {
                let mut first = Histogram::of_calls();
                raise(&mut first, before, times);
                reported.calls.insert(times.function.as_str().into(), first);
            }
        }
    }

    /// Totals so far.
    pub(super) fn totals(&self) -> Arc<Timings> {
        Arc::clone(&self.reported)
    }
}

/// Raises the totals to those of the collectors before and of this one. A collector whose counts fall is not believed.
fn raise(reported: &mut Histogram, before: Option<&Histogram>, times: &CallTimes) {
    let counts_before = before.map_or(&[][..], Histogram::counts).iter().copied().chain(std::iter::repeat(0));
    for ((count, before), more) in reported.counts_mut().iter_mut().zip(counts_before).zip(times.counts) {
        *count = (*count).max(before.saturating_add(more));
    }
    let sum_before = before.map_or(0, |before| before.sum_ns);
    reported.sum_ns = reported.sum_ns.max(sum_before.saturating_add(times.sum_ns));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::blank::at;
    use proptest::prelude::*;

    fn sample(began: u64, calls: &[(&str, u64)]) -> Sample {
        let times = |(function, count): &(&str, u64)| CallTimes {
            function: (*function).into(),
            counts: [*count, 1, 0, 0, 0, 0, 0, 0],
            sum_ns: count * 10,
        };
        Sample {
            began: BootTime(began),
            calls: calls.iter().map(times).collect(),
            ..Sample::of(Driver::Starting { call: None }, at(began))
        }
    }

    fn counted(clock: &Clock, function: &str) -> (u64, u64) {
        let histogram = clock.totals().calls[function].clone();
        (histogram.counts()[0], histogram.sum_ns)
    }

    #[test]
    fn timings_add_up_over_collectors() {
        let mut clock = Clock::default();
        for (sample, a) in [
            (sample(1, &[("a", 3)]), (3, 30)),
            (sample(1, &[("a", 5), ("b", 1)]), (5, 50)),
            // The next collector, of which the first sample may say nothing yet, or even as much as the last did.
            (sample(2, &[]), (5, 50)),
            (sample(2, &[("a", 5)]), (10, 100)),
            (sample(2, &[("a", 6)]), (11, 110)),
            (sample(3, &[("a", 1)]), (12, 120)),
            // A count that falls.
            (sample(3, &[("a", 0)]), (12, 120)),
        ] {
            clock.add(&sample);
            assert_eq!(counted(&clock, "a"), a);
        }
        assert_eq!(counted(&clock, "b"), (1, 10));
    }

    #[test]
    fn timings_count_samples_and_bound_functions() {
        let mut clock = Clock::default();
        let ready = crate::derive::over_time_tests::ready("1", 5, Vec::new());
        clock.add(&Sample { duration_us: 2000, ..ready });
        let names: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        let calls: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        clock.add(&sample(1, &calls));
        let reported = clock.totals();
        assert_eq!(
            (reported.samples.count(), reported.samples.counts()[1], reported.samples.sum_ns),
            (1, 1, 2_000_000)
        );
        assert_eq!(reported.calls.len(), MAX_FUNCTIONS);
    }

    proptest! {
        #[test]
        fn timings_never_decrease(samples in proptest::collection::vec((0..3_u64, any::<[u64; 8]>(), any::<u64>()), 0..30)) {
            let mut clock = Clock::default();
            let mut before = Histogram::of_calls();
            for (began, counts, sum_ns) in samples {
                let calls = vec![CallTimes { function: "a".into(), counts, sum_ns }];
                clock.add(&Sample { calls, ..sample(began, &[]) });
                let now = clock.totals().calls["a"].clone();
                prop_assert!(before.counts().iter().zip(now.counts()).all(|(before, now)| before <= now));
                prop_assert!(before.sum_ns <= now.sum_ns);
                before = now;
            }
        }
    }
}
