//! Client of `claims.sock`.

use std::{
    io::{self, Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt},
        time::TimeVal,
    },
};

use super::protocol::{Answer, Request, Status};

/// Timeout of an answer: it waits for the disk and for a snapshot.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer in bytes.
const MAX_BYTES: u64 = 4 << 20;
/// Time for which a client that finds too many connections of its user tries again.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between two of these attempts.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// Asks the agent that listens there.
///
/// # Errors
/// One line: the request is too long, or no agent answers.
pub(crate) fn ask(path: &Path, request: &Request) -> Result<Answer, String> {
    let line = request.line()?;
    let begun = Instant::now();
    loop {
        let stream = connect_to(path).map_err(|error| connect_error(path, error))?;
        let answer = converse(stream, &line).map_err(|error| answer_error(path, &error))?;
        if answer.status != Status::Busy || begun.elapsed() > BUSY_TIMEOUT {
            return Ok(answer);
        }
        thread::sleep(BUSY_PAUSE);
    }
}

fn connect_to(path: &Path) -> Result<UnixStream, Errno> {
    let client = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // It also limits the wait of `connect` for an agent that does not accept.
    let timeout = TimeVal::new(i64::try_from(TIMEOUT.as_secs()).unwrap_or(1), 0);
    setsockopt(&client, sockopt::SendTimeout, &timeout)?;
    setsockopt(&client, sockopt::ReceiveTimeout, &timeout)?;
    connect(client.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(client.into())
}

fn converse(mut stream: UnixStream, line: &str) -> io::Result<Answer> {
    // An agent that refuses may close before it has read the request, and after its answer.
    let sent = stream.write_all(line.as_bytes());
    let mut answer = Vec::new();
    if let Err(error) = stream.take(MAX_BYTES).read_to_end(&mut answer)
        && answer.is_empty()
    {
        return Err(sent.err().unwrap_or(error));
    }
    let end = answer.iter().position(|byte| *byte == b'\n').unwrap_or(answer.len());
    Ok(serde_json::from_slice(answer.get(..end).unwrap_or_default())?)
}

fn connect_error(path: &Path, error: Errno) -> String {
    let file = path.display();
    match error {
        Errno::ENOENT | Errno::ENOTDIR => format!(
            "no agent with claims on this host: {file} does not exist; start the service, or name its socket with --claims-socket"
        ),
        Errno::ECONNREFUSED => format!("no agent listens on {file}: start the service"),
        Errno::EAGAIN => format!("the agent on {file} did not answer within {} s", TIMEOUT.as_secs()),
        other => format!("cannot connect to {file}: {}", io::Error::from(other)),
    }
}

fn answer_error(path: &Path, error: &io::Error) -> String {
    let file = path.display();
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("the agent on {file} did not answer within {} s", TIMEOUT.as_secs())
        }
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            format!("expected the answer of an agent on {file}, got something else; is it an agent of this version?")
        }
        _ => format!("cannot ask the agent on {file}: {error}"),
    }
}
