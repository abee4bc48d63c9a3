//! The file: kept over restarts and kills, and what happens to one that cannot be used.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use rusqlite::Connection;

use super::*;

fn path(folder: &Path) -> PathBuf {
    folder.join("usage.sqlite")
}

fn state(usage: &Arc<Usage>) -> server::UsageState {
    UsageQueries(Arc::clone(usage)).state()
}

/// The files of a folder with their bytes.
fn all(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

/// It counts, in memory, and says why.
fn assert_in_memory(usage: &Arc<Usage>, script: &Script, parts: &[&str]) {
    let state = state(usage);
    let problem = state.problem.unwrap_or_default();
    assert!(!state.persistent);
    for part in parts {
        assert!(problem.contains(part), "{problem:?} lacks {part:?}");
    }
    script.minute("GPU-A", NOON, vec![by("alice", 60)]);
    usage.flush();
    assert_eq!(report(usage, query(NOON, NOON + HOUR, &[])).device_seconds, 60.0);
}

#[test]
fn new_file_is_locked_as_an_old_one() {
    let folder = tempfile::tempdir().unwrap();
    // Without a lock, the next program that closes the file takes itself for the last and deletes its log.
    let has_lock = || {
        let inode = fs::metadata(path(folder.path())).unwrap().ino();
        let (pid, file) = (format!(" {} ", std::process::id()), format!(":{inode} "));
        let locks = fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|lock| lock.contains(" POSIX ") && lock.contains(&pid) && lock.contains(&file))
    };
    for _ in 0..2 {
        let (usage, script) = store(Some(folder.path()));
        assert!(has_lock(), "{}", fs::read_to_string("/proc/locks").unwrap());
        script.minute("GPU-A", NOON, vec![by("alice", 60)]);
        usage.flush();
        assert_eq!(report(&usage, query(NOON, NOON + HOUR, &[])).device_seconds, 60.0);
        assert!(has_lock(), "after a query has closed the file");
    }
}

#[test]
fn foreign_file_without_a_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(path(folder.path())).unwrap().execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES(1)").unwrap();
    let (usage, script) = store(Some(folder.path()));
    assert_in_memory(&usage, &script, &["another program", "move it away"]);
    let copy = Connection::open(path(folder.path())).unwrap();
    assert_eq!(copy.query_row("SELECT x FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

#[test]
fn restart_goes_on_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    script.minute("GPU-A", NOON, vec![by("alice", 60)]);
    let open = Session { open: true, ..session("GPU-A", "alice", NOON, NOON + MINUTE) };
    script.add(|flush| {
        flush.run = 7;
        flush.gpus = vec![frontier("GPU-A", NOON + MINUTE)];
        flush.sessions.push(open.clone());
        flush.totals.push(total("alice", 60));
    });
    usage.flush();
    let before = report(&usage, query(NOON, NOON + HOUR, &[Dimension::User]));
    let mode = fs::metadata(path(folder.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(usage);
    let opened = OpenedUsage::open(Some(folder.path()), settings()).unwrap();
    let resumed = opened.resumed();
    assert_eq!((resumed.sequence, resumed.run), (1, 7));
    assert_eq!(resumed.gpus, [Frontier { model: Some("NVIDIA H100".into()), ..frontier("GPU-A", NOON + MINUTE) }]);
    assert_eq!((resumed.sessions, resumed.users), (vec![open], vec!["alice".into()]));
    drop(opened);
    let (usage, _) = store(Some(folder.path()));
    assert_eq!(report(&usage, query(NOON, NOON + HOUR, &[Dimension::User])), before);
    assert_eq!(state(&usage), server::UsageState { people: true, persistent: true, problem: None });
}

#[test]
fn flush_that_is_stored_is_not_stored_again() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    script.minute("GPU-A", NOON, vec![by("alice", 60)]);
    usage.take();
    let flush = lock(&usage.kept).front().cloned().unwrap();
    usage.flush();
    // As after an error of which the outcome is not known.
    lock(&usage.kept).push_back(flush);
    usage.flush();
    assert_eq!(
        shares(&report(&usage, query(NOON, NOON + HOUR, &[Dimension::User]))),
        vec![(vec![Some("alice")], 60.0)]
    );
}

#[test]
fn second_agent_counts_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = store(Some(folder.path()));
    let (second, script) = store(Some(folder.path()));
    assert_in_memory(&second, &script, &["another agent", "--state-dir"]);
    assert!(state(&first).persistent);
    drop((first, second));
    let (third, _) = store(Some(folder.path()));
    assert!(state(&third).persistent);
}

#[test]
fn file_of_newer_version_is_left_byte_for_byte() {
    for killed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (usage, script) = store(Some(folder.path()));
        script.minute("GPU-A", NOON, vec![by("alice", 60)]);
        usage.flush();
        drop(usage);
        let newer = Connection::open(path(folder.path())).unwrap();
        newer.pragma_update(None, "journal_mode", "WAL").unwrap();
        newer.execute_batch("CREATE TABLE of_the_future(x); PRAGMA user_version = 2;").unwrap();
        let copy = tempfile::tempdir().unwrap();
        if killed {
            // Its last transactions are in the log alone.
            for (name, bytes) in all(folder.path()) {
                fs::write(copy.path().join(name), bytes).unwrap();
            }
            fs::remove_file(copy.path().join("usage.sqlite-shm")).unwrap();
        }
        drop(newer);
        let folder = if killed { copy } else { folder };
        let before = all(folder.path());
        assert_eq!(killed, before.get("usage.sqlite-wal").is_some_and(|log| !log.is_empty()));
        let (usage, script) = store(Some(folder.path()));
        assert_in_memory(&usage, &script, &["expected version 1, got 2", "newer"]);
        drop(usage);
        let after = all(folder.path());
        for name in ["usage.sqlite", "usage.sqlite-wal"] {
            assert!(before.get(name) == after.get(name), "{name} changed, killed: {killed}");
        }
    }
}

