//! Logs: to standard error, text, one line an event.

use std::io::IsTerminal as _;

use tracing::Level;

/// Starts logging. Lines that cannot be written are lost, and nothing else is.
pub(crate) fn start(level: Level) {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // It would tell standard error that standard error is full, and panic when that fails.
        .log_internal_errors(false)
        .init();
}
