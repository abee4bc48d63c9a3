//! The part of a slot that is in a window, by cell.

use telemetry::usage::{HOUR_MS, MINUTE_MS, Sums};

use super::cells::{Cell, Cells};

/// A part of a slot: offsets from its begin, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) from: u64,
    pub(super) to: u64,
    /// Length of the slot.
    pub(super) whole: u64,
    pub(super) cell: Cell,
}

impl Part {
    pub(super) fn ms(&self) -> u64 {
        self.to - self.from
    }

    /// Share of a sum. Parts that adjoin add up exactly, because each is a difference of rounded sums since the begin.
    fn of(&self, sum: u64) -> u64 {
        if self.ms() == self.whole {
            return sum;
        }
        let until = |ms: u64| u128::from(sum) * u128::from(ms) / u128::from(self.whole.max(1));
        u64::try_from(until(self.to) - until(self.from)).unwrap_or(u64::MAX)
    }

    /// Share of sums. The peak is not divided.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a slot")]
    pub(super) fn share(&self, sums: &Sums) -> Sums {
        let share = if self.ms() == self.whole { 1.0 } else { self.ms() as f64 / self.whole.max(1) as f64 };
        Sums {
            gpu_us: self.of(sums.gpu_us),
            present_us: self.of(sums.present_us),
            busy_us: sums.busy_us.map(|busy| self.of(busy)),
            idle_us: sums.idle_us.map(|idle| self.of(idle)),
            allocated_us: sums.allocated_us.map(|allocated| self.of(allocated)),
            memory_byte_seconds: sums.memory_byte_seconds * share,
            peak_memory_bytes: sums.peak_memory_bytes,
            energy_mj: self.of(sums.energy_mj),
        }
    }
}

/// Time from and until when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) since: u64,
    pub(super) until: u64,
}

/// Parts of a window by the slots that are read, each from and until when slots begin: whole hours, and minutes beside
/// them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) head: (u64, u64),
    pub(super) hours: (u64, u64),
    pub(super) tail: (u64, u64),
}

impl Plan {
    /// Plan for a window. Minutes are kept from `minutes_from` on, and hours have everything before `whole_until`. Slots
    /// that are divided are read as finely as they are kept.
    pub(super) fn of(window: Window, minutes_from: u64, whole_until: u64, divides: bool) -> Self {
        let Window { since, until } = window;
        let (hour, minute) = (since - since % HOUR_MS, since - since % MINUTE_MS);
        if divides {
            let tail = minute.max(minutes_from);
            return Self { head: (0, 0), hours: (hour, until.min(minutes_from)), tail: (tail, until) };
        }
        let whole_until = whole_until.min(until);
        let hours_until = (whole_until - whole_until % HOUR_MS).max(minutes_from);
        let has_minutes = since >= minutes_from;
        let hours_from = if has_minutes && since != hour { hour.saturating_add(HOUR_MS).min(until) } else { hour };
        let head = if hours_from == hour { (0, 0) } else { (minute, hours_from) };
        Self { head, hours: (hours_from, until.min(hours_until)), tail: (hours_until.max(hours_from), until) }
    }
}

/// Largest possible errors where slots are divided, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edges {
    since: f64,
    until: f64,
    border: f64,
}

impl Edges {
    /// Error of all edges in seconds.
    pub(super) fn seconds(self) -> f64 {
        (self.since + self.until).max(2.0 * self.border) / 1000.0
    }

    /// A slot is divided here. All of a sum may be before or after, so the error is largest if the sum is as long as one
    /// part and was all in it.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a slot")]
    fn cut(worst: &mut f64, before: u64, after: u64) {
        let (before, after) = (before as f64, after as f64);
        *worst = worst.max(before * after / (before + after).max(1.0));
    }
}

/// Divides a slot by a window and by cells. A slot without a length is in no window.
pub(super) fn parts(
    (first, last): (u64, u64),
    window: Window,
    cells: &mut Cells,
    edges: &mut Edges,
    into: &mut Vec<Part>,
) {
    into.clear();
    let (from, to) = (first.max(window.since), last.min(window.until));
    if from >= to {
        return;
    }
    let whole = last - first;
    if from > first {
        Edges::cut(&mut edges.since, from - first, last - from);
    }
    if to < last {
        Edges::cut(&mut edges.until, to - first, last - to);
    }
    let mut at = from;
    while at < to {
        let (cell, end) = cells.at(at);
        let end = end.clamp(at + 1, to);
        if end < to {
            Edges::cut(&mut edges.border, end - first, last - end);
        }
        into.push(Part { from: at - first, to: end - first, whole, cell });
        at = end;
    }
}
