//! `/api/v1/stream`: every snapshot as it comes, as Server-Sent Events.
//!
//! What a tick says is rendered once, and compressed once, for all readers of a scope. A reader holds no queue: when
//! its connection takes more it is given the newest, so that a slow one skips snapshots and costs no memory. Events
//! are not skipped.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use tokio::{sync::watch, time::sleep};

use crate::{
    auth::{Leave, scope::Scope},
    http::{answer, coding, problem::problem},
    net::{
        peer::Peer,
        seats::{Full, Seat, Streams},
    },
    publish::{Published, id::Id},
    v1::{Which, gzip, rendered},
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
    streams: &Arc<Streams>,
    mut newest: watch::Receiver<Arc<Published>>,
    scope: Scope,
    leave: Leave,
    peer: Option<Peer>,
    headers: &HeaderMap,
) -> Response {
    let seat = match streams.take(peer) {
        Ok(seat) => seat,
        Err(full) => return refusal(full, streams.most()),
    };
    // The present one is sent at once.
    newest.mark_changed();
    let packed = coding::takes(headers, "gzip");
    let reader = Reader { newest, scope, packed, last: last_seen(headers), greeted: false, leave, seat };
    let parts = unfold(reader, |reader| async {
        reader.next().await.map(|(part, reader)| (Ok::<Bytes, Infallible>(part), reader))
    });
    answer::event_stream(Body::from_stream(parts), packed)
}

fn refusal(full: Full, most: usize) -> Response {
    let taken = match full {
        Full::All => format!("All {most} places for streams are taken"),
        Full::Yours(each) => {
            format!("Your address has {each} of the {most} places for streams, as many as one may have")
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
    Id::read(headers.get("last-event-id")?.to_str().ok()?)
}

struct Reader {
    newest: watch::Receiver<Arc<Published>>,
    scope: Scope,
    packed: bool,
    /// The number of the snapshot that it was sent last; none if it wants what is, and not what was.
    last: Option<u64>,
    greeted: bool,
    leave: Leave,
    seat: Seat,
}

impl Reader {
    /// The next bytes to send; none at the end.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if !self.greeted {
            self.greeted = true;
            return Some((self.greeting()?, self));
        }
        loop {
            tokio::select! {
                biased;
                () = self.seat.closed() => return None,
                () = self.leave.ends() => return None,
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
        let (tick, _) = newest.api.body(&newest.snapshot, self.scope, Which::Tick, self.packed)?;
        let last = self.last.replace(sequence);
        if last == Some(sequence) && sequence > 0 {
            return None;
        }
        let Some(last) = last.filter(|last| last + 1 < sequence) else { return Some(tick) };
        let missed = rendered::happened(
            newest.api.events(&newest.snapshot, self.scope)?.of(&newest.snapshot, last + 1..=sequence - 1),
        );
        Some(if missed.is_empty() { tick } else { [self.sent(&missed)?, tick].concat().into() })
    }

    /// The same in the encoding of this stream.
    fn sent(&self, plain: &[u8]) -> Option<Bytes> {
        if self.packed { gzip::block(plain) } else { Some(Bytes::copy_from_slice(plain)) }
    }
}
