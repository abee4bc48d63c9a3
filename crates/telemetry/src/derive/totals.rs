//! Totals of a GPU's readings: each reading counts for the time since the one before.
//!
//! A gauge that is scraped every 30 s throws 29 of 30 readings away; these keep them all. Time that was not read adds
//! nothing, so a gap shows as a rate that is too low, and what was read at all is counted too.

use std::time::Duration;

use crate::{Absence, BootTime, Reading, sample::GpuSample, snapshot::Totals};

/// Longest time between two readings that counts in any case, in milliseconds: in the accounting of usage too, whose busy
/// time is a part of a GPU's.
pub(crate) const LONGEST_COUNTED_MS: u64 = 10_000;

/// Totals of one GPU. They outlive collectors.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// When the newest reading was finished, if it was one.
    last: Option<BootTime>,
    /// Reasons that held the clocks down at the newest reading of them.
    reasons: Option<u64>,
    totals: Totals,
}

impl Default for Sums {
    fn default() -> Self {
        Self { last: None, reasons: None, totals: Totals::absent(Absence::Timeout) }
    }
}

impl Sums {
    /// Takes in a GPU as a sample has it. Time longer than `longest` since the reading before was not read.
    pub(super) fn read(&mut self, gpu: &GpuSample, longest: Duration) {
        let Some(at) = gpu.read_at.map(|stamp| stamp.boot) else { return };
        if self.last == Some(at) {
            return;
        }
        if gpu.handle.is_err() {
            self.last = None;
            return;
        }
        // The first reading counts for no time, and so does one after a gap or a clock that went back.
        let passed = self.last.map_or(Duration::ZERO, |last| at.since(last));
        let passed = if passed > longest { Duration::ZERO } else { passed };
        self.last = Some(at);
        let totals = &mut self.totals;
        add(&mut totals.read, Ok(passed));
        let percent = gpu.readings.utilization.gpu_percent.map(|percent| f64::from(percent) / 100.0);
        let parts = [
            (&mut totals.utilization_read, percent.map(|_| 1.0)),
            (&mut totals.activity_read, gpu.readings.activity.sm_ratio.map(|_| 1.0)),
            (&mut totals.busy, percent),
            (&mut totals.sm_active, gpu.readings.activity.sm_ratio),
            (&mut totals.tensor_active, gpu.readings.activity.tensor_ratio),
            (&mut totals.dram_active, gpu.readings.activity.dram_ratio),
        ];
        for (total, ratio) in parts {
            add(total, ratio.and_then(|ratio| part(passed, ratio)));
        }
        self.note_clocks(gpu);
        let totals = &mut self.totals;
        let milliseconds = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let drawn = gpu.readings.power.draw_mw.map(|draw| u64::from(draw).saturating_mul(milliseconds));
        totals.drawn_uj = match (totals.drawn_uj, drawn) {
            (Ok(so_far), Ok(drawn)) => Ok(so_far.saturating_add(drawn)),
            (Ok(so_far), Err(_)) => Ok(so_far),
            (Err(_), drawn) => drawn,
        };
        totals.energy_is_counted = totals.energy_is_counted.or(match gpu.readings.power.energy_mj {
            Ok(_) => Some(true),
            Err(Absence::NotSupported) => totals.drawn_uj.ok().map(|_| false),
            Err(_) => None,
        });
    }

    /// Counts the reasons that hold the clocks down and did not before.
    fn note_clocks(&mut self, gpu: &GpuSample) {
        let Ok(now) = gpu.readings.clocks.event_reasons else { return };
        let begun = self.reasons.replace(now).map_or(0, |before| now & !before);
        for (bit, count) in self.totals.clock_events.iter_mut().enumerate() {
            *count = count.saturating_add(begun >> bit & 1);
        }
    }

    /// Totals so far.
    pub(super) const fn totals(&self) -> Totals {
        self.totals
    }
}

