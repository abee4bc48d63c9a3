//! The loop that takes connections, and what it allows them.

pub(crate) mod crowd;
mod heads;
mod listener;
mod patient;
pub(crate) mod peer;
pub(crate) mod seats;
pub(crate) mod tls;

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::response::Response;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    http::answer as answers,
    net::{crowd::Crowd, patient::Patient, peer::Peer},
};
use heads::Taken;
pub(crate) use heads::{Counted, Heads};
pub use listener::Listener;
use listener::{Accept, Caller};

/// The least that hyper takes for a connection's buffer.
const LEAST_HEAD_BYTES: usize = 8192;
/// How long the loop rests after it could not take a connection: the cause, mostly a lack of file descriptors, does
/// not go away at once, and trying again at once would only burn a core.
const REST: Duration = Duration::from_secs(1);

/// What a stranger may use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. Further ones wait in the kernel's queue until one ends.
    pub connections: usize,
    /// Connections at once from one address, or from one network of 64 bits. Further ones are closed. One over a Unix
    /// socket is mostly a proxy's, and does not count.
    pub connections_each: usize,
    /// Request line and headers, in bytes; at least 8192 is taken. Beyond it the answer is 431, and 414 where it is
    /// the address alone that is longer than 65,534 bytes but still fits in here.
    pub head_bytes: usize,
    /// What all requests together that are not whole yet may take beyond 8 KiB of each, in bytes. Who goes over it is
    /// closed.
    pub all_heads_bytes: usize,
    /// How long a request's head may take to arrive, and how long a connection may be idle between requests.
    pub head_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long writes may wait for a reader who does not read, or who reads next to nothing.
    pub write_timeout: Duration,
    /// How long answers in the making may take after the shutdown began.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            connections_each: 1536,
            head_bytes: 128 * 1024,
            all_heads_bytes: 32 << 20,
            head_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}

/// Has `answer` answer what comes over the listeners until `shutdown` completes, then lets answers in the making finish
/// within [`Limits::shutdown_grace`], and returns. No failure of a connection, nor of taking one, ends it before.
pub async fn serve<A, R>(listeners: Vec<Listener>, answer: A, limits: Limits, shutdown: impl Future<Output = ()>)
where
    A: Fn(Peer, Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    serve_from(listener::all(listeners), answer, limits, shutdown).await;
}

async fn serve_from<A, R>(source: impl Accept, answer: A, limits: Limits, shutdown: impl Future<Output = ()>)
where
    A: Fn(Peer, Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    let (open, _) = watch::channel(());
    let mut connections = JoinSet::new();
    let crowd = Crowd::new(limits.connections_each);
    let heads = Heads::new(limits.all_heads_bytes);
    let mut shutdown = pin!(shutdown);
    loop {
        let caller = tokio::select! {
            biased;
            () = shutdown.as_mut() => break,
            caller = next(&source, &mut connections, limits.connections) => caller,
        };
        let Some(place) = crowd.enter(caller.peer) else {
            tracing::debug!(peer = %caller.peer, "too many connections of one address: another is closed");
            continue;
        };
        let (answer, limits, heads, open) = (answer.clone(), limits.clone(), heads.clone(), open.subscribe());
        connections.spawn(async move {
            receive(caller, answer, limits, heads, open).await;
            drop(place);
        });
    }
    // Nobody waits in the queue of a listener that is gone.
    drop(source);
    drop(open);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.shutdown_grace, all).await.is_err() {
        tracing::warn!(left = connections.len(), "connections are cut off, since they did not end in time");
    }
}

/// The next connection, as soon as there is room for it.
async fn next(source: &impl Accept, connections: &mut JoinSet<()>, most: usize) -> Caller {
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= most.max(1) {
            connections.join_next().await;
            continue;
        }
        match source.accept().await {
            Ok(caller) => return caller,
            Err(error) if is_of_one_connection(&error) => tracing::debug!(%error, "a connection ended as it began"),
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                sleep(REST).await;
            }
        }
    }
}

/// Whether only that connection failed, so that the next may be taken at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected)
}

