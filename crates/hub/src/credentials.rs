//! Tokens for agents: `--agent-token-file`.

use std::{fmt, net::IpAddr, sync::Arc};

use http_server::encoding_of_text;
use hyper::header::HeaderValue;
use tokio::sync::watch;

use crate::target::{Endpoint, Scheme};

/// Most lines with a token.
const MAX_TOKENS: usize = 20_000;

/// Expected form of a line.
const FORM: &str = "expected PATTERN TOKEN, or TOKEN alone for all agents; PATTERN is a host name, *.domain, *, an IP address or \
                    network, each with :PORT if only that is meant, and with https:// in front if the token must not be sent \
                    over plain HTTP";

/// Tokens for agents, as they are now. No text shows them.
#[derive(Clone)]
pub struct Credentials(watch::Receiver<Arc<AgentTokens>>);

/// Tokens of a file.
#[derive(Clone, Default)]
pub struct AgentTokens(Vec<Line>);

/// An invalid line of a file of tokens. It contains nothing of the line, which may hold a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct AgentTokensError {
    /// The line, counted from 1.
    pub line: usize,
    /// The problem and its fix.
    pub why: String,
}

#[derive(Clone)]
struct Line {
    pattern: Pattern,
    authorization: HeaderValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    needs_tls: bool,
    place: Place,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    All,
    Name(Box<str>),
    /// Names that end in this, which begins with a dot.
    Below(Box<str>),
    Net(IpAddr, u8),
}

impl Credentials {
    /// The newest tokens of a file that can change.
    #[must_use]
    pub const fn new(newest: watch::Receiver<Arc<AgentTokens>>) -> Self {
        Self(newest)
    }

    /// No tokens.
    #[must_use]
    pub fn none() -> Self {
        Self(watch::channel(Arc::default()).1)
    }

    /// The value of `Authorization` for an agent: that of the first line whose pattern matches the address. A pattern that
    /// is an address or a network matches a listed address, or the peer to which a name has led.
    #[must_use]
    pub fn for_endpoint(&self, endpoint: &Endpoint, peer: Option<IpAddr>) -> Option<HeaderValue> {
        let tokens = self.0.borrow();
        let line = tokens.0.iter().find(|line| line.pattern.matches(endpoint, peer));
        line.map(|line| line.authorization.clone())
    }

    /// Waits for other tokens; forever if they cannot change.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The value of `Authorization` for the server of a list: only of a line with exactly this host, since patterns are
    /// meant for agents.
    #[must_use]
    pub fn for_list(&self, server: &Endpoint) -> Option<HeaderValue> {
        let tokens = self.0.borrow();
        let line = tokens.0.iter().find(|line| line.pattern.is_one_host() && line.pattern.matches(server, None));
        line.map(|line| line.authorization.clone())
    }
}

/// The token without `Bearer`, the only form that the original Python agent takes.
pub(crate) fn bare(token: &HeaderValue) -> HeaderValue {
    let bytes = token.as_bytes();
    let mut bare =
        HeaderValue::from_bytes(bytes.strip_prefix(b"Bearer ").unwrap_or(bytes)).unwrap_or_else(|_| token.clone());
    bare.set_sensitive(true);
    bare
}

impl AgentTokens {
    /// Reads a file: each line has a pattern and a token, or a token for all. Lines that begin with `#` are comments.
    ///
    /// # Errors
    /// The first invalid line.
    pub fn parse(text: &[u8]) -> Result<Self, AgentTokensError> {
        if let Some(problem) = encoding_of_text::problem(text) {
            return Err(AgentTokensError { line: 1, why: problem.into() });
        }
        let mut lines = Vec::new();
        for (position, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let failed = |why| AgentTokensError { line: position + 1, why };
            if lines.len() == MAX_TOKENS {
                return Err(failed(format!("there are more than {MAX_TOKENS} lines; remove some, or use patterns")));
            }
            lines.push(parsed(line).map_err(failed)?);
        }
        Ok(Self(lines))
    }

    /// True if there are no tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is a token for all agents, whatever their address.
    #[must_use]
    pub fn has_token_for_all(&self) -> bool {
        self.0.iter().any(|line| line.pattern.place == Place::All)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Credentials({} tokens)", self.0.borrow().len())
    }
}

impl fmt::Debug for AgentTokens {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "AgentTokens({} tokens)", self.len())
    }
}

/// Reads a line. Error texts do not quote it, because the token may be in any part of an invalid line.
fn parsed(line: &[u8]) -> Result<Line, String> {
    let words: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let (pattern, token) = match words.as_slice() {
        [token] => (Pattern { needs_tls: false, place: Place::All, port: None }, token),
        [pattern, token] => {
            let text = std::str::from_utf8(pattern).ok().and_then(pattern_of);
            (text.ok_or_else(|| format!("invalid pattern: {FORM}"))?, token)
        }
        _ => return Err(format!("{FORM}; got {} words", words.len())),
    };
    if !token.iter().all(u8::is_ascii_graphic) {
        return Err("the token has characters that a header cannot carry; use letters and digits".into());
    }
    let mut authorization =
        HeaderValue::from_bytes(&[b"Bearer ", *token].concat()).map_err(|error| error.to_string())?;
    // It is not shown, nor kept in a compression table.
    authorization.set_sensitive(true);
    Ok(Line { pattern, authorization })
}

