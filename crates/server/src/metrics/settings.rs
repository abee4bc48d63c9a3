//! What the administrator decides about metrics.

use super::{DcgmCounters, Names};

/// What the administrator decides about metrics.
#[derive(Clone, Debug, Default)]
pub struct MetricsSettings {
    /// The names of a scrape that does not ask for others.
    pub names: Names,
    /// Whether each process has series, and of how many at most; none if not. Processes come and go, and each leaves
    /// its series behind in the monitoring system.
    pub processes: Option<usize>,
    /// What is served under dcgm-exporter's names.
    pub dcgm: DcgmSettings,
}

/// What is served under dcgm-exporter's names.
#[derive(Clone, Debug)]
pub struct DcgmSettings {
    /// What dcgm-exporter's own file chooses; without one its default set and a few more.
    pub counters: DcgmCounters,
    /// The label that bears the host's name. It was `Hostname` until 4.8.3 made it `hostname`.
    pub hostname_label: String,
}

impl Default for DcgmSettings {
    fn default() -> Self {
        Self { counters: DcgmCounters::default(), hostname_label: "Hostname".into() }
    }
}
