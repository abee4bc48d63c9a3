//! The loop that accepts connections, and its limits.

mod client_addr;
mod header_budget;
mod limits;
mod listener;
mod malformed;
mod per_client;
mod slow_read;
mod stream_permits;
mod tls;

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::{sleep, timeout},
};

use tokio_util::sync::CancellationToken;

pub use client_addr::{ClientAddr, ClientNet};
use header_budget::{HeaderBudget, Reservation};
pub use limits::Limits;
pub use listener::Listener;
use listener::{Accept, Accepted};
use per_client::PerClientLimit;
use slow_read::SlowReadTimeout;
pub use stream_permits::{StreamLimit, StreamPermit, StreamPermits};
pub use tls::{Pem, PemFile, Tls, TlsError};

use crate::{Response, response};
use limits::MIN_HEAD_BYTES;

/// A request as it is received.
pub type Received = Request<Incoming>;

/// Pause after a failed `accept`: the cause, usually a lack of file descriptors, lasts, and an immediate retry would
/// use a whole core.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);

/// Answers requests on all listeners with `answer` until `shutdown` completes, then lets running requests finish within
/// [`Limits::shutdown_grace`]. Errors of single connections and of `accept` are logged and do not end it.
pub async fn serve<A, R>(listeners: Vec<Listener>, answer: A, limits: Limits, shutdown: impl Future<Output = ()>)
where
    A: Fn(ClientAddr, Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    serve_from(listener::all(listeners), answer, limits, shutdown).await;
}

async fn serve_from<A, R>(source: impl Accept, answer: A, limits: Limits, shutdown: impl Future<Output = ()>)
where
    A: Fn(ClientAddr, Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let stopping = CancellationToken::new();
    let per_client = PerClientLimit::new(limits.connections_each);
    let budget = HeaderBudget::new(limits.all_heads_bytes);
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.as_mut() => break,
            accepted = next(&source, &mut connections, limits.connections) => accepted,
        };
        let Some(permit) = per_client.acquire(accepted.client) else {
            tracing::debug!(client = %accepted.client, "connection closed: too many connections of one address");
            continue;
        };
        let (answer, limits, budget, stopping) = (answer.clone(), limits.clone(), budget.clone(), stopping.clone());
        connections.spawn(async move {
            run_connection(accepted, answer, limits, budget, stopping).await;
            drop(permit);
        });
    }
    // Closing the listeners refuses connections that wait in the kernel's queue.
    drop(source);
    stopping.cancel();
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.shutdown_grace, all).await.is_err() {
        tracing::warn!(left = connections.len(), "connections cut off: they did not finish within the grace period");
    }
}

/// Accepts the next connection as soon as the limit allows it.
async fn next(source: &impl Accept, connections: &mut JoinSet<()>, max: usize) -> Accepted {
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= max.max(1) {
            connections.join_next().await;
            continue;
        }
        match source.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {
                tracing::debug!(%error, "connection ended before it was accepted");
            }
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// True if only this connection failed, so that no pause is needed.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected)
}

/// Serves one connection from the TLS handshake to its end.
async fn run_connection<A, R>(
    accepted: Accepted,
    answer: A,
    limits: Limits,
    budget: HeaderBudget,
    stopping: CancellationToken,
) where
    A: Fn(ClientAddr, Request<Incoming>) -> R,
    R: Future<Output = Response>,
{
    let client = accepted.client;
    let stream = tokio::select! {
        biased;
        stream = accepted.handshake(&limits, &budget) => stream,
        () = stopping.cancelled() => return,
    };
    if let Some(stream) = stream {
        let reservation = stream.reservation();
        serve_http(stream, &reservation, |request| answer(client, request), limits, stopping).await;
    }
}

/// Answers the requests of a connection until it ends, or until `stopping` and the running request is answered. A
/// request that has a reservation in the header budget is the last of its connection.
async fn serve_http<S, A, R>(
    stream: S,
    reservation: &Arc<Reservation>,
    answer: A,
    limits: Limits,
    stopping: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> R,
    R: Future<Output = Response>,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes.max(MIN_HEAD_BYTES))
        .keep_alive(true);
    let io = TokioIo::new(SlowReadTimeout::new(stream, limits.write_timeout));
    let service = service_fn(|request| {
        let refusal = malformed::refusal(&request).map(Box::new);
        let response = refusal.map_or_else(|| Ok(answer(request)), Err);
        async {
            let response = match response {
                Ok(response) => response.await,
                Err(refusal) => *refusal,
            };
            Ok::<_, Infallible>(if reservation.is_any() { response::closing(response) } else { response })
        }
    });
    let mut connection = http.serve_connection(io, service);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = stopping.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection failed");
        let left = connection.into_parts();
        malformed::answer_preface(&left.read_buf, left.io.into_inner()).await;
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
    use crate::Body;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        sync::Mutex,
        time::Instant,
    };

    fn here() -> Response {
        Response::new(Body::from("here"))
    }

    /// The response to these bytes, and when the connection ends.
    async fn answer_to(bytes: &[u8], limits: Limits) -> (String, Duration) {
        let (ours, mut theirs) = duplex(1 << 20);
        let begun = Instant::now();
        theirs.write_all(bytes).await.unwrap();
        let ours = HeaderBudget::new(limits.all_heads_bytes).meter(ours);
        let conversation = tokio::spawn(async move {
            let reservation = ours.reservation();
            serve_http(ours, &reservation, |_| async { here() }, limits, CancellationToken::new()).await;
        });
        let mut answer = String::new();
        timeout(Duration::from_secs(60), theirs.read_to_string(&mut answer)).await.unwrap().unwrap();
        let took = begun.elapsed();
        drop(theirs);
        conversation.await.unwrap();
        (answer, took)
    }

    #[tokio::test(start_paused = true)]
    async fn incomplete_headers_time_out() {
        let (answer, took) = answer_to(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ", Limits::default()).await;
        assert_eq!((answer.as_str(), took), ("", Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connection_closed() {
        let (answer, took) = answer_to(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", Limits::default()).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("here"), "{answer}");
        assert_eq!(took, Duration::from_secs(10));
    }

    /// Fails with each error in turn, then stays pending.
    struct Failing {
        errors: Mutex<VecDeque<io::ErrorKind>>,
        asked: Arc<AtomicUsize>,
    }

    impl Accept for Failing {
        async fn accept(&self) -> io::Result<Accepted> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match self.errors.lock().await.pop_front() {
                Some(kind) => Err(kind.into()),
                None => pending().await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn accept_errors_tolerated() {
        let asked = Arc::new(AtomicUsize::new(0));
        let errors = [io::ErrorKind::Other, io::ErrorKind::ConnectionAborted, io::ErrorKind::OutOfMemory];
        let source = Failing { errors: Mutex::new(errors.into()), asked: Arc::clone(&asked) };
        // A pause follows the first and the third error, but not the second.
        serve_from(
            source,
            |_, _| async { here() },
            Limits::default(),
            sleep(2 * ACCEPT_BACKOFF - Duration::from_millis(1)),
        )
        .await;
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn accept_retried_after_backoff() {
        let asked = Arc::new(AtomicUsize::new(0));
        let source = Failing { errors: Mutex::new([io::ErrorKind::Other].into()), asked: Arc::clone(&asked) };
        serve_from(source, |_, _| async { here() }, Limits::default(), sleep(2 * ACCEPT_BACKOFF)).await;
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
