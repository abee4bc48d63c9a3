//! The tiers of the history, the finest first.

use std::time::Duration;

use super::{History, Past, milliseconds, moved, ring::Ring};

/// Steps of one length, over one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tier {
    pub(super) step_ms: u64,
    length_ms: u64,
    /// Its steps are counted from so much before the boot.
    pub(super) zero_ms: i64,
    which: Which,
}

#[derive(Clone, Copy, Debug)]
enum Which {
    Fine,
    Coarse,
    Long,
}

impl Tier {
    /// The steps of one GPU.
    pub(super) const fn of(self, past: &Past) -> Option<&Ring> {
        match self.which {
            Which::Fine => Some(&past.fine),
            Which::Coarse => Some(&past.coarse),
            Which::Long => past.long.as_ref(),
        }
    }

    /// A boot time on its clock.
    pub(super) fn time(self, boot_ms: u64) -> u64 {
        moved(boot_ms, self.zero_ms)
    }

    /// True if it goes back so far. A step is over at most a step late.
    const fn covers(self, ago_ms: u64) -> bool {
        ago_ms <= self.length_ms.saturating_add(self.step_ms)
    }

    /// True if a step of one of them is over.
    fn has_any(self, asked: &[(&String, &Past)], now_ms: u64) -> bool {
        asked.iter().any(|(_, past)| self.of(past).is_some_and(|ring| ring.over(self.time(now_ms)).is_some()))
    }
}

impl History {
    fn tiers(&self) -> [Tier; 3] {
        let depth = self.depth;
        let tier = |step: Duration, length: Duration, zero_ms, which| Tier {
            step_ms: milliseconds(step).max(1),
            length_ms: milliseconds(length),
            zero_ms,
            which,
        };
        [
            tier(depth.fine_step, depth.fine, 0, Which::Fine),
            tier(depth.coarse_step, depth.coarse, 0, Which::Coarse),
            tier(depth.long_step, depth.long, self.zero_ms.unwrap_or(0), Which::Long),
        ]
    }

    /// The finest tier that goes back so far, or else the one that goes back farthest. One without any step that is over
    /// gives way to a finer one, as in the first minutes.
    pub(super) fn tier(&self, ago_ms: u64, asked: &[(&String, &Past)]) -> Tier {
        let tiers = self.tiers();
        let farthest = || tiers.iter().enumerate().rev().max_by_key(|(_, tier)| tier.length_ms);
        let enough = tiers.iter().enumerate().find(|(_, tier)| tier.covers(ago_ms)).or_else(farthest);
        let position = enough.map_or(0, |(position, _)| position);
        let now = self.now.boot.0;
        *tiers[..=position].iter().rev().find(|tier| tier.has_any(asked, now)).unwrap_or(&tiers[position])
    }
}
