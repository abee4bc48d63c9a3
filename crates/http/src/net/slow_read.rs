//! Stream wrapper with a cumulative write timeout and a lingering close.
//!
//! Unread data stays in memory. Waiting for the client uses up the timeout; bytes that the client reads, and time in
//! which no write waits, restore it. A client that reads slowly but above [`MIN_RATE`] is never disconnected.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// Minimum read rate (bytes/s) below which the write timeout runs.
const MIN_RATE: f64 = 16_384.0;

/// Duration of a lingering close, in which the rest of a refused request is read. Closing at once would reset the
/// connection, and the client could lose the response.
const LINGER: Duration = Duration::from_secs(1);
/// Maximum bytes that a lingering close reads.
const MAX_LINGER_BYTES: usize = 1024 * 1024;

/// A stream with a write timeout.
pub(crate) struct SlowReadTimeout<S> {
    stream: S,
    /// The full timeout.
    write_timeout: Duration,
    /// The rest of it, as of the end of the last wait.
    left: Duration,
    /// When the last wait ended; `None` if no write has waited.
    idle_since: Option<Instant>,
    /// Start and deadline of the present wait.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    close: LingeringClose,
}

enum LingeringClose {
    Open,
    /// Our side is closed; bytes of the other side are discarded.
    Draining {
        until: Pin<Box<Sleep>>,
        bytes: usize,
    },
}

impl<S> SlowReadTimeout<S> {
    /// A stream whose writes wait for at most `write_timeout`, cumulated while the client reads less than [`MIN_RATE`].
    pub(crate) fn new(stream: S, write_timeout: Duration) -> Self {
        let left = write_timeout;
        Self { stream, write_timeout, left, idle_since: None, waiting: None, close: LingeringClose::Open }
    }