#[test]
fn damaged_file_is_renamed_and_a_new_one_begins() {
    for (content, is_damaged) in [
        (&b"hello"[..], true),
        (&[0; 8192], true),
        (&b"SQLite format 3\0"[..], true),
        (&[&b"SQLite format 3\0"[..], &[7; 8000]].concat(), false),
        (b"", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(path(folder.path()), content).unwrap();
        let (usage, script) = store(Some(folder.path()));
        let aside = all(folder.path()).into_iter().filter(|(name, _)| name.contains("corrupt-")).collect::<Vec<_>>();
        assert_eq!(aside.len(), usize::from(is_damaged), "{content:?}");
        if is_damaged {
            assert_eq!(aside[0].1, content);
        }
        script.minute("GPU-A", NOON, vec![by("alice", 60)]);
        usage.flush();
        assert_eq!(report(&usage, query(NOON, NOON + HOUR, &[])).device_seconds, 60.0);
    }
}

/// Overwrites the pages of a file after the first.
fn damage(file: &Path) {
    use std::os::unix::fs::FileExt as _;
    let length = fs::metadata(file).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(file).unwrap();
    for page in 1..length / 4096 {
        file.write_all_at(&[0xa5; 4096], page * 4096).unwrap();
    }
}

#[test]
fn file_damaged_while_it_is_used_is_renamed() {
    for by_query in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (usage, script) = store(Some(folder.path()));
        for minute in 0..200 {
            script.minute("GPU-A", NOON + minute * MINUTE, vec![by("alice", 60)]);
        }
        usage.flush();
        let emptied = lock(&usage.database).connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        emptied.unwrap();
        damage(&path(folder.path()));
        let (usage, script) = if by_query {
            let queries = UsageQueries(Arc::clone(&usage));
            let error = wait(queries.usage(query(NOON, NOON + DAY, &[Dimension::User]))).unwrap_err();
            assert!(matches!(&error, UsageError::Unavailable(why) if why.contains("damaged")), "{error:?}");
            (usage, script)
        } else {
            drop(usage);
            store(Some(folder.path()))
        };
        script.minute("GPU-A", NOON + DAY, vec![by("bob", 60)]);
        usage.flush();
        let aside = all(folder.path()).into_keys().filter(|name| name.contains("corrupt-")).count();
        assert!(aside >= 1, "{by_query} {:?} {:?}", state(&usage), all(folder.path()).keys());
        let found = report(&usage, query(NOON, NOON + 2 * DAY, &[Dimension::User]));
        assert_eq!(shares(&found), vec![(vec![Some("bob")], 60.0)]);
        assert!(state(&usage).persistent);
    }
}

#[test]
fn deleted_file_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    script.minute("GPU-A", NOON, vec![by("alice", 60)]);
    usage.flush();
    for name in all(folder.path()).into_keys() {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    script.minute("GPU-A", NOON + MINUTE, vec![by("bob", 60)]);
    usage.flush();
    assert_eq!(shares(&report(&usage, query(NOON, NOON + HOUR, &[Dimension::User]))), vec![(vec![Some("bob")], 60.0)]);
    assert!(fs::metadata(path(folder.path())).unwrap().len() > 0);
}

