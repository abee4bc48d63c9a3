//! The verdict on a GPU's use over time: how long it has been so, and when work that is not done makes it held.

use std::time::Duration;

use crate::{
    BootTime, Stamp,
    derive::{
        duration::ConditionTimer,
        usage::{Finding, Taken},
    },
    snapshot::{Usage, UseVerdict},
};

/// Below this share of the time a GPU counts as not working, in %.
pub(super) const IDLE_BELOW_PERCENT: u32 = 5;

/// By what time is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct UsageLimits {
    /// Time for which memory must be held without work.
    pub(super) idle_after: Duration,
    /// Time without a reading after which use is judged from the start.
    pub(super) gap: Duration,
}

/// Use of one GPU or MIG instance over time.
#[derive(Clone, Debug, Default)]
pub(super) struct UsageTracker {
    /// Memory is held, and no work is done.
    quiet: ConditionTimer,
    /// The last verdict that was not unknown, and since when.
    known: Option<Known>,
    /// Since when the verdict has been unknown, and whether it was so when we began to look.
    unknown: Option<(Stamp, bool)>,
    /// When it was last seen, if it was.
    met: Option<BootTime>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    verdict: UseVerdict,
    since: Stamp,
    at_least: bool,
    /// When this sight of it began, for what was so from the beginning.
    first: BootTime,
    seen: BootTime,
}

impl UsageTracker {
    /// The state at the last reading.
    pub(super) fn restored(verdict: UseVerdict, since: Stamp, at_least: bool, seen: BootTime) -> Self {
        let first = if at_least { since.boot } else { BootTime(0) };
        let known = (verdict != UseVerdict::Unknown).then_some(Known { verdict, since, at_least, first, seen });
        let quiet = match verdict {
            UseVerdict::Held => ConditionTimer::restored(since, seen),
            _ => ConditionTimer::default(),
        };
        let unknown = (verdict == UseVerdict::Unknown).then_some((since, at_least));
        Self { quiet, known, unknown, met: Some(seen) }
    }

    /// The last verdict, with its start, if that is a lower bound, and when it was last seen: that before the use
    /// became unknown, if there was one, so that a run that reads nothing passes on what it was given.
    pub(super) fn saved(&self) -> Option<(UseVerdict, Stamp, bool, BootTime)> {
        if let Some(Known { verdict, since, at_least, seen, .. }) = self.known {
            return Some((verdict, since, at_least, seen));
        }
        let (since, at_least) = self.unknown?;
        Some((UseVerdict::Unknown, since, at_least, self.met?))
    }

    /// True if it was seen recently enough for its history to mean anything.
    pub(super) fn is_fresh(&self, now: BootTime, gap: Duration) -> bool {
        self.met.is_some_and(|met| now.since(met) <= gap)
    }

    /// Takes in what was found at a moment; `share` is how much of the time the GPU worked, in %, if that was read.
    pub(super) fn see(&mut self, finding: Finding, share: Option<u32>, at: Stamp, limits: UsageLimits) -> Usage {
        self.known = self.known.filter(|known| at.boot.since(known.seen) <= limits.gap);
        self.unknown = self.unknown.filter(|_| self.is_fresh(at.boot, limits.gap));
        let idles = share.map(|share| share < IDLE_BELOW_PERCENT);
        let (verdict, since, at_least) = match finding.taken {
            Taken::Unknown => {
                self.quiet.see(None, at, limits.gap);
                let (since, at_least) = *self.unknown.get_or_insert((at, self.met.is_none()));
                (UseVerdict::Unknown, since, at_least)
            }
            Taken::No => {
                self.quiet.see(Some(false), at, limits.gap);
                self.turn(UseVerdict::Free, at, at)
            }
            Taken::Yes => {
                let quiet = self.quiet.see(idles, at, limits.gap);
                match quiet.filter(|_| ConditionTimer::for_at_least(quiet, at.boot, limits.idle_after)) {
                    Some(since) => self.turn(UseVerdict::Held, since, at),
                    None => self.turn(UseVerdict::Busy, at, at),
                }
            }
        };
        self.met = Some(at.boot);
        Usage {
            verdict,
            since,
            since_at_least: at_least,
            users: finding.users,
            unattributed_bytes: finding.unattributed_bytes,
        }
    }

