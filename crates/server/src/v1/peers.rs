//! `/peers`: other hosts, as configured with `--peers`.

use bytes::Bytes;
use http_server::{Response, response};
use hyper::StatusCode;

use super::rendered;
use crate::config::peers::Peers;

/// `/api/v1/peers`, which no snapshot changes.
pub(crate) fn answer(peers: &Peers) -> Response {
    let body = rendered::peers(peers.list()).unwrap_or_else(|_| Bytes::from_static(b"[]"));
    response::json(StatusCode::OK, body)
}
