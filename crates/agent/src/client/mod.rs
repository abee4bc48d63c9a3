//! HTTP client of the commands that ask a running agent. It sends one request per connection: a client library would be
//! larger than the rest of such a command.

mod address;
mod answer;
mod config;
mod resolve;
mod screen;
mod target;
mod trust;
mod url;

use std::{
    ffi::OsString,
    fmt, io,
    os::unix::ffi::OsStrExt as _,
    time::{Duration, Instant},
};

pub(crate) use address::AgentAddress;
use address::Connection;
pub(crate) use answer::Answer;
pub(crate) use screen::{Screen, columns, cut};
pub(crate) use target::select;

/// Timeout of a whole answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer, in bytes: the summary of a host has a few hundred per GPU.
const MAX_BYTES: usize = 4 << 20;
/// HTTP status if the token is wrong or missing.
const UNAUTHORIZED: u16 = 401;

/// Percent-encodes a value of a query.
pub(crate) fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b',' | b':' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Client of one agent.
pub(crate) struct Client {
    address: AgentAddress,
    prefix: String,
    token: Option<OsString>,
    timeout: Duration,
    max_bytes: usize,
}

impl fmt::Debug for Client {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Client").field("address", &self.address).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn new(address: AgentAddress, prefix: &str, token: Option<OsString>) -> Self {
        Self { address, prefix: prefix.into(), token, timeout: TIMEOUT, max_bytes: MAX_BYTES }
    }

    /// Waits this long for answers of at most so many bytes.
    pub(crate) fn patient(self, timeout: Duration, max_bytes: usize) -> Self {
        Self { timeout, max_bytes, ..self }
    }

    /// Checks whether a token is sent.
    pub(crate) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.address, self.prefix)
    }

    /// Gets the body of a path.
    ///
    /// # Errors
    /// One line that names the address, with the fix if there is one.
    pub(crate) fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        let url = self.url(path);
        match self.request(path)? {
            Answer { status: 200, body, .. } => Ok(body),
            Answer { status: UNAUTHORIZED, .. } => Err(format!(
                "{url} requires {} token: set TOKEN to the service's, or run this as a user who can read its agent.env",
                if self.token.is_some() { "another" } else { "a" }
            )),
            Answer { status: 403, .. } => Err(format!(
                "{url} answers 403: the token's scope is too small; give one with the scope summary or read"
            )),
            Answer { status, .. } => Err(format!("{url} answers {status}: check the agent's port and --url-prefix")),
        }
    }

    /// Requests a path; returns any answer. Redirects are not followed, because they could lead the token to another host.
    ///
    /// # Errors
    /// One line: no agent answers there.
    pub(crate) fn request(&self, path: &str) -> Result<Answer, String> {
        let deadline = Instant::now() + self.timeout;
        let stream = self.connect(deadline)?;
        let bytes = self.exchange(stream, path).map_err(|error| self.describe(&error))?;
        answer::parse(&bytes)
            .ok_or_else(|| format!("expected the answer of an agent on {}, got something else", self.address))
    }

    /// Connects. If a token will be sent, checks first that the listener may have it.
    fn connect(&self, deadline: Instant) -> Result<Box<dyn Connection>, String> {
        let stream = self.address.connect(deadline).map_err(|error| self.describe(&error))?;
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
        stream.write_all(&self.head(path))?;
        let mut answer = Vec::new();
        let mut part = [0; 8192];
        loop {
            match stream.read(&mut part) {
                Ok(0) => return Ok(answer),
                Ok(length) => answer.extend_from_slice(&part[..length]),
                // TLS closed without notice; the length of the body shows whether the answer is whole.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(answer),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if answer.len() > self.max_bytes {
                return Err(io::Error::other(format!("expected at most {} bytes, got more", self.max_bytes)));
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
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound if address.is_discovered() => {
                format!("no agent listens on {address}: start it, or set its --port and --bind")
            }
            io::ErrorKind::ConnectionRefused => format!("no agent listens on {address}: start it, or set --url"),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                format!("the agent on {address} did not answer within {} s", self.timeout.as_secs())
            }
            io::ErrorKind::InvalidData => format!(
                "cannot authenticate the agent on {address}: {error}; name its authority with ca_file in the configuration \
                 file, or with SSL_CERT_FILE"
            ),
            _ => format!("cannot reach the agent on {address}: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net::TcpListener, thread};

    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

    use super::*;

    /// Listener that sends the bytes one at a time, without end.
    fn slow(bytes: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for byte in bytes.iter().cycle() {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        port
    }

    #[test]
    fn slow_peer_is_left_at_the_deadline() {
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let tls = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        // A record of a handshake, of 16 KiB.
        let handshake = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc";
        for (tls, bytes) in [(Some(tls.into()), &handshake[..]), (None, b"HTTP/1.1 200 OK\r\nx: ")] {
            let address = AgentAddress::Host { name: "127.0.0.1".into(), port: slow(bytes), tls };
            let client = Client::new(address, "", None).patient(Duration::from_millis(300), MAX_BYTES);
            let begun = Instant::now();
            let error = client.get("/").unwrap_err();
            assert!(error.contains("did not answer within"), "{error}");
            // Far below the length of what is sent: 16 KiB take minutes.
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        }
    }
}
