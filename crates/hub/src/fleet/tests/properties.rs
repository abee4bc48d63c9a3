//! Any order of lists, reports, failures and time.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    List(Vec<(usize, usize)>),
    Report { host: usize, gpus: Vec<(u8, u8, u8)>, age_ms: u64, interval_ms: u64, kind: u8 },
    Failed(usize, bool),
    Wait(u64),
    Publish,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let report =
        (0..4_usize, proptest::collection::vec((0..4_u8, 0..4_u8, 0..4_u8), 0..4), 0..5000_u64, 0..4000_u64, 0..6_u8);
    let step = prop_oneof![
        1 => proptest::collection::vec((0..4_usize, 0..4_usize), 0..4).prop_map(Step::List),
        4 => report.prop_map(|(host, gpus, age_ms, interval_ms, kind)| Step::Report { host, gpus, age_ms, interval_ms, kind }),
        1 => (0..4_usize, any::<bool>()).prop_map(|(host, refused)| Step::Failed(host, refused)),
        2 => prop_oneof![0..3000_u64, 0..700_000_u64].prop_map(Step::Wait),
        4 => Just(Step::Publish),
    ];
    proptest::collection::vec(step, 1..60)
}

fn verdict(number: u8) -> UseVerdict {
    [UseVerdict::Free, UseVerdict::Held, UseVerdict::Busy, UseVerdict::Unknown][usize::from(number % 4)]
}

fn gpus(of: &[(u8, u8, u8)]) -> Vec<GpuReport> {
    let gpu = |(index, (usage, state, mig)): (u32, &(u8, u8, u8))| GpuReport {
        state: [None, Some(GpuState::Ok), Some(GpuState::Stale), Some(GpuState::Lost)][usize::from(*state % 4)],
        mig: (0..*mig).map(|number| instance(&number.to_string(), verdict(usage + number))).collect(),
        users: (*state > 0).then(|| vec![format!("u{usage}").into()]),
        ..gpu(index, verdict(*usage))
    };
    (0..).zip(of).map(gpu).collect()
}

fn listed(pairs: &[(usize, usize)]) -> TargetList {
    let mut targets: Vec<Arc<Target>> = Vec::new();
    for (name, host) in pairs {
        let target = target(NAMES[*name], NAMES[*host]);
        if !targets.iter().any(|other| other.name == target.name || other.endpoint == target.endpoint) {
            targets.push(target);
        }
    }
    targets.sort_by(|one, other| one.name.cmp(&other.name));
    TargetList { targets: targets.into(), is_loaded: true, ..TargetList::default() }
}

/// Applies a step, and returns the time after it.
fn apply(hub: &mut Hub, step: &Step, now: u64) -> u64 {
    match step {
        Step::List(pairs) => hub.fleet.list(&listed(pairs), at(now)),
        Step::Report { host, gpus: of, age_ms, interval_ms, kind } => {
            let report = Report {
                age: (*kind != 0).then(|| Duration::from_millis(*age_ms)),
                interval: Some(Duration::from_millis(*interval_ms)),
                is_starting: *kind == 1,
                stale: (*kind == 2).then(|| "it hangs".into()),
                ..report(gpus(of))
            };
            hub.see(NAMES[*host], seen(report), now);
        }
        Step::Failed(host, true) => hub.see(NAMES[*host], Seen::Failed(Failure::Refused("no".into())), now),
        Step::Failed(host, false) => hub.see(NAMES[*host], unreachable("no"), now),
        Step::Wait(ms) => return now + ms,
        Step::Publish => {}
    }
    now
}

fn count(row: &Value, wanted: &str) -> u64 {
    let gpus = row["gpus"].as_array().unwrap();
    gpus.iter().filter(|gpu| gpu["use"] == wanted).count() as u64
}

/// Checks the object with everything by itself.
fn check(everything: &Value, now: u64) -> Result<(), TestCaseError> {
    let rows = everything["hosts"].as_array().unwrap();
    for row in rows {
        let free_instances = |gpu: &Value| gpu["mig"].as_array().unwrap().iter().any(|mig| mig["use"] == "free");
        let offers = row["gpus"].as_array().unwrap().iter().any(|gpu| gpu["use"] == "free" || free_instances(gpu));
        if offers {
            prop_assert_eq!(&row["state"], "ok", "{}", row);
            // Clamped to an interval of at most 4 s here.
            prop_assert!(row["age_ms"].as_u64().is_some_and(|age| age <= 12_000), "{}", row);
        }
        for word in ["free", "held", "busy", "unknown"] {
            prop_assert_eq!(&row["counts"]["gpus"][word], count(row, word), "{}", row);
        }
        prop_assert!(row["since"].as_u64().unwrap() <= BEGIN + now);
    }
    for word in ["free", "held", "busy", "unknown"] {
        let sum: u64 = rows.iter().map(|row| row["counts"]["gpus"][word].as_u64().unwrap()).sum();
        prop_assert_eq!(&everything["totals"]["gpus"][word], sum);
    }
    let sum: u64 = rows.iter().map(|row| row["counts"]["mig"]["free"].as_u64().unwrap()).sum();
    prop_assert_eq!(&everything["totals"]["mig"]["free"], sum);
    for state in HostState::ALL.map(HostState::as_str) {
        let hosts = rows.iter().filter(|row| row["state"] == state).count() as u64;
        prop_assert_eq!(&everything["totals"]["hosts"][state], hosts);
    }
    Ok(())
}

proptest! {
    // Each case renders and compresses dozens of publications.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn free_only_where_host_is_ok(steps in steps()) {
        let (mut hub, mut now) = (Hub::new(&["a", "b"]), 0);
        for step in &steps {
            now = apply(&mut hub, step, now);
            let published = hub.publish(now);
            for audience in Audience::ALL {
                check(&everything(&published, audience), now)?;
            }
        }
    }

    #[test]
    fn merged_deltas_are_the_whole(steps in steps(), rows in proptest::collection::vec(0..4_usize, 0..4)) {
        let (mut hub, mut now) = (Hub::new(&["a", "b"]), 0);
        let names: Vec<&str> = rows.iter().map(|row| NAMES[*row]).collect();
        let mut readers: Vec<deltas::Reader> = Audience::ALL.into_iter().flat_map(|audience| {
            [Form::Plain, Form::Packed].into_iter().flat_map(move |form| {
                [None, Some(())].map(|some| (audience, form, some))
            })
        }).map(|(audience, form, some)| deltas::Reader::new(audience, form, some.map(|()| names.clone()))).collect();
        for step in &steps {
            now = apply(&mut hub, step, now);
            if matches!(step, Step::Publish) {
                let published = hub.publish(now);
                for reader in &mut readers {
                    reader.read(&published);
                    prop_assert_eq!(reader.shown(), reader.expected(&published));
                }
            }
        }
    }
}
