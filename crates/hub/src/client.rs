//! HTTP client for agents, lists of targets and engines: one request per connection, within limits.
//!
//! It follows no redirect, so a token reaches no host that it was not given for, and it asks for no compression, so a
//! short answer cannot become a long one.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{CONTENT_ENCODING, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, CertificateError, ClientConfig, pki_types::ServerName},
};

use crate::{
    lookup::{Lookup, Lookups},
    target::{Endpoint, Scheme},
};

/// Longest head of an answer, in bytes. hyper accepts no smaller limit than 8 KiB.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// Most bytes that are read before the head of the answer is complete. hyper skips interim answers (100 to 199) without
/// a limit, so a server could send them at full speed until the timeout.
const MAX_BYTES_TO_HEAD: usize = 4 * MAX_HEAD_BYTES;
/// Most header fields of an answer.
const MAX_HEADERS: usize = 64;

/// Client of agents, lists and engines.
#[derive(Clone)]
pub struct Client {
    tls: ClientTls,
    /// Timeout for a connection with its handshake, and again for the head of the answer.
    timeout: Duration,
    lookups: Arc<Lookups>,
    room: Option<Room>,
}

/// Connections that may be open at once, each with a file descriptor.
#[derive(Clone)]
struct Room {
    permits: Arc<Semaphore>,
    max: usize,
}

/// TLS configuration of a client, which can change: each connection takes the newest.
#[derive(Clone, Debug)]
pub struct ClientTls(watch::Receiver<Arc<ClientConfig>>);

/// A connection without a request yet, so that the request can depend on the peer's address.
pub struct Connection {
    wire: Box<dyn Wire>,
    peer: IpAddr,
    timeout: Duration,
    permit: Option<OwnedSemaphorePermit>,
}

/// A request.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Place.
    pub endpoint: &'a Endpoint,
    /// Method.
    pub method: Method,
    /// Path after the endpoint's prefix, with its query.
    pub path: &'a str,
    /// Header fields besides `Host`.
    pub headers: HeaderMap,
    /// Body; empty for none.
    pub body: Bytes,
}

/// Reason why there is no answer, or not the whole.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The name has no address.
    #[error("cannot resolve the name: {0}")]
    Resolve(io::Error),
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// No connection in time.
    #[error("no connection within {} s", .0.as_secs_f64())]
    ConnectTimeout(Duration),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The certificate, or another part of the TLS handshake.
    #[error("{}", tls_reason(.0))]
    Tls(rustls::Error),
    /// The answer is not HTTP, or the connection ended.
    #[error("expected an HTTP answer: {0}")]
    Http(hyper::Error),
    /// The body is too long.
    #[error("expected at most {0} bytes, got more")]
    TooLong(usize),
    /// The path or a header field cannot be sent.
    #[error("cannot send the request: {0}")]
    Request(hyper::http::Error),
    /// The body is compressed although no compression was accepted.
    #[error("expected a body without compression")]
    Compressed,
    /// As many connections are open as there are file descriptors for.
    #[error(
        "all {0} file descriptors for connections to hosts are in use; raise the hub's limit (LimitNOFILE= of its unit, ulimit -n)"
    )]
    NoDescriptor(usize),
}

impl ClientError {
    /// True if the certificate is invalid: the host is then `refused`, not `unreachable`.
    #[must_use]
    pub const fn is_certificate(&self) -> bool {
        matches!(self, Self::Tls(rustls::Error::InvalidCertificate(_)))
    }
}

/// Reason why there is no TLS connection.
fn tls_reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => certificate(why),
        why => format!("the TLS handshake failed: {why}"),
    }
}

fn certificate(why: &CertificateError) -> String {
    let why = match why {
        CertificateError::UnknownIssuer => "its authority is unknown; add it to --agent-ca".into(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet".into(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name".into()
        }
        other => other.to_string(),
    };
    format!("invalid certificate: {why}")
}

