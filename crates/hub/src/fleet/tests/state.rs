use super::*;

#[test]
fn host_stale_after_three_intervals() {
    let mut hub = Hub::new(&["a"]);
    assert_eq!(hub.state("a", 100), (HostState::Starting, "no report yet".into(), 100));
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 1000);
    assert_eq!(hub.state("a", 1000), (HostState::Ok, String::new(), 1000));
    // The reading was 200 ms old on arrival.
    assert_eq!(hub.state("a", 3800).0, HostState::Ok);
    assert_eq!(hub.publish(3800).totals.gpus.free, 1);
    let (state, why, since) = hub.state("a", 3801);
    assert_eq!((state, since), (HostState::Stale, 3801));
    assert_eq!(why, "no reading for more than 3 s");
    let published = hub.publish(3900);
    assert_eq!((published.totals.gpus.free, published.totals.gpus.unknown), (0, 1));
    let row = &everything(&published, Audience::Read)["hosts"][0];
    assert_eq!((&row["gpus"][0]["use"], &row["gpus"][0]["last_use"]), (&"unknown".into(), &"free".into()));
    assert_eq!(
        (&row["age_ms"], &row["read_at"], &row["since"]),
        (&3100.into(), &(BEGIN + 800).into(), &(BEGIN + 3801).into())
    );
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 4000);
    assert_eq!(hub.state("a", 4000), (HostState::Ok, String::new(), 4000));
}

#[test]
fn interval_clamped() {
    for (interval, ok, stale) in
        [(None, 2800, 2900), (Some(10), 2800, 2900), (Some(20_000), 59_800, 59_900), (Some(u64::MAX), 899_000, 900_000)]
    {
        let mut hub = Hub::new(&["a"]);
        hub.see("a", seen(Report { interval: interval.map(Duration::from_millis), ..report(vec![]) }), 0);
        assert_eq!(hub.state("a", ok).0, HostState::Ok, "{interval:?}");
        assert_eq!(hub.state("a", stale).0, HostState::Stale, "{interval:?}");
    }
}

#[test]
fn state_follows_agent_and_link() {
    let mut hub = Hub::new(&["a"]);
    let ok = || report(vec![gpu(0, UseVerdict::Free)]);
    let failed = |why: &str| Seen::Failed(Failure::Refused(why.into()));
    for (ms, news, state, error) in [
        (
            1,
            seen(Report { is_starting: true, age: None, ..ok() }),
            HostState::Starting,
            "its agent has no readings yet",
        ),
        (2, seen(ok()), HostState::Ok, ""),
        (3, seen(Report { stale: Some("the driver hangs".into()), ..ok() }), HostState::Stale, "the driver hangs"),
        (4, seen(ok()), HostState::Ok, ""),
        (5, unreachable("connection refused"), HostState::Unreachable, "connection refused"),
        (6, unreachable("no answer within 5 s"), HostState::Unreachable, "no answer within 5 s"),
        (7, failed("403"), HostState::Refused, "403"),
        (
            8,
            seen(Report { age: Some(Duration::from_secs(4)), ..ok() }),
            HostState::Stale,
            "no reading for more than 3 s",
        ),
        (9, seen(ok()), HostState::Ok, ""),
    ] {
        hub.see("a", news, ms);
        let found = hub.state("a", ms);
        assert_eq!((found.0, &*found.1), (state, error), "{ms}");
        assert_eq!(found.2, if ms == 6 { 5 } else { ms }, "since the state, not the reason");
        let published = hub.publish(ms);
        assert_eq!(published.totals.gpus.free, u32::from(state == HostState::Ok), "{ms}");
        assert_eq!(published.totals.gpus.total(), 1, "the last report stays: {ms}");
    }
}