#[test]
fn file_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let other = Connection::open(path(folder.path())).unwrap();
    other.execute_batch("CREATE TABLE mine(x); PRAGMA application_id = 5").unwrap();
    drop(other);
    let before = all(folder.path());
    let (usage, script) = store(Some(folder.path()));
    assert_in_memory(&usage, &script, &["another program", "move it away"]);
    drop(usage);
    assert_eq!(before.get("usage.sqlite"), all(folder.path()).get("usage.sqlite"));
}

#[test]
fn what_is_no_file_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(path(folder.path())).unwrap();
    let (usage, script) = store(Some(folder.path()));
    assert_in_memory(&usage, &script, &["a regular file", "a directory", "restart"]);
    let (usage, script) = store(Some(Path::new("/proc/nothing")));
    assert_in_memory(&usage, &script, &["can write", "/proc/nothing"]);
}

#[test]
fn locked_file_is_written_later() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    script.minute("GPU-A", NOON, vec![by("alice", 60)]);
    let other = Connection::open(path(folder.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    usage.flush();
    let problem = state(&usage).problem.unwrap();
    assert!(problem.contains("locked") && problem.contains("end the program"), "{problem}");
    script.minute("GPU-A", NOON + MINUTE, vec![by("alice", 60)]);
    script.add(|flush| flush.totals.push(total("alice", 120)));
    let found = || shares(&report(&usage, query(NOON, NOON + HOUR, &[Dimension::User])))[0].1;
    assert_eq!(found(), 120.0);
    // Only what is on disk is exported.
    assert_eq!(*UsageQueries(Arc::clone(&usage)).totals(), [total("alice", 0)]);
    other.execute_batch("ROLLBACK").unwrap();
    usage.flush();
    assert_eq!((state(&usage).problem, found()), (None, 120.0));
    assert_eq!(*UsageQueries(Arc::clone(&usage)).totals(), [total("alice", 0)], "a new user begins with 0");
    usage.flush();
    assert_eq!(*UsageQueries(Arc::clone(&usage)).totals(), [total("alice", 120)]);
}

#[test]
fn full_disk_delays_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    let limit = |pages: u64| {
        let limited =
            lock(&usage.database).connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()));
        limited.unwrap();
    };
    // SQLite returns the code of a full disk.
    limit(1);
    for minute in 0..300 {
        script.minute("GPU-A", NOON + minute * MINUTE, vec![by("alice", 60)]);
    }
    usage.flush();
    let problem = state(&usage).problem.unwrap();
    assert!(problem.contains("full") && problem.contains("free some space"), "{problem}");
    let found = || report(&usage, query(NOON, NOON + DAY, &[Dimension::User]));
    assert_eq!((found().device_seconds, shares(&found())[0].1), (18_000.0, 18_000.0));
    limit(1 << 30);
    usage.flush();
    assert_eq!((state(&usage).problem, found().device_seconds), (None, 18_000.0));
    drop(usage);
    let (usage, _) = store(Some(folder.path()));
    assert_eq!(report(&usage, query(NOON, NOON + DAY, &[])).device_seconds, 18_000.0);
}

#[test]
fn day_of_flushes_that_cannot_be_written_is_kept_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    for minute in 0..2000 {
        script.minute("GPU-A", NOON + minute * MINUTE, vec![by("alice", 30)]);
        script.add(|flush| flush.totals.push(total("alice", 30)));
        usage.take();
    }
    assert_eq!(lock(&usage.kept).len(), 1440);
    assert!(lock(&usage.kept).front().unwrap().gaps.len() == 1);
    usage.flush();
    let found = report(&usage, query(NOON, NOON + 2 * DAY, &[Dimension::User]));
    assert_eq!(found.device_seconds, 120_000.0);
    assert_eq!(shares(&found)[0].1, 1439.0 * 30.0);
    assert_conserved(&found);
    // Totals of users outlive the detail. That of a new user is exposed after the next flush.
    usage.flush();
    assert_eq!(*UsageQueries(usage).totals(), [total("alice", 60_000)]);
}

#[test]
fn export_is_a_copy_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    script.minute("GPU-A", NOON, vec![by("alice", 60)]);
    usage.flush();
    let copy = folder.path().join("copy's.sqlite");
    let done = super::super::export(folder.path(), &copy).unwrap();
    assert!(done.contains("copied"), "{done}");
    let found = fs::metadata(&copy).unwrap();
    assert_eq!(found.mode() & 0o777, 0o600);
    let opened = Connection::open(&copy).unwrap();
    let seconds: i64 = opened.query_row("SELECT sum(gpu_us) FROM hour_row", [], |row| row.get(0)).unwrap();
    assert_eq!(seconds, 60_000_000);
    let error = super::super::export(folder.path(), &copy).unwrap_err();
    assert!(error.contains("no file has"), "{error}");
    assert_eq!(fs::metadata(&copy).unwrap().len(), found.len());
    let error = super::super::export(Path::new("/nonexistent"), &folder.path().join("b")).unwrap_err();
    assert!(error.contains("--state-dir"), "{error}");
}

