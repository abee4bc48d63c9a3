//! Use of a GPU and of its MIG instances over time: processes, memory, allocation and work together.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Absence, BootTime, Reading, Stamp,
    derive::{
        pods,
        usage::{self, Circumstances, Facts, Finding, Taken},
        usage_tracker::{IDLE_BELOW_PERCENT, UsageLimits, UsageTracker},
        work::{self, WorkTimer},
    },
    snapshot::{Gpu, GpuState, ListsRead, Mig, Process},
};

/// `nvmlComputeMode_t`: one context at a time: of a thread, or of a process.
const EXCLUSIVE: [u32; 2] = [1, 3];

/// Use of one GPU, or of one MIG instance.
#[derive(Debug, Default)]
pub(super) struct GpuUsage {
    tracker: UsageTracker,
    work: WorkTimer,
}

/// Uses of MIG instances, which come and go, by UUID.
#[derive(Debug, Default)]
pub(super) struct InstanceUsages(BTreeMap<String, GpuUsage>);

impl InstanceUsages {
    /// Begins with what another run of the agent kept.
    pub(super) fn restore(&mut self, uuid: String, tracker: UsageTracker) {
        self.0.insert(uuid, GpuUsage::restored(tracker));
    }

    /// Each instance's use over time, by UUID.
    pub(super) fn trackers(&self) -> impl Iterator<Item = (&String, &UsageTracker)> {
        self.0.iter().map(|(uuid, usage)| (uuid, &usage.tracker))
    }

    /// Forgets the instances that have not been seen for that long.
    pub(super) fn forget_old(&mut self, now: BootTime, gap: Duration) {
        self.0.retain(|_, usage| usage.tracker.is_fresh(now, gap));
    }
}

impl GpuUsage {
    /// Begins with what another run of the agent kept.
    pub(super) fn restored(tracker: UsageTracker) -> Self {
        Self { tracker, work: WorkTimer::default() }
    }

    /// Use over time.
    pub(super) const fn tracker(&self) -> &UsageTracker {
        &self.tracker
    }

    /// Judges the use of a GPU and of its instances.
    pub(super) fn judge(&mut self, gpu: &mut Gpu, instances: &mut InstanceUsages, now: Stamp, limits: UsageLimits) {
        let is_ok = gpu.state == GpuState::Ok;
        // What is not read on time says nothing of the present, so that its own time says nothing either.
        let at = if is_ok { gpu.read_at } else { now };
        let why = why_unknown(gpu);
        let works = is_ok && self.work.see(work::of_gpu(gpu), work::thresholds(gpu), at.boot, limits.gap);
        let mut uses: Vec<InstanceUse> =
            gpu.mig.iter().flatten().map(|mig| InstanceUse::take(mig, gpu, instances)).collect();
        for one in &mut uses {
            one.works = is_ok && one.usage.work.see(one.share, work::instance_thresholds(), at.boot, limits.gap);
        }
        let works_alone: Vec<bool> = uses.iter().map(|one| one.works && one.is_alone).collect();
        let instance_work = |place: usize| works_alone.get(place).copied().unwrap_or_default();
        for (process, holds) in holders(gpu, works, instance_work).into_iter().enumerate() {
            gpu.processes[process].holds = holds;
        }
        let findings: Vec<Finding> = gpu
            .mig
            .iter()
            .flatten()
            .enumerate()
            .map(
                |(place, mig)| {
                    if is_ok { look_at_instance(mig, gpu, instance_work(place)) } else { Finding::unknown(why) }
                },
            )
            .collect();
        let share = share_of_gpu(gpu);
        let gpu_instances: Vec<_> = gpu.mig.iter().flatten().map(|mig| mig.sample.gpu_instance).collect();
        let finding = match findings.as_slice() {
            _ if !is_ok => Finding::unknown(why),
            [] => look_at_whole(gpu, works),
            all => Finding::of_all(all, &gpu_instances).given(pods::allocated(&gpu.pods)).working(works),
        };
        gpu.usage = self.tracker.see(finding, share, at, limits);
        for ((mig, finding), mut one) in gpu.mig.iter_mut().flatten().zip(findings).zip(uses) {
            // The GPU's share is not its own.
            mig.usage = one.usage.tracker.see(finding, one.share, at, limits);
            if let Ok(uuid) = &mig.sample.uuid {
                instances.0.insert(uuid.clone(), one.usage);
            }
        }
    }
}

/// Use of a MIG instance while its GPU is judged.
struct InstanceUse {
    usage: GpuUsage,
    /// Share of the time that it worked, in %.
    share: Option<u32>,
    works: bool,
    /// No process of another compute instance of its GPU instance can be what works.
    is_alone: bool,
}

impl InstanceUse {
    fn take(mig: &Mig, gpu: &Gpu, instances: &mut InstanceUsages) -> Self {
        let usage = mig.sample.uuid.as_ref().ok().and_then(|uuid| instances.0.remove(uuid)).unwrap_or_default();
        let own = mig.sample.compute_instance.ok();
        let is_alone = sharers(mig, &gpu.processes).iter().all(|process| process.compute_instance == own);
        Self { usage, share: work::of_instance(mig), works: false, is_alone }
    }
}

