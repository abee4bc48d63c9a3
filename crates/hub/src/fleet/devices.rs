//! Devices of a host, as a search wants them.

use telemetry::{
    BootTime,
    find::{self, Device, Kind, Uuid},
    snapshot::UseVerdict,
};

use super::{row::Host, rows::HostRow};
use crate::report::{GpuReport, Source};

/// A host as a search at this time wants it.
pub(super) fn searched(row: &HostRow, now: BootTime) -> find::Host<'_> {
    find::Host {
        name: row.name(),
        labels: &row.target.labels,
        devices: row.devices(),
        is_current: row.is_current(now),
        comes_last: row.source() == Some(Source::Original),
    }
}

/// GPUs of a host, each before its MIG instances.
pub(super) fn of(host: &Host) -> Box<[Device]> {
    let both = host.gpus().iter().flat_map(|gpu| {
        let instances = gpu.mig.iter().map(|mig| Device {
            uuid: mig.uuid.as_deref().and_then(Uuid::new),
            kind: Kind::Instance(mig.profile.clone()),
            memory_total_bytes: mig.memory_total_bytes,
            memory_free_bytes: mig.memory_free_bytes,
            is_claimed: mig.claim.is_some(),
            r#use: usable(gpu, host.use_of_instance(gpu, mig)),
            ..whole(host, gpu)
        });
        std::iter::once(whole(host, gpu)).chain(instances)
    });
    both.collect()
}

fn whole(host: &Host, gpu: &GpuReport) -> Device {
    Device {
        index: gpu.index,
        uuid: gpu.uuid.as_deref().and_then(Uuid::new),
        name: gpu.name.clone(),
        kind: if is_whole(host, gpu) { Kind::Gpu } else { Kind::MigGpu },
        memory_total_bytes: gpu.memory_total_bytes,
        memory_free_bytes: gpu.memory_free_bytes,
        r#use: usable(gpu, host.use_of(gpu)),
        health: gpu.health,
        is_claimed: gpu.claim.is_some(),
        is_current: host.knows(gpu),
    }
}

/// Use for a search. A held device whose compute mode is not known may be prohibited.
fn usable(gpu: &GpuReport, r#use: UseVerdict) -> UseVerdict {
    Device::usable(r#use, gpu.is_prohibited.unwrap_or(r#use == UseVerdict::Held))
}

/// True for a GPU that is known not to be in MIG mode. The original does not report the mode.
fn is_whole(host: &Host, gpu: &GpuReport) -> bool {
    let is_silent = host.report.as_ref().is_some_and(|report| report.source == Source::Original);
    gpu.mig_mode.map_or(is_silent, |is_mig| !is_mig)
}
