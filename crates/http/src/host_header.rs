//! Check of the `Host` header against DNS rebinding.
//!
//! A page from elsewhere can make its own host name resolve to 127.0.0.1, and the browser then takes an open server
//! for the page's origin. The browser still sends that name as `Host`, and a page cannot forge it.

use std::{net::IpAddr, str::FromStr};

use hyper::{HeaderMap, Uri, header::HOST};

/// A host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(Box<str>);

/// A text that is not a host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name without scheme and port, such as gpu01.example.org")]
pub struct HostNameError;

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let is_name = !text.is_empty() && text.len() <= 253 && text.bytes().all(fine);
        is_name.then(|| Self(text.to_ascii_lowercase().into())).ok_or(HostNameError)
    }
}

/// Host names that requests may use: `localhost`, IP addresses and the configured names.
#[derive(Debug)]
pub(crate) struct AllowedHosts(Vec<HostName>);

impl AllowedHosts {
    pub(crate) const fn new(named: Vec<HostName>) -> Self {
        Self(named)
    }

    /// The host name of the request that is not allowed, if any.
    pub(crate) fn refused<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        let in_target = uri.authority().map(|authority| authority.as_str().as_bytes());
        let in_header = headers.get_all(HOST).iter().map(|value| value.as_bytes());
        // A request without a name does not come from a browser.
        in_target.into_iter().chain(in_header).find(|name| !self.allows(name))
    }

    fn allows(&self, authority: &[u8]) -> bool {
        let Some(name) = std::str::from_utf8(authority).ok().and_then(without_port) else { return false };
        // A final dot only says that the name is complete; `localhost.` is `localhost`.
        let name = name.strip_suffix('.').unwrap_or(name);
        name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.0.iter().any(|known| known.0.eq_ignore_ascii_case(name))
    }
}

/// The host of `host`, `host:port` or `[address]:port`; `None` for other forms.
pub(crate) fn without_port(authority: &str) -> Option<&str> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').filter(|(host, _)| host.contains(':'))?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = if rest.is_empty() { "" } else { rest.strip_prefix(':')? };
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn foreign(uri: &str, hosts: &[&[u8]]) -> bool {
        let named = vec!["GPU01.example.org".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_bytes(host).unwrap());
        }
        AllowedHosts::new(named).refused(&uri.parse().unwrap(), &headers).is_some()
    }

    #[test]
    fn own_and_configured_names_allowed() {
        for host in [
            "localhost",
            "LocalHost:8000",
            "localhost:",
            "localhost.",
            "LOCALHOST.:8000",
            "127.0.0.1.",
            "gpu01.example.org.:80",
            "127.0.0.1",
            "127.0.0.1:8000",
            "[::1]",
            "[::1]:8000",
            "192.0.2.7:80",
            "gpu01.example.org:8000",
            "gpu01.EXAMPLE.org",
        ] {
            assert!(!foreign("/", &[host.as_bytes()]), "{host}");
        }
        assert!(!foreign("/", &[]), "of HTTP/1.0");
    }

    #[test]
    fn other_names_rejected() {
        for host in [
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:localhost",
            "localhost:80@evil.example",
            "user@localhost",
            "[evil.example]",
            "[::1",
            "[127.0.0.1]",
            "::1",
            "127.1",
            "0x7f000001",
            "localhost..",
            ".localhost",
            "evil.example.",
            ".",
            "",
            ":8000",
            " localhost",
        ] {
            assert!(foreign("/", &[host.as_bytes()]), "{host}");
        }
        assert!(foreign("/", &[b"\xff"]));
        assert!(foreign("/", &[b"localhost", b"evil.example"]), "the second of two");
        assert!(foreign("http://evil.example/", &[b"localhost"]), "a target with a host of its own");
        assert!(!foreign("http://localhost:1/", &[b"localhost"]));
    }

    #[test]
    fn host_name_without_scheme_and_port() {
        for text in ["", "http://a", "a:80", "a/b", "*", "a b", "é"] {
            assert_eq!(text.parse::<HostName>(), Err(HostNameError), "{text}");
        }
        assert_eq!("GPU_01.Example.".parse::<HostName>(), Ok(HostName("gpu_01.example".into())));
    }
}
