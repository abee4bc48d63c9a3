//! One GPU's state and readings, from its sample and the time.

use std::time::Duration;

use crate::{
    Absence, Reading, Stamp,
    derive::{
        LeftOut,
        collector::describe,
        cpu::{self, ProcessTimes},
        expired_after, pods, process, stale_after,
    },
    sample::{Activity, Call, Failure, FastSet, GpuSample, Memory, MigSample, Sample, SlowSet, Traffic},
    snapshot::{Gpu, GpuState, Health, Mig, Severity, Totals, Usage, Xid},
};

/// What readings are judged by.
pub(super) struct Ages<'a> {
    pub(super) now: Stamp,
    pub(super) interval: Duration,
    pub(super) left_out: &'a [LeftOut],
    pub(super) asleep: bool,
    pub(super) times: &'a ProcessTimes,
}

pub(super) fn derive(sample: &GpuSample, whole: &Sample, ages: &Ages<'_>) -> Gpu {
    if ages.asleep {
        return asleep(sample, whole, ages);
    }
    let gpu = read(sample, whole, ages);
    // Until it is tried again it has no reading, and that it is stale is not the reason.
    match ages.left_out.iter().find(|out| out.gpu == sample.index && sample.read_at.is_none()) {
        Some(out) => Gpu {
            state: GpuState::Error,
            state_detail: Some(format!("left out for ten minutes: the library died twice in {}", out.function)),
            fast: FastSet::absent(Absence::Error),
            slow: SlowSet::absent(Absence::Error),
            activity: Activity::absent(Absence::Error),
            traffic: Traffic::absent(Absence::Error),
            mig: Err(Absence::Error),
            ..gpu
        },
        None => gpu,
    }
}

fn read(sample: &GpuSample, whole: &Sample, ages: &Ages<'_>) -> Gpu {
    let read_at = sample.read_at.unwrap_or(whole.assembled);
    let age = ages.now.boot.since(read_at.boot);
    let stale = sample.read_at.is_none() || age > stale_after(ages.interval);
    let expired = sample.read_at.is_none() || age > expired_after(ages.interval);
    let state = match sample.handle {
        Err(Absence::Lost) => GpuState::Lost,
        Err(Absence::Denied) => GpuState::Denied,
        Err(_) => GpuState::Error,
        Ok(()) if lost(&sample.fast) => GpuState::Lost,
        Ok(()) if stale => GpuState::Stale,
        Ok(()) => GpuState::Ok,
    };
    let stuck = sample.stuck.as_ref().map(|call| describe(call, ages.now.boot));
    // Where the collector is not heard, nobody listens.
    let silent = ages.now.boot.since(whole.assembled.boot) > stale_after(ages.interval);
    let xid_since = if silent { Err(Absence::Timeout) } else { sample.xid_since };
    Gpu {
        index: sample.index,
        // A GPU that does not answer is stale, whatever it was before.
        state: if stale { GpuState::Stale } else { state },
        state_detail: stuck
            .or_else(|| sample.refusal.as_ref().filter(|_| !stale).map(refused))
            .or_else(|| without_instances(sample).filter(|_| state == GpuState::Ok)),
        read_at,
        never_read: sample.read_at.is_none(),
        age,
        identity: sample.identity.clone(),
        fast: if expired { FastSet::absent(Absence::Timeout) } else { sample.fast.clone() },
        slow: if expired { SlowSet::absent(Absence::Timeout) } else { slow(sample) },
        activity: if expired { Activity::absent(Absence::Timeout) } else { sane(&sample.activity) },
        traffic: if expired { Traffic::absent(Absence::Timeout) } else { traffic(sample) },
        mig: if expired { Err(Absence::Timeout) } else { mig(sample, whole, read_at) },
        pods: if expired { Err(Absence::Timeout) } else { pods::of_gpu(sample, &whole.allocations) },
        xid: Xid {
            since: xid_since,
            last: None,
            count: xid_since.map(|_| 0),
            by_severity: [0; Severity::ALL.len()],
            held: Vec::new(),
        },
        usage: Usage::unknown(read_at, Absence::Timeout),
        health: Health::default(),
        processes: if expired { Vec::new() } else { process::derive(sample, whole, ages.times) },
        totals: Totals::absent(Absence::Timeout),
        jobs: jobs(sample.index, whole),
    }
}

fn refused(failure: &Failure) -> String {
    let Failure { function, code, text, hint } = failure;
    let hint = hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
    format!("{function} answered {text} ({code}){hint}")
}

/// A GPU on the processor's chip, which shares its memory, has no PCIe link, whatever the driver says of one.
fn is_on_chip(sample: &GpuSample) -> bool {
    sample.fast.memory.is_ok_and(|memory| memory.unified)
}

