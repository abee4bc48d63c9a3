//! Identity, state, health and use of a GPU: known whatever its state.

use telemetry::{
    Absence, BootTime, Reading, VariantNames as _,
    readings::words,
    sample::PodContainer,
    snapshot::{Gpu, GpuState, Severity, Usage, UseVerdict},
};

use crate::metrics::{
    table::{Labelled, Metric, Of, Seen, wide},
    text::Kind,
};

pub(crate) const METRICS: &[Metric] = &[
    Metric::new(
        "nvsmi_gpu_info",
        Kind::Gauge,
        "",
        "Identity of a GPU, as labels; always 1. Other series have only its index and UUID.",
        Of::Known(|seen, gpu, samples| {
            let known = |text: &Result<String, _>| text.clone().unwrap_or_default();
            let driver = seen.snapshot.driver.as_ref();
            let driver_version = driver.and_then(|driver| driver.driver_version.clone().ok()).unwrap_or_default();
            let cuda = driver.and_then(|driver| driver.cuda_version.ok()).map(words::cuda_version).unwrap_or_default();
            let identity = &gpu.identity;
            let values = [
                &known(&identity.name),
                &known(&identity.pci_bus_id),
                &known(&identity.serial),
                &known(&identity.vbios_version),
                &driver_version,
                &cuda,
            ];
            samples.push(&values.map(String::as_str), 1.0);
        }),
    )
    .with(&["name", "pci_bus_id", "serial", "vbios", "driver_version", "cuda_version"])
    .in_fleet()
    .from("`nvmlDeviceGetName`, `nvmlDeviceGetPciInfo_v3`, `nvmlDeviceGetSerial`, `nvmlDeviceGetVbiosVersion`, `nvmlSystemGetDriverVersion`, `nvmlSystemGetCudaDriverVersion_v2`"),
    Metric::new(
        "nvsmi_gpu_state",
        Kind::Gauge,
        "",
        "State of a GPU: 1 for the current one, 0 for the others. It has readings only in the state ok.",
        Of::Known(|_, gpu, samples| samples.states(GpuState::VARIANTS, gpu.state.as_str())),
    )
    .with(&["state"])
    .states_in_fleet(&["ok"], &["asleep"])
    .from("derived: `ok`, `stale`, `lost`, `denied`, `asleep`, `error`"),
    Metric::new(
        "nvsmi_gpu_last_read_timestamp_seconds",
        Kind::Gauge,
        "seconds",
        "Unix time at which the newest reading of a GPU was finished; absent if there never was one.",
        Of::Known(|_, gpu, samples| {
            if !gpu.never_read {
                samples.push(&[], wide(gpu.read_at.unix_ms) / 1000.0);
            }
        }),
    )
    .from("the wall clock"),
    Metric::new(
        "nvsmi_gpu_health",
        Kind::Gauge,
        "",
        "Health of a GPU: 1 for the current verdict, 0 for the others.",
        Of::Known(|_, gpu, samples| samples.states(Severity::VARIANTS, gpu.health.verdict.as_str())),
    )
    .with(&["verdict"])
    .from("derived: `ok`, `warning`, `critical`"),
    Metric::new(
        "nvsmi_gpu_health_reason",
        Kind::Gauge,
        "",
        "Problem of a GPU, by its stable code; always 1. In the set fleet, the worst one.",
        Of::Known(|seen, gpu, samples| {
            let mut codes: Vec<&str> = Vec::new();
            let most = if seen.is_fleet() { 1 } else { usize::MAX };
            // The worst is first.
            for reason in gpu.health.reasons.iter().take(most) {
                if !codes.contains(&reason.code.as_str()) {
                    codes.push(&reason.code);
                    samples.push(&[&reason.code, reason.severity.as_str()], 1);
                }
            }
        }),
    )
    .with(&["code", "severity"])
    .in_fleet()
    .from("derived: the `code` of `/api/v1`'s `health.reasons`"),
    Metric::new(
        "nvsmi_gpu_xid_errors_total",
        Kind::Counter,
        "",
        "Xid errors since the agent started to listen for them, by severity; also of a GPU that is lost.",
        Of::Known(|_, gpu, samples| {
            // The counts stay while nothing listens, as while the GPU is lost.
            if gpu.xid.count.is_ok() || gpu.xid.last.is_some() {
                for (severity, count) in Severity::ALL.iter().zip(gpu.xid.by_severity) {
                    samples.push(&[severity.as_str()], wide(count));
                }
            }
        }),
    )
    .with(&["severity"])
    .from("`nvmlEventSetWait_v2`, and the catalogue of Xid errors"),
    Metric::new(
        "nvsmi_gpu_last_xid",
        Kind::Gauge,
        "",
        "Number of the newest Xid error; absent if there was none.",
        Of::Known(|_, gpu, samples| {
            if let Some((code, _)) = gpu.xid.last {
                samples.push(&[], wide(code));
            }
        }),
    )
    .from("`nvmlEventSetWait_v2`")
    .dcgm("DCGM_FI_DEV_XID_ERRORS"),
    Metric::new(
        "nvsmi_gpu_last_xid_timestamp_seconds",
        Kind::Gauge,
        "seconds",
        "Unix time of the newest Xid error.",
        Of::Known(|_, gpu, samples| {
            if let Some((_, at)) = gpu.xid.last {
                samples.push(&[], wide(at.unix_ms) / 1000.0);
            }
        }),
    )
    .from("the wall clock"),
    Metric::new(
        "nvsmi_gpu_use",
        Kind::Gauge,
        "",
        "Use of a GPU: 1 for the current verdict, 0 for the others. Held: memory is in use, without work for --idle-after.",
        Of::Known(|_, gpu, samples| samples.states(UseVerdict::VARIANTS, gpu.usage.verdict.as_str())),
    )
    .with(&["verdict"])
    .states_in_fleet(&["free", "held", "busy"], &[])
    .from("derived: `free`, `held`, `busy`, `unknown`"),
    Metric::new(
        "nvsmi_gpu_use_start_timestamp_seconds",
        Kind::Gauge,
        "seconds",
        "Unix time at which the current use of a GPU began; of a held one, at which its work ended.",
        Of::Known(|_, gpu, samples| samples.push(&[], wide(gpu.usage.since.unix_ms) / 1000.0)),
    )
    .in_fleet()
    .from("derived"),
    Metric::new(
        "nvsmi_gpu_held_idle_seconds",
        Kind::Gauge,
        "seconds",
        "Time for which a GPU's memory has been held without work; 0 while it is free or busy.",
        Of::Known(|seen, gpu, samples| samples.read(&[], held_for(&gpu.usage, seen.snapshot.at.boot))),
    )
    .from("derived"),
    Metric::new(
        "nvsmi_gpu_claimed",
        Kind::Gauge,
        "",
        "Claim of the whole GPU: 1 if somebody has claimed it, 0 if not.",
        Of::Known(|_, gpu, samples| samples.push(&[], f64::from(u8::from(gpu.claim.is_some())))),
    )
    .from("`claim` and `run`"),
    Metric::new(
        "nvsmi_gpu_pod_info",
        Kind::Gauge,
        "",
        "Container of a pod to which the kubelet has assigned the whole GPU; always 1.",
        Of::Known(|seen, gpu, samples| pods(seen, &gpu.pods, samples)),
    )
    .with(&POD)
    .from("the kubelet's PodResources service"),
    Metric::gauge(
        "nvsmi_gpu_unattributed_memory_bytes",
        "bytes",
        "Used memory that no listed process accounts for.",
        |gpu| gpu.usage.unattributed_bytes.map(wide),
    )
    .from("derived"),
    Metric::gauge("nvsmi_gpu_processes", "", "Processes on a GPU, including those on its MIG instances.", |gpu| {
        let lists = [gpu.lists.compute, gpu.lists.graphics].map(|list| list.is_ok());
        if lists == [false; 2] { Err(Absence::Timeout) } else { Ok(count(gpu)) }
    })
    .from("`nvmlDeviceGetComputeRunningProcesses_v3`, `nvmlDeviceGetGraphicsRunningProcesses_v3`"),
];

/// Labels of a container of a pod.
pub(super) const POD: [&str; 3] = ["namespace", "pod", "container"];

/// Writes a sample for each container.
pub(super) fn pods(seen: &Seen<'_>, pods: &Reading<Vec<PodContainer>>, samples: &mut Labelled<'_, '_>) {
    for given in pods.iter().flatten().filter(|_| seen.scope.sees_work()) {
        samples.push(&[&given.namespace, &given.pod, &given.container], 1.0);
    }
}

fn count(gpu: &Gpu) -> f64 {
    wide(gpu.processes.len() as u64)
}

/// Time for which memory has been held without work, in seconds.
pub(super) fn held_for(usage: &Usage, now: BootTime) -> Result<f64, Absence> {
    match usage.verdict {
        UseVerdict::Held => Ok(now.since(usage.since.boot).as_secs_f64()),
        UseVerdict::Free | UseVerdict::Busy => Ok(0.0),
        UseVerdict::Unknown => Err(Absence::Timeout),
    }
}
