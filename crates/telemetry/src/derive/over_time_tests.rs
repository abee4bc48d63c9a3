//! Tests of the use of GPUs and instances over time, from one sample to the next.

use std::{sync::Arc, time::Duration};

use super::{
    tests::{at, gpu},
    *,
};
use crate::{
    Absence, Reading,
    fixtures::blank,
    readings::Activity,
    sample::{
        Allocation, DriverFacts, GpuSample, ListedProcess, Memory, MigSample, PodContainer, ProcessFacts, XidSample,
    },
    snapshot::{Severity, UseVerdict},
};

fn listed(pid: u32) -> ListedProcess {
    ListedProcess { pid, memory_bytes: Ok(4), gpu_instance: None, compute_instance: None }
}

pub(super) fn idle(index: u32, uuid: &str, read: u64, jobs: &[u32]) -> GpuSample {
    let mut gpu = gpu(index, uuid, read);
    gpu.lists.compute = Ok(jobs.iter().copied().map(listed).collect());
    gpu.lists.graphics = Ok(Vec::new());
    gpu.readings.memory.set_whole(Ok(Memory { used_bytes: Ok(4), ..blank::memory(100) }));
    gpu.readings.utilization.gpu_percent = Ok(0);
    gpu.xid_since = Ok(at(1));
    gpu
}

pub(super) fn ready(version: &str, read: u64, gpus: Vec<GpuSample>) -> Sample {
    let facts = DriverFacts {
        driver_version: Ok(version.into()),
        nvml_version: Ok("2".into()),
        cuda_version: Ok(13000),
        init_ms: 3,
    };
    Sample { gpus, ..Sample::of(Driver::Ready(facts), at(read)) }
}

pub(super) fn xid(index: u32, uuid: Reading<String>, code: u64, when: u64) -> XidSample {
    XidSample { gpu: index, uuid, code, at: at(when), times: 1, gpu_instance: None, compute_instance: None }
}

pub(super) fn derive(deriver: &mut Deriver, now: u64, sample: &Arc<Sample>) -> Snapshot {
    deriver.derive(&Input {
        now: at(now),
        interval: Duration::from_secs(1),
        child: &Child::Alive,
        sample: Some(sample),
        restarts: 0,
        left_out: &[],
        idle_after: Duration::from_secs(10),
        container_count: ContainerCount::default(),
        claims: None,
    })
}

pub(super) fn show(gpu: &Gpu) -> (UseVerdict, u64) {
    (gpu.usage.verdict, gpu.usage.since.boot.0)
}

#[test]
fn use_follows_uuid_not_index() {
    let mut deriver = Deriver::default();
    for now in (1000..=11_000).step_by(1000) {
        let sample = ready("1", now, vec![idle(0, "A", now, &[]), idle(1, "B", now, &[7])]);
        let snapshot = derive(&mut deriver, now, &Arc::new(sample));
        let held = if now == 11_000 { UseVerdict::Held } else { UseVerdict::Busy };
        assert_eq!([show(&snapshot.gpus[0]), show(&snapshot.gpus[1])], [(UseVerdict::Free, 1000), (held, 1000)]);
    }
    let moved = ready("1", 12_000, vec![idle(0, "B", 12_000, &[7])]);
    let snapshot = derive(&mut deriver, 12_000, &Arc::new(moved));
    assert_eq!(show(&snapshot.gpus[0]), (UseVerdict::Held, 1000));
    assert_eq!(show(&snapshot.gpus[1]), (UseVerdict::Unknown, 12_000));
    assert_eq!(snapshot.gpus[1].usage.unattributed_bytes, Err(Absence::Lost));
    assert_eq!(snapshot.gpus[1].health.verdict, Severity::Critical);
}

