//! Time: the boot clock for ages and rates, the wall clock only to show.
//!
//! The boot clock (`CLOCK_BOOTTIME`) never jumps and goes on while the host sleeps, and it means the same in the
//! collector and in its parent.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Milliseconds since the host booted, sleep included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BootTime(pub u64);

impl BootTime {
    /// Now, by `CLOCK_BOOTTIME`; 0 where the kernel has no such clock (before Linux 2.6.39).
    #[must_use]
    pub fn now() -> Self {
        Self(read(ClockId::CLOCK_BOOTTIME))
    }

    /// The time from `earlier` until this moment; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// For ages and rates.
    pub boot: BootTime,
    /// Unix time in milliseconds, to show.
    pub unix_ms: u64,
}

impl Stamp {
    /// Now, on both clocks.
    #[must_use]
    pub fn now() -> Self {
        Self { boot: BootTime::now(), unix_ms: read(ClockId::CLOCK_REALTIME) }
    }
}

fn read(clock: ClockId) -> u64 {
    let Ok(time) = clock_gettime(clock) else { return 0 };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or(0);
    seconds * 1000 + nanoseconds / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_never_negative() {
        assert_eq!(BootTime(5).since(BootTime(9)), Duration::ZERO);
        assert_eq!(BootTime(9).since(BootTime(5)), Duration::from_millis(4));
    }

    #[test]
    fn clocks_advance() {
        let now = Stamp::now();
        assert!(now.boot.0 > 0 && now.unix_ms > 1_700_000_000_000, "{now:?}");
    }
}
