//! Names: switched off, and removed.

use super::*;

/// True if a file of the folder has these bytes.
pub(super) fn contains(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let mut files = files.filter(|bytes| !bytes.is_empty());
    files.any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
}

pub(super) fn of_alice(script: &Script) {
    let place =
        Arc::new(Holder { container: Some("alice-box".into()), job: Some("7".into()), ..(*holder("alice")).clone() });
    for hour in 0..30 {
        script.minute(
            "GPU-A",
            NOON + hour * HOUR,
            vec![by("alice", 20), by("bob", 10), row(Occupant::Holder(Arc::clone(&place)), 30)],
        );
    }
    script.add(|flush| {
        flush
            .sessions
            .push(Session { command: Some("alice.py".into()), ..session("GPU-A", "alice", NOON, NOON + HOUR) });
        flush.sessions.push(session("GPU-A", "bob", NOON, NOON + HOUR));
        flush.totals.extend([total("alice", 50), total("bob", 10)]);
    });
}

#[test]
fn forgotten_user_leaves_no_name_and_no_sum_changes() {
    for unwritten in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (usage, script) = store(Some(folder.path()));
        of_alice(&script);
        if !unwritten {
            usage.flush();
            assert!(contains(folder.path(), "alice"));
        }
        let before = report(&usage, query(NOON, NOON + 2 * DAY, &[Dimension::User]));
        assert_eq!(shares(&before), vec![(vec![Some("alice")], 1500.0), (vec![Some("bob")], 300.0)]);
        let answer = usage.forget_user("alice", None);
        assert!(answer.as_ref().is_ok_and(|done| done.contains("(removed)")), "{answer:?}");
        let after = report(&usage, query(NOON, NOON + 2 * DAY, &[Dimension::User]));
        assert_eq!(shares(&after), vec![(vec![Some("(removed)")], 1500.0), (vec![Some("bob")], 300.0)]);
        assert_eq!((after.device_seconds, after.energy_joules), (before.device_seconds, before.energy_joules));
        let sessions = page(&usage, sessions_query(0, u64::MAX, 10)).unwrap().sessions;
        let users: Vec<_> =
            sessions.iter().map(|(_, one)| (one.key.holder.user.as_deref(), one.command.is_some())).collect();
        assert_eq!(users.len(), 2);
        assert!(users.contains(&(Some("(removed)"), false)) && users.contains(&(Some("bob"), true)), "{users:?}");
        // A new user begins with 0, as if nobody had been removed.
        let totals = || UsageQueries(Arc::clone(&usage)).totals();
        assert_eq!(*totals(), [total("(removed)", 50), total("bob", 0)]);
        usage.flush();
        assert_eq!(*totals(), [total("(removed)", 50), total("bob", 10)]);
        // Nor in unused parts of the files: "alice-box", "alice.py".
        assert!(!contains(folder.path(), "alice"));
        // There is nobody left of this name, and there never was one of the other.
        for nobody in ["alice", "carol", "", "(removed)"] {
            assert!(usage.forget_user(nobody, None).is_err(), "{nobody}");
        }
    }
}

#[test]
fn user_forgotten_before_a_date_keeps_what_is_newer() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    of_alice(&script);
    script.add(|flush| flush.sessions.push(session("GPU-A", "alice", NOON + DAY, NOON + DAY + HOUR)));
    usage.flush();
    // Long ago by any clock of this host, for only a moment of the past is a date.
    let before = NOON / 2;
    usage.forget_user("alice", Some(before)).unwrap();
    let found = |until| report(&usage, query(NOON, until, &[Dimension::User]));
    assert_eq!(shares(&found(NOON + 2 * DAY))[0].0, [Some("alice")]);
    // The future has no dates: all of it goes.
    usage.forget_user("alice", Some(u64::MAX)).unwrap();
    assert_eq!(shares(&found(NOON + 2 * DAY))[0].0, [Some("(removed)")]);
}

#[test]
fn rows_after_the_date_keep_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    of_alice(&script);
    usage.flush();
    let mut database = lock(&usage.database);
    assert!(super::super::forget::forget(&mut database.connection, "alice", Some(NOON + 20 * HOUR)).unwrap());
    drop(database);
    let found = report(&usage, query(NOON, NOON + 2 * DAY, &[Dimension::User]));
    assert_eq!(
        shares(&found),
        vec![(vec![Some("(removed)")], 1000.0), (vec![Some("alice")], 500.0), (vec![Some("bob")], 300.0)]
    );
    assert_conserved(&found);
    // Totals have no dates.
    assert!(super::super::totals(&lock(&usage.database).connection).unwrap().contains(&total("alice", 50)));
}

#[test]
fn names_stored_before_totals_mode_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    of_alice(&script);
    usage.flush();
    drop(usage);
    let (usage, _) = store_of(Some(folder.path()), UsageSettings { people: false, ..settings() });
    let found = report(&usage, query(NOON, NOON + 2 * DAY, &[Dimension::User, Dimension::Job]));
    assert_eq!(shares(&found), vec![(vec![None, None], 1800.0)]);
    let of_alice = UsageQuery { users: Some(vec!["alice".into()]), ..query(NOON, NOON + 2 * DAY, &[Dimension::User]) };
    assert_eq!(report(&usage, of_alice).rows, vec![]);
    let sessions = page(&usage, sessions_query(0, u64::MAX, 10)).unwrap().sessions;
    assert!(sessions.iter().all(|(_, one)| *one.key.holder == Holder::default() && one.command.is_none()));
    let queries = UsageQueries(Arc::clone(&usage));
    assert_eq!((queries.totals().len(), queries.state().people), (0, false));
    usage.forget_user("alice", None).unwrap();
    assert!(!contains(folder.path(), "alice"));
}

#[test]
fn new_user_is_exported_with_zero_before_the_first_flush() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    let totals = || UsageQueries(Arc::clone(&usage)).totals();
    assert_eq!(*totals(), []);
    script.add(|flush| flush.totals.push(total("bob", 47)));
    assert_eq!(*totals(), [total("bob", 0)]);
    usage.flush();
    assert_eq!(*totals(), [total("bob", 0)], "for a minute at least");
    usage.flush();
    script.add(|flush| flush.totals.extend([total("bob", 5), total("alice", 1)]));
    assert_eq!(*totals(), [total("alice", 0), total("bob", 47)]);
    drop(usage);
    let (usage, _) = store(Some(folder.path()));
    assert_eq!(*UsageQueries(usage).totals(), [total("bob", 47)]);
}
