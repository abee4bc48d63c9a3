//! Sums of whole days, which do not change any more: a query of a month would read all hours again each time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use telemetry::usage::Sums;

use crate::usage::lock;

/// Length of a day, in milliseconds.
pub(super) const DAY_MS: u64 = 86_400_000;
/// Most days that are held, the newest: a default query and its edges.
const MOST: usize = 32;

/// Extent of a day in the file: one that differs is another past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredDay {
    pub(super) slots: i64,
    pub(super) newest: i64,
    pub(super) ms: i64,
}

/// Sums of a day of UTC.
#[derive(Debug, Default)]
pub(super) struct DayTotals {
    /// Existence of each GPU, in milliseconds.
    pub(super) gpus: Vec<(i64, u64)>,
    /// By GPU, device and user.
    pub(super) rows: Vec<((i64, i64, i64), Sums)>,
}

/// Days that were read.
#[derive(Debug, Default)]
pub(in crate::usage) struct Days(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    generation: u64,
    days: BTreeMap<u64, (StoredDay, Arc<DayTotals>)>,
}

impl Days {
    /// Number of times that the stored past has changed. A query takes it before it reads, so that what it
    /// read is not held after a change.
    pub(super) fn generation(&self) -> u64 {
        lock(&self.0).generation
    }

    /// Forgets all, since the stored past has changed.
    pub(in crate::usage) fn clear(&self) {
        let mut held = lock(&self.0);
        held.generation += 1;
        held.days.clear();
    }

    /// A day, which is read unless it is held.
    pub(super) fn get(
        &self,
        day: u64,
        generation: u64,
        stored: StoredDay,
        read: impl FnOnce() -> rusqlite::Result<DayTotals>,
    ) -> rusqlite::Result<Arc<DayTotals>> {
        {
            let held = lock(&self.0);
            if let Some((_, totals)) =
                held.days.get(&day).filter(|(of, _)| held.generation == generation && *of == stored)
            {
                return Ok(Arc::clone(totals));
            }
        }
        let totals = Arc::new(read()?);
        let mut held = lock(&self.0);
        if held.generation == generation {
            held.days.insert(day, (stored, Arc::clone(&totals)));
            while held.days.len() > MOST {
                held.days.pop_first();
            }
        }
        Ok(totals)
    }
}
