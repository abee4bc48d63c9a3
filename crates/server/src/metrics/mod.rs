//! `/metrics`: for Prometheus and everything that reads its format.
//!
//! A body is rendered once per snapshot, for each set of names, format, encoding and scope in demand, on the
//! supervisor's thread. A scrape hands out these bytes and never waits for the driver.

mod accept;
mod dcgm;
mod names;
mod native;
pub(crate) mod number;
mod sets;
mod settings;
mod table;
pub(crate) mod text;
mod views;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http_server::{Response, auth::Scope, encoding, error::problem, query, response};
use hyper::{HeaderMap, StatusCode};
use telemetry::snapshot::Snapshot;

use names::DcgmNames;
use views::Form;

pub use accept::{content_type, format};
pub use dcgm::{CountersError, DcgmCounters, Unserved};
pub use names::{Names, NamesError};
pub use sets::{MetricsSet, MetricsSetError};
pub use settings::{DcgmSettings, MetricsSettings};
pub(crate) use views::{KEEP_MS, MetricsKey, MetricsViews};

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
        let form = match self.form() {
            Ok(form) => form,
            Err(error) => return problem(StatusCode::BAD_REQUEST, &error),
        };
        let key = MetricsKey { scope: self.scope, form, gzip: encoding::accepts(self.headers, "gzip") };
        let (body, gzipped) = self.views.body(self.snapshot, key);
        let kind = content_type(form.format);
        response::scraped(body.into(), kind, gzipped)
    }

    /// Form that the query asks for, else the configured one. The query wins: names of dcgm-exporter over a configured
    /// set for large fleets, and that set over configured names.
    fn form(&self) -> Result<Form, String> {
        let configured = &self.views.settings;
        let names = names(self.query).map_err(|error| format!("The parameter names: {error}."))?;
        let set = set(self.query)?;
        let has_dcgm = names.is_some_and(|names| names.dcgm != DcgmNames::No);
        let set = match set {
            Some(MetricsSet::Fleet) if has_dcgm => {
                return Err("The set fleet has native names only: leave out the parameter names.".into());
            }
            Some(set) => set,
            None if has_dcgm && configured.set == MetricsSet::Fleet => MetricsSet::Standard,
            None => configured.set,
        };
        Ok(Form::of(names.unwrap_or(configured.names), set, accept::format(self.headers)))
    }
}

/// The sets in `names`, if any are given. Prometheus repeats a parameter for each entry of a list, so all of them
/// count.
fn names(query: &str) -> Result<Option<Names>, NamesError> {
    let given: Vec<String> = query::values(query, "names").filter(|list| !list.is_empty()).collect();
    if given.is_empty() { Ok(None) } else { given.join(",").parse().map(Some) }
}

/// The set in `set`, if one is given.
fn set(query: &str) -> Result<Option<MetricsSet>, String> {
    let mut given = query::values(query, "set").filter(|name| !name.is_empty());
    let Some(first) = given.next() else { return Ok(None) };
    if given.any(|other| other != first) {
        return Err("The parameter set: expected one set, got several.".into());
    }
    first.parse().map(Some).map_err(|error: MetricsSetError| format!("The parameter set: {error}."))
}
