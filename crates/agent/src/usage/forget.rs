//! Removal of a person's name.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering, mpsc},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use telemetry::{
    Stamp,
    terminal::printable,
    usage::{Flush, REMOVED, UserTotals},
};

use super::{
    Usage,
    apply::ADD_SUMS,
    lock, open, prune,
    schema::{mark, set_mark, signed},
};

/// Number of [`REMOVED`] among the users: `schema::create` adds it.
const REMOVED_ID: i64 = 1;
/// Mark of a file that may have a removed name in unused parts.
const UNCLEAN: &str = "unclean";
/// Wait for the file to be rewritten: less than the client waits for its answer.
const CLEAN_WAIT: Duration = Duration::from_secs(15);
/// Most damaged files that an answer names.
const MOST_NAMED: usize = 5;

impl Usage {
    /// Counts a person's time for [`REMOVED`], or only what began before a moment. The answer is for the administrator.
    pub(crate) fn forget_user(self: &Arc<Self>, user: &str, before: Option<u64>) -> Result<String, String> {
        if user == REMOVED {
            return Err(format!("{REMOVED} is no person"));
        }
        if self.is_cleaning.load(Ordering::Relaxed) {
            return Err(
                "the usage file is being rewritten after the removal of another name; try again in a minute".into()
            );
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
            self.expose_forgotten(&database.connection)?;
            Ok((found, is_unclean(&database.connection)?))
        });
        let (found, is_unclean) =
            outcome.map_err(|error| format!("the usage file cannot be written: {error}; try again"))?;
        let path = database.file.as_ref().map(|file| file.path.clone());
        drop(database);
        let is_found = found || in_memory;
        let user = printable(user);
        if !is_found && !is_unclean {
            return Err(format!("no user {user} in the accounting"));
        }
        let mut answer = if is_found {
            format!("the use of {user} is now that of {REMOVED}; sums are as they were")
        } else {
            format!("no user {user} in the accounting any more")
        };
        answer.push_str(self.clean_in_thread().text());
        answer.push_str(&path.map(|path| in_damaged(&open::damaged(&path))).unwrap_or_default());
        Ok(answer)
    }

    /// Exposes the totals without a person who was removed. Those of others go on with the next flush: a new one is exposed
    /// as 0 until then.
    fn expose_forgotten(&self, connection: &Connection) -> rusqlite::Result<()> {
        let stored = super::totals(connection)?;
        let mut exposed = lock(&self.totals);
        let as_exposed = |one: UserTotals| {
            // It was exposed as the person's before.
            if *one.user == *REMOVED {
                return one;
            }
            let known = exposed.binary_search_by(|other| other.user.cmp(&one.user));
            let known = known.ok().and_then(|at| exposed.get(at)).cloned();
            known.unwrap_or(UserTotals { gpu_us: 0, busy_us: 0, idle_us: 0, energy_mj: 0, ..one })
        };
        let totals = stored.into_iter().map(as_exposed).collect();
        *exposed = Arc::new(totals);
        Ok(())
    }

    /// Cleans the file in a thread of its own, and waits a while: a large file takes minutes, and requests are executed one
    /// at a time.
    fn clean_in_thread(self: &Arc<Self>) -> Cleaned {
        let (done, wait) = mpsc::channel();
        let usage = Arc::clone(self);
        self.is_cleaning.store(true, Ordering::Relaxed);
        let clean = move || {
            let cleaned = usage.clean();
            usage.is_cleaning.store(false, Ordering::Relaxed);
            // Nobody waits any more.
            let _ = done.send(cleaned);
        };
        match thread::Builder::new().name("usage clean".into()).spawn(clean) {
            Ok(_) => wait.recv_timeout(CLEAN_WAIT).unwrap_or(Cleaned::Later),
            Err(_) => {
                self.is_cleaning.store(false, Ordering::Relaxed);
                Cleaned::Failed
            }
        }
    }

    /// Rewrites the file if it may have a removed name in unused parts.
    pub(super) fn clean(&self) -> Cleaned {
        let database = lock(&self.database);
        let connection = &database.connection;
        match is_unclean(connection) {
            Ok(false) => Cleaned::Done,
            Ok(true) if database.file.is_none() || clean(connection) => {
                match set_mark(connection, UNCLEAN, 0) {
                    Ok(()) => Cleaned::Done,
                    // It is cleaned once more.
                    Err(_) => Cleaned::Failed,
                }
            }
            _ => {
                tracing::warn!(
                    "the usage file may have a removed name in unused parts: it cannot be rewritten now; it is tried at the next start and `usage forget`"
                );
                Cleaned::Failed
            }
        }
    }
}

/// Outcome of rewriting the file.
pub(super) enum Cleaned {
    Done,
    Later,
    Failed,
}

impl Cleaned {
    const fn text(&self) -> &'static str {
        match self {
            Self::Done => "",
            Self::Later => "; the file is still being rewritten, so that the name is in no unused part of it",
            Self::Failed => {
                "; the name may be in unused parts of the file, because it is being read or the disk is full: repeat this later"
            }
        }
    }
}

/// Sentence about files that were set aside.
fn in_damaged(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let shown: Vec<&str> = names.iter().map(String::as_str).take(MOST_NAMED).collect();
    let more = if names.len() > MOST_NAMED { " and others" } else { "" };
    format!(
        "; damaged files that were set aside may have the name, and are not changed: remove {}{more}",
        shown.join(", ")
    )
}

/// True if the file may have a removed name in unused parts.
fn is_unclean(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(mark(connection, UNCLEAN)?.is_some_and(|unclean| unclean > 0))
}

/// Removes a person from flushes that are not written.
fn rename(kept: &mut VecDeque<Arc<Flush>>, user: &str, before_ms: u64) -> bool {
    let mut found = false;
    for flush in kept.iter_mut() {
        let mut renamed = Flush::clone(flush);
        if renamed.forget_user(user, before_ms) {
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
    // Until it is cleaned, whatever happens.
    set_mark(&transaction, UNCLEAN, 1)?;
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
fn clean(connection: &Connection) -> bool {
    let log = || {
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
            .is_ok_and(|busy| busy == 0)
    };
    // The log first: it has the name too, and its space is needed.
    let emptied = log();
    connection.execute_batch("VACUUM").is_ok() && emptied && log()
}
