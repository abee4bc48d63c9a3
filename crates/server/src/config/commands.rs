//! What is shown of command lines.

use telemetry::{command, mask, sample::Life, snapshot::Process};

/// What is shown of a process's command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commands {
    /// All of it, secrets included.
    Full,
    /// All of it, but what is obviously a secret.
    #[default]
    Masked,
    /// What the program calls itself, without its arguments.
    Name,
    /// Neither.
    Hidden,
}

/// What `/status` and `/api/v1` show of command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The frozen contract: all of it until the administrator says otherwise, as the original does.
    pub(crate) status: Commands,
    /// The rich contract.
    pub(crate) api: Commands,
}

impl Shown {
    /// By what the administrator said, if anything.
    pub(crate) fn by(told: Option<Commands>) -> Self {
        Self { status: told.unwrap_or(Commands::Full), api: told.unwrap_or_default() }
    }
}

impl Commands {
    /// Whether command lines are shown at all.
    pub(crate) const fn shows_lines(self) -> bool {
        matches!(self, Self::Full | Self::Masked)
    }

    /// The command line of these arguments; none if it is not shown.
    pub(crate) fn line(self, arguments: &[String]) -> Option<String> {
        match self {
            Self::Full => Some(command::join(arguments)),
            Self::Masked => Some(command::join(&mask::arguments(arguments))),
            Self::Name | Self::Hidden => None,
        }
    }

    /// What a process calls itself; none if it is not shown.
    pub(crate) fn name(self, name: &str) -> Option<String> {
        match self {
            Self::Full => Some(name.to_owned()),
            // A program may write what it likes there, its command line too.
            Self::Masked | Self::Name => Some(mask::text(name)),
            Self::Hidden => None,
        }
    }

    /// For the frozen contract, which knows no reasons: the line, or what stands in its place.
    pub(crate) fn frozen(self, process: &Process) -> Option<String> {
        let (Life::Running, Ok(arguments)) = (process.life, &process.arguments) else { return None };
        match self {
            Self::Full | Self::Masked => self.line(arguments),
            Self::Name => self.name(process.name.as_ref().ok()?),
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
        let arguments = Ok(["python", "--token=planted"].map(String::from).into());
        let process = Process { arguments, ..host::process(1) };
        let shown = |commands: Commands| commands.frozen(&process);
        assert_eq!(shown(Commands::Full).as_deref(), Some("python --token=planted"));
        assert_eq!(shown(Commands::Masked).as_deref(), Some("python --token=***"));
        assert_eq!(shown(Commands::Name).as_deref(), Some("python"));
        assert_eq!(shown(Commands::Hidden), None);
    }
}
