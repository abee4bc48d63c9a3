//! `/peers`: other hosts, as configured with `--peers`.

use bytes::Bytes;
use http_server::{Response, response};
use hyper::{
    StatusCode,
    header::{HeaderValue, LINK},
};

use super::rendered;
use crate::config::peers::Peers;

/// Sent with the resources that the page reads first. The address is relative, so it holds behind a proxy.
static PEERS_LINK: HeaderValue = HeaderValue::from_static("<peers>; rel=\"related\"");

/// `/api/v1/peers`, which no snapshot changes.
pub(crate) fn answer(peers: &Peers) -> Response {
    let body = rendered::peers(peers.list()).unwrap_or_else(|_| Bytes::from_static(b"[]"));
    response::json(StatusCode::OK, body)
}

/// Adds a `Link` header if there are peers, so that the page asks for them only then.
pub(crate) fn with_link(peers: &Peers, mut response: Response) -> Response {
    if !peers.list().is_empty() && response.status() == StatusCode::OK {
        response.headers_mut().insert(LINK, PEERS_LINK.clone());
    }
    response
}
