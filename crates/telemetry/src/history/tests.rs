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
        interval: std::time::Duration::from_secs(1),
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

/// A GPU's past as it comes out of a file.
fn saved(history: &History, uuid: &str) -> (SavedGpu, LongSteps) {
    postcard::from_bytes(&postcard::to_allocvec(&history.save(uuid).unwrap()).unwrap()).unwrap()
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
    // Memory, its clock, and NVLink in both directions may need a third byte.
    assert_eq!(depth.bytes(1), (20 * 2 + 4) * (900 + 8640 + 8640));
    let [minute, hour] = [60, 3600].map(Duration::from_secs);
    assert_eq!(Depth::new(minute, 15 * minute, hour, Duration::ZERO).bytes(1), 44 * (15 + 60));
    assert_eq!(Depth::new(minute, 15 * minute, hour, 2 * hour).bytes(1), 44 * (15 + 60 + 24));
}

#[test]
fn history_keeps_wall_clock_time_over_reboot() {
    let history = read(1000..2000);
    let saved = saved(&history, "A");
    // Half an hour later, a minute after the boot.
    let now = Stamp { boot: BootTime(60 * SECOND), unix_ms: WALL + 3800 * SECOND };
    let mut later = History::new(Depth::default());
    later.load(&saved, stamp(2000 * SECOND), now);
    let answer = later.answer(&Question { since_ms: WALL, ..ask(0, None) }).unwrap();
    assert_eq!(answer.start_at_ms, WALL + 1000 * SECOND);
    assert_eq!(answer.series[0].values[..2], [Some(4.5), Some(14.5)]);
    assert!(answer.series[0].values[100..].iter().all(Option::is_none));
    // Another length of steps: nothing is guessed.
    let [minute, hour] = [60, 3600].map(Duration::from_secs);
    let mut other = History::new(Depth::new(minute, 15 * minute, hour, Duration::ZERO));
    other.load(&saved, stamp(2000 * SECOND), now);
    assert_eq!(other.gpus().next(), None);
}

#[test]
fn gpu_removed_long_ago_is_forgotten() {
    let saved = saved(&read(1000..2000), "A");
    let mut later = History::new(Depth::default());
    later.load(&saved, stamp(2000 * SECOND), stamp((2000 + 31 * 86_400) * SECOND));
    assert_eq!(later.gpus().next(), None);
}

const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;
/// Begins a minute and 40 seconds before a long step does, on the wall clock.
const BOOT_IN_STEP: u64 = 5 * MINUTE - WALL % (5 * MINUTE);

/// A reading every `every_s` seconds at these boot times; its use is the number of the 5 minutes on the wall clock,
/// modulo 100.
fn read_slowly(history: &mut History, times: std::ops::Range<u64>, every_s: u64) {
    for at in times.step_by(usize::try_from(every_s * SECOND).unwrap()) {
        let value = (WALL + at) / (5 * MINUTE) % 100;
        history.add(&snapshot(at, vec![gpu("A", at, u32::try_from(value).unwrap())]));
    }
}

/// The values of an answer with the time when each step begins, on the wall clock.
fn timed(answer: &Answer) -> Vec<(u64, Option<f32>)> {
    let begins = (0_u64..).map(|step| answer.start_at_ms + step * answer.step_ms);
    begins.zip(answer.series[0].values.iter().copied()).collect()
}

fn expected(at: u64) -> f32 {
    u16::try_from(at / (5 * MINUTE) % 100).unwrap().into()
}

#[test]
fn long_steps_cover_month() {
    let mut history = History::new(Depth::default());
    let now = 31 * DAY;
    read_slowly(&mut history, 0..now, 50);
    let month = history.answer(&ask(now - 30 * DAY, None)).unwrap();
    assert_eq!((month.step_ms, month.start_at_ms % (5 * MINUTE)), (5 * MINUTE, 0));
    assert!((8639..=8641).contains(&month.series[0].values.len()), "{}", month.series[0].values.len());
    for (at, value) in timed(&month) {
        assert_eq!(value, Some(expected(at)), "{at}");
    }
    let last = now - 50 * SECOND;
    let step = |ago: u64| history.answer(&ask(last - ago, None)).unwrap().step_ms;
    let ago = [MINUTE, 15 * MINUTE + SECOND, 15 * MINUTE + 2 * SECOND, DAY, DAY + MINUTE, 7 * DAY, 30 * DAY + MINUTE];
    let [s, cs, ls] = [SECOND, 10 * SECOND, 5 * MINUTE];
    assert_eq!(ago.map(step), [s, s, cs, cs, ls, ls, ls]);
    // Hours and days are those of the wall clock.
    let days = history.answer(&ask(now - 30 * DAY, Some(86_400))).unwrap();
    assert_eq!((days.step_ms, days.start_at_ms % DAY, days.series[0].values.len()), (DAY, 0, 30));
    let peaks = Question { spread: Spread::Max, ..ask(now - 7 * DAY, Some(86_400)) };
    assert_eq!(values(&history, &peaks), [Some(99.0); 7]);
    let period = Question { until_ms: Some(WALL + now - 20 * DAY + 10 * MINUTE), ..ask(now - 20 * DAY, None) };
    assert!((2..=3).contains(&values(&history, &period).len()));
}