#[test]
fn expired_hours_go_and_a_wrong_clock_takes_a_day_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let short = UsageSettings { retention: Duration::from_secs(10 * 86_400), ..settings() };
    let (usage, script) = store_of(Some(folder.path()), short);
    for day in 0..9 {
        script.minute("GPU-A", NOON + day * DAY, vec![by("alice", 60)]);
        usage.flush();
    }
    let days = || report(&usage, query(0, u64::MAX, &[Dimension::User])).device_seconds / 60.0;
    assert_eq!(days(), 9.0);
    // The clock is years ahead for a moment: the expiry goes forward by one day.
    script.minute("GPU-A", NOON + 4000 * DAY, vec![by("alice", 60)]);
    usage.flush();
    script.minute("GPU-A", NOON + 9 * DAY, vec![by("alice", 60)]);
    usage.flush();
    assert_eq!(days(), 11.0);
    for day in 10..30 {
        script.minute("GPU-A", NOON + day * DAY, vec![by("alice", 60)]);
        usage.flush();
    }
    assert_eq!(days(), 12.0, "eleven days, and the one of the wrong clock");
}

/// Variable that makes this test write flushes until it is killed, into this folder.
const CHILD: &str = "USAGE_TEST_WRITES";

/// Writes as fast as possible: each flush adds a second to a minute, a session and the totals.
fn write_until_killed(folder: &Path) {
    let (usage, script) = store(Some(folder));
    let at = lock(&usage.database)
        .connection
        .query_row("SELECT value FROM meta WHERE name = 'sequence'", [], |row| row.get(0));
    let mut number: u64 = schema_number(at.unwrap());
    loop {
        number += 1;
        let begins = NOON + number / 60 * MINUTE;
        script.add(|flush| {
            let mut one = slot("GPU-A", begins, vec![by("alice", 1)]);
            one.last_ms = begins + (number % 60 + 1) * 1000;
            flush.at_ms = one.last_ms;
            flush.slots.push(one);
            flush.sessions.push(session("GPU-A", "alice", NOON, begins));
            flush.totals.push(total("alice", 1));
        });
        usage.flush();
        // The flush is on disk: the parent expects it in the file.
        println!("{number}");
    }
}

fn schema_number(value: i64) -> u64 {
    u64::try_from(value).unwrap()
}

/// Kills a writer again and again. After each kill the file is whole, has every flush that was reported as written, and
/// counts each once.
fn kill_often(times: u32) {
    use std::io::{BufRead as _, BufReader};
    let folder = tempfile::tempdir().unwrap();
    for round in 0..times {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["usage::tests::files::writer_killed_while_writing_loses_no_written_flush", "--exact", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut reported = 0;
        // A few flushes, and then at any point of the next.
        let flushes = fastrand::usize(1..12);
        let mut seen = 0;
        while seen < flushes {
            let Some(Ok(line)) = lines.next() else { panic!("the writer ended") };
            if let Ok(number) = line.trim().parse::<u64>() {
                reported = number;
                seen += 1;
            }
        }
        std::thread::sleep(Duration::from_micros(fastrand::u64(0..4000)));
        child.kill().unwrap();
        child.wait().unwrap();
        reported = lines.map_while(Result::ok).filter_map(|line| line.trim().parse().ok()).last().unwrap_or(reported);
        let file = Connection::open(path(folder.path())).unwrap();
        let number = |sql: &str| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let check: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok", "round {round}");
        let sequence = number("SELECT value FROM meta WHERE name = 'sequence'");
        let written = schema_number(sequence);
        assert!((reported..=reported + 1).contains(&written), "round {round}: {reported} reported, {written} written");
        let us = sequence * 1_000_000;
        for table in [
            "SELECT sum(gpu_us) FROM minute_row",
            "SELECT sum(gpu_us) FROM hour_row",
            "SELECT gpu_us FROM user WHERE name = 'alice'",
        ] {
            assert_eq!(number(table), us, "round {round}: {table}");
        }
        assert_eq!(number("SELECT count(*) FROM session"), 1);
    }
}

#[test]
fn writer_killed_while_writing_loses_no_written_flush() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return write_until_killed(Path::new(&folder));
    }
    let times = std::env::var("USAGE_KILLS").ok().and_then(|times| times.parse().ok());
    kill_often(times.unwrap_or(20));
}
