use super::*;
use crate::{Absence, fixtures::blank, snapshot::Collector};

const SECOND: u64 = 1000;
/// The wall clock's lead over the boot clock.
const WALL: u64 = 1_700_000_000_000;

fn stamp(boot_ms: u64) -> Stamp {
    Stamp { boot: BootTime(boot_ms), unix_ms: WALL + boot_ms }
}

fn snapshot(at_ms: u64, gpus: Vec<Gpu>) -> Snapshot {
    let at = stamp(at_ms);
    Snapshot {
        sequence: 1,
        at,
        collector: Collector { state: CollectorState::Ok, since: at, detail: None, restarts: 0, sample_duration: None },
        driver: None,
        nvml_version: None,
        host: crate::snapshot::Host::absent(Absence::Timeout),
        gpus,
        missing: Vec::new(),
        events: std::sync::Arc::default(),
        read_at: None,
        timings: std::sync::Arc::default(),
    }
}

fn gpu(uuid: &str, at_ms: u64, percent: u32) -> Gpu {
    let mut gpu = blank::gpu(uuid, stamp(at_ms));
    gpu.readings.utilization.gpu_percent = Ok(percent);
    gpu
}

/// A GPU that was read once a second, from the first to before the last; its use is the second modulo 100.
fn read(seconds: std::ops::Range<u64>) -> History {
    let mut history = History::new(Depth::default());
    for second in seconds {
        let at = second * SECOND;
        history.add(&snapshot(at, vec![gpu("A", at, u32::try_from(second % 100).unwrap())]));
    }
    history
}

fn ask(since_ms: u64, step_s: Option<u64>) -> Question {
    let step = step_s.map(Duration::from_secs);
    Question { metrics: vec![0], gpus: None, since_ms: WALL + since_ms, until_ms: None, step, spread: Spread::Mean }
}

fn values(history: &History, question: &Question) -> Vec<Option<f32>> {
    history.answer(question).unwrap().series[0].values.clone()
}

#[test]
fn history_keeps_few_gpus_that_are_gone() {
    let mut history = History::new(Depth::default());
    for second in 1..=100 {
        history.add(&snapshot(second * SECOND, vec![gpu(&format!("U{second}"), second * SECOND, 1), gpu("A", 1, 1)]));
    }
    assert_eq!(history.gpus.len(), 2 + MAX_ABSENT);
    assert!(["A", "U100", "U99"].iter().all(|key| history.gpus.contains_key(*key)));
}

#[test]
fn fine_steps_cover_minutes_coarse_cover_day() {
    let history = read(1000..5000);
    let fine = history.answer(&ask(4990 * SECOND, None)).unwrap();
    assert_eq!((fine.step_ms, fine.start_at_ms), (1000, WALL + 4990 * SECOND));
    assert_eq!(fine.series[0].values, (90..99).map(|value| Some(value as f32)).collect::<Vec<_>>());
    let coarse = history.answer(&ask(0, None)).unwrap();
    // From the first reading on, and not from when was asked.
    assert_eq!((coarse.step_ms, coarse.start_at_ms), (10_000, WALL + 1000 * SECOND));
    assert_eq!(coarse.series[0].values.len(), 399);
    assert_eq!(coarse.series[0].values[..3], [Some(4.5), Some(14.5), Some(24.5)]);
}

#[test]
fn period_has_steps_that_it_touches() {
    let history = read(1000..2000);
    let steps = |since: u64, until: u64, step| {
        let question = Question { until_ms: Some(WALL + until), ..ask(since, step) };
        let answer = history.answer(&question).unwrap();
        (answer.start_at_ms - WALL, answer.series[0].values.len())
    };
    assert_eq!(steps(1500 * SECOND, 1510 * SECOND, None), (1500 * SECOND, 10));
    assert_eq!(steps(1500 * SECOND, 1510 * SECOND + 1, None), (1500 * SECOND, 11));
    assert_eq!(steps(1500 * SECOND + 999, 1501 * SECOND, None), (1500 * SECOND, 1));
    assert_eq!(steps(1510 * SECOND, 1520 * SECOND, Some(60)), (1500 * SECOND, 1), "both in one step");
    assert_eq!(steps(1990 * SECOND, 9000 * SECOND, None), (1990 * SECOND, 9), "no step that is not over");
    assert_eq!(steps(0, 1100 * SECOND, None), (1000 * SECOND, 10), "coarse steps, as the period begins long ago");
    assert_eq!(steps(0, 500 * SECOND, None).1, 0, "before everything");
}

#[test]
fn longer_steps_are_means_or_peaks() {
    let history = read(1000..2000);
    let minutes = history.answer(&ask(1500 * SECOND, Some(60))).unwrap();
    assert_eq!((minutes.step_ms, minutes.start_at_ms), (60_000, WALL + 1500 * SECOND));
    assert_eq!(minutes.series[0].values[0], Some(29.5));
    let peaks = Question { spread: Spread::Max, ..ask(1500 * SECOND, Some(60)) };
    assert_eq!(values(&history, &peaks)[0], Some(59.0));
    // A step is a multiple of what is kept.
    assert_eq!(history.answer(&ask(0, Some(15))).unwrap().step_ms, 20_000);
}

