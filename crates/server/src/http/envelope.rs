//! The original's envelope around every answer: `{"code":0,"data":…}` or `{"code":N,"data":null,"error":"…"}`.

use axum::response::Response;
use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{ALLOW, HeaderValue},
};

use crate::http::answer;

/// The methods that every path answers.
static ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD");

const UNAUTHORIZED: &[u8] = br#"{"code":401,"data":null,"error":"Unauthorized"}"#;
const NOT_FOUND: &[u8] = br#"{"code":1,"data":null,"error":"Not Found"}"#;
const METHOD_NOT_ALLOWED: &[u8] = br#"{"code":1,"data":null,"error":"Method Not Allowed"}"#;
const INVALID_INDEX: &[u8] = br#"{"code":1,"data":null,"error":"Invalid GPU index"}"#;
const INVALID_PROCESS: &[u8] = br#"{"code":1,"data":null,"error":"Invalid process type, choose from C, G, NA"}"#;
/// The contract names no code for our own faults, nor for the two that follow; the status is the nearest to say.
const INTERNAL: &[u8] = br#"{"code":500,"data":null,"error":"Internal Server Error"}"#;

const FORBIDDEN: &[u8] = br#"{"code":403,"data":null,"error":"Forbidden"}"#;
const MISDIRECTED: &[u8] =
    br#"{"code":421,"data":null,"error":"Host Not Allowed: name it with --allowed-hosts, or set a token"}"#;

pub(crate) fn unauthorized() -> Response {
    failure(StatusCode::UNAUTHORIZED, UNAUTHORIZED)
}

pub(crate) fn forbidden() -> Response {
    failure(StatusCode::FORBIDDEN, FORBIDDEN)
}

pub(crate) fn misdirected() -> Response {
    failure(StatusCode::MISDIRECTED_REQUEST, MISDIRECTED)
}

pub(crate) fn not_found() -> Response {
    failure(StatusCode::NOT_FOUND, NOT_FOUND)
}

pub(crate) fn method_not_allowed() -> Response {
    let mut response = failure(StatusCode::METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, ALLOWED.clone());
    response
}

pub(crate) fn invalid_index() -> Response {
    failure(StatusCode::BAD_REQUEST, INVALID_INDEX)
}

pub(crate) fn invalid_process() -> Response {
    failure(StatusCode::BAD_REQUEST, INVALID_PROCESS)
}

pub(crate) fn internal() -> Response {
    failure(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL)
}

/// The body that says why the driver cannot be read.
pub(crate) fn driver_failure(text: &str) -> serde_json::Result<Bytes> {
    let text = serde_json::to_string(text)?;
    Ok(format!(r#"{{"code":2,"data":null,"error":{text}}}"#).into())
}

/// The body of [`internal`], for where a body is prepared without an answer.
pub(crate) const fn internal_body() -> Bytes {
    Bytes::from_static(INTERNAL)
}

fn failure(status: StatusCode, body: &'static [u8]) -> Response {
    answer::json(status, Bytes::from_static(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_only_required_characters() {
        let body = driver_failure("\"é\\\n\u{1f}日").unwrap();
        assert_eq!(body, "{\"code\":2,\"data\":null,\"error\":\"\\\"é\\\\\\n\\u001f日\"}");
    }

    #[test]
    fn constants_are_valid_json() {
        for body in [
            UNAUTHORIZED,
            FORBIDDEN,
            MISDIRECTED,
            NOT_FOUND,
            METHOD_NOT_ALLOWED,
            INVALID_INDEX,
            INVALID_PROCESS,
            INTERNAL,
        ] {
            let value: serde_json::Value = serde_json::from_slice(body).unwrap();
            assert!(value["error"].is_string() && value["code"].is_u64() && value["data"].is_null());
        }
    }
}
