//! Answers: a status, a body that is already there, and few headers.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use hyper::{
    StatusCode,
    body::Body as _,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue,
        LOCATION, VARY,
    },
};

static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
static CLOSE: HeaderValue = HeaderValue::from_static("close");
static NO: HeaderValue = HeaderValue::from_static("no");
static GZIP: HeaderValue = HeaderValue::from_static("gzip");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static SCRAPED_VARY: HeaderValue = HeaderValue::from_static("accept, accept-encoding");
/// Every answer is of one moment.
static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// JSON in one piece.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response {
    json_body(status, Body::from(body))
}

/// JSON in as many pieces as the body has.
pub(crate) fn json_body(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON.clone());
    headers.insert(CACHE_CONTROL, NO_STORE.clone());
    response
}

/// JSON whose form depends on what the reader takes, compressed or not.
pub(crate) fn negotiated(body: Bytes, packed: bool) -> Response {
    let mut response = json(StatusCode::OK, body);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    if packed {
        headers.insert(CONTENT_ENCODING, GZIP.clone());
    }
    response
}

/// What a monitoring system scrapes, in a form that depends on what it takes.
pub(crate) fn scraped(body: Body, kind: &HeaderValue, packed: bool) -> Response {
    let mut response = json_body(StatusCode::OK, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind.clone());
    headers.insert(VARY, SCRAPED_VARY.clone());
    if packed {
        headers.insert(CONTENT_ENCODING, GZIP.clone());
    }
    response
}

/// Server-Sent Events, as a body without an end; no proxy is to gather them.
pub(crate) fn event_stream(body: Body, packed: bool) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, EVENTS.clone());
    headers.insert(CACHE_CONTROL, NO_STORE.clone());
    headers.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    headers.insert("x-accel-buffering", NO.clone());
    if packed {
        headers.insert(CONTENT_ENCODING, GZIP.clone());
    }
    response
}

/// The same answer as plain text, unless it is an error.
pub(crate) fn as_text(mut response: Response) -> Response {
    if response.status() == StatusCode::OK {
        response.headers_mut().insert(CONTENT_TYPE, TEXT.clone());
    }
    response
}

/// A temporary redirect to a path relative to the one asked for, the query kept as it was written.
///
/// Nothing of it comes from the `Host` header, so a forged one leads nobody away.
pub(crate) fn redirect(to: &str, query: Option<&str>) -> Response {
    let location = match query {
        Some(query) => HeaderValue::try_from(format!("{to}?{query}")),
        None => HeaderValue::try_from(to),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    // A query that a header cannot hold cannot have arrived in a request either.
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE.clone());
    response
}

/// The same answer without its body, for `HEAD`; its length is kept.
pub(crate) fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
    response
}

/// The same answer, after which the connection is closed.
pub(crate) fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, CLOSE.clone());
    response
}
