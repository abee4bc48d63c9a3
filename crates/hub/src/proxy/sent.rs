//! Header fields that go to an agent: a few of the viewer's, the scope, and the hub's own token.

use http_server::{SCOPE_HEADER, auth::Scope};
use hyper::{
    HeaderMap,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName, HeaderValue},
};

/// Value of [`SCOPE_HEADER`], the only one.
pub(super) static SUMMARY: HeaderValue = HeaderValue::from_static("summary");
static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Most bytes of the viewer's fields: an agent refuses more than its own limit with an answer that is no agent's.
const MAX_BYTES: usize = 8 << 10;

/// Header fields of the request to an agent, still without its token; none if the viewer's are too long.
pub(super) fn fields(viewer: &HeaderMap, scope: Scope) -> Option<HeaderMap> {
    let mut fields = HeaderMap::new();
    let mut bytes = 0;
    for name in [&ACCEPT, &ACCEPT_ENCODING, &LAST_EVENT_ID] {
        for value in viewer.get_all(name) {
            bytes += name.as_str().len() + value.len();
            if bytes > MAX_BYTES {
                return None;
            }
            fields.append(name, value.clone());
        }
    }
    if is_lowered(scope) {
        fields.insert(SCOPE_HEADER.clone(), SUMMARY.clone());
    }
    Some(fields)
}

/// True if the agent must hide people from the viewer.
pub(super) const fn is_lowered(scope: Scope) -> bool {
    !matches!(scope, Scope::Read)
}

/// Adds the hub's token for the agent.
pub(super) fn add_token(fields: &mut HeaderMap, token: HeaderValue) {
    fields.insert(AUTHORIZATION, token);
}
