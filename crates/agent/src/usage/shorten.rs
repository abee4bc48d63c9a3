//! Flushes that cannot be written for a day: their detail is dropped.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

use telemetry::usage::{Flush, Gap, MINUTE_MS, Session, Slot, UserTotals};

/// Most sessions that are kept of flushes without detail. The first to end are lost.
const MOST_SESSIONS: usize = 10_000;

/// Joins the two oldest flushes without their rows: their time is unobserved then. Totals and sessions stay.
pub(super) fn shorten(kept: &mut VecDeque<Arc<Flush>>) {
    let (Some(first), Some(second)) = (kept.pop_front(), kept.pop_front()) else { return };
    let both = [&*first, &*second];
    let (slots, gaps) = bare(both);
    let joined = Flush {
        ledger: second.ledger,
        sequence: second.sequence,
        at_ms: second.at_ms,
        run: second.run,
        gpus: second.gpus.clone(),
        slots,
        gaps,
        sessions: sessions(both),
        totals: totals(both),
    };
    kept.push_front(Arc::new(joined));
}

/// Run and GPU.
type Of = (u64, Arc<str>);

/// Slots without rows, and gaps. The store may have a part of the first two minutes of a GPU, and the flushes that follow
/// may have a part of the last two, so these stay slots, which are joined. The minutes between become gaps.
fn bare(flushes: [&Flush; 2]) -> (Vec<Slot>, Vec<Gap>) {
    let mut minutes: BTreeMap<Of, BTreeMap<u64, Slot>> = BTreeMap::new();
    for slot in flushes.into_iter().flat_map(|flush| &flush.slots) {
        let of_gpu = minutes.entry((slot.run, Arc::clone(&slot.gpu))).or_default();
        let joined = of_gpu.entry(slot.begins_ms).or_insert_with(|| Slot { rows: Vec::new(), ..slot.clone() });
        (joined.first_ms, joined.last_ms) = (joined.first_ms.min(slot.first_ms), joined.last_ms.max(slot.last_ms));
    }
    let mut gaps: BTreeMap<Of, Vec<Gap>> = BTreeMap::new();
    for gap in flushes.into_iter().flat_map(|flush| &flush.gaps) {
        gaps.entry((gap.run, Arc::clone(&gap.gpu))).or_default().push(gap.clone());
    }
    let mut slots = Vec::new();
    for (of, minutes) in minutes {
        let ends = minutes.keys().next().zip(minutes.keys().next_back());
        let Some((oldest, newest)) = ends.map(|(oldest, newest)| (*oldest, *newest)) else { continue };
        for (begins, slot) in minutes {
            if begins <= oldest + MINUTE_MS || begins + MINUTE_MS >= newest {
                slots.push(slot);
            } else {
                gaps.entry(of.clone()).or_default().push(gap_of(&slot));
            }
        }
    }
    (slots, gaps.into_values().flat_map(join).collect())
}

fn gap_of(slot: &Slot) -> Gap {
    Gap {
        run: slot.run,
        gpu: Arc::clone(&slot.gpu),
        index: slot.index,
        model: slot.model.clone(),
        first_ms: slot.first_ms,
        last_ms: slot.last_ms,
    }
}

/// Joins gaps of a GPU that adjoin or overlap.
fn join(mut gaps: Vec<Gap>) -> Vec<Gap> {
    gaps.sort_by_key(|gap| gap.first_ms);
    let mut joined: Vec<Gap> = Vec::new();
    for gap in gaps {
        match joined.last_mut() {
            Some(last) if gap.first_ms <= last.last_ms => last.last_ms = last.last_ms.max(gap.last_ms),
            _ => joined.push(gap),
        }
    }
    joined
}

/// Sessions as they are newest, in the order in which they ended.
fn sessions([first, second]: [&Flush; 2]) -> Vec<Session> {
    let newer: HashSet<_> = second.sessions.iter().map(|session| &session.key).collect();
    // One that had ended is not in the second. Another may have its key, if both were of people who were removed.
    let of_first = first.sessions.iter().filter(|session| !session.open || !newer.contains(&session.key));
    let mut all: Vec<Session> = of_first.chain(&second.sessions).cloned().collect();
    if let Some(over) = all.len().checked_sub(MOST_SESSIONS).filter(|over| *over > 0) {
        let mut left = over;
        all.retain(|session| {
            let is_lost = left > 0 && !session.open;
            left -= usize::from(is_lost);
            !is_lost
        });
    }
    all
}

/// Sums of each user.
fn totals(flushes: [&Flush; 2]) -> Vec<UserTotals> {
    let mut sums: BTreeMap<Arc<str>, UserTotals> = BTreeMap::new();
    for totals in flushes.into_iter().flat_map(|flush| &flush.totals) {
        let zero = || UserTotals { user: Arc::clone(&totals.user), gpu_us: 0, busy_us: 0, idle_us: 0, energy_mj: 0 };
        let sum = sums.entry(Arc::clone(&totals.user)).or_insert_with(zero);
        sum.gpu_us += totals.gpu_us;
        sum.busy_us += totals.busy_us;
        sum.idle_us += totals.idle_us;
        sum.energy_mj += totals.energy_mj;
    }
    sums.into_values().collect()
}
