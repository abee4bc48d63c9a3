//! The places for readers of the stream: so many at once, and all closed when the agent stops.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::watch;

use crate::net::{
    crowd::{Counted, Crowd},
    peer::Peer,
};

/// The places. A stream has no end of its own, so without a limit its readers would take all connections, and without
/// [`Self::close`] the shutdown would wait for them.
#[derive(Debug)]
pub struct Streams {
    most: usize,
    taken: AtomicUsize,
    /// Those of each address.
    each: Crowd,
    closed: watch::Sender<bool>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All are taken.
    All,
    /// The reader's address has as many as one may have.
    Yours(usize),
}

impl Default for Streams {
    fn default() -> Self {
        Self::new(1000)
    }
}

impl Streams {
    /// So many places, of which one address may have three quarters: behind a proxy all have its address.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0), each: Crowd::new(each(most)), closed: watch::channel(false).0 }
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

    /// A place for that peer; none is known to be of no address.
    pub(crate) fn take(self: &Arc<Self>, peer: Option<Peer>) -> Result<Seat, Full> {
        let counted = peer.map(|peer| self.each.enter(peer).ok_or(Full::Yours(each(self.most)))).transpose()?;
        let free = |taken: usize| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).map_err(|_| Full::All)?;
        Ok(Seat { streams: Arc::clone(self), closed: self.closed.subscribe(), _counted: counted })
    }
}

const fn each(most: usize) -> usize {
    most - most / 4
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    streams: Arc<Streams>,
    closed: watch::Receiver<bool>,
    _counted: Option<Counted>,
}

impl Seat {
    /// Until all streams end.
    pub(crate) async fn closed(&mut self) {
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
    fn stream_permit_released_with_client() {
        let streams = Arc::new(Streams::new(2));
        let (first, _second) = (streams.take(None).unwrap(), streams.take(None).unwrap());
        assert_eq!(streams.take(None).unwrap_err(), Full::All);
        assert_eq!(streams.taken(), 2);
        drop(first);
        assert!(streams.take(None).is_ok());
    }

    #[test]
    fn stream_permits_limited_per_address() {
        let streams = Arc::new(Streams::new(8));
        let take = |address: &str| streams.take(Some(Peer::Ip(address.parse().unwrap())));
        let mut of_one: Vec<_> = (1..=6).map(|port| take(&format!("192.0.2.1:{port}")).unwrap()).collect();
        assert_eq!(take("192.0.2.1:7").unwrap_err(), Full::Yours(6));
        let _of_another = take("192.0.2.2:1").unwrap();
        let _last = take("192.0.2.2:2").unwrap();
        assert_eq!(take("192.0.2.3:1").unwrap_err(), Full::All);
        of_one.pop();
        assert!(take("192.0.2.1:8").is_ok());
    }
}
