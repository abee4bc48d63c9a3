//! Reports and pages of sessions.

use super::*;

#[test]
fn unflushed_minute_is_added_from_memory_once() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    script.minute("GPU-A", NOON, vec![by("alice", 40), row(Occupant::Free, 20)]);
    let all = || report(&usage, query(NOON, NOON + MINUTE, &[Dimension::User]));
    let expected = vec![(vec![Some("alice")], 40.0)];
    let before = all();
    assert_eq!((shares(&before), before.device_seconds, before.free_seconds), (expected.clone(), 60.0, 20.0));
    usage.flush();
    assert_eq!(all(), before);
    // The same minute goes on.
    script.add(|flush| {
        let mut grown = slot("GPU-A", NOON + MINUTE, vec![by("alice", 10)]);
        grown.last_ms = grown.begins_ms + 30_000;
        flush.slots.push(grown);
    });
    usage.flush();
    script.minute("GPU-A", NOON + MINUTE, vec![by("bob", 20)]);
    let both = report(&usage, query(NOON, NOON + HOUR, &[Dimension::User]));
    assert_eq!(both.device_seconds, 120.0);
    assert_eq!(shares(&both), vec![(vec![Some("alice")], 50.0), (vec![Some("bob")], 20.0)]);
    assert_eq!(both.unobserved_seconds, 30.0);
    assert_conserved(&both);
}

#[test]
fn whole_days_are_as_their_hours() {
    let folder = tempfile::tempdir().unwrap();
    let (usage, script) = store(Some(folder.path()));
    let users = ["alice", "bob", "carol"];
    for hour in 0..100 {
        let begins = NOON + hour * HOUR;
        let job = |user: &str| Arc::new(Holder { job: Some(format!("{hour}").into()), ..(*holder(user)).clone() });
        let user = users[usize::try_from(hour).unwrap() % 3];
        for gpu in ["GPU-A", "GPU-B"] {
            let rows = vec![row(Occupant::Holder(job(user)), 20), row(Occupant::Free, 30)];
            script.minute(gpu, begins + hour % 50 * MINUTE, rows);
        }
        script.add(|flush| {
            flush.at_ms = begins + HOUR;
            flush.sessions.push(session("GPU-A", user, begins, begins + MINUTE));
        });
        if hour != 99 {
            usage.flush();
        }
    }
    let end = NOON + 100 * HOUR;
    // Jobs are read from the hours.
    let check = |since: u64, until: u64| {
        for gpus in [None, Some(vec!["GPU-B".to_owned()])] {
            let ask = |by: &[Dimension]| report(&usage, UsageQuery { gpus: gpus.clone(), ..query(since, until, by) });
            let (fast, slow) = (ask(&[Dimension::User]), ask(&[Dimension::User, Dimension::Job]));
            assert_conserved(&fast);
            assert_eq!(UsageReport { rows: vec![], ..fast.clone() }, UsageReport { rows: vec![], ..slow.clone() });
            for user in users {
                let of = |found: &UsageReport| {
                    let rows = found.rows.iter().filter(|row| row.keys[0].as_deref() == Some(user));
                    rows.fold((0.0, 0), |(seconds, sessions), row| {
                        (seconds + row.sums.gpu_seconds, sessions + row.sessions)
                    })
                };
                let (fast, slow) = (of(&fast), of(&slow));
                assert!(
                    (fast.0 - slow.0).abs() < 1e-6 && fast.1 >= slow.1,
                    "{user} {since} {until}: {fast:?} {slow:?}"
                );
            }
        }
    };
    for (since, until) in
        [(0, u64::MAX), (NOON, end), (NOON + 1_234_567, end - 7_654_321), (NOON + 13 * HOUR, NOON + 61 * HOUR)]
    {
        check(since, until);
        check(since, until);
    }
    // What changes a day that was read is seen.
    let mut late = slot("GPU-A", NOON + 30 * HOUR + 59 * MINUTE, vec![by("dave", 60)]);
    late.run = 9;
    script.add(|flush| flush.slots.push(late));
    usage.flush();
    check(0, u64::MAX);
    let all = || report(&usage, query(0, u64::MAX, &[Dimension::User]));
    assert!(shares(&all()).contains(&(vec![Some("dave")], 60.0)));
    usage.forget_user("alice", None).unwrap();
    let removed = shares(&all()).into_iter().find(|(keys, _)| keys[0] == Some("(removed)")).unwrap().1;
    assert_eq!(removed, 2.0 * 20.0 * 34.0, "of each third hour");
    assert!(shares(&all()).iter().all(|(keys, _)| keys[0] != Some("alice")));
    let nobody = UsageQuery { gpus: Some(vec!["GPU-A".into(), "GPU-Z".into()]), ..query(0, u64::MAX, &[]) };
    assert_eq!(wait(UsageQueries(Arc::clone(&usage)).usage(nobody)), Err(UsageError::Gpu("GPU-Z".into())));
    assert_conserved(&all());
    check(0, u64::MAX);
}

