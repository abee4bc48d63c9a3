//! Files from other ledgers, names that wait for a clean file, and days that cannot be written.

use std::fs;

use rusqlite::Connection;

use super::{
    super::{Writer, forget, schema},
    people::{contains, of_alice},
    *,
};

fn file(folder: &Path) -> std::path::PathBuf {
    folder.join("usage.sqlite")
}

fn by_user(usage: &Arc<Usage>, until_ms: u64) -> UsageReport {
    report(usage, query(0, until_ms, &[Dimension::User]))
}

#[test]
fn flush_of_another_ledger_is_stored_whatever_its_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    for minute in 0..5 {
        script.minute("GPU-A", NOON + minute * MINUTE, vec![by("alice", 60)]);
        usage.flush();
    }
    drop(usage);
    // As if what was open could not be read.
    let script = Arc::new(Script::default());
    script.add(|flush| flush.ledger = 9);
    let opened = OpenedUsage::open(Some(folder.path()), settings()).unwrap();
    let usage = opened.start(Arc::clone(&script) as Arc<dyn Source>);
    script.minute("GPU-A", NOON + HOUR, vec![by("bob", 60)]);
    let expected = vec![(vec![Some("alice")], 300.0), (vec![Some("bob")], 60.0)];
    assert_eq!(shares(&by_user(&usage, NOON + DAY)), expected, "in memory");
    usage.flush();
    assert_eq!(shares(&by_user(&usage, NOON + DAY)), expected, "written");
    drop(usage);
    let (usage, _) = store(Some(folder.path()));
    assert_eq!(shares(&by_user(&usage, NOON + DAY)), expected, "after a restart");
}

#[test]
fn file_whose_open_sessions_cannot_be_read_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    script.add(|flush| {
        flush.sessions.extend((0..200).map(|number| Session {
            open: true,
            command: Some(format!("command-of-{number:03} {}", "x".repeat(300)).into()),
            ..session("GPU-A", "alice", NOON + number, NOON + MINUTE)
        }));
    });
    usage.flush();
    drop(usage);
    // All leaves of the tree but the first.
    let mut bytes = fs::read(file(folder.path())).unwrap();
    let has = |page: &[u8], text: &[u8]| page.windows(text.len()).any(|part| part == text);
    let is_leaf = |page: &[u8]| page[0] == 10 && has(page, b"command-of-") && !has(page, b"command-of-000");
    for page in bytes.chunks_mut(4096).filter(|page| is_leaf(page)) {
        page.fill(0xa5);
    }
    fs::write(file(folder.path()), bytes).unwrap();
    let opened = OpenedUsage::open(Some(folder.path()), settings()).unwrap();
    assert_eq!(opened.resumed(), telemetry::usage::Resumed::default());
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name.to_string_lossy().contains("corrupt-")), "{names:?}");
    assert!(opened.database.file.is_some());
}

/// A store in which the name of alice was removed while a program read the file.
fn forgotten_while_read(folder: &Path) -> Arc<Usage> {
    let (usage, script) = store(Some(folder));
    of_alice(&script);
    usage.flush();
    let reader = Connection::open(file(folder)).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM user", [], |row| row.get(0)).unwrap();
    let answer = usage.forget_user("alice", None).unwrap();
    assert!(answer.contains("repeat this later"), "{answer}");
    assert!(contains(folder, "alice"));
    usage
}

#[test]
fn name_in_unused_parts_is_removed_by_the_next_forget() {
    let folder = tempfile::tempdir().unwrap();
    let usage = forgotten_while_read(folder.path());
    let answer = usage.forget_user("alice", None);
    assert!(answer.as_ref().is_ok_and(|done| done.contains("any more")), "{answer:?}");
    assert!(!contains(folder.path(), "alice"));
    assert!(usage.forget_user("alice", None).is_err());
}

#[test]
fn name_in_unused_parts_is_removed_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let _usage = forgotten_while_read(folder.path());
    // As after a kill.
    let killed = tempfile::tempdir().unwrap();
    for name in ["usage.sqlite", "usage.sqlite-wal"] {
        fs::copy(folder.path().join(name), killed.path().join(name)).unwrap();
    }
    assert!(contains(killed.path(), "alice"));
    let (usage, _) = store(Some(killed.path()));
    Writer::start(usage, Duration::from_secs(3600)).unwrap().stop();
    assert!(!contains(killed.path(), "alice"));
}

