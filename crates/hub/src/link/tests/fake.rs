//! A server that plays an agent, and a hub of links alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::{
    client::Client,
    credentials::{AgentTokens, Credentials},
    link::{Shared, Timing, keep},
    report::{Failure, Observation, Report, Seen},
    target::{Endpoint, Scheme, Target, TargetList},
};

/// Longest time for which a test waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that a server sends after a request, and its behaviour afterwards.
pub(super) struct Plan {
    pub(super) bytes: Vec<u8>,
    pub(super) end: End,
}

/// Behaviour of a server after its answer.
pub(super) enum End {
    Close,
    Hold,
    /// One byte of these after each pause, and then it holds.
    Drip(Vec<u8>, Duration),
    /// All of these again after each pause.
    Every(Vec<u8>, Duration),
    /// These bytes forever.
    Repeat(Vec<u8>),
}

impl Plan {
    pub(super) fn close(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), end: End::Close }
    }

    pub(super) fn hold(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), end: End::Hold }
    }

    pub(super) fn then(bytes: impl Into<Vec<u8>>, end: End) -> Self {
        Self { bytes: bytes.into(), end }
    }
}

/// A server.
pub(super) struct Fake {
    pub(super) endpoint: Endpoint,
    connections: Arc<AtomicUsize>,
    open: watch::Receiver<usize>,
    /// Bytes that it has sent.
    pub(super) sent: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub(super) fn below(&self, prefix: &str) -> Endpoint {
        Endpoint { prefix: prefix.into(), ..self.endpoint.clone() }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    pub(super) fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Waits until all connections are closed.
    pub(super) async fn closed(&self) {
        let mut open = self.open.clone();
        timeout(PATIENCE, open.wait_for(|open| *open == 0)).await.unwrap().unwrap();
    }
}

/// Starts a server; the plan gets the connection's number and the head of its request.
pub(super) async fn fake(plan: impl Fn(usize, &str) -> Plan + Send + Sync + 'static) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (connections, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, open) = watch::channel(0);
    let (plan, numbers, bytes) = (Arc::new(plan), Arc::clone(&connections), Arc::clone(&sent));
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let number = numbers.fetch_add(1, SeqCst);
            count.send_modify(|open| *open += 1);
            let (plan, bytes, count) = (Arc::clone(&plan), Arc::clone(&bytes), count.clone());
            tokio::spawn(async move {
                let _ = play(&mut stream, |request| plan(number, request), &bytes).await;
                drop(stream);
                count.send_modify(|open| *open -= 1);
            });
        }
    });
    let endpoint = Endpoint { scheme: Scheme::Http, host: "127.0.0.1".into(), port, prefix: "".into() };
    Fake { endpoint, connections, open, sent, task }
}

async fn play(stream: &mut TcpStream, plan: impl Fn(&str) -> Plan, sent: &AtomicUsize) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let Plan { bytes, end } = plan(std::str::from_utf8(&head).unwrap());
    stream.write_all(&bytes).await?;
    sent.fetch_add(bytes.len(), SeqCst);
    match end {
        End::Close => return stream.shutdown().await,
        End::Hold => {}
        End::Drip(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                sleep(pause).await;
            }
        }
        End::Every(bytes, pause) => loop {
            stream.write_all(&bytes).await?;
            sleep(pause).await;
        },
        End::Repeat(bytes) => loop {
            stream.write_all(&bytes).await?;
            sent.fetch_add(bytes.len(), SeqCst);
        },
    }
    // Until the other side closes.
    stream.read_buf(&mut head).await.map(|_| ())
}

/// Answers a request with a stream of one summary, and holds the connection.
pub(super) async fn write_summary(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut head = [0; 4096];
    let text = stream_of(&format!("event: summary\ndata: {}\n\n", summary("over TLS")));
    if stream.read(&mut head).await.is_ok() && stream.write_all(&text).await.is_ok() && stream.flush().await.is_ok() {
        let _ = stream.read(&mut head).await;
    }
}

/// Path and query of a request.
pub(super) fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap()
}

