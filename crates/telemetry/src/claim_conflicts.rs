//! Processes of others on a claimed device.

use std::collections::BTreeSet;

use crate::{
    claims::ClaimedDevice,
    sample::Life,
    snapshot::{Gpu, Mig, Process},
};

/// User ID of root.
const ROOT: u32 = 0;
/// Programs that watch or manage GPUs, by their name in the kernel (15 bytes).
const MONITORS: [&str; 12] = [
    "nv-hostengine",
    "dcgm-exporter",
    "dcgmi",
    "nvidia-smi",
    "nvidia-persiste",
    "nvidia-cuda-mps",
    "nvidia-mps-cont",
    "nvtop",
    "nvitop",
    "gpustat",
    "nvidia-device-p",
    "node_exporter",
];
/// A process of root with less memory that does not work is a monitor, too.
const HOLDS_BYTES: u64 = 1 << 30;
/// Share of the SMs from which on a process works, in %.
const WORKS_PERCENT: u32 = 5;

/// Users besides this one who compute on a device: names of accounts, or of containers where a process counts for one.
/// Processes that only draw and monitors of root do not count, and neither does a process whose user is unknown.
#[must_use]
pub fn others(gpu: &Gpu, device: &ClaimedDevice, uid: u32) -> BTreeSet<String> {
    let instance = gpu.mig.iter().flatten().find(|mig| mig.sample.uuid.as_deref().ok() == device.instance.as_deref());
    // An instance that is not listed has no processes.
    if device.instance.is_some() && instance.is_none() {
        return BTreeSet::new();
    }
    let here = gpu.processes.iter().filter(|process| instance.is_none_or(|mig| is_on(process, mig)));
    here.filter(|process| computes(process) && process.uid != Ok(uid) && !is_monitor(process))
        .filter_map(|process| process.owner().ok())
        .collect()
}

fn is_on(process: &Process, mig: &Mig) -> bool {
    // Without the compute instance it may be on any of the GPU instance.
    process.gpu_instance == mig.sample.gpu_instance.ok()
        && process.compute_instance.is_none_or(|own| mig.sample.compute_instance == Ok(own))
}

fn computes(process: &Process) -> bool {
    process.kind.computes() && process.holds && !matches!(process.life, Life::Gone | Life::Zombie)
}

/// True for a program of root itself, outside containers, that watches GPUs or does next to nothing on them.
fn is_monitor(process: &Process) -> bool {
    if process.uid != Ok(ROOT) || process.counts_for_container().is_some() {
        return false;
    }
    let is_known = process.name.as_deref().is_ok_and(|name| MONITORS.contains(&name));
    let works = process.share.is_ok_and(|share| share.sm_percent >= WORKS_PERCENT);
    is_known || !works && process.gpu_memory_bytes.is_ok_and(|bytes| bytes < HOLDS_BYTES)
}

#[cfg(test)]
mod tests;
