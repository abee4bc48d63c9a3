//! `/api/v1/stream`: each snapshot, or each summary that has news, as a Server-Sent Event.
//!
//! A tick is rendered and compressed once for all clients of a scope. A client has no queue: when its connection accepts
//! more data it is sent the newest snapshot, so a slow client skips snapshots and uses no memory. Events are not
//! skipped.

mod summaries;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream::unfold;
use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use tokio::{sync::watch, time::sleep};

use http_server::{
    Body, Response,
    auth::{Revocation, Scope},
    encoding,
    error::problem,
    gzip,
    net::{ClientAddr, StreamLimit, StreamPermit, StreamPermits},
    response,
};

use crate::{
    publish::Published,
    store::snapshot_id::SnapshotId,
    v1::{StreamView, View, rendered, stream_view},
};
use summaries::{Late, Summaries};

/// Time without a snapshot after which a comment is sent, so that proxies keep the connection open.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// First line: the delay before a reconnect, in milliseconds. No empty line follows, so it belongs to the first event:
/// some clients make an event without data of a block that has no other field.
const GREETING: &[u8] = b"retry: 2000\n";
/// A comment, which belongs to the next event for the same reason.
const ALIVE: &[u8] = b": alive\n";
/// Retry delay when all permits are taken, in seconds.
static LATER: HeaderValue = HeaderValue::from_static("30");

/// Opens a stream from now on, or from the snapshot after the one in `Last-Event-ID`.
pub(crate) fn open(
    streams: &StreamPermits,
    mut newest: watch::Receiver<Arc<Published>>,
    scope: Scope,
    revocation: Revocation,
    client: Option<ClientAddr>,
    query: &str,
    headers: &HeaderMap,
) -> Response {
    let view = match stream_view(query) {
        Ok(StreamView::Snapshot) => Following::Snapshots { last: last_seen(headers) },
        Ok(StreamView::Summary) => Following::Summaries(Summaries::default()),
        Err(detail) => return problem(StatusCode::BAD_REQUEST, &detail),
    };
    let permit = match streams.acquire(client) {
        Ok(permit) => permit,
        Err(limit) => return refusal(limit, streams.max()),
    };
    // The current snapshot is sent at once.
    newest.mark_changed();
    let packed = encoding::accepts(headers, "gzip");
    let reader = StreamState { newest, scope, packed, view, greeted: false, revocation, permit };
    let parts = unfold(reader, StreamState::next);
    response::event_stream(Body::stream(parts), packed)
}

fn refusal(limit: StreamLimit, max: usize) -> Response {
    let taken = match limit {
        StreamLimit::Total => format!("All {max} streams are taken"),
        StreamLimit::PerClient(each) => {
            format!("Your address has {each} of the {max} streams, the maximum for one address")
        }
    };
    let detail = format!("{taken}; poll /api/v1/snapshot instead, or raise --stream-clients.");
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, &detail);
    response.headers_mut().insert(RETRY_AFTER, LATER.clone());
    response
}

/// The number of the last snapshot of this run that the client has received; `None` without `Last-Event-ID`.
fn last_seen(headers: &HeaderMap) -> Option<u64> {
    SnapshotId::parse(headers.get("last-event-id")?.to_str().ok()?)
}

/// View that a client follows, and the last event that it was sent.
enum Following {
    /// The number of the snapshot sent last; `None` if the client wants no earlier events.
    Snapshots {
        last: Option<u64>,
    },
    Summaries(Summaries),
}

struct StreamState {
    newest: watch::Receiver<Arc<Published>>,
    scope: Scope,
    packed: bool,
    view: Following,
    greeted: bool,
    revocation: Revocation,
    permit: StreamPermit,
}

impl StreamState {
    /// The next bytes to send; `None` at the end.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if !self.greeted {
            self.greeted = true;
            return Some((self.greeting()?, self));
        }
        loop {
            let heartbeat = self.heartbeat();
            tokio::select! {
                biased;
                () = self.permit.closed() => return None,
                () = self.revocation.revoked() => return None,
                changed = self.newest.changed() => changed.ok()?,
                () = sleep(heartbeat) => return Some((self.late()?, self)),
            }
            if let Some(part) = self.tick() {
                return Some((part, self));
            }
        }
    }

    fn greeting(&self) -> Option<Bytes> {
        let greeting = self.sent(GREETING)?;
        Some(if self.packed { [gzip::STREAM_HEADER, &greeting].concat().into() } else { greeting })
    }

    /// Time without a snapshot after which something is sent all the same.
    const fn heartbeat(&self) -> Duration {
        match self.view {
            Following::Snapshots { .. } => HEARTBEAT,
            Following::Summaries(_) => summaries::LONGEST,
        }
    }

    /// The bytes after that time.
    fn late(&mut self) -> Option<Bytes> {
        let Following::Summaries(summaries) = &mut self.view else { return self.sent(ALIVE) };
        let newest = Arc::clone(&self.newest.borrow());
        match summaries.late(&newest, self.scope, self.packed)? {
            Late::Encoded(bytes) => Some(bytes),
            Late::Plain(text) => self.sent(&text),
        }
    }

    /// The bytes for the newest snapshot; `None` if there is nothing to send, or it cannot be rendered.
    fn tick(&mut self) -> Option<Bytes> {
        let newest = Arc::clone(&self.newest.borrow_and_update());
        match &mut self.view {
            Following::Snapshots { last } => {
                let last = last.replace(newest.snapshot.sequence);
                self.snapshot(&newest, last)
            }
            Following::Summaries(summaries) => summaries.tick(&newest, self.scope, self.packed),
        }
    }

    /// The newest snapshot and the events until then; `None` if the client has it, or it cannot be rendered.
    fn snapshot(&self, newest: &Published, last: Option<u64>) -> Option<Bytes> {
        let sequence = newest.snapshot.sequence;
        let (tick, _) = newest.v1.body(&newest.snapshot, self.scope, View::Tick, self.packed)?;
        if last == Some(sequence) && sequence > 0 {
            return None;
        }
        let Some(last) = last.filter(|last| last + 1 < sequence) else { return Some(tick) };
        let missed = rendered::happened(
            newest.v1.events(&newest.snapshot, self.scope)?.of(&newest.snapshot, last + 1..=sequence - 1),
        );
        Some(if missed.is_empty() { tick } else { [self.sent(&missed)?, tick].concat().into() })
    }

    /// Encodes text as this stream requires.
    fn sent(&self, plain: &[u8]) -> Option<Bytes> {
        if self.packed { gzip::block(plain) } else { Some(Bytes::copy_from_slice(plain)) }
    }
}
