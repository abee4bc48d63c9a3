//! The tables of `usage.sqlite`, documented in `docs/usage.md`.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use telemetry::usage::{Flush, Holder, Occupant};

/// Version of the tables, in `PRAGMA user_version`.
pub(super) const VERSION: i64 = 1;
/// Mark of the file, in `PRAGMA application_id`: `NSWU`.
pub(super) const APPLICATION: i64 = 0x4e53_5755;

/// Users that are not persons: to whom time is counted without a name, and to nobody.
pub(super) const NAMELESS: i64 = 0;
pub(super) const FREE: i64 = -1;
pub(super) const UNKNOWN: i64 = -2;
pub(super) const UNASSIGNED: i64 = -3;
/// The place that is none.
pub(super) const NOWHERE: i64 = 0;

/// Columns of sums, as every table with sums has them.
macro_rules! sums {
    () => {
        "gpu_us INTEGER NOT NULL, present_us INTEGER NOT NULL, busy_us INTEGER, idle_us INTEGER, \
         allocated_us INTEGER, memory_byte_seconds REAL NOT NULL, peak_memory_bytes INTEGER NOT NULL, \
         energy_mj INTEGER NOT NULL"
    };
}

/// Tables of one length of slots.
macro_rules! tier {
    ($name:literal) => {
        concat!(
            "CREATE TABLE ",
            $name,
            "_slot(id INTEGER PRIMARY KEY, begins_ms INTEGER NOT NULL, run INTEGER NOT NULL, gpu INTEGER NOT NULL, \
             gpu_index INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL);
             CREATE INDEX ",
            $name,
            "_slot_begins ON ",
            $name,
            "_slot(begins_ms, run, gpu);
             CREATE TABLE ",
            $name,
            "_row(slot INTEGER NOT NULL, device INTEGER NOT NULL, user INTEGER NOT NULL, place INTEGER NOT NULL, ",
            sums!(),
            ", PRIMARY KEY(slot, device, user, place)) WITHOUT ROWID;"
        )
    };
}

const TABLES: &str = concat!(
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
     CREATE TABLE gpu(id INTEGER PRIMARY KEY, key TEXT NOT NULL, model TEXT, gpu_index INTEGER NOT NULL);
     CREATE INDEX gpu_key ON gpu(key);
     CREATE TABLE device(id INTEGER PRIMARY KEY, gpu INTEGER NOT NULL, mig TEXT, mig_name TEXT);
     CREATE INDEX device_gpu ON device(gpu);
     CREATE TABLE user(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, gpu_us INTEGER, busy_us INTEGER, \
       idle_us INTEGER, energy_mj INTEGER);
     CREATE TABLE place(id INTEGER PRIMARY KEY, container TEXT, pod TEXT, job TEXT);
     CREATE INDEX place_job ON place(job, pod, container);",
    tier!("minute"),
    tier!("hour"),
    "CREATE TABLE gap(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, gpu INTEGER NOT NULL, first_ms INTEGER NOT NULL, \
       last_ms INTEGER NOT NULL);
     CREATE INDEX gap_last ON gap(last_ms);
     CREATE TABLE frontier(run INTEGER NOT NULL, gpu INTEGER NOT NULL, until_ms INTEGER NOT NULL, \
       PRIMARY KEY(run, gpu)) WITHOUT ROWID;
     CREATE TABLE session(first_ms INTEGER NOT NULL, id INTEGER NOT NULL, last_ms INTEGER NOT NULL, \
       open INTEGER NOT NULL, gpu_index INTEGER NOT NULL, device INTEGER NOT NULL, user INTEGER NOT NULL, \
       place INTEGER NOT NULL, command TEXT, program TEXT, processes INTEGER NOT NULL, ",
    sums!(),
    ", PRIMARY KEY(first_ms, id)) WITHOUT ROWID;
     CREATE INDEX session_last ON session(last_ms, first_ms, id, device, user, place);
     CREATE INDEX session_open ON session(open) WHERE open;"
);

/// Creates the tables in an empty database, with a random identity.
pub(super) fn create(connection: &mut Connection, identity: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute("INSERT INTO meta VALUES('store', ?1)", [identity])?;
    for name in ["sequence", "run", "flushed_ms", "minutes_from_ms", "clock_ms", "pruned_ms"] {
        transaction.execute("INSERT INTO meta VALUES(?1, 0)", [name])?;
    }
    transaction.execute(
        "INSERT INTO user(id, name, gpu_us, busy_us, idle_us, energy_mj) VALUES(1, ?1, NULL, NULL, NULL, NULL)",
        [telemetry::usage::REMOVED],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// A number of `meta`.
pub(super) fn number(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let value: i64 = connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))?;
    Ok(unsigned(value))
}

/// Sets a number of `meta`.
pub(super) fn set_number(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    connection.execute("UPDATE meta SET value = ?2 WHERE name = ?1", (name, signed(value))).map(drop)
}

/// A number of `meta` that need not be there.
pub(super) fn mark(connection: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    let found = connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()?;
    Ok(found.map(unsigned))
}

/// Sets such a number.
pub(super) fn set_mark(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    let set = "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT DO UPDATE SET value = ?2";
    connection.execute(set, (name, signed(value))).map(drop)
}

/// True if the store has this flush.
pub(super) fn has(connection: &Connection, flush: &Flush) -> rusqlite::Result<bool> {
    Ok(mark(connection, "ledger")? == Some(flush.ledger) && number(connection, "sequence")? >= flush.sequence)
}

/// Identity of the store: cursors and IDs of sessions carry it.
pub(super) fn identity(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT value FROM meta WHERE name = 'store'", [], |row| row.get(0))
}

/// SQLite's integers are signed. No sum of an agent's life reaches the limit.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The number as it was before [`signed`].
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// User and place of an occupant, whose holder has them by `of_holder`.
pub(super) fn user_and_place(
    occupant: &Occupant,
    of_holder: impl FnOnce(&Arc<Holder>) -> rusqlite::Result<(i64, i64)>,
) -> rusqlite::Result<(i64, i64)> {
    match occupant {
        Occupant::Free => Ok((FREE, NOWHERE)),
        Occupant::Unknown => Ok((UNKNOWN, NOWHERE)),
        Occupant::Unassigned => Ok((UNASSIGNED, NOWHERE)),
        Occupant::Holder(holder) => of_holder(holder),
    }
}
