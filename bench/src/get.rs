//! One HTTP request per connection.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::Outcome;

/// Longest wait for a response.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An HTTP response.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Requests a path. The server closes the connection afterwards, so that the end of the body is known; HTTP/1.0 has no
/// chunks, which Prometheus would send.
pub(crate) fn get(address: SocketAddr, path: &str, encoding: &str) -> Outcome<Response> {
    ask(address, path, encoding, TIMEOUT)
}

/// The same without compression, with a timeout for each piece of the response.
pub(crate) fn within(address: SocketAddr, path: &str, timeout: Duration) -> Outcome<Response> {
    ask(address, path, "identity", timeout)
}

fn ask(address: SocketAddr, path: &str, encoding: &str, timeout: Duration) -> Outcome<Response> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: {encoding}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let end =
        bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or("expected a response with a complete head")?;
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("expected a response with a status")?;
    Ok(Response { status, head, body })
}

/// Requests a path repeatedly until the response meets a condition.
pub(crate) fn until(address: SocketAddr, path: &str, condition: impl Fn(&Response) -> bool) -> Outcome<Response> {
    let started = Instant::now();
    loop {
        match get(address, path, "identity") {
            Ok(response) if condition(&response) => return Ok(response),
            Ok(response) if started.elapsed() > TIMEOUT => {
                let body = String::from_utf8_lossy(&response.body);
                return Err(format!("{path}: {} {}", response.status, &body[..body.len().min(300)]).into());
            }
            Err(error) if started.elapsed() > TIMEOUT => return Err(format!("{path}: {error}").into()),
            _ => thread::sleep(Duration::from_millis(50)),
        }
    }
}
