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
        .init();
}
