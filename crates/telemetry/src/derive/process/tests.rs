use super::*;
use crate::{
    BootTime,
    derive::tests::{at, gpu},
    sample::{Driver, Memory, MigSample, SampledProcess},
};

fn listed(pid: u32) -> ListedProcess {
    ListedProcess { pid, memory_bytes: Ok(1), gpu_instance: None, compute_instance: None }
}

fn share(percent: u32) -> ProcessShare {
    ProcessShare { sm_percent: percent, memory_percent: 1, encoder_percent: 0, decoder_percent: 0 }
}

fn share_of(pid: u32, percent: u32) -> SampledProcess {
    SampledProcess { pid, share: Ok(share(percent)) }
}

fn rows(gpu: &GpuSample) -> Vec<Process> {
    derive(gpu, &Sample::of(Driver::Suspended, at(0)), &ProcessTimes::default(), ContainerCount::default())
}

#[test]
fn share_is_newest_without_garbage() {
    let idle = Ok(ProcessShare { memory_percent: 0, ..share(0) });
    let garbage = SampledProcess { pid: 1, share: Err(Absence::Error) };
    let unread = Err(Absence::Denied);
    for (name, shares, busy, expected) in [
        ("its newest", Ok(vec![share_of(1, 40), share_of(2, 9), share_of(1, 50)]), Ok(90), Ok(share(50))),
        ("garbage", Ok(vec![share_of(1, 37_100)]), Ok(90), Err(Absence::Error)),
        ("garbage alone", Ok(vec![garbage]), Ok(0), Err(Absence::Error)),
        ("others work", Ok(vec![share_of(2, 9)]), Ok(90), idle),
        ("others work, and how much is not read", Ok(vec![share_of(2, 9)]), unread, idle),
        ("one works that nobody lists", Ok(vec![share_of(700_001, 88)]), Ok(90), Err(Absence::Error)),
        ("one of them is listed", Ok(vec![share_of(2, 9), share_of(700_001, 88)]), Ok(90), Err(Absence::Error)),
        ("its own is known all the same", Ok(vec![share_of(1, 9), share_of(700_001, 88)]), Ok(90), Ok(share(9))),
        ("one that is not listed idles", Ok(vec![SampledProcess { pid: 700_001, share: idle }]), Ok(90), idle),
        ("nobody works", Ok(vec![]), Ok(4), idle),
        ("the list is not to be trusted", Ok(vec![]), Ok(5), Err(Absence::Error)),
        ("nor where that is not read", Ok(vec![]), unread, Err(Absence::Denied)),
        ("no list", Err(Absence::Denied), Ok(90), Err(Absence::Denied)),
    ] {
        let mut gpu = gpu(0, "A", 0);
        gpu.lists.compute = Ok(vec![listed(1), listed(2)]);
        gpu.readings.utilization.gpu_percent = busy;
        gpu.lists.shares = shares;
        assert_eq!(rows(&gpu)[0].share, expected, "{name}");
    }
}

#[test]
fn memory_of_two_entries_is_what_is_known() {
    const GIB: u64 = 1 << 30;
    let entry = |gib: u64| ListedProcess { memory_bytes: Ok(gib * GIB), ..listed(1) };
    let unknown = || ListedProcess { memory_bytes: Err(Absence::NotSupported), ..listed(1) };
    let no = Err(Absence::NotSupported);
    for (name, compute, graphics, expected, row) in [
        ("one list does not know", vec![entry(5)], vec![unknown()], Ok(5), no),
        ("nor the other", vec![unknown()], vec![entry(5)], Ok(5), Ok(5)),
        ("both know", vec![entry(5)], vec![entry(3)], Ok(3), Ok(3)),
        ("neither knows", vec![unknown()], vec![unknown()], no, no),
        ("two contexts", vec![entry(5), entry(2)], vec![], Ok(7), Ok(2)),
        ("the same again", vec![entry(5), entry(5)], vec![], Ok(5), Ok(5)),
        ("one of them is unknown", vec![entry(5), unknown()], vec![], Ok(5), no),
    ] {
        let mut gpu = gpu(0, "A", 0);
        gpu.readings.memory.used_bytes = Ok(7 * GIB);
        (gpu.lists.compute, gpu.lists.graphics) = (Ok(compute), Ok(graphics));
        let rows = rows(&gpu);
        let gib = |bytes: Reading<u64>| bytes.map(|bytes| bytes / GIB);
        assert_eq!(rows.len(), 1, "{name}");
        assert_eq!(gib(rows[0].gpu_memory_bytes), expected, "{name}");
        assert_eq!(gib(rows[0].row_memory_bytes.unwrap_or(rows[0].gpu_memory_bytes)), row, "{name}");
    }
}

