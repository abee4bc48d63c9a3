//! The access log: a line for each request that is answered, as an event of `tracing` under the target [`TARGET`].
//!
//! It holds no secrets: no headers, of the query only what our own parameters say of GPUs and times, and no token,
//! even if somebody has put it into the path. What is too long to be one of our paths is not looked at at all: this is
//! done for strangers too, on the thread that answers.

use std::time::Instant;

use axum::response::Response;
use hyper::{Method, Uri, body::Body as _};

use crate::{
    auth::{Gate, Reader},
    http::percent,
    net::peer::Peer,
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
        let path = path(uri, |text| gate.stands_in(text));
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

/// The path and the query as they are told.
fn path(uri: &Uri, is_secret: impl Fn(&[u8]) -> bool) -> String {
    if uri.path().len() > MOST {
        return format!("(a path of {} bytes)", uri.path().len());
    }
    let target = match uri.query() {
        Some(query) => format!("{}?{}", uri.path(), told(query)),
        None => uri.path().into(),
    };
    let decoded: Vec<u8> = percent::decode(target.as_bytes()).collect();
    if is_secret(target.as_bytes()) || is_secret(&decoded) { "(a token stands in it)".into() } else { target }
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
    fn access_log_hides_token_in_any_form() {
        let secret = crate::auth::Token::new("hush/hush-hush-hush").unwrap();
        let told = |uri: &str| {
            let tokens =
                crate::config::ServerConfig { token: Some(secret.clone()), ..crate::config::ServerConfig::default() };
            path(&uri.parse().unwrap(), |text| Gate::new(&tokens).stands_in(text))
        };
        let escaped: String = "hush/hush-hush-hush".bytes().map(|byte| format!("%{byte:02x}")).collect();
        for uri in [
            "/hush/hush-hush-hush".to_owned(),
            "/xhush/hush-hush-hushx?idx=0".into(),
            "/hush%2Fhush-hush-hush".into(),
            format!("/{escaped}"),
            format!("/count?idx={escaped}"),
            "/count?idx=hush/hush-hush-hush".into(),
        ] {
            assert_eq!(told(&uri), "(a token stands in it)", "{uri}");
        }
        // Wherever it would be cut, half a token is not told either.
        let long = format!("/{}hush/hush-hush-hush", "x".repeat(MOST - 5));
        assert_eq!(told(&long), format!("(a path of {} bytes)", long.len()));
        assert_eq!(told("/a%20b?idx=0&x"), "/a%20b?idx=0&…");
    }

    #[test]
    fn access_log_hides_personal_query_parameters() {
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
