use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    Absence, BootTime,
    readings::{Identity, Readings, Temperature},
    sample::{Call, Driver, DriverFacts, Failure, GpuSample, Life, ListedProcess, ProcessFacts, ProcessLists},
    snapshot::ProcessKind,
};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn at(boot_ms: u64) -> Stamp {
    Stamp { boot: BootTime(boot_ms), unix_ms: 1_700_000_000_000 + boot_ms }
}

pub(super) fn gpu(index: u32, uuid: &str, read: u64) -> GpuSample {
    GpuSample {
        index,
        handle: Ok(()),
        refusal: None,
        read_at: Some(at(read)),
        stuck: None,
        slowest: None,
        identity: Identity {
            uuid: Ok(uuid.into()),
            name: Ok(format!("name of {uuid}")),
            pci_bus_id: Err(Absence::NotSupported),
            minor_number: Ok(index),
            ..Identity::absent(Absence::NotSupported)
        },
        readings: Readings {
            temperature: Temperature { gpu_celsius: Ok(41), ..Temperature::absent(Absence::NotSupported) },
            ..Readings::absent(Absence::NotSupported)
        },
        lists: ProcessLists::absent(Absence::NotSupported),
        mig: Ok(Vec::new()),
        xid_since: Err(Absence::NotSupported),
    }
}

fn ready(assembled: u64, gpus: Vec<GpuSample>) -> Arc<Sample> {
    let facts = DriverFacts {
        driver_version: Ok("1".into()),
        nvml_version: Ok("2".into()),
        cuda_version: Ok(13000),
        init_ms: 3,
    };
    sample(assembled, Driver::Ready(facts), gpus)
}

fn sample(assembled: u64, driver: Driver, gpus: Vec<GpuSample>) -> Arc<Sample> {
    Arc::new(Sample { gpus, duration_us: 1, ..Sample::of(driver, at(assembled)) })
}

fn failed(text: &str) -> Arc<Sample> {
    let failure = Failure { function: "nvmlInit_v2".into(), code: 9, text: text.into(), hint: None };
    sample(0, Driver::Failed(failure), Vec::new())
}

struct Bench(Deriver);

impl Bench {
    fn derive(&mut self, now: u64, child: &Child, sample: Option<&Arc<Sample>>) -> Snapshot {
        self.0.derive(&Input {
            now: at(now),
            interval: SECOND,
            child,
            sample,
            restarts: 0,
            left_out: &[],
            idle_after: IDLE_AFTER,
            container_count: ContainerCount::default(),
            claims: None,
        })
    }

    fn alive(&mut self, now: u64, sample: &Arc<Sample>) -> Snapshot {
        self.derive(now, &Child::Alive, Some(sample))
    }
}

fn bench() -> Bench {
    Bench(Deriver::default())
}

fn down() -> Child {
    Child::Down { detail: "killed by signal 11".into() }
}

#[test]
fn gpu_stale_then_expired_by_reading_age() {
    let mut bench = bench();
    let sample = ready(5000, vec![gpu(0, "A", 5000)]);
    for (now, state, temperature) in [
        (5100, GpuState::Ok, Ok(41)),
        (8000, GpuState::Ok, Ok(41)),
        (8001, GpuState::Stale, Ok(41)),
        (65_000, GpuState::Stale, Ok(41)),
        (65_001, GpuState::Stale, Err(Absence::Timeout)),
    ] {
        let snapshot = bench.alive(now, &sample);
        assert_eq!(snapshot.gpus[0].state, state, "at {now}");
        assert_eq!(snapshot.gpus[0].readings.temperature.gpu_celsius, temperature, "at {now}");
        assert_eq!(snapshot.gpus[0].read_at, at(5000));
    }
}

