//! What a reader may see.

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