#[test]
fn working_gpu_is_not_free_whoever_is_listed() {
    let mut deriver = Deriver::default();
    let mut verdicts = |now: u64, busy: u32| {
        let change = |index: u32, uuid: &str, change: fn(&mut GpuSample, u32)| {
            let mut gpu = idle(index, uuid, now, &[]);
            change(&mut gpu, busy);
            gpu
        };
        let gpus = vec![
            change(0, "A", |gpu, busy| gpu.readings.utilization.gpu_percent = Ok(busy)),
            change(1, "B", |gpu, busy| gpu.readings.utilization.encoder_percent = Ok(busy)),
            change(2, "C", |gpu, busy| {
                gpu.readings.utilization.gpu_percent = Err(Absence::NotSupported);
                gpu.readings.activity.sm_ratio = Ok(f64::from(busy) / 100.0);
            }),
            change(3, "D", |gpu, busy| {
                gpu.lists.compute = Err(Absence::Denied);
                gpu.readings.utilization.gpu_percent = Ok(busy);
            }),
            change(4, "E", |gpu, busy| gpu.readings.modes.compute = Ok(if busy > 50 { 2 } else { 0 })),
        ];
        let snapshot = derive(&mut deriver, now, &Arc::new(ready("1", now, gpus)));
        snapshot.gpus.iter().map(|gpu| gpu.usage.verdict).collect::<Vec<_>>()
    };
    use UseVerdict::{Busy, Free, Unknown};
    assert_eq!(verdicts(1000, 0), [Free, Free, Free, Unknown, Free]);
    assert_eq!(verdicts(2000, 97), [Free, Free, Free, Unknown, Busy], "a moment, but no context can be made");
    assert_eq!(verdicts(3000, 97), [Busy; 5]);
    for now in (4000..14_000).step_by(1000) {
        assert_eq!(verdicts(now, 2), [Busy, Busy, Busy, Busy, Free], "it may only pause, at {now}");
    }
    assert_eq!(verdicts(14_000, 2), [Free, Free, Free, Unknown, Free]);
}

#[test]
fn gpu_stale_is_unknown_then_resumes() {
    let mut deriver = Deriver::default();
    let first = Arc::new(ready("1", 1000, vec![idle(0, "A", 1000, &[])]));
    assert_eq!(show(&derive(&mut deriver, 4000, &first).gpus[0]), (UseVerdict::Free, 1000));
    assert_eq!(show(&derive(&mut deriver, 4001, &first).gpus[0]), (UseVerdict::Unknown, 4001));
    assert_eq!(show(&derive(&mut deriver, 5000, &first).gpus[0]), (UseVerdict::Unknown, 4001));
    let next = Arc::new(ready("1", 6000, vec![idle(0, "A", 6000, &[])]));
    assert_eq!(show(&derive(&mut deriver, 6000, &next).gpus[0]), (UseVerdict::Free, 1000));
}

#[test]
fn repeated_sample_counted_once() {
    let mut deriver = Deriver::default();
    let mut sample = ready("1", 1000, vec![idle(0, "A", 1000, &[])]);
    sample.xids = vec![xid(0, Ok("A".into()), 79, 900)];
    let sample = Arc::new(sample);
    let first = derive(&mut deriver, 1000, &sample);
    let second = derive(&mut deriver, 2000, &sample);
    assert_eq!((second.gpus[0].xid.count, second.events.len()), (Ok(1), 1));
    assert!(Arc::ptr_eq(&first.events, &second.events));
    assert_eq!(second.gpus[0].xid.last, Some((79, at(900))));
    assert_eq!(second.gpus[0].health.reasons[0].code, "xid_79");
    // An equal sample that arrives again is another frame.
    let third = derive(&mut deriver, 3000, &Arc::new((*sample).clone()));
    assert_eq!((third.gpus[0].xid.count, third.events.len()), (Ok(2), 2));
}

#[test]
fn gpu_with_unknown_instances_is_not_free() {
    use UseVerdict::{Busy, Free, Unknown};
    let (late, denied) = (Err(Absence::Timeout), Err(Absence::Denied));
    for (name, mode, mig, jobs, expected) in [
        ("no MIG", Ok(false), Ok(Vec::new()), &[][..], Free),
        ("no MIG on this board", Err(Absence::NotSupported), Ok(Vec::new()), &[], Free),
        ("neither read yet", late, Err(Absence::Timeout), &[], Free),
        ("instances that are refused", Ok(true), Err(Absence::Denied), &[], Unknown),
        ("instances that are late", Ok(true), Err(Absence::Timeout), &[], Unknown),
        ("not even the mode", denied, Err(Absence::Denied), &[], Unknown),
        ("refused, and somebody there", Ok(true), Err(Absence::Denied), &[7], Busy),
        ("no instance, so that nobody can use it", Ok(true), Ok(Vec::new()), &[], Busy),
        ("an instance of which nothing is known", Ok(true), Ok(vec![MigSample::absent(Absence::Denied)]), &[], Unknown),
    ] {
        let mut gpu = idle(0, "A", 1000, jobs);
        gpu.readings.modes.mig = mode;
        gpu.mig = mig;
        let snapshot = derive(&mut Deriver::default(), 1000, &Arc::new(ready("1", 1000, vec![gpu])));
        let gpu = &snapshot.gpus[0];
        assert_eq!(gpu.usage.verdict, expected, "{name}");
        assert_eq!(gpu.state_detail.is_some(), name.contains("nobody can"), "{name}");
    }
}

