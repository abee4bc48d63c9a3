//! For which host's name a request may be: what keeps a page from elsewhere from reading an open agent through its
//! reader's browser.
//!
//! A page's own host name may be made to stand for 127.0.0.1 (DNS rebinding); the browser then takes the agent for the
//! page's own server. It tells which name it was given, and that name cannot be forged from within a page.

use std::{net::IpAddr, str::FromStr};

use hyper::{HeaderMap, Uri, header::HOST};

/// A host's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(Box<str>);

/// A text that is no host's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host's name without scheme and port is wanted, such as gpu01.example.org")]
pub struct HostNameError;

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let is_name = !text.is_empty() && text.len() <= 253 && text.bytes().all(fine);
        is_name.then(|| Self(text.to_ascii_lowercase().into())).ok_or(HostNameError)
    }
}

/// The names for which requests are answered: this host's own, its addresses, and those that are named.
#[derive(Debug)]
pub(crate) struct Hosts(Vec<HostName>);

impl Hosts {
    pub(crate) const fn new(named: Vec<HostName>) -> Self {
        Self(named)
    }

    /// The name that a request is for and that is none of them.
    pub(crate) fn foreign<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        let written = uri.authority().map(|authority| authority.as_str().as_bytes());
        let told = headers.get_all(HOST).iter().map(|value| value.as_bytes());
        // Who names none is no browser.
        written.into_iter().chain(told).find(|name| !self.know(name))
    }

    fn know(&self, authority: &[u8]) -> bool {
        let Some(name) = std::str::from_utf8(authority).ok().and_then(without_port) else { return false };
        name.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.0.iter().any(|known| known.0.eq_ignore_ascii_case(name))
    }
}

/// The host of `host`, `host:port` or `[address]:port`; none if it is none of them.
fn without_port(authority: &str) -> Option<&str> {
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
        Hosts::new(named).foreign(&uri.parse().unwrap(), &headers).is_some()
    }

    #[test]
    fn own_and_configured_names_allowed() {
        for host in [
            "localhost",
            "LocalHost:8000",
            "localhost:",
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
            "localhost.",
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
        assert_eq!("GPU_01.Example".parse::<HostName>(), Ok(HostName("gpu_01.example".into())));
    }
}
