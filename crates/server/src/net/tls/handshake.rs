//! From a connection to one that is encrypted, or to a plain word on why not.

use std::{
    future::Future,
    io,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake},
};

use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::Notify, time::timeout};
use tokio_rustls::{LazyConfigAcceptor, rustls::server::Acceptor};

use super::Tls;
use crate::net::{
    Counted, Limits,
    patient::Patient,
    peer::{Origin, Peer},
};

/// An encrypted connection.
pub(crate) type TlsStream = tokio_rustls::server::TlsStream<Counted<TcpStream>>;

/// How TLS begins; no request in plain text begins so.
const HANDSHAKE_RECORD: u8 = 0x16;

/// What is said to whoever speaks plain HTTP where TLS is spoken.
const PLAIN_WORDS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 85\r\n\
    cache-control: no-store\r\nconnection: close\r\n\r\n\
    This port speaks HTTPS and was asked in plain HTTP: begin the address with https://.\n";

impl Tls {
    /// Shakes hands, within the time for it. None if that failed; the other side has been told why, and is gone.
    pub(crate) async fn shake_hands(
        &self,
        stream: Counted<TcpStream>,
        peer: Peer,
        limits: &Limits,
    ) -> Option<TlsStream> {
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

    async fn handshake(&self, stream: Counted<TcpStream>, peer: Peer, limits: &Limits) -> io::Result<TlsStream> {
        let mut first = [0];
        if stream.stream().peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD && first[0].is_ascii_graphic() {
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
        match self.in_turns(peer.origin(), accept.into_fallible()).await {
            Ok(stream) => Ok(stream),
            Err((error, stream)) => farewell(Some(stream), error, limits).await,
        }
    }
}

impl Tls {
    /// Awaits the rest of a handshake, a turn for each step: what the other side answers may have to be calculated with
    /// too, the more so if it has been asked to begin anew with another group (a `HelloRetryRequest`).
    async fn in_turns<T>(&self, origin: Origin, handshake: impl Future<Output = T>) -> T {
        let mut handshake = pin!(handshake);
        let woken = Arc::new(Woken(Notify::new()));
        let waker = Arc::clone(&woken).into();
        loop {
            let turn = self.queue.turn(origin).await;
            let step = handshake.as_mut().poll(&mut Context::from_waker(&waker));
            turn.end().await;
            match step {
                Poll::Ready(done) => return done,
                // It holds no turn while the other side is waited for.
                Poll::Pending => woken.0.notified().await,
            }
        }
    }
}

/// Remembers that a step can be made.
struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// Closes a connection so that the alert that was sent on it arrives.
async fn farewell(stream: Option<Counted<TcpStream>>, why: io::Error, limits: &Limits) -> io::Result<TlsStream> {
    if let Some(stream) = stream {
        Patient::new(stream, limits.write_timeout).shutdown().await?;
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::*;
    use crate::net::{Heads, tls::Pem};
    use tokio::{
        io::AsyncReadExt as _,
        net::TcpListener,
        time::{pause, sleep},
    };
    use tokio_rustls::rustls::{
        ClientConfig, ClientConnection, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject as _},
    };

    /// A certificate for localhost with its key.
    fn pem() -> Pem {
        let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost \
                         -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout - -out -";
        let output = Command::new("openssl").args(arguments.split_whitespace()).output().expect("openssl is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Pem { certificates: output.stdout.clone(), key: output.stdout, client_authorities: None }
    }

    fn client(pem: &Pem) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem.certificates).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        ClientConnection::new(Arc::new(builder.with_no_client_auth()), "localhost".try_into().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn handshake_steps_wait_for_turn() {
        let pem = pem();
        let (tls, mut client) = (Arc::new(Tls::new(&pem).unwrap()), client(&pem));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (ours, address) = listener.accept().await.unwrap();
        let limits = Limits { handshake_timeout: Duration::from_secs(3600), ..Limits::default() };
        let ours = Heads::new(0).count(ours);
        let shaking = tokio::spawn({
            let tls = Arc::clone(&tls);
            async move { tls.shake_hands(ours, Peer::Ip(address), &limits).await.is_some() }
        });
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        theirs.write_all(&bytes).await.unwrap();
        while client.is_handshaking() {
            let mut some = [0; 4096];
            let length = theirs.read(&mut some).await.unwrap();
            client.read_tls(&mut &some[..length]).unwrap();
            client.process_new_packets().unwrap();
        }
        // The server has said its part and waits for ours. Meanwhile it is another's turn.
        let turn = tls.queue.turn(Origin::Unix).await;
        bytes.clear();
        client.write_tls(&mut bytes).unwrap();
        theirs.write_all(&bytes).await.unwrap();
        // The clock goes on once there is nothing left to do.
        pause();
        sleep(Duration::from_secs(60)).await;
        assert!(!shaking.is_finished(), "it has been calculated out of turn");
        turn.end().await;
        assert!(shaking.await.unwrap());
    }

    #[test]
    fn plain_http_reply_length_is_correct() {
        let text = std::str::from_utf8(PLAIN_WORDS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
