//! Runs: stretches of time with one wall clock.

use crate::{Stamp, usage::Frontier};

/// Difference from which the wall clock has been set, in milliseconds: a clock that is slewed stays below.
const STEP_MS: u64 = 1000;
/// Begin of 2020, Unix time in milliseconds: a clock that shows less has not been set.
const CLOCK_SET_MS: u64 = 1_577_836_800_000;
/// Most frontiers that a GPU has.
const MOST_PASTS: usize = 8;

/// A run: the wall clock as it was set when it began, carried on by the boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Number.
    pub(super) id: u64,
    /// Wall clock minus boot clock, in milliseconds.
    anchor: i64,
}

impl Run {
    /// Run that begins now, with a number above that of all others.
    pub(super) fn begin(at: Stamp, newest: u64) -> Self {
        Self { id: at.unix_ms.max(newest + 1), anchor: at.unix_ms.cast_signed().wrapping_sub(at.boot.0.cast_signed()) }
    }

    /// Unix time in milliseconds of a moment of the boot clock.
    pub(super) const fn wall(self, boot: u64) -> u64 {
        let wall = boot.cast_signed().saturating_add(self.anchor);
        if wall < 0 { 0 } else { wall.cast_unsigned() }
    }

    /// True if the wall clock was set meanwhile.
    pub(super) const fn was_set(self, at: Stamp) -> bool {
        self.wall(at.boot.0).abs_diff(at.unix_ms) > STEP_MS
    }
}

/// Frontiers of a GPU in runs before this one.
#[derive(Debug, Default)]
pub(super) struct Pasts(Vec<Past>);

#[derive(Debug)]
struct Past {
    run: u64,
    until_ms: u64,
    /// This run of the agent set it: time has gone on since then, and only the clock was set.
    own: bool,
}

impl Pasts {
    /// Adds the frontier of an earlier run of the agent.
    pub(super) fn restore(&mut self, frontier: &Frontier) {
        self.push(Past { run: frontier.run, until_ms: frontier.until_ms, own: false });
    }

    /// Adds the frontier at which the wall clock was set. Time before it was counted, whoever else counted some of it.
    pub(super) fn add(&mut self, run: Run, until_ms: u64) {
        self.0.retain(|past| past.until_ms > until_ms);
        self.push(Past { run: run.id, until_ms, own: true });
    }

    fn push(&mut self, past: Past) {
        if self.0.len() >= MOST_PASTS {
            self.0.remove(0);
        }
        self.0.push(past);
    }

    /// Begins a run, in which the GPU exists from a moment on. Returns the time since it was last counted, with its run:
    /// nothing if this run of the agent counted it, under another clock.
    pub(super) fn begin(&mut self, first_ms: u64) -> Option<(u64, u64)> {
        let before = |past: &&Past| past.until_ms <= first_ms;
        let newest = self.0.iter().filter(before).max_by_key(|past| (past.until_ms, past.own));
        let was_set = |past: &&Past| past.until_ms >= CLOCK_SET_MS || first_ms < CLOCK_SET_MS;
        let gap = newest.filter(|past| !past.own && past.until_ms < first_ms).filter(was_set);
        let gap = gap.map(|past| (past.run, past.until_ms));
        self.0.retain(|past| past.until_ms > first_ms);
        gap
    }

    /// Frontiers later than a moment, with their runs.
    pub(super) fn after(&self, now_ms: Option<u64>) -> impl Iterator<Item = (u64, u64)> {
        let is_later = move |past: &&Past| now_ms.is_none_or(|now_ms| past.until_ms > now_ms);
        self.0.iter().filter(is_later).map(|past| (past.run, past.until_ms))
    }
}
