//! The processes on a GPU: the driver's lists and the facts of `/proc`, put together.

use std::collections::BTreeMap;

use crate::{
    Absence, Reading, Stamp,
    derive::{cpu::ProcessTimes, usage_tracker::IDLE_BELOW_PERCENT},
    sample::{GpuSample, ListedProcess, ProcessFacts, ProcessShare, Sample, SampledProcess},
    snapshot::{ContainerCount, Pod, Process, ProcessKind},
};

/// The processes that a GPU lists, by PID and then by MIG instance.
pub(super) fn derive(
    gpu: &GpuSample,
    whole: &Sample,
    times: &ProcessTimes,
    container_count: ContainerCount,
) -> Vec<Process> {
    let (facts, shares) = (FactsByPid::new(&whole.processes), gpu.lists.shares.as_deref().map(SharesByPid::new));
    let listed = merged(gpu);
    let named = |pid: u32| listed.range((pid, None, None)..).next().is_some_and(|((found, ..), _)| *found == pid);
    let strangers = shares.as_ref().is_ok_and(|shares| shares.0.iter().any(|one| works(one) && !named(one.pid)));
    let mut rows = Vec::with_capacity(listed.len());
    rows.extend(listed.into_values().map(|entry| {
        let share = shares.as_ref().map_err(|why| **why).and_then(|shares| share(&entry, shares, strangers, gpu));
        let facts = facts.get(entry.listed.pid);
        Process { container_count, ..row(&entry, facts, share, times, whole.assembled) }
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
    /// Its memory by the entry that the original agent read last.
    last_bytes: Reading<u64>,
}

impl Entry {
    /// Takes in another entry of the same list. Two contexts of a process may have one each; the driver may also repeat
    /// itself, so together they are at most what is in use.
    fn repeat(&mut self, listed: &ListedProcess, used: Option<u64>) {
        self.last_bytes = listed.memory_bytes;
        self.listed.memory_bytes = match (self.listed.memory_bytes, listed.memory_bytes) {
            (Ok(one), Ok(other)) => {
                let sum = one.checked_add(other).filter(|sum| used.is_none_or(|used| *sum <= used));
                Ok(sum.unwrap_or_else(|| one.max(other)))
            }
            (one, other) => one.or(other),
        };
    }
}

type Key = (u32, Option<u32>, Option<u32>);

/// The driver's lists put together.
///
/// A client of the Multi-Process Service, and what runs on a MIG instance, computes, though the GPU's own lists may not
/// name it.
fn merged(gpu: &GpuSample) -> BTreeMap<Key, Entry> {
    let lists = &gpu.lists;
    let used = gpu.readings.memory.used_bytes.ok();
    let entry =
        |listed: &ListedProcess, kind| Entry { listed: *listed, kind, extra: false, last_bytes: listed.memory_bytes };
    let of_list = |list: &[ListedProcess], kind| {
        let mut all: BTreeMap<Key, Entry> = BTreeMap::new();
        for listed in list {
            all.entry(key(listed))
                .and_modify(|known| known.repeat(listed, used))
                .or_insert_with(|| entry(listed, kind));
        }
        all
    };
    let mut all = of_list(list(&lists.compute), ProcessKind::Compute);
    for (key, drawing) in of_list(list(&lists.graphics), ProcessKind::Graphics) {
        all.entry(key)
            .and_modify(|known| {
                // Both lists report all memory of the process, if they report any.
                known.listed.memory_bytes = drawing.listed.memory_bytes.or(known.listed.memory_bytes);
                known.last_bytes = drawing.last_bytes;
                known.kind = ProcessKind::Both;
            })
            .or_insert(drawing);
    }
    let extra = |listed: &ListedProcess| Entry { extra: true, ..entry(listed, ProcessKind::Compute) };
    for listed in list(&lists.mps) {
        if !all.contains_key(&(listed.pid, None, None)) {
            all.entry(key(listed)).or_insert_with(|| extra(listed));
        }
    }
    for listed in on_instances(gpu) {
        // The GPU's own list may not say on which instance a process is: the instance's does.
        let placed = all.remove(&(listed.pid, None, None)).map(|known| Entry {
            listed: ListedProcess { memory_bytes: listed.memory_bytes.or(known.listed.memory_bytes), ..listed },
            last_bytes: listed.memory_bytes.or(known.last_bytes),
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
/// Not so where the list is empty while the GPU worked (some drivers for Blackwell leave it empty) or may have, where a
/// PID worked that no list names (the lists have those of a container and the samples the host's, or the process has
/// just ended), nor for one that only MPS or a MIG instance names, whose work may be under another's PID or nowhere:
/// there nothing is known.
fn share(entry: &Entry, shares: &SharesByPid<'_>, strangers: bool, gpu: &GpuSample) -> Reading<ProcessShare> {
    match shares.newest(entry.listed.pid) {
        Some(Ok(share)) if !is_sane(&share) => Err(Absence::Error),
        Some(share) => share,
        None if entry.extra => Err(Absence::NotSupported),
        None if strangers => Err(Absence::Error),
        None if shares.0.is_empty() && gpu.readings.utilization.gpu_percent? >= IDLE_BELOW_PERCENT => {
            Err(Absence::Error)
        }
        None => Ok(ProcessShare { sm_percent: 0, memory_percent: 0, encoder_percent: 0, decoder_percent: 0 }),
    }
}

/// True if a sample shows work, or may.
fn works(sampled: &SampledProcess) -> bool {
    sampled.share.map_or(true, |share| {
        [share.sm_percent, share.memory_percent, share.encoder_percent, share.decoder_percent] != [0; 4]
    })
}

/// Shares of 37100 % have been seen.
fn is_sane(share: &ProcessShare) -> bool {
    let parts = [share.sm_percent, share.memory_percent, share.encoder_percent, share.decoder_percent];
    parts.into_iter().all(|percent| percent <= 100)
}

fn list(reading: &Reading<Vec<ListedProcess>>) -> &[ListedProcess] {
    reading.as_deref().unwrap_or_default()
}

fn key(listed: &ListedProcess) -> Key {
    (listed.pid, listed.gpu_instance, listed.compute_instance)
}

/// A process, which holds its GPU or MIG instance only once that was judged.
fn row(
    &Entry { listed, kind, extra, last_bytes }: &Entry,
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
        row_memory_bytes: (last_bytes != listed.memory_bytes).then_some(last_bytes),
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
        system_container: facts.system_container.clone(),
        container_count: ContainerCount::default(),
        pod: facts.pod.clone().map(|uid| Box::new(Pod { uid, name: Err(Absence::NotSupported) })),
        podman_pod: facts.podman_pod.clone(),
        job: facts.job.clone(),
    }
}

#[cfg(test)]
mod tests;
