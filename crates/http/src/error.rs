//! Errors, in the format of the route: the original's envelope, or RFC 9457 `application/problem+json`.

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE},
};
use serde_json::json;

use crate::{Response, response};

static PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
/// The challenge that a 401 requires (RFC 9110, 15.5.2). Browsers show no dialog for it.
static CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");
/// Methods that every path accepts.
static ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// The format of a route's errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFormat {
    /// `{"code":N,"data":null,"error":"…"}`, as the original answers.
    Legacy,
    /// `application/problem+json` (RFC 9457).
    Problem,
}

/// An error that any route can answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// 400: the header `NVSMI-Scope` has a value that is no scope to lower a request to.
    WrongScope,
    /// 401: no token, or a wrong one. It has the legacy format on every route.
    Unauthorized,
    /// 403: the token's scope does not include the route.
    Forbidden,
    /// 404: no such route.
    NotFound,
    /// 405: neither GET nor HEAD.
    MethodNotAllowed,
    /// 421: a `Host` header that is not allowed.
    HostNotAllowed,
    /// 500: the handler failed.
    Internal,
}

impl ErrorKind {
    /// The status, the body in the legacy format, and the detail of a problem.
    const fn texts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::WrongScope => (
                StatusCode::BAD_REQUEST,
                r#"{"code":1,"data":null,"error":"Wrong NVSMI-Scope: expected summary"}"#,
                "The header NVSMI-Scope is wrong: expected summary, once; leave it out for all that the token shows.",
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                r#"{"code":401,"data":null,"error":"Unauthorized"}"#,
                "Send a valid token in the Authorization header.",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                r#"{"code":403,"data":null,"error":"Forbidden"}"#,
                "This token may not see this; /metrics is open to it.",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                r#"{"code":1,"data":null,"error":"Not Found"}"#,
                "No such path; /openapi.json lists the paths.",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                r#"{"code":1,"data":null,"error":"Method Not Allowed"}"#,
                "This path answers GET and HEAD.",
            ),
            Self::HostNotAllowed => (
                StatusCode::MISDIRECTED_REQUEST,
                r#"{"code":421,"data":null,"error":"Host Not Allowed: name it with --allowed-hosts, or set a token"}"#,
                "Host not allowed. Add it to --allowed-hosts or configure a token.",
            ),
            // The legacy contract has no code for the server's own errors; the status is the nearest.
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                r#"{"code":500,"data":null,"error":"Internal Server Error"}"#,
                "The response could not be rendered; see the log.",
            ),
        }
    }

    /// The body of this error in the legacy format.
    #[must_use]
    pub const fn legacy_body(self) -> &'static str {
        self.texts().1
    }
}

impl ErrorFormat {
    /// The response to an error, in this format.
    #[must_use]
    pub fn error(self, kind: ErrorKind) -> Response {
        let (status, body, detail) = kind.texts();
        let mut response = match self {
            Self::Problem if kind != ErrorKind::Unauthorized => problem(status, detail),
            _ => legacy(status, body),
        };
        match kind {
            ErrorKind::MethodNotAllowed => response.headers_mut().insert(ALLOW, ALLOWED.clone()),
            ErrorKind::Unauthorized => response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE.clone()),
            _ => None,
        };
        response
    }
}

/// A problem with this status; `detail` says what is wrong and how to fix it.
#[must_use]
pub fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
    let mut response = response::json(status, body.to_string().into());
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM.clone());
    response
}

/// An error in the legacy format.
#[must_use]
pub fn legacy(status: StatusCode, body: &'static str) -> Response {
    response::json(status, Bytes::from_static(body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_bodies_are_json() {
        for kind in [
            ErrorKind::WrongScope,
            ErrorKind::Unauthorized,
            ErrorKind::Forbidden,
            ErrorKind::NotFound,
            ErrorKind::MethodNotAllowed,
            ErrorKind::HostNotAllowed,
            ErrorKind::Internal,
        ] {
            let value: serde_json::Value = serde_json::from_str(kind.legacy_body()).unwrap();
            assert!(value["error"].is_string() && value["code"].is_u64() && value["data"].is_null());
        }
    }

    #[test]
    fn unauthorized_has_one_format() {
        for format in [ErrorFormat::Legacy, ErrorFormat::Problem] {
            let response = format.error(ErrorKind::Unauthorized);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
            assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        }
        assert_eq!(ErrorFormat::Problem.error(ErrorKind::NotFound).headers()[CONTENT_TYPE], PROBLEM);
    }
}
