//! Devices of a host, as a search wants them.

use telemetry::find::{Device, Kind, Uuid};

use super::row::Host;
use crate::report::GpuReport;

/// GPUs of a host, each before its MIG instances.
pub(super) fn of(host: &Host) -> Box<[Device]> {
    let both = host.gpus().iter().flat_map(|gpu| {
        let instances = gpu.mig.iter().map(|mig| Device {
            uuid: mig.uuid.as_deref().and_then(Uuid::new),
            kind: Kind::Instance(mig.profile.clone()),
            memory_total_bytes: mig.memory_total_bytes,
            memory_free_bytes: mig.memory_free_bytes,
            r#use: host.use_of_instance(gpu, mig),
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
        kind: if gpu.is_mig { Kind::MigGpu } else { Kind::Gpu },
        memory_total_bytes: gpu.memory_total_bytes,
        memory_free_bytes: gpu.memory_free_bytes,
        r#use: host.use_of(gpu),
        health: gpu.health,
        is_claimed: false,
        is_current: host.knows(gpu),
    }
}
