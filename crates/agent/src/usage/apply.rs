//! One flush, as one transaction.

use rusqlite::{Connection, OptionalExtension as _, Statement, Transaction, TransactionBehavior};
use telemetry::usage::{Flush, Gap, HOUR_MS, MINUTE_MS, REMOVED, Session, Slot, Sums, UserTotals};

use super::{
    Keep,
    ids::{self, Ids},
    prune,
    schema::{has, identity, set_mark, set_number, signed},
};

/// Stores a flush, unless it is stored already.
pub(super) fn apply(connection: &mut Connection, flush: &Flush, keep: Keep) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if has(&transaction, flush)? {
        return Ok(());
    }
    write(&transaction, flush)?;
    prune::prune(&transaction, flush.at_ms, keep)?;
    set_mark(&transaction, "ledger", flush.ledger)?;
    set_number(&transaction, "sequence", flush.sequence)?;
    set_number(&transaction, "run", flush.run)?;
    set_number(&transaction, "flushed_ms", flush.at_ms)?;
    transaction.commit()
}

fn write(transaction: &Transaction<'_>, flush: &Flush) -> rusqlite::Result<()> {
    let mut ids = Ids::new(transaction)?;
    for tier in [("minute", MINUTE_MS), ("hour", HOUR_MS)] {
        slots(transaction, &mut ids, &flush.slots, tier)?;
    }
    for gap in &flush.gaps {
        add_gap(transaction, &mut ids, gap)?;
    }
    sessions(transaction, &mut ids, &flush.sessions)?;
    for totals in &flush.totals {
        add_totals(transaction, &mut ids, totals)?;
    }
    transaction.execute("DELETE FROM frontier", [])?;
    for frontier in &flush.gpus {
        let gpu = ids.gpu(&frontier.gpu, frontier.model.as_ref(), frontier.index)?;
        let add = "INSERT INTO frontier VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET until_ms = max(until_ms, ?3)";
        transaction.execute(add, (signed(frontier.run), gpu, signed(frontier.until_ms)))?;
    }
    Ok(())
}