    /// Passes the result of a write on, and counts the time while it is pending. `bytes` are those that were written.
    fn timed<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(done) = &outcome {
            if let Some((since, _)) = self.waiting.take() {
                let now = Instant::now();
                self.left = self.left.saturating_sub(now - since);
                self.idle_since = Some(now);
            }
            if self.idle_since.is_some() {
                let taken = done.as_ref().map_or(0, bytes);
                self.restore(Duration::from_secs_f64(taken as f64 / MIN_RATE));
            }
            return outcome;
        }
        if self.waiting.is_none() {
            let now = Instant::now();
            if let Some(since) = self.idle_since.take() {
                self.restore(now - since);
            }
            self.waiting = Some((now, Box::pin(sleep(self.left))));
        }
        if let Some((_, end)) = &mut self.waiting {
            ready!(end.as_mut().poll(cx));
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn restore(&mut self, time: Duration) {
        self.left = (self.left + time).min(self.write_timeout);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SlowReadTimeout<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for SlowReadTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, from);
        self.timed(cx, outcome, |taken| *taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, from);
        self.timed(cx, outcome, |taken| *taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS may have accepted bytes without sending them.
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.timed(cx, outcome, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.close {
                LingeringClose::Open => {
                    let outcome = Pin::new(&mut this.stream).poll_shutdown(cx);
                    ready!(this.timed(cx, outcome, |()| 0))?;
                    this.close = LingeringClose::Draining { until: Box::pin(sleep(LINGER)), bytes: 0 };
                }
                LingeringClose::Draining { until, bytes } => return drain(&mut this.stream, until, bytes, cx).map(Ok),
            }
        }
    }
}

/// Discards input until the other side closes, an error, the deadline or the maximum of bytes.
fn drain<S: AsyncRead + Unpin>(
    stream: &mut S,
    until: &mut Pin<Box<Sleep>>,
    bytes: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let mut scratch = [0; 4096];
    while *bytes < MAX_LINGER_BYTES {
        let mut to = ReadBuf::new(&mut scratch);
        match Pin::new(&mut *stream).poll_read(cx, &mut to) {
            Poll::Ready(Ok(())) if !to.filled().is_empty() => *bytes += to.filled().len(),
            Poll::Ready(_) => break,
            Poll::Pending => return until.as_mut().poll(cx),
        }
    }
    Poll::Ready(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn stopped_reader_is_disconnected() {
        let (ours, _theirs) = duplex(8);
        let begun = Instant::now();
        let error = SlowReadTimeout::new(ours, TIMEOUT).write_all(&[0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), TIMEOUT);
    }

    /// Takes everything and sends nothing, as encryption does whose other side does not read.
    struct Hoarder;

    impl AsyncRead for Hoarder {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Hoarder {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(from.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn unread_tls_bytes_are_not_waited_for() {
        for ends in ["flush", "shutdown"] {
            let mut ours = SlowReadTimeout::new(Hoarder, TIMEOUT);
            ours.write_all(b"an answer").await.unwrap();
            let begun = Instant::now();
            let ending = async { if ends == "flush" { ours.flush().await } else { ours.shutdown().await } };
            let ended = tokio::time::timeout(2 * TIMEOUT, ending).await.expect("it does not wait forever");
            assert_eq!((ended.unwrap_err().kind(), begun.elapsed()), (io::ErrorKind::TimedOut, TIMEOUT), "{ends}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_reader_tolerated_while_reading() {
        const PART: usize = 512 * 1024;
        let (ours, mut theirs) = duplex(PART);
        let begun = Instant::now();
        let reading = tokio::spawn(async move {
            let mut part = vec![0; PART];
            for _ in 0..9 {
                sleep(TIMEOUT - Duration::from_secs(1)).await;
                theirs.read_exact(&mut part).await.unwrap();
            }
        });
        SlowReadTimeout::new(ours, TIMEOUT).write_all(&vec![0; 9 * PART]).await.unwrap();
        reading.await.unwrap();
        assert!(begun.elapsed() > 8 * (TIMEOUT - Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn trickling_reader_is_disconnected() {
        let (ours, mut theirs) = duplex(8);
        let begun = Instant::now();
        let reading = tokio::spawn(async move {
            while theirs.read_u8().await.is_ok() {
                sleep(Duration::from_secs(7)).await;
            }
        });
        let error = SlowReadTimeout::new(ours, TIMEOUT).write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() <= TIMEOUT + Duration::from_secs(1), "{:?}", begun.elapsed());
        reading.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn stream_survives_reader_pauses() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = SlowReadTimeout::new(ours, TIMEOUT);
        let reading = tokio::spawn(async move {
            // Each part is taken late, and then there is nothing to say for a while.
            for _ in 0..20 {
                sleep(TIMEOUT - Duration::from_secs(1)).await;
                theirs.read_exact(&mut [0; 16]).await.unwrap();
            }
        });
        for _ in 0..20 {
            ours.write_all(&[0; 16]).await.unwrap();
            sleep(TIMEOUT).await;
        }
        reading.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn rest_of_request_is_drained() {
        let (ours, mut theirs) = duplex(8);
        let sending = tokio::spawn(async move {
            theirs.write_all(&[0; 9000]).await.unwrap();
        });
        let begun = Instant::now();
        SlowReadTimeout::new(ours, TIMEOUT).shutdown().await.unwrap();
        sending.await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO, "no wait after the client has closed");
    }

    #[tokio::test(start_paused = true)]
    async fn lingering_close_times_out() {
        let (ours, _theirs) = duplex(8);
        let begun = Instant::now();
        SlowReadTimeout::new(ours, TIMEOUT).shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), LINGER);
    }

    #[tokio::test(start_paused = true)]
    async fn endless_sender_is_cut_off() {
        let (ours, mut theirs) = duplex(4096);
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            while let Ok(bytes) = theirs.write(&[0; 4096]).await {
                sent += bytes;
            }
            sent
        });
        let mut ours = SlowReadTimeout::new(ours, TIMEOUT);
        ours.shutdown().await.unwrap();
        drop(ours);
        assert!(sending.await.unwrap() <= MAX_LINGER_BYTES + 2 * 4096);
    }
}
