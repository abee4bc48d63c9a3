//! `collect` and `record`: the child processes that load the driver library.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use collector::Settings;

use crate::{child_process::ChildCommand, logging};

/// Runs a child until its process ends.
///
/// # Errors
/// It was started by hand, its settings do not arrive, or it cannot start.
pub(crate) fn run(command: ChildCommand) -> io::Result<ExitCode> {
    if io::stdout().is_terminal() {
        let name = command.as_str();
        return Err(io::Error::other(format!(
            "{name} writes binary frames for the agent that starts it; run the agent without {name}"
        )));
    }
    let settings = Settings::read(&mut io::stdin().lock()).map_err(io::Error::other)?;
    let settings = settings.ok_or_else(|| io::Error::other("expected settings, got the end of standard input"))?;
    logging::start_of_child(settings.log, settings.log_time);
    let Err(error) = match command {
        ChildCommand::Collect => collector::run(settings),
        ChildCommand::Record => collector::capture(&settings),
    };
    Err(error)
}
