//! The other end: `release` and `resume` as commands.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use crate::{
    control::{Answer, Request},
    say,
};

/// Status if it was not done.
const EXIT_REFUSED: u8 = 1;
/// How long an answer may take: the collector's end, and another's request before ours.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer.
const MOST_BYTES: u64 = 4096;

/// Asks the agent that listens there, and prints what it answers.
pub(crate) fn run(path: &Path, request: Request) -> io::Result<ExitCode> {
    match ask(path, request) {
        Ok(done) => say::out(&format!("{done}\n")).map(|()| ExitCode::SUCCESS),
        Err(why) => {
            say::error(&why);
            Ok(ExitCode::from(EXIT_REFUSED))
        }
    }
}

fn ask(path: &Path, request: Request) -> Answer {
    let stream = UnixStream::connect(path).map_err(|error| unreached(path, &error))?;
    let line = converse(&stream, request).map_err(|error| unanswered(path, &error))?;
    match line.trim_end().split_once(' ') {
        Some(("done", text)) => Ok(text.into()),
        Some(("refused", text)) => Err(text.into()),
        _ => {
            Err(format!("what listens on {} closed without an answer; is it an agent of this version?", path.display()))
        }
    }
}

fn converse(mut stream: &UnixStream, request: Request) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let sent = stream.write_all(format!("{request}\n").as_bytes());
    let mut line = String::new();
    match stream.take(MOST_BYTES).read_to_string(&mut line) {
        // Who refuses us may close before we have sent, and after he has said why.
        Err(error) if line.is_empty() => Err(sent.err().unwrap_or(error)),
        _ => Ok(line),
    }
}

fn unreached(path: &Path, error: &io::Error) -> String {
    let file = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("there is no control socket {file}: start the service, or name its socket with --control-socket")
        }
        io::ErrorKind::ConnectionRefused => {
            format!("nobody listens on {file}: the agent that made it has ended; start the service")
        }
        io::ErrorKind::PermissionDenied => {
            format!("not permitted to use {file}: do it as root or as the service's user, for example with sudo")
        }
        _ => format!("cannot reach an agent on {file}: {error}"),
    }
}

fn unanswered(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("the agent on {} has not answered within {} s", path.display(), PATIENCE.as_secs())
        }
        _ => format!("the agent on {} does not answer: {error}", path.display()),
    }
}
