//! The page's own files. They hold no data, so they need no token; what they show, they have to ask for.
//!
//! They are embedded, and compressed when the program is built.

use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
        IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};

use http_server::{Response, encoding};

/// One file of the page.
struct File {
    /// Below the prefix; `index.html` is asked for as `/`.
    name: &'static str,
    /// Its media type.
    kind: &'static str,
    /// Changes when its content does.
    tag: &'static str,
    /// Whether its name changes when its content does, so that it may be kept for ever.
    for_ever: bool,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

/// Made by `build/main.rs`.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

const INDEX: &str = "index.html";

/// Everything comes from here, and nothing is written between the tags.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (VARY, "accept-encoding"),
];
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// May be kept, but is asked for again: a new version of the agent brings another under the same name.
const NO_CACHE: &str = "no-cache";

/// The page itself.
pub(crate) fn index(headers: &HeaderMap) -> Option<Response> {
    find(INDEX).map(|file| file.answer(headers))
}

/// What the page is made of, by its name under `assets/`.
pub(crate) fn asset(name: &str, headers: &HeaderMap) -> Option<Response> {
    find(&format!("assets/{name}")).map(|file| file.answer(headers))
}

fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

impl File {
    fn answer(&self, asked: &HeaderMap) -> Response {
        let (content, coding) = self.form(asked);
        let tag = format!("\"{}{}{coding}\"", self.tag, if coding.is_empty() { "" } else { "-" });
        let known = asked.get_all(IF_NONE_MATCH).iter().any(|value| knows(value, &tag));
        let body = if known { Bytes::new() } else { Bytes::from_static(content) };
        let mut response = Response::new(body.into());
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(if self.for_ever { FOR_EVER } else { NO_CACHE }));
        if !coding.is_empty() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        // A tag of digits and letters is a header's value.
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(ETAG, tag);
        }
        response
    }

    /// The smallest form that the reader takes.
    fn form(&self, asked: &HeaderMap) -> (&'static [u8], &'static str) {
        let forms = [(self.brotli, "br"), (self.gzip, "gzip")];
        let taken =
            forms.into_iter().find_map(|(form, name)| Some((form.filter(|_| encoding::accepts(asked, name))?, name)));
        taken.unwrap_or((self.plain, ""))
    }
}

/// Whether the reader has that version already; a proxy that packs answers itself makes tags weak.
fn knows(value: &HeaderValue, tag: &str) -> bool {
    let tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.into_iter().any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
