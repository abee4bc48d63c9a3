//! State of each GPU and MIG instance over time, by UUID: an index is another GPU's after a reboot or a loss.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Absence, Reading, Stamp,
    derive::{
        events::Log,
        health::{self, Conditions, Moment},
        pods,
        saved::{SavedState, SavedUse, SavedXids},
        totals::Sums,
        usage::{self, Facts, Finding, Taken},
        usage_tracker::{UsageLimits, UsageTracker},
        xid_tracker::XidTracker,
    },
    readings::Identity,
    sample::{GpuSample, Sample},
    snapshot::{Gpu, GpuState, ListsRead, Mig, Process},
};

#[derive(Debug, Default)]
pub(super) struct Records {
    gpus: BTreeMap<String, Record>,
    /// MIG instances come and go.
    instances: BTreeMap<String, UsageTracker>,
}

#[derive(Debug, Default)]
struct Record {
    tracker: UsageTracker,
    xids: XidTracker,
    conditions: Conditions,
    sums: Sums,
}

/// Context of a sample.
pub(super) struct SampleContext<'a> {
    /// The driver's version.
    pub(super) version: Option<&'a str>,
    /// Two readings that are further apart leave time between them that was not read.
    pub(super) longest: Duration,
    /// The GPUs once seen, under their last index, since a lost one no longer says its UUID.
    pub(super) named: &'a [Gpu],
}

impl Records {
    /// Begins with what another run of the agent kept.
    pub(super) fn restore(&mut self, uses: Vec<SavedUse>, xids: Vec<SavedXids>) {
        for kept in xids {
            let uuid = kept.uuid.clone();
            self.gpus.entry(uuid).or_default().xids = XidTracker::restored(kept);
        }
        for kept in uses {
            let tracker = UsageTracker::restored(kept.verdict, kept.since, kept.at_least, kept.seen);
            if kept.is_instance {
                self.instances.insert(kept.uuid, tracker);
            } else {
                self.gpus.entry(kept.uuid).or_default().tracker = tracker;
            }
        }
    }

    /// The state to save, of every GPU that this run or an earlier one has read.
    pub(super) fn saved(&self) -> SavedState {
        let gpus = self.gpus.iter().map(|(uuid, record)| (uuid, &record.tracker, false));
        let instances = self.instances.iter().map(|(uuid, tracker)| (uuid, tracker, true));
        let uses = gpus.chain(instances).filter_map(|(uuid, tracker, is_instance)| {
            let (verdict, since, at_least, seen) = tracker.saved()?;
            Some(SavedUse { uuid: uuid.clone(), is_instance, verdict, since, at_least, seen })
        });
        let xids = self.gpus.iter().filter_map(|(uuid, record)| record.xids.saved(uuid));
        SavedState { events: Vec::new(), uses: uses.collect(), xids: xids.collect() }
    }

    /// Takes in a sample that was not taken in before.
    pub(super) fn add(&mut self, sample: &Sample, with: &SampleContext<'_>, log: &mut Log) {
        let context = |uuid: &Reading<String>| sample.gpus.iter().any(|gpu| gpu.identity.uuid == *uuid);
        let uuid_at = |index: u32| {
            let gpu = sample.gpus.iter().find(|gpu| gpu.index == index);
            // A GPU with another index now is not the one that was last seen under this one.
            let last = || with.named.iter().find(|gpu| gpu.index == index && !context(&gpu.identity.uuid));
            let uuid = |identity: &Identity| identity.uuid.clone().ok();
            gpu.and_then(|gpu| uuid(&gpu.identity)).or_else(|| uuid(&last()?.identity))
        };
        for gpu in sample.gpus.iter().filter(|gpu| is_read(gpu)) {
            if let Some(uuid) = uuid_at(gpu.index) {
                let record = self.gpus.entry(uuid).or_default();
                record.xids.read(gpu, with.version);
                record.sums.read(gpu, with.longest);
            }
        }
        for error in &sample.xids {
            let uuid = error.uuid.clone().ok().or_else(|| uuid_at(error.gpu));
            log.xid(error, uuid.as_deref());
            if let Some(uuid) = uuid {
                self.gpus.entry(uuid).or_default().xids.add(error);
            }
        }
    }

    /// Judges the GPUs of a snapshot, of which the driver counts the first few.
    pub(super) fn judge(&mut self, gpus: &mut [Gpu], now: Stamp, limits: UsageLimits, counted: usize, reads: bool) {
        let moment = Moment { now, gap: limits.gap, reads };
        for (position, gpu) in gpus.iter_mut().enumerate() {
            let mut unnamed = Record::default();
            let record = match &gpu.identity.uuid {
                Ok(uuid) => self.gpus.entry(uuid.clone()).or_default(),
                Err(_) => &mut unnamed,
            };
            if position >= counted {
                record.xids.miss();
            }
            gpu.xid = record.xids.state(gpu);
            gpu.totals = record.sums.totals();
            gpu.health = health::judge(gpu, &mut record.conditions, record.xids.held(now.boot), moment);
            judge_use(gpu, &mut record.tracker, &mut self.instances, now, limits);
        }
        self.instances.retain(|_, tracker| tracker.is_fresh(now.boot, limits.gap));
    }
}

/// True if there is a reading, or the handle says why there is none.
fn is_read(gpu: &GpuSample) -> bool {
    gpu.read_at.is_some() || gpu.handle.is_err()
}