fn slots(
    transaction: &Transaction<'_>,
    ids: &mut Ids<'_>,
    slots: &[Slot],
    (tier, length): (&str, u64),
) -> rusqlite::Result<()> {
    let mut find = transaction.prepare(&format!(
        "SELECT id, last_ms FROM {tier}_slot WHERE begins_ms = ?1 AND run = ?2 AND gpu = ?3 \
         ORDER BY id DESC LIMIT 1"
    ))?;
    let mut extend = transaction.prepare(&format!(
        "UPDATE {tier}_slot SET first_ms = min(first_ms, ?2), last_ms = max(last_ms, ?3), gpu_index = ?4 WHERE id = ?1"
    ))?;
    let mut add = transaction.prepare(&format!(
        "INSERT INTO {tier}_slot(begins_ms, run, gpu, gpu_index, first_ms, last_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
    ))?;
    let mut rows = transaction.prepare(&format!(
        "INSERT INTO {tier}_row VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO UPDATE SET {ADD_SUMS}"
    ))?;
    for slot in slots {
        let gpu = ids.gpu(&slot.gpu, slot.model.as_ref(), slot.index)?;
        let begins = slot.begins_ms - slot.begins_ms % length;
        let key = (signed(begins), signed(slot.run), gpu);
        let found = find.query_row(key, |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
        let [first, last] = [slot.first_ms, slot.last_ms].map(signed);
        let id = match found {
            Some((id, stored_last)) if continues(slot, stored_last) => {
                extend.execute((id, first, last, slot.index))?;
                id
            }
            _ => {
                add.execute((signed(begins), signed(slot.run), gpu, slot.index, first, last))?;
                transaction.last_insert_rowid()
            }
        };
        for row in &slot.rows {
            let device = ids.device(gpu, row.mig.as_ref(), None)?;
            let (user, place) = ids.occupant(&row.occupant)?;
            insert_row(&mut rows, [id, device, user, place], &row.sums)?;
        }
    }
    Ok(())
}

/// True if a slot of a minute goes on where a stored slot ends. A GPU that was forgotten and came back did not exist in
/// between.
pub(super) fn continues(slot: &Slot, stored_last: i64) -> bool {
    signed(slot.first_ms) <= stored_last || signed(slot.begins_ms) < stored_last
}

/// Update of a row that exists: as [`Sums`] adds.
pub(super) const ADD_SUMS: &str = "gpu_us = gpu_us + excluded.gpu_us, present_us = present_us + excluded.present_us, \
     busy_us = coalesce(busy_us + excluded.busy_us, busy_us, excluded.busy_us), \
     idle_us = coalesce(idle_us + excluded.idle_us, idle_us, excluded.idle_us), \
     allocated_us = coalesce(allocated_us + excluded.allocated_us, allocated_us, excluded.allocated_us), \
     memory_byte_seconds = memory_byte_seconds + excluded.memory_byte_seconds, \
     peak_memory_bytes = max(peak_memory_bytes, excluded.peak_memory_bytes), \
     energy_mj = energy_mj + excluded.energy_mj";

fn insert_row(statement: &mut Statement<'_>, key: [i64; 4], sums: &Sums) -> rusqlite::Result<()> {
    let [slot, device, user, place] = key;
    let [gpu, present, peak, energy] =
        [sums.gpu_us, sums.present_us, sums.peak_memory_bytes, sums.energy_mj].map(signed);
    let [busy, idle, allocated] = [sums.busy_us, sums.idle_us, sums.allocated_us].map(|us| us.map(signed));
    statement
        .execute((
            slot,
            device,
            user,
            place,
            gpu,
            present,
            busy,
            idle,
            allocated,
            sums.memory_byte_seconds,
            peak,
            energy,
        ))
        .map(drop)
}

fn add_gap(transaction: &Transaction<'_>, ids: &mut Ids<'_>, gap: &Gap) -> rusqlite::Result<()> {
    let gpu = ids.gpu(&gap.gpu, gap.model.as_ref(), gap.index)?;
    let add = "INSERT INTO gap(run, gpu, first_ms, last_ms) VALUES(?1, ?2, ?3, ?4)";
    transaction.execute(add, (signed(gap.run), gpu, signed(gap.first_ms), signed(gap.last_ms))).map(drop)
}

fn sessions(transaction: &Transaction<'_>, ids: &mut Ids<'_>, sessions: &[Session]) -> rusqlite::Result<()> {
    let store = identity(transaction)?;
    let mut replace = transaction.prepare(
        "INSERT OR REPLACE INTO session VALUES(?1, coalesce(?2, random() & 9223372036854775807), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
         ?17, ?18, ?19)",
    )?;
    for session in sessions {
        let device = ids.device_of(&session.key.device, session.index, session.mig_name.as_deref())?;
        let (user, place) = ids.holder(&session.key.holder)?;
        let sums = &session.sums;
        let is_removed = session.key.holder.user.as_deref() == Some(REMOVED);
        replace.execute(rusqlite::params![
            signed(session.key.first_ms),
            // Each is in one flush, and others may have the same key.
            (!is_removed).then(|| ids::session(&store, &session.key)),
            signed(session.last_ms),
            session.open,
            session.index,
            device,
            user,
            place,
            session.command.as_deref(),
            session.program.as_deref(),
            signed(session.processes),
            signed(sums.gpu_us),
            signed(sums.present_us),
            sums.busy_us.map(signed),
            sums.idle_us.map(signed),
            sums.allocated_us.map(signed),
            sums.memory_byte_seconds,
            signed(sums.peak_memory_bytes),
            signed(sums.energy_mj),
        ])?;
    }
    Ok(())
}

fn add_totals(transaction: &Transaction<'_>, ids: &mut Ids<'_>, totals: &UserTotals) -> rusqlite::Result<()> {
    let user = ids.user(&totals.user)?;
    let add = "UPDATE user SET gpu_us = coalesce(gpu_us, 0) + ?2, busy_us = coalesce(busy_us, 0) + ?3, \
               idle_us = coalesce(idle_us, 0) + ?4, energy_mj = coalesce(energy_mj, 0) + ?5 WHERE id = ?1";
    let [gpu, busy, idle, energy] = [totals.gpu_us, totals.busy_us, totals.idle_us, totals.energy_mj].map(signed);
    transaction.execute(add, (user, gpu, busy, idle, energy)).map(drop)
}
