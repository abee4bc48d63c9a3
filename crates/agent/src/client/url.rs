//! Addresses of agents as people write them.

use std::{fmt, path::PathBuf};

use server::Prefix;

/// Port of an agent that is named without one.
const DEFAULT_PORT: u16 = 8000;

/// Where an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Url {
    /// A host, by name or address.
    Host {
        /// With TLS.
        tls: bool,
        /// Without brackets.
        name: String,
        port: u16,
        /// Path of the agent there.
        prefix: String,
    },
    /// A Unix socket of this host.
    Unix(PathBuf),
}

/// Reads `http://HOST[:PORT][/PATH]`, `https://…`, `unix:PATH`, and `HOST:PORT` or `HOST` without a scheme.
///
/// # Errors
/// One line with the expected forms.
pub(super) fn parse(text: &str) -> Result<Url, String> {
    let refuse = |why: &str| {
        // The part before an @ may be a password.
        let shown = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        format!(
            "expected {why} in an address such as http://gpu01:8000, https://example.org/gpu01 or unix:/run/agent.sock, \
             got {shown:?}"
        )
    };
    if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err(refuse("neither spaces nor control characters"));
    }
    if let Some(path) = text.strip_prefix("unix:") {
        // unix:///run/x is /run/x.
        let path = path.strip_prefix("//").unwrap_or(path);
        return if path.is_empty() { Err(refuse("a path")) } else { Ok(Url::Unix(path.into())) };
    }
    let (tls, rest, port_if_none) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest, 80),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest, 443),
        Some(_) => return Err(refuse("http, https or unix")),
        None => (false, text, DEFAULT_PORT),
    };
    if rest.contains(['?', '#']) {
        return Err(refuse("neither a query nor a fragment"));
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if authority.contains('@') {
        return Err(refuse("no user (a token is set with NVSMI_TOKEN)"));
    }
    let (name, port) = match authority.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or_else(|| refuse("a closing bracket"))?,
        None => authority.find(':').map_or((authority, ""), |at| authority.split_at(at)),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|&port| port > 0).ok_or_else(|| refuse("a port from 1 to 65535"))?,
        None if port.is_empty() => port_if_none,
        None => return Err(refuse("a port after the host")),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(refuse("the name or address of a host"));
    }
    let prefix: Prefix = path.parse().map_err(|error| refuse(&format!("a path of an agent ({error})")))?;
    Ok(Url::Host { tls, name: name.into(), port, prefix: prefix.as_str().into() })
}

impl fmt::Display for Url {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { tls, name, port, prefix } => {
                let scheme = if *tls { "https" } else { "http" };
                write!(to, "{scheme}://{}{prefix}", authority(*tls, name, *port))
            }
            Self::Unix(path) => write!(to, "unix:{}", path.display()),
        }
    }
}

/// Host and port as in a URL and a `Host` header, without the scheme's own port.
pub(super) fn authority(tls: bool, name: &str, port: u16) -> String {
    let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    if port == if tls { 443 } else { 80 } { name } else { format!("{name}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_read_in_each_form() {
        for (text, shown) in [
            ("http://gpu01:8000", "http://gpu01:8000"),
            ("http://gpu01:8000/", "http://gpu01:8000"),
            ("HTTPS://GPU01.example.org/a/b/", "https://GPU01.example.org/a/b"),
            ("http://gpu01", "http://gpu01"),
            ("https://gpu01:8443/x", "https://gpu01:8443/x"),
            ("https://gpu01:443", "https://gpu01"),
            ("gpu01:81", "http://gpu01:81"),
            ("gpu01:81/x", "http://gpu01:81/x"),
            ("gpu01", "http://gpu01:8000"),
            ("127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("[::1]:9000", "http://[::1]:9000"),
            ("http://[fe80::1%25eth0]", "http://[fe80::1%25eth0]"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
            ("unix:///run/a.sock", "unix:/run/a.sock"),
            ("unix:a.sock", "unix:a.sock"),
        ] {
            assert_eq!(parse(text).map(|url| url.to_string()), Ok(shown.into()), "{text}");
        }
        for (text, part) in [
            ("", "name or address"),
            ("ftp://gpu01", "http, https or unix"),
            ("http://", "name or address"),
            ("http://user:secret@gpu01", "no user"),
            ("http://gpu01:0", "1 to 65535"),
            ("http://gpu01:x", "1 to 65535"),
            ("http://gpu01:70000", "1 to 65535"),
            ("http://gpu01/?a=b", "query"),
            ("http://gpu01/#a", "fragment"),
            ("http://gpu01/a//b", "empty segment"),
            ("http://gpu01/../b", "segment"),
            ("http://[::1", "bracket"),
            ("http://[::1]8000", "port after"),
            ("http://gpu 01", "spaces"),
            ("http://gpu01\r\nX: y", "spaces"),
            ("http://gpü01", "name or address"),
            ("unix:", "a path"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part) && !error.contains("secret"), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_tolerated(text in "(https?://|unix:|)[a-z0-9:/@%\\[\\]. \\PC]{0,20}") {
            if let Ok(url) = parse(&text) {
                prop_assert!(!url.to_string().contains(char::is_control));
            }
        }
    }
}
