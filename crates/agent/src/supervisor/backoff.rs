//! How long to wait before the next collector.

use std::time::Duration;

/// After a crash the first comes almost at once, so that data is back within two seconds.
const FIRST: Duration = Duration::from_millis(200);
/// The second, and from there on twice as long each time…
const SECOND: Duration = Duration::from_secs(1);
/// …up to this.
const LONGEST: Duration = Duration::from_secs(30);
/// A collector that ran for this long has nothing to do with the crashes before it.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// Counts crashes in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    in_a_row: u32,
}

impl Backoff {
    /// The wait after a crash of a collector that ran for so long.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran >= FORGET_AFTER {
            self.in_a_row = 0;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        match self.in_a_row {
            1 => FIRST,
            // Capped, so that the power does not overflow.
            more => (SECOND * 2_u32.pow((more - 2).min(5))).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_30_seconds_and_resets() {
        let mut backoff = Backoff::default();
        let mut after = |ran| backoff.after(Duration::from_secs(ran)).as_millis();
        assert_eq!([after(1), after(1), after(1), after(1)], [200, 1000, 2000, 4000]);
        assert_eq!([after(1), after(1), after(1), after(1)], [8000, 16_000, 30_000, 30_000]);
        assert_eq!(after(60), 200);
    }
}