    fn turn(&mut self, verdict: UseVerdict, since: Stamp, at: Stamp) -> (UseVerdict, Stamp, bool) {
        self.unknown = None;
        let first = self.known.map_or(at.boot, |known| known.first);
        let known = match self.known {
            Some(known) if known.verdict == verdict => Known { seen: at.boot, ..known },
            Some(_) => Known { verdict, since, at_least: since.boot <= first, first, seen: at.boot },
            None => Known { verdict, since, at_least: true, first, seen: at.boot },
        };
        self.known = Some(known);
        (verdict, known.since, known.at_least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Absence;

    const LIMITS: UsageLimits = UsageLimits { idle_after: Duration::from_secs(900), gap: Duration::from_secs(60) };

    fn finding(taken: Taken) -> Finding {
        Finding { taken, users: Vec::new(), unattributed_bytes: Ok(0) }
    }

    fn at(seconds: u64) -> Stamp {
        Stamp { boot: BootTime(seconds * 1000), unix_ms: seconds }
    }

    /// Sees every second from the first to the last, and gives the last.
    fn run(
        hold: &mut UsageTracker,
        taken: Taken,
        share: Option<u32>,
        seconds: std::ops::RangeInclusive<u64>,
    ) -> (UseVerdict, u64, bool) {
        let mut last = None;
        for second in seconds {
            last = Some(hold.see(finding(taken), share, at(second), LIMITS));
        }
        let usage = last.unwrap();
        (usage.verdict, usage.since.unix_ms, usage.since_at_least)
    }

    #[test]
    fn use_held_without_work_busy_with_work() {
        use UseVerdict::{Busy, Free, Held};
        let mut hold = UsageTracker::default();
        assert_eq!(run(&mut hold, Taken::No, Some(0), 100..=200), (Free, 100, true), "free when we began to look");
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 201..=1100), (Busy, 201, false), "idle before it was taken");
        assert_eq!(run(&mut hold, Taken::Yes, Some(4), 1101..=1101), (Held, 201, false), "since it has done nothing");
        assert_eq!(run(&mut hold, Taken::Yes, Some(4), 1102..=1500), (Held, 201, false));
        assert_eq!(run(&mut hold, Taken::Yes, Some(5), 1501..=1501), (Busy, 1501, false));
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 1502..=2401), (Busy, 1501, false));
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 2402..=2402), (Held, 1502, false));
        assert_eq!(run(&mut hold, Taken::No, Some(0), 2403..=2403), (Free, 2403, false));
    }

    #[test]
    fn use_duration_is_lower_bound_at_start() {
        let mut hold = UsageTracker::default();
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 100..=999), (UseVerdict::Busy, 100, true));
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 1000..=1000), (UseVerdict::Held, 100, true));
    }

    #[test]
    fn use_never_idle_without_share() {
        let mut hold = UsageTracker::default();
        assert_eq!(run(&mut hold, Taken::Yes, None, 100..=5000).0, UseVerdict::Busy);
    }

    #[test]
    fn use_time_survives_missed_shares() {
        use UseVerdict::{Busy, Held};
        let mut hold = UsageTracker::default();
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 100..=900), (Busy, 100, true));
        assert_eq!(run(&mut hold, Taken::Yes, None, 901..=950), (Busy, 100, true));
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 951..=1000), (Held, 100, true));
        assert_eq!(run(&mut hold, Taken::Yes, None, 1001..=1060).0, Held, "as long as values are kept");
        assert_eq!(run(&mut hold, Taken::Yes, None, 1061..=1061).0, Busy);
    }

    #[test]
    fn use_time_survives_short_gap_only() {
        use UseVerdict::{Busy, Held, Unknown};
        let mut hold = UsageTracker::default();
        run(&mut hold, Taken::No, Some(0), 100..=100);
        run(&mut hold, Taken::Yes, Some(0), 101..=1200);
        assert_eq!(run(&mut hold, Taken::Unknown, None, 1201..=1230), (Unknown, 1201, false));
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 1231..=1231), (Held, 101, false));
        assert_eq!(run(&mut hold, Taken::Unknown, None, 1232..=1300), (Unknown, 1232, false));
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 1301..=1301), (Busy, 1301, true));
    }

    #[test]
    fn use_time_plausible_after_clock_jump() {
        let mut hold = UsageTracker::default();
        run(&mut hold, Taken::Yes, Some(0), 5000..=6000);
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 100..=100), (UseVerdict::Busy, 100, true));
        assert_eq!(run(&mut hold, Taken::Yes, Some(0), 900_000..=900_000), (UseVerdict::Busy, 900_000, true));
    }

    #[test]
    fn use_has_current_users_and_memory() {
        let finding =
            Finding { taken: Taken::Yes, users: vec!["alice".into()], unattributed_bytes: Err(Absence::Denied) };
        let usage = UsageTracker::default().see(finding, Some(3), at(1), LIMITS);
        assert_eq!((usage.users, usage.unattributed_bytes), (vec!["alice".into()], Err(Absence::Denied)));
    }
}
