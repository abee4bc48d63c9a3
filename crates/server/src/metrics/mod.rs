//! `/metrics`: for Prometheus and everything that reads its format.
//!
//! A body is rendered once per snapshot, for each set of names, format, encoding and scope in demand, on the
//! supervisor's thread. A scrape hands out these bytes and never waits for the driver.

mod accept;
mod dcgm;
mod names;
mod native;
mod number;
mod settings;
mod table;
mod text;
mod views;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http_server::{Response, auth::Scope, encoding, error::problem, query, response};
use hyper::{HeaderMap, StatusCode, header::HeaderValue};
use telemetry::snapshot::Snapshot;

use text::Format;
use views::Form;

pub use dcgm::{CountersError, DcgmCounters, Unserved};
pub use names::{Names, NamesError};
pub use settings::{DcgmSettings, MetricsSettings};
pub(crate) use views::{KEEP_MS, MetricsKey, MetricsViews};

static TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
static OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// A scrape.
pub(crate) struct Scrape<'a> {
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) views: &'a MetricsViews,
    pub(crate) scope: Scope,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

impl Scrape<'_> {
    pub(crate) fn answer(&self) -> Response {
        let names = match names(self.query) {
            Ok(names) => names.unwrap_or(self.views.settings.names),
            Err(error) => return problem(StatusCode::BAD_REQUEST, &format!("The parameter names: {error}.")),
        };
        let form = Form::of(names, accept::format(self.headers));
        let key = MetricsKey { scope: self.scope, form, gzip: encoding::accepts(self.headers, "gzip") };
        let (body, gzipped) = self.views.body(self.snapshot, key);
        let kind = match form.format() {
            Format::Text => &TEXT,
            Format::OpenMetrics => &OPEN_METRICS,
        };
        response::scraped(body.into(), kind, gzipped)
    }
}

/// The sets in `names`, if any are given. Prometheus repeats a parameter for each entry of a list, so all of them
/// count.
fn names(query: &str) -> Result<Option<Names>, NamesError> {
    let given: Vec<String> = query::values(query, "names").filter(|list| !list.is_empty()).collect();
    if given.is_empty() { Ok(None) } else { given.join(",").parse().map(Some) }
}