#[test]
fn reading_without_an_age_is_stale() {
    const WHY: &str = "the agent reports no possible age of its readings";
    for source in [crate::Source::Agent, crate::Source::OlderAgent, crate::Source::Engine] {
        let mut hub = Hub::new(&["a"]);
        let ageless = || Report { source, age: None, ..report(vec![gpu(0, UseVerdict::Free)]) };
        hub.see("a", seen(ageless()), 0);
        assert_eq!(hub.state("a", 1), (HostState::Stale, WHY.into(), 1));
        hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 2);
        assert_eq!(hub.state("a", 2).0, HostState::Ok);
        // Events arrive, whatever the age of their readings.
        for second in 0..5 {
            hub.see("a", Seen::Alive { age: None }, 3 + second * 1000);
            assert_eq!(hub.state("a", 3 + second * 1000).0, HostState::Stale);
        }
        assert_eq!(hub.publish(5000).totals.gpus.free, 0);
        hub.see("a", Seen::Alive { age: Some(Duration::ZERO) }, 5001);
        assert_eq!(hub.state("a", 5001).0, HostState::Ok);
    }
}

#[test]
fn age_of_more_than_a_week_is_none() {
    let mut hub = Hub::new(&["a"]);
    for days in [8, 1 << 40] {
        let age = Some(Duration::from_secs(days * 86_400));
        hub.see("a", seen(Report { age, ..report(vec![gpu(0, UseVerdict::Free)]) }), 0);
        assert_eq!(hub.state("a", 1).0, HostState::Stale, "{days}");
        assert!(hub.publish(1).find("a").unwrap().read.is_none(), "{days}");
    }
}

#[test]
fn uuid_of_two_hosts_is_a_problem_of_both() {
    let mut hub = Hub::new(&["a", "b", "c", "d"]);
    let own = |uuid: &str| GpuReport { uuid: Some(uuid.into()), ..gpu(0, UseVerdict::Free) };
    let with_instance = || GpuReport { mig: vec![instance("x", UseVerdict::Free)], ..own("GPU-c") };
    hub.see("a", seen(report(vec![own("GPU-1")])), 0);
    hub.see("b", seen(report(vec![own("GPU-1"), GpuReport { index: 1, ..own("GPU-2") }])), 0);
    hub.see("c", seen(report(vec![with_instance()])), 0);
    hub.see("d", seen(report(vec![GpuReport { uuid: None, ..with_instance() }])), 0);
    let published = hub.publish(1);
    for (name, other) in [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")] {
        let problems = published.find(name).unwrap().problems();
        let [problem] = &*problems else { panic!("{name}: {problems:?}") };
        assert!(problem.starts_with(&format!("{other} reports the same UUIDs")), "{name}: {problem}");
    }
    // One that is no longer ok says nothing about others, and the rows change.
    hub.see("b", Seen::Failed(Failure::Unreachable("gone".into())), 2);
    let published = hub.publish(3);
    assert!(published.find("a").unwrap().problems().is_empty() && published.find("b").unwrap().problems().is_empty());
}

#[test]
fn host_without_a_time_of_reading_is_not_current() {
    let mut hub = Hub::new(&["a"]);
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 0);
    let published = hub.publish(1);
    let row = published.find("a").unwrap();
    assert!(row.is_current(at(1).boot));
    let host = Host { read: None, ..(***row).clone() };
    assert!(!host.is_current(at(1).boot));
}

#[test]
fn gpu_not_read_on_time_is_unknown() {
    let mut hub = Hub::new(&["a"]);
    let lies = |state| GpuReport { state, mig: vec![instance("x", UseVerdict::Free)], ..gpu(0, UseVerdict::Free) };
    for (state, free) in [(Some(GpuState::Ok), 1), (None, 1), (Some(GpuState::Stale), 0), (Some(GpuState::Lost), 0)] {
        hub.see("a", seen(report(vec![lies(state)])), 0);
        let totals = hub.publish(1).totals;
        assert_eq!((totals.gpus.free, totals.mig_free), (free, free), "{state:?}");
    }
}