#[test]
fn gpu_read_just_in_time_does_not_flip() {
    let mut bench = bench();
    let mut states = Vec::new();
    // Every third tick has a reading, which some frames bring late.
    for (reading, late) in (0..12_u64).map(|reading| (5000 + reading * 2990, reading % 3 * 90)) {
        let sample = ready(reading + late, vec![gpu(0, "A", reading)]);
        states.extend([late, 1000, 2000, 3050].map(|after| bench.alive(reading + after, &sample).gpus[0].state));
    }
    assert!(states[12..].iter().all(|state| *state == GpuState::Ok), "{states:?}");
}

#[test]
fn gpu_never_read_has_no_time_hung_one_keeps_last() {
    let hangs = |index, second| GpuSample {
        read_at: None,
        identity: Identity::absent(Absence::Timeout),
        ..gpu(index, "?", second)
    };
    let mut bench = bench();
    let first = bench.alive(5000, &ready(5000, vec![gpu(0, "A", 4900), hangs(1, 5000)]));
    let times = |snapshot: &Snapshot| -> Vec<(Stamp, bool)> {
        snapshot.gpus.iter().map(|gpu| (gpu.read_at, gpu.never_read)).collect()
    };
    assert_eq!(times(&first)[0], (at(4900), false));
    assert!(first.gpus[1].never_read && first.gpus[1].state == GpuState::Stale);
    // Another collector, for which the first hangs too.
    let later = bench.alive(9000, &ready(9000, vec![hangs(0, 9000), hangs(1, 9000)]));
    assert_eq!(times(&later)[0], (at(4900), false));
    assert_eq!(later.gpus[0].age, Duration::from_millis(4100));
    assert!(later.gpus[1].never_read);
}

#[test]
fn gpu_name_stays_when_values_expire() {
    let snapshot = bench().alive(1_000_000, &ready(5000, vec![gpu(0, "A", 5000)]));
    assert_eq!(snapshot.gpus[0].identity.name, Ok("name of A".into()));
    assert!(snapshot.gpus[0].processes.is_empty());
}

#[test]
fn gpus_stale_after_collector_died() {
    let mut bench = bench();
    bench.alive(5000, &ready(5000, vec![gpu(0, "A", 5000)]));
    let soon = bench.derive(6000, &down(), None);
    assert_eq!(soon.collector.state, CollectorState::Restarting);
    assert_eq!(soon.collector.detail.as_deref(), Some("killed by signal 11"));
    assert_eq!(soon.gpus[0].state, GpuState::Ok);
    assert_eq!(bench.derive(9000, &down(), None).gpus[0].state, GpuState::Stale);
}

#[test]
fn collector_ok_with_one_hung_reader() {
    let mut stuck = gpu(1, "B", 1000);
    stuck.stuck = Some(Call { function: "nvmlDeviceGetName".into(), gpu: Some(1), since: BootTime(2000) });
    let snapshot = bench().alive(9000, &ready(9000, vec![gpu(0, "A", 9000), stuck]));
    assert_eq!(snapshot.collector.state, CollectorState::Ok);
    assert_eq!(snapshot.collector.detail.as_deref(), Some("nvmlDeviceGetName on GPU 1 has not returned for 7 s"));
    assert_eq!([snapshot.gpus[0].state, snapshot.gpus[1].state], [GpuState::Ok, GpuState::Stale]);
}

#[test]
fn collector_stalled_if_all_readers_hung() {
    let snapshot = bench().alive(9000, &ready(9000, vec![gpu(0, "A", 1000), gpu(1, "B", 1000)]));
    assert_eq!(snapshot.collector.state, CollectorState::Stalled);
}

#[test]
fn collector_stalled_if_silent_ok_without_gpus() {
    let mut bench = bench();
    assert_eq!(bench.alive(1000, &ready(1000, Vec::new())).collector.state, CollectorState::Ok);
    let silent = Child::Silent { detail: "stopped".into() };
    assert_eq!(bench.derive(9000, &silent, None).collector.state, CollectorState::Stalled);
}

