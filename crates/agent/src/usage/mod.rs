//! Storage of usage accounting: `usage.sqlite` in the state directory, or the same tables in memory.
//!
//! A thread writes each flush of the ledger in one transaction with its number. A query reads the flushes that are not
//! written, then begins a read transaction, and takes the number that is stored there: newer flushes are added from memory.

mod apply;
mod export;
mod filesystem;
mod forget;
mod ids;
mod open;
mod prune;
mod query;
mod queue;
mod schema;
mod shorten;
mod source;
mod writer;

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};
use server::{Pending, SessionsPage, SessionsQuery, UsageError, UsageQuery, UsageReport, UsageState, UsageStore};
use telemetry::usage::{Flush, Frontier, Ledger, LedgerConfig, Resumed, UserTotals};

pub(crate) use export::export;
use filesystem::network_file_system;
use open::Database;
pub(crate) use open::inspect;
use queue::Queue;
pub(crate) use source::Source;
use writer::Writer;

/// Length of a query after which it is interrupted, its wait included.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Instructions of SQLite between two looks at the clock.
const LOOK_EVERY: i32 = 4_000;
/// Minutes and sessions are kept for this long in a file.
const MINUTES: Duration = Duration::from_secs(48 * 3600);
const SESSIONS: Duration = Duration::from_secs(90 * 86_400);
/// Minutes, and all else, are kept for this long in memory.
const MINUTES_IN_MEMORY: Duration = Duration::from_secs(3 * 3600);
const IN_MEMORY: Duration = Duration::from_secs(86_400);

/// For how long what is kept, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Keep {
    minutes_ms: u64,
    hours_ms: u64,
    sessions_ms: u64,
}

impl Keep {
    /// Times of a file, or of memory.
    fn of(persistent: bool, retention: Duration) -> Self {
        if persistent {
            Self::new(MINUTES, retention, SESSIONS)
        } else {
            Self::new(MINUTES_IN_MEMORY, IN_MEMORY, IN_MEMORY)
        }
    }

    fn new(minutes: Duration, hours: Duration, sessions: Duration) -> Self {
        let [minutes_ms, hours_ms, sessions_ms] =
            [minutes.min(hours), hours, sessions.min(hours)].map(|time| u64::try_from(time.as_millis()).unwrap_or(0));
        Self { minutes_ms, hours_ms, sessions_ms }
    }
}

/// Extent and time of what is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UsageSettings {
    /// With names.
    pub(crate) people: bool,
    /// Age at which hours are removed.
    pub(crate) retention: Duration,
    /// Interval between two flushes.
    pub(crate) interval: Duration,
    /// Settings of the ledger.
    pub(crate) ledger: LedgerConfig,
}

/// Accounting that runs.
pub(crate) struct Accounting {
    /// Takes in snapshots.
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    /// Answers queries.
    pub(crate) usage: Arc<Usage>,
    /// Writes.
    pub(crate) writer: Writer,
}

impl Accounting {
    /// Opens the store, and begins to write to it.
    ///
    /// # Errors
    /// No thread can be started, or SQLite cannot even use memory.
    pub(crate) fn start(folder: Option<&Path>, settings: UsageSettings) -> io::Result<Self> {
        let opened = OpenedUsage::open(folder, settings).map_err(io::Error::other)?;
        let ledger = Arc::new(Mutex::new(Ledger::resumed(settings.ledger, opened.resumed())));
        let source: Arc<dyn Source> = Arc::<Mutex<Ledger>>::clone(&ledger);
        let usage = opened.start(source);
        let writer = Writer::start(Arc::clone(&usage), settings.interval)?;
        Ok(Self { ledger, usage, writer })
    }

    /// The store as the HTTP server has it.
    pub(crate) fn queries(&self) -> Arc<dyn UsageStore> {
        Arc::new(UsageQueries(Arc::clone(&self.usage)))
    }
}

/// A store that is not in use yet.
pub(crate) struct OpenedUsage {
    database: Database,
    stored: Resumed,
    settings: UsageSettings,
    problem: Option<String>,
}

