//! Configuration of `/metrics`.

use std::sync::Arc;

use crate::usage::UsageStore;

use super::{DcgmCounters, MetricsSet, Names};

/// Configuration of `/metrics`.
#[derive(Clone, Debug, Default)]
pub struct MetricsSettings {
    /// Names of a scrape without `names`.
    pub names: Names,
    /// Set of a scrape without `set`.
    pub set: MetricsSet,
    /// Maximum number of processes with series; `None` for no series of processes. Each process leaves its series in the
    /// monitoring system when it ends.
    pub processes: Option<usize>,
    /// Store whose users have series; none for no series of users, since they name people.
    pub users: Option<Arc<dyn UsageStore>>,
    /// Configuration of dcgm-exporter's metrics.
    pub dcgm: DcgmSettings,
}

/// Configuration of dcgm-exporter's metrics.
#[derive(Clone, Debug, Default)]
pub struct DcgmSettings {
    /// Fields of dcgm-exporter's counters file; by default its default set and a few more.
    pub counters: DcgmCounters,
    /// Name of the label with the host's name; by default `Hostname` with the names of dcgm-exporter 4.8, as up to its
    /// version 4.8.2, and `hostname` with those of 4.9.
    pub hostname_label: Option<String>,
}
