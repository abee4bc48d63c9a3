//! A hub on a real socket, agents that play any part, and a viewer that sees every byte.

mod audit;
mod bodies;
mod hostile;
mod paths;
mod scopes;
mod streams;

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use http_server::{
    ErrorFormat, Route, Router, RouterConfig,
    auth::{Anonymous, AuthConfig, Scope, Tokens},
    net::{Limits, Listener, StreamPermits, serve},
};
use hyper::{Request, body::Incoming, header::HeaderValue};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::rustls;

use super::*;
use crate::target::Scheme;

const READ: &str = "sees-everything-here";
const SUMMARY: &str = "sees-a-summary-only";
const METRICS: &str = "scrapes-and-no-more";
const AGENTS_TOKEN: &str = "Bearer the-agents-own-secret";
/// Longest wait for something that comes.
const SOON: Duration = Duration::from_secs(20);

static ROUTES: [Route<Arc<Proxy>>; 1] = [Route::under("/hosts/", access, ErrorFormat::Problem, |context, rest| {
    answer(&context.router.state, context, rest)
})];

/// A hub with these hosts.
struct Hub {
    address: SocketAddr,
    targets: watch::Sender<TargetList>,
    tokens: watch::Sender<Arc<Tokens>>,
    streams: Arc<StreamPermits>,
    stop: Option<oneshot::Sender<()>>,
    done: JoinHandle<()>,
}

/// Answer that a viewer received.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// True if the body has its announced end.
    is_whole: bool,
}

/// A host that plays a part.
struct Host {
    endpoint: Endpoint,
    /// Heads of the requests that came.
    heads: mpsc::UnboundedReceiver<String>,
}

fn tokens(lines: &[(&str, &str, &str)]) -> Arc<Tokens> {
    let text: String = lines.iter().map(|(name, scope, token)| format!("{name} {scope} {token}\n")).collect();
    Arc::new(Tokens::parse(text.as_bytes()).unwrap())
}

fn all_tokens() -> Arc<Tokens> {
    tokens(&[("alice", "read", READ), ("board", "summary", SUMMARY), ("scraper", "metrics", METRICS)])
}

fn list(hosts: &[(&str, &Endpoint)]) -> TargetList {
    let target = |(name, endpoint): &(&str, &Endpoint)| {
        Arc::new(Target {
            endpoint: (*endpoint).clone(),
            name: (*name).into(),
            labels: Arc::default(),
            ssh_host: None,
            notes: Vec::new(),
        })
    };
    TargetList { targets: hosts.iter().map(target).collect(), is_loaded: true, ..TargetList::default() }
}

fn client(limit: Duration) -> Client {
    let builder = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let tls = builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Client::new(tls.into(), limit)
}

impl Hub {
    /// A hub with these hosts, of which those named `original` run the original agent.
    async fn new(hosts: &[(&str, &Endpoint)]) -> Self {
        Self::with(hosts, Anonymous::Nothing, StreamPermits::new(8)).await
    }

