//! Removal of a person's name.

use std::{collections::VecDeque, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use telemetry::{
    Stamp,
    terminal::printable,
    usage::{Flush, Holder, Occupant, REMOVED},
};

use super::{Usage, apply::ADD_SUMS, lock, prune, schema::signed};

/// Number of [`REMOVED`] among the users: `schema::create` adds it.
const REMOVED_ID: i64 = 1;

impl Usage {
    /// Counts a person's time for [`REMOVED`], or only what began before a moment. The answer is for the administrator.
    pub(crate) fn forget_user(&self, user: &str, before: Option<u64>) -> Result<String, String> {
        if user == REMOVED {
            return Err(format!("{REMOVED} is no person"));
        }
        let before = before.filter(|before| *before <= Stamp::now().unix_ms);
        let before_ms = before.unwrap_or(u64::MAX);
        let mut database = lock(&self.database);
        self.take();
        let in_memory = rename(&mut lock(&self.kept), user, before_ms);
        // What is open goes on under the other name, and replaces what was taken before.
        self.source.forget_user(user, before_ms);
        self.take();
        if !self.write(&mut database) {
            return Err("the usage file cannot be written now; see the agent's log, and try again".into());
        }
        let outcome = forget(&mut database.connection, user, before).and_then(|found| {
            self.days.clear();
            *lock(&self.totals) = Arc::new(super::totals(&database.connection)?);
            Ok(found)
        });
        let found = outcome.map_err(|error| format!("the usage file cannot be written: {error}; try again"))?;
        if !found && !in_memory {
            return Err(format!("no user {} in the accounting", printable(user)));
        }
        let is_clean = database.file.is_none() || clean(&database.connection);
        let rest = if is_clean {
            ""
        } else {
            "; the name may be in unused parts of the file, because it is being read or the disk is full: repeat this later"
        };
        Ok(format!("the use of {} is now that of {REMOVED}; sums are as they were{rest}", printable(user)))
    }
}

/// Renames a person in flushes that are not written.
fn rename(kept: &mut VecDeque<Arc<Flush>>, user: &str, before_ms: u64) -> bool {
    let is_user = |holder: &Holder| holder.user.as_deref() == Some(user);
    let removed: Arc<Holder> = Arc::new(Holder { user: Some(Arc::from(REMOVED)), ..Holder::default() });
    let mut found = false;
    for flush in kept.iter_mut() {
        let mut renamed = Flush::clone(flush);
        for slot in renamed.slots.iter_mut().filter(|slot| slot.begins_ms < before_ms) {
            for row in &mut slot.rows {
                if matches!(&row.occupant, Occupant::Holder(holder) if is_user(holder)) {
                    row.occupant = Occupant::Holder(Arc::clone(&removed));
                }
            }
        }
        for session in renamed.sessions.iter_mut().filter(|session| session.key.first_ms < before_ms) {
            if is_user(&session.key.holder) {
                session.key.holder = Arc::clone(&removed);
                (session.command, session.program) = (None, None);
            }
        }
        if before_ms == u64::MAX {
            renamed.totals.iter_mut().filter(|totals| &*totals.user == user).for_each(|totals| {
                totals.user = Arc::from(REMOVED);
            });
        }
        if renamed != **flush {
            found = true;
            *flush = Arc::new(renamed);
        }
    }
    found
}

/// Renames a person in the tables; `false` if there is nobody of this name.
pub(super) fn forget(connection: &mut Connection, user: &str, before: Option<u64>) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = transaction.query_row("SELECT id FROM user WHERE name = ?1", [user], |row| row.get(0)).optional()?;
    let Some(id): Option<i64> = found else { return Ok(false) };
    let before_ms = signed(before.unwrap_or(u64::MAX));
    for tier in ["minute", "hour"] {
        rows(&transaction, tier, id, before_ms)?;
    }
    // The ledger wrote those that were open again, as somebody's who was removed. The number of a session is made of
    // the name, so it gets another.
    transaction.execute("DELETE FROM session WHERE user = ?1 AND open AND first_ms < ?2", (id, before_ms))?;
    let sessions = "UPDATE session SET user = ?3, place = 0, command = NULL, program = NULL, \
                    id = random() & 9223372036854775807 WHERE user = ?1 AND first_ms < ?2";
    transaction.execute(sessions, (id, before_ms, REMOVED_ID))?;
    // Totals have no dates, so they stay as long as anything of the person does.
    let rest = "SELECT EXISTS(SELECT 1 FROM minute_row WHERE user = ?1) OR EXISTS(SELECT 1 FROM hour_row WHERE user = ?1) \
                OR EXISTS(SELECT 1 FROM session WHERE user = ?1)";
    if before.is_none() || !transaction.query_row(rest, [id], |row| row.get::<_, bool>(0))? {
        totals(&transaction, id)?;
    }
    prune::places(&transaction)?;
    transaction.commit()?;
    Ok(true)
}

fn rows(transaction: &Transaction<'_>, tier: &str, id: i64, before_ms: i64) -> rusqlite::Result<()> {
    let chosen = format!("user = ?1 AND slot IN (SELECT id FROM {tier}_slot WHERE begins_ms < ?2)");
    let copy = format!(
        "INSERT INTO {tier}_row SELECT slot, device, ?3, 0, sum(gpu_us), sum(present_us), sum(busy_us), sum(idle_us), \
         sum(allocated_us), sum(memory_byte_seconds), max(peak_memory_bytes), sum(energy_mj) FROM {tier}_row \
         WHERE {chosen} GROUP BY slot, device ON CONFLICT DO UPDATE SET {ADD_SUMS}"
    );
    transaction.execute(&copy, (id, before_ms, REMOVED_ID))?;
    transaction.execute(&format!("DELETE FROM {tier}_row WHERE {chosen}"), (id, before_ms)).map(drop)
}

fn totals(transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    let columns = ["gpu_us", "busy_us", "idle_us", "energy_mj"];
    let sums = columns.map(|column| {
        format!("{column} = coalesce({column}, 0) + coalesce((SELECT {column} FROM user WHERE id = ?1), 0)")
    });
    transaction.execute(&format!("UPDATE user SET {} WHERE id = ?2", sums.join(", ")), (id, REMOVED_ID))?;
    transaction.execute("DELETE FROM user WHERE id = ?1", [id]).map(drop)
}

/// Rewrites the file, so that nothing that was deleted is in unused parts of its pages, nor in its log.
pub(super) fn clean(connection: &Connection) -> bool {
    let log = || {
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
            .is_ok_and(|busy| busy == 0)
    };
    // The log first: it has the name too, and its space is needed.
    let emptied = log();
    connection.execute_batch("VACUUM").is_ok() && emptied && log()
}
