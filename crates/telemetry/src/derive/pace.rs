//! Pace of a GPU's readings: one whose driver answers every call, slowly, is slow and not stale.

use std::{collections::VecDeque, fmt::Write as _, time::Duration};

use crate::{
    BootTime,
    sample::{GpuSample, SlowCall},
};

/// Newest slow periods that are kept: the longest is the period that is expected.
const RECENT: usize = 5;
/// Slow periods after which a GPU is slow: one is a call that took long.
const SLOW: usize = 2;
/// Readings in time, in a row, after which it no longer is.
const ON_TIME: u32 = 10;

/// Pace of one GPU.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    last: Option<BootTime>,
    /// Start of the collector that read it last: the time between two of them is nobody's pace.
    collector: BootTime,
    periods: VecDeque<Duration>,
    on_time: u32,
    slowest: Option<SlowCall>,
}

impl Pace {
    /// Takes in a reading; a period longer than `limit` is slow.
    pub(super) fn read(&mut self, gpu: &GpuSample, collector: BootTime, limit: Duration) {
        let at = gpu.read_at.map(|stamp| stamp.boot);
        let before = std::mem::replace(&mut self.last, at);
        let is_same = std::mem::replace(&mut self.collector, collector) == collector;
        let (Some(at), Some(before)) = (at, before.filter(|_| is_same)) else { return };
        if at == before {
            return;
        }
        let period = at.since(before);
        if period <= limit {
            self.on_time = self.on_time.saturating_add(1);
            if self.on_time >= ON_TIME {
                self.periods.clear();
            }
            return;
        }
        self.on_time = 0;
        if self.periods.len() >= RECENT {
            self.periods.pop_front();
        }
        self.periods.push_back(period);
        self.slowest.clone_from(&gpu.slowest);
    }

    /// Time between two readings of a slow GPU; none if it is not slow.
    pub(super) fn period(&self) -> Option<Duration> {
        self.periods.iter().max().copied().filter(|_| self.periods.len() >= SLOW)
    }

    /// Description of a slow GPU.
    pub(super) fn detail(&self, interval: Duration) -> Option<String> {
        let (took, wanted) = (self.period()?.as_secs_f64(), interval.as_secs_f64());
        let mut text = format!("slow: one sample takes {took:.1} s, not {wanted:.1} s");
        if let Some(SlowCall { function, ms }) = &self.slowest {
            // Writing to a string does not fail.
            let _ = write!(text, "; slowest call {function}, {:.1} s", f64::from(*ms) / 1000.0);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::tests::gpu;

    #[test]
    fn gpu_slow_from_second_late_reading_to_tenth_in_time() {
        let mut pace = Pace::default();
        let mut read = |second: u64, collector| {
            let slowest = Some(SlowCall { function: "nvmlX".into(), ms: 3100 });
            pace.read(
                &GpuSample { slowest, ..gpu(0, "A", second * 1000) },
                BootTime(collector),
                Duration::from_secs(3),
            );
            (pace.period().map(|period| period.as_secs()), pace.detail(Duration::from_secs(1)))
        };
        assert_eq!([1, 2, 14, 14].map(|second| read(second, 1).0), [None; 4], "a call took long");
        let (period, detail) = read(25, 1);
        assert_eq!(period, Some(12));
        assert_eq!(detail.unwrap(), "slow: one sample takes 12.0 s, not 1.0 s; slowest call nvmlX, 3.1 s");
        for second in 26..35 {
            assert_eq!(read(second, 1).0, Some(12), "at {second}");
        }
        assert_eq!(read(35, 1).0, None);
        assert_eq!([(50, 2), (60, 3), (70, 4)].map(|(second, collector)| read(second, collector).0), [None; 3]);
    }
}
