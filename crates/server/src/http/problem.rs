//! What went wrong, in the form of RFC 9457: `application/problem+json`. 401 is the one answer that has another form.

use axum::response::Response;
use hyper::{
    StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
};
use serde_json::json;

use crate::http::answer;

static PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A problem: its status, its title, and in `detail` what is wrong and what to do about it.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
    let mut response = answer::json(status, body.to_string().into());
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM.clone());
    response
}

pub(crate) fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "There is nothing under this path; /openapi.json lists what there is.")
}

pub(crate) fn forbidden() -> Response {
    problem(StatusCode::FORBIDDEN, "This token may not see this; /metrics is open to it.")
}

pub(crate) fn misdirected() -> Response {
    let detail = "This agent is open to its own host and does not know the host's name that was asked for; the \
                  administrator may name it with --allowed-hosts, or set a token.";
    problem(StatusCode::MISDIRECTED_REQUEST, detail)
}

pub(crate) fn method_not_allowed() -> Response {
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "This path answers GET and HEAD.");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

pub(crate) fn internal() -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "The answer could not be made; the agent's log says more.")
}