#[test]
fn edge_takes_share_of_all_rows() {
    let (usage, script) = store(None);
    script.minute("GPU-A", NOON, vec![by("alice", 40), by("bob", 20)]);
    usage.flush();
    let half = report(&usage, query(NOON + 15_000, NOON + 45_000, &[Dimension::User]));
    assert_eq!(shares(&half), vec![(vec![Some("alice")], 20.0), (vec![Some("bob")], 10.0)]);
    assert_eq!((half.device_seconds, half.unobserved_seconds), (30.0, 0.0));
    // A quarter of a minute is cut off at each edge.
    assert!((half.edge_seconds - 2.0 * 15.0 * 45.0 / 60.0).abs() < 1e-9, "{}", half.edge_seconds);
    assert_eq!(report(&usage, query(NOON, NOON + MINUTE, &[])).edge_seconds, 0.0);
}

#[test]
fn dimensions_are_keys_in_order() {
    let (usage, script) = store(None);
    let place = Arc::new(Holder {
        user: Some("alice".into()),
        container: Some("trainer".into()),
        pod: Some("ml/train-0".into()),
        job: Some("42".into()),
    });
    script.minute("GPU-A", NOON, vec![row(Occupant::Holder(place), 60)]);
    script.minute("GPU-B", NOON, vec![by("alice", 30), row(Occupant::Unknown, 30)]);
    let all = [Dimension::Job, Dimension::Pod, Dimension::Container, Dimension::Gpu, Dimension::Model, Dimension::User];
    let check = || {
        let found = report(&usage, query(NOON, NOON + MINUTE, &all));
        let model = Some("NVIDIA H100");
        assert_eq!(
            shares(&found),
            vec![
                (vec![Some("42"), Some("ml/train-0"), Some("trainer"), Some("GPU-A"), model, Some("alice")], 60.0),
                (vec![None, None, None, Some("GPU-B"), model, Some("alice")], 30.0),
            ]
        );
        assert_eq!((found.devices, found.unknown_seconds, found.rows[0].gpu_index), (2, 30.0, Some(0)));
    };
    check();
    usage.flush();
    check();
    let one = UsageQuery { gpus: Some(vec!["GPU-B".into()]), ..query(NOON, NOON + MINUTE, &[Dimension::User]) };
    assert_eq!((report(&usage, one.clone()).device_seconds, report(&usage, one).devices), (60.0, 1));
    let nobody = UsageQuery { users: Some(vec!["bob".into()]), ..query(NOON, NOON + MINUTE, &[Dimension::User]) };
    assert_eq!(shares(&report(&usage, nobody)), vec![]);
}

#[test]
fn days_and_hours_are_of_the_zone() {
    let (usage, script) = store(None);
    // 18:00 to 19:00 UTC: midnight in a zone of UTC+05:30 is at 18:30.
    let six = NOON + 6 * HOUR;
    for minute in 0..60 {
        script.minute("GPU-A", six + minute * MINUTE, vec![by("alice", 60)]);
    }
    usage.flush();
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_seconds(19_800).unwrap());
    let days = UsageQuery { zone: zone.clone(), ..query(six, six + HOUR, &[Dimension::Day]) };
    let found = report(&usage, days);
    let mut days = shares(&found);
    days.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(days, vec![(vec![Some("2026-11-30")], 1800.0), (vec![Some("2026-12-01")], 1800.0)]);
    let hours = UsageQuery { zone, ..query(six, six + HOUR, &[Dimension::HourOfDay]) };
    let found = report(&usage, hours);
    let mut hours = shares(&found);
    hours.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(hours, vec![(vec![Some("0")], 1800.0), (vec![Some("23")], 1800.0)]);
}

