//! TLS handshakes, and the hint for clients that speak plain HTTP.

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
use crate::net::{ClientAddr, ClientNet, Limits, header_budget::Metered, slow_read::SlowReadTimeout};

/// An encrypted connection.
pub(crate) type TlsStream = tokio_rustls::server::TlsStream<Metered<TcpStream>>;

/// First byte of a TLS connection; no plain HTTP request begins with it.
const HANDSHAKE_RECORD: u8 = 0x16;

/// Response to plain HTTP on a TLS port.
const PLAIN_HTTP_RESPONSE: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 85\r\n\
    cache-control: no-store\r\nconnection: close\r\n\r\n\
    This port speaks HTTPS and was asked in plain HTTP: begin the address with https://.\n";

impl Tls {
    /// Completes a handshake within its timeout. `None` if it failed; the client has received the alert.
    pub(crate) async fn accept(
        &self,
        stream: Metered<TcpStream>,
        client: ClientAddr,
        limits: &Limits,
    ) -> Option<TlsStream> {
        match timeout(limits.handshake_timeout, self.handshake(stream, client, limits)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%client, %error, "TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!(%client, "TLS handshake timed out");
                None
            }
        }
    }

    async fn handshake(
        &self,
        stream: Metered<TcpStream>,
        client: ClientAddr,
        limits: &Limits,
    ) -> io::Result<TlsStream> {
        let mut first = [0];
        if stream.stream().peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD && first[0].is_ascii_graphic() {
            let mut stream = SlowReadTimeout::new(stream, limits.write_timeout);
            stream.write_all(PLAIN_HTTP_RESPONSE).await?;
            stream.shutdown().await?;
            return Err(io::Error::other("the client sent plain HTTP"));
        }
        // Nothing is computed up to here, so a silent client delays nobody.
        let mut hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
        let started = match (&mut hello).await {
            Ok(started) => started,
            Err(error) => return linger(hello.take_io(), error, limits).await,
        };
        let turn = self.queue.turn(client.net()).await;
        let accept = started.into_stream(self.newest());
        turn.end().await;
        match self.in_turns(client.net(), accept.into_fallible()).await {
            Ok(stream) => Ok(stream),
            Err((error, stream)) => linger(Some(stream), error, limits).await,
        }
    }
}

impl Tls {
    /// Awaits the rest of a handshake, with a turn for each step: later steps can be expensive too, for example after a
    /// `HelloRetryRequest`.
    async fn in_turns<T>(&self, net: ClientNet, handshake: impl Future<Output = T>) -> T {
        let mut handshake = pin!(handshake);
        let woken = Arc::new(Woken(Notify::new()));
        let waker = Arc::clone(&woken).into();
        loop {
            let turn = self.queue.turn(net).await;
            let step = handshake.as_mut().poll(&mut Context::from_waker(&waker));
            turn.end().await;
            match step {
                Poll::Ready(done) => return done,
                // It holds no turn while it waits for the client.
                Poll::Pending => woken.0.notified().await,
            }
        }
    }
}

/// Waker that remembers a wake-up.
struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// Closes a connection so that the alert arrives.
async fn linger(stream: Option<Metered<TcpStream>>, why: io::Error, limits: &Limits) -> io::Result<TlsStream> {
    if let Some(stream) = stream {
        SlowReadTimeout::new(stream, limits.write_timeout).shutdown().await?;
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::*;
    use crate::net::{header_budget::HeaderBudget, tls::Pem};
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
        let ours = HeaderBudget::new(0).meter(ours);
        let shaking = tokio::spawn({
            let tls = Arc::clone(&tls);
            async move { tls.accept(ours, ClientAddr::Ip(address), &limits).await.is_some() }
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
        // The server waits for the client's part. Meanwhile another client has the turn.
        let turn = tls.queue.turn(ClientNet::Unix).await;
        bytes.clear();
        client.write_tls(&mut bytes).unwrap();
        theirs.write_all(&bytes).await.unwrap();
        // The paused clock advances when no task is ready.
        pause();
        sleep(Duration::from_secs(60)).await;
        assert!(!shaking.is_finished(), "computed out of turn");
        turn.end().await;
        assert!(shaking.await.unwrap());
    }

    #[test]
    fn plain_http_reply_length_is_correct() {
        let text = std::str::from_utf8(PLAIN_HTTP_RESPONSE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
