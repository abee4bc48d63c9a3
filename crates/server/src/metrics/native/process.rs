//! Metrics of processes. Processes come and go, and each leaves its series behind in the monitoring system: they are
//! exposed only on demand, and only up to a limit.

use telemetry::{
    Absence,
    snapshot::{Gpu, Process},
};

use super::is_read;
use crate::{
    metrics::{
        table::{Metric, Of, Seen, wide},
        text::{Kind, label_into},
    },
    v1::user,
};

const fn of(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&Process) -> Result<f64, Absence>,
) -> Metric {
    Metric::new(name, Kind::Gauge, unit, help, Of::Process(value))
}

pub(crate) const METRICS: &[Metric] = &[
    of("nvsmi_gpu_process_memory_bytes", "bytes", "GPU memory of a process.", |process| {
        process.gpu_memory_bytes.map(wide)
    })
    .from("`nvmlDeviceGetComputeRunningProcesses_v3`, `nvmlDeviceGetGraphicsRunningProcesses_v3`"),
    of("nvsmi_gpu_process_sm_ratio", "ratio", "Share of SM time of a process.", |process| {
        process.share.map(|share| f64::from(share.sm_percent) / 100.0)
    })
    .from("`nvmlDeviceGetProcessUtilization`"),
    of("nvsmi_gpu_process_memory_utilization_ratio", "ratio", "Share of memory time of a process.", |process| {
        process.share.map(|share| f64::from(share.memory_percent) / 100.0)
    })
    .from("`nvmlDeviceGetProcessUtilization`"),
    of("nvsmi_gpu_process_encoder_ratio", "ratio", "Share of encoder time of a process.", |process| {
        process.share.map(|share| f64::from(share.encoder_percent) / 100.0)
    })
    .from("`nvmlDeviceGetProcessUtilization`"),
    of("nvsmi_gpu_process_decoder_ratio", "ratio", "Share of decoder time of a process.", |process| {
        process.share.map(|share| f64::from(share.decoder_percent) / 100.0)
    })
    .from("`nvmlDeviceGetProcessUtilization`"),
    of("nvsmi_gpu_process_cpu_ratio", "ratio", "CPU time of a process, in CPUs; may exceed 1.", |process| {
        process.cpu_percent.map(|percent| percent / 100.0)
    })
    .from("`/proc/PID/stat`, fields 14 and 15"),
    of("nvsmi_gpu_process_host_memory_bytes", "bytes", "Resident host memory of a process.", |process| {
        process.host_memory_bytes.map(wide)
    })
    .from("`/proc/PID/stat`, field 24"),
    of("nvsmi_gpu_process_start_timestamp_seconds", "seconds", "Unix time at which a process started.", |process| {
        process.started_at_ms.map(|started| wide(started) / 1000.0)
    })
    .from("`/proc/PID/stat`, field 22"),
];

/// Labels of a process beside those of its GPU: `user`, `container` and `name` for scopes that see people, the instances
/// with MIG. The user is empty in a system container, whose accounts are not this host's.
pub(crate) const LABELS: [&str; 7] = ["pid", "user", "container", "name", "type", "gpu_instance", "compute_instance"];

/// Processes that have series, with their labels. If there are more than the limit, those with the most GPU memory.
pub(super) fn subjects<'a>(seen: &Seen<'_>, gpus: &[(&'a Gpu, String)]) -> Vec<(&'a Process, String)> {
    let Some(most) = seen.processes.filter(|_| seen.scope.sees_work()) else { return Vec::new() };
    let mut all: Vec<(usize, &Process, &str)> = every(gpus).enumerate().map(|(at, (one, of))| (at, one, of)).collect();
    if all.len() > most {
        all.sort_by_key(|(_, process, _)| std::cmp::Reverse(process.gpu_memory_bytes.unwrap_or(0)));
        all.truncate(most);
        all.sort_by_key(|(at, ..)| *at);
    }
    all.into_iter().map(|(_, process, subject)| (process, labels(seen, process, subject))).collect()
}

/// Number of processes without series, since there are more than the limit.
pub(super) fn left_out(seen: &Seen<'_>) -> Option<usize> {
    let most = seen.processes.filter(|_| seen.scope.sees_work())?;
    let all: usize = seen.snapshot.gpus.iter().filter(|gpu| is_read(gpu)).map(|gpu| gpu.processes.len()).sum();
    Some(all.saturating_sub(most))
}

fn every<'a, 'b>(gpus: &'b [(&'a Gpu, String)]) -> impl Iterator<Item = (&'a Process, &'b str)> {
    let read = gpus.iter().filter(|(gpu, _)| is_read(gpu));
    read.flat_map(|(gpu, subject)| gpu.processes.iter().map(move |process| (process, subject.as_str())))
}

fn labels(seen: &Seen<'_>, process: &Process, subject: &str) -> String {
    let [pid, whose, inside, name, kind, gpu_instance, compute_instance] = LABELS;
    let mut labels = subject.to_owned();
    label_into(&mut labels, pid, &process.pid.to_string());
    // A scope that sees processes but not people gets the series without these.
    if seen.scope.sees_people() {
        label_into(&mut labels, whose, &user(process).unwrap_or_default());
        if let Some(container) = process.any_container_label() {
            label_into(&mut labels, inside, &container);
        }
        let called = process.name.as_ref().ok().and_then(|name| seen.commands.name(name));
        label_into(&mut labels, name, &called.unwrap_or_default());
    }
    label_into(&mut labels, kind, process.kind.as_str());
    for (name, id) in [(gpu_instance, process.gpu_instance), (compute_instance, process.compute_instance)] {
        if let Some(id) = id {
            label_into(&mut labels, name, &id.to_string());
        }
    }
    labels
}
