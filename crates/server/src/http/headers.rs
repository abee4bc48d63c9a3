//! What every answer tells a browser: to take it for what it says it is, to frame it nowhere, to give it to no page of
//! another origin unread, and to tell nobody where it came from.

use hyper::{
    HeaderMap,
    header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

static NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");
static RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Who is named by `--cors-origins` asks by CORS, which this does not concern.
static OWN_PAGES: HeaderValue = HeaderValue::from_static("same-origin");
static NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// For what is no page: nothing is loaded, and nothing run, by an answer that somebody opens in a browser.
static DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Adds them; the page has a policy of its own.
pub(crate) fn protect(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFFING.clone());
    headers.insert(REFERRER_POLICY, NO_REFERRER.clone());
    headers.insert(RESOURCE_POLICY.clone(), OWN_PAGES.clone());
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, DATA.clone());
    }
}