impl OpenedUsage {
    /// Opens the store of a state directory. If its file cannot be used, that is logged, and the store is in memory.
    ///
    /// # Errors
    /// Not even memory can be used.
    pub(crate) fn open(folder: Option<&Path>, settings: UsageSettings) -> Result<Self, String> {
        let opened = folder.map(open::open);
        let opened = opened.map(|opened| opened.and_then(|database| restore(database, settings.people)));
        let (opened, problem) = match opened {
            Some(Ok(opened)) => (Some(opened), None),
            Some(Err(problem)) => {
                tracing::warn!("usage is kept in memory, for one day and until the agent stops: {problem}");
                (None, Some(problem))
            }
            None => {
                tracing::info!(
                    "usage is kept in memory, for one day and until the agent stops: set --state-dir to keep it"
                );
                (None, None)
            }
        };
        let (database, stored) = match opened {
            Some(opened) => opened,
            None => (open::memory().map_err(|error| error.to_string())?, Resumed::default()),
        };
        if let (Some(file), Some(kind)) = (&database.file, folder.and_then(network_file_system)) {
            tracing::warn!("{}", open::on_network(&file.path, kind));
        }
        Ok(Self { database, stored, settings, problem })
    }

    /// State from which a ledger goes on.
    pub(crate) fn resumed(&self) -> Resumed {
        self.stored.clone()
    }

    /// Begins to store what is counted.
    pub(crate) fn start(self, source: Arc<dyn Source>) -> Arc<Usage> {
        let persistent = self.database.file.is_some();
        let UsageSettings { people, retention, .. } = self.settings;
        let usage = Usage {
            source,
            retention,
            people,
            path: Mutex::new(self.database.file.as_ref().map(|file| file.path.clone())),
            totals: Mutex::new(Arc::new(totals(&self.database.connection).unwrap_or_default())),
            database: Mutex::new(self.database),
            kept: Mutex::default(),
            newest_gpus: Mutex::default(),
            state: Mutex::new(UsageState { people, persistent, problem: self.problem }),
            is_suspect: AtomicBool::new(false),
            is_cleaning: AtomicBool::new(false),
            queue: Arc::default(),
            days: Arc::default(),
        };
        Arc::new(usage)
    }
}

/// The store, as all threads share it.
pub(crate) struct Usage {
    source: Arc<dyn Source>,
    retention: Duration,
    people: bool,
    /// File of queries; none in memory.
    path: Mutex<Option<PathBuf>>,
    /// Totals as they are stored.
    totals: Mutex<Arc<Vec<UserTotals>>>,
    database: Mutex<Database>,
    /// Flushes that are not stored, the oldest first. It is locked while one is taken from the ledger, so that each is
    /// either here or in the ledger. Locked after the database.
    kept: Mutex<VecDeque<Arc<Flush>>>,
    /// GPUs of the newest flush.
    newest_gpus: Mutex<Vec<Frontier>>,
    state: Mutex<UsageState>,
    /// A query found damage.
    is_suspect: AtomicBool,
    /// A thread rewrites the file, and has the database locked.
    is_cleaning: AtomicBool,
    queue: Arc<Queue>,
    /// Days that queries have read.
    days: Arc<query::Days>,
}

/// Locks; a thread that panicked has left whole values, since SQLite undoes its transaction.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Usage {
    /// Everything that is not stored, at this moment.
    fn unstored(&self) -> Vec<Arc<Flush>> {
        let kept = lock(&self.kept);
        let pending = self.source.pending();
        kept.iter().cloned().chain([Arc::new(pending)]).collect()
    }

    /// Answers a query on a thread of its own.
    fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        answer: impl FnOnce(&Connection, Vec<Arc<Flush>>) -> rusqlite::Result<Result<T, UsageError>> + Send + 'static,
    ) -> Pending<T> {
        let deadline = Instant::now() + QUERY_TIMEOUT;
        let usage = Arc::clone(self);
        self.queue.ask(move |is_given_up: Arc<AtomicBool>| {
            let is_over = move || is_given_up.load(Ordering::Relaxed) || Instant::now() >= deadline;
            if is_over() { Err(UsageError::Timeout) } else { usage.read(is_over, answer) }
        })
    }

    fn read<T>(
        &self,
        is_over: impl FnMut() -> bool + Send + 'static,
        answer: impl FnOnce(&Connection, Vec<Arc<Flush>>) -> rusqlite::Result<Result<T, UsageError>>,
    ) -> Result<T, UsageError> {
        // Before the transaction begins: see `Fresh`.
        let unstored = self.unstored();
        let path = lock(&self.path).clone();
        let answered = match path {
            Some(path) => open::read_only(&path).and_then(|mut connection| {
                connection.pragma_update(None, "query_only", true)?;
                connection.progress_handler(LOOK_EVERY, Some(is_over))?;
                let transaction = connection.transaction()?;
                answer(&transaction, unstored)
            }),
            None => {
                let mut database = lock(&self.database);
                let answered = database
                    .connection
                    .progress_handler(LOOK_EVERY, Some(is_over))
                    .and_then(|()| answer(&database.connection, unstored));
                let none: Option<fn() -> bool> = None;
                // Fails for a closed connection only.
                let _ = database.connection.progress_handler(LOOK_EVERY, none);
                answered
            }
        };
        answered.unwrap_or_else(|error| Err(self.failure(&error)))
    }

    fn failure(&self, error: &rusqlite::Error) -> UsageError {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => UsageError::Timeout,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                self.is_suspect.store(true, Ordering::Relaxed);
                UsageError::Unavailable("the usage file is damaged; it is replaced within a minute".into())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                UsageError::Unavailable("another program has locked the usage file; try again".into())
            }
            _ => UsageError::Unavailable(format!("the usage file cannot be read: {error}")),
        }
    }
}

