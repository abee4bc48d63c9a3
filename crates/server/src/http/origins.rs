//! Pages of other origins that may read answers (CORS). None may unless the administrator names it.

use std::str::FromStr;

use axum::{body::Body, response::Response};
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
    },
};

/// What a page of a named origin may do: what everybody may.
static METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
/// What it may send beyond what every page may: its token, and where it was in the stream.
static HEADERS: HeaderValue = HeaderValue::from_static("authorization, last-event-id");
/// For how long that need not be asked again, in seconds.
static MAX_AGE: HeaderValue = HeaderValue::from_static("600");
static BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// An origin, as browsers write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(HeaderValue);

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is wanted, such as https://gpu.example.org or http://localhost:3000; a pattern is none")]
pub struct WebOriginError;

impl FromStr for WebOrigin {
    type Err = WebOriginError;

    fn from_str(text: &str) -> Result<Self, WebOriginError> {
        // Browsers write it so, without the slash that people add.
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://").ok_or(WebOriginError)?;
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if !matches!(scheme, "http" | "https") || authority.is_empty() || !authority.bytes().all(fine) {
            return Err(WebOriginError);
        }
        // The port that goes without saying is never written.
        let silent = if scheme == "http" { ":80" } else { ":443" };
        let written = text.strip_suffix(silent).unwrap_or(&text);
        HeaderValue::from_str(written).map(Self).map_err(|_| WebOriginError)
    }
}

/// The origins that are named.
#[derive(Debug)]
pub(crate) struct Origins(Vec<WebOrigin>);

impl Origins {
    pub(crate) const fn new(named: Vec<WebOrigin>) -> Self {
        Self(named)
    }

    /// The answer to a browser that asks whether a page of a named origin may ask; none if it does not ask that.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        if self.0.is_empty() || *method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        self.named(headers)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let permitted = response.headers_mut();
        permitted.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS.clone());
        permitted.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS.clone());
        permitted.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE.clone());
        Some(response)
    }

    /// Lets a page of a named origin read an answer, also one that refuses.
    pub(crate) fn mark(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        answer.append(VARY, BY_ORIGIN.clone());
        if let Some(origin) = self.named(asked) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.0.clone());
        }
    }

    fn named(&self, headers: &HeaderMap) -> Option<&WebOrigin> {
        let origin = headers.get(ORIGIN)?;
        self.0.iter().find(|named| named.0 == *origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_parsed_as_browsers_send_it() {
        for (text, expected) in [
            ("https://gpu.example.org", "https://gpu.example.org"),
            ("HTTPS://GPU.example.org/", "https://gpu.example.org"),
            ("https://gpu.example.org:443", "https://gpu.example.org"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(text.parse(), Ok(WebOrigin(HeaderValue::from_static(expected))), "{text}");
        }
        for text in ["*", "null", "", "gpu.example.org", "https://", "https://*.example.org", "ftp://a", "https://a/b"]
        {
            assert_eq!(text.parse::<WebOrigin>(), Err(WebOriginError), "{text}");
        }
    }
}
