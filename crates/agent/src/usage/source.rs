//! Where flushes come from.

use std::sync::{Arc, Mutex};

use telemetry::{
    Stamp,
    usage::{Flush, Ledger},
};

use super::lock;

/// A ledger, as the store needs it.
pub(crate) trait Source: Send + Sync {
    /// Everything that was counted since the flush before.
    fn flush(&self) -> Flush;
    /// Copy of what the next flush would be.
    fn pending(&self) -> Flush;
    /// Removes a person's name from what is not flushed and began before a moment.
    fn forget_user(&self, user: &str, before_ms: u64);
    /// Users who have totals, or will.
    fn users(&self) -> Vec<Arc<str>>;
}

impl Source for Mutex<Ledger> {
    fn flush(&self) -> Flush {
        lock(self).flush(Stamp::now())
    }

    fn pending(&self) -> Flush {
        lock(self).pending(Stamp::now())
    }

    fn forget_user(&self, user: &str, before_ms: u64) {
        lock(self).forget_user(user, before_ms);
    }

    fn users(&self) -> Vec<Arc<str>> {
        lock(self).users().into_iter().map(|(user, _)| user).collect()
    }
}
