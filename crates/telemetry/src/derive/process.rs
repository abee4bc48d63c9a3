//! The processes on a GPU: the driver's lists and the facts of `/proc`, put together.

use std::collections::BTreeMap;

use crate::{
    Absence, Reading, Stamp,
    derive::{cpu::ProcessTimes, usage_tracker::IDLE_BELOW_PERCENT},
    sample::{GpuSample, ListedProcess, ProcessFacts, ProcessShare, Sample, SampledProcess},
    snapshot::{Pod, Process, ProcessKind},
};

/// The processes that a GPU lists, by PID and then by MIG instance.
pub(super) fn derive(gpu: &GpuSample, whole: &Sample, times: &ProcessTimes) -> Vec<Process> {
    let (facts, shares) = (FactsByPid::new(&whole.processes), gpu.lists.shares.as_deref().map(SharesByPid::new));
    let listed = merged(gpu);
    let mut rows = Vec::with_capacity(listed.len());
    rows.extend(listed.into_values().map(|entry| {
        let share = shares.as_ref().map_err(|why| **why).and_then(|shares| share(&entry, shares, gpu));
        row(&entry, facts.get(entry.listed.pid), share, times, whole.assembled)
    }));
    rows
}

/// A process in the driver's lists.
#[derive(Clone, Copy)]
struct Entry {
    listed: ListedProcess,
    kind: ProcessKind,
    /// Only MPS or a MIG instance names it.
    extra: bool,
}

type Key = (u32, Option<u32>, Option<u32>);

/// The driver's lists put together.
///
/// A client of the Multi-Process Service, and what runs on a MIG instance, computes, though the GPU's own lists may not
/// name it.
fn merged(gpu: &GpuSample) -> BTreeMap<Key, Entry> {
    let lists = &gpu.lists;
    let compute = |listed: &ListedProcess| Entry { listed: *listed, kind: ProcessKind::Compute, extra: false };
    let mut all: BTreeMap<Key, Entry> = list(&lists.compute).iter().map(|one| (key(one), compute(one))).collect();
    for listed in list(&lists.graphics) {
        all.entry(key(listed))
            .and_modify(|entry| {
                entry.listed.memory_bytes = listed.memory_bytes;
                if entry.kind == ProcessKind::Compute {
                    entry.kind = ProcessKind::Both;
                }
            })
            .or_insert(Entry { kind: ProcessKind::Graphics, ..compute(listed) });
    }
    let extra = |listed: &ListedProcess| Entry { extra: true, ..compute(listed) };
    for listed in list(&lists.mps) {
        if !all.contains_key(&(listed.pid, None, None)) {
            all.entry(key(listed)).or_insert_with(|| extra(listed));
        }
    }
    for listed in on_instances(gpu) {
        // The GPU's own list may not say on which instance a process is: the instance's does.
        let placed = all.remove(&(listed.pid, None, None)).map(|known| Entry {
            listed: ListedProcess { memory_bytes: listed.memory_bytes.or(known.listed.memory_bytes), ..listed },
            ..known
        });
        all.entry(key(&listed)).or_insert_with(|| placed.unwrap_or_else(|| extra(&listed)));
    }
    all
}

/// Facts of processes, to be found by PID.
enum FactsByPid<'a> {
    /// As collectors send them.
    Sorted(&'a [ProcessFacts]),
    Unsorted(BTreeMap<u32, &'a ProcessFacts>),
}

impl<'a> FactsByPid<'a> {
    fn new(all: &'a [ProcessFacts]) -> Self {
        if all.is_sorted_by_key(|facts| facts.pid) {
            return Self::Sorted(all);
        }
        Self::Unsorted(all.iter().map(|facts| (facts.pid, facts)).collect())
    }

    fn get(&self, pid: u32) -> Option<&'a ProcessFacts> {
        match self {
            Self::Sorted(all) => all.binary_search_by_key(&pid, |facts| facts.pid).ok().and_then(|at| all.get(at)),
            Self::Unsorted(all) => all.get(&pid).copied(),
        }
    }
}

