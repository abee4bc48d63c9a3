//! The access log: a line for each request that is answered, as an event of `tracing` under the target [`TARGET`].
//!
//! It holds no secrets: no headers, of the query only what our own parameters say of GPUs and times, and no token,
//! even if somebody has put it into the path.

use std::{borrow::Cow, time::Instant};

use axum::response::Response;
use hyper::{Method, Uri, body::Body as _};

use crate::{
    auth::{Gate, Reader},
    peer::Peer,
};

/// The target of its events.
pub const TARGET: &str = "access";

/// The parameters whose values are told: those that say nothing of people.
const TOLD: [&str; 9] = ["idx", "process", "gpu", "type", "metric", "since", "step", "agg", "names"];
/// How much of a path and of a query is told, in bytes.
const MOST: usize = 512;

/// A request as it came in.
pub(crate) struct Line {
    began: Instant,
    method: Method,
    path: String,
    peer: Option<Peer>,
}

impl Line {
    pub(crate) fn begin(method: &Method, uri: &Uri, peer: Option<Peer>, gate: &Gate) -> Self {
        let target = match uri.query() {
            Some(query) => Cow::from(format!("{}?{}", cut(uri.path()), told(query))),
            None => cut(uri.path()).into(),
        };
        let secret = gate.stands_in(uri.path().as_bytes()) || gate.stands_in(target.as_bytes());
        let path = if secret { "(a token stands in it)".into() } else { target.into_owned() };
        Self { began: Instant::now(), method: method.clone(), path, peer }
    }

    /// Tells what it was answered with, as soon as the answer begins.
    pub(crate) fn end(self, reader: Option<&Reader>, response: &Response) {
        tracing::info!(
            target: TARGET,
            from = self.peer.map(tracing::field::display),
            who = who(reader),
            method = %cut(self.method.as_str()),
            path = self.path,
            status = response.status().as_u16(),
            bytes = response.body().size_hint().exact(),
            microseconds = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
    }
}

fn who(reader: Option<&Reader>) -> &str {
    match reader {
        Some(Reader::Known(token)) => &token.name,
        Some(Reader::Wrong) => "(wrong token)",
        Some(Reader::Anonymous(_) | Reader::Stranger) | None => "-",
    }
}

/// A query with the values that are told; of others their names are not told either, since the two may be swapped.
fn told(query: &str) -> String {
    let parts = query.split('&').map(|part| {
        let name = part.split('=').next().unwrap_or_default();
        if TOLD.contains(&name) { cut(part) } else { "…" }
    });
    let told = parts.take(TOLD.len() * 2).collect::<Vec<_>>().join("&");
    cut(&told).to_owned()
}

fn cut(text: &str) -> &str {
    let end = (0..=MOST.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_nothing_of_people_is_told_of_a_query() {
        for (query, expected) in [
            ("idx=0,1&process=C", "idx=0,1&process=C"),
            ("token=hush&idx=0", "…&idx=0"),
            ("user=alice", "…"),
            ("hush", "…"),
            ("", "…"),
            ("idx", "idx"),
        ] {
            assert_eq!(told(query), expected, "{query}");
        }
        assert!(told(&"idx=0&".repeat(10_000)).len() <= MOST);
        assert!(told(&format!("idx={}", "é".repeat(10_000))).len() <= MOST);
    }
}
