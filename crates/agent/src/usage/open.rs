//! Opening of the file, and what is done instead if it cannot be used.

use std::{
    fs::{self, File, OpenOptions},
    hash::{BuildHasher as _, RandomState},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::fcntl::{FcntlArg, fcntl};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{
    filesystem::network_file_system,
    schema::{self, APPLICATION, VERSION},
};
use crate::regular;

/// File in the state directory, and the file that is locked while an agent uses it.
pub(super) const NAME: &str = "usage.sqlite";
/// Part of the names of damaged files.
const ASIDE: &str = ".corrupt-";
const LOCK_NAME: &str = "usage.lock";
/// Time for which another program may hold the file's lock, such as `sqlite3` in a transaction.
const BUSY: Duration = Duration::from_secs(2);
/// Cache of a connection, in KiB.
const CACHE_KIB: i64 = 256;

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    /// None in memory.
    pub(super) file: Option<OpenFile>,
}

/// The file of a database.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    /// Device and inode: somebody may delete or replace it.
    pub(super) inode: (u64, u64),
    /// Locked until it is closed.
    lock: File,
}

/// Reason why the file is not used, as one sentence with a remedy.
pub(super) type Problem = String;

/// Opens the file in a folder, or makes a new one.
pub(super) fn open(folder: &Path) -> Result<Database, Problem> {
    let lock = lock(folder)?;
    open_locked(folder, lock)
}

/// Opens it once more, with the lock that is held: after its file was deleted or set aside.
pub(super) fn reopen(file: OpenFile) -> Result<Database, Problem> {
    let folder = file.path.parent().unwrap_or(Path::new(".")).to_owned();
    open_locked(&folder, file.lock)
}

/// Sets a damaged file aside, whose connection is closed, and begins a new one.
pub(super) fn begin_again(file: OpenFile, why: &str) -> Result<Database, Problem> {
    let shown = file.path.display();
    let aside = set_aside(&file.path)
        .map_err(|error| format!("{shown} is damaged and cannot be renamed: {error}; remove it"))?;
    tracing::warn!(
        file = %shown,
        renamed = %aside.display(),
        "the usage file is damaged ({why}); it was renamed and a new one begins; `sqlite3 {} .recover` may read it",
        aside.display()
    );
    reopen(file)
}

/// Names of the files beside ours that were set aside.
pub(super) fn damaged(path: &Path) -> Vec<String> {
    let prefix = format!("{NAME}{ASIDE}");
    let files = path.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(&prefix)).collect();
    names.sort();
    names
}

/// True if an error means that the content of the file is not what SQLite wrote.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn open_locked(folder: &Path, lock: File) -> Result<Database, Problem> {
    let path = folder.join(NAME);
    let opened = look(&path).and_then(|()| connect(&path));
    let connection = match opened {
        Ok(opened) => opened,
        Err(Unusable::Damaged(why)) => {
            let aside = set_aside(&path)
                .map_err(|error| format!("{}: {why}, and it cannot be renamed: {error}; remove it", path.display()))?;
            tracing::warn!(
                file = %path.display(),
                renamed = %aside.display(),
                "the usage file is damaged ({why}); it was renamed and a new one begins; `sqlite3 {} .recover` may read it",
                aside.display()
            );
            connect(&path).map_err(|unusable| unusable.text(&path))?
        }
        Err(unusable) => return Err(unusable.text(&path)),
    };
    let found = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let inode = (found.dev(), found.ino());
    Ok(Database { connection, file: Some(OpenFile { path, inode, lock }) })
}

/// A database in memory.
pub(super) fn memory() -> rusqlite::Result<Database> {
    let mut connection = Connection::open_in_memory()?;
    settings(&connection)?;
    schema::create(&mut connection, &random())?;
    Ok(Database { connection, file: None })
}

/// Opens the file for a query.
pub(super) fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    // Not `READ_ONLY`, with which SQLite cannot recover a log that a crash left.
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

/// Reason why a file is not used.
enum Unusable {
    /// Its content is not that of a database of ours.
    Damaged(String),
    /// It belongs to somebody else, or it cannot be read or written.
    Other(String),
}

impl Unusable {
    fn text(&self, path: &Path) -> String {
        let (Self::Damaged(why) | Self::Other(why)) = self;
        format!("{}: {why}", path.display())
    }
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Other("another program has locked it; end that program and restart the agent".into())
            }
            Some(ErrorCode::DiskFull) => Self::Other("the disk is full; free some space and restart the agent".into()),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::Other(format!(
                "expected a file and a folder that this account can write ({error}); correct that and restart the agent"
            )),
            _ => Self::Other(format!("{error}; correct that and restart the agent")),
        }
    }
}

/// Looks at the file before SQLite does, which would change a file of a newer version when it closes it.
fn look(path: &Path) -> Result<(), Unusable> {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    let mut file = match regular::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Unusable::Other(format!("{error}; correct that and restart the agent"))),
    };
    let mut head = Vec::new();
    let read = (&mut file).take(100).read_to_end(&mut head);
    read.map_err(|error| Unusable::Other(format!("{error}; correct that and restart the agent")))?;
    if head.is_empty() {
        return Ok(());
    }
    if !head.starts_with(MAGIC) || head.len() < 100 {
        return Err(Unusable::Damaged("expected an SQLite file, got another or a part of one".into()));
    }
    let number = |at: usize| {
        let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        i64::from(u32::from_be_bytes(bytes))
    };
    expect(number(60), number(68))
}

