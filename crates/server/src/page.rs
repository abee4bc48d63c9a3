//! The page's own files. They hold no data, so they need no token; what they show, they would have to ask for.

use axum::response::Response;
use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};

static HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
static CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
static POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
static NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");
/// May be kept, but is asked for again: a new version of the agent brings new files under the same names.
static NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

const INDEX: &str = include_str!("../assets/index.html");
const STYLE: &str = include_str!("../assets/style.css");

pub(crate) fn index() -> Response {
    file(&HTML, INDEX)
}

pub(crate) fn style() -> Response {
    file(&CSS, STYLE)
}

fn file(kind: &HeaderValue, content: &'static str) -> Response {
    let mut response = Response::new(Bytes::from_static(content.as_bytes()).into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind.clone());
    headers.insert(CACHE_CONTROL, NO_CACHE.clone());
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFFING.clone());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_nothing_that_its_policy_forbids() {
        for forbidden in ["<script", "style=", "<style", "http:", "https:", "href=\"/", "src="] {
            assert!(!INDEX.contains(forbidden), "{forbidden}");
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
