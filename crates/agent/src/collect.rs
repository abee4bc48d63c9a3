//! `collect` and `record`: child processes that load the driver library. The agent starts them itself, with their
//! settings on standard input.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use collector::Settings;

use crate::{cli::AccessLog, logging};

/// A child process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildCommand {
    /// Reads the machine until standard input ends, and writes frames.
    Collector,
    /// Calls the driver once for a capture, and writes records.
    Recorder,
}

impl ChildCommand {
    /// The child that these arguments start; none for a command of the user's.
    pub(crate) fn named_by(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let command = arguments.nth(1).filter(|_| arguments.next().is_none())?;
        [Self::Collector, Self::Recorder].into_iter().find(|child| command == child.command())
    }

    /// The argument that starts it.
    pub(crate) const fn command(self) -> &'static str {
        match self {
            Self::Collector => "collect",
            Self::Recorder => "record",
        }
    }

    /// Runs it until the process ends.
    ///
    /// # Errors
    /// It was started by hand, its settings do not arrive, or it cannot begin.
    pub(crate) fn run(self) -> io::Result<ExitCode> {
        if io::stdout().is_terminal() {
            let command = self.command();
            return Err(io::Error::other(format!(
                "{command} writes binary frames for the agent that starts it; run the agent without {command}"
            )));
        }
        let settings = Settings::read(&mut io::stdin().lock()).map_err(io::Error::other)?;
        let settings = settings.ok_or_else(|| io::Error::other("standard input ended before the settings"))?;
        logging::start(settings.log, AccessLog::Off)?;
        let Err(error) = match self {
            Self::Collector => collector::run(settings),
            Self::Recorder => collector::capture(&settings),
        };
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_is_named_by_one_argument_alone() {
        let named = |arguments: &[&str]| ChildCommand::named_by(["agent"].iter().chain(arguments).map(OsString::from));
        assert_eq!(named(&["collect"]), Some(ChildCommand::Collector));
        assert_eq!(named(&["record"]), Some(ChildCommand::Recorder));
        for arguments in [&[][..], &["check"], &["collect", "--help"], &["check", "collect"]] {
            assert_eq!(named(arguments), None, "{arguments:?}");
        }
    }
}
