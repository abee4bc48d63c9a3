//! `/api/v1`.
//!
//! Each view of a snapshot is rendered at most once per scope and encoding. Views requested within the last minute are
//! rendered on the supervisor's thread before the snapshot is published; others on their first request, on the HTTP
//! thread, at most once a minute.
//!
//! Measured with 8 GPUs and 50 processes on one core of two: the snapshot and its parts take 0.16 ms, gzip of each as
//! much again, all views of one scope about 0.7 ms. That grows with processes and scopes, and on most hosts nobody looks
//! most of the time, so only views in demand are rendered ahead.

mod csv;
mod denied;
mod find;
mod history;
pub(crate) mod links;
mod offers;
pub(crate) mod peers;
pub(crate) mod query;
pub(crate) mod rendered;
pub(crate) mod sections;
pub(crate) mod time;
pub(crate) mod usage;
mod view;
mod views;
mod word;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use telemetry::snapshot::Snapshot;

use http_server::{ErrorFormat, ErrorKind, Response, auth::Scope, encoding, error::problem, gzip, percent, response};

use crate::store::archive::Archive;
use csv::Form;
use query::{InvalidParameter, Period, ProcessFilter};
use rendered::Events;

pub use csv::cell as csv_cell;
pub use denied::denied;
pub use find::{FIND_PARAMETERS, find_request};
pub(crate) use find::{LABELS, MEMORY, NUMBER, PROFILE};
pub(crate) use query::{StreamView, stream_view};
pub(crate) use sections::user;
pub use usage::{FleetKey, FleetQuestion, FleetSource};
pub(crate) use views::{KEEP_MS, View, ViewKey, Views};

/// A request to `/api/v1`, with the snapshot that answers it.
pub(crate) struct Question<'a> {
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) views: &'a Views,
    pub(crate) archive: &'a Archive,
    pub(crate) scope: Scope,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// The response for a view that could not be rendered.
fn internal() -> Response {
    ErrorFormat::Problem.error(ErrorKind::Internal)
}

impl Question<'_> {
    fn takes_gzip(&self) -> bool {
        encoding::accepts(self.headers, "gzip")
    }

    pub(crate) fn snapshot(&self) -> Response {
        self.whole(View::Snapshot)
    }

    pub(crate) fn gpus(&self) -> Response {
        self.whole(View::Gpus)
    }

    /// One GPU, by the last segment of the path.
    pub(crate) fn gpu(&self, name: &str) -> Response {
        let name: Vec<u8> = percent::decode(name.as_bytes()).into_owned();
        let position = std::str::from_utf8(&name).ok().and_then(|name| query::position(name, self.snapshot));
        let Some(position) = position else {
            let detail = "No GPU of this host has this index or UUID; /api/v1/gpus lists them.";
            return problem(StatusCode::NOT_FOUND, detail);
        };
        let whole = self.views.whole(self.snapshot, self.scope);
        match whole.and_then(|whole| whole.gpu_rows.get(position)) {
            Some(row) => response::json(StatusCode::OK, row.clone()),
            None => internal(),
        }
    }

    pub(crate) fn processes(&self) -> Response {
        let filter = match ProcessFilter::read(self.query, self.snapshot) {
            Ok(filter) => filter,
            Err(InvalidParameter { status, detail }) => return problem(status, &detail),
        };
        if filter.is_all() {
            return self.whole(View::Processes);
        }
        if filter.names_user() && !self.scope.sees_people() {
            // An empty list would reveal that the user is not there.
            return problem(StatusCode::FORBIDDEN, "This token does not show users; send the request without user.");
        }
        let Some(whole) = self.views.whole(self.snapshot, self.scope) else { return internal() };
        let rows = rendered::processes(self.snapshot).zip(&whole.process_rows);
        let kept = rows.filter(|((gpu, process), _)| filter.has(gpu, process)).map(|(_, row)| row);
        response::json_body(StatusCode::OK, rendered::list(kept))
    }

    pub(crate) fn users(&self) -> Response {
        if !self.scope.sees_people() {
            return problem(StatusCode::FORBIDDEN, "This token does not show users; /api/v1/summary is open to it.");
        }
        self.whole(View::Users)
    }

    /// The devices of this host that fit a request. It is nobody else's, so it is searched now.
    pub(crate) fn find(&self) -> Response {
        match find_request(self.query) {
            Ok(request) => offers::found(&request, self.snapshot).map_or_else(internal, |body| self.sent(body)),
            Err(detail) => problem(StatusCode::BAD_REQUEST, &detail),
        }
    }

    pub(crate) fn summary(&self) -> Response {
        self.whole(View::Summary)
    }

    pub(crate) fn summary_text(&self) -> Response {
        response::as_text(self.whole(View::SummaryText))
    }

    pub(crate) fn events(&self) -> Response {
        let parameters = Period::read(self.query, self.snapshot.at.unix_ms)
            .and_then(|period| Ok((period, query::limit(self.query)?)));
        let (period, limit) = match parameters {
            Ok((Period { since: None, until: None }, None)) => return self.whole(View::Events),
            Ok((period, limit)) => (period, limit.unwrap_or(usize::MAX)),
            Err(InvalidParameter { status, detail }) => return problem(status, &detail),
        };
        let Some(Events { rows, .. }) = self.views.events(self.snapshot, self.scope) else {
            return internal();
        };
        // The wall clock can jump back, so every event is checked.
        let kept = self.snapshot.events.iter().zip(rows).filter(|(event, _)| period.has(event.at.unix_ms));
        let rows: Vec<&Bytes> = kept.map(|(_, row)| row).collect();
        self.sent(rendered::joined(&rows[rows.len().saturating_sub(limit)..]))
    }

    pub(crate) fn history(&self) -> Response {
        let history = self.archive.read();
        let parameters = history::question(self.query, self.snapshot, &history)
            .and_then(|question| Ok((question, Form::read(self.query)?)));
        let (question, form) = match parameters {
            Ok(parameters) => parameters,
            Err(InvalidParameter { status, detail }) => return problem(status, &detail),
        };
        let answer = history.answer(&question);
        // Rendering does not need it, and the supervisor waits for it.
        drop(history);
        match (answer, form) {
            (Err(refusal), _) => problem(StatusCode::BAD_REQUEST, &history::too_much(refusal)),
            (Ok(answer), Form::Json) => self.sent(history::json(&answer, self.snapshot)),
            (Ok(answer), Form::Csv) => {
                response::as_csv(self.sent(history::csv(&answer, &question.metrics, self.snapshot)))
            }
        }
    }

    /// A body of this request alone, compressed if the client accepts it.
    fn sent(&self, body: Bytes) -> Response {
        let packed = if self.takes_gzip() { gzip::compress(&body) } else { None };
        packed.map_or_else(|| response::negotiated(body, false), |packed| response::negotiated(packed, true))
    }

    fn whole(&self, view: View) -> Response {
        match self.views.body(self.snapshot, self.scope, view, self.takes_gzip()) {
            Some((body, packed)) => response::negotiated(body, packed),
            None => internal(),
        }
    }
}
