//! MIG instances.

use telemetry::snapshot::{Gpu, Mig};

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
        "Who a MIG instance is; always 1.",
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
        "All memory of a MIG instance.",
        Of::Instance(|_, mig, samples| samples.read(&[], mig.sample.memory.map(|memory| wide(memory.total_bytes)))),
    )
    .from("`nvmlDeviceGetMemoryInfo_v2` of the instance"),
    Metric::new(
        "nvsmi_gpu_mig_memory_used_bytes",
        Kind::Gauge,
        "bytes",
        "Memory of a MIG instance that is in use.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.sample.memory.and_then(|memory| memory.used_bytes).map(wide));
        }),
    )
    .from("`nvmlDeviceGetMemoryInfo_v2` of the instance")
    .dcgm("DCGM_FI_DEV_FB_USED"),
    Metric::new(
        "nvsmi_gpu_mig_memory_free_bytes",
        Kind::Gauge,
        "bytes",
        "Memory of a MIG instance that can be had.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.sample.memory.and_then(|memory| memory.free_bytes).map(wide));
        }),
    )
    .from("`nvmlDeviceGetMemoryInfo_v2` of the instance")
    .dcgm("DCGM_FI_DEV_FB_FREE"),
    activity(
        "nvsmi_gpu_mig_graphics_active_ratio",
        "Of the last window, the part in which the graphics or compute engine of a MIG instance's GPU instance worked.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.activity().graphics_ratio);
        }),
    )
    .from("`nvmlGpmMetricsGet`, metric 1, of the GPU instance")
    .dcgm("DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
    activity(
        "nvsmi_gpu_mig_sm_active_ratio",
        "Of the last window, the part in which the SMs of a MIG instance's GPU instance had work, over all of them.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.activity().sm_ratio);
        }),
    )
    .from("`nvmlGpmMetricsGet`, metric 2, of the GPU instance")
    .dcgm("DCGM_FI_PROF_SM_ACTIVE"),
    activity(
        "nvsmi_gpu_mig_sm_occupancy_ratio",
        "Warps on the SMs of a MIG instance's GPU instance, of those that could be there.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.activity().sm_occupancy_ratio);
        }),
    )
    .from("`nvmlGpmMetricsGet`, metric 3, of the GPU instance")
    .dcgm("DCGM_FI_PROF_SM_OCCUPANCY"),
    activity(
        "nvsmi_gpu_mig_tensor_active_ratio",
        "How busy the tensor pipes of a MIG instance's GPU instance are.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.activity().tensor_ratio);
        }),
    )
    .from("`nvmlGpmMetricsGet`, metric 5, of the GPU instance")
    .dcgm("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
    activity(
        "nvsmi_gpu_mig_dram_active_ratio",
        "How much of the memory bandwidth of a MIG instance's GPU instance is used.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.activity().dram_ratio);
        }),
    )
    .from("`nvmlGpmMetricsGet`, metric 10, of the GPU instance")
    .dcgm("DCGM_FI_PROF_DRAM_ACTIVE"),
    activity(
        "nvsmi_gpu_mig_fp64_active_ratio",
        "How busy the FP64 pipe of a MIG instance's GPU instance is.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.activity().fp64_ratio);
        }),
    )
    .from("`nvmlGpmMetricsGet`, metric 11, of the GPU instance")
    .dcgm("DCGM_FI_PROF_PIPE_FP64_ACTIVE"),
    activity(
        "nvsmi_gpu_mig_fp32_active_ratio",
        "How busy the FP32 pipe of a MIG instance's GPU instance is.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.activity().fp32_ratio);
        }),
    )
    .from("`nvmlGpmMetricsGet`, metric 12, of the GPU instance")
    .dcgm("DCGM_FI_PROF_PIPE_FP32_ACTIVE"),
    activity(
        "nvsmi_gpu_mig_fp16_active_ratio",
        "How busy the FP16 pipe of a MIG instance's GPU instance is.",
        Of::Instance(|_, mig, samples| {
            samples.read(&[], mig.activity().fp16_ratio);
        }),
    )
    .from("`nvmlGpmMetricsGet`, metric 13, of the GPU instance")
    .dcgm("DCGM_FI_PROF_PIPE_FP16_ACTIVE"),
    Metric::new(
        "nvsmi_gpu_mig_use",
        Kind::Gauge,
        "",
        "Whether a MIG instance is free, which is the label; always 1.",
        Of::Instance(|_, mig, samples| samples.push(&[mig.usage.verdict.as_str()], 1.0)),
    )
    .with(&["verdict"])
    .from("derived: `free`, `held`, `busy`, `unknown`"),
    Metric::new(
        "nvsmi_gpu_mig_held_idle_seconds",
        Kind::Gauge,
        "seconds",
        "For how long a MIG instance's memory has been held without work; 0 while it is free or busy.",
        Of::Instance(|seen, mig, samples| samples.read(&[], held_for(&mig.usage, seen.snapshot.at.boot))),
    )
    .from("derived"),
    Metric::new(
        "nvsmi_gpu_mig_pod_info",
        Kind::Gauge,
        "",
        "Each container of a pod that the kubelet has given a MIG instance to; always 1.",
        Of::Instance(|seen, mig, samples| pods(seen, &mig.pods, samples)),
    )
    .with(&POD)
    .from("the kubelet's PodResources service"),
];

const fn activity(name: &'static str, help: &'static str, of: Of) -> Metric {
    Metric::new(name, Kind::Gauge, "ratio", help, of)
}

/// Each instance of the GPUs that are read on time, with its labels: those of its GPU, and its place on it. One of which not
/// even the place is known has none, since two of them would be one series.
pub(super) fn subjects<'a>(gpus: &[(&'a Gpu, String)]) -> Vec<(&'a Mig, String)> {
    let mut all = Vec::new();
    for (gpu, subject) in gpus.iter().filter(|(gpu, _)| is_read(gpu)) {
        for mig in gpu.mig.iter().flatten() {
            let (Ok(of_gpu), Ok(of_compute)) = (mig.sample.gpu_instance, mig.sample.compute_instance) else { continue };
            let mut labels = subject.clone();
            label_into(&mut labels, "gpu_instance", &of_gpu.to_string());
            label_into(&mut labels, "compute_instance", &of_compute.to_string());
            all.push((mig, labels));
        }
    }
    all
}
