//! From a connection to one that is encrypted, or to a plain word on why not.

use std::io;

use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};
use tokio_rustls::{LazyConfigAcceptor, rustls::server::Acceptor};

use super::Tls;
use crate::{listen::Limits, patient::Patient, peer::Peer};

/// An encrypted connection.
pub(crate) type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// How TLS begins; no request in plain text begins so.
const HANDSHAKE_RECORD: u8 = 0x16;

/// What is said to whoever speaks plain HTTP where TLS is spoken.
const PLAIN_WORDS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 85\r\n\
    cache-control: no-store\r\nconnection: close\r\n\r\n\
    This port speaks HTTPS and was asked in plain HTTP: begin the address with https://.\n";

impl Tls {
    /// Shakes hands, within the time for it. None if that failed; the other side has been told why, and is gone.
    pub(crate) async fn shake_hands(&self, stream: TcpStream, peer: Peer, limits: &Limits) -> Option<TlsStream> {
        match timeout(limits.handshake_timeout, self.handshake(stream, peer, limits)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "a TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!(%peer, "a TLS handshake took too long");
                None
            }
        }
    }

    async fn handshake(&self, stream: TcpStream, peer: Peer, limits: &Limits) -> io::Result<TlsStream> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD && first[0].is_ascii_graphic() {
            let mut stream = Patient::new(stream, limits.write_timeout);
            stream.write_all(PLAIN_WORDS).await?;
            stream.shutdown().await?;
            return Err(io::Error::other("it spoke plain HTTP"));
        }
        // So far nothing is calculated: whoever says nothing keeps nobody waiting.
        let mut hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
        let started = match (&mut hello).await {
            Ok(started) => started,
            Err(error) => return farewell(hello.take_io(), error, limits).await,
        };
        let turn = self.queue.turn(peer.origin()).await;
        let accept = started.into_stream(self.newest());
        turn.end().await;
        match accept.into_fallible().await {
            Ok(stream) => Ok(stream),
            Err((error, stream)) => farewell(Some(stream), error, limits).await,
        }
    }
}

/// Closes a connection so that the alert that was sent on it arrives.
async fn farewell(stream: Option<TcpStream>, why: io::Error, limits: &Limits) -> io::Result<TlsStream> {
    if let Some(stream) = stream {
        Patient::new(stream, limits.write_timeout).shutdown().await?;
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_words_have_the_length_they_say() {
        let text = std::str::from_utf8(PLAIN_WORDS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
