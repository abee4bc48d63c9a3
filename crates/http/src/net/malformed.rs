//! Answers to requests that HTTP does not allow and the parser accepts, or refuses without an answer.

use std::net::Ipv6Addr;

use hyper::{
    HeaderMap, Request, StatusCode, Version,
    header::{HOST, HeaderValue},
};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::{Response, host_header::without_port, response};

/// Beginning of an HTTP/2 connection without negotiation (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// Response to HTTP/2 without negotiation. The parser closes such a connection silently, and a proxy then reports a bad
/// gateway without a reason.
const PREFACE_RESPONSE: &[u8] =
    b"HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 94\r\ncache-control: no-store\r\nconnection: close\r\n\r\n\
    Expected HTTP/1.1, got HTTP/2 without negotiation. Let the client or proxy use HTTP/1.1 here.\n";

/// The response to a request without exactly one valid `Host` header, which HTTP/1.1 requires (RFC 9112, 3.2). A proxy
/// and this server could otherwise see different hosts in one request.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<Response> {
    let why = if request.version() == Version::HTTP_11 { wrong_host(request.headers()) } else { None }?;
    tracing::debug!(why, "malformed request");
    let text = format!("Bad request: {why}.\n");
    Some(response::closing(response::text(StatusCode::BAD_REQUEST, text.into())))
}

/// The reason why these headers name no single host.
fn wrong_host(headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Some("expected a Host header, as HTTP/1.1 requires, got none"),
        (_, Some(_)) => Some("expected one Host header, got several"),
        (Some(host), None) if !is_host(host) => Some("expected a host name in the Host header, optionally with a port"),
        _ => None,
    }
}

/// True if the value is a host, with or without a port (RFC 3986, 3.2.2): a name, which can be empty, or an address. An
/// IPv6 address is in brackets.
fn is_host(value: &HeaderValue) -> bool {
    let Some((text, host)) = value.to_str().ok().and_then(|text| Some((text, without_port(text)?))) else {
        return false;
    };
    if text.starts_with('[') {
        // A link-local address can have its zone (RFC 6874).
        let address = host.split_once("%25").map_or(host, |(address, _)| address);
        return address.parse::<Ipv6Addr>().is_ok();
    }
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte))
}

/// Answers a connection that began with HTTP/2, of which these bytes were read.
pub(super) async fn answer_preface(read: &[u8], mut stream: impl AsyncWrite + Unpin) {
    if !read.starts_with(PREFACE) {
        return;
    }
    // The connection ends in any case.
    if stream.write_all(PREFACE_RESPONSE).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Limits, header_budget::HeaderBudget, serve_http};
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, duplex};
    use tokio_util::sync::CancellationToken;

    fn refused(version: Version, hosts: &[&[u8]]) -> bool {
        let mut request = Request::builder().version(version).body(()).unwrap();
        for host in hosts {
            request.headers_mut().append(HOST, HeaderValue::from_bytes(host).unwrap());
        }
        refusal(&request).is_some()
    }

    #[test]
    fn host_header_required_once_by_http_1_1() {
        let refusals: [&[&[u8]]; 18] = [
            &[],
            &[b"a", b"a"],
            &[b"a", b""],
            &[b"a b"],
            &[b"a/b"],
            &[b"user@a"],
            &[b"a?b"],
            &[b"a#b"],
            &[b"a\tb"],
            &[b"http://a"],
            &[b"a\\b"],
            &[b"\xc3\xa9"],
            &[b"[zz]"],
            &[b"[127.0.0.1]"],
            &[b"[::1]x"],
            &[b"a:b"],
            &[b"::1"],
            &[b"a:1:2"],
        ];
        for hosts in refusals {
            assert!(refused(Version::HTTP_11, hosts), "{hosts:?}");
            assert!(!refused(Version::HTTP_10, hosts), "{hosts:?}");
        }
        for host in
            ["", "a", "a:8000", "a:", "GPU_01.example.org.", "127.0.0.1", "[::1]:8000", "[fe80::1%25eth0]", "a%20b"]
        {
            assert!(!refused(Version::HTTP_11, &[host.as_bytes()]), "{host}");
        }
    }

    #[test]
    fn preface_response_length_is_correct() {
        let text = std::str::from_utf8(PREFACE_RESPONSE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }

    /// The status of the only answer on a connection with this head.
    fn status_of(head: &str) -> u16 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(async {
            let (ours, mut theirs) = duplex(1 << 16);
            theirs.write_all(head.as_bytes()).await.unwrap();
            let ours = HeaderBudget::new(0).meter(ours);
            let reservation = ours.reservation();
            let here = |_| async { Response::new(crate::Body::from("here")) };
            let (limits, stopping) = (Limits::default(), CancellationToken::new());
            let mut answer = String::new();
            tokio::join!(serve_http(ours, &reservation, here, limits, stopping), async {
                theirs.read_to_string(&mut answer).await.unwrap();
                drop(theirs);
            });
            answer
        });
        assert_eq!(answer.lines().filter(|line| line.starts_with("HTTP/1.")).count(), 1, "{answer}");
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    proptest! {
        #[test]
        fn request_head_has_one_host_or_is_400(
            new in any::<bool>(),
            target in "(/[a-z]{0,5}|http://[a-z]{1,5}/)",
            hosts in prop::collection::vec("([a-z0-9.]{0,8}(:[0-9]{0,5})?|\\[::1\\]|[a-z]{1,3}[/@? ][a-z]{1,3})", 0..3),
            others in prop::collection::vec("x-[a-z]{1,3}: [a-z ]{0,5}", 0..3),
            end in "\r?\n",
        ) {
            let version = if new { "1.1" } else { "1.0" };
            let hosts_in_head = hosts.iter().map(|host| format!("Host: {host}"));
            let lines = [format!("GET {target} HTTP/{version}"), "connection: close".into()].into_iter();
            let lines = lines.chain(hosts_in_head).chain(others).chain([String::new(), String::new()]);
            let head = lines.collect::<Vec<_>>().join(&end);
            let valid = hosts.len() == 1 && !hosts[0].contains(['/', '@', '?', ' ']);
            prop_assert_eq!(status_of(&head), if new && !valid { 400 } else { 200 }, "{:?}", head);
        }

        #[test]
        fn accepted_hosts_make_an_authority(host in "[ -~]{1,24}") {
            // A value that passes never holds a path, a query or a name of a user.
            if !refused(Version::HTTP_11, &[host.as_bytes()]) {
                prop_assert!(!host.contains(['/', '?', '#', '@', '\\', ' ', '"', '<', '>']), "{}", host);
            }
        }
    }
}