#[test]
fn mps_client_computes_but_is_extra() {
    let mut gpu = gpu(0, "A", 0);
    gpu.lists.compute = Ok(vec![listed(1)]);
    gpu.lists.graphics = Ok(vec![listed(2)]);
    gpu.lists.mps = Ok(vec![listed(1), listed(2), listed(3)]);
    gpu.lists.shares = Ok(vec![share_of(1, 9)]);
    let reported: Vec<_> = rows(&gpu).iter().map(|row| (row.pid, row.kind, row.extra)).collect();
    use ProcessKind::{Compute, Graphics};
    assert_eq!(reported, [(1, Compute, false), (2, Graphics, false), (3, Compute, true)]);
    assert_eq!(rows(&gpu)[2].share, Err(Absence::NotSupported));
}

#[test]
fn mig_instance_names_its_processes() {
    let instance = |id, pid| MigSample {
        gpu_instance: Ok(id),
        compute_instance: Ok(0),
        memory: Err::<Memory, _>(Absence::Error),
        compute: Ok(vec![listed(pid)]),
        ..MigSample::absent(Absence::Error)
    };
    let mut gpu = gpu(0, "A", 0);
    gpu.lists.compute = Err(Absence::Denied);
    gpu.mig = Ok(vec![instance(1, 10), instance(2, 20)]);
    let reported = |gpu: &GpuSample| -> Vec<_> {
        rows(gpu).iter().map(|row| (row.pid, row.gpu_instance, row.compute_instance, row.extra)).collect()
    };
    assert_eq!(reported(&gpu), [(10, Some(1), Some(0), true), (20, Some(2), Some(0), true)]);
    // An account that may read the GPU's own list finds them there.
    gpu.lists.compute =
        Ok(vec![ListedProcess { gpu_instance: Some(1), compute_instance: Some(0), ..listed(10) }, listed(20)]);
    assert_eq!(reported(&gpu), [(10, Some(1), Some(0), false), (20, Some(2), Some(0), false)]);
    // A process in both lists stays so, and one on two instances is on both.
    gpu.lists.graphics = Ok(vec![listed(20)]);
    gpu.mig = Ok(vec![instance(1, 20), instance(2, 20)]);
    assert_eq!(rows(&gpu)[1].kind, ProcessKind::Both);
    assert_eq!(
        reported(&gpu),
        [(10, Some(1), Some(0), false), (20, Some(1), Some(0), false), (20, Some(2), Some(0), true)]
    );
}

#[test]
fn process_start_is_wall_clock_time() {
    let facts = |started| ProcessFacts { started, ..ProcessFacts::unread(1, Absence::Error) };
    let mut gpu = gpu(0, "A", 0);
    gpu.lists.compute = Ok(vec![listed(1)]);
    for (name, started, expected) in [
        ("before", Ok(BootTime(4000)), Ok(1_700_000_004_000)),
        ("later than now", Ok(BootTime(9000)), Ok(1_700_000_005_000)),
        ("unread", Err(Absence::Denied), Err(Absence::Denied)),
    ] {
        let whole = Sample { processes: vec![facts(started)], ..Sample::of(Driver::Suspended, at(5000)) };
        assert_eq!(
            derive(&gpu, &whole, &ProcessTimes::default(), ContainerCount::default())[0].started_at_ms,
            expected,
            "{name}"
        );
    }
    assert_eq!(rows(&gpu)[0].started_at_ms, Err(Absence::Timeout));
}
