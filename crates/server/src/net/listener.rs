//! Where connections come from: addresses and Unix sockets, with TLS or without.

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
    Limits,
    heads::{Counted, Heads, Taken},
};
use crate::net::{
    peer::Peer,
    tls::{Tls, TlsStream},
};

/// Something that is listened on.
#[derive(Debug)]
pub enum Listener {
    /// An address, and TLS if it is spoken there.
    Tcp(TcpListener, Option<Arc<Tls>>),
    /// A file.
    Unix(UnixListener),
}

/// A connection that has come in.
pub(super) struct Caller {
    pub(super) peer: Peer,
    stream: Raw,
    tls: Option<Arc<Tls>>,
}

/// As it was taken.
enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Where connections are taken from.
pub(super) trait Accept {
    async fn accept(&self) -> io::Result<Caller>;
}

/// All listeners, taken from in turns.
pub(super) struct All {
    listeners: Vec<Listener>,
    turn: AtomicUsize,
}

pub(super) fn all(listeners: Vec<Listener>) -> All {
    All { listeners, turn: AtomicUsize::new(0) }
}

impl Accept for All {
    async fn accept(&self) -> io::Result<Caller> {
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
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Caller>> {
        match self {
            Self::Tcp(listener, tls) => listener.poll_accept(cx).map(|accepted| {
                let (stream, address) = accepted?;
                // An answer is written at once or waits for the reader; there is nothing to gather packets for.
                stream.set_nodelay(true)?;
                Ok(Caller { peer: Peer::Ip(address), stream: Raw::Tcp(stream), tls: tls.clone() })
            }),
            Self::Unix(listener) => listener.poll_accept(cx).map(|accepted| {
                let (stream, _) = accepted?;
                Ok(Caller { peer: Peer::Unix, stream: Raw::Unix(stream), tls: None })
            }),
        }
    }
}

impl Caller {
    /// The stream to talk over, after the handshake where there is one; none if it failed.
    pub(super) async fn greet(self, limits: &Limits, heads: &Heads) -> Option<Stream> {
        match (self.stream, self.tls) {
            (Raw::Unix(stream), _) => Some(Stream::Unix(heads.count(stream))),
            (Raw::Tcp(stream), None) => Some(Stream::Tcp(heads.count(stream))),
            (Raw::Tcp(stream), Some(tls)) => {
                // In a box, since it is four times as large as all else that a connection takes for as long as it lasts.
                let stream = Box::pin(tls.shake_hands(heads.count(stream), self.peer, limits)).await?;
                Some(Stream::Tls(Box::new(stream)))
            }
        }
    }
}

/// A connection of any kind. One type for all, so that what talks HTTP over it is compiled once.
pub(super) enum Stream {
    Tcp(Counted<TcpStream>),
    Unix(Counted<UnixStream>),
    Tls(Box<TlsStream>),
}

impl Stream {
    /// What its requests have taken of the memory for all.
    pub(super) fn taken(&self) -> Arc<Taken> {
        match self {
            Self::Tcp(stream) => stream.taken(),
            Self::Unix(stream) => stream.taken(),
            Self::Tls(stream) => stream.get_ref().0.taken(),
        }
    }
}

/// The same call on whichever it is.
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