#[test]
fn collector_restart_is_gap() {
    let mut history = read(1000..1010);
    let mut restarted = snapshot(1010 * SECOND + 100, vec![gpu("A", 1010 * SECOND, 1)]);
    restarted.collector.restarts = 1;
    history.add(&restarted);
    for second in 1011..1015 {
        let at = second * SECOND;
        let mut next = snapshot(at, vec![gpu("A", at, 1)]);
        next.collector.restarts = 1;
        history.add(&next);
    }
    let found = values(&history, &ask(1008 * SECOND, None));
    assert_eq!(found, [Some(8.0), Some(9.0), None, Some(1.0), Some(1.0), Some(1.0)]);
}

#[test]
fn stale_reading_is_gap() {
    let mut history = read(1000..1010);
    for second in 1010..1020 {
        // A driver that hangs: the last reading is shown on.
        let gpu = Gpu { state: GpuState::Stale, ..gpu("A", 1009 * SECOND, 9) };
        history.add(&snapshot(second * SECOND, vec![gpu]));
    }
    let found = values(&history, &ask(1008 * SECOND, None));
    assert_eq!(found[..2], [Some(8.0), Some(9.0)]);
    assert!(found.len() == 11 && found[2..].iter().all(Option::is_none), "{found:?}");
}

#[test]
fn history_follows_uuid() {
    let mut history = History::new(Depth::default());
    for second in 1..9 {
        let at = second * SECOND;
        let order = if second < 5 { ["A", "B"] } else { ["B", "A"] };
        let gpus = order.map(|uuid| gpu(uuid, at, if uuid == "A" { 10 } else { 20 }));
        history.add(&snapshot(at, gpus.into()));
    }
    let answer = history.answer(&ask(0, None)).unwrap();
    let reported: Vec<_> = answer.series.iter().map(|series| (series.gpu_uuid.as_str(), series.values[6])).collect();
    assert_eq!(reported, [("A", Some(10.0)), ("B", Some(20.0))]);
    let one = Question { gpus: Some(vec!["B".into(), "C".into()]), ..ask(0, None) };
    assert_eq!(history.answer(&one).unwrap().series.len(), 1);
}

#[test]
fn query_too_large_rejected_with_limit() {
    let mut history = read(1..3);
    let gpus = (0..16).map(|index| gpu(&index.to_string(), 86_400 * SECOND, 1)).collect();
    history.add(&snapshot(86_400 * SECOND, gpus));
    let question = |step| Question { metrics: (0..metric::METRICS).collect(), ..ask(0, step) };
    let refused = history.answer(&question(None)).unwrap_err();
    assert_eq!(refused.series, 17 * metric::METRICS);
    assert!(history.answer(&question(Some(refused.fitting_s))).is_ok(), "{refused:?}");
}

#[test]
fn memory_is_bounded_in_advance() {
    let depth = Depth::default();
    assert!(depth.bytes(16) < 12 << 20, "{}", depth.bytes(16));
    assert_eq!(depth.bytes(1), 20 * 4 * (900 + 8640));
    let slow = Depth::new(Duration::from_secs(60), Duration::from_secs(900), Duration::from_secs(3600));
    assert_eq!(slow.bytes(1), 20 * 4 * (15 + 60));
}

#[test]
fn history_keeps_wall_clock_time_over_reboot() {
    let history = read(1000..2000);
    let saved = history.save("A").unwrap();
    // Half an hour later, a minute after the boot.
    let now = Stamp { boot: BootTime(60 * SECOND), unix_ms: WALL + 3800 * SECOND };
    let mut later = History::new(Depth::default());
    later.load(&saved, stamp(2000 * SECOND), now);
    let answer = later.answer(&Question { since_ms: WALL, ..ask(0, None) }).unwrap();
    assert_eq!(answer.start_at_ms, WALL + 1000 * SECOND);
    assert_eq!(answer.series[0].values[..2], [Some(4.5), Some(14.5)]);
    assert!(answer.series[0].values[100..].iter().all(Option::is_none));
    // Another length of steps: nothing is guessed.
    let mut other =
        History::new(Depth::new(Duration::from_secs(60), Duration::from_secs(900), Duration::from_secs(3600)));
    other.load(&saved, stamp(2000 * SECOND), now);
    assert_eq!(other.gpus().next(), None);
}

#[test]
fn gpu_removed_long_ago_is_forgotten() {
    let saved = read(1000..2000).save("A").unwrap();
    let mut later = History::new(Depth::default());
    later.load(&saved, stamp(2000 * SECOND), stamp((2000 + 25 * 3600) * SECOND));
    assert_eq!(later.gpus().next(), None);
}
