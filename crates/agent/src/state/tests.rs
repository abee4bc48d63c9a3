use std::{fs, os::unix::fs::PermissionsExt as _};

use server::Publisher;
use telemetry::{
    Absence, BootTime,
    derive::{Child, Deriver, Input},
    history::{Depth, Question, Spread},
    readings::{Identity, Readings, Utilization},
    sample::{Driver, DriverFacts, GpuSample, ProcessLists, Sample},
    snapshot::ContainerCount,
};

use super::*;

/// A sample of one GPU, at that moment.
fn sample(at: Stamp) -> Arc<Sample> {
    let facts =
        DriverFacts { driver_version: Ok("1".into()), nvml_version: Ok("1".into()), cuda_version: Ok(1), init_ms: 0 };
    let identity = Identity { uuid: Ok("GPU-1".into()), ..Identity::absent(Absence::NotSupported) };
    let utilization = Utilization { gpu_percent: Ok(42), ..Utilization::absent(Absence::NotSupported) };
    let gpu = GpuSample {
        index: 0,
        handle: Ok(()),
        refusal: None,
        read_at: Some(at),
        stuck: None,
        slowest: None,
        identity,
        readings: Readings { utilization, ..Readings::absent(Absence::NotSupported) },
        lists: ProcessLists::absent(Absence::NotSupported),
        mig: Ok(Vec::new()),
        xid_since: Err(Absence::NotSupported),
    };
    Arc::new(Sample { gpus: vec![gpu], ..Sample::of(Driver::Ready(facts), at) })
}

/// A run of the agent over the last seconds.
fn ran() -> (Arc<Archive>, watch::Receiver<Arc<Published>>, SavedState) {
    let archive = Arc::new(Archive::new(History::new(Depth::default())));
    let now = Stamp::now();
    let publisher = Publisher::keeping(now, server::Show::default(), Arc::clone(&archive));
    let mut deriver = Deriver::default();
    for ago in (0..5).rev().map(|second| second * 1000) {
        let at = Stamp { boot: BootTime(now.boot.0 - ago), unix_ms: now.unix_ms - ago };
        publisher.publish(deriver.derive(&Input {
            now: at,
            interval: Duration::from_secs(1),
            child: &Child::Alive,
            sample: Some(&sample(at)),
            restarts: 0,
            left_out: &[],
            idle_after: Duration::from_secs(10),
            container_count: ContainerCount::default(),
            claims: None,
        }));
    }
    (archive, publisher.subscribe(), deriver.saved())
}

/// A run whose whole state is saved in the folder.
fn run(folder: &Path) {
    let (archive, newest, state) = ran();
    write(folder, &archive, &newest.borrow(), state).unwrap();
}

fn remembered(history: &History) -> usize {
    let question = Question {
        metrics: vec![0],
        gpus: None,
        since_ms: Stamp::now().unix_ms - 60_000,
        until_ms: None,
        step: None,
        spread: Spread::Mean,
    };
    let answer = history.answer(&question).unwrap();
    answer.series.iter().flat_map(|series| &series.values).flatten().filter(|value| **value == 42.0).count()
}

#[test]
fn state_restored_in_next_run() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path());
    let mut history = History::new(Depth::default());
    let kept = load(folder.path(), &mut history);
    assert!(remembered(&history) >= 3, "{history:?}");
    assert_ne!(kept, SavedState::default());
    let mode = fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!folder.path().join(STAGED).exists());
}

/// Steps and a GPU's past in files of versions without long steps.
#[derive(Serialize, Deserialize)]
struct EarlierRing {
    step_ms: u64,
    first: i64,
    series: Vec<(String, Vec<f32>)>,
}

#[derive(Serialize, Deserialize)]
struct EarlierPast {
    uuid: String,
    fine: Option<EarlierRing>,
    coarse: Option<EarlierRing>,
}

#[test]
fn history_read_from_and_by_earlier_version() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path());
    let path = folder.path().join(NAME);
    // An earlier version reads of a part what it knows.
    let mut reader = Reader::begin(File::open(&path).unwrap()).unwrap();
    let head: FileHead = reader.part().unwrap().unwrap();
    let state: (SavedState, Vec<EarlierGpu>) = reader.extended_part().unwrap().unwrap();
    let past: EarlierPast = reader.part().unwrap().unwrap();
    assert!(reader.part::<EarlierPast>().unwrap().is_none());
    let fine = past.fine.as_ref().unwrap();
    assert_eq!((fine.step_ms, fine.series[0].0.as_str()), (1000, "utilization.gpu_percent"));
    assert!(fine.series[0].1.iter().filter(|value| **value == 42.0).count() >= 3, "{:?}", fine.series);
    let mut writer = Writer::begin(File::create(&path).unwrap()).unwrap();
    writer.part(&head).unwrap();
    writer.part(&state).unwrap();
    writer.part(&past).unwrap();
    writer.end().unwrap();
    let mut history = History::new(Depth::default());
    assert_ne!(load(folder.path(), &mut history), SavedState::default());
    assert!(remembered(&history) >= 3, "{history:?}");
}

#[test]
fn state_unreadable_starts_empty() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path());
    let path = folder.path().join(NAME);
    let whole = fs::read(&path).unwrap();
    for damaged in [&whole[..whole.len() - 1], &whole[..whole.len() / 2], b"", b"nonsense"] {
        fs::write(&path, damaged).unwrap();
        let mut history = History::new(Depth::default());
        assert_eq!(load(folder.path(), &mut history), SavedState::default());
        assert_eq!(remembered(&history), 0);
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(load(folder.path(), &mut History::new(Depth::default())), SavedState::default());
}

#[test]
fn state_written_periodically_and_at_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    let (archive, newest, state) = ran();
    let state = NewestState::kept(state);
    let saver = StateSaver::start(folder.path().into(), archive, newest, state, Duration::from_millis(1)).unwrap();
    for _ in 0..3 {
        let since = std::time::Instant::now();
        while !path.exists() {
            assert!(since.elapsed() < Duration::from_secs(60), "nothing is written");
            thread::yield_now();
        }
        fs::remove_file(&path).unwrap();
    }
    saver.stop();
    let mut history = History::new(Depth::default());
    load(folder.path(), &mut history);
    assert!(remembered(&history) >= 3);
}

#[test]
fn folder_checked_without_change() {
    let folder = tempfile::tempdir().unwrap();
    let staged = folder.path().join(STAGED);
    fs::write(&staged, "half of it").unwrap();
    check_folder(folder.path()).unwrap();
    assert_eq!(fs::read_to_string(&staged).unwrap(), "half of it");
    let missing = folder.path().join("a/b");
    check_folder(&missing).unwrap();
    assert!(!folder.path().join("a").exists());
    assert!(check_folder(&staged).is_err(), "a file is no folder");
    assert!(check_folder(&staged.join("below")).is_err());
}
