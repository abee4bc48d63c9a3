//! Messages about the simulated driver itself.

use std::io::Write;

/// Writes one line to standard error.
pub(crate) fn warn(message: &str) {
    // A closed standard error leaves no place to report to.
    let _ = writeln!(std::io::stderr(), "fake-nvml: {message}");
}