#[test]
fn driver_failure_reported_until_collector_reads() {
    let mut bench = bench();
    assert_eq!(bench.derive(0, &Child::Alive, None).collector.state, CollectorState::Starting);
    let no_driver = CollectorState::NoDriver { text: "Driver Not Loaded".into() };
    let first = bench.alive(10, &failed("Driver Not Loaded"));
    assert_eq!(first.collector.state, no_driver);
    let waiting = bench.derive(500, &down(), None);
    assert_eq!((waiting.collector.state, waiting.collector.since), (no_driver.clone(), first.collector.since));
    // The next try is loading: what is known is still that there is no driver.
    let call = Some(Call { function: "nvmlInit_v2".into(), gpu: None, since: BootTime(600) });
    let starting = sample(600, Driver::Starting { call }, Vec::new());
    assert_eq!(bench.alive(700, &starting).collector.state, no_driver);
    // But a load that takes long is a start.
    let long = bench.alive(3700, &starting);
    assert_eq!(long.collector.state, CollectorState::Starting);
    assert_eq!(long.collector.detail.as_deref(), Some("nvmlInit_v2 has not returned for 3 s"));
    assert_eq!(bench.alive(4000, &ready(4000, Vec::new())).collector.state, CollectorState::Ok);
    assert_eq!(bench.derive(5000, &down(), None).collector.state, CollectorState::Restarting);
}

#[test]
fn release_hides_failure_until_it_ends() {
    let mut bench = bench();
    let released = Child::Released { detail: "until then".into() };
    assert_eq!(bench.derive(0, &released, None).collector.state, CollectorState::Released, "even before a first");
    bench.alive(1000, &ready(1000, vec![gpu(0, "A", 1000)]));
    bench.alive(2000, &failed("Driver Not Loaded"));
    let first = bench.derive(3000, &released, None);
    assert_eq!(first.collector.state, CollectorState::Released);
    assert_eq!(first.collector.detail.as_deref(), Some("until then"));
    let later = bench.derive(9000, &Child::Released { detail: "until later".into() }, None);
    assert_eq!(later.collector.since, first.collector.since, "another time is the same state");
    let no_driver = CollectorState::NoDriver { text: "Driver Not Loaded".into() };
    assert_eq!(bench.derive(9500, &Child::Alive, None).collector.state, no_driver);
    let back = bench.alive(10_000, &ready(10_000, vec![gpu(0, "A", 10_000)]));
    assert_eq!((back.collector.state, back.gpus[0].state), (CollectorState::Ok, GpuState::Ok));
}

#[test]
fn gpu_not_counted_listed_last_with_name() {
    let mut bench = bench();
    bench.alive(1000, &ready(1000, vec![gpu(0, "A", 1000), gpu(1, "B", 1000), gpu(2, "C", 1000)]));
    // A is gone, and the driver renumbers the others.
    let shrunk = ready(2000, vec![gpu(0, "B", 2000), gpu(1, "C", 2000)]);
    let snapshot = bench.alive(2000, &shrunk);
    let uuids: Vec<_> = snapshot.gpus.iter().map(|gpu| gpu.identity.uuid.clone().unwrap()).collect();
    assert_eq!(uuids, ["B", "C", "A"]);
    assert_eq!(snapshot.gpus[2].index, 2);
    assert_eq!(snapshot.gpus[2].state, GpuState::Lost);
    assert_eq!(snapshot.gpus[2].readings.temperature.gpu_celsius, Err(Absence::Lost));
    let back = bench.alive(3000, &ready(3000, vec![gpu(0, "A", 3000), gpu(1, "B", 3000), gpu(2, "C", 3000)]));
    assert_eq!(back.gpus.len(), 3);
    assert_eq!(back.gpus[0].state, GpuState::Ok);
}