#[test]
fn gap_is_unobserved_existence() {
    let (usage, script) = store(None);
    script.minute("GPU-A", NOON, vec![by("alice", 60)]);
    script.add(|flush| {
        flush.gaps.push(telemetry::usage::Gap {
            run: 1,
            gpu: "GPU-A".into(),
            index: 0,
            model: None,
            first_ms: NOON + MINUTE,
            last_ms: NOON + 10 * DAY,
        });
    });
    let check = || {
        let found = report(&usage, query(NOON, NOON + DAY, &[Dimension::User]));
        assert_eq!((found.device_seconds, found.unobserved_seconds), (86_400.0, 86_340.0));
        assert_eq!(found.devices, 1);
        assert_conserved(&found);
    };
    check();
    usage.flush();
    check();
}

#[test]
fn forgotten_gpu_does_not_exist_until_it_comes_back() {
    let (usage, script) = store(None);
    script.minute("GPU-A", NOON, vec![by("alice", 60)]);
    usage.flush();
    script.minute("GPU-A", NOON + 30 * MINUTE, vec![by("alice", 60)]);
    usage.flush();
    // Also after the minutes have expired.
    for hours in [0, 30] {
        script.minute("GPU-B", NOON + hours * HOUR, vec![]);
        usage.flush();
        let one = UsageQuery { gpus: Some(vec!["GPU-A".into()]), ..query(NOON, NOON + HOUR, &[]) };
        assert_eq!(report(&usage, one).device_seconds, 120.0, "{hours}");
    }
}

#[test]
fn replaced_gpu_is_another_model() {
    let (usage, script) = store(None);
    script.minute("bus 18", NOON, vec![by("alice", 60)]);
    usage.flush();
    script.add(|flush| {
        let mut other = slot("bus 18", NOON + MINUTE, vec![by("alice", 60)]);
        other.model = Some("NVIDIA A100".into());
        flush.slots.push(other);
    });
    let mut models = vec![];
    for _ in 0..2 {
        let found = report(&usage, query(NOON, NOON + HOUR, &[Dimension::Model]));
        assert_eq!((found.device_seconds, found.devices), (120.0, 1));
        models = shares(&found).iter().map(|(keys, _)| keys[0].unwrap().to_owned()).collect();
        usage.flush();
    }
    models.sort();
    assert_eq!(models, ["NVIDIA A100", "NVIDIA H100"]);
}

#[test]
fn instances_are_devices_and_unassigned_slices_are_not() {
    let (usage, script) = store(None);
    let mig = |name: &str, occupant, seconds| Row { mig: Some(name.into()), ..row(occupant, seconds) };
    let rows = vec![
        mig("MIG-1", Occupant::Holder(holder("alice")), 20),
        mig("MIG-2", Occupant::Free, 20),
        row(Occupant::Unassigned, 20),
    ];
    script.minute("GPU-A", NOON, rows);
    usage.flush();
    let found = report(&usage, query(NOON, NOON + HOUR, &[Dimension::User]));
    assert_eq!((found.devices, found.unassigned_seconds, found.free_seconds), (2, 20.0, 20.0));
    assert_conserved(&found);
}

#[test]
fn sessions_are_paged_newest_first() {
    for in_file in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (usage, script) = store(in_file.then_some(folder.path()));
        for number in 0..25 {
            let first = NOON + number * MINUTE;
            script.add(|flush| {
                flush.at_ms = first + MINUTE;
                flush.sessions.push(session("GPU-A", "alice", first, first + MINUTE));
                // Two that begin together.
                flush.sessions.push(session("GPU-B", "bob", first, first + MINUTE));
            });
            if number % 10 == 9 {
                usage.flush();
            }
        }
        let mut found: Vec<(String, Session)> = Vec::new();
        let mut ask = sessions_query(NOON, NOON + HOUR, 7);
        loop {
            let page = page(&usage, ask.clone()).unwrap();
            assert!(page.sessions.len() <= 7);
            found.extend(page.sessions);
            match page.next {
                Some(next) => ask.cursor = Some(next),
                None => break,
            }
            // It stays the same page while others are written.
            usage.flush();
        }
        assert_eq!(found.len(), 50);
        let ids: std::collections::HashSet<_> = found.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), 50);
        assert!(found.windows(2).all(|two| two[0].1.key.first_ms >= two[1].1.key.first_ms));
        let of_bob = SessionsQuery { users: Some(vec!["bob".into()]), ..sessions_query(NOON, NOON + HOUR, 1000) };
        assert_eq!(page(&usage, of_bob).unwrap().sessions.len(), 25);
        let of_a = SessionsQuery { gpus: Some(vec!["GPU-A".into()]), ..sessions_query(NOON, NOON + HOUR, 1000) };
        assert_eq!(page(&usage, of_a).unwrap().sessions.len(), 25);
    }
}

