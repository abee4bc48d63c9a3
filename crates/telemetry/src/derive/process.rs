//! The processes on a GPU: the driver's lists and the facts of `/proc`, put together.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Absence, BootTime, Reading,
    derive::{cpu::ProcessTimes, usage_tracker::IDLE_BELOW_PERCENT},
    sample::{GpuSample, Life, ListedProcess, ProcessFacts, ProcessShare, Sample},
    snapshot::{Pod, Process, ProcessKind},
};

/// The processes that a GPU lists, by PID and then by MIG instance.
///
/// A client of the Multi-Process Service, and what runs on a MIG instance, computes, though the GPU's own lists may not
/// name it.
pub(super) fn derive(gpu: &GpuSample, whole: &Sample, times: &ProcessTimes) -> Vec<Process> {
    let lists = &gpu.lists;
    let facts: BTreeMap<u32, &ProcessFacts> = whole.processes.iter().map(|facts| (facts.pid, facts)).collect();
    let row = |listed: &ListedProcess, kind: ProcessKind| {
        let facts = facts.get(&listed.pid).copied();
        Process {
            started_at_ms: known(facts, |facts| times.started_at_ms(facts, whole.assembled)),
            cpu_percent: known(facts, |facts| times.cpu_percent(facts)),
            ..row(listed, kind, facts, whole.assembled.boot)
        }
    };
    let mut rows: BTreeMap<(u32, Option<u32>, Option<u32>), Process> = BTreeMap::new();
    for listed in list(&lists.compute) {
        rows.insert(key(listed), row(listed, ProcessKind::Compute));
    }
    for listed in list(&lists.graphics) {
        rows.entry(key(listed))
            .and_modify(|process| {
                process.gpu_memory_bytes = listed.memory_bytes;
                if process.kind == ProcessKind::Compute {
                    process.kind = ProcessKind::Both;
                }
            })
            .or_insert_with(|| row(listed, ProcessKind::Graphics));
    }
    let extra = |listed: &ListedProcess| Process { extra: true, ..row(listed, ProcessKind::Compute) };
    for listed in list(&lists.mps) {
        if !rows.contains_key(&(listed.pid, None, None)) {
            rows.entry(key(listed)).or_insert_with(|| extra(listed));
        }
    }
    for listed in on_instances(gpu) {
        // The GPU's own list may not say on which instance a process is: the instance's does.
        let placed = rows.remove(&(listed.pid, None, None)).map(|known| Process {
            gpu_memory_bytes: listed.memory_bytes.or(known.gpu_memory_bytes),
            gpu_instance: listed.gpu_instance,
            compute_instance: listed.compute_instance,
            ..known
        });
        rows.entry(key(&listed)).or_insert_with(|| placed.unwrap_or_else(|| extra(&listed)));
    }
    for process in rows.values_mut() {
        process.share = share(process, gpu);
    }
    rows.into_values().collect()
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
fn share(process: &Process, gpu: &GpuSample) -> Reading<ProcessShare> {
    let shares = gpu.lists.shares.as_ref().map_err(|why| *why)?;
    let newest = shares.iter().rev().find(|reported| reported.pid == process.pid);
    match newest.map(|reported| reported.share) {
        Some(Ok(share)) if !is_sane(&share) => Err(Absence::Error),
        Some(share) => share,
        None if process.extra => Err(Absence::NotSupported),
        None if shares.is_empty() && gpu.readings.utilization.gpu_percent? >= IDLE_BELOW_PERCENT => Err(Absence::Error),
        None => Ok(ProcessShare { sm_percent: 0, memory_percent: 0, encoder_percent: 0, decoder_percent: 0 }),
    }
}

/// Shares of 37100 % have been seen.
fn is_sane(share: &ProcessShare) -> bool {
    let parts = [share.sm_percent, share.memory_percent, share.encoder_percent, share.decoder_percent];
    parts.into_iter().all(|percent| percent <= 100)
}

fn known<T>(facts: Option<&ProcessFacts>, read: impl Fn(&ProcessFacts) -> Reading<T>) -> Reading<T> {
    facts.map_or(Err(Absence::Timeout), read)
}

fn list(reading: &Reading<Vec<ListedProcess>>) -> &[ListedProcess] {
    reading.as_deref().unwrap_or_default()
}

fn key(listed: &ListedProcess) -> (u32, Option<u32>, Option<u32>) {
    (listed.pid, listed.gpu_instance, listed.compute_instance)
}

fn row(listed: &ListedProcess, kind: ProcessKind, facts: Option<&ProcessFacts>, now: BootTime) -> Process {
    let running: Reading<Duration> =
        facts.map_or(Err(Absence::Timeout), |facts| facts.started.map(|started| now.since(started)));
    Process {
        pid: listed.pid,
        kind,
        extra: false,
        gpu_memory_bytes: listed.memory_bytes,
        gpu_instance: listed.gpu_instance,
        compute_instance: listed.compute_instance,
        life: facts.map_or(Life::Unknown, |facts| facts.life),
        uid: facts.map_or(Err(Absence::Timeout), |facts| facts.uid),
        user: facts.and_then(|facts| facts.user.clone()),
        running,
        arguments: facts.map_or(Err(Absence::Timeout), |facts| facts.arguments.clone()),
        name: facts.map_or(Err(Absence::Timeout), |facts| facts.name.clone()),
        started_at_ms: Err(Absence::Timeout),
        share: Err(Absence::Timeout),
        cpu_percent: Err(Absence::Timeout),
        host_memory_bytes: facts.map_or(Err(Absence::Timeout), |facts| facts.host_memory_bytes),
        holds: false,
        placed: known(facts, |facts| facts.placed),
        container: facts.and_then(|facts| facts.container.clone()),
        pod: facts.and_then(|facts| facts.pod.clone()).map(|uid| Pod { uid, name: Err(Absence::NotSupported) }),
        job: facts.and_then(|facts| facts.job.clone()),
    }
}

#[cfg(test)]
mod tests;
