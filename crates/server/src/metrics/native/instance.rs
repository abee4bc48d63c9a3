//! MIG instances.

use std::collections::BTreeSet;

use telemetry::{
    VariantNames as _,
    snapshot::{Gpu, Mig, UseVerdict},
};

use super::{
    is_read,
    state::{POD, held_for, pods},
};
use crate::metrics::{
    table::{Metric, Of, wide},
    text::{Kind, label_into},
};

pub(crate) const METRICS: &[Metric] = &[
    Metric::new(
        "nvsmi_gpu_mig_info",
        Kind::Gauge,
        "",
        "Identity of a MIG instance, as labels; always 1.",
        Of::Instance(|_, mig, samples| {
            let known = |text: &Result<String, _>| text.clone().unwrap_or_default();
            samples.push(&[&known(&mig.sample.uuid), &known(&mig.sample.profile)], 1.0);
        }),
    )
    .with(&["mig_uuid", "profile"])
    .from("`nvmlDeviceGetUUID` and `nvmlDeviceGetName` of the instance"),
    Metric::new(
        "nvsmi_gpu_mig_memory_total_bytes",
        Kind::Gauge,
        "bytes",
        "Total memory of a GPU instance, with its first compute instance.",
        Of::GpuInstance(|mig| mig.sample.memory.map(|memory| wide(memory.total_bytes))),
    )
    .from("`nvmlDeviceGetMemoryInfo_v2` of the instance"),
    Metric::new(
        "nvsmi_gpu_mig_memory_used_bytes",
        Kind::Gauge,
        "bytes",
        "Used memory of a GPU instance, with its first compute instance.",
        Of::GpuInstance(|mig| mig.sample.memory.and_then(|memory| memory.used_bytes).map(wide)),
    )
    .from("`nvmlDeviceGetMemoryInfo_v2` of the instance")
    .dcgm("DCGM_FI_DEV_FB_USED"),
    Metric::new(
        "nvsmi_gpu_mig_memory_free_bytes",
        Kind::Gauge,
        "bytes",
        "Free memory of a GPU instance, with its first compute instance.",
        Of::GpuInstance(|mig| mig.sample.memory.and_then(|memory| memory.free_bytes).map(wide)),
    )
    .from("`nvmlDeviceGetMemoryInfo_v2` of the instance")
    .dcgm("DCGM_FI_DEV_FB_FREE"),
    Metric::new(
        "nvsmi_gpu_mig_use",
        Kind::Gauge,
        "",
        "Use of a MIG instance: 1 for the current verdict, 0 for the others.",
        Of::Instance(|_, mig, samples| samples.states(UseVerdict::VARIANTS, mig.usage.verdict.as_str())),
    )
    .with(&["verdict"])
    .from("derived: `free`, `held`, `busy`, `unknown`"),
    Metric::new(
        "nvsmi_gpu_mig_use_start_timestamp_seconds",
        Kind::Gauge,
        "seconds",
        "Unix time at which the current use of a MIG instance began; of a held one, at which its work ended.",
        Of::Instance(|_, mig, samples| samples.push(&[], wide(mig.usage.since.unix_ms) / 1000.0)),
    )
    .from("derived"),
    Metric::new(
        "nvsmi_gpu_mig_held_idle_seconds",
        Kind::Gauge,
        "seconds",
        "Time for which a MIG instance's memory has been held without work; 0 while it is free or busy.",
        Of::Instance(|seen, mig, samples| samples.read(&[], held_for(&mig.usage, seen.snapshot.at.boot))),
    )
    .from("derived"),
    Metric::new(
        "nvsmi_gpu_mig_claimed",
        Kind::Gauge,
        "",
        "Claim of a MIG instance or its GPU: 1 if somebody has claimed it, 0 if not.",
        Of::Instance(|_, mig, samples| samples.push(&[], f64::from(u8::from(mig.claim.is_some())))),
    )
    .from("`claim` and `run`"),
    Metric::new(
        "nvsmi_gpu_mig_pod_info",
        Kind::Gauge,
        "",
        "Container of a pod to which the kubelet has assigned a MIG instance; always 1.",
        Of::Instance(|seen, mig, samples| pods(seen, &mig.pods, samples)),
    )
    .with(&POD)
    .from("the kubelet's PodResources service"),
];

/// A MIG instance with its labels.
pub(super) struct Subject<'a> {
    pub(super) mig: &'a Mig,
    pub(super) labels: String,
    /// It is the first compute instance of its GPU instance.
    pub(super) is_first: bool,
}

/// Instances of the GPUs that are read on time, with their labels: those of the GPU, and the IDs of the instance. An
/// instance without known IDs is left out, since two of them would be one series.
pub(super) fn subjects<'a>(gpus: &[(&'a Gpu, String)]) -> Vec<Subject<'a>> {
    let mut all = Vec::new();
    for (gpu, subject) in gpus.iter().filter(|(gpu, _)| is_read(gpu)) {
        let mut gpu_instances = BTreeSet::new();
        for mig in gpu.mig.iter().flatten() {
            let (Ok(of_gpu), Ok(of_compute)) = (mig.sample.gpu_instance, mig.sample.compute_instance) else { continue };
            let mut labels = subject.clone();
            label_into(&mut labels, "gpu_instance", &of_gpu.to_string());
            label_into(&mut labels, "compute_instance", &of_compute.to_string());
            all.push(Subject { mig, labels, is_first: gpu_instances.insert(of_gpu) });
        }
    }
    all
}
