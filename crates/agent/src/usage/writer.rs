//! The thread that writes flushes.

use std::{
    fs, io, mem,
    os::unix::fs::MetadataExt as _,
    sync::{Arc, atomic::Ordering, mpsc},
    thread,
    time::Duration,
};

use rusqlite::ErrorCode;
use telemetry::usage::UserTotals;

use super::{
    Keep, Usage, apply, lock,
    open::{self, Database, OpenFile},
    shorten, totals,
};

/// Timeout of the last flush: a disk that hangs does not block the agent's end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Flushes that are kept while they cannot be written, a day of them; the attribution of older ones is lost.
const MOST_KEPT: usize = 1440;

/// The thread.
pub(crate) struct Writer {
    stop: mpsc::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(usage: Arc<Usage>, interval: Duration) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let (running, ended) = mpsc::channel();
        thread::Builder::new().name("usage".into()).spawn(move || {
            let _running: mpsc::Sender<()> = running;
            // What was forgotten before, and could not be cleaned or was interrupted.
            usage.clean();
            while matches!(stopped.recv_timeout(interval), Err(mpsc::RecvTimeoutError::Timeout)) {
                usage.flush();
            }
            usage.flush();
            usage.close();
        })?;
        Ok(Self { stop, ended })
    }

    /// Writes a last time and ends the thread.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if matches!(self.ended.recv_timeout(STOP_TIMEOUT), Err(mpsc::RecvTimeoutError::Timeout)) {
            tracing::warn!("writing the usage took too long; exiting without it");
        }
    }
}

impl Usage {
    /// Writes what was counted since the flush before, and those that could not be written.
    pub(super) fn flush(&self) {
        let mut database = lock(&self.database);
        self.take();
        if self.write(&mut database) {
            self.expose(&database);
        }
    }

    /// Closes the file, so that nothing of it is left in its log: other threads live until the process ends.
    fn close(&self) {
        if let Ok(memory) = open::memory() {
            drop(mem::replace(&mut *lock(&self.database), memory));
        }
    }

    /// Takes a flush from the ledger.
    pub(super) fn take(&self) {
        let mut kept = lock(&self.kept);
        let flush = self.source.flush();
        let mut newest_gpus = lock(&self.newest_gpus);
        let is_empty = flush.slots.is_empty()
            && flush.gaps.is_empty()
            && flush.sessions.is_empty()
            && flush.totals.is_empty()
            && flush.gpus == *newest_gpus;
        if is_empty {
            return;
        }
        newest_gpus.clone_from(&flush.gpus);
        kept.push_back(Arc::new(flush));
        if kept.len() > MOST_KEPT {
            shorten::shorten(&mut kept);
        }
    }

    /// Writes the flushes that are kept; `false` if one remains.
    pub(super) fn write(&self, database: &mut Database) -> bool {
        if self.is_suspect.swap(false, Ordering::Relaxed) && !is_sound(database) {
            self.replace(database, true, "a query found damage");
        } else if database.file.as_ref().is_some_and(is_gone) {
            self.replace(database, false, "it was deleted or replaced");
        }
        let mut is_replaced = false;
        loop {
            let Some(flush) = lock(&self.kept).front().cloned() else { break };
            let keep = Keep::of(database.file.is_some(), self.retention);
            match apply::apply(&mut database.connection, &flush, keep) {
                Ok(()) => drop(lock(&self.kept).pop_front()),
                Err(error) if open::is_damage(&error) && !is_replaced && database.file.is_some() => {
                    is_replaced = true;
                    self.replace(database, true, &error.to_string());
                }
                Err(error) => {
                    self.failed(database, &error);
                    return false;
                }
            }
        }
        let mut state = lock(&self.state);
        if state.persistent && state.problem.take().is_some() {
            tracing::info!("the usage file is written again; nothing was lost");
        }
        true
    }

    /// Exposes the totals that are stored.
    fn expose(&self, database: &Database) {
        match totals(&database.connection) {
            Ok(totals) => {
                let mut exposed = lock(&self.totals);
                *exposed = Arc::new(first_0(totals, &exposed));
            }
            Err(error) => tracing::debug!(%error, "cannot read the totals"),
        }
    }

    /// Reports an error, once until it is over.
    fn failed(&self, database: &Database, error: &rusqlite::Error) {
        let file = database.file.as_ref().map(|file| file.path.display().to_string()).unwrap_or_default();
        let remedy = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "free some space",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "end the program that has locked it",
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                "let this account write the file and its folder"
            }
            _ => "see if its disk works",
        };
        let mut state = lock(&self.state);
        if state.problem.is_none() {
            tracing::warn!(
                file,
                %error,
                "the usage file cannot be written: {remedy}; what is counted is kept in memory for a day and written later"
            );
        }
        state.problem = Some(format!("{file} cannot be written ({error}): {remedy}"));
    }

    /// Goes on with a new file, or in memory.
    fn replace(&self, database: &mut Database, is_damaged: bool, why: &str) {
        let Ok(memory) = open::memory() else { return };
        let before = mem::replace(database, memory);
        let Some(file) = before.file else { return };
        // Closed before its file is renamed.
        drop(before.connection);
        self.days.clear();
        let opened = if is_damaged {
            open::begin_again(file, why)
        } else {
            tracing::warn!(file = %file.path.display(), "the usage file cannot be used any more ({why}); a new one begins");
            open::reopen(file)
        };
        match opened {
            Ok(opened) => *database = opened,
            Err(problem) => {
                tracing::warn!("usage is kept in memory until the agent stops: {problem}");
                *lock(&self.path) = None;
                let mut state = lock(&self.state);
                state.persistent = false;
                state.problem = Some(problem);
            }
        }
    }
}

/// Totals to expose: 0 for a user who had none, so that a monitoring system has seen the 0 before it sees more.
fn first_0(stored: Vec<UserTotals>, exposed: &[UserTotals]) -> Vec<UserTotals> {
    let is_known = |user: &Arc<str>| exposed.binary_search_by(|one| one.user.cmp(user)).is_ok();
    let zero = |user| UserTotals { user, gpu_us: 0, busy_us: 0, idle_us: 0, energy_mj: 0 };
    stored.into_iter().map(|one| if is_known(&one.user) { one } else { zero(one.user) }).collect()
}

/// Checks the whole file, not the pages of it that our connection has.
fn is_sound(database: &Database) -> bool {
    let Some(file) = &database.file else { return true };
    let check = open::read_only(&file.path)
        .and_then(|connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)));
    match check {
        Ok(found) => found == "ok",
        // Somebody else's lock is no damage.
        Err(error) => !open::is_damage(&error),
    }
}

/// Checks if another file, or none, is where ours was.
fn is_gone(file: &OpenFile) -> bool {
    match fs::metadata(&file.path) {
        Ok(found) => (found.dev(), found.ino()) != file.inode,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}