/// A stream's head and the beginning of its body.
pub(super) fn stream_of(text: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\r\n{text}").into_bytes()
}

/// A summary with one free GPU.
pub(super) fn summary(hostname: &str) -> String {
    json!({"hostname": hostname, "agent_version": "0.2.0", "interval_ms": 100, "age_ms": 210, "collector_state": "ok", "problems": [],
        "gpus": [{"index": 0, "uuid": "GPU-1", "state": "ok", "use": "free", "verdict": "free", "health": "ok", "users": [],
            "memory_total_bytes": 1000, "memory_free_bytes": 900, "mig_mode": false, "mig": []}]})
    .to_string()
}

/// The links of a hub, and their channels.
pub(super) struct Hub {
    pub(super) viewers: watch::Sender<usize>,
    targets: watch::Sender<TargetList>,
    tokens: watch::Sender<Arc<AgentTokens>>,
    from: mpsc::Receiver<Observation>,
}

fn list(endpoints: &[&Endpoint]) -> TargetList {
    let target = |(position, endpoint): (usize, &&Endpoint)| {
        Arc::new(Target {
            endpoint: (*endpoint).clone(),
            name: format!("gpu{position}").into(),
            labels: Arc::default(),
            ssh_host: None,
            notes: Vec::new(),
        })
    };
    TargetList { targets: endpoints.iter().enumerate().map(target).collect(), is_loaded: true, ..TargetList::default() }
}

fn tokens(text: &str) -> Arc<AgentTokens> {
    Arc::new(AgentTokens::parse(text.as_bytes()).unwrap())
}

impl Hub {
    pub(super) fn to(endpoints: &[&Endpoint], timing: Timing) -> Self {
        Self::with_tokens(endpoints, timing, "")
    }

    pub(super) fn with_token(endpoints: &[&Endpoint], timing: Timing, token: Option<&str>) -> Self {
        Self::with_tokens(endpoints, timing, token.unwrap_or_default())
    }

    pub(super) fn with_tokens(endpoints: &[&Endpoint], timing: Timing, text: &str) -> Self {
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let tls = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        Self::start(endpoints, timing, text, tls)
    }

    pub(super) fn over_tls(endpoints: &[&Endpoint], timing: Timing, tls: ClientConfig) -> Self {
        Self::start(endpoints, timing, "", tls)
    }

    fn start(endpoints: &[&Endpoint], timing: Timing, text: &str, tls: ClientConfig) -> Self {
        let client = Client::new(tls.into(), Duration::from_secs(2));
        let (viewers, watched) = watch::channel(0);
        let (targets, listed) = watch::channel(list(endpoints));
        let (tokens, accepted) = watch::channel(tokens(text));
        let (to, from) = mpsc::channel(4);
        tokio::spawn(keep(listed, Shared::new(client, Credentials::new(accepted), watched, to, timing)));
        Self { viewers, targets, tokens, from }
    }

    pub(super) fn list(&self, endpoints: &[&Endpoint]) {
        self.targets.send_replace(list(endpoints));
    }

    pub(super) fn set_tokens(&self, text: &str) {
        self.tokens.send_replace(tokens(text));
    }

    pub(super) async fn next(&mut self) -> Observation {
        timeout(PATIENCE, self.from.recv()).await.expect("an observation in time").unwrap()
    }

    /// The next report.
    pub(super) async fn report(&mut self) -> Report {
        self.until(|_| true).await
    }

    /// The next report that fits.
    pub(super) async fn until(&mut self, fits: impl Fn(&Report) -> bool) -> Report {
        let mut failures = Vec::new();
        let found = timeout(PATIENCE, async {
            loop {
                match self.next().await.seen {
                    Seen::Report(report) if fits(&report) => return *report,
                    Seen::Failed(failure) => failures.push(failure),
                    _ => {}
                }
            }
        })
        .await;
        found.unwrap_or_else(|_| panic!("no such report, but {:?}", failures.last()))
    }

    /// The next failure.
    pub(super) async fn failure(&mut self) -> Failure {
        loop {
            if let Seen::Failed(failure) = self.next().await.seen {
                return failure;
            }
        }
    }
}
