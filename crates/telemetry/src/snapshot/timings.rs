//! Durations of readings and calls.

use std::{collections::BTreeMap, sync::Arc};

use crate::sample::CALL_BOUNDS_NS;

/// Most buckets of a histogram.
const MAX_BUCKETS: usize = SAMPLE_BOUNDS_NS.len() + 1;

/// The bounds of the buckets for samples, in nanoseconds. A sample takes at most a quarter of the interval, unless it
/// is the first.
pub const SAMPLE_BOUNDS_NS: [u64; 9] =
    [1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 1_000_000_000];

/// Durations of readings and calls, since the agent started and over all its collectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Samples: from the tick until the last reader that was not late had reported.
    pub samples: Histogram,
    /// Finished calls into the driver, by function.
    pub calls: BTreeMap<Arc<str>, Histogram>,
}

impl Default for Timings {
    fn default() -> Self {
        Self { samples: Histogram::new(&SAMPLE_BOUNDS_NS), calls: BTreeMap::new() }
    }
}

/// Times, counted by how long they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// The buckets' upper bounds, in nanoseconds, each included.
    pub bounds_ns: &'static [u64],
    /// Number between each bound and the one before; one more, for those above all. Buckets beyond those of the bounds
    /// are empty.
    counts: [u64; MAX_BUCKETS],
    /// All of them together, in nanoseconds.
    pub sum_ns: u64,
}

impl Histogram {
    /// None yet.
    #[must_use]
    pub fn new(bounds_ns: &'static [u64]) -> Self {
        Self { bounds_ns, counts: [0; MAX_BUCKETS], sum_ns: 0 }
    }

    /// None yet, for calls into the driver.
    #[must_use]
    pub fn of_calls() -> Self {
        Self::new(&CALL_BOUNDS_NS)
    }

    /// Number between each bound and the one before; one more, for those above all.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        self.counts.get(..=self.bounds_ns.len()).unwrap_or(&self.counts)
    }

    /// The counts, to be changed.
    pub fn counts_mut(&mut self) -> &mut [u64] {
        let buckets = MAX_BUCKETS.min(self.bounds_ns.len() + 1);
        &mut self.counts[..buckets]
    }

    /// One more.
    pub fn add(&mut self, length_ns: u64) {
        let bucket = self.bounds_ns.partition_point(|bound| *bound < length_ns);
        if let Some(count) = self.counts_mut().get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        self.sum_ns = self.sum_ns.saturating_add(length_ns);
    }

    /// Number of calls.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_includes_its_bound() {
        let mut histogram = Histogram::new(&[10, 100]);
        for length in [0, 10, 11, 100, 101, u64::MAX] {
            histogram.add(length);
        }
        assert_eq!((histogram.counts(), histogram.count(), histogram.sum_ns), (&[2, 2, 2][..], 6, u64::MAX));
    }
}