    async fn with(hosts: &[(&str, &Endpoint)], anonymous: Anonymous, streams: StreamPermits) -> Self {
        let (targets, listed) = watch::channel(list(hosts));
        let (tokens, watched) = watch::channel(all_tokens());
        let streams = Arc::new(streams);
        let original = hosts.iter().find(|(name, _)| *name == "original").map(|(_, endpoint)| (*endpoint).clone());
        let token_for = |_: &Endpoint, peer: IpAddr| {
            assert!(peer.is_loopback());
            Some(HeaderValue::from_static(AGENTS_TOKEN))
        };
        let proxy = Arc::new(Proxy::new(ProxyConfig {
            targets: listed,
            client: client(Duration::from_secs(2)),
            token_for: Box::new(token_for),
            original_at: Box::new(move |endpoint| {
                (original.as_ref() == Some(endpoint)).then_some(Original { takes_bare_token: true })
            }),
            knows_originals: hosts.iter().all(|(name, _)| *name != "unknown"),
            streams: Arc::clone(&streams),
        }));
        let config = RouterConfig {
            prefix: "/hub".parse().unwrap(),
            auth: AuthConfig { tokens: Some(watched), anonymous, ..AuthConfig::default() },
            allowed_hosts: None,
            cors_origins: Vec::new(),
            access_log: false,
            logged_parameters: &["gpu", "since"],
            routes: ROUTES.iter().collect(),
            open_below: "/assets/",
            unrouted_errors: |_| ErrorFormat::Legacy,
        };
        let router = Arc::new(Router::new(config, proxy));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let answer = move |peer, request: Request<Incoming>| router.reply(Some(peer), &request);
        let stopped = async { drop(stopped.await) };
        let listeners = vec![Listener::Tcp(listener, None)];
        let done = tokio::spawn(serve(listeners, answer, Limits::default(), stopped));
        Self { address, targets, tokens, streams, stop: Some(stop), done }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request and returns the connection.
    async fn send(&self, head: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// The answer to a whole head.
    async fn answer_to(&self, head: &str) -> Answer {
        let mut stream = self.send(head).await;
        let mut bytes = Vec::new();
        // A connection that is cut can be reset.
        let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap();
        Answer::read(&bytes, head.starts_with("HEAD "))
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.answer_to(&request(path, token, "")).await
    }
}

/// A request for a path below `/hosts/`, with more header lines.
fn request(path: &str, token: &str, more: &str) -> String {
    let token = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    format!("GET /hub/hosts/{path} HTTP/1.1\r\nhost: hub\r\n{token}connection: close\r\n{more}\r\n")
}

impl Answer {
    fn read(bytes: &[u8], is_head: bool) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head[9..12].parse().unwrap();
        let mut answer = Self { status, head, body: Vec::new(), is_whole: is_head };
        let rest = &bytes[end + 4..];
        if answer.header("transfer-encoding") == "chunked" {
            (answer.body, answer.is_whole) = dechunked(rest);
        } else if !is_head {
            let length = answer.header("content-length").parse().ok();
            (answer.body, answer.is_whole) = (rest.to_vec(), length == Some(rest.len()));
        }
        answer
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head.lines().skip(1).map(|line| line.split_once(": ").unwrap())
    }

    fn header(&self, name: &str) -> &str {
        self.headers().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Text of the hub's error.
    #[track_caller]
    fn detail(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// The bytes of chunks, and whether the last one came.
fn dechunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            assert_eq!(&rest[line..], b"\r\n\r\n", "no trailers");
            return (body, true);
        }
        let chunk = &rest[line + 2..];
        body.extend_from_slice(&chunk[..length.min(chunk.len())]);
        if chunk.len() < length + 2 {
            break;
        }
        rest = &chunk[length + 2..];
    }
    (body, false)
}

impl Host {
    /// A host that does this with each connection, once a request's head has come.
    async fn playing<F, R>(play: F) -> Self
    where
        F: Fn(TcpStream, String) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (to, heads) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                let head = String::from_utf8(head).unwrap();
                let _ = to.send(head.clone());
                tokio::spawn(play(stream, head));
            }
        });
        let endpoint = Endpoint { scheme: Scheme::Http, host: "127.0.0.1".into(), port, prefix: "/agent".into() };
        Self { endpoint, heads }
    }

    /// A host that sends these bytes and closes the connection.
    async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Arc::new(bytes.into());
        Self::playing(move |mut stream, _| {
            let bytes = Arc::clone(&bytes);
            async move {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    async fn next_head(&mut self) -> String {
        timeout(SOON, self.heads.recv()).await.unwrap().unwrap()
    }

    fn heard(&mut self) -> bool {
        self.heads.try_recv().is_ok()
    }
}

/// An answer with this body, and header lines besides its length.
fn said(headers: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

const JSON: &str = "content-type: application/json\r\n";

/// Lines of the audit log in this thread, while the guard lives.
fn audited() -> (Arc<Mutex<Vec<u8>>>, tracing::subscriber::DefaultGuard) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let writer = Lines(Arc::clone(&lines));
    let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone());
    (lines, tracing::subscriber::set_default(subscriber.finish()))
}

#[derive(Clone)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
