//! Who may be in a call into the driver: nobody must be, when the library is shut down.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The threads that may call the driver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Callers(Arc<AtomicUsize>);

/// Held by such a thread for as long as it may.
pub(crate) struct Presence(Arc<AtomicUsize>);

impl Callers {
    /// One more.
    pub(crate) fn join(&self) -> Presence {
        self.0.fetch_add(1, Ordering::SeqCst);
        Presence(Arc::clone(&self.0))
    }

    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
