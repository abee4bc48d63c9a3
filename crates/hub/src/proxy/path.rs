//! Paths below `/hosts/`: what the hub passes on, and what it refuses to read.

use std::borrow::Cow;

use http_server::{Access, percent};

/// A path that may be proxied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HostPath<'a> {
    /// Name of the host, decoded.
    pub(super) name: Cow<'a, str>,
    /// Path on the host after its prefix, as it was sent.
    pub(super) path: &'a str,
    /// Group of paths.
    pub(super) kind: Kind,
}

/// Group of paths with the same rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Answers that end: `/api/v1/…`, `/metrics` and `/openapi.json`.
    Data,
    /// The stream.
    Stream,
    /// `/status` and `/count`, which the original has too.
    Legacy,
}

/// Reason why a path is not proxied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It could mean different paths to different servers; the text says why.
    Ambiguous(&'static str),
    /// It is not on the list.
    NotListed,
}

/// Prefix of the API.
const API: &str = "/api/v1/";
/// The stream of an agent.
const STREAM: &str = "/api/v1/stream";

/// Clients that may use a path below `/hosts/`: those of the scope `metrics` only the metrics of a host.
#[must_use]
pub fn access(rest: &str) -> Access {
    match rest.split_once('/') {
        Some((_, "metrics")) => Access::AnyScope,
        _ => Access::Views,
    }
}

/// Reads the part of a path after `/hosts/`, as it was sent. Nothing in it can mean one path to this hub and another one
/// to the agent or to a proxy in front of either.
pub(super) fn parse(rest: &str) -> Result<HostPath<'_>, Refusal> {
    let (name, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    check(name, path)?;
    let kind = match path {
        "/status" | "/count" => Kind::Legacy,
        "/metrics" | "/openapi.json" => Kind::Data,
        STREAM => Kind::Stream,
        _ if path.len() > API.len() && path.starts_with(API) && !path.ends_with('/') => Kind::Data,
        _ => return Err(Refusal::NotListed),
    };
    let name = match percent::decode(name.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(name),
        // It is ASCII, as was checked.
        Cow::Owned(name) => Cow::Owned(String::from_utf8(name).map_err(|_| Refusal::NotListed)?),
    };
    Ok(HostPath { name, path, kind })
}

fn check(name: &str, path: &str) -> Result<(), Refusal> {
    escapes(name)?;
    escapes(path)?;
    // Browsers send the brackets of an IPv6 address as they are.
    let is_in_name = |byte: u8| is_plain(byte) || matches!(byte, b'[' | b']' | b'%');
    let is_in_path = |byte: u8| is_plain(byte) || matches!(byte, b'/' | b'%');
    if !name.bytes().all(is_in_name) || !path.bytes().all(is_in_path) {
        return Err(Refusal::Ambiguous("it has a character that a path cannot contain"));
    }
    if name.is_empty() || path.contains("//") {
        return Err(Refusal::Ambiguous("it has two slashes in a row"));
    }
    if std::iter::once(name).chain(path.split('/')).any(is_dots) {
        return Err(Refusal::Ambiguous("it has a dot segment"));
    }
    Ok(())
}

