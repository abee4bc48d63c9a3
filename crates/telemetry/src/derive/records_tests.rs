//! Tests of the records of GPUs: each GPU has its own, over changes of index, collector, driver and run.

use std::{sync::Arc, time::Duration};

use super::{
    over_time_tests::{derive, idle, ready, show, xid},
    tests::at,
    *,
};
use crate::{
    Absence, Reading,
    readings::Identity,
    sample::Failure,
    snapshot::{EventKind, Severity, UseVerdict},
};

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
    assert!(deriver.saved().uses.len() <= 33, "{}", deriver.saved().uses.len());
    assert_eq!((deriver.log.state("U1"), deriver.log.state("U300")), (None, Some(GpuState::Ok)));
}
