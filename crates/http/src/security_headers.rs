//! Response headers that restrict browsers: no sniffing, no framing, no embedding by other origins, no referrer.

use hyper::{
    HeaderMap,
    header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

static NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");
static RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Origins listed in `--cors-origins` use CORS, which this header does not affect.
static OWN_PAGES: HeaderValue = HeaderValue::from_static("same-origin");
static NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// Policy for data: a response that is opened in a browser loads and runs nothing.
static DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Adds the headers; keeps the page's own policy.
pub(crate) fn protect(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFFING.clone());
    headers.insert(REFERRER_POLICY, NO_REFERRER.clone());
    headers.insert(RESOURCE_POLICY.clone(), OWN_PAGES.clone());
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, DATA.clone());
    }
}
