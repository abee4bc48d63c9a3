//! Scopes of tokens.

use std::fmt;

/// The part of the API that a token opens.
///
/// Every view is rendered for one scope, and the bytes of one scope never reach a client of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Read,
    /// The state of GPUs and host, without users and their programs.
    Summary,
    /// `/metrics` alone, without users and names of programs.
    Metrics,
}

impl Scope {
    /// All scopes, in the order of their discriminants.
    pub const ALL: [Self; Self::COUNT] = [Self::Read, Self::Summary, Self::Metrics];
    /// Number of scopes.
    pub const COUNT: usize = 3;

    /// True if users, PIDs, names, commands, containers, pods and jobs are shown.
    #[must_use]
    pub const fn sees_people(self) -> bool {
        matches!(self, Self::Read)
    }

    /// True if metrics show pods, jobs and, if enabled, processes. A scraper needs them for sums, but must not see who
    /// the users are.
    #[must_use]
    pub const fn sees_work(self) -> bool {
        matches!(self, Self::Read | Self::Metrics)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Read => "read",
            Self::Summary => "summary",
            Self::Metrics => "metrics",
        })
    }
}