/// Shares of processes, to be found by PID; of one PID the newest is the last.
struct SharesByPid<'a>(Vec<&'a SampledProcess>);

impl<'a> SharesByPid<'a> {
    fn new(all: &'a [SampledProcess]) -> Self {
        let mut all: Vec<&SampledProcess> = all.iter().collect();
        all.sort_by_key(|reported| reported.pid);
        Self(all)
    }

    fn newest(&self, pid: u32) -> Option<Reading<ProcessShare>> {
        let after = self.0.partition_point(|reported| reported.pid <= pid);
        let newest = self.0.get(after.checked_sub(1)?)?;
        (newest.pid == pid).then_some(newest.share)
    }
}

/// Processes that the MIG instances list, each with its instance.
fn on_instances(gpu: &GpuSample) -> impl Iterator<Item = ListedProcess> {
    gpu.mig.iter().flatten().flat_map(|instance| {
        let (gpu_instance, compute_instance) = (instance.gpu_instance.ok(), instance.compute_instance.ok());
        list(&instance.compute).iter().map(move |listed| ListedProcess { gpu_instance, compute_instance, ..*listed })
    })
}

/// A process's part of the GPU. The driver lists those that ran since the last reading, so that one that it does not
/// list has done nothing: its part is 0 %, which was read and is no guess.
///
/// Not so where the list is empty while the GPU worked (some drivers for Blackwell leave it empty) or may have, nor for one
/// that only MPS or a MIG instance names, whose work may stand under another's PID or nowhere: there nothing is known.
fn share(entry: &Entry, shares: &SharesByPid<'_>, gpu: &GpuSample) -> Reading<ProcessShare> {
    match shares.newest(entry.listed.pid) {
        Some(Ok(share)) if !is_sane(&share) => Err(Absence::Error),
        Some(share) => share,
        None if entry.extra => Err(Absence::NotSupported),
        None if shares.0.is_empty() && gpu.readings.utilization.gpu_percent? >= IDLE_BELOW_PERCENT => {
            Err(Absence::Error)
        }
        None => Ok(ProcessShare { sm_percent: 0, memory_percent: 0, encoder_percent: 0, decoder_percent: 0 }),
    }
}

/// Shares of 37100 % have been seen.
fn is_sane(share: &ProcessShare) -> bool {
    let parts = [share.sm_percent, share.memory_percent, share.encoder_percent, share.decoder_percent];
    parts.into_iter().all(|percent| percent <= 100)
}

fn list(reading: &Reading<Vec<ListedProcess>>) -> &[ListedProcess] {
    reading.as_deref().unwrap_or_default()
}

fn key(listed: &ListedProcess) -> (u32, Option<u32>, Option<u32>) {
    (listed.pid, listed.gpu_instance, listed.compute_instance)
}

/// A process, which holds its GPU or MIG instance only once that was judged.
fn row(
    &Entry { listed, kind, extra }: &Entry,
    facts: Option<&ProcessFacts>,
    share: Reading<ProcessShare>,
    times: &ProcessTimes,
    now: Stamp,
) -> Process {
    let unread = ProcessFacts::unread(listed.pid, Absence::Timeout);
    let facts = facts.unwrap_or(&unread);
    Process {
        pid: listed.pid,
        kind,
        extra,
        gpu_memory_bytes: listed.memory_bytes,
        gpu_instance: listed.gpu_instance,
        compute_instance: listed.compute_instance,
        life: facts.life,
        uid: facts.uid,
        user: facts.user.clone(),
        running: facts.started.map(|started| now.boot.since(started)),
        arguments: times.arguments(facts),
        name: facts.name.clone(),
        started_at_ms: times.started_at_ms(facts, now),
        share,
        cpu_percent: times.cpu_percent(facts),
        host_memory_bytes: facts.host_memory_bytes,
        holds: false,
        placed: facts.placed,
        container: facts.container.clone(),
        pod: facts.pod.clone().map(|uid| Pod { uid, name: Err(Absence::NotSupported) }),
        job: facts.job.clone(),
    }
}

#[cfg(test)]
mod tests;
