//! Counters that matter while they rise.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Time after the last rise for which a counter is reported.
const REPORTED: Duration = Duration::from_secs(60);

/// Counter with the time of its last rise.
pub(super) struct Recent(Mutex<Option<(u64, Instant)>>);

impl Recent {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Counts; true if the counter was not reported before, so that a line in the log is due.
    pub(super) fn add(&self, number: u64) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.filter(|(_, last)| last.elapsed() < REPORTED);
        *state = Some((before.map_or(0, |(count, _)| count).saturating_add(number), Instant::now()));
        before.is_none()
    }

    /// Number since it began to rise; none once it has not risen for [`REPORTED`].
    pub(super) fn count(&self) -> Option<u64> {
        let state = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.filter(|(_, last)| last.elapsed() < REPORTED).map(|(count, _)| count)
    }
}