/// Stream of bytes to a server.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Stream that fails once it has read more than is left.
struct Counted {
    wire: Box<dyn Wire>,
    left: Arc<AtomicUsize>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl ClientTls {
    /// The newest configuration of files that can change.
    #[must_use]
    pub const fn new(newest: watch::Receiver<Arc<ClientConfig>>) -> Self {
        Self(newest)
    }

    /// Waits for another configuration; forever if it cannot change.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl From<ClientConfig> for ClientTls {
    fn from(unchanging: ClientConfig) -> Self {
        Arc::new(unchanging).into()
    }
}

impl From<Arc<ClientConfig>> for ClientTls {
    fn from(unchanging: Arc<ClientConfig>) -> Self {
        Self(watch::channel(unchanging).1)
    }
}

/// As much as is left if there is no limit.
const UNLIMITED: usize = usize::MAX;

impl Client {
    /// Client with these authorities, and this timeout for a connection and for the head of an answer.
    #[must_use]
    pub fn new(tls: ClientTls, timeout: Duration) -> Self {
        Self { tls, timeout, lookups: Arc::default(), room: None }
    }

    /// The same client with another timeout.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// The same client for requests of others, with another timeout: their names wait for none of these, nor these for
    /// theirs.
    #[must_use]
    pub(crate) fn beside(&self, timeout: Duration) -> Self {
        Self { timeout, lookups: Arc::new(self.lookups.beside(timeout)), tls: self.tls.clone(), room: None }
    }

    /// TLS configuration, to wait for its changes.
    pub(crate) fn tls(&self) -> ClientTls {
        self.tls.clone()
    }

    /// The same client with at most this many open connections.
    #[must_use]
    pub fn limited_to(self, max: usize) -> Self {
        let permits = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Self { room: Some(Room { permits, max }), ..self }
    }

    /// Connects, without a request. The timeout begins when it is the name's turn to be looked up.
    ///
    /// # Errors
    /// There is no connection within the timeout.
    pub async fn connect(&self, endpoint: &Endpoint) -> Result<Connection, ClientError> {
        let lookup = match endpoint.host.parse::<IpAddr>() {
            Ok(_) => None,
            Err(_) => Some(self.lookups.begin(&endpoint.host).await.map_err(ClientError::Resolve)?),
        };
        let connected = timeout(self.timeout, self.open(endpoint, lookup)).await;
        connected.map_err(|_| ClientError::ConnectTimeout(self.timeout))?
    }

    /// Sends a request, and returns the head of the answer with its body still to be read. Any status is an answer.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send(&self, ask: Ask<'_>) -> Result<Response<Incoming>, ClientError> {
        self.connect(ask.endpoint).await?.send(ask).await
    }

    /// Sends a request, and returns the head of the answer and its whole body, which has at most `max` bytes.
    ///
    /// # Errors
    /// There is no whole answer within the time.
    pub async fn fetch(
        &self,
        ask: Ask<'_>,
        max: usize,
        within: Duration,
    ) -> Result<(StatusCode, HeaderMap, Bytes), ClientError> {
        let whole = async { whole(self.send(ask).await?, max).await };
        timeout(within, whole).await.map_err(|_| ClientError::Timeout(within))?
    }

    async fn open(&self, endpoint: &Endpoint, lookup: Option<Lookup>) -> Result<Connection, ClientError> {
        let end = Instant::now() + self.timeout;
        let addresses = resolve(endpoint, lookup).await?;
        let permit = match &self.room {
            Some(Room { permits, max }) => {
                Some(Arc::clone(permits).try_acquire_owned().map_err(|_| ClientError::NoDescriptor(*max))?)
            }
            None => None,
        };
        let (wire, peer) = self.open_wire(endpoint, &addresses, end).await?;
        Ok(Connection { wire, peer, timeout: self.timeout, permit })
    }