/// Problem of a file that is not the agent's.
const FOREIGN: &str = "expected the agent's own file, got that of another program; move it away and restart the agent";

/// Compares a version and a mark with ours.
fn expect(version: i64, application: i64) -> Result<(), Unusable> {
    if application != APPLICATION && (application, version) != (0, 0) {
        return Err(Unusable::Other(FOREIGN.into()));
    }
    if version > VERSION {
        return Err(Unusable::Other(format!(
            "expected version {VERSION}, got {version}: a newer agent wrote it, and it is left as it is; install that version \
             again, or move the file away and restart the agent"
        )));
    }
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, Unusable> {
    create(path).map_err(|error| Unusable::Other(format!("{error}; correct that and restart the agent")))?;
    let mut connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    // Until the version is known: a newer one may be in the log alone.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let number = |name| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let version = number("user_version")?;
    expect(version, number("application_id")?)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    // Memory that the hosts of one file system share does not exist.
    let journal = if network_file_system(path).is_some() { "DELETE" } else { "WAL" };
    let _: String = connection.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |row| row.get(0))?;
    settings(&connection)?;
    if version == 0 {
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables > 0 {
            return Err(Unusable::Other(FOREIGN.into()));
        }
        schema::create(&mut connection, &random())?;
    }
    complete(&connection).map_err(|error| match error {
        rusqlite::Error::SqliteFailure(..) => Unusable::from(error),
        other => Unusable::Damaged(other.to_string()),
    })?;
    Ok(connection)
}

/// Creates the file, unless it exists: SQLite would give it the usual mode, and it names users. It is closed before SQLite
/// opens it, because that would end the locks of this process, and another program would then delete the log.
fn create(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Reads a little of each table.
fn complete(connection: &Connection) -> rusqlite::Result<()> {
    for table in [
        "minute_row",
        "minute_slot",
        "hour_row",
        "hour_slot",
        "gap",
        "frontier",
        "session",
        "user",
        "place",
        "device",
        "gpu",
    ] {
        let statement = connection.prepare(&format!("SELECT * FROM {table} LIMIT 1"));
        let mut statement = statement.map_err(|error| match error.sqlite_error_code() {
            // A table is missing.
            Some(ErrorCode::Unknown) => rusqlite::Error::QueryReturnedNoRows,
            _ => error,
        })?;
        statement.query([])?.next()?;
    }
    schema::number(connection, "sequence")?;
    schema::identity(connection).map(drop)
}

/// Settings of a connection that writes.
fn settings(connection: &Connection) -> rusqlite::Result<()> {
    // `FULL`: a flush outlives a power failure, or an exported counter would step back. `secure_delete`: a name that is
    // forgotten is not in the file's free space either.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cache_size = -{CACHE_KIB}; \
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;"
    ))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 500, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 1 << 22, |_| Ok(()))
}

/// Locks a file of our own in the folder, so that two agents do not count into one file.
fn lock(folder: &Path) -> Result<File, Problem> {
    let path = folder.join(LOCK_NAME);
    let failed = |error: io::Error| {
        format!(
            "expected a folder that this account can write, got \"{error}\" for {}; correct that and restart the agent",
            path.display()
        )
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let file = regular::create(&path).map_err(failed)?;
    let whole = nix::libc::flock {
        l_type: nix::libc::F_WRLCK as i16,
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole)) {
        Ok(_) => Ok(file),
        Err(nix::Error::EAGAIN | nix::Error::EACCES) => Err(format!(
            "another agent uses {}; give each agent its own --state-dir and restart this one",
            folder.join(NAME).display()
        )),
        // A file system without locks.
        Err(error) => Err(format!(
            "cannot lock {}: {error}; expected a file system with locks: set --state-dir to a local folder",
            path.display()
        )),
    }
}

/// Describes the file in a folder without changing anything, then what is wrong with it.
pub(crate) fn inspect(folder: &Path) -> Vec<Result<String, Problem>> {
    let path = folder.join(NAME);
    let mib = |bytes: u64| format!("{}.{} MiB", bytes >> 20, ((bytes >> 10) % 1024) * 10 / 1024);
    let found = match look(&path) {
        Ok(()) => Ok(match fs::metadata(&path) {
            Ok(found) => format!("{} ({})", path.display(), mib(found.len())),
            Err(_) => format!("{} (not there yet)", path.display()),
        }),
        Err(Unusable::Damaged(why)) => {
            Err(format!("{}: {why}; the agent will rename it and begin a new one", path.display()))
        }
        Err(unusable) => Err(unusable.text(&path)),
    };
    let shared = network_file_system(&path).map(|kind| Err(on_network(&path, kind)));
    std::iter::once(found).chain(shared).collect()
}

/// Warning about a network file system.
pub(super) fn on_network(path: &Path, kind: &str) -> String {
    format!(
        "{} is on {kind}: its locks are those of the server, so only one host may use this folder, and a query delays \
         writing; set --state-dir to a local folder",
        path.display()
    )
}

/// Renames a damaged file and its log, and returns its new name.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let base = format!("{}{ASIDE}{stamp}", path.display());
    let free = (0..100).map(|number| if number == 0 { base.clone() } else { format!("{base}-{number}") });
    let aside = free.map(PathBuf::from).find(|aside| !aside.exists());
    let aside = aside.ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
    fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm", "-journal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        match fs::rename(name(path), name(&aside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// 16 random digits.
fn random() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}
