//! A budget of memory for incomplete requests, shared by all connections.
//!
//! The first 8 KiB of a request are free, because hyper allocates a buffer of that size for each connection anyway and
//! no usual request is larger. Larger requests reserve from the budget. The reservation ends with the connection, which
//! is closed after its response, because a buffer that has grown does not shrink.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits::MIN_HEAD_BYTES;

/// The budget.
#[derive(Clone, Debug)]
pub(crate) struct HeaderBudget(Arc<AtomicUsize>);

/// The reservation of a connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    bytes: AtomicUsize,
    left: Arc<AtomicUsize>,
}

/// A connection's stream whose reads are charged to the budget.
pub(crate) struct Metered<S> {
    stream: S,
    /// Bytes read since the last write, that is since the last response or handshake step. Bytes of the next request that
    /// arrived with the last read are not included; they are at most another 8 KiB.
    since: usize,
    reservation: Arc<Reservation>,
}

impl HeaderBudget {
    /// A budget of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// Charges the reads of a stream to this budget.
    pub(crate) fn meter<S>(&self, stream: S) -> Metered<S> {
        let reservation = Reservation { bytes: AtomicUsize::new(0), left: Arc::clone(&self.0) };
        Metered { stream, since: 0, reservation: Arc::new(reservation) }
    }
}

impl Reservation {
    /// True if anything is reserved.
    pub(crate) fn is_any(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// Reserves `bytes`; false if the budget is exhausted.
    fn reserve(&self, bytes: usize) -> bool {
        let enough = |left: usize| left.checked_sub(bytes);
        let reserved = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough).is_ok();
        self.bytes.fetch_add(if reserved { bytes } else { 0 }, Ordering::Relaxed);
        reserved
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.left.fetch_add(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

impl<S> Metered<S> {
    pub(crate) const fn stream(&self) -> &S {
        &self.stream
    }

    /// The reservation of this stream.
    pub(crate) fn reservation(&self) -> Arc<Reservation> {
        Arc::clone(&self.reservation)
    }

    /// Charges `bytes` that were read.
    fn charge(&mut self, bytes: usize) -> io::Result<()> {
        let beyond = |since: usize| since.saturating_sub(MIN_HEAD_BYTES);
        let before = beyond(self.since);
        self.since += bytes;
        if self.reservation.reserve(beyond(self.since) - before) {
            return Ok(());
        }
        Err(io::Error::other("incomplete requests use too much memory"))
    }

    /// Passes the result of a write on; after a write the next request begins.
    fn wrote(&mut self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(outcome, Poll::Ready(Ok(1..))) {
            self.since = 0;
        }
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        if to.remaining() > MIN_HEAD_BYTES {
            // At most the free 8 KiB at once, so that pipelined requests are complete one by one and reserve nothing.
            let mut part = ReadBuf::new(to.initialize_unfilled_to(MIN_HEAD_BYTES));
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
            let read = part.filled().len();
            to.advance(read);
        } else {
            ready!(Pin::new(&mut self.stream).poll_read(cx, to))?;
        }
        Poll::Ready(self.charge(to.filled().len() - before))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, from);
        self.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, from);
        self.wrote(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    fn connection(budget: &HeaderBudget) -> (Metered<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(1 << 20);
        (budget.meter(ours), theirs)
    }

    fn left(budget: &HeaderBudget) -> usize {
        budget.0.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn budget_charged_beyond_8_kib_and_released() {
        let budget = HeaderBudget::new(10_000);
        let (mut ours, mut theirs) = connection(&budget);
        theirs.write_all(&[0; 16_000]).await.unwrap();
        ours.read_exact(&mut [0; MIN_HEAD_BYTES]).await.unwrap();
        assert!(left(&budget) == 10_000 && !ours.reservation().is_any());
        ours.read_exact(&mut [0; 100]).await.unwrap();
        assert!(left(&budget) == 9_900 && ours.reservation().is_any());
        // The next request has 8 KiB of its own.
        ours.write_all(b"an answer").await.unwrap();
        ours.read_exact(&mut [0; 7_000]).await.unwrap();
        assert_eq!(left(&budget), 9_900);
        drop(ours);
        assert_eq!(left(&budget), 10_000);
    }

    #[tokio::test]
    async fn budget_exhausted_fails_only_that_connection() {
        let budget = HeaderBudget::new(10_000);
        let (mut ours, mut theirs) = connection(&budget);
        theirs.write_all(&[0; 30_000]).await.unwrap();
        let mut part = [0; 4096];
        while ours.read_exact(&mut part).await.is_ok() {}
        assert!(left(&budget) < 4096);
        let (mut other, mut others) = connection(&budget);
        others.write_all(&[0; MIN_HEAD_BYTES]).await.unwrap();
        other.read_exact(&mut [0; MIN_HEAD_BYTES]).await.unwrap();
        drop(ours);
        assert_eq!(left(&budget), 10_000);
    }
}