/// Answers one connection from its beginning to its end.
async fn receive<A, R>(caller: Caller, answer: A, limits: Limits, heads: Heads, mut open: watch::Receiver<()>)
where
    A: Fn(Peer, Request<Incoming>) -> R,
    R: Future<Output = Response>,
{
    let peer = caller.peer;
    let stream = tokio::select! {
        biased;
        stream = caller.greet(&limits, &heads) => stream,
        _ = open.changed() => return,
    };
    if let Some(stream) = stream {
        let taken = stream.taken();
        converse(stream, &taken, |request| answer(peer, request), limits, open).await;
    }
}

/// Answers one connection's requests until it ends, or `open`'s sender is gone and the answer in the making is
/// given. It ends with the answer to a request that has taken of the memory for all.
async fn converse<S, A, R>(stream: S, taken: &Arc<Taken>, answer: A, limits: Limits, mut open: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> R,
    R: Future<Output = Response>,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes.max(LEAST_HEAD_BYTES))
        .keep_alive(true);
    let io = TokioIo::new(Patient::new(stream, limits.write_timeout));
    let service = service_fn(|request| {
        let answer = answer(request);
        async {
            let answer = answer.await;
            Ok::<_, Infallible>(if taken.is_any() { answers::closing(answer) } else { answer })
        }
    });
    let mut connection = pin!(http.serve_connection(io, service));
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        _ = open.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection failed");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        future::pending,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use super::*;
    use axum::body::Body;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        sync::Mutex,
        time::Instant,
    };

    fn here() -> Response {
        Response::new(Body::from("here"))
    }

    /// What comes back for bytes after which the other side only listens, and when the connection ends.
    async fn answer_to(bytes: &[u8], limits: Limits) -> (String, Duration) {
        let (ours, mut theirs) = duplex(1 << 20);
        let (_sender, open) = watch::channel(());
        let begun = Instant::now();
        theirs.write_all(bytes).await.unwrap();
        let ours = Heads::new(limits.all_heads_bytes).count(ours);
        let conversation = tokio::spawn(async move {
            let taken = ours.taken();
            converse(ours, &taken, |_| async { here() }, limits, open).await;
        });
        let mut answer = String::new();
        timeout(Duration::from_secs(60), theirs.read_to_string(&mut answer)).await.unwrap().unwrap();
        let took = begun.elapsed();
        drop(theirs);
        conversation.await.unwrap();
        (answer, took)
    }

    #[tokio::test(start_paused = true)]
    async fn request_head_times_out() {
        let (answer, took) = answer_to(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ", Limits::default()).await;
        assert_eq!((answer.as_str(), took), ("", Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connection_closed() {
        let (answer, took) = answer_to(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", Limits::default()).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("here"), "{answer}");
        assert_eq!(took, Duration::from_secs(10));
    }

    /// Fails with each error in turn, and then has no more connections.
    struct Failing {
        errors: Mutex<VecDeque<io::ErrorKind>>,
        asked: Arc<AtomicUsize>,
    }

    impl Accept for Failing {
        async fn accept(&self) -> io::Result<Caller> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match self.errors.lock().await.pop_front() {
                Some(kind) => Err(kind.into()),
                None => pending().await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn accept_failure_is_survived() {
        let asked = Arc::new(AtomicUsize::new(0));
        let errors = [io::ErrorKind::Other, io::ErrorKind::ConnectionAborted, io::ErrorKind::OutOfMemory];
        let source = Failing { errors: Mutex::new(errors.into()), asked: Arc::clone(&asked) };
        // After the first and the third error the loop rests, after the second it does not.
        serve_from(source, |_, _| async { here() }, Limits::default(), sleep(2 * REST - Duration::from_millis(1)))
            .await;
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn accept_loop_continues_after_failures() {
        let asked = Arc::new(AtomicUsize::new(0));
        let source = Failing { errors: Mutex::new([io::ErrorKind::Other].into()), asked: Arc::clone(&asked) };
        serve_from(source, |_, _| async { here() }, Limits::default(), sleep(2 * REST)).await;
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