    async fn open_wire(
        &self,
        endpoint: &Endpoint,
        addresses: &[SocketAddr],
        end: Instant,
    ) -> Result<(Box<dyn Wire>, IpAddr), ClientError> {
        let (stream, peer) = self.open_tcp(addresses, end).await?;
        // Requests are small, and wait for nothing.
        stream.set_nodelay(true).map_err(ClientError::Connect)?;
        if endpoint.scheme == Scheme::Http {
            return Ok((Box::new(stream), peer));
        }
        let name = ServerName::try_from(endpoint.host.to_string())
            .map_err(|error| ClientError::Connect(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let config = Arc::clone(&self.tls.0.borrow());
        let connected = TlsConnector::from(config).connect(name, stream).await;
        let connected = connected.map_err(|error| match error.downcast::<rustls::Error>() {
            Ok(error) => ClientError::Tls(error),
            Err(error) => ClientError::Connect(error),
        })?;
        Ok((Box::new(connected), peer))
    }

    /// Tries the addresses in their order; each has an equal part of the time that is left.
    async fn open_tcp(&self, addresses: &[SocketAddr], end: Instant) -> Result<(TcpStream, IpAddr), ClientError> {
        let mut failed = ClientError::Resolve(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        for (position, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - position).unwrap_or(1);
            let turn = Instant::now() + end.saturating_duration_since(Instant::now()) / left;
            failed = match timeout_at(turn, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, address.ip())),
                Ok(Err(error)) => ClientError::Connect(error),
                Err(_) => ClientError::ConnectTimeout(self.timeout),
            };
        }
        Err(failed)
    }
}

impl Connection {
    /// Address of the peer.
    #[must_use]
    pub const fn peer(&self) -> IpAddr {
        self.peer
    }

    /// As [`Client::send`], over this connection.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send(self, ask: Ask<'_>) -> Result<Response<Incoming>, ClientError> {
        let request = request(&ask)?;
        let mut http = http1::Builder::new();
        http.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
        let left = Arc::new(AtomicUsize::new(MAX_BYTES_TO_HEAD));
        let wire = Counted { wire: self.wire, left: Arc::clone(&left), _permit: self.permit };
        let (mut sender, connection) = http.handshake(TokioIo::new(wire)).await.map_err(ClientError::Http)?;
        // It ends with the body, or with the last handle to it.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to a target failed");
            }
        });
        let answer = timeout(self.timeout, sender.send_request(request)).await;
        let answer = answer.map_err(|_| ClientError::Timeout(self.timeout))?.map_err(ClientError::Http)?;
        // The body has its own limits.
        left.store(UNLIMITED, Ordering::Relaxed);
        Ok(answer)
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::other("the head of the answer is too long")));
        }
        let before = to.filled().len();
        let polled = Pin::new(&mut self.wire).poll_read(context, to);
        if left != UNLIMITED {
            self.left.store(left.saturating_sub(to.filled().len() - before), Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}

/// The head of an answer, and its whole body.
pub(crate) async fn whole(
    answer: Response<Incoming>,
    max: usize,
) -> Result<(StatusCode, HeaderMap, Bytes), ClientError> {
    let (head, body) = answer.into_parts();
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err(ClientError::Compressed);
    }
    let body = Limited::new(body, max).collect().await.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(error) => ClientError::Http(*error),
        Err(error) => {
            debug_assert!(error.is::<LengthLimitError>());
            ClientError::TooLong(max)
        }
    })?;
    Ok((head.status, head.headers, body.to_bytes()))
}

async fn resolve(endpoint: &Endpoint, lookup: Option<Lookup>) -> Result<Vec<SocketAddr>, ClientError> {
    let mut addresses = match (endpoint.host.parse::<IpAddr>(), lookup) {
        (Ok(address), _) => vec![SocketAddr::new(address, endpoint.port)],
        (Err(_), Some(lookup)) => lookup.addresses().await.map_err(ClientError::Resolve)?,
        (Err(_), None) => Vec::new(),
    };
    addresses.iter_mut().for_each(|address| address.set_port(endpoint.port));
    Ok(addresses)
}

fn request(ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, ClientError> {
    let Ask { endpoint, method, path, headers, body } = ask;
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", endpoint.prefix))
        .body(Full::new(body.clone()))
        .map_err(ClientError::Request)?;
    *request.headers_mut() = headers.clone();
    let host = HeaderValue::try_from(endpoint.authority()).map_err(|error| ClientError::Request(error.into()))?;
    request.headers_mut().insert(HOST, host);
    Ok(request)
}

#[cfg(test)]
mod tests;
