//! `/usage` and `/sessions`: who used which GPU, and for how long.
//!
//! The store answers on a thread of its own. Parameters are parsed and answers rendered on another, because time zones are
//! read from files, and an answer can be long; the thread of HTTP only waits.

mod fleet;
mod question;
mod report;
mod sessions;

use std::sync::Arc;

use bytes::Bytes;
use http_server::{Later, Response, auth::Scope, elsewhere, error::problem, gzip, response};
use hyper::{
    StatusCode,
    header::{HeaderValue, LINK, RETRY_AFTER},
};
use telemetry::snapshot::Snapshot;

use super::{
    csv::Form,
    query::{InvalidParameter, no_such_gpu},
};
use crate::{
    config::{commands::Commands, price::Price},
    usage::{MAX_ROWS, UsageError, UsageStore},
};
pub use fleet::{FleetKey, FleetQuestion, FleetSource};
use question::{AskedSessions, AskedUsage};
pub(crate) use question::{BY, LIMIT, TZ};

/// Delay after which a query that took too long may be sent again, in seconds.
static RETRY: HeaderValue = HeaderValue::from_static("10");

/// A request to the accounting of usage.
pub(crate) struct UsageRequest {
    pub(crate) store: Option<Arc<dyn UsageStore>>,
    pub(crate) price: Option<Price>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) commands: Commands,
    pub(crate) scope: Scope,
    pub(crate) query: String,
    pub(crate) gzip: bool,
}

/// A rendered answer, and the cursor of the next page.
struct Rendered {
    form: Form,
    body: Bytes,
    next: Option<String>,
}

impl UsageRequest {
    /// Sums of a period.
    pub(crate) fn usage(self) -> Later {
        let Some(store) = self.store.clone() else { return at_once(off()) };
        later(async move {
            let Self { price, snapshot, scope, query, gzip, .. } = self;
            let parsed = elsewhere(move || AskedUsage::read(&query, scope, &snapshot)).await;
            let asked = parsed.map_err(|InvalidParameter { status, detail }| problem(status, &detail))?;
            let report = store.usage(asked.query()).await.map_err(|error| refusal(error, scope))?;
            if report.rows.len() > MAX_ROWS {
                return Err(refusal(UsageError::TooManyRows, scope));
            }
            let context = report::Context { state: store.state(), price, scope };
            Ok(elsewhere(move || sent(report::render(&asked, &report, &context), gzip, "")).await)
        })
    }

    /// Sessions of a period.
    pub(crate) fn sessions(self) -> Later {
        if !self.scope.sees_people() {
            let detail = "This token does not show users; /api/v1/usage shows it totals.";
            return at_once(problem(StatusCode::FORBIDDEN, detail));
        }
        let Some(store) = self.store.clone() else { return at_once(off()) };
        later(async move {
            let Self { snapshot, scope, query, gzip, commands, .. } = self;
            let asked = query.clone();
            let parsed = elsewhere(move || AskedSessions::read(&asked, &snapshot)).await;
            let asked = parsed.map_err(|InvalidParameter { status, detail }| problem(status, &detail))?;
            let page = store.sessions(asked.query).await.map_err(|error| refusal(error, scope))?;
            Ok(elsewhere(move || sent(sessions::render(page, asked.form, commands), gzip, &query)).await)
        })
    }
}

fn later(response: impl Future<Output = Result<Response, Response>> + Send + 'static) -> Later {
    Box::pin(async move { response.await.unwrap_or_else(|refused| refused) })
}

fn at_once(response: Response) -> Later {
    Box::pin(std::future::ready(response))
}

/// Refusal if usage is not kept.
fn off() -> Response {
    problem(StatusCode::NOT_FOUND, "Usage is not kept: this agent was started with --usage off.")
}

fn refusal(error: UsageError, scope: Scope) -> Response {
    let (status, detail) = match error {
        UsageError::Timeout => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The query took too long, or others were before it; ask for a shorter time, or again later.".into(),
        ),
        UsageError::Cursor => (
            StatusCode::BAD_REQUEST,
            "The parameter cursor is not of this list; take it from next of the page before, or leave it out.".into(),
        ),
        UsageError::Gpu(key) => {
            let InvalidParameter { status, detail } = no_such_gpu(&key);
            (status, detail)
        }
        UsageError::TooManyRows => (
            StatusCode::BAD_REQUEST,
            format!(
                "The answer would have more than {MAX_ROWS} rows; ask for fewer dimensions in by, or for a shorter time."
            ),
        ),
        UsageError::Unavailable(why) if scope.sees_people() => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("The stored usage cannot be read: {why}"))
        }
        UsageError::Unavailable(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "The stored usage cannot be read; see the log.".into())
        }
    };
    let mut response = problem(status, &detail);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, RETRY.clone());
    }
    response
}

/// The response, compressed if the client accepts it, with a link to the next page of this query.
fn sent(Rendered { form, body, next }: Rendered, gzip: bool, query: &str) -> Response {
    let packed = if gzip { gzip::compress(&body) } else { None };
    let is_packed = packed.is_some();
    let mut response = response::negotiated(packed.unwrap_or(body), is_packed);
    if form == Form::Csv {
        response = response::as_csv(response);
    }
    if let Some(link) = next.and_then(|cursor| HeaderValue::try_from(next_link(query, &cursor)).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    response
}

/// Link to the next page, relative to this one.
fn next_link(query: &str, cursor: &str) -> String {
    let others = query.split('&').filter(|field| !field.is_empty() && field.split('=').next() != Some("cursor"));
    let fields: Vec<&str> = others.collect();
    let between = if fields.is_empty() { "" } else { "&" };
    format!("<?{}{between}cursor={cursor}>; rel=\"next\"", fields.join("&"))
}
