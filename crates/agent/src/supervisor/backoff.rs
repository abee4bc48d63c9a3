//! Exponential backoff before the next collector.

use std::time::Duration;

/// Wait after the first crash, short enough that data is back within two seconds.
const FIRST: Duration = Duration::from_millis(200);
/// Wait after the second crash; it doubles with each crash after that.
const SECOND: Duration = Duration::from_secs(1);
/// Longest wait.
const MAX: Duration = Duration::from_secs(30);
/// Run time after which the backoff starts again: such a collector did not crash for the same reason.
const RESET_AFTER: Duration = Duration::from_secs(60);

/// Counts crashes in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    crashes: u32,
}

impl Backoff {
    /// Wait after a crash of a collector that ran this long.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran >= RESET_AFTER {
            self.crashes = 0;
        }
        self.crashes = self.crashes.saturating_add(1);
        match self.crashes {
            1 => FIRST,
            // The exponent is capped, so that the power does not overflow.
            more => (SECOND * 2_u32.pow((more - 2).min(5))).min(MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_thirty_seconds_and_resets() {
        let mut backoff = Backoff::default();
        let mut after = |ran| backoff.after(Duration::from_secs(ran)).as_millis();
        assert_eq!([after(1), after(1), after(1), after(1)], [200, 1000, 2000, 4000]);
        assert_eq!([after(1), after(1), after(1), after(1)], [8000, 16_000, 30_000, 30_000]);
        assert_eq!(after(60), 200);
    }
}
