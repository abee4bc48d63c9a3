//! Slots of one GPU that are not flushed, and the newest of those that are.

use std::sync::Arc;

use super::run::Run;
use crate::usage::{Holder, MINUTE_MS, Occupant, Row, Slot, Sums};

/// Slots of one GPU, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Pending>);

#[derive(Debug)]
struct Pending {
    slot: Slot,
    /// It grew since the flush before.
    grew: bool,
}

/// The GPU that slots are of.
#[derive(Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) gpu: &'a Arc<str>,
    pub(super) index: u32,
    pub(super) model: Option<&'a Arc<str>>,
}

impl Slots {
    /// Adds existence, by the clock of the run.
    pub(super) fn extend(&mut self, label: Label<'_>, run: Run, from_ms: u64, to_ms: u64) {
        for (first_ms, last_ms) in minutes(from_ms, to_ms) {
            let begins_ms = minute(first_ms);
            if let Some(pending) = self.find(run, begins_ms) {
                pending.slot.last_ms = last_ms;
                pending.grew = true;
                continue;
            }
            let slot = Slot {
                run: run.id,
                gpu: Arc::clone(label.gpu),
                index: label.index,
                model: label.model.cloned(),
                begins_ms,
                first_ms,
                last_ms,
                rows: Vec::new(),
            };
            self.0.push(Pending { slot, grew: true });
        }
    }

    fn find(&mut self, run: Run, begins_ms: u64) -> Option<&mut Pending> {
        let is_it = |pending: &&mut Pending| (pending.slot.run, pending.slot.begins_ms) == (run.id, begins_ms);
        self.0.iter_mut().rev().find(is_it)
    }

    /// The slot to add rows of a part of a minute to, and the part that the GPU existed in it.
    pub(super) fn open(&mut self, run: Run, (first_ms, last_ms): (u64, u64)) -> Option<(&mut Slot, u64)> {
        let pending = self.find(run, minute(first_ms))?;
        let (first_ms, last_ms) = (first_ms.max(pending.slot.first_ms), last_ms.min(pending.slot.last_ms));
        pending.grew = true;
        (first_ms < last_ms).then_some((&mut pending.slot, last_ms - first_ms))
    }

    /// Copies of the slots that grew.
    pub(super) fn copy(&self) -> impl Iterator<Item = Slot> {
        self.0.iter().filter(|pending| pending.grew).map(|pending| pending.slot.clone())
    }

    /// Takes the slots that grew. The newest two stay without rows, since a late reading may add to them.
    pub(super) fn take(&mut self, run: Option<Run>, to: &mut Vec<Slot>) {
        to.extend(self.copy());
        let newest = self.0.last().map_or(0, |pending| pending.slot.begins_ms);
        self.0.retain(|Pending { slot, .. }| {
            run.is_some_and(|run| run.id == slot.run) && slot.begins_ms + MINUTE_MS >= newest
        });
        for pending in &mut self.0 {
            pending.slot.rows = Vec::new();
            pending.grew = false;
        }
    }

    /// Removes a person from the slots that began before a moment.
    pub(super) fn forget(&mut self, user: &str, before_ms: u64, removed: &Arc<Holder>) {
        for Pending { slot, .. } in self.0.iter_mut().filter(|pending| pending.slot.begins_ms < before_ms) {
            forget(slot, user, removed);
        }
    }
}

/// Removes a person from a slot. Returns true if the person was in it.
pub(super) fn forget(slot: &mut Slot, user: &str, removed: &Arc<Holder>) -> bool {
    let is_theirs =
        |row: &Row| matches!(&row.occupant, Occupant::Holder(holder) if holder.user.as_deref() == Some(user));
    if !slot.rows.iter().any(is_theirs) {
        return false;
    }
    for mut row in std::mem::take(&mut slot.rows) {
        if is_theirs(&row) {
            row.occupant = Occupant::Holder(Arc::clone(removed));
        }
        add(slot, row.mig.as_ref(), &row.occupant, usize::MAX, &row.sums);
    }
    true
}

/// Adds to the row of an occupant, which was at a position before. Returns its position.
pub(super) fn add(slot: &mut Slot, mig: Option<&Arc<str>>, occupant: &Occupant, at: usize, sums: &Sums) -> usize {
    let is_it = |row: &Row| row.occupant == *occupant && row.mig.as_ref() == mig;
    let at = if slot.rows.get(at).is_some_and(is_it) { Some(at) } else { slot.rows.iter().position(is_it) };
    if let Some(at) = at {
        slot.rows[at].sums += *sums;
        return at;
    }
    slot.rows.push(Row { mig: mig.cloned(), occupant: occupant.clone(), sums: *sums });
    slot.rows.len() - 1
}

/// Begin of a minute.
pub(super) const fn minute(ms: u64) -> u64 {
    ms - ms % MINUTE_MS
}

/// Parts of a time by minutes of Unix time.
pub(super) fn minutes(from_ms: u64, to_ms: u64) -> impl Iterator<Item = (u64, u64)> {
    let mut at = from_ms;
    std::iter::from_fn(move || {
        let first = at;
        at = to_ms.min(minute(first).saturating_add(MINUTE_MS));
        (first < to_ms).then_some((first, at))
    })
}