/// Checks that escapes are whole, and hide neither a separator, nor another escape, nor anything that is not printable
/// ASCII.
fn escapes(text: &str) -> Result<(), Refusal> {
    for escape in text.split('%').skip(1) {
        let byte = escape.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            None => return Err(Refusal::Ambiguous("it has an escape without two hexadecimal digits")),
            Some(b'/' | b'\\') => return Err(Refusal::Ambiguous("it has an escaped slash")),
            Some(b'%') => return Err(Refusal::Ambiguous("it has an escaped escape")),
            Some(byte) if !byte.is_ascii_graphic() && byte != b' ' => {
                return Err(Refusal::Ambiguous("it has an escaped control character, or one beyond ASCII"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// True for a dot segment, encoded or not. Some servers ignore what follows a semicolon.
fn is_dots(segment: &str) -> bool {
    let decoded = percent::decode(segment.as_bytes());
    matches!(decoded.split(|byte| *byte == b';').next(), Some(b"." | b".."))
}

/// True for what RFC 3986 allows unescaped in a segment.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ambiguous(rest: &str) -> bool {
        matches!(parse(rest), Err(Refusal::Ambiguous(_)))
    }

    #[test]
    fn listed_paths_proxied() {
        for (rest, name, path, kind) in [
            ("gpu01/api/v1/snapshot", "gpu01", "/api/v1/snapshot", Kind::Data),
            ("gpu01/api/v1/stream", "gpu01", "/api/v1/stream", Kind::Stream),
            ("gpu01/api/v1/gpus/GPU-1%3A2", "gpu01", "/api/v1/gpus/GPU-1%3A2", Kind::Data),
            ("gpu01/api/v1/a.b/...", "gpu01", "/api/v1/a.b/...", Kind::Data),
            ("[::1]:8000/status", "[::1]:8000", "/status", Kind::Legacy),
            ("%5B::1%5d%3A8000/count", "[::1]:8000", "/count", Kind::Legacy),
            ("gpu01.example.org:8000/metrics", "gpu01.example.org:8000", "/metrics", Kind::Data),
            ("g%70u01/openapi.json", "gpu01", "/openapi.json", Kind::Data),
        ] {
            assert_eq!(parse(rest), Ok(HostPath { name: name.into(), path, kind }), "{rest}");
        }
    }

    #[test]
    fn other_paths_are_not_listed() {
        for rest in [
            "gpu01",
            "gpu01/",
            "gpu01/api/v1",
            "gpu01/api/v1/",
            "gpu01/api/v1/gpus/",
            "gpu01/api/v2/snapshot",
            "gpu01/API/v1/snapshot",
            "gpu01/%61pi/v1/snapshot",
            "gpu01/status/",
            "gpu01/statusx",
            "gpu01/%73tatus",
            "gpu01/metrics/",
            "gpu01/metrics;x",
            "gpu01/healthz",
            "gpu01/docs",
            "gpu01/assets/index.js",
            "gpu01/hosts/gpu02/status",
            "gpu01/openapi.json/",
            "gpu01/.../api/v1/x",
        ] {
            assert_eq!(parse(rest), Err(Refusal::NotListed), "{rest}");
        }
    }

    #[test]
    fn ambiguous_paths_refused() {
        for rest in [
            "../status",
            "./status",
            "%2e%2e/status",
            "%2E./status",
            "gpu01/../status",
            "gpu01/api/v1/../../status",
            "gpu01/api/v1/%2e%2e/%2e%2e/status",
            "gpu01/api/v1/.%2E/x",
            "gpu01/api/v1/%2e",
            "gpu01/api/v1/..",
            "gpu01/api/v1/..;/x",
            "gpu01/api/v1/..;a=b/x",
            "gpu01/api/v1/%2e%2e%3bx/x",
            "gpu01/api/v1/a%2fb",
            "gpu01/api/v1/a%2Fb",
            "gpu01%2fstatus",
            "gpu01%2F..%2Fgpu02/status",
            "gpu01/api/v1/a\\b",
            "gpu01\\..\\status",
            "gpu01/api/v1/a%5cb",
            "gpu01/api/v1/a%5Cb",
            "gpu01//status",
            "gpu01/api/v1//gpus",
            "gpu01/api/v1/gpus//",
            "/status",
            "//evil.example/status",
            "http://evil.example/status",
            "gpu01/http://evil.example/",
            "gpu01/api/v1/a%00b",
            "gpu01/api/v1/a%0d%0ax:%20y",
            "gpu01/api/v1/a%7f",
            "gpu01%0a/status",
            "gpu01/api/v1/%252e%252e/x",
            "gpu01/api/v1/%c0%af",
            "gpu01/api/v1/%c3%a9",
            "gpu01/api/v1/é",
            "gpu01/api/v1/a b",
            "gpu01/api/v1/%",
            "gpu01/api/v1/%2",
            "gpu01/api/v1/%zz",
            "gpu01/api/v1/%+1",
            "gpu01/api/v1/<script>",
            "gpu01/api/v1/a\"b",
            "gpu01/api/v1/a?b",
            "gpu01/api/v1/a#b",
            "gpu01/api/v1/[x]",
            "gpu01/api/v1/a|b",
            "gpu01/api/v1/a^b",
            "gpu01/api/v1/{x}",
            "gpu01/api/v1/a`b",
        ] {
            assert!(ambiguous(rest), "{rest}: {:?}", parse(rest));
        }
    }

    #[test]
    fn metrics_scope_reaches_metrics_of_a_host_only() {
        for (rest, expected) in [
            ("gpu01/metrics", Access::AnyScope),
            ("gpu01/metrics/", Access::Views),
            ("gpu01/metrics/x", Access::Views),
            ("gpu01/a/metrics", Access::Views),
            ("gpu01/%6detrics", Access::Views),
            ("gpu01/status", Access::Views),
            ("metrics", Access::Views),
            ("", Access::Views),
        ] {
            assert_eq!(access(rest), expected, "{rest}");
        }
    }

    proptest! {
        /// A path that is passed on has one meaning, however often it is decoded.
        #[test]
        fn proxied_path_stays_itself_when_decoded(rest in "[a./%;\\\\25eEfFcC]{0,6}/(status|api/v1/[a./%;\\\\25eEfFcC]{0,12})") {
            if let Ok(HostPath { path, .. }) = parse(&rest) {
                let once = String::from_utf8(percent::decode(path.as_bytes()).into_owned()).unwrap();
                prop_assert_eq!(percent::decode(once.as_bytes()), once.as_bytes());
                prop_assert!(once == "/status" || once.starts_with(API));
                prop_assert_eq!(once.matches('/').count(), path.matches('/').count());
                let is_dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
                prop_assert!(!once.split('/').any(is_dots) && !once.contains('\\'));
            }
        }
    }
}
