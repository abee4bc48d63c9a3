//! What is remembered of each GPU and MIG instance, by UUID: an index is another GPU's after a reboot or a loss.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Absence, Reading, Stamp,
    derive::{
        events::Log,
        faults::Faults,
        health::{self, Conditions, Moment},
        hold::{Hold, Pace},
        pods,
        recall::{KeptFaults, KeptUse},
        totals::Sums,
        usage::{self, Facts, Finding, Taken},
    },
    readings::Identity,
    sample::{GpuSample, Sample},
    snapshot::{Gpu, GpuState, ListsRead, Mig, Process},
};

#[derive(Debug, Default)]
pub(super) struct Records {
    gpus: BTreeMap<String, Record>,
    /// MIG instances come and go.
    instances: BTreeMap<String, Hold>,
}

#[derive(Debug, Default)]
struct Record {
    hold: Hold,
    faults: Faults,
    conditions: Conditions,
    sums: Sums,
}

/// What is told with a sample.
pub(super) struct Told<'a> {
    /// The driver's version.
    pub(super) version: Option<&'a str>,
    /// Two readings that are further apart leave time between them that was not read.
    pub(super) longest: Duration,
    /// The GPUs once seen, under their last index, since a lost one no longer says its UUID.
    pub(super) named: &'a [Gpu],
}

impl Records {
    /// Begins with what another run of the agent kept.
    pub(super) fn recall(&mut self, uses: Vec<KeptUse>, faults: Vec<KeptFaults>) {
        for kept in faults {
            let uuid = kept.uuid.clone();
            self.gpus.entry(uuid).or_default().faults = Faults::recalled(kept);
        }
        for kept in uses {
            let hold = Hold::recalled(kept.verdict, kept.since, kept.at_least, kept.seen);
            if kept.is_instance {
                self.instances.insert(kept.uuid, hold);
            } else {
                self.gpus.entry(kept.uuid).or_default().hold = hold;
            }
        }
    }

    /// Takes in a sample that was not taken in before.
    pub(super) fn take_in(&mut self, sample: &Sample, with: &Told<'_>, log: &mut Log) {
        let told = |uuid: &Reading<String>| sample.gpus.iter().any(|gpu| gpu.identity.uuid == *uuid);
        let uuid_at = |index: u32| {
            let gpu = sample.gpus.iter().find(|gpu| gpu.index == index);
            // One that stands under another index now is not the one that was last seen under this.
            let last = || with.named.iter().find(|gpu| gpu.index == index && !told(&gpu.identity.uuid));
            let uuid = |identity: &Identity| identity.uuid.clone().ok();
            gpu.and_then(|gpu| uuid(&gpu.identity)).or_else(|| uuid(&last()?.identity))
        };
        for gpu in sample.gpus.iter().filter(|gpu| is_read(gpu)) {
            if let Some(uuid) = uuid_at(gpu.index) {
                let record = self.gpus.entry(uuid).or_default();
                record.faults.read(gpu, with.version);
                record.sums.read(gpu, with.longest);
            }
        }
        for error in &sample.xids {
            let uuid = error.uuid.clone().ok().or_else(|| uuid_at(error.gpu));
            log.xid(error, uuid.as_deref());
            if let Some(uuid) = uuid {
                self.gpus.entry(uuid).or_default().faults.add(error);
            }
        }
    }

    /// Judges the GPUs of a snapshot, of which the driver counts the first few.
    pub(super) fn judge(&mut self, gpus: &mut [Gpu], now: Stamp, pace: Pace, counted: usize, reads: bool) {
        let moment = Moment { now, gap: pace.gap, reads };
        for (position, gpu) in gpus.iter_mut().enumerate() {
            let mut unnamed = Record::default();
            let record = match &gpu.identity.uuid {
                Ok(uuid) => self.gpus.entry(uuid.clone()).or_default(),
                Err(_) => &mut unnamed,
            };
            if position >= counted {
                record.faults.miss();
            }
            gpu.xid = record.faults.tell(gpu);
            gpu.totals = record.sums.tell();
            gpu.health = health::judge(gpu, &mut record.conditions, record.faults.held(now.boot), moment);
            judge_use(gpu, &mut record.hold, &mut self.instances, now, pace);
        }
        self.instances.retain(|_, hold| hold.is_fresh(now.boot, pace.gap));
    }
}

/// Whether there is a reading at all, or the reason why there is none is told by the handle.
fn is_read(gpu: &GpuSample) -> bool {
    gpu.read_at.is_some() || gpu.handle.is_err()
}

fn judge_use(gpu: &mut Gpu, hold: &mut Hold, instances: &mut BTreeMap<String, Hold>, now: Stamp, pace: Pace) {
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
    gpu.usage = hold.see(finding, share, at, pace);
    for (mig, finding) in gpu.mig.iter_mut().flatten().zip(findings) {
        let mut unnamed = Hold::default();
        let hold = match &mig.sample.uuid {
            Ok(uuid) => instances.entry(uuid.clone()).or_default(),
            Err(_) => &mut unnamed,
        };
        // The GPU's share is not its own.
        let share = share_of_instance(mig);
        mig.usage = hold.see(finding, share, at, pace);
    }
}

/// How much of the time a GPU worked, in %. With MIG the driver does not tell, but its instances may.
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

/// How much of the time a MIG instance worked, in %, as far as GPM tells it.
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

/// Of a GPU of which no instance is known: it has none, or they were not read.
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

/// Both lists were read, or the GPU does not draw: one list alone cannot tell that nobody is there.
fn has_lists(lists: &ListsRead) -> Reading<()> {
    lists.compute?;
    match lists.graphics {
        Ok(()) | Err(Absence::NotSupported) => Ok(()),
        Err(why) => Err(why),
    }
}

/// Whether each process is one of those that hold its GPU or MIG instance.
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

/// Who shares an instance's memory: it belongs to the GPU instance, which may hold several compute instances.
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
