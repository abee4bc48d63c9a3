//! Memory, descriptors and threads of the hub that lives through the run.

use std::fs;

use crate::{Outcome, cost, table::median};

/// Growth that is allowed: a share and a rest of memory, and numbers of descriptors and threads. Agents that come back open
/// connections, and memory is taken in steps.
const MEMORY: (f64, f64) = (1.15, 3072.0);
const DESCRIPTORS: f64 = 25.0;
const THREADS: f64 = 18.0;

/// One second's figures.
#[derive(Clone, Copy)]
struct Point {
    second: u64,
    memory_kib: u64,
    descriptors: usize,
    threads: usize,
}

/// Figures of a run.
pub(super) struct Growth {
    /// Minute that the last one is compared with.
    pub(super) first_minute: u64,
    last_minute: u64,
    points: Vec<Point>,
}

/// Medians of a minute.
pub(super) struct Figures {
    pub(super) memory_kib: f64,
    pub(super) descriptors: f64,
    pub(super) threads: f64,
}

impl Growth {
    pub(super) const fn new(minutes: u64) -> Self {
        let first_minute = if minutes > 10 { 5 } else { minutes.div_ceil(3) };
        Self { first_minute, last_minute: minutes, points: Vec::new() }
    }

    pub(super) fn add(&mut self, second: u64, pid: u32) -> Outcome {
        self.points.push(Point {
            second,
            memory_kib: cost::proportional_kib(&[pid])?,
            descriptors: cost::descriptors(&[pid]),
            threads: fs::read_dir(format!("/proc/{pid}/task"))?.count(),
        });
        Ok(())
    }

    /// Medians of the minute that ends with this one.
    fn figures(&self, minute: u64) -> Figures {
        let of = |value: fn(&Point) -> f64| {
            let seconds = minute.saturating_sub(1) * 60..minute * 60;
            median(self.points.iter().filter(|point| seconds.contains(&point.second)).map(value).collect())
        };
        Figures {
            memory_kib: of(|point| point.memory_kib as f64),
            descriptors: of(|point| point.descriptors as f64),
            threads: of(|point| point.threads as f64),
        }
    }

    pub(super) fn first(&self) -> Figures {
        self.figures(self.first_minute)
    }

    pub(super) fn last(&self) -> Figures {
        self.figures(self.last_minute)
    }

    pub(super) fn is_bounded(&self) -> bool {
        let (first, last) = (self.first(), self.last());
        last.memory_kib <= first.memory_kib * MEMORY.0 + MEMORY.1
            && last.descriptors <= first.descriptors + DESCRIPTORS
            && last.threads <= first.threads + THREADS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_found() {
        let grown = |memory: u64, descriptors: usize| {
            let mut growth = Growth::new(30);
            for second in 0..1800 {
                let is_late = second > 600;
                growth.points.push(Point {
                    second,
                    memory_kib: 10_000 + if is_late { memory } else { 0 },
                    descriptors: 60 + if is_late { descriptors } else { 0 },
                    threads: 4,
                });
            }
            growth.is_bounded()
        };
        assert!(grown(0, 0) && grown(1000, 10));
        assert!(!grown(8000, 0));
        assert!(!grown(0, 50));
    }
}
