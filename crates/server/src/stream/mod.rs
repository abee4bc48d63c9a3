//! `/api/v1/stream`: every snapshot as it comes, as Server-Sent Events.
//!
//! What a tick says is rendered once, and compressed once, for all readers of a scope. A reader holds no queue: when
//! its connection takes more it is given the newest, so that a slow one skips snapshots and costs no memory. Events
//! are not skipped.

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
    v1::{View, rendered},
};

/// After so long without a snapshot a comment is sent, so that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What is said at the beginning: after how many milliseconds to come again when the connection is lost.
const GREETING: &[u8] = b"retry: 2000\n\n";
const ALIVE: &[u8] = b": alive\n\n";
/// For who finds all places taken, in seconds.
static LATER: HeaderValue = HeaderValue::from_static("30");

/// Takes a place and streams from now on, or from the snapshot after the one that `Last-Event-ID` names.
pub(crate) fn open(
    streams: &StreamPermits,
    mut newest: watch::Receiver<Arc<Published>>,
    scope: Scope,
    revocation: Revocation,
    client: Option<ClientAddr>,
    headers: &HeaderMap,
) -> Response {
    let permit = match streams.acquire(client) {
        Ok(permit) => permit,
        Err(limit) => return refusal(limit, streams.max()),
    };
    // The present one is sent at once.
    newest.mark_changed();
    let packed = encoding::accepts(headers, "gzip");
    let reader = StreamState { newest, scope, packed, last: last_seen(headers), greeted: false, revocation, permit };
    let parts = unfold(reader, |reader| async { reader.next().await.map(|(part, reader)| (part, reader)) });
    response::event_stream(Body::stream(parts), packed)
}

fn refusal(limit: StreamLimit, max: usize) -> Response {
    let taken = match limit {
        StreamLimit::Total => format!("All {max} places for streams are taken"),
        StreamLimit::PerClient(each) => {
            format!("Your address has {each} of the {max} places for streams, as many as one may have")
        }
    };
    let detail = format!(
        "{taken}; ask for /api/v1/snapshot again and again instead, or have the administrator raise --stream-clients."
    );
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, &detail);
    response.headers_mut().insert(RETRY_AFTER, LATER.clone());
    response
}

/// The number of the last snapshot of this run that the reader has seen; none if it does not say what it has seen.
fn last_seen(headers: &HeaderMap) -> Option<u64> {
    SnapshotId::parse(headers.get("last-event-id")?.to_str().ok()?)
}

struct StreamState {
    newest: watch::Receiver<Arc<Published>>,
    scope: Scope,
    packed: bool,
    /// The number of the snapshot that it was sent last; none if it wants what is, and not what was.
    last: Option<u64>,
    greeted: bool,
    revocation: Revocation,
    permit: StreamPermit,
}

impl StreamState {
    /// The next bytes to send; none at the end.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if !self.greeted {
            self.greeted = true;
            return Some((self.greeting()?, self));
        }
        loop {
            tokio::select! {
                biased;
                () = self.permit.closed() => return None,
                () = self.revocation.revoked() => return None,
                changed = self.newest.changed() => changed.ok()?,
                () = sleep(HEARTBEAT) => return Some((self.sent(ALIVE)?, self)),
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

    /// What the newest snapshot and the events until it say; none if the reader has it, or it cannot be rendered.
    fn tick(&mut self) -> Option<Bytes> {
        let newest = Arc::clone(&self.newest.borrow_and_update());
        let sequence = newest.snapshot.sequence;
        let (tick, _) = newest.v1.body(&newest.snapshot, self.scope, View::Tick, self.packed)?;
        let last = self.last.replace(sequence);
        if last == Some(sequence) && sequence > 0 {
            return None;
        }
        let Some(last) = last.filter(|last| last + 1 < sequence) else { return Some(tick) };
        let missed = rendered::happened(
            newest.v1.events(&newest.snapshot, self.scope)?.of(&newest.snapshot, last + 1..=sequence - 1),
        );
        Some(if missed.is_empty() { tick } else { [self.sent(&missed)?, tick].concat().into() })
    }

    /// The same in the encoding of this stream.
    fn sent(&self, plain: &[u8]) -> Option<Bytes> {
        if self.packed { gzip::block(plain) } else { Some(Bytes::copy_from_slice(plain)) }
    }
}
