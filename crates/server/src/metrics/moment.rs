//! What is worked out when it is asked for: how old the newest reading is by then, and what the server has answered. It
//! comes before what is rendered once per snapshot.

use telemetry::{BootTime, snapshot::Snapshot};

use super::{
    native::agent::{HTTP_PANICS, HTTP_REQUESTS, SNAPSHOT_AGE, SSE_CLIENTS},
    text::{Format, Page, labels},
};
use crate::{config::ServerConfig, http::requests::Requests};

/// The beginning of an answer.
pub(super) fn moment(
    snapshot: &Snapshot,
    now: BootTime,
    server: &ServerConfig,
    requests: &Requests,
    format: Format,
) -> String {
    let mut page = Page::new(format, 2048);
    if let Some(read_at) = snapshot.read_at {
        page.begin(SNAPSHOT_AGE.family()).push("", now.since(read_at.boot).as_secs_f64());
    }
    let mut samples = page.begin(HTTP_REQUESTS.family());
    requests.each(|route, status, count| {
        samples.push(&labels(&[("route", route), ("status", status)]), count);
    });
    page.begin(HTTP_PANICS.family()).push("", server.counters.panics());
    page.begin(SSE_CLIENTS.family()).push("", server.streams.taken());
    page.into_text()
}
