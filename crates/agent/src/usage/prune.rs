//! Expiry of what is older than it is kept.

use rusqlite::Transaction;
use telemetry::usage::HOUR_MS;

use super::{
    Keep,
    schema::{number, set_number, signed, unsigned},
};

const DAY_MS: u64 = 24 * HOUR_MS;
/// Most slots, and most sessions, that one flush removes: a shorter retention takes effect over several.
const MOST: u32 = 5_000;

/// Removes what has expired. The clock of expiry goes forward by at most a day per hour, so that a host's clock that is
/// wrong for a while does not remove everything.
pub(super) fn prune(transaction: &Transaction<'_>, now_ms: u64, keep: Keep) -> rusqlite::Result<()> {
    let before = number(transaction, "clock_ms")?;
    let pruned = number(transaction, "pruned_ms")?;
    if pruned != 0 && pruned / HOUR_MS == now_ms / HOUR_MS {
        return Ok(());
    }
    set_number(transaction, "pruned_ms", now_ms)?;
    let clock = if before == 0 { now_ms } else { now_ms.min(before + DAY_MS) };
    set_number(transaction, "clock_ms", clock)?;
    let minutes_from = clock.saturating_sub(keep.minutes_ms);
    minutes(transaction, minutes_from - minutes_from % HOUR_MS)?;
    let hours_from = clock.saturating_sub(keep.hours_ms);
    slots(transaction, "hour", hours_from - hours_from % HOUR_MS, MOST)?;
    transaction.execute("DELETE FROM gap WHERE last_ms < ?1", [signed(hours_from)])?;
    let sessions_from = clock.saturating_sub(keep.sessions_ms);
    let sessions = "DELETE FROM session WHERE (first_ms, id) IN \
                    (SELECT first_ms, id FROM session WHERE last_ms < ?1 AND NOT open LIMIT ?2)";
    transaction.execute(sessions, (signed(sessions_from), MOST))?;
    if before / DAY_MS != clock / DAY_MS {
        places(transaction)?;
    }
    Ok(())
}

/// Removes minutes. Queries read hours instead until the end of the newest hour that lost one, not until the limit, which
/// is in the future if the clock is.
fn minutes(transaction: &Transaction<'_>, from_ms: u64) -> rusqlite::Result<()> {
    let newest = "SELECT max(begins_ms) FROM minute_slot WHERE begins_ms < ?1";
    let newest: Option<i64> = transaction.query_row(newest, [signed(from_ms)], |row| row.get(0))?;
    let Some(newest) = newest.map(unsigned) else { return Ok(()) };
    let lost = newest - newest % HOUR_MS + HOUR_MS;
    let before = number(transaction, "minutes_from_ms")?;
    set_number(transaction, "minutes_from_ms", before.max(lost))?;
    slots(transaction, "minute", from_ms, u32::MAX)
}

fn slots(transaction: &Transaction<'_>, tier: &str, from_ms: u64, most: u32) -> rusqlite::Result<()> {
    let expired = format!("SELECT id FROM {tier}_slot WHERE begins_ms < ?1 ORDER BY begins_ms LIMIT ?2");
    transaction.execute(&format!("DELETE FROM {tier}_row WHERE slot IN ({expired})"), (signed(from_ms), most))?;
    transaction.execute(&format!("DELETE FROM {tier}_slot WHERE id IN ({expired})"), (signed(from_ms), most)).map(drop)
}

/// Removes places that nothing names any more.
pub(super) fn places(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let unused = "DELETE FROM place WHERE id NOT IN (SELECT place FROM minute_row UNION SELECT place FROM hour_row \
                  UNION SELECT place FROM session)";
    transaction.execute(unused, []).map(drop)
}
