//! `NVSMI-Scope`: a request header that lowers the scope of a request, and never raises it.
//!
//! A program that answers people with a token of its own, such as a hub, asks with it for no more than they may see. The
//! response repeats the header, so that the program knows that this server understands it.

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue, VARY},
};

use crate::auth::Scope;

/// Name of the header.
pub static SCOPE_HEADER: HeaderName = HeaderName::from_static("nvsmi-scope");
static SUMMARY: HeaderValue = HeaderValue::from_static("summary");

/// The scope to which a request lowers its own; none without the header.
///
/// # Errors
/// The header has another value, or several.
pub(crate) fn wanted(headers: &HeaderMap) -> Result<Option<Scope>, ()> {
    let mut values = headers.get_all(&SCOPE_HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if *value == SUMMARY => Ok(Some(Scope::Summary)),
        _ => Err(()),
    }
}

/// Repeats the header in a response, which depends on it.
pub(crate) fn mark(headers: &mut HeaderMap) {
    headers.insert(SCOPE_HEADER.clone(), SUMMARY.clone());
    let named: Vec<&[u8]> =
        headers.get_all(VARY).iter().map(HeaderValue::as_bytes).chain([SCOPE_HEADER.as_str().as_bytes()]).collect();
    if let Ok(vary) = HeaderValue::from_bytes(&named.join(&b", "[..])) {
        headers.insert(VARY, vary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (SCOPE_HEADER.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn scope_read_from_header() {
        assert_eq!(wanted(&HeaderMap::new()), Ok(None));
        assert_eq!(wanted(&headers(&["summary"])), Ok(Some(Scope::Summary)));
        for wrong in [&["read"][..], &["metrics"], &[""], &["Summary"], &["summary, read"], &["summary", "summary"]] {
            assert_eq!(wanted(&headers(wrong)), Err(()), "{wrong:?}");
        }
    }

    #[test]
    fn response_varies_by_scope_and_by_what_it_did_before() {
        let mut response = HeaderMap::new();
        mark(&mut response);
        assert_eq!((&response[&SCOPE_HEADER], &response[VARY]), (&SUMMARY, &HeaderValue::from_static("nvsmi-scope")));
        let mut response = HeaderMap::new();
        response.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        response.append(VARY, HeaderValue::from_static("origin"));
        mark(&mut response);
        let vary: Vec<_> = response.get_all(VARY).iter().collect();
        assert_eq!(vary, ["accept, accept-encoding, origin, nvsmi-scope"]);
    }
}
