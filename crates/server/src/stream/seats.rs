//! The places for readers of the stream: so many at once, and all closed when the agent stops.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::watch;

/// The places. A stream has no end of its own, so without a limit its readers would take all connections, and without
/// [`Self::close`] the shutdown would wait for them.
#[derive(Debug)]
pub struct Streams {
    most: usize,
    taken: AtomicUsize,
    closed: watch::Sender<bool>,
}

impl Default for Streams {
    fn default() -> Self {
        Self::new(1000)
    }
}

impl Streams {
    /// So many places.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0), closed: watch::channel(false).0 }
    }

    /// How many there are.
    #[must_use]
    pub const fn most(&self) -> usize {
        self.most
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Ends every stream.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// A place; none if all are taken.
    pub(super) fn take(self: &Arc<Self>) -> Option<Seat> {
        let free = |taken: usize| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).ok()?;
        Some(Seat { streams: Arc::clone(self), closed: self.closed.subscribe() })
    }
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    streams: Arc<Streams>,
    closed: watch::Receiver<bool>,
}

impl Seat {
    /// Until all streams end.
    pub(super) async fn closed(&mut self) {
        // It cannot fail, since this holds the sender.
        let _ = self.closed.wait_for(|closed| *closed).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.streams.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_reader_has_gone() {
        let streams = Arc::new(Streams::new(2));
        let (first, _second) = (streams.take().unwrap(), streams.take().unwrap());
        assert!(streams.take().is_none());
        assert_eq!(streams.taken(), 2);
        drop(first);
        assert!(streams.take().is_some());
    }
}
