//! The access log: an event of `tracing` with the target [`TARGET`] for each request.
//!
//! It contains no secrets: no headers, only the listed query parameters, and no path that contains a token. Paths that
//! are too long are not searched, because clients without a token cause this work too.

use std::time::Instant;

use hyper::{Method, Uri, body::Body as _};

use crate::{
    Response,
    auth::{Authenticator, Principal},
    net::ClientAddr,
    percent,
};

/// The target of the events.
pub const TARGET: &str = "access";

/// Maximum length of a logged path or query, in bytes.
const MAX_LEN: usize = 512;
/// Maximum number of logged query parameters.
const MAX_PARAMETERS: usize = 18;

/// A request that is being answered.
pub(crate) struct Entry {
    start: Instant,
    method: Method,
    path: String,
    client: Option<ClientAddr>,
}

impl Entry {
    /// Notes a request; `parameters` are the names of those that may be logged.
    pub(crate) fn begin(
        method: &Method,
        uri: &Uri,
        client: Option<ClientAddr>,
        auth: &Authenticator,
        parameters: &[&str],
    ) -> Self {
        let path = target(uri, parameters, |text| auth.contained_in(text));
        Self { start: Instant::now(), method: method.clone(), path, client }
    }

    /// Logs the response, when its body begins.
    pub(crate) fn end(self, principal: Option<&Principal>, response: &Response) {
        tracing::info!(
            target: TARGET,
            from = self.client.map(tracing::field::display),
            who = who(principal),
            method = %cut(self.method.as_str()),
            path = self.path,
            status = response.status().as_u16(),
            bytes = response.body().size_hint().exact(),
            microseconds = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
    }
}

/// The path and query as they are logged.
pub(crate) fn target(uri: &Uri, parameters: &[&str], is_secret: impl Fn(&[u8]) -> bool) -> String {
    if uri.path().len() > MAX_LEN {
        return format!("(a path of {} bytes)", uri.path().len());
    }
    let target = match uri.query() {
        Some(query) => format!("{}?{}", uri.path(), masked(query, parameters)),
        None => uri.path().into(),
    };
    if is_secret(target.as_bytes()) || is_secret(&percent::decode(target.as_bytes())) {
        "(contains a token)".into()
    } else {
        target
    }
}

/// The name of a client's token, or `-` without one.
pub(crate) fn who(principal: Option<&Principal>) -> &str {
    match principal {
        Some(Principal::Token(token)) => &token.name,
        Some(Principal::WrongToken) => "(wrong token)",
        Some(Principal::Anonymous(_) | Principal::NoToken) | None => "-",
    }
}

/// A query with the values of the listed parameters. Other names are hidden too, because name and value can be swapped.
fn masked(query: &str, parameters: &[&str]) -> String {
    let parts = query.split('&').map(|part| {
        let name = part.split('=').next().unwrap_or_default();
        if parameters.contains(&name) { cut(part) } else { "…" }
    });
    let parts = parts.take(MAX_PARAMETERS).collect::<Vec<_>>().join("&");
    cut(&parts).to_owned()
}

fn cut(text: &str) -> &str {
    let end = (0..=MAX_LEN.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::AuthConfig;

    const PARAMETERS: [&str; 2] = ["idx", "process"];

    #[test]
    fn token_never_logged() {
        let secret = crate::auth::Token::new("hush/hush-hush-hush").unwrap();
        let logged = |uri: &str| {
            let auth = Authenticator::new(AuthConfig { token: Some(secret.clone()), ..AuthConfig::default() });
            target(&uri.parse().unwrap(), &PARAMETERS, |text| auth.contained_in(text))
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
            assert_eq!(logged(&uri), "(contains a token)", "{uri}");
        }
        // Nor is the half of a token that the maximum length cuts.
        let long = format!("/{}hush/hush-hush-hush", "x".repeat(MAX_LEN - 5));
        assert_eq!(logged(&long), format!("(a path of {} bytes)", long.len()));
        assert_eq!(logged("/a%20b?idx=0&x"), "/a%20b?idx=0&…");
    }

    #[test]
    fn only_listed_parameters_logged() {
        for (query, expected) in [
            ("idx=0,1&process=C", "idx=0,1&process=C"),
            ("token=hush&idx=0", "…&idx=0"),
            ("user=alice", "…"),
            ("hush", "…"),
            ("", "…"),
            ("idx", "idx"),
        ] {
            assert_eq!(masked(query, &PARAMETERS), expected, "{query}");
        }
        assert!(masked(&"idx=0&".repeat(10_000), &PARAMETERS).len() <= MAX_LEN);
        assert!(masked(&format!("idx={}", "é".repeat(10_000)), &PARAMETERS).len() <= MAX_LEN);
    }
}