#[test]
fn forgotten_sessions_that_began_together_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    let add = |user: &str, place: &str| {
        let mut one = session("GPU-A", user, NOON, NOON + MINUTE);
        one.key.holder = Arc::new(Holder { container: Some(place.into()), ..(*holder(user)).clone() });
        script.add(|flush| flush.sessions.push(one));
    };
    add("alice", "box-1");
    add("alice", "box-2");
    usage.forget_user("alice", None).unwrap();
    add("bob", "box-1");
    usage.flush();
    usage.forget_user("bob", None).unwrap();
    add("carol", "box-1");
    script.forget_user("carol", u64::MAX);
    usage.flush();
    let found = page(&usage, sessions_query(0, u64::MAX, 10)).unwrap().sessions;
    assert_eq!(found.len(), 4);
    assert_eq!(found.iter().map(|(_, one)| one.sums.gpu_us).sum::<u64>(), 240_000_000);
}

#[test]
fn damaged_files_are_named_to_who_removes_a_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(file(folder.path()), "alice, and no database").unwrap();
    let (usage, script) = store(Some(folder.path()));
    of_alice(&script);
    let answer = usage.forget_user("alice", None).unwrap();
    assert!(answer.contains("remove usage.sqlite.corrupt-"), "{answer}");
}

#[test]
fn memory_in_place_of_the_file_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    usage.flush();
    fs::remove_file(file(folder.path())).unwrap();
    fs::create_dir(file(folder.path())).unwrap();
    for day in 0..4 {
        script.minute("GPU-A", NOON + day * DAY, vec![by("alice", 60)]);
        usage.flush();
    }
    assert!(!UsageQueries(Arc::clone(&usage)).state().persistent);
    assert_eq!(by_user(&usage, u64::MAX).device_seconds, 120.0, "those of a day and a minute");
}

/// Half a minute at a time, of which a user has 20 s, and of the minute before 5 s more: a late reading.
fn half(script: &Script, number: u64) {
    let begins = NOON + number / 2 * MINUTE;
    script.add(|flush| {
        let mut one = slot("GPU-A", begins, vec![by("alice", 20)]);
        one.last_ms = begins + (number % 2 + 1) * MINUTE / 2;
        flush.at_ms = one.last_ms;
        if number > 0 && number.is_multiple_of(2) {
            flush.slots.push(slot("GPU-A", begins - MINUTE, vec![by("alice", 5)]));
        }
        flush.slots.push(one);
        let ended = |at| session("GPU-A", "alice", begins + number % 2 * 1000 + at, begins + MINUTE);
        flush.sessions.extend((0..12).map(ended));
        flush.totals.extend([total("alice", 20), total("bob", 1)]);
    });
}

#[test]
fn detail_that_is_dropped_leaves_each_moment_once() {
    for stored in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let (usage, script) = store(Some(folder.path()));
        // 1440 transactions, without waiting for the disk.
        lock(&usage.database).connection.pragma_update(None, "synchronous", "OFF").unwrap();
        let halves = 2400;
        for number in 0..halves {
            half(&script, number);
            usage.take();
            if number < stored {
                usage.flush();
            }
        }
        let first = lock(&usage.kept).front().cloned().unwrap();
        assert_eq!((first.gaps.len(), first.totals.len(), first.sessions.len()), (1, 2, 10_000), "{stored}");
        for place in ["memory", "file"] {
            let found = by_user(&usage, NOON + 2 * DAY);
            let (device, expected) = (found.device_seconds, (halves * 30) as f64);
            assert!((device - expected).abs() < 1e-6, "{device} of {expected} in {place}, {stored} were stored");
            assert_conserved(&found);
            usage.flush();
            assert_eq!(UsageQueries(Arc::clone(&usage)).state().problem, None);
        }
        let mut database = lock(&usage.database);
        let sums = "SELECT sum(last_ms - first_ms) + (SELECT sum(last_ms - first_ms) FROM gap) FROM hour_slot";
        let hours: u64 = database.connection.query_row(sums, [], |row| row.get(0)).map(schema::unsigned).unwrap();
        assert_eq!(hours, halves * 30_000, "hours");
        assert!(forget::forget(&mut database.connection, "alice", None).unwrap());
    }
}

#[test]
fn first_start_with_a_clock_ahead_counts_each_moment_once() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    script.minute("GPU-A", NOON + 4000 * DAY, vec![by("alice", 60)]);
    usage.flush();
    // The clock is set.
    script.add(|flush| {
        flush.at_ms = NOON + MINUTE / 2;
        flush.slots.push(Slot { last_ms: NOON + MINUTE / 2, ..slot("GPU-A", NOON, vec![by("alice", 30)]) });
    });
    usage.flush();
    script.add(|flush| flush.slots.push(slot("GPU-A", NOON, vec![by("alice", 30)])));
    assert_eq!(by_user(&usage, NOON + DAY).device_seconds, 60.0);
    script.minute("GPU-A", NOON + HOUR, vec![by("alice", 60)]);
    usage.flush();
    let kept: i64 =
        lock(&usage.database).connection.query_row("SELECT count(*) FROM minute_slot", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 3, "minutes are kept");
}
