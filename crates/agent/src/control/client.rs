//! Client of the control socket: the commands `release`, `resume` and `forget`.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use crate::{
    control::{Request, Response},
    say,
};

/// Exit status after a refusal.
const EXIT_REFUSED: u8 = 1;
/// Timeout of the answer, which waits for the collector's end and for earlier requests.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest answer, in bytes.
const MAX_BYTES: u64 = 4096;

/// Sends a request to the agent that listens there, and prints the answer.
pub(crate) fn run(path: &Path, request: &Request) -> io::Result<ExitCode> {
    match ask(path, request) {
        Ok(done) => say::out(&format!("{done}\n")).map(|()| ExitCode::SUCCESS),
        Err(why) => {
            say::error(&why);
            Ok(ExitCode::from(EXIT_REFUSED))
        }
    }
}

fn ask(path: &Path, request: &Request) -> Response {
    let stream = UnixStream::connect(path).map_err(|error| connect_error(path, &error))?;
    let line = converse(&stream, request).map_err(|error| answer_error(path, &error))?;
    match line.trim_end().split_once(' ') {
        Some(("done", text)) => Ok(text.into()),
        Some(("refused", text)) => Err(text.into()),
        _ => Err(format!(
            "the process that listens on {} closed the connection without an answer; is it an agent of this version?",
            path.display()
        )),
    }
}

fn converse(mut stream: &UnixStream, request: &Request) -> io::Result<String> {
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    let sent = stream.write_all(format!("{request}\n").as_bytes());
    let mut line = String::new();
    match stream.take(MAX_BYTES).read_to_string(&mut line) {
        // A server that refuses us may close before it has read the request, and after its answer.
        Err(error) if line.is_empty() => Err(sent.err().unwrap_or(error)),
        _ => Ok(line),
    }
}

fn connect_error(path: &Path, error: &io::Error) -> String {
    let file = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("no control socket {file}: start the service, or name its socket with --control-socket")
        }
        io::ErrorKind::ConnectionRefused => {
            format!("no process listens on {file}: its agent has ended; start the service")
        }
        io::ErrorKind::PermissionDenied => {
            format!("not permitted to use {file}: run this as root or as the service's user, for example with sudo")
        }
        _ => format!("cannot reach an agent on {file}: {error}"),
    }
}

fn answer_error(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("the agent on {} did not answer within {} s", path.display(), ANSWER_TIMEOUT.as_secs())
        }
        _ => format!("no answer from the agent on {}: {error}", path.display()),
    }
}
