//! The history, written by the supervisor's thread and read by requests.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use telemetry::{history::History, snapshot::Snapshot};

/// The history behind a lock, which is held for at most the copy of one answer.
#[derive(Debug)]
pub struct Archive(RwLock<History>);

impl Archive {
    /// An archive of this history.
    #[must_use]
    pub const fn new(history: History) -> Self {
        Self(RwLock::new(history))
    }

    /// Locks the history for reading.
    pub fn read(&self) -> RwLockReadGuard<'_, History> {
        // A write that panicked leaves at most one value out.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, snapshot: &Snapshot) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).add(snapshot);
    }
}
