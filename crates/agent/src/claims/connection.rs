//! Connections of clients, which never block: each has a second, 4 KiB, and one request.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use super::protocol::{Answer, MAX_BYTES};

/// Time for the request and the answer together.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A connected client.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    pub(super) uid: u32,
    pub(super) pid: u32,
    /// Time at which it is closed.
    pub(super) deadline: Instant,
    received: Vec<u8>,
    answer: Vec<u8>,
}

/// State after reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A request, without its end of line.
    Line(Vec<u8>),
    /// Not yet.
    Nothing,
    /// Never: it is too long, or the client has closed its side.
    Broken(&'static str),
}

impl Connection {
    /// A client that does not block.
    pub(super) fn new(stream: UnixStream, uid: u32, pid: u32) -> Self {
        let deadline = Instant::now() + TIMEOUT;
        Self { stream, uid, pid, deadline, received: Vec::new(), answer: Vec::new() }
    }

    pub(super) const fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// True once there is an answer that is not sent yet.
    pub(super) fn writes(&self) -> bool {
        !self.answer.is_empty()
    }

    /// Reads what there is.
    pub(super) fn receive(&mut self) -> Received {
        let mut part = [0; 1024];
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n').filter(|end| *end < MAX_BYTES) {
                self.received.truncate(end);
                return Received::Line(std::mem::take(&mut self.received));
            }
            if self.received.len() >= MAX_BYTES {
                return Received::Broken("expected a request of at most 4096 bytes, got more");
            }
            match self.stream.read(&mut part) {
                Ok(0) => return Received::Broken("expected one line, got a part of it"),
                Ok(length) => self.received.extend(part.iter().take(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Received::Nothing,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Received::Broken("the connection is broken"),
            }
        }
    }

    /// Begins to send an answer; true if the connection is done with.
    pub(super) fn answer(&mut self, answer: &Answer) -> bool {
        self.answer = answer.line();
        self.send()
    }

    /// Sends what the client takes; true if the connection is done with.
    pub(super) fn send(&mut self) -> bool {
        while !self.answer.is_empty() {
            match self.stream.write(&self.answer) {
                Ok(length @ 1..) => drop(self.answer.drain(..length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                _ => return true,
            }
        }
        true
    }
}
