//! Durations of the driver's functions, counted at each call site.
//!
//! Each call site has counters of its own, which only add, so no reader waits for another. A call is counted when it
//! returns; one that hangs is in the call table.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{
        Mutex, Once,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use telemetry::sample::{CALL_BOUNDS_NS, CallTimes, SlowCall};

use crate::lock::lock;

/// Excluded, since its duration is the time until an event and not the driver's.
const WAITS: &str = "nvmlEventSetWait_v2";

/// A call from this duration on is slow.
const SLOW_NS: u64 = 100_000_000;

thread_local! {
    /// Slowest slow call of this thread since it was taken. A GPU's reader makes calls for its GPU alone.
    static SLOWEST: Cell<(u64, &'static str)> = const { Cell::new((0, "")) };
}

/// Takes the slowest slow call of this thread.
pub(crate) fn take_slowest() -> Option<SlowCall> {
    let (length_ns, function) = SLOWEST.with(Cell::take);
    let ms = u32::try_from(length_ns / 1_000_000).unwrap_or(u32::MAX);
    (ms > 0).then(|| SlowCall { function: function.into(), ms })
}

/// All meters used so far.
static ALL: Mutex<Vec<&'static Meter>> = Mutex::new(Vec::new());

/// Durations of one function at one call site.
#[derive(Debug)]
pub(crate) struct Meter {
    function: &'static str,
    known: Once,
    counts: [AtomicU64; CALL_BOUNDS_NS.len() + 1],
    sum_ns: AtomicU64,
}

impl Meter {
    pub(crate) const fn new(function: &'static str) -> Self {
        Self {
            function,
            known: Once::new(),
            counts: [const { AtomicU64::new(0) }; CALL_BOUNDS_NS.len() + 1],
            sum_ns: AtomicU64::new(0),
        }
    }

    /// Runs `call` and counts its duration.
    pub(crate) fn time<T>(&'static self, call: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = call();
        let length = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.add(length);
        if length >= SLOW_NS {
            SLOWEST.with(|slowest| slowest.set(slowest.get().max((length, self.function))));
        }
        result
    }

    fn add(&'static self, length_ns: u64) {
        // Once in the life of the process; after that it is a look at one word.
        self.known.call_once(|| lock(&ALL).push(self));
        let bucket = CALL_BOUNDS_NS.partition_point(|bound| *bound < length_ns);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_ns.fetch_add(length_ns, Ordering::Relaxed);
    }
}

/// Returns the counts so far by function. A call that returns meanwhile may be in the counts and not yet in the sum.
pub(crate) fn all() -> Vec<CallTimes> {
    let mut by_function: BTreeMap<&str, CallTimes> = BTreeMap::new();
    for meter in lock(&ALL).iter().filter(|meter| meter.function != WAITS) {
        let times = by_function.entry(meter.function).or_insert_with(|| CallTimes {
            function: meter.function.into(),
            counts: [0; CALL_BOUNDS_NS.len() + 1],
            sum_ns: 0,
        });
        for (sum, count) in times.counts.iter_mut().zip(&meter.counts) {
            *sum += count.load(Ordering::Relaxed);
        }
        times.sum_ns += meter.sum_ns.load(Ordering::Relaxed);
    }
    by_function.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_sites_of_one_function_are_summed() {
        static HERE: Meter = Meter::new("meterTest");
        static THERE: Meter = Meter::new("meterTest");
        static TIMED: Meter = Meter::new("meterTestTimed");
        static NEVER: Meter = Meter::new("meterTestNever");
        assert_eq!(TIMED.time(|| 7), 7);
        HERE.add(30_000);
        for length_ns in [30_001, 200_000, 1_000_000, 2_000_000, u64::from(u32::MAX)] {
            THERE.add(length_ns);
        }
        let all = all();
        let of = |function: &str| all.iter().find(|times| times.function == function);
        let times = of("meterTest").unwrap();
        assert_eq!(times.counts, [1, 1, 1, 1, 1, 0, 0, 1], "a bound belongs to its bucket");
        assert_eq!(times.sum_ns, 3_260_001 + u64::from(u32::MAX));
        assert_eq!(of("meterTestTimed").map(|times| times.counts.iter().sum()), Some(1_u64));
        assert!(of("meterTestNever").is_none() && NEVER.function == "meterTestNever");
    }
}