/// Adds what was read. What was not keeps what was read before, or says why there is nothing.
fn add(total: &mut Reading<Duration>, part: Reading<Duration>) {
    *total = match (*total, part) {
        (Ok(so_far), Ok(part)) => Ok(so_far.saturating_add(part)),
        (Ok(so_far), Err(_)) => Ok(so_far),
        (Err(_), part) => part,
    };
}

fn part(whole: Duration, ratio: f64) -> Reading<Duration> {
    if ratio.is_finite() { Ok(whole.mul_f64(ratio.clamp(0.0, 1.0))) } else { Err(Absence::Error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::tests;
    use proptest::prelude::*;

    const LONGEST: Duration = Duration::from_secs(3);

    fn reading(at_ms: u64, percent: Reading<u32>, sm_ratio: Reading<f64>) -> GpuSample {
        let mut gpu = tests::gpu(0, "A", at_ms);
        gpu.readings.utilization.gpu_percent = percent;
        gpu.readings.activity.sm_ratio = sm_ratio;
        gpu.readings.power.draw_mw = percent.map(|percent| percent * 1000);
        gpu
    }

    fn seconds(total: Reading<Duration>) -> Reading<f64> {
        total.map(|total| total.as_secs_f64())
    }

    #[test]
    fn totals_weight_reading_by_elapsed_time() {
        let no = Err(Absence::NotSupported);
        let mut sums = Sums::default();
        assert_eq!(sums.totals(), Totals::absent(Absence::Timeout));
        for (at, percent, ratio, read, busy, active) in [
            (1000, Ok(80), no, 0.0, Ok(0.0), no),
            (2000, Ok(50), Ok(0.25), 1.0, Ok(0.5), Ok(0.25)),
            // The same reading in a later frame.
            (2000, Ok(50), Ok(0.25), 1.0, Ok(0.5), Ok(0.25)),
            // One value that was not read.
            (3000, Err(Absence::Denied), Ok(1.0), 2.0, Ok(0.5), Ok(1.25)),
            (4500, Ok(100), Ok(f64::NAN), 3.5, Ok(2.0), Ok(1.25)),
            // A gap, and a clock that went back.
            (7501, Ok(100), Ok(1.0), 3.5, Ok(2.0), Ok(1.25)),
            (7000, Ok(100), Ok(1.0), 3.5, Ok(2.0), Ok(1.25)),
            (10_000, Ok(100), Ok(7.0), 6.5, Ok(5.0), Ok(4.25)),
        ] {
            sums.read(&reading(at, percent, ratio), LONGEST);
            let totals = sums.totals();
            assert_eq!(
                (seconds(totals.read), seconds(totals.busy), seconds(totals.sm_active)),
                (Ok(read), busy, active),
                "at {at}"
            );
            // Nothing of what was not read is in what was.
            let of_utilization = seconds(totals.utilization_read).unwrap();
            assert!(of_utilization <= read && seconds(totals.busy).unwrap() <= of_utilization, "at {at}");
            assert_eq!(totals.tensor_active, no.map(Duration::from_secs_f64), "never read");
            assert_eq!(
                totals.drawn_uj.map(|drawn| drawn / 1000),
                busy.map(|busy| (busy * 100_000.0) as u64),
                "at {at}"
            );
        }
    }

    #[test]
    fn totals_paused_until_read_twice() {
        let mut sums = Sums::default();
        sums.read(&reading(1000, Ok(100), Ok(1.0)), LONGEST);
        let refused = GpuSample { handle: Err(Absence::Lost), ..reading(2000, Err(Absence::Lost), Err(Absence::Lost)) };
        sums.read(&refused, LONGEST);
        sums.read(&reading(3000, Ok(100), Ok(1.0)), LONGEST);
        assert_eq!(sums.totals().busy, Ok(Duration::ZERO));
        sums.read(&reading(4000, Ok(100), Ok(1.0)), LONGEST);
        assert_eq!(sums.totals().busy, Ok(Duration::from_secs(1)));
    }

    #[test]
    fn energy_keeps_its_source() {
        let no = Err(Absence::NotSupported);
        for (name, energies, expected) in [
            ("counted", vec![Ok(5), no, Ok(7)], Some(true)),
            ("not counted at first", vec![no, Ok(5)], Some(false)),
            ("failing at first", vec![Err(Absence::Error), Ok(5), no], Some(true)),
            ("never read", vec![Err(Absence::Denied)], None),
        ] {
            let mut sums = Sums::default();
            for (at, energy) in (1..).zip(energies) {
                let mut gpu = reading(at * 1000, Ok(1), Err(Absence::NotSupported));
                gpu.readings.power.energy_mj = energy;
                sums.read(&gpu, LONGEST);
            }
            assert_eq!(sums.totals().energy_is_counted, expected, "{name}");
        }
    }

    #[test]
    fn clock_events_count_beginnings() {
        let mut sums = Sums::default();
        let mut events = |at: u64, reasons: Reading<u64>| {
            let mut gpu = reading(at * 1000, Ok(1), Err(Absence::NotSupported));
            gpu.readings.clocks.event_reasons = reasons;
            sums.read(&gpu, LONGEST);
            sums.totals().clock_events[..5].to_vec()
        };
        assert_eq!(events(1, Ok(0b0_0001)), [0; 5], "it has begun before");
        assert_eq!(events(2, Ok(0b0_1100)), [0, 0, 1, 1, 0]);
        assert_eq!(events(3, Err(Absence::Timeout)), [0, 0, 1, 1, 0]);
        assert_eq!(events(4, Ok(0b1_0100)), [0, 0, 1, 1, 1], "the third has lasted");
        assert_eq!(events(4, Ok(0b1_1111)), [0, 0, 1, 1, 1], "the same reading");
        assert_eq!(events(5, Ok(1 << 63 | 0b1_1000)), [0, 0, 1, 2, 1], "bits without a word have no count");
    }

    fn any_reading() -> impl Strategy<Value = GpuSample> {
        let value = |most: u32| prop_oneof![4 => (0..most).prop_map(Ok), 1 => Just(Err(Absence::Timeout))];
        let ratio = prop_oneof![4 => any::<f64>().prop_map(Ok), 1 => Just(Err(Absence::Lost))];
        let at = prop_oneof![8 => 0..20_000_u64, 1 => any::<u64>()];
        (at, value(u32::MAX / 1000), ratio, proptest::bool::weighted(0.1)).prop_map(|(at, percent, ratio, lost)| {
            let gpu = reading(at, percent, ratio);
            if lost { GpuSample { handle: Err(Absence::Lost), ..gpu } } else { gpu }
        })
    }

    proptest! {
        #[test]
        fn totals_never_decrease(readings in proptest::collection::vec(any_reading(), 0..50)) {
            let mut sums = Sums::default();
            for reading in readings {
                let before = sums.totals();
                sums.read(&reading, LONGEST);
                let now = sums.totals();
                let pairs = [
                    (before.read, now.read),
                    (before.utilization_read, now.utilization_read),
                    (before.activity_read, now.activity_read),
                    (before.busy, now.busy),
                    (before.sm_active, now.sm_active),
                    (before.tensor_active, now.tensor_active),
                    (before.dram_active, now.dram_active),
                ];
                for (before, now) in pairs {
                    prop_assert!(before.is_err() || now.is_ok_and(|now| before.is_ok_and(|before| now >= before)));
                    // A part is never more than the whole.
                    prop_assert!(now.unwrap_or_default() <= sums.totals().read.unwrap_or_default());
                }
                prop_assert!(now.busy.unwrap_or_default() <= now.utilization_read.unwrap_or_default());
                prop_assert!(now.sm_active.unwrap_or_default() <= now.activity_read.unwrap_or_default());
                prop_assert!(before.drawn_uj.is_err() || now.drawn_uj.unwrap_or(0) >= before.drawn_uj.unwrap_or(0));
            }
        }
    }
}
