//! Permits for responses without an end: a limited number, also per client, and all of them end at shutdown.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{
    ClientAddr,
    per_client::{ClientPermit, PerClientLimit},
};

/// Permits for streams. Without a limit, streams would occupy all connections, and without [`Self::close`] a shutdown
/// would wait for them.
#[derive(Debug)]
pub struct StreamPermits {
    max: usize,
    free: Arc<Semaphore>,
    per_client: PerClientLimit,
    closed: CancellationToken,
}

/// The limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamLimit {
    /// All permits are taken.
    Total,
    /// The client's address has this many, the maximum for one address.
    PerClient(usize),
}

impl Default for StreamPermits {
    fn default() -> Self {
        Self::new(1000)
    }
}

impl StreamPermits {
    /// `max` permits, of which one address can have three quarters: behind a proxy all clients have its address.
    #[must_use]
    pub fn new(max: usize) -> Self {
        // A semaphore has a maximum of its own, far beyond any number of connections.
        let max = max.min(Semaphore::MAX_PERMITS);
        Self {
            max,
            free: Arc::new(Semaphore::new(max)),
            per_client: PerClientLimit::new(max_per_client(max)),
            closed: CancellationToken::new(),
        }
    }

    /// Number of permits.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }

    /// Number of permits that are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.max - self.free.available_permits()
    }

    /// Ends every stream.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Takes a permit for a client, if its address is known.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn acquire(&self, client: Option<ClientAddr>) -> Result<StreamPermit, StreamLimit> {
        let per_client = StreamLimit::PerClient(max_per_client(self.max));
        let client = client.map(|client| self.per_client.acquire(client).ok_or(per_client)).transpose()?;
        let permit = Arc::clone(&self.free).try_acquire_owned().map_err(|_| StreamLimit::Total)?;
        Ok(StreamPermit { closed: self.closed.clone(), _permit: permit, _client: client })
    }
}

const fn max_per_client(max: usize) -> usize {
    max - max / 4
}

/// A permit for one stream, until it is dropped.
#[derive(Debug)]
pub struct StreamPermit {
    closed: CancellationToken,
    _permit: OwnedSemaphorePermit,
    _client: Option<ClientPermit>,
}

impl StreamPermit {
    /// Resolves when all streams end.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permit_free_again_after_drop() {
        let streams = StreamPermits::new(2);
        let (first, _second) = (streams.acquire(None).unwrap(), streams.acquire(None).unwrap());
        assert_eq!(streams.acquire(None).unwrap_err(), StreamLimit::Total);
        assert_eq!(streams.taken(), 2);
        drop(first);
        assert!(streams.acquire(None).is_ok());
    }

    #[test]
    fn one_address_cannot_take_all_permits() {
        let streams = StreamPermits::new(8);
        let acquire = |address: &str| streams.acquire(Some(ClientAddr::Ip(address.parse().unwrap())));
        let mut of_one: Vec<_> = (1..=6).map(|port| acquire(&format!("192.0.2.1:{port}")).unwrap()).collect();
        assert_eq!(acquire("192.0.2.1:7").unwrap_err(), StreamLimit::PerClient(6));
        let _of_another = acquire("192.0.2.2:1").unwrap();
        let _last = acquire("192.0.2.2:2").unwrap();
        assert_eq!(acquire("192.0.2.3:1").unwrap_err(), StreamLimit::Total);
        of_one.pop();
        assert!(acquire("192.0.2.1:8").is_ok());
    }
}
