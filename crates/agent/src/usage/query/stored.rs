//! Sources of a report: slots and their sums in the file, and those that are not stored yet.

use std::{collections::HashMap, ops::Range};

use rusqlite::Connection;
use telemetry::usage::{Gap, Slot, Sums};

use super::{
    Fresh,
    days::{DAY_MS, DayTotals, StoredDay},
    names::Names,
    span::Window,
};
use crate::usage::{
    apply::continues,
    schema::{signed, unsigned},
};

/// A slot with what is to be added to its stored rows.
pub(super) struct Scanned<'f> {
    /// 0 if it is not stored.
    pub(super) id: i64,
    pub(super) begins: i64,
    pub(super) run: i64,
    pub(super) gpu: i64,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) added: Vec<(i64, i64, i64, &'f Sums)>,
}

/// Slots that begin in a range, by number.
pub(super) fn slots<'f>(
    connection: &Connection,
    tier: &str,
    (from, until): (u64, u64),
) -> rusqlite::Result<Vec<Scanned<'f>>> {
    if from >= until {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(&format!(
        "SELECT id, begins_ms, run, gpu, first_ms, last_ms FROM {tier}_slot WHERE begins_ms >= ?1 AND begins_ms < ?2 \
         ORDER BY id"
    ))?;
    let scanned = statement.query_map((signed(from), signed(until)), |row| {
        Ok(Scanned {
            id: row.get(0)?,
            begins: row.get(1)?,
            run: row.get(2)?,
            gpu: row.get(3)?,
            first: unsigned(row.get(4)?),
            last: unsigned(row.get(5)?),
            added: Vec::new(),
        })
    })?;
    scanned.collect()
}

/// Days of a range that have hours. Another run may add hours to a day that is past, after the clock went back.
pub(super) fn days(connection: &Connection, range: &Range<u64>) -> rusqlite::Result<Vec<(u64, StoredDay)>> {
    let mut statement = connection.prepare(
        "SELECT begins_ms / ?3, count(*), max(id), sum(last_ms - first_ms) FROM hour_slot \
         WHERE begins_ms >= ?1 AND begins_ms < ?2 GROUP BY 1",
    )?;
    let day = |row: &rusqlite::Row<'_>| {
        let stored = StoredDay { slots: row.get(1)?, newest: row.get(2)?, ms: row.get(3)? };
        Ok((unsigned(row.get(0)?) * DAY_MS, stored))
    };
    statement.query_map((signed(range.start), signed(range.end), signed(DAY_MS)), day)?.collect()
}

/// Sums of a whole day by GPU, device and user.
pub(super) fn day(connection: &Connection, day: u64) -> rusqlite::Result<DayTotals> {
    let mut totals = DayTotals::default();
    let mut statement = connection.prepare(
        "SELECT gpu, first_ms, last_ms FROM hour_slot WHERE begins_ms >= ?1 AND begins_ms < ?2 ORDER BY gpu",
    )?;
    let mut slots = statement.query((signed(day), signed(day + DAY_MS)))?;
    while let Some(slot) = slots.next()? {
        let gpu: i64 = slot.get(0)?;
        let ms = unsigned(slot.get(2)?).saturating_sub(unsigned(slot.get(1)?));
        match totals.gpus.last_mut().filter(|(last, _)| *last == gpu) {
            Some((_, sum)) => *sum += ms,
            None if ms > 0 => totals.gpus.push((gpu, ms)),
            None => {}
        }
    }
    let mut statement = connection.prepare(
        "SELECT slot.gpu, device, user, gpu_us, present_us, busy_us, idle_us, allocated_us, memory_byte_seconds, \
         peak_memory_bytes, energy_mj FROM hour_slot AS slot JOIN hour_row ON hour_row.slot = slot.id \
         WHERE begins_ms >= ?1 AND begins_ms < ?2 AND last_ms > first_ms",
    )?;
    let mut rows = statement.query((signed(day), signed(day + DAY_MS)))?;
    let mut by_user: HashMap<(i64, i64, i64), Sums> = HashMap::new();
    while let Some(row) = rows.next()? {
        *by_user.entry((row.get(0)?, row.get(1)?, row.get(2)?)).or_default() += sums(row, 3)?;
    }
    totals.rows = by_user.into_iter().collect();
    Ok(totals)
}

/// Gaps that touch a window, stored or not: GPU, begin and end.
pub(super) fn gaps(
    connection: &Connection,
    names: &mut Names<'_>,
    fresh: &Fresh,
    window: Window,
) -> rusqlite::Result<Vec<(i64, u64, u64)>> {
    let mut statement =
        connection.prepare("SELECT gpu, first_ms, last_ms FROM gap WHERE last_ms > ?1 AND first_ms < ?2")?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, unsigned(row.get(1)?), unsigned(row.get(2)?)));
    let rows = statement.query_map((signed(window.since), signed(window.until)), row)?;
    let mut gaps = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    for Gap { gpu, index, model, first_ms, last_ms, .. } in fresh.flushes.iter().flat_map(|flush| &flush.gaps) {
        gaps.push((names.gpu_id(gpu, model.as_ref(), *index), *first_ms, *last_ms));
    }
    Ok(gaps)
}

/// Adds slots in memory to the stored ones that they continue, as storing them would.
pub(super) fn merge<'f>(
    names: &mut Names<'_>,
    minutes: &mut Vec<Scanned<'f>>,
    fresh: &'f Fresh,
    window: Window,
) -> rusqlite::Result<()> {
    // The last of a key is the newest.
    let mut known: HashMap<(i64, i64, i64), usize> =
        minutes.iter().enumerate().map(|(at, slot)| ((slot.begins, slot.run, slot.gpu), at)).collect();
    let slots = fresh.flushes.iter().flat_map(|flush| &flush.slots);
    for slot in slots.filter(|slot| slot.begins_ms < window.until && slot.last_ms > window.since) {
        let gpu = names.gpu_id(&slot.gpu, slot.model.as_ref(), slot.index);
        let key = (signed(slot.begins_ms), signed(slot.run), gpu);
        let at = known.get(&key).copied();
        let at = at.filter(|at| minutes.get(*at).is_some_and(|stored| continues(slot, signed(stored.last))));
        let at = at.unwrap_or_else(|| {
            minutes.push(scanned(slot, key));
            known.insert(key, minutes.len() - 1);
            minutes.len() - 1
        });
        let Some(scanned) = minutes.get_mut(at) else { continue };
        scanned.first = scanned.first.min(slot.first_ms);
        scanned.last = scanned.last.max(slot.last_ms);
        for row in &slot.rows {
            let device = names.device_id(gpu, row.mig.as_ref());
            let (user, place) = names.occupant(&row.occupant)?;
            scanned.added.push((device, user, place, &row.sums));
        }
    }
    Ok(())
}

fn scanned<'f>(slot: &Slot, (begins, run, gpu): (i64, i64, i64)) -> Scanned<'f> {
    Scanned { id: 0, begins, run, gpu, first: slot.first_ms, last: slot.last_ms, added: Vec::new() }
}

/// Sums in a row, from this column on.
pub(super) fn sums(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Sums> {
    let optional = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(unsigned));
    Ok(Sums {
        gpu_us: unsigned(row.get(at)?),
        present_us: unsigned(row.get(at + 1)?),
        busy_us: optional(at + 2)?,
        idle_us: optional(at + 3)?,
        allocated_us: optional(at + 4)?,
        memory_byte_seconds: row.get(at + 5)?,
        peak_memory_bytes: unsigned(row.get(at + 6)?),
        energy_mj: unsigned(row.get(at + 7)?),
    })
}
