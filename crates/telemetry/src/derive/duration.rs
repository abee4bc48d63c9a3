//! Duration of a condition, over readings that may be missing for a while.

use std::time::Duration;

use crate::{BootTime, Stamp};

/// One condition over time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ConditionTimer {
    since: Option<Stamp>,
    seen: BootTime,
}

impl ConditionTimer {
    /// It has held since then, and was last seen to at that moment.
    pub(super) const fn restored(since: Stamp, seen: BootTime) -> Self {
        Self { since: Some(since), seen }
    }

    /// Takes in whether it holds at a moment; `None` if that was not read. Since when it has held, if it does.
    ///
    /// A gap up to `gap` keeps the condition; a longer one ends it, since nothing is known of the time between.
    pub(super) fn see(&mut self, holds: Option<bool>, at: Stamp, gap: Duration) -> Option<Stamp> {
        if at.boot.since(self.seen) > gap {
            self.since = None;
        }
        match holds {
            Some(true) => {
                self.since.get_or_insert(at);
                self.seen = at.boot;
            }
            Some(false) => self.since = None,
            None => {}
        }
        self.since
    }

    /// True if it has held for that long.
    pub(super) fn for_at_least(since: Option<Stamp>, now: BootTime, least: Duration) -> bool {
        since.is_some_and(|since| now.since(since.boot) >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot: u64) -> Stamp {
        Stamp { boot: BootTime(boot), unix_ms: boot }
    }

    #[test]
    fn condition_starts_survives_gap_and_ends() {
        let gap = Duration::from_millis(60);
        let mut lasting = ConditionTimer::default();
        for (now, holds, since) in [
            (1000, Some(true), Some(1000)),
            (1050, Some(true), Some(1000)),
            (1100, None, Some(1000)),
            (1110, Some(true), Some(1000)),
            (1171, None, None),
            (1172, Some(true), Some(1172)),
            (1180, Some(false), None),
            (1190, Some(true), Some(1190)),
            // The boot clock never jumps back; if it did, nothing absurd follows.
            (100, Some(true), Some(1190)),
        ] {
            assert_eq!(lasting.see(holds, at(now), gap), since.map(at), "at {now}");
        }
        assert!(ConditionTimer::for_at_least(Some(at(5)), BootTime(9), Duration::from_millis(4)));
        assert!(!ConditionTimer::for_at_least(Some(at(5)), BootTime(8), Duration::from_millis(4)));
        assert!(!ConditionTimer::for_at_least(None, BootTime(8), Duration::ZERO));
    }
}
