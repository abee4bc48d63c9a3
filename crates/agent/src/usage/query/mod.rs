//! Queries: what is stored, in one read transaction, and what is not stored yet, from memory.

mod cells;
mod days;
mod names;
mod report;
mod sessions;
mod span;
mod stored;

use std::sync::Arc;

use rusqlite::Connection;
use telemetry::usage::Flush;

use super::schema::has;

pub(super) use days::Days;
pub(super) use report::report;
pub(super) use sessions::{open as open_sessions, sessions};

/// Flushes that are not in the file as a transaction sees it.
pub(super) struct Fresh {
    flushes: Vec<Arc<Flush>>,
}

impl Fresh {
    /// Keeps the flushes that are not stored. They were taken before the transaction began, so that
    /// none is missing in both.
    pub(super) fn new(connection: &Connection, mut flushes: Vec<Arc<Flush>>) -> rusqlite::Result<Self> {
        let mut outcome = Ok(());
        flushes.retain(|flush| match has(connection, flush) {
            Ok(is_stored) => !is_stored,
            Err(error) => {
                outcome = Err(error);
                true
            }
        });
        outcome.map(|()| Self { flushes })
    }

    /// When the first minute that is not stored begins; hours before have everything.
    fn begins(&self) -> u64 {
        let slots = self.flushes.iter().flat_map(|flush| &flush.slots);
        slots.map(|slot| slot.begins_ms).min().unwrap_or(u64::MAX)
    }

    /// Sessions that replace stored ones, each as it is newest.
    fn sessions(&self) -> impl Iterator<Item = &telemetry::usage::Session> {
        let mut seen = std::collections::HashSet::new();
        let newest_first = self.flushes.iter().rev().flat_map(|flush| &flush.sessions);
        newest_first.filter(move |session| seen.insert(&session.key))
    }
}