fn pattern_of(text: &str) -> Option<Pattern> {
    let (needs_tls, rest) = text.strip_prefix("https://").map_or((false, text), |rest| (true, rest));
    let (host, port) = match rest.strip_prefix('[') {
        Some(inner) => {
            let (host, after) = inner.split_once(']')?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        // An IPv6 address without brackets has no port.
        None if rest.matches(':').count() > 1 => (rest, None),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(text) => Some(text.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    Some(Pattern { needs_tls, place: place(host)?, port })
}

fn place(host: &str) -> Option<Place> {
    if host == "*" {
        return Some(Place::All);
    }
    if let Some((address, length)) = host.split_once('/') {
        let address: IpAddr = address.parse().ok()?;
        let length: u8 = length.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        return (length <= most).then_some(Place::Net(address, length));
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let address = address.to_canonical();
        return Some(Place::Net(address, if address.is_ipv4() { 32 } else { 128 }));
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_name = |name: &str| {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        name.split('.').all(|label| !label.is_empty() && label.bytes().all(fine))
    };
    match name.strip_prefix('*') {
        Some(below) => below.strip_prefix('.').is_some_and(is_name).then(|| Place::Below(below.into())),
        None => is_name(&name).then(|| Place::Name(name.into())),
    }
}

impl Pattern {
    fn matches(&self, endpoint: &Endpoint, peer: Option<IpAddr>) -> bool {
        (!self.needs_tls || endpoint.scheme == Scheme::Https)
            && self.port.is_none_or(|port| port == endpoint.port)
            && self.place.contains(&endpoint.host, peer)
    }

    /// True for a name or an address, but not for a domain or a network.
    fn is_one_host(&self) -> bool {
        match self.place {
            Place::Name(_) => true,
            Place::Net(address, length) => length == if address.is_ipv4() { 32 } else { 128 },
            Place::All | Place::Below(_) => false,
        }
    }
}

impl Place {
    fn contains(&self, host: &str, peer: Option<IpAddr>) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::All => true,
            Self::Name(name) => host.eq_ignore_ascii_case(name),
            Self::Below(domain) => {
                let lower = host.to_ascii_lowercase();
                lower.parse::<IpAddr>().is_err() && lower.strip_suffix(&**domain).is_some_and(|name| !name.is_empty())
            }
            Self::Net(net, length) => {
                let address = host.parse().ok().or(peer).map(|address: IpAddr| address.to_canonical());
                address.is_some_and(|address| is_within(address, *net, *length))
            }
        }
    }
}

fn is_within(address: IpAddr, net: IpAddr, length: u8) -> bool {
    let differ = match (address, net) {
        (IpAddr::V4(address), IpAddr::V4(net)) => u128::from(address.to_bits() ^ net.to_bits()) << 96,
        (IpAddr::V6(address), IpAddr::V6(net)) => address.to_bits() ^ net.to_bits(),
        _ => return false,
    };
    differ.leading_zeros() >= u32::from(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(text: &str) -> Credentials {
        Credentials(watch::channel(Arc::new(AgentTokens::parse(text.as_bytes()).unwrap())).1)
    }

    fn endpoint(url: &str) -> Endpoint {
        let (scheme, rest) = url.split_once("://").unwrap();
        let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
        let (host, port) = rest.rsplit_once(':').unwrap();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Endpoint { scheme, host: host.into(), port: port.parse().unwrap(), prefix: "".into() }
    }

    fn sent(file: &str, url: &str) -> Option<String> {
        let value = credentials(file).for_endpoint(&endpoint(url), None)?;
        Some(value.to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned())
    }

    #[test]
    fn pattern_matches_address() {
        for (pattern, matching, others) in [
            (
                "gpu01",
                &["http://gpu01:1", "https://gpu01:2", "http://GPU01:1", "http://gpu01.:1"][..],
                &["http://gpu011:1", "http://a.gpu01:1"][..],
            ),
            ("GPU01.", &["http://gpu01:1"], &["http://gpu02:1"]),
            ("gpu01:8000", &["http://gpu01:8000"], &["http://gpu01:8001"]),
            (
                "*.corp",
                &["http://a.corp:1", "http://b.a.corp:9", "http://A.CORP.:1"],
                &["http://corp:1", "http://acorp:1", "http://a.corp.evil:1"],
            ),
            ("*.corp:1", &["http://a.corp:1"], &["http://a.corp:2"]),
            (
                "10.0.0.1",
                &["http://10.0.0.1:1", "http://[::ffff:10.0.0.1]:1"],
                &["http://10.0.0.10:1", "http://[::1]:1"],
            ),
            ("10.0.0.0/8", &["http://10.9.8.7:1"], &["http://11.0.0.1:1", "http://[::a00:1]:1"]),
            ("10.0.0.0/8:9", &["http://10.9.8.7:9"], &["http://10.9.8.7:1"]),
            ("0.0.0.0/0", &["http://1.2.3.4:1"], &["http://[::1]:1", "http://gpu01:1"]),
            ("::1", &["http://[::1]:1"], &["http://[::2]:1"]),
            ("[::1]:9", &["http://[::1]:9"], &["http://[::1]:1"]),
            ("2001:db8::/32", &["http://[2001:db8:1::1]:1"], &["http://[2001:db9::1]:1"]),
            ("[2001:db8::/32]:9", &["https://[2001:db8::1]:9"], &["http://[2001:db8::1]:8"]),
            ("::/0", &["http://[::1]:1"], &["http://1.2.3.4:1"]),
            ("https://gpu01", &["https://gpu01:1"], &["http://gpu01:1"]),
            ("https://*.corp:9", &["https://a.corp:9"], &["http://a.corp:9", "https://a.corp:8"]),
            ("*", &["http://a:1", "http://[::1]:1"], &[]),
            ("https://*:9", &["https://a:9"], &["http://a:9", "https://a:1"]),
            ("https://10.0.0.0/8", &["https://10.0.0.1:1"], &["http://10.0.0.1:1"]),
        ] {
            let file = format!("{pattern} secret");
            for url in matching {
                assert_eq!(sent(&file, url).as_deref(), Some("secret"), "{pattern} {url}");
            }
            for url in others {
                assert_eq!(sent(&file, url), None, "{pattern} {url}");
            }
        }
    }

    #[test]
    fn first_matching_line_wins() {
        let file = "# comment\n\ngpu01 one\r\n*.corp\ttwo\n  three  \ngpu02 four\n";
        for (url, expected) in [
            ("http://gpu01:1", "one"),
            ("http://a.corp:1", "two"),
            ("http://gpu02:1", "three"),
            ("https://[::1]:1", "three"),
        ] {
            assert_eq!(sent(file, url).as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn network_matches_peer_of_a_name() {
        let credentials = credentials("10.0.0.0/8 secret");
        let sent =
            |peer: &str| credentials.for_endpoint(&endpoint("http://gpu01:1"), Some(peer.parse().unwrap())).is_some();
        assert!(sent("10.1.2.3") && sent("::ffff:10.1.2.3") && !sent("11.1.2.3"));
        let listed = credentials.for_endpoint(&endpoint("http://11.0.0.1:1"), Some("10.0.0.1".parse().unwrap()));
        assert!(listed.is_none(), "the listed address counts, if it is one");
    }

    #[test]
    fn list_server_gets_token_of_its_own_line_only() {
        for (file, expected) in [
            ("secret", false),
            ("*.corp secret", false),
            ("10.0.0.0/8 secret", false),
            ("list.corp secret", true),
            ("list.corp:2 secret", false),
        ] {
            assert_eq!(credentials(file).for_list(&endpoint("http://list.corp:1")).is_some(), expected, "{file}");
        }
        assert!(credentials("10.0.0.1 secret").for_list(&endpoint("http://10.0.0.1:1")).is_some());
    }

    #[test]
    fn token_of_any_length_accepted() {
        for token in ["x", &"y".repeat(5000)] {
            assert_eq!(sent(token, "http://a:1").as_deref(), Some(token));
        }
    }

    #[test]
    fn invalid_line_named_without_its_content() {
        for (line, part) in [
            ("a b c", "3 words"),
            ("gpu01: s3cret", "invalid pattern"),
            ("gpu01:0 s3cret", "invalid pattern"),
            ("gpu01:x s3cret", "invalid pattern"),
            ("http://gpu01 s3cret", "invalid pattern"),
            ("https://gpu01/x s3cret", "invalid pattern"),
            ("10.0.0.0/33 s3cret", "invalid pattern"),
            ("10.0.0/8 s3cret", "invalid pattern"),
            ("::/129 s3cret", "invalid pattern"),
            ("[::1 s3cret", "invalid pattern"),
            ("*corp s3cret", "invalid pattern"),
            ("*. s3cret", "invalid pattern"),
            ("a.*.b s3cret", "invalid pattern"),
            ("** s3cret", "invalid pattern"),
            ("gpu01 s3crët", "cannot carry"),
            ("s3cr\u{1}et", "cannot carry"),
        ] {
            let error = AgentTokens::parse(format!("# one\n{line}\n").as_bytes()).unwrap_err();
            assert_eq!(error.line, 2, "{line}");
            let error = error.to_string();
            assert!(error.contains(part) && !error.contains("s3c"), "{line}: {error}");
        }
    }

    #[test]
    fn no_text_shows_tokens() {
        let credentials = credentials("gpu01 s3cret\ns3cret");
        let value = credentials.for_endpoint(&endpoint("http://gpu01:1"), None).unwrap();
        for text in [format!("{credentials:?}"), format!("{value:?}"), format!("{:?}", credentials.0)] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}