#[test]
fn dropped_host_unreachable_for_ten_minutes() {
    let mut hub = Hub::new(&["a", "b"]);
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 10);
    hub.publish(20);
    hub.fleet.list(&list(&["b"]), at(1000));
    // Its link may be a moment late.
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 1001);
    let (state, why, since) = hub.state("a", 1002);
    assert_eq!((state, since), (HostState::Unreachable, 1002));
    assert!(why.contains("no longer in the list"), "{why}");
    assert_eq!(hub.publish(1003).totals.gpus.free, 0);
    hub.fleet.list(&list(&["b"]), at(300_000));
    assert!(hub.publish(600_999).find("a").is_some());
    let published = hub.publish(601_000);
    assert!(published.find("a").is_none() && *published.removed == ["a".into()]);
    // Listed again in time, it begins again.
    hub.fleet.list(&list(&["a"]), at(700_000));
    assert_eq!(hub.state("a", 700_001), (HostState::Starting, "no report yet".into(), 700_001));
    hub.fleet.list(&list(&[]), at(700_002));
    hub.fleet.list(&list(&["a"]), at(700_003));
    hub.see("a", seen(report(vec![])), 700_004);
    assert_eq!(hub.state("a", 700_004).0, HostState::Ok);
}

#[test]
fn sign_of_life_renews_the_last_report() {
    let mut hub = Hub::new(&["a"]);
    let alive = || Seen::Alive { age: Some(Duration::from_millis(100)) };
    hub.see("a", alive(), 1);
    assert_eq!(hub.state("a", 1).0, HostState::Starting, "there is no report");
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 10);
    for second in 1..=5 {
        hub.see("a", alive(), second * 1000);
    }
    let published = hub.publish(5000);
    let row = published.find("a").unwrap();
    assert_eq!((row.state, row.read.unwrap(), published.totals.gpus.free), (HostState::Ok, at(4900), 1));
    assert_eq!(hub.state("a", 7901).0, HostState::Stale);
    hub.see("a", Seen::Alive { age: Some(Duration::from_secs(60)) }, 7902);
    assert_eq!(hub.state("a", 7902).0, HostState::Stale, "alive, but it reads nothing");
}

#[test]
fn sums_of_a_source_replace_those_of_gpus() {
    let mut hub = Hub::new(&["a"]);
    let sums = crate::Counts { free: 3, busy: 5, mig_free: 2, power_watts: Some(700.0), ..crate::Counts::default() };
    hub.see("a", seen(Report { counts: Some(sums), ..report(vec![gpu(0, UseVerdict::Unknown)]) }), 10);
    let totals = hub.publish(10).totals;
    assert_eq!((totals.gpus.free, totals.gpus.busy, totals.gpus.unknown, totals.mig_free), (3, 5, 0, 2));
    assert_eq!((totals.power_watts, totals.memory_total_bytes), (Some(700.0), None));
    hub.see("a", unreachable("no"), 20);
    let totals = hub.publish(20).totals;
    assert_eq!((totals.gpus.free, totals.gpus.unknown, totals.mig_free), (0, 8, 0));
}

#[test]
fn host_dropped_while_another_source_is_not_loaded() {
    let unloaded = |names: &[&str]| TargetList { is_loaded: false, ..list(names) };
    let mut hub = Hub::new(&[]);
    hub.fleet.list(&unloaded(&["a", "b", "c"]), at(0));
    for host in ["a", "b", "c"] {
        hub.see(host, seen(report(vec![gpu(0, UseVerdict::Free)])), 10);
    }
    assert_eq!(hub.publish(20).totals.gpus.free, 3);
    // One is dropped, and the name of one moves to another address.
    let moved = TargetList { targets: [target("a", "a"), target("b", "elsewhere")].into(), ..unloaded(&[]) };
    hub.fleet.list(&moved, at(30));
    let published = hub.publish(40);
    let names: Vec<&str> = published.hosts.iter().map(|row| &**row.name()).collect();
    assert_eq!(names, ["a", "b", "c"], "one row per name");
    let states = published.hosts.iter().map(|row| row.state).collect::<Vec<_>>();
    assert_eq!(states, [HostState::Ok, HostState::Starting, HostState::Unreachable]);
    assert_eq!(published.totals.gpus.free, 1);
    assert_eq!(&*published.find("b").unwrap().target.endpoint.host, "elsewhere");
    let mut fleet = Fleet::default();
    fleet.list(&unloaded(&["a"]), at(0));
    assert!(!fleet.inputs().is_loaded && fleet.hosts(at(1)).len() == 1);
}