#[test]
fn holding_processes_are_marked() {
    let mut gpu = idle(0, "A", 1000, &[7, 8]);
    gpu.lists.graphics = Ok(vec![listed(8), listed(9)]);
    let snapshot = derive(&mut Deriver::default(), 1000, &Arc::new(ready("1", 1000, vec![gpu])));
    let reported: Vec<_> = snapshot.gpus[0].processes.iter().map(|process| (process.pid, process.holds)).collect();
    assert_eq!(reported, [(7, true), (8, false), (9, false)], "neither what draws, nor a small one that does both");
}

#[test]
fn mig_instances_judged_and_gpu_by_them() {
    let instance = |id: u32, uuid: &str, jobs: &[u32]| MigSample {
        gpu_instance: Ok(id),
        compute_instance: Ok(0),
        uuid: Ok(uuid.into()),
        profile: Ok("1g.18gb".into()),
        memory: Ok(Memory { used_bytes: Ok(4), ..blank::memory(18) }),
        activity: Err(Absence::NotSupported),
        compute: Ok(jobs.iter().copied().map(listed).collect()),
    };
    let mut deriver = Deriver::default();
    let mut parent = idle(0, "A", 1000, &[]);
    parent.lists.compute = Err(Absence::Denied);
    parent.readings.memory.set_whole(Err(Absence::Denied));
    parent.readings.utilization.gpu_percent = Err(Absence::NotSupported);
    parent.mig = Ok(vec![instance(1, "M1", &[]), instance(2, "M2", &[7])]);
    let mut sample = ready("1", 1000, vec![parent]);
    sample.processes =
        vec![ProcessFacts { uid: Ok(1001), user: Some("alice".into()), ..ProcessFacts::unread(7, Absence::Error) }];
    let snapshot = derive(&mut deriver, 1000, &Arc::new(sample.clone()));
    let verdicts: Vec<_> = snapshot.gpus[0].mig.iter().flatten().map(|mig| mig.usage.verdict).collect();
    assert_eq!(verdicts, [UseVerdict::Free, UseVerdict::Busy]);
    assert_eq!(snapshot.gpus[0].usage.verdict, UseVerdict::Busy);
    assert_eq!(snapshot.gpus[0].usage.users, ["alice"]);
    if let Ok(instances) = &mut sample.gpus[0].mig {
        instances[0].compute = Err(Absence::Denied);
        instances[1].compute = Ok(Vec::new());
    }
    let snapshot = derive(&mut deriver, 1000, &Arc::new(sample));
    assert_eq!(snapshot.gpus[0].usage.verdict, UseVerdict::Unknown);
}

#[test]
fn mig_instance_held_if_activity_read() {
    use UseVerdict::{Busy, Free, Held};
    let no: Reading<f64> = Err(Absence::NotSupported);
    for (name, [taken, other], verdicts, whole) in [
        ("idle", [Ok(0.04), Ok(0.0)], [Held, Free], Held),
        ("at work", [Ok(0.05), Ok(0.0)], [Busy, Free], Busy),
        ("the other works, for nobody that is seen", [Ok(0.0), Ok(1.0)], [Held, Busy], Busy),
        ("not reported", [no, no], [Busy, Free], Busy),
        ("not reported of the other", [Ok(0.0), no], [Held, Free], Busy),
    ] {
        let instance = |id: u32, jobs: &[u32], ratio| MigSample {
            gpu_instance: Ok(id),
            compute_instance: Ok(0),
            uuid: Ok(format!("M{id}")),
            memory: Ok(Memory { used_bytes: Ok(4), ..blank::memory(18) }),
            activity: Ok(Activity { graphics_ratio: ratio, ..Activity::absent(Absence::NotSupported) }),
            compute: Ok(jobs.iter().copied().map(listed).collect()),
            ..MigSample::absent(Absence::Error)
        };
        let mut deriver = Deriver::default();
        let mut last = None;
        for second in 1..=30 {
            let mut parent = idle(0, "A", second * 1000, &[]);
            parent.readings.utilization.gpu_percent = no.map(|_| 0);
            parent.mig = Ok(vec![instance(1, &[7], taken), instance(2, &[], other)]);
            last = Some(derive(&mut deriver, second * 1000, &Arc::new(ready("1", second * 1000, vec![parent]))));
        }
        let gpu = &last.unwrap().gpus[0];
        let reported: Vec<_> = gpu.mig.iter().flatten().map(|mig| mig.usage.verdict).collect();
        assert_eq!((reported, gpu.usage.verdict), (verdicts.to_vec(), whole), "{name}");
    }
}

