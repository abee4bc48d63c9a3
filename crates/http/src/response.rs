//! Responses: a status, a body and a few headers.

use bytes::Bytes;
use hyper::{
    StatusCode,
    body::Body as _,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue,
        LOCATION, VARY,
    },
};

use crate::Body;

/// A response of this server.
pub type Response = hyper::Response<Body>;

static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
static EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
static CLOSE: HeaderValue = HeaderValue::from_static("close");
static NO: HeaderValue = HeaderValue::from_static("no");
static GZIP: HeaderValue = HeaderValue::from_static("gzip");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static SCRAPED_VARY: HeaderValue = HeaderValue::from_static("accept, accept-encoding");
/// Every response describes one moment, so nothing may cache it.
static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Mark of a response whose status is final.
#[derive(Clone, Copy)]
struct Final;

/// Keeps a 403 for a client without a token. The router makes it 401 otherwise, because a token with a wider scope exists;
/// that is wrong if the refusal has another cause.
#[must_use]
pub fn keep_status(mut response: Response) -> Response {
    response.extensions_mut().insert(Final);
    response
}

/// True if the status of this response is final.
pub(crate) fn is_final(response: &Response) -> bool {
    response.extensions().get::<Final>().is_some()
}

/// JSON in one piece.
pub fn json(status: StatusCode, body: Bytes) -> Response {
    json_body(status, Body::from(body))
}

/// JSON in as many parts as the body has.
pub fn json_body(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON.clone());
    headers.insert(CACHE_CONTROL, NO_STORE.clone());
    response
}

/// JSON that depends on `Accept-Encoding`; `gzipped` if the body is compressed.
pub fn negotiated(body: Bytes, gzipped: bool) -> Response {
    let mut response = json(StatusCode::OK, body);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    if gzipped {
        headers.insert(CONTENT_ENCODING, GZIP.clone());
    }
    response
}

/// Plain text.
pub fn text(status: StatusCode, body: Bytes) -> Response {
    let mut response = json(status, body);
    response.headers_mut().insert(CONTENT_TYPE, TEXT.clone());
    response
}

/// A `/metrics` body of that media type, which depends on `Accept` and `Accept-Encoding`.
pub fn scraped(body: Body, kind: &HeaderValue, gzipped: bool) -> Response {
    let mut response = json_body(StatusCode::OK, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind.clone());
    headers.insert(VARY, SCRAPED_VARY.clone());
    if gzipped {
        headers.insert(CONTENT_ENCODING, GZIP.clone());
    }
    response
}

/// Server-Sent Events without an end; asks proxies not to buffer them.
pub fn event_stream(body: Body, gzipped: bool) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, EVENTS.clone());
    headers.insert(CACHE_CONTROL, NO_STORE.clone());
    headers.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    headers.insert("x-accel-buffering", NO.clone());
    if gzipped {
        headers.insert(CONTENT_ENCODING, GZIP.clone());
    }
    response
}

/// Changes the media type to plain text, except of an error.
pub fn as_text(mut response: Response) -> Response {
    if response.status() == StatusCode::OK {
        response.headers_mut().insert(CONTENT_TYPE, TEXT.clone());
    }
    response
}

/// Changes the media type to CSV with a header line, except of an error.
pub fn as_csv(mut response: Response) -> Response {
    if response.status() == StatusCode::OK {
        response.headers_mut().insert(CONTENT_TYPE, CSV.clone());
    }
    response
}

/// A temporary redirect to a path relative to the request's, with its query unchanged.
///
/// It does not use the `Host` header, so a forged one redirects nobody to another host.
pub fn redirect(to: &str, query: Option<&str>) -> Response {
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

/// Removes the body for `HEAD` and keeps its length.
pub fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
    response
}

/// Asks for the connection to be closed after this response.
pub fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, CLOSE.clone());
    response
}