fn slow(sample: &GpuSample) -> SlowSet {
    let slow = sample.slow.clone();
    if !is_on_chip(sample) {
        return slow;
    }
    let none = Err(Absence::NotSupported);
    SlowSet {
        pcie_generation: none,
        pcie_width: none,
        pcie_max_generation: none,
        pcie_max_width: none,
        pcie_replays: none,
        ..slow
    }
}

fn traffic(sample: &GpuSample) -> Traffic {
    let traffic = sample.traffic.clone();
    if !is_on_chip(sample) {
        return traffic;
    }
    let none = Err(Absence::NotSupported);
    Traffic { pcie_tx_bytes_per_second: none, pcie_rx_bytes_per_second: none, ..traffic }
}

fn without_instances(sample: &GpuSample) -> Option<String> {
    let has_none = sample.slow.mig_mode == Ok(true) && sample.mig.as_ref().is_ok_and(Vec::is_empty);
    has_none.then(|| "MIG is on and there is no instance yet, without which CUDA cannot use it".into())
}

/// What the folder of job files says of a GPU.
fn jobs(gpu: u32, whole: &Sample) -> Option<Vec<String>> {
    let all = whole.jobs.as_ref()?;
    Some(all.iter().find(|one| one.gpu == gpu).map(|one| one.jobs.clone()).unwrap_or_default())
}

fn mig(gpu: &GpuSample, whole: &Sample, read_at: Stamp) -> Reading<Vec<Mig>> {
    let instance = |sample: &MigSample| Mig {
        sample: MigSample { activity: sample.activity.as_ref().map(sane).map_err(|why| *why), ..sample.clone() },
        pods: pods::of_instance(gpu, sample, &whole.allocations),
        usage: Usage::unknown(read_at, Absence::Timeout),
    };
    gpu.mig.as_ref().map(|instances| instances.iter().map(instance).collect()).map_err(|why| *why)
}

fn sane(activity: &Activity) -> Activity {
    Activity {
        graphics_ratio: cpu::sane(activity.graphics_ratio),
        sm_ratio: cpu::sane(activity.sm_ratio),
        sm_occupancy_ratio: cpu::sane(activity.sm_occupancy_ratio),
        tensor_ratio: cpu::sane(activity.tensor_ratio),
        dram_ratio: cpu::sane(activity.dram_ratio),
        fp64_ratio: cpu::sane(activity.fp64_ratio),
        fp32_ratio: cpu::sane(activity.fp32_ratio),
        fp16_ratio: cpu::sane(activity.fp16_ratio),
    }
}

/// A GPU that was let go: who it is and how much memory it has do not change while it sleeps.
fn asleep(sample: &GpuSample, whole: &Sample, ages: &Ages<'_>) -> Gpu {
    let why = Absence::Asleep;
    let memory = sample.fast.memory.map(|memory| Memory {
        used_bytes: Err(why),
        free_bytes: Err(why),
        reserved_bytes: Err(why),
        ..memory
    });
    let gpu = read(sample, whole, ages);
    Gpu {
        state: GpuState::Asleep,
        state_detail: None,
        fast: FastSet { memory, ..FastSet::absent(why) },
        slow: SlowSet::absent(why),
        activity: Activity::absent(why),
        traffic: Traffic::absent(why),
        mig: Err(why),
        pods: Err(why),
        xid: Xid { since: Err(why), ..gpu.xid },
        processes: Vec::new(),
        ..gpu
    }
}

/// A GPU that the driver no longer counts.
pub(super) fn uncounted(mut known: Gpu, index: u32, ages: &Ages<'_>) -> Gpu {
    known.index = index;
    known.state = GpuState::Lost;
    known.state_detail = Some("the driver no longer counts it".into());
    known.age = ages.now.boot.since(known.read_at.boot);
    known.fast = FastSet::absent(Absence::Lost);
    known.slow = SlowSet::absent(Absence::Lost);
    known.activity = Activity::absent(Absence::Lost);
    known.traffic = Traffic::absent(Absence::Lost);
    known.mig = Err(Absence::Lost);
    known.xid.since = Err(Absence::Lost);
    known.pods = Err(Absence::Lost);
    known.processes.clear();
    known.jobs = None;
    known
}

/// The call that hangs, of the GPUs' lanes the one that began first.
pub(super) fn first_stuck(gpus: &[GpuSample]) -> Option<&Call> {
    gpus.iter().filter_map(|gpu| gpu.stuck.as_ref()).min_by_key(|call| call.since)
}

/// Any call that answered "lost" is enough: a GPU off the bus may still tell what its driver has cached.
fn lost(fast: &FastSet) -> bool {
    fast.absences().any(|(_, why)| why == Absence::Lost)
}
