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

use super::{counted::Counted, prepare::Preparer, rows::Rows};
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
    pub(crate) preparer: Preparer,
    pub(crate) newest: watch::Receiver<Arc<Published>>,
    pub(crate) audience: Audience,
    pub(crate) rows: Rows,
    pub(crate) revocation: Revocation,
    pub(crate) client: Option<ClientAddr>,
    pub(crate) headers: &'a HeaderMap,
}

/// Opens a stream.
pub(crate) fn open(asked: Asked<'_>) -> Response {
    let Asked { streams, counted, preparer, mut newest, audience, rows, revocation, client, headers } = asked;
    let permit = match streams.acquire(client) {
        Ok(permit) => permit,
        Err(limit) => return refusal(limit, streams.max()),
    };
    // The current state is sent at once.
    newest.mark_changed();
    let packed = encoding::accepts(headers, "gzip");
    let reader = Reader {
        newest,
        preparer,
        shown: Shown { audience, form: Form::of(packed), rows, places: Arc::default() },
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
    preparer: Preparer,
    shown: Shown,
    /// Number of the publication that it has, and of the one that last moved its hosts.
    last: Option<(u64, u64)>,
    /// Boot time of the publication whose event was sent last, in milliseconds.
    sent_at: u64,
    /// Parts of the event that is being sent.
    queue: VecDeque<Bytes>,
    revocation: Revocation,
    permit: StreamPermit,
    viewer: super::counted::Viewer,
}

/// Part of the fleet that a reader is sent, and its form.
#[derive(Clone)]
struct Shown {
    audience: Audience,
    form: Form,
    rows: Rows,
    /// Places of the hosts whose GPUs it shows, unless it shows all.
    places: Arc<[usize]>,
}

impl Shown {
    fn rows<'a>(&self, newest: &'a Published) -> Option<Vec<&'a Arc<HostRow>>> {
        let rows = || self.places.iter().filter_map(|place| newest.hosts.get(*place)).collect();
        (self.rows != Rows::All).then(rows)
    }

    fn is_ready(&self, newest: &Published, is_whole: bool) -> bool {
        newest.has_event(self.rows(newest).as_deref(), is_whole, self.audience, self.form)
    }

    /// Parts of the event with the whole state, or with what changed since the publication before.
    fn event(&self, newest: &Published, is_whole: bool) -> VecDeque<Bytes> {
        let Self { audience, form, .. } = *self;
        match (self.rows(newest), is_whole) {
            (None, false) => newest.changes_event(audience, form).into_iter().collect(),
            (Some(rows), false) => newest.changes_event_of(&rows, audience, form).into_iter().collect(),
            (None, true) => VecDeque::from(newest.fleet_event(audience, form)),
            (Some(rows), true) => VecDeque::from(newest.fleet_event_of(&rows, audience, form)),
        }
    }
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
            self.take().await;
        }
    }

    /// Queues the event of the newest publication, if there is something to say.
    async fn take(&mut self) {
        let newest = Arc::clone(&self.newest.borrow_and_update());
        let (last, layout) = self.last.unzip();
        if last == Some(newest.sequence) {
            return;
        }
        self.last = Some((newest.sequence, newest.layout()));
        let has_moved = layout != Some(newest.layout());
        if has_moved {
            self.shown.places = self.shown.rows.places(&newest);
            match self.shown.rows(&newest) {
                Some(rows) => self.viewer.shows(rows.iter().map(|row| row.name())),
                None => self.viewer.shows(newest.hosts.iter().map(|row| row.name())),
            }
        }
        let is_next = last.is_some_and(|last| last + 1 == newest.sequence);
        let is_whole = !is_next || has_moved && self.shown.rows.is_range();
        let shown = self.shown.clone();
        let render = move |newest: &Published| drop(shown.event(newest, is_whole));
        self.preparer.prepare(&newest, |newest| self.shown.is_ready(newest, is_whole), render).await;
        self.queue = self.shown.event(&newest, is_whole);
        let now = newest.at.boot.0;
        if self.queue.is_empty() && now.saturating_sub(self.sent_at) >= QUIET.as_millis().try_into().unwrap_or(0) {
            self.queue.push_back(newest.empty_event(self.shown.form));
        }
        if !self.queue.is_empty() {
            self.sent_at = now;
        }
    }
}