#[test]
fn pause_is_gap_in_long_steps() {
    let [second, minute, day] = [1, 60, 86_400].map(Duration::from_secs);
    let mut history = History::new(Depth::new(second, minute, minute, day));
    let begin = BOOT_IN_STEP;
    read_slowly(&mut history, begin..begin + 20 * MINUTE, 1);
    // More than one step, and less than one and a half.
    read_slowly(&mut history, begin + 26 * MINUTE..begin + 40 * MINUTE, 1);
    let found: Vec<bool> = values(&history, &ask(0, None)).iter().map(Option::is_some).collect();
    assert_eq!(found, [true, true, true, true, false, true, true]);
}

#[test]
fn first_minutes_have_finer_steps() {
    let mut history = History::new(Depth::default());
    let begin = 2 * DAY;
    let steps = |history: &History| {
        [30 * MINUTE, DAY].map(|ago| history.answer(&ask(begin - ago, None)).unwrap()).map(|answer| answer.step_ms)
    };
    read_slowly(&mut history, begin..begin + 9 * SECOND, 1);
    assert_eq!(steps(&history), [SECOND; 2]);
    read_slowly(&mut history, begin + 9 * SECOND..begin + MINUTE, 1);
    assert_eq!(steps(&history), [10 * SECOND; 2]);
    read_slowly(&mut history, begin + MINUTE..begin + 10 * MINUTE, 1);
    assert_eq!(steps(&history), [10 * SECOND, 5 * MINUTE]);
}

#[test]
fn long_steps_keep_wall_clock_time_over_reboots() {
    let mut history = History::new(Depth::default());
    let mut off = 0;
    let mut at = 3 * DAY + 77 * SECOND;
    read_slowly(&mut history, at..at + 3 * 60 * MINUTE, 10);
    at += 3 * 60 * MINUTE;
    let begin = WALL + 3 * DAY + 77 * SECOND;
    for boot in 1..=20_u64 {
        let kept = saved(&history, "A");
        // Booted at some second, so that the boot clocks differ by no multiple of a step.
        let booted = at + 40 * SECOND + boot * 7 * SECOND + 123;
        let now = Stamp { boot: BootTime(20 * SECOND), unix_ms: WALL + off + booted + 20 * SECOND };
        let mut later = History::new(Depth::default());
        later.load(&kept, Stamp { boot: BootTime(at - 1), unix_ms: WALL + off + at - 1 }, now);
        off += booted;
        for second in 20..3600_u64 {
            if second % 10 == 0 {
                let boot = second * SECOND;
                let at = Stamp { boot: BootTime(boot), unix_ms: WALL + off + boot };
                let value = u32::try_from(at.unix_ms / (5 * MINUTE) % 100).unwrap();
                let mut gpu = gpu("A", boot, value);
                gpu.read_at = at;
                later.add(&Snapshot { at, ..snapshot(boot, vec![gpu]) });
            }
        }
        at = 3600 * SECOND;
        history = later;
    }
    let answer = history.answer(&Question { since_ms: begin - DAY, ..ask(0, None) }).unwrap();
    assert_eq!(answer.step_ms, 5 * MINUTE);
    let found = timed(&answer);
    assert!(found.len() > 22 * 12, "{}", found.len());
    for (at, value) in found {
        // Coarse steps begin with the boot, so that one of them may be of two long ones.
        let is_near = value.is_some_and(|value| (value - expected(at)).abs() < 0.1);
        assert!(is_near || [0.0, 99.0].contains(&expected(at)), "{}: {value:?}", at - begin);
    }
}

#[test]
fn file_without_long_steps_gives_a_day_of_them() {
    let mut history = History::new(Depth::default());
    let begin = 2 * DAY + BOOT_IN_STEP;
    read_slowly(&mut history, begin..begin + 60 * MINUTE + 30 * SECOND, 10);
    let (gpu, _) = saved(&history, "A");
    let now = stamp(begin + 61 * MINUTE);
    let mut later = History::new(Depth::default());
    later.load(&(gpu, LongSteps::default()), stamp(begin + 60 * MINUTE + 30 * SECOND), now);
    let long = later.answer(&ask(0, None)).unwrap();
    assert_eq!((long.step_ms, long.series[0].values.len()), (5 * MINUTE, 12));
    assert!(timed(&long).iter().all(|(at, value)| *value == Some(expected(*at))), "{long:?}");
    // The step that was not over has the readings from before and after.
    read_slowly(&mut later, begin + 61 * MINUTE..begin + 66 * MINUTE, 10);
    assert_eq!(timed(&later.answer(&ask(0, None)).unwrap())[12].1, Some(expected(begin + WALL + 60 * MINUTE)));
}

#[test]
fn tiers_off_or_shorter_than_finer_ones() {
    let [minute, hour] = [60, 3600].map(Duration::from_secs);
    for (coarse, long, steps_of_all) in [
        (hour, Duration::ZERO, 10 * SECOND),
        (2 * hour, hour, 10 * SECOND),
        (minute, Duration::ZERO, SECOND),
        (minute, minute, SECOND),
    ] {
        let mut history = History::new(Depth::new(Duration::from_secs(1), 5 * minute, coarse, long));
        read_slowly(&mut history, DAY..DAY + 30 * MINUTE, 1);
        let answer = history.answer(&ask(0, None)).unwrap();
        assert_eq!(answer.step_ms, steps_of_all, "{coarse:?} {long:?}");
        let kept = saved(&history, "A");
        let mut later = History::new(history.depth());
        later.load(&kept, stamp(DAY + 30 * MINUTE), stamp(DAY + 31 * MINUTE));
        assert_eq!(later.gpus().count(), 1);
    }
}
