//! The id of a snapshot in the event stream: its number, and the run of the agent.

use std::{
    fmt,
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

/// Distinguishes this run of the agent from others, whose snapshots are numbered from 1 as well.
static RUN: LazyLock<u64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
});

/// The number of a snapshot of this run. It is written first, for clients that parse digits only.
pub(crate) struct SnapshotId(u64);

impl SnapshotId {
    pub(crate) const fn new(sequence: u64) -> Self {
        Self(sequence)
    }

    /// The number of an id; 0, before the first, if it is of another run.
    pub(crate) fn parse(text: &str) -> Option<u64> {
        let (sequence, run) = text.trim().split_once('-').unwrap_or((text.trim(), ""));
        let sequence: u64 = sequence.parse().ok()?;
        Some(if run == format!("{:x}", *RUN) { sequence } else { 0 })
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}-{:x}", self.0, *RUN)
    }
}
