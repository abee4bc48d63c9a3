//! Place of an engine, and the credentials for it.

use std::{io, net::Ipv6Addr, path::PathBuf, time::Duration};

use http_server::Prefix;
use hyper::header::HeaderValue;

use crate::target::{Endpoint, Scheme};

/// Longest file with credentials, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// An engine with the Prometheus HTTP API: Prometheus, VictoriaMetrics, Mimir, Thanos.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Place; its prefix is the path before `/api/v1`.
    pub endpoint: Endpoint,
    /// Credentials.
    pub credentials: EngineCredentials,
    /// Tenant, sent as `X-Scope-OrgID`.
    pub org_id: Option<HeaderValue>,
    /// Interval at which the engine scrapes the agents; learned from its samples if it is not given.
    pub scrape_interval: Option<Duration>,
}

/// Credentials for an engine. The file is read for each request, so a new one counts at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EngineCredentials {
    /// None.
    #[default]
    None,
    /// File with one line `USER:PASSWORD`, for basic authentication.
    User(PathBuf),
    /// File with a bearer token.
    Token(PathBuf),
}

impl EngineConfig {
    /// Engine at a URL, such as `http://prometheus:9090` or `https://vm.example.org/select/0/prometheus`, without
    /// credentials.
    ///
    /// # Errors
    /// The text is no such URL.
    pub fn at(url: &str) -> Result<Self, String> {
        let endpoint = endpoint(url)?;
        Ok(Self { endpoint, credentials: EngineCredentials::None, org_id: None, scrape_interval: None })
    }

    /// The same, for a tenant.
    ///
    /// # Errors
    /// The text cannot be the value of a header field.
    pub fn with_org_id(self, id: &str) -> Result<Self, String> {
        let value = HeaderValue::from_str(id).ok().filter(|_| !id.is_empty());
        let value = value.ok_or_else(|| format!("expected a tenant such as team-a, got {id:?}"))?;
        Ok(Self { org_id: Some(value), ..self })
    }
}

impl EngineCredentials {
    /// Value of `Authorization`.
    ///
    /// # Errors
    /// The file cannot be read, or has something else in it. The text of the error has nothing of the file.
    pub(super) async fn header(&self) -> io::Result<Option<HeaderValue>> {
        let (path, is_user) = match self {
            Self::None => return Ok(None),
            Self::User(path) => (path, true),
            Self::Token(path) => (path, false),
        };
        let invalid = |expected: &str| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("expected one line with {expected} in {}", path.display()),
            )
        };
        let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()));
        if tokio::fs::metadata(path).await.map_err(named)?.len() > MAX_FILE_BYTES {
            return Err(invalid("credentials"));
        }
        let text = tokio::fs::read_to_string(path).await.map_err(named)?;
        let line = text.trim();
        let value = if is_user {
            line.contains(':').then(|| format!("Basic {}", base64(line.as_bytes()))).filter(|_| !line.contains('\n'))
        } else {
            (!line.is_empty() && !line.contains(char::is_whitespace)).then(|| format!("Bearer {line}"))
        };
        let expected = if is_user { "USER:PASSWORD" } else { "a token" };
        let value = value.and_then(|value| HeaderValue::try_from(value).ok()).ok_or_else(|| invalid(expected))?;
        let mut value = value;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).ok().and_then(|digit| DIGITS.get(digit));
            text.push(if place > chunk.len() { '=' } else { digit.copied().map_or('=', char::from) });
        }
    }
    text
}

fn endpoint(url: &str) -> Result<Endpoint, String> {
    let expected = |why: &str| format!("expected a URL such as http://prometheus:9090, got {url:?}: {why}");
    let (scheme, rest) = url.split_once("://").ok_or_else(|| expected("it has no http:// or https://"))?;
    let (scheme, default) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (Scheme::Http, 80),
        "https" => (Scheme::Https, 443),
        _ => return Err(expected("it has no http:// or https://")),
    };
    if rest.contains(['?', '#']) {
        return Err(expected("leave out what follows the path"));
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    if authority.contains('@') {
        // The text of the error would have the password.
        return Err("expected a URL without a user: write USER:PASSWORD into a file".into());
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(|| expected("a bracket is not closed"))?;
            host.parse::<Ipv6Addr>().map_err(|_| expected("the brackets have no IPv6 address"))?;
            let port = if port.is_empty() { None } else { Some(port.strip_prefix(':').unwrap_or("x")) };
            (host, port)
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let is_plain = |character: char| character.is_ascii_alphanumeric() || ".-_:".contains(character);
    if host.is_empty() || !host.chars().all(is_plain) {
        return Err(expected("it has no host"));
    }
    let port = match port {
        None => default,
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| expected("the port is no number"))?,
    };
    let prefix: Prefix = path.parse().map_err(|error: http_server::PrefixError| error.to_string())?;
    Ok(Endpoint { scheme, host: host.into(), port, prefix: prefix.as_str().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_of_each_engine_parsed() {
        for (url, expected) in [
            ("http://prometheus:9090", "http://prometheus:9090"),
            ("HTTP://Prometheus", "http://Prometheus:80"),
            ("https://vm.example.org/select/0:1/prometheus/", "https://vm.example.org:443/select/0:1/prometheus"),
            ("http://[::1]:9009/prometheus", "http://[::1]:9009/prometheus"),
            ("http://[::1]", "http://[::1]:80"),
        ] {
            assert_eq!(EngineConfig::at(url).unwrap().endpoint.to_string(), expected);
        }
    }

    #[test]
    fn text_without_a_place_refused() {
        for url in [
            "",
            "prometheus:9090",
            "ftp://a",
            "http://",
            "http://:9090",
            "http://a:0",
            "http://a:65536",
            "http://a:b",
            "http://[::1",
            "http://[::1]9",
            "http://[a]",
            "http://a b",
            "http://a?x=1",
            "http://a/#b",
            "http://a/../b",
            "http://a//b",
            "http://a/%2e",
            "http://a\r\nb",
        ] {
            assert!(EngineConfig::at(url).is_err(), "{url}");
        }
        let error = EngineConfig::at("http://me:secret@a").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
        assert!(EngineConfig::at("http://a").unwrap().with_org_id("a\nb").is_err());
    }

    #[test]
    fn base64_as_in_rfc_4648() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[tokio::test]
    async fn credentials_read_from_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        for (text, user, token) in [
            ("me:se cret\n", Some("Basic bWU6c2UgY3JldA=="), None),
            ("t0ken\r\n", None, Some("Bearer t0ken")),
            ("", None, None),
            ("a\nb", None, None),
            ("a:b\nc", None, None),
        ] {
            std::fs::write(&path, text).unwrap();
            let of = async |credentials: EngineCredentials| {
                credentials.header().await.ok().flatten().map(|value| value.to_str().unwrap().to_owned())
            };
            assert_eq!(of(EngineCredentials::User(path.clone())).await.as_deref(), user, "{text:?}");
            assert_eq!(of(EngineCredentials::Token(path.clone())).await.as_deref(), token, "{text:?}");
        }
        std::fs::write(&path, "the secret token").unwrap();
        let error = EngineCredentials::Token(path).header().await.unwrap_err().to_string();
        assert!(error.contains("expected one line with a token") && !error.contains("secret"), "{error}");
        assert!(EngineCredentials::Token("/nonexistent".into()).header().await.is_err());
        assert!(EngineCredentials::None.header().await.unwrap().is_none());
    }
}
