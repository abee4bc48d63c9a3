//! `/api/v1/stream?view=summary`: summaries when something has changed, and a short event otherwise.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_server::auth::Scope;
use telemetry::BootTime;
use tokio::time::Instant;

use crate::{
    publish::Published,
    v1::{View, rendered},
};

/// Longest time without an event.
pub(super) const LONGEST: Duration = Duration::from_secs(10);

/// State of a reader of summaries.
#[derive(Debug, Default)]
pub(super) struct Summaries {
    /// Number and time of the snapshot of the last summary.
    summary: Option<(u64, BootTime)>,
    /// Time of the last event.
    sent: Option<Instant>,
}

impl Summaries {
    /// The event for a new snapshot: its summary, a short one, or none if the last event was just before.
    pub(super) fn tick(&mut self, newest: &Published, scope: Scope, packed: bool) -> Option<Bytes> {
        if self.summary.is_none_or(|(sequence, _)| sequence < newest.news.sequence) {
            return self.summary(newest, scope, packed);
        }
        // A snapshot can come before its interval is over.
        let period = newest.snapshot.interval.min(LONGEST) * 3 / 4;
        if self.sent.is_some_and(|sent| sent.elapsed() < period) {
            return None;
        }
        self.sent = Some(Instant::now());
        newest.v1.body(&newest.snapshot, scope, View::Alive, packed).map(|(body, _)| body)
    }

    fn summary(&mut self, newest: &Published, scope: Scope, packed: bool) -> Option<Bytes> {
        let snapshot = &newest.snapshot;
        // Other readers were sent another one: the next is for all, so that changes are measured from the same.
        if newest.news.sequence != snapshot.sequence {
            newest.want_news();
        }
        self.summary = Some((snapshot.sequence, snapshot.at.boot));
        self.sent = Some(Instant::now());
        newest.v1.body(snapshot, scope, View::SummaryTick, packed).map(|(body, _)| body)
    }

    /// The event after [`LONGEST`] without a new snapshot, where nothing is rendered ahead: plain text to encode, or
    /// bytes that are encoded already.
    pub(super) fn late(&mut self, newest: &Arc<Published>, scope: Scope, packed: bool) -> Option<Late> {
        let snapshot = &newest.snapshot;
        // A snapshot of the same number with another time says that it is out of date.
        let is_replaced =
            self.summary.is_some_and(|(sequence, at)| sequence == snapshot.sequence && at != snapshot.at.boot);
        if is_replaced || self.summary.is_none() {
            return self.summary(newest, scope, packed).map(Late::Encoded);
        }
        self.sent = Some(Instant::now());
        Some(Late::Plain(rendered::alive(snapshot, BootTime::now())))
    }
}

/// An event, encoded or not.
pub(super) enum Late {
    Encoded(Bytes),
    Plain(Bytes),
}