/// The store as the HTTP server has it.
struct UsageQueries(Arc<Usage>);

impl UsageStore for UsageQueries {
    fn usage(&self, query: UsageQuery) -> Pending<UsageReport> {
        let people = self.0.people;
        let days = Arc::clone(&self.0.days);
        self.0.ask(move |connection, unstored| query::report(connection, unstored, &query, people, &days))
    }

    fn sessions(&self, query: SessionsQuery) -> Pending<SessionsPage> {
        let people = self.0.people;
        self.0.ask(move |connection, unstored| query::sessions(connection, unstored, &query, people))
    }

    fn totals(&self) -> Arc<Vec<UserTotals>> {
        if !self.0.people {
            return Arc::default();
        }
        let stored = Arc::clone(&lock(&self.0.totals));
        let is_stored = |user: &Arc<str>| stored.binary_search_by(|one| one.user.cmp(user)).is_ok();
        let mut new: Vec<Arc<str>> = self.0.source.users().into_iter().filter(|user| !is_stored(user)).collect();
        if new.is_empty() {
            return stored;
        }
        new.sort();
        new.dedup();
        let zeros = new.into_iter().map(|user| UserTotals { user, gpu_us: 0, busy_us: 0, idle_us: 0, energy_mj: 0 });
        let mut all: Vec<UserTotals> = stored.iter().cloned().chain(zeros).collect();
        all.sort_by(|one, other| one.user.cmp(&other.user));
        Arc::new(all)
    }

    fn state(&self) -> UsageState {
        lock(&self.0.state).clone()
    }
}

/// Totals of every user, by name.
fn totals(connection: &Connection) -> rusqlite::Result<Vec<UserTotals>> {
    let mut statement = connection
        .prepare("SELECT name, gpu_us, busy_us, idle_us, energy_mj FROM user WHERE gpu_us IS NOT NULL ORDER BY name")?;
    let number = |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(schema::unsigned);
    let rows = statement.query_map([], |row| {
        Ok(UserTotals {
            user: row.get(0)?,
            gpu_us: number(row, 1)?,
            busy_us: number(row, 2)?,
            idle_us: number(row, 3)?,
            energy_mj: number(row, 4)?,
        })
    })?;
    rows.collect()
}

/// State from which a ledger goes on. A file that is found to be damaged is set aside.
fn restore(mut database: Database, people: bool) -> Result<(Database, Resumed), String> {
    let mut stored = resumed(&database.connection);
    if let Err(error) = &stored
        && open::is_damage(error)
        && let Some(file) = database.file.take()
    {
        // Closed before its file is renamed.
        drop(database.connection);
        database = open::begin_again(file, &error.to_string())?;
        stored = resumed(&database.connection);
    }
    let stored = stored.unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot read from the usage file what was open; its sessions begin again");
        Resumed::default()
    });
    // Without people there are no names to go on from.
    let users = if people { stored.users } else { Vec::new() };
    Ok((database, Resumed { users, ..stored }))
}

fn resumed(connection: &Connection) -> rusqlite::Result<Resumed> {
    let mut statement = connection
        .prepare("SELECT run, key, gpu_index, model, until_ms FROM frontier JOIN gpu ON gpu.id = frontier.gpu")?;
    let gpus = statement.query_map([], |row| {
        Ok(Frontier {
            run: schema::unsigned(row.get(0)?),
            gpu: row.get(1)?,
            index: row.get(2)?,
            model: row.get(3)?,
            until_ms: schema::unsigned(row.get(4)?),
        })
    })?;
    Ok(Resumed {
        sequence: schema::number(connection, "sequence")?,
        run: schema::number(connection, "run")?,
        gpus: gpus.collect::<rusqlite::Result<_>>()?,
        sessions: query::open_sessions(connection)?,
        users: totals(connection)?.into_iter().map(|totals| totals.user).collect(),
    })
}

#[cfg(test)]
mod tests;