#[test]
fn gpu_with_refused_handle_keeps_identity() {
    let mut bench = bench();
    bench.alive(1000, &ready(1000, vec![gpu(0, "A", 1000), gpu(1, "B", 1000)]));
    let mut nameless = gpu(1, "B", 2000);
    nameless.handle = Err(Absence::Lost);
    nameless.identity = Identity::absent(Absence::Lost);
    let snapshot = bench.alive(2000, &ready(2000, vec![gpu(0, "A", 2000), nameless]));
    assert_eq!(snapshot.gpus.len(), 2);
    assert_eq!(snapshot.gpus[1].state, GpuState::Lost);
    assert_eq!(snapshot.gpus[1].identity.name, Ok("name of B".into()));
    let mut refused = gpu(1, "B", 3000);
    refused.handle = Err(Absence::Denied);
    let (function, text) = ("nvmlDeviceGetHandleByIndex_v2".into(), "Insufficient Permissions".into());
    refused.refusal = Some(Failure { function, code: 4, text, hint: Some("ask".into()) });
    let snapshot = bench.alive(3000, &ready(3000, vec![gpu(0, "A", 3000), refused]));
    assert_eq!(
        snapshot.gpus[1].state_detail.as_deref(),
        Some("nvmlDeviceGetHandleByIndex_v2 answered Insufficient Permissions (4): ask")
    );
}

#[test]
fn pid_in_both_lists_is_one_row_with_graphics_memory() {
    let listed =
        |pid, bytes| ListedProcess { pid, memory_bytes: Ok(bytes), gpu_instance: None, compute_instance: None };
    let mut sample = ready(20_000, vec![gpu(0, "A", 20_000)]);
    let inner = Arc::make_mut(&mut sample);
    inner.gpus[0].lists.compute = Ok(vec![listed(30, 3), listed(10, 1)]);
    inner.gpus[0].lists.graphics = Ok(vec![listed(10, 2), listed(20, 4)]);
    inner.processes = vec![ProcessFacts {
        pid: 10,
        life: Life::Running,
        uid: Ok(0),
        user: Some("root".into()),
        started: Ok(BootTime(5000)),
        arguments: Ok(["x"].into_iter().collect()),
        ..ProcessFacts::unread(10, Absence::Error)
    }];
    let snapshot = bench().alive(20_100, &sample);
    let rows: Vec<_> = snapshot.gpus[0]
        .processes
        .iter()
        .map(|process| (process.pid, process.kind, process.gpu_memory_bytes))
        .collect();
    assert_eq!(
        rows,
        [(10, ProcessKind::Both, Ok(2)), (20, ProcessKind::Graphics, Ok(4)), (30, ProcessKind::Compute, Ok(3))]
    );
    assert_eq!(snapshot.gpus[0].processes[0].running, Ok(Duration::from_secs(15)));
    assert_eq!(snapshot.gpus[0].processes[1].life, Life::Unknown);
}

#[test]
fn age_plausible_after_clock_jump() {
    let snapshot = bench().alive(1000, &ready(5000, vec![gpu(0, "A", 5000)]));
    assert_eq!(snapshot.gpus[0].age, Duration::ZERO);
}

#[test]
fn gpu_excluded_is_error_naming_function() {
    let mut bench = bench();
    bench.alive(1000, &ready(1000, vec![gpu(0, "A", 1000), gpu(1, "B", 1000)]));
    let mut unread = gpu(1, "B", 0);
    unread.read_at = None;
    unread.handle = Err(Absence::Timeout);
    unread.identity = Identity::absent(Absence::Timeout);
    let left_out = [LeftOut { gpu: 1, function: "nvmlX".into() }];
    let sample = ready(2000, vec![gpu(0, "A", 2000), unread]);
    let input = Input {
        now: at(2000),
        interval: SECOND,
        child: &Child::Alive,
        sample: Some(&sample),
        restarts: 2,
        left_out: &left_out,
        idle_after: IDLE_AFTER,
        container_count: ContainerCount::default(),
        claims: None,
    };
    let snapshot = bench.0.derive(&input);
    assert_eq!([snapshot.gpus[0].state, snapshot.gpus[1].state], [GpuState::Ok, GpuState::Error]);
    assert_eq!(snapshot.gpus[1].identity.name, Ok("name of B".into()));
    assert!(snapshot.gpus[1].state_detail.as_ref().unwrap().contains("nvmlX"));
    // Once it is read again it is as it is read.
    let read = ready(3000, vec![gpu(0, "A", 3000), gpu(1, "B", 3000)]);
    let input = Input { now: at(3000), sample: Some(&read), ..input };
    assert_eq!(bench.0.derive(&input).gpus[1].state, GpuState::Ok);
}

