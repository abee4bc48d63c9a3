//! The memory that requests take before they are whole: so much for all connections together.
//!
//! A connection's first 8 KiB of a request are its own: hyper has a buffer of that size for each anyway, and no usual
//! request takes more. What goes beyond comes out of one store for all. It comes back when the connection ends, and with
//! its answer it does: a buffer that has grown stays grown.

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

use super::LEAST_HEAD_BYTES;

/// The store.
#[derive(Clone, Debug)]
pub(crate) struct Heads(Arc<AtomicUsize>);

/// What a connection has taken out of it, until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    bytes: AtomicUsize,
    left: Arc<AtomicUsize>,
}

/// A connection's stream, of which what is read is counted.
pub(crate) struct Counted<S> {
    stream: S,
    /// Bytes that were read since something was last written: since the last answer, or step of a handshake. What the last
    /// read brought beyond the end of that request is not among them, which is another first part at most.
    since: usize,
    taken: Arc<Taken>,
}

impl Heads {
    /// With so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// Counts what is read of a stream.
    pub(crate) fn count<S>(&self, stream: S) -> Counted<S> {
        let taken = Taken { bytes: AtomicUsize::new(0), left: Arc::clone(&self.0) };
        Counted { stream, since: 0, taken: Arc::new(taken) }
    }
}

impl Taken {
    /// Whether it is anything.
    pub(crate) fn is_any(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// Takes so many bytes more; not if there are not as many.
    fn take(&self, bytes: usize) -> bool {
        let enough = |left: usize| left.checked_sub(bytes);
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough).is_ok();
        self.bytes.fetch_add(if taken { bytes } else { 0 }, Ordering::Relaxed);
        taken
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.left.fetch_add(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

impl<S> Counted<S> {
    pub(crate) const fn stream(&self) -> &S {
        &self.stream
    }

    /// What it has taken, now and later.
    pub(crate) fn taken(&self) -> Arc<Taken> {
        Arc::clone(&self.taken)
    }

    /// Counts what was read; an error if there is no room for it.
    fn read(&mut self, bytes: usize) -> io::Result<()> {
        let beyond = |since: usize| since.saturating_sub(LEAST_HEAD_BYTES);
        let before = beyond(self.since);
        self.since += bytes;
        if self.taken.take(beyond(self.since) - before) {
            return Ok(());
        }
        Err(io::Error::other("requests that are not whole yet take too much memory"))
    }

    /// Passes a write's outcome on; after one the next request begins.
    fn wrote(&mut self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(outcome, Poll::Ready(Ok(1..))) {
            self.since = 0;
        }
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        if to.remaining() > LEAST_HEAD_BYTES {
            // No more at once than a connection has for itself: of many requests that come one behind the other each is
            // whole, and takes nothing.
            let mut part = ReadBuf::new(to.initialize_unfilled_to(LEAST_HEAD_BYTES));
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
            let read = part.filled().len();
            to.advance(read);
        } else {
            ready!(Pin::new(&mut self.stream).poll_read(cx, to))?;
        }
        Poll::Ready(self.read(to.filled().len() - before))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
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

    fn connection(heads: &Heads) -> (Counted<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(1 << 20);
        (heads.count(ours), theirs)
    }

    fn left(heads: &Heads) -> usize {
        heads.0.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn header_budget_reserved_and_returned() {
        let heads = Heads::new(10_000);
        let (mut ours, mut theirs) = connection(&heads);
        theirs.write_all(&[0; 16_000]).await.unwrap();
        ours.read_exact(&mut [0; LEAST_HEAD_BYTES]).await.unwrap();
        assert!(left(&heads) == 10_000 && !ours.taken().is_any());
        ours.read_exact(&mut [0; 100]).await.unwrap();
        assert!(left(&heads) == 9_900 && ours.taken().is_any());
        // The next request has a first part of its own.
        ours.write_all(b"an answer").await.unwrap();
        ours.read_exact(&mut [0; 7_000]).await.unwrap();
        assert_eq!(left(&heads), 9_900);
        drop(ours);
        assert_eq!(left(&heads), 10_000);
    }

    #[tokio::test]
    async fn header_budget_exhausted_rejects_only_that_client() {
        let heads = Heads::new(10_000);
        let (mut ours, mut theirs) = connection(&heads);
        theirs.write_all(&[0; 30_000]).await.unwrap();
        let mut part = [0; 4096];
        while ours.read_exact(&mut part).await.is_ok() {}
        assert!(left(&heads) < 4096);
        let (mut other, mut others) = connection(&heads);
        others.write_all(&[0; LEAST_HEAD_BYTES]).await.unwrap();
        other.read_exact(&mut [0; LEAST_HEAD_BYTES]).await.unwrap();
        drop(ours);
        assert_eq!(left(&heads), 10_000);
    }
}
