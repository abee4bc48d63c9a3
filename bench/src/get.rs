//! One request on a connection of its own.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::Outcome;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer: its status, its head and its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Asks for a path. The connection is closed after it, so that the body needs no length.
pub(crate) fn get(address: SocketAddr, path: &str, encoding: &str) -> Outcome<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: {encoding}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or("an answer without a head")?;
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("an answer without a status")?;
    Ok(Answer { status, head, body })
}

/// Asks for a path until the answer is as wished.
pub(crate) fn until(address: SocketAddr, path: &str, wish: impl Fn(&Answer) -> bool) -> Outcome<Answer> {
    let begun = Instant::now();
    loop {
        match get(address, path, "identity") {
            Ok(answer) if wish(&answer) => return Ok(answer),
            Ok(answer) if begun.elapsed() > PATIENCE => {
                let body = String::from_utf8_lossy(&answer.body);
                return Err(format!("{path}: {} {}", answer.status, &body[..body.len().min(300)]).into());
            }
            Err(error) if begun.elapsed() > PATIENCE => return Err(format!("{path}: {error}").into()),
            _ => thread::sleep(Duration::from_millis(50)),
        }
    }
}
