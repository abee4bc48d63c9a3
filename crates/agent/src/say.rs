//! What a command prints. `print!` and `eprintln!` panic where nothing can be written, on a full disk or into a pipe
//! that nobody reads.

use std::io::{self, Write as _};

/// Prints to standard output. That the reader has had enough is no error.
pub(crate) fn out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(io::Error::new(error.kind(), format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints an error in one line. If that fails there is nobody left to tell.
pub(crate) fn error(message: &str) {
    let _ = writeln!(io::stderr().lock(), "nvidia-smi-web-agent: {message}");
}
