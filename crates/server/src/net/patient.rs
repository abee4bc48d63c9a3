//! A connection's stream that is patient, but not for ever: with a reader who stops reading or reads next to nothing, and
//! with one who still sends when there is nothing more to say to him.
//!
//! Whoever does not take what is written keeps it in memory. So waiting uses patience up, and what is taken gives it back,
//! and so does a time in which nothing waits: who reads slowly is waited for as long as he reads, and a stream of which
//! now and then a part waits is not ended for that.

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

/// How much a reader must take who is to be waited for as long as it takes, in bytes a second.
const RATE: f64 = 16_384.0;

/// How long the rest of a refused request is read away. Closing at once would reset the connection, and the reader
/// could lose the answer that says why.
const FAREWELL: Duration = Duration::from_secs(1);
/// How much of it is read away, in bytes.
const FAREWELL_BYTES: usize = 1024 * 1024;

/// The stream.
pub(crate) struct Patient<S> {
    stream: S,
    /// All the patience that there is.
    write_timeout: Duration,
    /// What is left of it, as it was when the last write stopped waiting.
    left: Duration,
    /// When that was; none if none has waited.
    rests_since: Option<Instant>,
    /// Runs while a write waits for the reader.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    farewell: Farewell,
}

enum Farewell {
    NotYet,
    /// Our side is closed; the other's bytes are read away.
    Reading {
        until: Pin<Box<Sleep>>,
        bytes: usize,
    },
}

impl<S> Patient<S> {
    /// A stream on which no write may wait longer than `write_timeout` for the reader, nor several of them if he takes
    /// less than [`RATE`].
    pub(crate) fn new(stream: S, write_timeout: Duration) -> Self {
        let left = write_timeout;
        Self { stream, write_timeout, left, rests_since: None, waiting: None, farewell: Farewell::NotYet }
    }

    /// Passes a write's outcome on, and counts the time while it is pending. The bytes are those that it has taken.
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
                self.rests_since = Some(now);
            }
            if self.rests_since.is_some() {
                let taken = done.as_ref().map_or(0, bytes);
                self.give_back(Duration::from_secs_f64(taken as f64 / RATE));
            }
            return outcome;
        }
        if self.waiting.is_none() {
            let now = Instant::now();
            if let Some(since) = self.rests_since.take() {
                self.give_back(now - since);
            }
            self.waiting = Some((now, Box::pin(sleep(self.left))));
        }
        if let Some((_, end)) = &mut self.waiting {
            ready!(end.as_mut().poll(cx));
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn give_back(&mut self, patience: Duration) {
        self.left = (self.left + patience).min(self.write_timeout);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
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
        // Encrypted bytes may have been taken and not sent.
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.timed(cx, outcome, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.farewell {
                Farewell::NotYet => {
                    let outcome = Pin::new(&mut this.stream).poll_shutdown(cx);
                    ready!(this.timed(cx, outcome, |()| 0))?;
                    this.farewell = Farewell::Reading { until: Box::pin(sleep(FAREWELL)), bytes: 0 };
                }
                Farewell::Reading { until, bytes } => return read_away(&mut this.stream, until, bytes, cx).map(Ok),
            }
        }
    }
}

/// Until the other side closes, or fails, or time or bytes are up.
fn read_away<S: AsyncRead + Unpin>(
    stream: &mut S,
    until: &mut Pin<Box<Sleep>>,
    bytes: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let mut scratch = [0; 4096];
    while *bytes < FAREWELL_BYTES {
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
        let error = Patient::new(ours, TIMEOUT).write_all(&[0; 9]).await.unwrap_err();
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
            let mut ours = Patient::new(Hoarder, TIMEOUT);
            ours.write_all(b"an answer").await.unwrap();
            let begun = Instant::now();
            let ending = async { if ends == "flush" { ours.flush().await } else { ours.shutdown().await } };
            let ended = tokio::time::timeout(2 * TIMEOUT, ending).await.expect("it is not waited for for ever");
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
        Patient::new(ours, TIMEOUT).write_all(&vec![0; 9 * PART]).await.unwrap();
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
        let error = Patient::new(ours, TIMEOUT).write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() <= TIMEOUT + Duration::from_secs(1), "{:?}", begun.elapsed());
        reading.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn stream_survives_reader_pauses() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = Patient::new(ours, TIMEOUT);
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
        Patient::new(ours, TIMEOUT).shutdown().await.unwrap();
        sending.await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO, "who has closed is not waited for");
    }

    #[tokio::test(start_paused = true)]
    async fn lingering_close_times_out() {
        let (ours, _theirs) = duplex(8);
        let begun = Instant::now();
        Patient::new(ours, TIMEOUT).shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), FAREWELL);
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
        let mut ours = Patient::new(ours, TIMEOUT);
        ours.shutdown().await.unwrap();
        drop(ours);
        assert!(sending.await.unwrap() <= FAREWELL_BYTES + 2 * 4096);
    }
}
