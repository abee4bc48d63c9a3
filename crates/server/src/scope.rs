//! What a reader may see, and what the administrator lets everyone see of command lines.

use telemetry::{command, mask, sample::Life, snapshot::Process};

/// What a reader may see.
///
/// Every view is rendered for one scope, and the bytes of one never reach a reader of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Read,
    /// How GPUs and host are, but nothing of people and their programs.
    Summary,
    /// `/metrics` and nothing else; what it says of processes bears neither users nor names.
    Metrics,
}

/// The one path that is open to [`Scope::Metrics`].
const METRICS: &str = "/metrics";

impl Scope {
    /// Each, in the order of its number.
    pub(crate) const ALL: [Self; Self::COUNT] = [Self::Read, Self::Summary, Self::Metrics];
    /// How many there are.
    pub(crate) const COUNT: usize = 3;

    /// Whether users, PIDs, names, commands, containers, pods and jobs are shown.
    pub(crate) const fn sees_people(self) -> bool {
        matches!(self, Self::Read)
    }

    /// Whether metrics tell which pods and jobs have a GPU, and of processes, if the administrator wants those: a
    /// scraper adds them up, and what it may not see is who somebody is.
    pub(crate) const fn sees_work(self) -> bool {
        matches!(self, Self::Read | Self::Metrics)
    }

    /// Whether it may ask for the path that stands so in the table of routes.
    pub(crate) fn may_ask(self, path: &str) -> bool {
        self != Self::Metrics || path == METRICS
    }
}

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
    fn the_frozen_contract_shows_all_until_told_otherwise() {
        assert_eq!(Shown::by(None), Shown { status: Commands::Full, api: Commands::Masked });
        for told in [Commands::Full, Commands::Masked, Commands::Name, Commands::Hidden] {
            assert_eq!(Shown::by(Some(told)), Shown { status: told, api: told });
        }
    }

    #[test]
    fn each_shows_less_than_the_one_before() {
        let arguments = Ok(["python", "--token=planted"].map(String::from).into());
        let process = Process { arguments, ..host::process(1) };
        let shown = |commands: Commands| commands.frozen(&process);
        assert_eq!(shown(Commands::Full).as_deref(), Some("python --token=planted"));
        assert_eq!(shown(Commands::Masked).as_deref(), Some("python --token=***"));
        assert_eq!(shown(Commands::Name).as_deref(), Some("python"));
        assert_eq!(shown(Commands::Hidden), None);
    }
}