fn judge_use(
    gpu: &mut Gpu,
    tracker: &mut UsageTracker,
    instances: &mut BTreeMap<String, UsageTracker>,
    now: Stamp,
    limits: UsageLimits,
) {
    let is_ok = gpu.state == GpuState::Ok;
    // What is not read on time says nothing of the present, so that its own time says nothing either.
    let at = if is_ok { gpu.read_at } else { now };
    let why = why_unknown(gpu.state);
    let findings: Vec<Finding> = gpu
        .mig
        .iter()
        .flatten()
        .map(|mig| if is_ok { look_at_instance(mig, &gpu.processes) } else { Finding::unknown(why) })
        .collect();
    for (process, holds) in holders(gpu).into_iter().enumerate() {
        gpu.processes[process].holds = holds;
    }
    let share = share_of_gpu(gpu);
    let finding = match findings.as_slice() {
        _ if !is_ok => Finding::unknown(why),
        [] => look_at_whole(gpu),
        all => Finding::of_all(all).given(pods::allocated(&gpu.pods)),
    };
    gpu.usage = tracker.see(finding, share, at, limits);
    for (mig, finding) in gpu.mig.iter_mut().flatten().zip(findings) {
        let mut unnamed = UsageTracker::default();
        let tracker = match &mig.sample.uuid {
            Ok(uuid) => instances.entry(uuid.clone()).or_default(),
            Err(_) => &mut unnamed,
        };
        // The GPU's share is not its own.
        let share = share_of_instance(mig);
        mig.usage = tracker.see(finding, share, at, limits);
    }
}

/// Utilization of a GPU, in %. With MIG the driver does not report it, but its instances may.
fn share_of_gpu(gpu: &Gpu) -> Option<u32> {
    match gpu.readings.utilization.gpu_percent {
        Ok(percent) => Some(percent),
        Err(Absence::NotSupported) => {
            let shares: Option<Vec<u32>> = gpu.mig.as_ref().ok()?.iter().map(share_of_instance).collect();
            shares?.into_iter().max()
        }
        Err(_) => None,
    }
}

/// Utilization of a MIG instance, in %, as far as GPM reports it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
fn share_of_instance(mig: &Mig) -> Option<u32> {
    let ratio = mig.activity().graphics_ratio.ok()?;
    Some((ratio.clamp(0.0, 1.0) * 100.0) as u32)
}

const fn why_unknown(state: GpuState) -> Absence {
    match state {
        GpuState::Ok | GpuState::Stale => Absence::Timeout,
        GpuState::Lost => Absence::Lost,
        GpuState::Asleep => Absence::Asleep,
        GpuState::Denied => Absence::Denied,
        GpuState::Error => Absence::Error,
    }
}

/// Finding for a GPU without known instances: it has none, or they were not read.
fn look_at_whole(gpu: &Gpu) -> Finding {
    let finding = look_at_gpu(gpu);
    let unread = match &gpu.mig {
        // Before both are first read, the GPU's own lists are what there is.
        Err(Absence::Timeout) if gpu.readings.modes.mig == Err(Absence::Timeout) => None,
        Err(why) => Some(*why),
        // Nobody has it, and nobody can: CUDA needs an instance.
        Ok(_) if gpu.readings.modes.mig == Ok(true) => return Finding { taken: Taken::Yes, ..finding },
        Ok(_) => None,
    };
    match unread {
        // Who is there may be on an instance.
        Some(why) if finding.taken == Taken::No => Finding::unknown(why),
        _ => finding,
    }
}

fn look_at_gpu(gpu: &Gpu) -> Finding {
    let processes: Vec<&Process> = gpu.processes.iter().collect();
    usage::look(&Facts {
        listed: has_lists(&gpu.lists).map(|()| processes.clone()),
        sharers: processes,
        memory: gpu.readings.memory.whole(),
        allocated: pods::allocated(&gpu.pods),
    })
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
fn holders(gpu: &Gpu) -> Vec<bool> {
    let all: Vec<&Process> = gpu.processes.iter().collect();
    let on_whole = usage::unexplained(&gpu.readings.memory.whole(), &all);
    let on_instances: Vec<(&Mig, usage::Unexplained)> = gpu
        .mig
        .iter()
        .flatten()
        .map(|mig| (mig, usage::unexplained(&mig.sample.memory, &sharers(mig, &gpu.processes))))
        .collect();
    let place = |process: &Process| {
        let instance = gpu.instance_of(process);
        let found = on_instances.iter().find(|(mig, _)| instance.is_some_and(|instance| std::ptr::eq(*mig, instance)));
        found.map_or(on_whole, |(_, unexplained)| *unexplained)
    };
    gpu.processes.iter().map(|process| usage::holds(process, place(process))).collect()
}

/// Processes that share an instance's memory: it belongs to the GPU instance, which may hold several compute instances.
fn sharers<'a>(mig: &Mig, processes: &'a [Process]) -> Vec<&'a Process> {
    let of = mig.sample.gpu_instance.ok();
    processes.iter().filter(|process| of.is_some() && process.gpu_instance == of).collect()
}

fn look_at_instance(mig: &Mig, processes: &[Process]) -> Finding {
    if let Err(why) = mig.sample.gpu_instance {
        return Finding::unknown(why);
    }
    let sharers = sharers(mig, processes);
    let compute_instance = mig.sample.compute_instance.ok();
    let own = sharers.iter().copied().filter(|process| process.compute_instance == compute_instance).collect();
    let listed = mig.sample.compute.as_ref().map(|_| own).map_err(|why| *why);
    usage::look(&Facts { listed, sharers, memory: mig.sample.memory, allocated: pods::allocated(&mig.pods) })
}