/// Share of the time that a GPU worked, in %: the smallest number proves that it was idle only if its utilization was
/// read. With MIG the driver does not report that, but its instances may.
fn share_of_gpu(gpu: &Gpu) -> Option<u32> {
    let most = work::of_gpu(gpu);
    match gpu.readings.utilization.gpu_percent {
        Ok(_) => most,
        Err(_) if most.is_some_and(|most| most >= IDLE_BELOW_PERCENT) => most,
        Err(Absence::NotSupported) => {
            let shares: Option<Vec<u32>> = gpu.mig.as_ref().ok()?.iter().map(work::of_instance).collect();
            shares?.into_iter().max()
        }
        Err(_) => None,
    }
}

/// True if a GPU was idle by the rule of its use; none if that is not known.
pub(crate) fn gpu_idles(gpu: &Gpu) -> Option<bool> {
    share_of_gpu(gpu).map(|share| share < IDLE_BELOW_PERCENT)
}

/// The same of a MIG instance.
pub(crate) fn instance_idles(mig: &Mig) -> Option<bool> {
    work::of_instance(mig).map(|share| share < IDLE_BELOW_PERCENT)
}

const fn why_unknown(gpu: &Gpu) -> Absence {
    match gpu.state {
        GpuState::Ok | GpuState::Stale => Absence::Timeout,
        // The driver may answer that its own time is over.
        GpuState::Error if matches!(gpu.readings.memory.used_bytes, Err(Absence::Timeout)) => Absence::Timeout,
        GpuState::Lost => Absence::Lost,
        GpuState::Asleep => Absence::Asleep,
        GpuState::Denied => Absence::Denied,
        GpuState::Error => Absence::Error,
    }
}

/// Finding for a GPU without known instances: it has none, or they were not read.
fn look_at_whole(gpu: &Gpu, works: bool) -> Finding {
    let finding = look_at_gpu(gpu, works);
    let unread = match &gpu.mig {
        // Before both are first read, the GPU's own lists are what there is.
        Err(Absence::Timeout) if gpu.readings.modes.mig == Err(Absence::Timeout) => None,
        Err(why) => Some(*why),
        // Nobody has it, and nobody can: CUDA needs an instance.
        Ok(_) if gpu.readings.modes.mig == Ok(true) => return Finding { taken: Taken::Yes, ..finding },
        Ok(_) => None,
    };
    match unread {
        // The processes may be on an instance.
        Some(why) if finding.taken == Taken::No => Finding::unknown(why),
        _ => finding,
    }
}

fn look_at_gpu(gpu: &Gpu, works: bool) -> Finding {
    let processes: Vec<&Process> = gpu.processes.iter().collect();
    let finding = usage::look(&Facts {
        listed: has_lists(&gpu.lists).map(|()| processes.clone()),
        sharers: processes,
        memory: gpu.readings.memory.whole(),
        allocated: pods::allocated(&gpu.pods),
        works,
    });
    // Nobody can have it either.
    Finding { taken: if gpu.is_prohibited() { Taken::Yes } else { finding.taken }, ..finding }
}

/// Both lists were read, or the GPU does not draw: one list alone does not prove that nobody is there.
fn has_lists(lists: &ListsRead) -> Reading<()> {
    lists.compute?;
    match lists.graphics {
        Ok(()) | Err(Absence::NotSupported) => Ok(()),
        Err(why) => Err(why),
    }
}

/// For each process, true if it holds its GPU or MIG instance.
fn holders(gpu: &Gpu, works: bool, instance_works: impl Fn(usize) -> bool) -> Vec<bool> {
    let all: Vec<&Process> = gpu.processes.iter().collect();
    let exclusive = is_exclusive(gpu);
    let on_whole = Circumstances::of(&gpu.readings.memory.whole(), &all, works, exclusive);
    let instances = gpu.mig.iter().flatten().enumerate();
    let on_instances: Vec<(&Mig, Circumstances)> = instances
        .map(|(place, mig)| {
            let sharers = sharers(mig, &gpu.processes);
            (mig, Circumstances::of(&mig.sample.memory, &sharers, instance_works(place), exclusive))
        })
        .collect();
    let place = |process: &Process| {
        let instance = gpu.instance_of(process);
        let found = on_instances.iter().find(|(mig, _)| instance.is_some_and(|instance| std::ptr::eq(*mig, instance)));
        found.map_or(on_whole, |(_, circumstances)| *circumstances)
    };
    gpu.processes.iter().map(|process| usage::holds(process, place(process))).collect()
}

fn is_exclusive(gpu: &Gpu) -> bool {
    gpu.readings.modes.compute.is_ok_and(|mode| EXCLUSIVE.contains(&mode))
}

/// Processes that share an instance's memory: it belongs to the GPU instance, which may hold several compute instances.
fn sharers<'a>(mig: &Mig, processes: &'a [Process]) -> Vec<&'a Process> {
    let of = mig.sample.gpu_instance.ok();
    processes.iter().filter(|process| of.is_some() && process.gpu_instance == of).collect()
}

fn look_at_instance(mig: &Mig, gpu: &Gpu, works: bool) -> Finding {
    if let Err(why) = mig.sample.gpu_instance {
        return Finding::unknown(why);
    }
    let sharers = sharers(mig, &gpu.processes);
    let compute_instance = mig.sample.compute_instance.ok();
    let own = sharers.iter().copied().filter(|process| process.compute_instance == compute_instance).collect();
    let finding = usage::look(&Facts {
        listed: mig.sample.compute.as_ref().map(|_| own).map_err(|why| *why),
        sharers,
        memory: mig.sample.memory,
        allocated: pods::allocated(&mig.pods),
        works,
    });
    Finding { taken: if gpu.is_prohibited() { Taken::Yes } else { finding.taken }, ..finding }
}
