//! `/metrics`: for the monitoring systems that people already run.
//!
//! All but a small beginning is rendered once per snapshot, for each set of names, format, encoding and scope that somebody
//! asks for, on the supervisor's thread. A scrape joins the two, and never waits for the driver; scrapes of one millisecond
//! share what was joined.

mod accept;
mod dcgm;
mod moment;
mod names;
mod native;
mod packed;
mod settings;
mod table;
mod text;
mod views;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::response::Response;
use hyper::{HeaderMap, StatusCode, header::HeaderValue};
use telemetry::{BootTime, snapshot::Snapshot};

use crate::{
    auth::scope::Scope,
    config::ServerConfig,
    http::{answer, coding, problem::problem, requests::Requests},
    v1::value,
};
use text::Format;
use views::{Asked, Form};

pub use dcgm::{CountersError, DcgmCounters, Unserved};
pub use names::{Names, NamesError};
pub use settings::{DcgmSettings, MetricsSettings};
pub(crate) use views::{Demand, Views};

static TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
static OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// A scrape: who asks, and how.
pub(crate) struct Scrape<'a> {
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) views: &'a Views,
    pub(crate) scope: Scope,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) server: &'a ServerConfig,
    pub(crate) requests: &'a Requests,
}

impl Scrape<'_> {
    pub(crate) fn answer(&self) -> Response {
        let names = match value(self.query, "names").filter(|list| !list.is_empty()).map(|list| list.parse()) {
            None => self.views.settings.names,
            Some(Ok(names)) => names,
            Some(Err(error)) => {
                let error: NamesError = error;
                return problem(StatusCode::BAD_REQUEST, &format!("The parameter names: {error}."));
            }
        };
        let form = Form::of(names, accept::format(self.headers));
        let asked =
            Asked { scope: self.scope, form, packed: coding::takes(self.headers, "gzip"), now: BootTime::now() };
        let (body, packed) = self.views.whole(self.snapshot, asked, || {
            moment::moment(self.snapshot, asked.now, self.server, self.requests, form.format())
        });
        let kind = match form.format() {
            Format::Text => &TEXT,
            Format::OpenMetrics => &OPEN_METRICS,
        };
        answer::scraped(body.into(), kind, packed)
    }
}
