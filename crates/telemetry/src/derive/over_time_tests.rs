//! Tests of what a [`Deriver`] remembers from one sample to the next.

use std::{sync::Arc, time::Duration};

use super::{
    tests::{at, gpu},
    *,
};
use crate::{
    Absence, Reading,
    fixtures::blank,
    readings::{Activity, Identity},
    sample::{
        Allocation, DriverFacts, Failure, GpuSample, ListedProcess, Memory, MigSample, PodContainer, ProcessFacts,
        XidSample,
    },
    snapshot::{EventKind, Severity, UseVerdict},
};

fn listed(pid: u32) -> ListedProcess {
    ListedProcess { pid, memory_bytes: Ok(4), gpu_instance: None, compute_instance: None }
}

fn idle(index: u32, uuid: &str, read: u64, jobs: &[u32]) -> GpuSample {
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

fn xid(index: u32, uuid: Reading<String>, code: u64, when: u64) -> XidSample {
    XidSample { gpu: index, uuid, code, at: at(when), times: 1, gpu_instance: None, compute_instance: None }
}

fn derive(deriver: &mut Deriver, now: u64, sample: &Arc<Sample>) -> Snapshot {
    deriver.derive(&Input {
        now: at(now),
        interval: Duration::from_secs(1),
        child: &Child::Alive,
        sample: Some(sample),
        restarts: 0,
        left_out: &[],
        idle_after: Duration::from_secs(10),
    })
}

fn show(gpu: &Gpu) -> (UseVerdict, u64) {
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
fn xid_listening_paused_while_collector_silent() {
    let mut deriver = Deriver::default();
    let sample = Arc::new(ready("1", 1000, vec![idle(0, "A", 1000, &[]), idle(1, "B", 1000, &[])]));
    let since =
        |snapshot: &Snapshot| -> Vec<Reading<Stamp>> { snapshot.gpus.iter().map(|gpu| gpu.xid.since).collect() };
    let late = Err(Absence::Timeout);
    assert_eq!(since(&derive(&mut deriver, 2000, &sample)), [Ok(at(1)), Ok(at(1))]);
    assert_eq!(since(&derive(&mut deriver, 9000, &sample)), [late, late]);
    let fewer = Arc::new(ready("1", 10_000, vec![idle(0, "A", 10_000, &[])]));
    assert_eq!(
        since(&derive(&mut deriver, 10_000, &fewer)),
        [Ok(at(1)), Err(Absence::Lost)],
        "one that is not counted"
    );
    let asleep = Arc::new(Sample::of(Driver::Suspended, at(11_000)));
    assert_eq!(since(&derive(&mut deriver, 11_000, &asleep))[0], Err(Absence::Asleep));
}

#[test]
fn xid_without_uuid_goes_to_last_gpu_of_index() {
    let mut deriver = Deriver::default();
    let sample = ready("1", 1000, vec![idle(0, "A", 1000, &[]), idle(1, "B", 1000, &[])]);
    derive(&mut deriver, 1000, &Arc::new(sample));
    let mut lost = idle(1, "B", 2000, &[]);
    lost.handle = Err(Absence::Lost);
    lost.identity = Identity::absent(Absence::Lost);
    lost.xid_since = Err(Absence::Lost);
    let mut sample = ready("1", 2000, vec![idle(0, "A", 2000, &[]), lost]);
    sample.xids = vec![xid(1, Err(Absence::Lost), 79, 1900)];
    let snapshot = derive(&mut deriver, 2000, &Arc::new(sample));
    let codes: Vec<_> = snapshot.gpus[1].health.reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, ["lost", "xid_79"]);
    assert_eq!((snapshot.gpus[1].xid.since, snapshot.gpus[1].xid.count), (Err(Absence::Lost), Ok(1)));
    assert_eq!(snapshot.gpus[0].xid.count, Ok(0));
    let reported: Vec<_> =
        snapshot.events.iter().map(|event| (event.code.as_str(), event.gpu_uuid.as_deref())).collect();
    assert_eq!(reported, [("xid_79", Some("B")), ("lost", Some("B"))]);
}

#[test]
fn driver_change_is_event_and_clears_xids() {
    let mut deriver = Deriver::default();
    let mut sample = ready("1", 1000, vec![idle(0, "A", 1000, &[])]);
    sample.xids = vec![xid(0, Ok("A".into()), 48, 900)];
    assert_eq!(derive(&mut deriver, 1000, &Arc::new(sample)).gpus[0].health.verdict, Severity::Critical);
    let sample = ready("2", 2000, vec![idle(0, "A", 2000, &[])]);
    let snapshot = derive(&mut deriver, 2000, &Arc::new(sample));
    assert_eq!(snapshot.gpus[0].health.verdict, Severity::Ok);
    assert_eq!(snapshot.gpus[0].xid.count, Ok(1));
    assert_eq!(snapshot.events.last().map(|event| event.kind), Some(EventKind::Driver));
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
fn xid_not_given_to_previous_gpu_of_index() {
    let mut deriver = Deriver::default();
    let sample = ready("1", 1000, vec![idle(0, "A", 1000, &[]), idle(1, "B", 1000, &[])]);
    derive(&mut deriver, 1000, &Arc::new(sample));
    let mut nameless = idle(1, "?", 2000, &[]);
    nameless.identity = Identity::absent(Absence::Lost);
    let mut sample = ready("1", 2000, vec![idle(0, "B", 2000, &[]), nameless]);
    sample.xids = vec![xid(1, Err(Absence::Lost), 79, 1900)];
    let snapshot = derive(&mut deriver, 2000, &Arc::new(sample));
    assert_eq!(snapshot.gpus[0].xid.count, Ok(0));
    assert_eq!(snapshot.events.first().map(|event| event.gpu_uuid.clone()), Some(None));
}

#[test]
fn totals_survive_restart_and_index_change() {
    let mut deriver = Deriver::default();
    let busy = |index, read| {
        let mut gpu = idle(index, "A", read, &[]);
        gpu.readings.utilization.gpu_percent = Ok(50);
        gpu
    };
    let total = |snapshot: &Snapshot| {
        let gpu = snapshot.gpus.iter().find(|gpu| gpu.identity.uuid.as_deref() == Ok("A"));
        gpu.unwrap().totals.busy
    };
    derive(&mut deriver, 1000, &Arc::new(ready("1", 1000, vec![busy(0, 1000)])));
    let before = derive(&mut deriver, 2000, &Arc::new(ready("1", 2000, vec![busy(0, 2000)])));
    assert_eq!((total(&before), before.read_at), (Ok(Duration::from_millis(500)), Some(at(2000))));
    // A collector that has read nothing yet, and then one that counts another GPU first.
    let starting = Sample::of(Driver::Starting { call: None }, at(2500));
    let between = derive(&mut deriver, 2500, &Arc::new(starting));
    assert_eq!((total(&between), between.read_at), (Ok(Duration::from_millis(500)), Some(at(2000))));
    let gpus = vec![idle(0, "B", 3000, &[]), busy(1, 3000)];
    let after = derive(&mut deriver, 3000, &Arc::new(ready("2", 3000, gpus)));
    assert_eq!((total(&after), after.read_at), (Ok(Duration::from_secs(1)), Some(at(3000))));
}

#[test]
fn totals_continue_from_saved_state() {
    let used = |read| Arc::new(ready("1", read, vec![idle(0, "A", read, &[7]), idle(1, "B", read, &[])]));
    let mut first = Deriver::default();
    for second in 1..=30 {
        derive(&mut first, second * 1000, &used(second * 1000));
    }
    let mut reported = ready("1", 31_000, vec![idle(0, "A", 31_000, &[7]), idle(1, "B", 31_000, &[])]);
    reported.xids = vec![xid(0, Ok("A".into()), 79, 30_900)];
    let last = derive(&mut first, 31_000, &Arc::new(reported));
    assert_eq!(last.gpus.iter().map(show).collect::<Vec<_>>(), [(UseVerdict::Held, 1000), (UseVerdict::Free, 1000)]);
    let kept = first.saved().with_events(&last);
    let soon = derive(&mut Deriver::restoring(kept.clone()), 40_000, &used(40_000));
    assert_eq!(soon.gpus.iter().map(show).collect::<Vec<_>>(), [(UseVerdict::Held, 1000), (UseVerdict::Free, 1000)]);
    assert!(soon.gpus[0].usage.since_at_least);
    assert_eq!(
        soon.events.iter().map(|event| (event.code.as_str(), event.sequence)).collect::<Vec<_>>(),
        [("xid_79", 0)]
    );
    let reasons = |snapshot: &Snapshot| {
        let all = snapshot.gpus[0].health.reasons.iter();
        all.map(|reason| reason.code.clone()).collect::<Vec<_>>()
    };
    assert_eq!(reasons(&last), ["xid_79"]);
    assert_eq!(reasons(&soon), ["xid_79"], "it was not reset");
    let other = Arc::new(ready("2", 40_000, vec![idle(0, "A", 40_000, &[7]), idle(1, "B", 40_000, &[])]));
    let reloaded = derive(&mut Deriver::restoring(kept.clone()), 40_000, &other);
    assert_eq!(reasons(&reloaded), [""; 0], "the driver was reloaded meanwhile");
    let booted = derive(&mut Deriver::restoring(kept.clone().after_a_boot()), 40_000, &used(40_000));
    assert_eq!(reasons(&booted), [""; 0]);
    // Nothing is known of a longer gap, nor of the time before a boot.
    for (kept, now) in [(kept.clone(), 200_000), (kept.after_a_boot(), 40_000)] {
        let later = derive(&mut Deriver::restoring(kept), now, &used(now));
        assert_eq!(later.gpus.iter().map(show).collect::<Vec<_>>(), [(UseVerdict::Busy, now), (UseVerdict::Free, now)]);
        assert_eq!(later.events.len(), 1);
    }
}

#[test]
fn saved_state_outlives_run_that_reads_nothing() {
    let used = |read| ready("1", read, vec![idle(0, "A", read, &[7]), idle(1, "B", read, &[])]);
    let mut first = Deriver::default();
    derive(&mut first, 1000, &Arc::new(Sample { xids: vec![xid(0, Ok("A".into()), 79, 900)], ..used(1000) }));
    let last = derive(&mut first, 2000, &Arc::new(used(2000)));
    let kept = first.saved().with_events(&last);
    let failed = |at_ms| {
        let failure = Failure { function: "nvmlInit_v2".into(), code: 9, text: "no".into(), hint: None };
        Sample::of(Driver::Failed(failure), at(at_ms))
    };
    let denied = |read| {
        let mut sample = used(read);
        sample.gpus.iter_mut().for_each(|gpu| (gpu.handle, gpu.read_at) = (Err(Absence::Denied), None));
        sample
    };
    type Run<'a> = (&'a str, Vec<Sample>);
    let runs: [Run<'_>; 5] = [
        ("ends before a sample", vec![]),
        ("is starting", vec![Sample::of(Driver::Starting { call: None }, at(3000))]),
        ("has no driver", vec![failed(3000), failed(5000)]),
        ("counts no GPU", vec![ready("1", 3000, vec![])]),
        ("reads no GPU", vec![denied(3000), denied(4000)]),
    ];
    for (run, samples) in runs {
        let mut between = Deriver::restoring(kept.clone());
        for sample in samples {
            derive(&mut between, sample.assembled.boot.0, &Arc::new(sample));
        }
        let after = derive(&mut Deriver::restoring(between.saved()), 6000, &Arc::new(used(6000)));
        let health: Vec<_> = after.gpus.iter().map(|gpu| gpu.health.verdict).collect();
        assert_eq!(health, [Severity::Critical, Severity::Ok], "a run that {run}");
        let uses: Vec<_> = after.gpus.iter().map(show).collect();
        assert_eq!(uses, [(UseVerdict::Busy, 1000), (UseVerdict::Free, 1000)], "a run that {run}");
    }
}

#[test]
fn gpus_of_one_uuid_have_their_own_records() {
    let mut deriver = Deriver::default();
    let mut last = None;
    for second in 1..=10 {
        let now = second * 1000;
        let one = |index: u32, busy, energy| {
            let mut gpu = idle(index, "A", now, &[]);
            gpu.identity.pci_bus_id = Ok(format!("{index}:00.0"));
            gpu.readings.utilization.gpu_percent = Ok(busy);
            gpu.readings.power.energy_mj = Ok(energy + second);
            gpu
        };
        let mut sample = ready("1", now, vec![one(0, 95, 7_000_000_000), one(1, 0, 1_000_000_000)]);
        if second == 2 {
            sample.xids = vec![xid(1, Ok("A".into()), 79, now)];
        }
        last = Some(derive(&mut deriver, now, &Arc::new(sample)));
    }
    let last = last.unwrap();
    let health: Vec<_> = last.gpus.iter().map(|gpu| (gpu.health.verdict, gpu.xid.last.is_some())).collect();
    assert_eq!(health, [(Severity::Ok, false), (Severity::Critical, true)]);
    assert!(last.gpus[0].totals.busy.unwrap() > last.gpus[1].totals.busy.unwrap());
    assert_eq!(last.host.notes.len(), 2);
    // The next run has the same names.
    let after = derive(&mut Deriver::restoring(deriver.saved()), 11_000, &deriver.last_ready.clone().unwrap());
    assert_eq!([after.gpus[0].health.verdict, after.gpus[1].health.verdict], [Severity::Ok, Severity::Critical]);
}

#[test]
fn gpu_without_uuid_or_with_changing_one_is_one_gpu() {
    let mut deriver = Deriver::default();
    let mut last = None;
    for second in 1..=500 {
        let now = second * 1000;
        let mut changing = idle(0, &format!("U{second}"), now, &[]);
        changing.identity.pci_bus_id = Ok("0:00.0".into());
        let mut none = idle(1, "", now, &[7]);
        none.identity = Identity::absent(Absence::Error);
        let mut sample = ready("1", now, vec![changing, none]);
        if second == 3 {
            sample.xids = vec![xid(0, Ok("U3".into()), 79, now), xid(1, Err(Absence::Error), 48, now)];
        }
        last = Some(derive(&mut deriver, now, &Arc::new(sample)));
        assert!(last.as_ref().is_some_and(|last| last.gpus.len() <= 3));
    }
    let gpus = last.unwrap().gpus;
    assert_eq!(gpus.len(), 2);
    assert_eq!(gpus[0].identity.uuid.as_deref(), Ok("U1"), "so that no label changes all the time");
    assert_eq!([&gpus[0], &gpus[1]].map(|gpu| gpu.health.verdict), [Severity::Critical; 2]);
    assert_eq!(gpus[1].usage.verdict, UseVerdict::Held);
    assert!(gpus.iter().all(|gpu| gpu.totals.busy.is_ok()));
}

#[test]
fn roster_is_bounded_whatever_changes() {
    let mut deriver = Deriver::default();
    for second in 1..=300 {
        let mut gpu = idle(0, &format!("U{second}"), second * 1000, &[]);
        gpu.identity.pci_bus_id = Ok(format!("{second}:00.0"));
        let snapshot = derive(&mut deriver, second * 1000, &Arc::new(ready("1", second * 1000, vec![gpu])));
        assert!(snapshot.gpus.len() <= 33, "{}", snapshot.gpus.len());
    }
}
