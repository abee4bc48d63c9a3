//! The past, as the supervisor's thread writes it and answers read it.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use telemetry::{history::History, snapshot::Snapshot};

/// The past behind a lock, which nobody holds for longer than it takes to copy one answer.
#[derive(Debug)]
pub struct Archive(RwLock<History>);

impl Archive {
    /// With that past.
    #[must_use]
    pub const fn new(history: History) -> Self {
        Self(RwLock::new(history))
    }

    /// To look into it.
    pub fn read(&self) -> RwLockReadGuard<'_, History> {
        // A past that is half written lacks a value, no more.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, snapshot: &Snapshot) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).add(snapshot);
    }
}
