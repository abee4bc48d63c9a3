//! HTTP client of the commands that ask a running agent. It sends one request per connection: a client library would be
//! larger than the rest of such a command.

mod address;
mod tls;
mod trust;

use std::{
    ffi::OsString,
    io,
    os::unix::ffi::OsStrExt as _,
    time::{Duration, Instant},
};

pub(crate) use address::AgentAddress;
use address::Connection;

/// Timeout of a whole answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer, in bytes: the summary of a host has a few hundred per GPU.
const MAX_BYTES: u64 = 4 << 20;
/// HTTP status if the token is wrong or missing.
const UNAUTHORIZED: u16 = 401;

/// Client of one agent.
#[derive(Debug)]
pub(crate) struct Client {
    address: AgentAddress,
    prefix: String,
    token: Option<OsString>,
}

impl Client {
    pub(crate) fn new(address: AgentAddress, prefix: &str, token: Option<OsString>) -> Self {
        Self { address, prefix: prefix.into(), token }
    }

    /// Gets the body of a path.
    ///
    /// # Errors
    /// One line that names the address, with the fix if there is one.
    pub(crate) fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        let url = format!("{}{}{path}", self.address, self.prefix);
        match self.request(path)? {
            (200, body) => Ok(body),
            (UNAUTHORIZED, _) => Err(format!(
                "{url} requires {} token: set TOKEN to the service's, or run this as a user who can read its agent.env",
                if self.token.is_some() { "another" } else { "a" }
            )),
            (403, _) => Err(format!(
                "{url} answers 403: the token's scope is too small; give one with the scope summary or read"
            )),
            (status, _) => Err(format!("{url} answers {status}: check the agent's port and --url-prefix")),
        }
    }

    /// Requests a path; returns the status and the body of any answer.
    pub(crate) fn request(&self, path: &str) -> Result<(u16, Vec<u8>), String> {
        let stream = self.connect()?;
        let answer = self.exchange(stream, path).map_err(|error| self.describe(&error))?;
        let (status, body) = parse(&answer)
            .ok_or_else(|| format!("expected the answer of an agent on {}, got something else", self.address))?;
        Ok((status, body.to_vec()))
    }

    /// Connects. If a token will be sent, checks first that the listener may have it.
    fn connect(&self) -> Result<Box<dyn Connection>, String> {
        let stream = self.address.connect(TIMEOUT).map_err(|error| self.describe(&error))?;
        if let (Some(_), Some(owners)) = (&self.token, stream.owners()) {
            trust::check(&owners).map_err(|owner| {
                format!(
                    "not sending the token to {}: {owner}, not to root, this account or the service; run this as root or as \
                     the agent's account, or use TLS",
                    self.address
                )
            })?;
        }
        Ok(stream)
    }

    fn exchange(&self, mut stream: Box<dyn Connection>, path: &str) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + TIMEOUT;
        stream.write_all(&self.head(path))?;
        let mut answer = Vec::new();
        let mut part = [0; 8192];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.set_timeout(left)?;
            match stream.read(&mut part) {
                Ok(0) => return Ok(answer),
                Ok(length) => answer.extend_from_slice(&part[..length]),
                // TLS closed without notice; `Content-Length` shows whether the answer is whole.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(answer),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if answer.len() as u64 > MAX_BYTES {
                return Err(io::Error::other("the answer is too long"));
            }
        }
    }

    fn head(&self, path: &str) -> Vec<u8> {
        let head =
            format!("GET {}{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.prefix, self.address.host());
        let mut request = head.into_bytes();
        if let Some(token) = &self.token {
            request.extend([b"Authorization: Bearer ", token.as_bytes(), b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        request
    }

    fn describe(&self, error: &io::Error) -> String {
        let address = &self.address;
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                format!("no agent listens on {address}: start it, or set its --port and --bind")
            }
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                format!("the agent on {address} did not answer within {} s", TIMEOUT.as_secs())
            }
            _ => format!("cannot reach the agent on {address}: {error}"),
        }
    }
}

/// Parses the status and the whole body; none if the answer is not an agent's, or is truncated.
fn parse(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let body = &answer[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let mut lengths = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = lengths.next()?;
    Some((status, body.get(..length.trim().parse().ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answer_accepted_only_whole() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore"), Some((200, &b"ok"[..])));
        assert_eq!(parse(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length:0\r\n\r\n"), Some((503, &b""[..])));
        for broken in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\n\r\nok",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nok",
            "HTTP/1.1 2\r\ncontent-length: 0\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        ] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_tolerated(bytes in any::<Vec<u8>>()) {
            parse(&bytes);
        }

        #[test]
        fn answer_like_input_tolerated(parts in prop::collection::vec("(HTTP/1.1 |200|\r\n|content-length|:|9|\\PC)", 0..12)) {
            parse(parts.concat().as_bytes());
        }
    }
}