#[test]
fn gpu_allocated_is_not_free_then_held() {
    use UseVerdict::{Busy, Free, Held, Unknown};
    let device = |uuid: &str| crate::sample::Device::Uuid(uuid.into());
    let to = PodContainer { namespace: "ml".into(), pod: "train-0".into(), container: "main".into() };
    let given = |device| Ok(vec![Allocation { device, to: to.clone() }]);
    let mut deriver = Deriver::default();
    for (now, allocations, verdict, since) in [
        (1000, Err(Absence::Timeout), Unknown, 1000),
        (2000, Ok(Vec::new()), Free, 2000),
        (3000, given(device("B")), Free, 2000),
        (4000, given(device("A")), Busy, 4000),
        (14_000, given(device("A")), Held, 4000),
        (15_000, Err(Absence::Timeout), Unknown, 15_000),
        (16_000, given(device("A")), Held, 4000),
        (17_000, Err(Absence::NotSupported), Free, 17_000),
    ] {
        let sample = Sample { allocations, ..ready("1", now, vec![idle(0, "A", now, &[])]) };
        let snapshot = derive(&mut deriver, now, &Arc::new(sample));
        assert_eq!(show(&snapshot.gpus[0]), (verdict, since), "at {now}");
        assert!(snapshot.gpus[0].usage.users.is_empty());
    }
}

#[test]
fn mig_instance_allocated_makes_gpu_not_free() {
    let instance = |id: u32| MigSample {
        gpu_instance: Ok(id),
        compute_instance: Ok(0),
        uuid: Ok(format!("M{id}")),
        profile: Ok("1g.18gb".into()),
        memory: Ok(Memory { used_bytes: Ok(4), ..blank::memory(18) }),
        activity: Err(Absence::NotSupported),
        compute: Ok(Vec::new()),
    };
    let mut parent = idle(0, "A", 1000, &[]);
    parent.mig = Ok(vec![instance(1), instance(2)]);
    let to = PodContainer { namespace: "ml".into(), pod: "train-0".into(), container: "main".into() };
    let allocations = Ok(vec![Allocation { device: crate::sample::Device::Uuid("M2".into()), to: to.clone() }]);
    let sample = Sample { allocations, ..ready("1", 1000, vec![parent]) };
    let snapshot = derive(&mut Deriver::default(), 1000, &Arc::new(sample));
    let gpu = &snapshot.gpus[0];
    let reported: Vec<_> = gpu.mig.iter().flatten().map(|mig| (mig.usage.verdict, mig.pods.clone())).collect();
    assert_eq!(reported, [(UseVerdict::Free, Ok(vec![])), (UseVerdict::Busy, Ok(vec![to]))]);
    assert_eq!((gpu.usage.verdict, gpu.pods.clone()), (UseVerdict::Busy, Ok(vec![])));
}

#[test]
fn use_unknown_without_process_list() {
    for (compute, graphics, verdict) in [
        (Ok(Vec::new()), Ok(Vec::new()), UseVerdict::Free),
        (Ok(Vec::new()), Err(Absence::NotSupported), UseVerdict::Free),
        (Ok(Vec::new()), Err(Absence::Denied), UseVerdict::Unknown),
        (Err(Absence::Denied), Ok(Vec::new()), UseVerdict::Unknown),
        (Err(Absence::NotSupported), Ok(Vec::new()), UseVerdict::Unknown),
    ] {
        let mut gpu = idle(0, "A", 1000, &[]);
        (gpu.lists.compute, gpu.lists.graphics) = (compute, graphics);
        let snapshot = derive(&mut Deriver::default(), 1000, &Arc::new(ready("1", 1000, vec![gpu])));
        assert_eq!(snapshot.gpus[0].usage.verdict, verdict);
    }
}

#[test]
fn busy_time_counts_intervals_of_usage() {
    let mut deriver = Deriver::default();
    let mut busy = |read: u64| {
        let mut gpu = idle(0, "A", read, &[1]);
        gpu.readings.utilization.gpu_percent = Ok(100);
        derive(&mut deriver, read, &Arc::new(ready("1", read, vec![gpu]))).gpus[0].totals.busy
    };
    let [first, slow, longest, too_long] = [1_000, 9_000, 19_000, 29_001].map(&mut busy);
    assert_eq!(first, Ok(Duration::ZERO));
    assert_eq!(slow, Ok(Duration::from_secs(8)), "it was stale, and its user has these seconds");
    assert_eq!([longest, too_long], [Ok(Duration::from_secs(18)); 2]);
}
