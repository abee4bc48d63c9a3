//! Output of commands. `print!` and `eprintln!` panic if writing fails: on a full disk, or into a closed pipe.

use std::io::{self, Write as _};

use telemetry::terminal::printable;

use crate::logging;

/// Prints to standard output. A closed pipe is not an error, because its reader has what it wanted.
pub(crate) fn out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(io::Error::new(error.kind(), format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints one line to standard output. Control characters of what others named, such as a driver, are escaped.
pub(crate) fn line(text: &str) -> io::Result<()> {
    out(&format!("{}\n", printable(text)))
}

/// Prints an error in one line, through the log once there is one, which never waits. If that fails, there is nowhere
/// left to report it.
pub(crate) fn error(message: &str) {
    let line = format!("nvidia-smi-web-agent: {message}");
    if logging::line(&line) {
        return;
    }
    let _ = writeln!(io::stderr().lock(), "{line}");
}
