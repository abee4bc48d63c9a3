//! `/api/v1/fleet/stream`: everything once, then what changes, as Server-Sent Events.
//!
//! A client has no queue. One that is too slow for a publication is sent everything again, which is the newest state
//! and at most as long as what it missed.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream::unfold;
use http_server::{
    Body, Response,
    auth::Revocation,
    encoding,
    error::problem,
    gzip,
    net::{ClientAddr, StreamLimit, StreamPermit, StreamPermits},
    response,
};
use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};
use telemetry::BootTime;
use tokio::{sync::watch, time::sleep};

use super::{counted::Counted, rows::Rows};
use crate::fleet::{Audience, Form, HostRow, Published};

/// Longest time without an event, so that a client knows that the hub lives.
const QUIET: Duration = Duration::from_secs(10);
/// First line: the delay before a reconnect, in milliseconds. No empty line follows, so it belongs to the first event.
const GREETING: &[u8] = b"retry: 2000\n";
/// Retry delay when all permits are taken, in seconds.
static LATER: HeaderValue = HeaderValue::from_static("30");

/// A request for a stream.
pub(crate) struct Asked<'a> {
    pub(crate) streams: &'a StreamPermits,
    pub(crate) counted: &'a Arc<Counted>,
    pub(crate) newest: watch::Receiver<Arc<Published>>,
    pub(crate) audience: Audience,
    pub(crate) rows: Rows,
    pub(crate) revocation: Revocation,
    pub(crate) client: Option<ClientAddr>,
    pub(crate) headers: &'a HeaderMap,
}

/// Opens a stream.
pub(crate) fn open(asked: Asked<'_>) -> Response {
    let Asked { streams, counted, mut newest, audience, rows, revocation, client, headers } = asked;
    let permit = match streams.acquire(client) {
        Ok(permit) => permit,
        Err(limit) => return refusal(limit, streams.max()),
    };
    // The current state is sent at once.
    newest.mark_changed();
    let packed = encoding::accepts(headers, "gzip");
    let reader = Reader {
        newest,
        audience,
        form: Form::of(packed),
        rows,
        last: None,
        sent_at: 0,
        queue: VecDeque::from([greeting(packed)]),
        revocation,
        permit,
        viewer: Counted::open(counted),
    };
    response::event_stream(Body::stream(unfold(reader, Reader::next)), packed)
}

fn greeting(packed: bool) -> Bytes {
    let greeting = Form::of(packed).encode(GREETING);
    if packed { [gzip::STREAM_HEADER, &greeting].concat().into() } else { greeting }
}

fn refusal(limit: StreamLimit, max: usize) -> Response {
    let taken = match limit {
        StreamLimit::Total => format!("All {max} streams are taken"),
        StreamLimit::PerClient(each) => {
            format!("Your address has {each} of the {max} streams, the maximum for one address")
        }
    };
    let detail = format!("{taken}; poll /api/v1/fleet instead, or raise --stream-clients.");
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, &detail);
    response.headers_mut().insert(RETRY_AFTER, LATER.clone());
    response
}

struct Reader {
    newest: watch::Receiver<Arc<Published>>,
    audience: Audience,
    form: Form,
    rows: Rows,
    /// Number of the publication that it has.
    last: Option<u64>,
    /// Boot time of the publication whose event was sent last, in milliseconds.
    sent_at: u64,
    /// Parts of the event that is being sent.
    queue: VecDeque<Bytes>,
    revocation: Revocation,
    permit: StreamPermit,
    viewer: super::counted::Viewer,
}

impl Reader {
    /// The next bytes to send; `None` at the end.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            if let Some(part) = self.queue.pop_front() {
                self.viewer.sent(part.len());
                return Some((part, self));
            }
            let left = self.newest.borrow().time_left(BootTime::now());
            tokio::select! {
                biased;
                () = self.permit.closed() => return None,
                () = self.revocation.revoked() => return None,
                changed = self.newest.changed() => changed.ok()?,
                // Its next request is refused, so that the client sees that it has lost the hub.
                () = sleep(left) => {}
            }
            if self.newest.borrow().is_abandoned(BootTime::now()) {
                return None;
            }
            self.take();
        }
    }

    /// Queues the event of the newest publication, if there is something to say.
    fn take(&mut self) {
        let newest = Arc::clone(&self.newest.borrow_and_update());
        let is_next = self.last.is_some_and(|last| last + 1 == newest.sequence);
        let has_moved = self.rows.is_range() && newest.layout() == newest.sequence;
        if self.last == Some(newest.sequence) {
            return;
        }
        self.last = Some(newest.sequence);
        let Self { audience, form, .. } = *self;
        let rows: Option<Vec<&Arc<HostRow>>> = self.rows.of(&newest);
        match &rows {
            Some(rows) => self.viewer.shows(rows.iter().map(|row| row.name())),
            None => self.viewer.shows(newest.hosts.iter().map(|row| row.name())),
        }
        let queued = match &rows {
            None if is_next => newest.changes_event(audience, form).into_iter().collect(),
            Some(rows) if is_next && !has_moved => newest.changes_event_of(rows, audience, form).into_iter().collect(),
            None => VecDeque::from(newest.fleet_event(audience, form)),
            Some(rows) => VecDeque::from(newest.fleet_event_of(rows, audience, form)),
        };
        self.queue = queued;
        let now = newest.at.boot.0;
        if self.queue.is_empty() && now.saturating_sub(self.sent_at) >= QUIET.as_millis().try_into().unwrap_or(0) {
            self.queue.push_back(newest.empty_event(form));
        }
        if !self.queue.is_empty() {
            self.sent_at = now;
        }
    }
}
