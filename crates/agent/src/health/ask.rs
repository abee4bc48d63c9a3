//! One request to an agent over HTTP, in a few lines: a client library would be more than the rest of the command.

use std::{
    ffi::OsString,
    io,
    os::unix::ffi::OsStrExt as _,
    time::{Duration, Instant},
};

use crate::health::{
    place::{Line, Place},
    trust,
};

/// How long all of an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer: the summary of a host is a few hundred bytes per GPU.
const MOST_BYTES: u64 = 4 << 20;
/// The token is wrong or missing.
const UNAUTHORIZED: u16 = 401;

/// An agent to ask.
#[derive(Debug)]
pub(super) struct Agent {
    place: Place,
    prefix: String,
    token: Option<OsString>,
}

impl Agent {
    pub(super) fn new(place: Place, prefix: &str, token: Option<OsString>) -> Self {
        Self { place, prefix: prefix.into(), token }
    }

    /// The body of a good answer. The error is one line that names the address, and the remedy where there is one.
    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        let url = format!("{}{}{path}", self.place, self.prefix);
        match self.ask(path)? {
            (200, body) => Ok(body),
            (UNAUTHORIZED, _) => Err(format!(
                "{url} wants {} token: give the service's as TOKEN, or run this as a user who may read its agent.env",
                if self.token.is_some() { "another" } else { "a" }
            )),
            (status, _) => Err(format!("{url} answers {status}: is that the agent's port, and its --url-prefix?")),
        }
    }

    /// The status and the body of any answer.
    pub(super) fn ask(&self, path: &str) -> Result<(u16, Vec<u8>), String> {
        let stream = self.connect()?;
        let answer = self.converse(stream, path).map_err(|error| self.unanswered(&error))?;
        let (status, body) = parse(&answer)
            .ok_or_else(|| format!("what listens on {} does not speak HTTP as the agent does", self.place))?;
        Ok((status, body.to_vec()))
    }

    /// Connects. Where a token is to be sent, only to whom it may be shown.
    fn connect(&self) -> Result<Box<dyn Line>, String> {
        let stream = self.place.connect(PATIENCE).map_err(|error| self.unanswered(&error))?;
        if let (Some(_), Some(holders)) = (&self.token, stream.holders()) {
            trust::judge(&holders).map_err(|whose| {
                format!(
                    "the token is not shown to what listens on {}: {whose}, and not to root, this account or the \
                     service; ask as root or as the agent's own account, or over TLS",
                    self.place
                )
            })?;
        }
        Ok(stream)
    }

    fn converse(&self, mut stream: Box<dyn Line>, path: &str) -> io::Result<Vec<u8>> {
        let end = Instant::now() + PATIENCE;
        stream.write_all(&self.request(path))?;
        let mut answer = Vec::new();
        let mut part = [0; 8192];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.wait(left)?;
            match stream.read(&mut part) {
                Ok(0) => return Ok(answer),
                Ok(length) => answer.extend_from_slice(&part[..length]),
                // The answer says by itself how long it is.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(answer),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if answer.len() as u64 > MOST_BYTES {
                return Err(io::Error::other("the answer does not end"));
            }
        }
    }

    fn request(&self, path: &str) -> Vec<u8> {
        let head =
            format!("GET {}{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.prefix, self.place.host());
        let mut request = head.into_bytes();
        if let Some(token) = &self.token {
            request.extend([b"Authorization: Bearer ", token.as_bytes(), b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        request
    }

    fn unanswered(&self, error: &io::Error) -> String {
        let place = &self.place;
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                format!(
                    "no agent listens on {place}: start it, or name its port with --port and its address with --bind"
                )
            }
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                format!("the agent on {place} has not answered within {} s", PATIENCE.as_secs())
            }
            _ => format!("the agent on {place} cannot be asked: {error}"),
        }
    }
}

/// The status and the whole body; none if it is not an answer of ours, or is cut short.
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
