//! Configuration of `/metrics`.

use super::{DcgmCounters, Names};

/// Configuration of `/metrics`.
#[derive(Clone, Debug, Default)]
pub struct MetricsSettings {
    /// Names of a scrape without `names`.
    pub names: Names,
    /// Maximum number of processes with series; `None` for no series of processes. Each process leaves its series in the
    /// monitoring system when it ends.
    pub processes: Option<usize>,
    /// Configuration of dcgm-exporter's metrics.
    pub dcgm: DcgmSettings,
}

/// Configuration of dcgm-exporter's metrics.
#[derive(Clone, Debug)]
pub struct DcgmSettings {
    /// Fields of dcgm-exporter's counters file; by default its default set and a few more.
    pub counters: DcgmCounters,
    /// Name of the label with the host's name: `Hostname` until dcgm-exporter 4.8.3, then `hostname`.
    pub hostname_label: String,
}

impl Default for DcgmSettings {
    fn default() -> Self {
        Self { counters: DcgmCounters::default(), hostname_label: "Hostname".into() }
    }
}
