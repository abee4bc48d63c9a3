//! The sets of series: what a scrape has of the native names and of the agent.

use std::str::FromStr;

/// Set of series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsSet {
    /// For large fleets: 4 series of the agent and at most 12 of each GPU, so at most 100 of a host with 8 GPUs.
    Fleet,
    /// All metrics of GPUs, and those of the agent without its driver calls.
    #[default]
    Standard,
    /// All metrics.
    Full,
}

impl MetricsSet {
    /// All sets, in the order of their positions.
    pub(crate) const ALL: [Self; 3] = [Self::Fleet, Self::Standard, Self::Full];

    const fn name(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Standard => "standard",
            Self::Full => "full",
        }
    }
}

/// An invalid name of a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected fleet, standard or full, got {0:?}")]
pub struct MetricsSetError(String);

impl FromStr for MetricsSet {
    type Err = MetricsSetError;

    fn from_str(name: &str) -> Result<Self, MetricsSetError> {
        Self::ALL.into_iter().find(|set| set.name() == name).ok_or_else(|| MetricsSetError(name.into()))
    }
}
