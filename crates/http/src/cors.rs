//! CORS: pages of other origins that may read responses. None by default.

use std::str::FromStr;

use hyper::{
    HeaderMap, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
    },
};

use crate::{Body, Response};

/// Methods allowed to listed origins.
static METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
/// Request headers allowed to listed origins: the token, the position in the stream, and less scope.
static HEADERS: HeaderValue = HeaderValue::from_static("authorization, last-event-id, nvsmi-scope");
/// Cache time of a preflight response, in seconds.
static MAX_AGE: HeaderValue = HeaderValue::from_static("600");
static BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// An origin in the form that browsers send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(HeaderValue);

/// A text that is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an origin such as https://gpu.example.org (no wildcards)")]
pub struct WebOriginError;

impl FromStr for WebOrigin {
    type Err = WebOriginError;

    fn from_str(text: &str) -> Result<Self, WebOriginError> {
        // Browsers send it in lower case and without a trailing slash.
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://").ok_or(WebOriginError)?;
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if !matches!(scheme, "http" | "https") || authority.is_empty() || !authority.bytes().all(fine) {
            return Err(WebOriginError);
        }
        // Browsers omit the default port.
        let default_port = if scheme == "http" { ":80" } else { ":443" };
        let written = text.strip_suffix(default_port).unwrap_or(&text);
        HeaderValue::from_str(written).map(Self).map_err(|_| WebOriginError)
    }
}

/// The listed origins.
#[derive(Debug)]
pub(crate) struct Cors(Vec<WebOrigin>);

impl Cors {
    pub(crate) const fn new(origins: Vec<WebOrigin>) -> Self {
        Self(origins)
    }

    /// The response to a preflight request of a listed origin; `None` for every other request.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        if self.0.is_empty() || *method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        self.listed(headers.get(ORIGIN))?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS.clone());
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE.clone());
        Some(response)
    }

    /// Lets a page of a listed origin read a response, including errors.
    pub(crate) fn mark(&self, origin: Option<&HeaderValue>, response: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        response.append(VARY, BY_ORIGIN.clone());
        if let Some(origin) = self.listed(origin) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.0.clone());
        }
    }

    fn listed(&self, origin: Option<&HeaderValue>) -> Option<&WebOrigin> {
        let origin = origin?;
        self.0.iter().find(|listed| listed.0 == *origin)
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
