//! What a snapshot is called in the stream: its number, and whose it is.

use std::{
    fmt,
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

/// What tells this run of the agent from others, whose snapshots are numbered from 1 as well.
static RUN: LazyLock<u64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
});

/// The number of a snapshot of this run. It is written first, for who reads digits.
pub(crate) struct Id(u64);

impl Id {
    pub(crate) const fn of(sequence: u64) -> Self {
        Self(sequence)
    }

    /// The number that a reader names: 0, before the first, where that is of another run.
    pub(crate) fn read(text: &str) -> Option<u64> {
        let (sequence, run) = text.trim().split_once('-').unwrap_or((text.trim(), ""));
        let sequence: u64 = sequence.parse().ok()?;
        Some(if run == format!("{:x}", *RUN) { sequence } else { 0 })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}-{:x}", self.0, *RUN)
    }
}
