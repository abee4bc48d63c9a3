//! Visibility of command lines.

use std::borrow::Cow;

use telemetry::{Arguments, mask, sample::Life, snapshot::Process};

/// The visible part of a process's command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commands {
    /// All of it, secrets included.
    Full,
    /// All of it, with obvious secrets masked.
    #[default]
    Masked,
    /// The program's name, without arguments.
    Name,
    /// Nothing.
    Hidden,
}

/// Visibility of command lines in `/status` and in `/api/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// In `/status`: full by default, as in the original.
    pub(crate) status: Commands,
    /// In `/api/v1`.
    pub(crate) api: Commands,
}

impl Shown {
    /// The configured visibility, or the defaults.
    pub(crate) fn by(told: Option<Commands>) -> Self {
        Self { status: told.unwrap_or(Commands::Full), api: told.unwrap_or_default() }
    }
}

impl Commands {
    /// True if command lines are shown.
    pub(crate) const fn shows_lines(self) -> bool {
        matches!(self, Self::Full | Self::Masked)
    }

    /// The command line of these arguments; `None` if it is hidden.
    pub(crate) fn line(self, arguments: &Arguments) -> Option<&str> {
        match self {
            Self::Full => Some(arguments.line()),
            Self::Masked => Some(arguments.masked_line()),
            Self::Name | Self::Hidden => None,
        }
    }

    /// The name of a process; `None` if it is hidden.
    pub(crate) fn name(self, name: &str) -> Option<String> {
        match self {
            Self::Full => Some(name.to_owned()),
            // A program can set its name to any text, including its command line.
            Self::Masked | Self::Name => Some(mask::text(name)),
            Self::Hidden => None,
        }
    }

    /// The text for `/status`, which has no reasons for absence: the line or the name.
    pub(crate) fn legacy(self, process: &Process) -> Option<Cow<'_, str>> {
        let (Life::Running, Ok(arguments)) = (process.life, &process.arguments) else { return None };
        match self {
            Self::Full | Self::Masked => self.line(arguments).map(Cow::Borrowed),
            Self::Name => self.name(process.name.as_ref().ok()?).map(Cow::Owned),
            Self::Hidden => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;

    #[test]
    fn legacy_contract_shows_commands_by_default() {
        assert_eq!(Shown::by(None), Shown { status: Commands::Full, api: Commands::Masked });
        for told in [Commands::Full, Commands::Masked, Commands::Name, Commands::Hidden] {
            assert_eq!(Shown::by(Some(told)), Shown { status: told, api: told });
        }
    }

    #[test]
    fn scopes_are_ordered() {
        let arguments = Ok(["python", "--token=planted"].into_iter().collect());
        let process = Process { arguments, ..host::process(1) };
        let shown = |commands: Commands| commands.legacy(&process);
        assert_eq!(shown(Commands::Full).as_deref(), Some("python --token=planted"));
        assert_eq!(shown(Commands::Masked).as_deref(), Some("python --token=***"));
        assert_eq!(shown(Commands::Name).as_deref(), Some("python"));
        assert_eq!(shown(Commands::Hidden), None);
    }
}