#[test]
fn gpus_suspended_are_asleep_until_read() {
    let mut bench = bench();
    let mut read = gpu(0, "A", 1000);
    read.readings.memory.set_whole(Ok(crate::sample::Memory {
        total_bytes: 24,
        used_bytes: Ok(1),
        free_bytes: Ok(23),
        reserved_bytes: Ok(0),
        unified: false,
    }));
    bench.alive(1000, &ready(1000, vec![read]));
    let resting = sample(2000, Driver::Suspending { buses: Vec::new() }, Vec::new());
    bench.alive(2000, &resting);
    // The one that let them go has ended, the next has started, and hours have gone by.
    for (now, child, sample) in [
        (2000, Child::Alive, Some(&resting)),
        (2100, down(), None),
        (2200, Child::Alive, None),
        (9_000_000, Child::Alive, Some(&sample(9_000_000, Driver::Suspended, Vec::new()))),
    ] {
        let snapshot = bench.derive(now, &child, sample);
        assert_eq!(snapshot.collector.state, CollectorState::Ok, "at {now}");
        let gpu = &snapshot.gpus[0];
        assert_eq!((gpu.state, gpu.identity.name.as_deref()), (GpuState::Asleep, Ok("name of A")), "at {now}");
        assert_eq!(gpu.readings.temperature.gpu_celsius, Err(Absence::Asleep));
        let memory = gpu.readings.memory.whole().unwrap();
        assert_eq!((memory.total_bytes, memory.used_bytes), (24, Err(Absence::Asleep)));
    }
    let call = Some(Call { function: "nvmlInit_v2".into(), gpu: None, since: BootTime(9_000_000) });
    let starting = bench.alive(9_000_001, &sample(9_000_001, Driver::Starting { call }, Vec::new()));
    assert_eq!(starting.collector.state, CollectorState::Restarting);
    assert_eq!(bench.alive(9_000_100, &ready(9_000_100, vec![gpu(0, "A", 9_000_100)])).gpus[0].state, GpuState::Ok);
}

#[test]
fn gpu_on_cpu_package_has_no_pcie_link() {
    let mut sample = gpu(0, "A", 1000);
    sample.readings.pcie.generation = Ok(1);
    sample.readings.pcie.replays = Ok(0);
    sample.readings.modes.persistence = Ok(true);
    sample.readings.pcie.tx_bytes_per_second = Ok(5);
    sample.readings.nvlink.tx_bytes_per_second = Ok(7);
    for unified in [false, true] {
        let memory = crate::sample::Memory { unified, ..crate::fixtures::blank::memory(24) };
        sample.readings.memory.set_whole(Ok(memory));
        let snapshot = bench().alive(1000, &ready(1000, vec![sample.clone()]));
        let readings = &snapshot.gpus[0].readings;
        let pcie = &readings.pcie;
        let is_read = [pcie.generation.is_ok(), pcie.replays.is_ok(), pcie.tx_bytes_per_second.is_ok()];
        assert_eq!(is_read, [!unified; 3]);
        assert_eq!((readings.modes.persistence, readings.nvlink.tx_bytes_per_second), (Ok(true), Ok(7)));
    }
}

#[test]
fn collector_notes_are_passed_on() {
    let mut bench = bench();
    let mut sample = ready(1000, Vec::new());
    Arc::make_mut(&mut sample).notes = vec!["hidden".into()];
    assert_eq!(bench.alive(1000, &sample).host.notes, ["hidden"]);
    // Between two collectors nothing else is known.
    assert_eq!(bench.derive(2000, &down(), None).host.notes, ["hidden"]);
}
