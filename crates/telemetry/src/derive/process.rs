//! The processes on a GPU: two lists and the facts of `/proc`, put together.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Absence, BootTime, Reading,
    sample::{FastSet, Life, ListedProcess, ProcessFacts, Sample},
    snapshot::{Process, ProcessKind},
};

/// The processes that a GPU lists, by PID and then by MIG instance.
pub(super) fn derive(fast: &FastSet, whole: &Sample) -> Vec<Process> {
    let facts: BTreeMap<u32, &ProcessFacts> = whole.processes.iter().map(|facts| (facts.pid, facts)).collect();
    let row = |listed: &ListedProcess, kind: ProcessKind| {
        row(listed, kind, facts.get(&listed.pid).copied(), whole.assembled.boot)
    };
    let mut rows: BTreeMap<(u32, Option<u32>, Option<u32>), Process> = BTreeMap::new();
    for listed in list(&fast.compute) {
        rows.insert(key(listed), row(listed, ProcessKind::Compute));
    }
    for listed in list(&fast.graphics) {
        rows.entry(key(listed))
            .and_modify(|process| {
                process.gpu_memory_bytes = listed.memory_bytes;
                if process.kind == ProcessKind::Compute {
                    process.kind = ProcessKind::Both;
                }
            })
            .or_insert_with(|| row(listed, ProcessKind::Graphics));
    }
    rows.into_values().collect()
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
        container: facts.and_then(|facts| facts.container.clone()),
        pod: facts.and_then(|facts| facts.pod.clone()),
        job: facts.and_then(|facts| facts.job.clone()),
    }
}
