//! Rates of errors that are corrected: few are normal, many announce a failure.

use crate::{
    BootTime, Reading,
    derive::health::reason,
    snapshot::{Reason, Severity},
};

/// Time over which a rate is calculated, in milliseconds.
const WINDOW_MS: u64 = 60_000;
/// Windows in a row over the limit that count, so that one odd reading does not.
const WINDOWS: u32 = 2;

/// Corrected memory errors in a window: ten per second. A good GPU has a few per day.
pub(super) const CORRECTED: u64 = 600;
/// NVLink replays, recoveries and CRC errors in a window: one per second.
pub(super) const LINK_ERRORS: u64 = 60;

/// Rate of one counter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    begin: Option<(BootTime, u64)>,
    over: u32,
}

impl Rate {
    /// Takes in the counter, and returns whether it has counted more than `limit` per window in the last windows.
    pub(super) fn see(&mut self, count: Reading<u64>, limit: u64, at: BootTime) -> bool {
        let Ok(count) = count else { return self.over >= WINDOWS };
        let Some((begin, before)) = self.begin else {
            self.begin = Some((at, count));
            return false;
        };
        let passed = u64::try_from(at.since(begin).as_millis()).unwrap_or(u64::MAX);
        if passed >= WINDOW_MS || count < before {
            // After a longer time without a reading, by the time that passed.
            let is_over = count.saturating_sub(before) / (passed / WINDOW_MS).max(1) >= limit;
            self.over = if is_over { self.over.saturating_add(1) } else { 0 };
            self.begin = Some((at, count));
        }
        self.over >= WINDOWS
    }
}

pub(super) fn corrected_errors() -> Reason {
    let text = "its memory has ten errors per second or more that are corrected, for minutes";
    reason(
        Severity::Warning,
        "ecc_corrected_rate",
        text,
        "Have the GPU checked before errors can no longer be corrected.",
    )
}

pub(super) fn link_errors() -> Reason {
    let text = "its NVLinks replay and recover once per second or more, for minutes";
    reason(
        Severity::Warning,
        "nvlink_error_rate",
        text,
        "Check cables, bridge or baseboard; then have the GPU checked.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_counts_after_two_windows() {
        let mut rate = Rate::default();
        let mut count = 9_600_000_000;
        for second in (0..300).step_by(10) {
            count += 177_000;
            assert_eq!(rate.see(Ok(count), CORRECTED, BootTime(second * 1000)), second >= 120, "at {second}");
        }
        for second in (300..400).step_by(10) {
            assert_eq!(rate.see(Ok(count), CORRECTED, BootTime(second * 1000)), second < 360, "at {second}");
        }
    }

    #[test]
    fn old_errors_jump_or_reset_are_no_rate() {
        for counts in [[505; 8], [0, 0, 9_000_000, 9_000_000, 0, 0, 0, 0], [5, 50, 90, 130, 170, 220, 250, 299]] {
            let mut rate = Rate::default();
            for (minute, count) in (0..).zip(counts) {
                assert!(!rate.see(Ok(count), LINK_ERRORS, BootTime(minute * 60_000)), "{counts:?}");
            }
        }
    }
}
