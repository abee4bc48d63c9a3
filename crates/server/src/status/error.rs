//! Errors of `/status` and `/count` that only the original's contract has.

use bytes::Bytes;
use http_server::{ErrorKind, Response, error::legacy};
use hyper::StatusCode;

const INVALID_INDEX: &str = r#"{"code":1,"data":null,"error":"Invalid GPU index"}"#;
const INVALID_PROCESS: &str = r#"{"code":1,"data":null,"error":"Invalid process type, choose from C, G, NA"}"#;

pub(super) fn invalid_index() -> Response {
    legacy(StatusCode::BAD_REQUEST, INVALID_INDEX)
}

pub(super) fn invalid_process() -> Response {
    legacy(StatusCode::BAD_REQUEST, INVALID_PROCESS)
}

/// The body that reports why the driver cannot be read.
pub(super) fn driver_failure(text: &str) -> serde_json::Result<Bytes> {
    let text = serde_json::to_string(text)?;
    Ok(format!(r#"{{"code":2,"data":null,"error":{text}}}"#).into())
}

/// The body of an internal error.
pub(super) const fn internal_body() -> Bytes {
    Bytes::from_static(ErrorKind::Internal.legacy_body().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn driver_failure_escapes_only_what_json_requires() {
        let body = driver_failure("\"é\\\n\u{1f}日").unwrap();
        assert_eq!(body, "{\"code\":2,\"data\":null,\"error\":\"\\\"é\\\\\\n\\u001f日\"}");
    }

    #[test]
    fn bodies_are_json() {
        for body in [INVALID_INDEX, INVALID_PROCESS] {
            let value: serde_json::Value = serde_json::from_str(body).unwrap();
            assert!(value["error"].is_string() && value["code"].is_u64() && value["data"].is_null());
        }
    }
}
