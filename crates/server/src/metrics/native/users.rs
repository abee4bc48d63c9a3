//! Metrics of users: the totals of usage accounting. They name people, so they are exposed only on demand.
//!
//! A counter is what the store has on disk, never more: a fall after a crash would be taken for a restart from 0, and the whole
//! total would be counted again.

use std::collections::BTreeMap;

use telemetry::{
    Absence, Reading,
    usage::{REMOVED, UserTotals},
};

use super::is_read;
use crate::metrics::{
    table::{Labelled, Metric, Of, Seen, wide},
    text::Kind,
};

const fn counter(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    write: fn(&Seen<'_>, &mut Labelled<'_, '_>),
) -> Metric {
    Metric::new(name, Kind::Counter, unit, help, Of::Users(write)).with(&["user"]).from("the store of usage")
}

pub(crate) const METRICS: &[Metric] = &[
    counter(
        "nvsmi_user_gpu_seconds_total",
        "seconds",
        "Time for which a user had GPUs; that of a GPU with several users is split equally.",
        |seen, samples| totals(seen, samples, |of| seconds(of.gpu_us)),
    ),
    counter(
        "nvsmi_user_busy_gpu_seconds_total",
        "seconds",
        "Part of nvsmi_user_gpu_seconds_total in which the GPUs worked: times SM activity, else utilization.",
        |seen, samples| totals(seen, samples, |of| seconds(of.busy_us)),
    ),
    counter(
        "nvsmi_user_idle_gpu_seconds_total",
        "seconds",
        "Part of nvsmi_user_gpu_seconds_total in which the GPUs were idle.",
        |seen, samples| totals(seen, samples, |of| seconds(of.idle_us)),
    ),
    counter(
        "nvsmi_user_energy_joules_total",
        "joules",
        "Board energy of a user's GPUs, split like nvsmi_user_gpu_seconds_total.",
        |seen, samples| totals(seen, samples, |of| wide(of.energy_mj) / 1e3),
    ),
    Metric::new(
        "nvsmi_user_gpu_memory_bytes",
        Kind::Gauge,
        "bytes",
        "GPU memory of a user's processes, on the GPUs that are read.",
        Of::Users(memory),
    )
    .with(&["user"])
    .from("derived from the processes"),
];

fn seconds(us: u64) -> f64 {
    wide(us) / 1e6
}

/// Users with series. A removed person has none: the total would rise by what others had before.
fn listed<'a>(seen: &Seen<'a>) -> impl Iterator<Item = &'a UserTotals> {
    seen.users.iter().flat_map(|users| users.iter()).filter(|totals| *totals.user != *REMOVED)
}

fn totals(seen: &Seen<'_>, samples: &mut Labelled<'_, '_>, value: fn(&UserTotals) -> f64) {
    for totals in listed(seen) {
        samples.push(&[&totals.user], value(totals));
    }
}

/// Memory of each user, 0 for known users without processes; no sample where a process is not known.
fn memory(seen: &Seen<'_>, samples: &mut Labelled<'_, '_>) {
    if seen.users.is_none() {
        return;
    }
    let mut users: BTreeMap<String, Reading<u64>> = BTreeMap::new();
    let mut is_complete = true;
    for gpu in seen.snapshot.gpus.iter().filter(|gpu| is_read(gpu)) {
        let lists = [gpu.lists.compute, gpu.lists.graphics];
        let is_missing = |list: &Reading<()>| !matches!(list, Ok(()) | Err(Absence::NotSupported));
        is_complete &= lists.contains(&Ok(())) && !lists.iter().any(is_missing);
        for process in &gpu.processes {
            let Ok(user) = process.owner() else {
                is_complete = false;
                continue;
            };
            let sum = users.entry(user).or_insert(Ok(0));
            *sum = sum.and_then(|sum| process.gpu_memory_bytes.map(|bytes| sum.saturating_add(bytes)));
        }
    }
    for totals in listed(seen).filter(|_| is_complete) {
        if !users.contains_key(&*totals.user) {
            users.insert(totals.user.to_string(), Ok(0));
        }
    }
    for (user, bytes) in &users {
        samples.read(&[user], bytes.map(wide));
    }
}