#[test]
fn open_session_in_memory_replaces_stored_one() {
    let (usage, script) = store(None);
    let open = |last_ms| Session { open: true, ..session("GPU-A", "alice", NOON, last_ms) };
    script.add(|flush| flush.sessions.push(open(NOON + MINUTE)));
    let found = || page(&usage, sessions_query(NOON, NOON + HOUR, 10)).unwrap().sessions;
    let first = found();
    usage.flush();
    assert_eq!(found(), first);
    script.add(|flush| flush.sessions.push(open(NOON + 2 * MINUTE)));
    let second = found();
    assert_eq!((second.len(), second[0].1.last_ms, &second[0].0), (1, NOON + 2 * MINUTE, &first[0].0));
}

#[test]
fn session_counts_in_every_group_that_it_touches() {
    let (usage, script) = store(None);
    for hour in 0..48 {
        script.minute("GPU-A", NOON + hour * HOUR, vec![by("alice", 60)]);
    }
    script.add(|flush| flush.sessions.push(session("GPU-A", "alice", NOON, NOON + 40 * HOUR)));
    for _ in 0..2 {
        let found = report(&usage, query(NOON, NOON + 2 * DAY, &[Dimension::Day]));
        assert_eq!(found.rows.iter().map(|row| row.sessions).collect::<Vec<_>>(), [1, 1, 1][..found.rows.len()]);
        let found = report(&usage, query(NOON, NOON + 2 * DAY, &[Dimension::User]));
        assert_eq!(found.rows[0].sessions, 1);
        usage.flush();
    }
}

#[test]
fn cursor_of_another_store_is_refused() {
    let (one, script) = store(None);
    let (other, _) = store(None);
    script.add(|flush| {
        flush.sessions.extend((0..3).map(|number| session("GPU-A", "alice", NOON + number, NOON + MINUTE)));
    });
    let ask = |cursor: &str| SessionsQuery { cursor: Some(cursor.into()), ..sessions_query(0, NOON + HOUR, 1) };
    let next = page(&one, sessions_query(0, NOON + HOUR, 1)).unwrap().next.unwrap();
    assert!(page(&one, ask(&next)).is_ok());
    assert_eq!(page(&other, ask(&next)), Err(UsageError::Cursor));
    let store = next.split('-').next().unwrap();
    for wrong in [
        "",
        "x",
        store,
        &format!("{store}-"),
        &format!("{store}-1"),
        &format!("{store}--1-2"),
        &next.to_uppercase(),
        &format!("{next}0000000000000000"),
    ] {
        assert_eq!(page(&one, ask(wrong)), Err(UsageError::Cursor), "{wrong:?}");
    }
}

#[test]
fn windows_of_1970_and_9999_answer() {
    let (usage, script) = store(None);
    script.minute("GPU-A", NOON, vec![by("alice", 60)]);
    script.add(|flush| flush.sessions.push(session("GPU-A", "alice", NOON, NOON + MINUTE)));
    for _ in 0..2 {
        for by in [Dimension::User, Dimension::Day, Dimension::HourOfDay] {
            for until in [253_402_300_799_000, u64::MAX] {
                let found = report(&usage, query(0, until, &[by]));
                assert_eq!((found.device_seconds, found.rows.len(), found.rows[0].sessions), (60.0, 1, 1));
            }
        }
        assert_eq!(report(&usage, query(5, 5, &[])).rows.len(), 0);
        assert_eq!(report(&usage, query(u64::MAX, 0, &[])).device_seconds, 0.0);
        usage.flush();
    }
}
