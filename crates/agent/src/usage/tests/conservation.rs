//! Random flushes and windows against a model that keeps every minute.

use proptest::prelude::*;

use super::*;

/// A minute as a test knows it.
#[derive(Clone, Debug)]
struct Minute {
    run: u64,
    gpu: usize,
    at: u64,
    first: u64,
    last: u64,
    /// Occupant and microseconds.
    rows: Vec<(usize, u64)>,
}

const OCCUPANTS: usize = 6;

fn occupant(number: usize) -> Occupant {
    match number {
        0 => Occupant::Free,
        1 => Occupant::Unknown,
        2 => Occupant::Unassigned,
        _ => Occupant::Holder(holder(["alice", "bob", "carol"][number - 3])),
    }
}

prop_compose! {
    /// Minutes of two GPUs within half a day, of two runs whose clocks may disagree; of each only one stretch.
    fn minutes()(drafts in proptest::collection::vec(
        (1..3_u64, 0..2_usize, 0..720_u64, 0..20_000_u64, 40_000..=60_000_u64, proptest::collection::vec((0..OCCUPANTS, 0..10_000_000_u64), 0..5)),
        1..60,
    )) -> Vec<Minute> {
        let mut found: std::collections::BTreeMap<(u64, u64, usize), Minute> = Default::default();
        for (run, gpu, at, first, last, rows) in drafts {
            // In one run, minutes of an hour adjoin or are in other hours; here each is whole in its own.
            let begins = NOON + at * MINUTE;
            let rows: Vec<(usize, u64)> = rows.into_iter().map(|(who, us)| (who, us.min((last - first) * 1000 / 5))).collect();
            found.insert((run, at, gpu), Minute { run, gpu, at: begins, first: begins + first, last: begins + last, rows });
        }
        found.into_values().collect()
    }
}

fn gpu(number: usize) -> &'static str {
    ["GPU-A", "GPU-B"][number]
}

/// Feeds minutes in order, a flush after some of them; those after the last flush stay in memory.
fn feed(minutes: &[Minute], flush_after: &[bool]) -> Arc<Usage> {
    let (usage, script) = store(None);
    for (minute, flushes) in minutes.iter().zip(flush_after.iter().cycle()) {
        let rows = minute.rows.iter().map(|(who, us)| {
            let sums = Sums { gpu_us: *us, present_us: *us, energy_mj: *us / 1000, ..Sums::default() };
            Row { mig: None, occupant: occupant(*who), sums }
        });
        script.add(|flush| {
            flush.at_ms = minute.last;
            let mut one = slot(gpu(minute.gpu), minute.at, rows.collect());
            (one.run, one.first_ms, one.last_ms) = (minute.run, minute.first, minute.last);
            flush.slots.push(one);
        });
        if *flushes {
            usage.flush();
        }
    }
    usage
}

/// Length of the part of a minute that is in a window.
fn inside(minute: &Minute, since: u64, until: u64) -> u64 {
    minute.last.min(until).saturating_sub(minute.first.max(since))
}

fn model_seconds(minutes: &[Minute], since: u64, until: u64) -> f64 {
    minutes.iter().map(|minute| inside(minute, since, until)).sum::<u64>() as f64 / 1000.0
}

fn of(report: &UsageReport, user: &str) -> f64 {
    shares(report).iter().filter(|(keys, _)| keys[0] == Some(user)).map(|(_, seconds)| *seconds).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn any_window_is_conserved_and_whole_days_are_exact(
        minutes in minutes(),
        flush_after in proptest::collection::vec(any::<bool>(), 1..8),
        edges in (0..13 * HOUR, 0..13 * HOUR, 0..13 * HOUR),
    ) {
        let usage = feed(&minutes, &flush_after);
        let mut at = [NOON + edges.0, NOON + edges.1, NOON + edges.2];
        at.sort_unstable();
        let ask = |since, until| report(&usage, query(since, until, &[Dimension::User]));
        let (whole, left, right) = (ask(at[0], at[2]), ask(at[0], at[1]), ask(at[1], at[2]));
        for found in [&whole, &left, &right] {
            assert_conserved(found);
        }
        // Parts of a window add up, for everybody.
        prop_assert!((left.device_seconds + right.device_seconds - whole.device_seconds).abs() < 1e-6);
        for user in ["alice", "bob", "carol"] {
            prop_assert!((of(&left, user) + of(&right, user) - of(&whole, user)).abs() < 1e-5);
        }
        // Of all time, every sum is exact.
        let all = ask(0, u64::MAX);
        assert_conserved(&all);
        prop_assert!((all.device_seconds - model_seconds(&minutes, 0, u64::MAX)).abs() < 1e-6);
        for (number, user) in ["alice", "bob", "carol"].into_iter().enumerate() {
            let us: u64 = minutes.iter().flat_map(|minute| &minute.rows).filter(|(who, _)| *who == number + 3).map(|(_, us)| us).sum();
            prop_assert!((of(&all, user) - us as f64 / 1e6).abs() < 1e-6);
        }
        // What is not written is counted as if it were.
        usage.flush();
        let minutes_from = |usage: &Arc<Usage>| super::super::schema::number(&lock(&usage.database).connection, "minutes_from_ms").unwrap();
        let cut = minutes_from(&usage);
        prop_assert_eq!(&ask(0, u64::MAX), &all);
        // Where minutes are kept, device time is exact in any window.
        let since = at[0].max(cut);
        let fine = ask(since, at[2].max(since));
        prop_assert!((fine.device_seconds - model_seconds(&minutes, since, at[2].max(since))).abs() < 1e-6);
        // By day and hour it is the same time.
        let hours = report(&usage, query(at[0], at[2], &[Dimension::User, Dimension::Day, Dimension::HourOfDay]));
        assert_conserved(&hours);
        let again = ask(at[0], at[2]);
        prop_assert!((hours.device_seconds - again.device_seconds).abs() < 1e-6);
        for user in ["alice", "bob", "carol"] {
            prop_assert!((of(&hours, user) - of(&again, user)).abs() < 1e-5);
        }
    }
}
