//! Listeners: TCP with or without TLS, and Unix sockets.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

use super::{
    ClientAddr, Limits,
    header_budget::{HeaderBudget, Metered, Reservation},
    tls::{Tls, TlsStream},
};

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// A TCP address, optionally with TLS.
    Tcp(TcpListener, Option<Arc<Tls>>),
    /// A Unix socket.
    Unix(UnixListener),
}

/// An accepted connection.
pub(super) struct Accepted {
    pub(super) client: ClientAddr,
    stream: Raw,
    tls: Option<Arc<Tls>>,
}

/// The stream before TLS.
enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A source of connections.
pub(super) trait Accept {
    async fn accept(&self) -> io::Result<Accepted>;
}

/// All listeners, polled in turn.
pub(super) struct All {
    listeners: Vec<Listener>,
    turn: AtomicUsize,
}

pub(super) fn all(listeners: Vec<Listener>) -> All {
    All { listeners, turn: AtomicUsize::new(0) }
}

impl Accept for All {
    async fn accept(&self) -> io::Result<Accepted> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.listeners.len().max(1);
        let (before, from) = self.listeners.split_at(turn);
        poll_fn(|cx| {
            let ready = from.iter().chain(before).find_map(|listener| match listener.poll_accept(cx) {
                Poll::Ready(accepted) => Some(accepted),
                Poll::Pending => None,
            });
            ready.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

impl Listener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Self::Tcp(listener, tls) => listener.poll_accept(cx).map(|accepted| {
                let (stream, address) = accepted?;
                // A response is written in one piece, so Nagle's algorithm would only delay it.
                stream.set_nodelay(true)?;
                Ok(Accepted { client: ClientAddr::Ip(address), stream: Raw::Tcp(stream), tls: tls.clone() })
            }),
            Self::Unix(listener) => listener.poll_accept(cx).map(|accepted| {
                let (stream, _) = accepted?;
                Ok(Accepted { client: ClientAddr::Unix, stream: Raw::Unix(stream), tls: None })
            }),
        }
    }
}

impl Accepted {
    /// Completes the TLS handshake, if any; `None` if it failed.
    pub(super) async fn handshake(self, limits: &Limits, budget: &HeaderBudget) -> Option<Stream> {
        match (self.stream, self.tls) {
            (Raw::Unix(stream), _) => Some(Stream::Unix(budget.meter(stream))),
            (Raw::Tcp(stream), None) => Some(Stream::Tcp(budget.meter(stream))),
            (Raw::Tcp(stream), Some(tls)) => {
                // Boxed, because this future is four times as large as the rest of a connection's state.
                let stream = Box::pin(tls.accept(budget.meter(stream), self.client, limits)).await?;
                Some(Stream::Tls(Box::new(stream)))
            }
        }
    }
}

/// A connection of any kind. A single type, so that the HTTP code is compiled once.
pub(super) enum Stream {
    Tcp(Metered<TcpStream>),
    Unix(Metered<UnixStream>),
    Tls(Box<TlsStream>),
}

impl Stream {
    /// The reservation of its requests in the header budget.
    pub(super) fn reservation(&self) -> Arc<Reservation> {
        match self {
            Self::Tcp(stream) => stream.reservation(),
            Self::Unix(stream) => stream.reservation(),
            Self::Tls(stream) => stream.get_ref().0.reservation(),
        }
    }
}

/// Calls a method on the stream of any kind.
macro_rules! on_stream {
    ($this:ident, $stream:ident => $call:expr) => {
        match $this.get_mut() {
            Stream::Tcp($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            Stream::Unix($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            Stream::Tls($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_read(cx, to))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write(cx, from))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write_vectored(cx, from))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_shutdown(cx))
    }
}
