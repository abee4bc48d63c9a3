//! The least of an HTTP client: what is sent is what a test says, byte by byte.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
};

use crate::support::PATIENCE;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }
}

/// `GET` without headers.
pub(crate) fn get(address: SocketAddr, path: &str) -> Response {
    request(address, path, &[])
}

/// `GET` with headers.
pub(crate) fn request(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let bytes = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    raw(address, bytes.as_bytes()).unwrap_or_else(|error| panic!("GET {path}: {error}"))
}

/// Sends bytes and reads one answer.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A server that has seen enough may close before it has read all.
    let _ = stream.write_all(bytes);
    answer(&mut BufReader::new(stream), !bytes.starts_with(b"HEAD"))
}

/// A connection for one request after the other.
pub(crate) struct KeptAlive(BufReader<TcpStream>);

impl KeptAlive {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.0.get_mut().write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        answer(&mut self.0, true).unwrap()
    }
}

/// Reads one answer.
pub(crate) fn answer(reader: &mut BufReader<impl Read>, with_body: bool) -> io::Result<Response> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let Some(status) = status else { return Err(io::Error::other(format!("no status line: {line:?}"))) };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut response = Response { status, headers, body: Vec::new() };
    let length = response.header("content-length").and_then(|length| length.parse::<u64>().ok());
    if with_body && response.header("transfer-encoding") == Some("chunked") {
        while chunk(reader, &mut response.body)? {}
    } else if with_body {
        reader.take(length.unwrap_or(u64::MAX)).read_to_end(&mut response.body)?;
    }
    Ok(response)
}

/// Reads one chunk of a body; `false` if it was the last.
fn chunk(reader: &mut BufReader<impl Read>, body: &mut Vec<u8>) -> io::Result<bool> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
    reader.take(length).read_to_end(body)?;
    reader.read_line(&mut line)?;
    Ok(length > 0)
}