#[test]
fn state_of_the_list_sent_when_it_changes() {
    let mut hub = Hub::new(&["a"]);
    hub.publish(10);
    let source = |error: Option<&str>| crate::SourceState {
        source: "a.json".into(),
        is_loaded: true,
        error: error.map(Box::from),
        since: error.map(|_| BEGIN),
    };
    let broken = |error| TargetList {
        sources: [source(error)].into(),
        notes: error.map(String::from).into_iter().collect(),
        ..list(&["a"])
    };
    hub.fleet.list(&broken(Some("it is gone")), at(20));
    let published = hub.publish(20);
    let expected = serde_json::json!({
        "list": {"is_loaded": true, "sources": [{"source": "a.json", "is_loaded": true, "error": "it is gone", "since": BEGIN}]},
        "notes": ["it is gone"],
    });
    let whole = everything(&published, Audience::Summary);
    assert_eq!((&whole["list"], &whole["notes"]), (&expected["list"], &expected["notes"]));
    let event = published.changes_event(Audience::Read, Form::Plain).unwrap();
    let event: Value = serde_json::from_slice(event.strip_prefix(b"event: hosts\ndata: ").unwrap()).unwrap();
    assert_eq!((&event["list"], &event["notes"]), (&expected["list"], &expected["notes"]));
    // The same again is no news.
    hub.fleet.list(&broken(Some("it is gone")), at(30));
    assert!(hub.publish(30).changes_event(Audience::Read, Form::Plain).is_none());
    hub.fleet.list(&broken(None), at(40));
    let event = hub.publish(40).changes_event(Audience::Read, Form::Plain).unwrap();
    assert!(std::str::from_utf8(&event).unwrap().contains(r#""error":null,"since":null}]},"notes":[]"#), "{event:?}");
}

#[test]
fn name_dropped_from_two_addresses_has_one_row() {
    let mut hub = Hub::new(&["a"]);
    hub.fleet.list(&TargetList { targets: [target("a", "elsewhere")].into(), ..list(&[]) }, at(10));
    hub.fleet.list(&list(&[]), at(20));
    let published = hub.publish(30);
    let hosts: Vec<&str> = published.hosts.iter().map(|row| &*row.target.endpoint.host).collect();
    assert_eq!(hosts, ["elsewhere"], "the newer one");
}

#[test]
fn dropped_hosts_limited_to_the_newest() {
    let mut hub = Hub::new(&[]);
    for round in 0..4_u64 {
        let names: Vec<String> = (0..400).map(|number| format!("r{round}n{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        hub.fleet.list(&list(&names), at(round * 1000));
    }
    let published = hub.publish(4000);
    let of = |round: &str| published.hosts.iter().filter(|row| row.name().starts_with(round)).count();
    assert_eq!(["r0", "r1", "r2", "r3"].map(of), [200, 400, 400, 400]);
}

#[test]
fn name_of_another_endpoint_starts_again() {
    let mut hub = Hub::new(&["a"]);
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 10);
    hub.publish(10);
    let moved = TargetList { targets: [target("a", "elsewhere")].into(), ..list(&[]) };
    hub.fleet.list(&moved, at(1000));
    let published = hub.publish(1000);
    assert_eq!(published.hosts.len(), 1, "the old one has no name");
    let row = published.find("a").unwrap();
    assert_eq!((row.state, row.gpus().len(), row.since_ms), (HostState::Starting, 0, BEGIN + 1000));
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 1001);
    assert_eq!(hub.state("a", 1001).0, HostState::Starting, "the old agent's report");
}

#[test]
fn new_name_of_an_endpoint_keeps_its_report() {
    let mut hub = Hub::new(&["a"]);
    hub.see("a", seen(report(vec![gpu(0, UseVerdict::Free)])), 10);
    hub.publish(10);
    hub.fleet.list(&TargetList { targets: [target("b", "a")].into(), ..list(&[]) }, at(1000));
    let published = hub.publish(1000);
    assert_eq!(*published.removed, ["a".into()]);
    assert_eq!(published.find("b").unwrap().state, HostState::Ok);
}

#[test]
fn users_hidden_below_read() {
    let mut hub = Hub::new(&["a"]);
    let with_instance = GpuReport { mig: vec![instance("x", UseVerdict::Busy)], ..gpu(0, UseVerdict::Busy) };
    hub.see("a", seen(report(vec![with_instance])), 10);
    let published = hub.publish(10);
    let gpu = |audience| everything(&published, audience)["hosts"][0]["gpus"][0].clone();
    let (read, summary) = (gpu(Audience::Read), gpu(Audience::Summary));
    assert_eq!((&read["users"][0], &read["mig"][0]["users"][0]), (&"alice".into(), &"bob".into()));
    assert_eq!((&summary["users"], &summary["mig"][0]["users"]), (&Value::Null, &Value::Null));
    assert_eq!(read["power_watts"], summary["power_watts"]);
}

#[test]
fn unknown_sums_are_null() {
    let mut hub = Hub::new(&["a", "b"]);
    hub.see("b", unreachable("no"), 1);
    let totals = &everything(&hub.publish(1), Audience::Read)["totals"];
    assert_eq!(totals["power_watts"], Value::Null);
    assert_eq!(totals["hosts"].to_string(), r#"{"ok":0,"starting":1,"stale":0,"unreachable":1,"refused":0}"#);
    hub.see(
        "a",
        seen(report(vec![gpu(0, UseVerdict::Held), GpuReport { power_watts: None, ..gpu(1, UseVerdict::Busy) }])),
        2,
    );
    let totals = &everything(&hub.publish(2), Audience::Read)["totals"];
    assert_eq!((&totals["power_watts"], &totals["memory_free_bytes"]), (&70.5.into(), &120.into()));
    assert_eq!(totals["gpus"].to_string(), r#"{"free":0,"held":1,"busy":1,"unknown":0}"#);
}

#[test]
fn publication_of_stuck_thread_is_abandoned() {
    let published = Hub::new(&[]).publish(0);
    assert!(!published.is_abandoned(at(10_000).boot) && published.is_abandoned(at(10_001).boot));
}

#[tokio::test(start_paused = true)]
async fn fleet_published_once_a_second() {
    let begin = tokio::time::Instant::now();
    let clock = move || at(u64::try_from(begin.elapsed().as_millis()).unwrap());
    let (publisher, mut newest) = Publisher::new(clock());
    let (listed, targets) = tokio::sync::watch::channel(list(&["a"]));
    let (to, from) = tokio::sync::mpsc::channel(4);
    let (noted, notes) = tokio::sync::watch::channel(ConfigNotes::new());
    let running = tokio::spawn(run_with(targets, from, notes, publisher, clock));
    newest.changed().await.unwrap();
    assert!(newest.borrow_and_update().find("a").is_some());
    let mut times = Vec::new();
    for _ in 0..3 {
        newest.changed().await.unwrap();
        times.push(begin.elapsed().as_millis());
        for _ in 0..3 {
            let observation = Observation {
                endpoint: endpoint("a").into(),
                at: tokio::time::Instant::now(),
                seen: seen(report(vec![gpu(0, UseVerdict::Free)])),
            };
            to.send(observation).await.unwrap();
        }
        newest.borrow_and_update();
    }
    assert!(times.windows(2).all(|pair| (999..=1002).contains(&(pair[1] - pair[0]))), "{times:?}");
    newest.changed().await.unwrap();
    assert_eq!(newest.borrow_and_update().totals.gpus.free, 1);
    noted.send_replace([("agent tokens", "the file is broken".to_owned())].into());
    newest.changed().await.unwrap();
    assert_eq!(*newest.borrow_and_update().inputs.config_notes, ["the file is broken".to_owned()]);
    drop((listed, to));
    running.await.unwrap();
}
