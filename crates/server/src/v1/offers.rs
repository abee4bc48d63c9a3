//! `/api/v1/find` on an agent: the devices of its snapshot.

use std::collections::BTreeMap;

use bytes::Bytes;
use telemetry::{
    Absence, Reading,
    find::{Device, Host, Kind, Request, Uuid, find},
    snapshot::{Gpu, GpuState, Mig, Snapshot},
};

/// A single agent has no labels: those of the hub are in its list of hosts.
static NO_LABELS: BTreeMap<Box<str>, Box<str>> = BTreeMap::new();

/// The answer as JSON; none if it cannot be rendered.
pub(super) fn found(request: &Request, snapshot: &Snapshot) -> Option<Bytes> {
    let devices: Vec<Device> = snapshot.gpus.iter().flat_map(devices).collect();
    let host = Host {
        name: snapshot.host.hostname.as_deref().unwrap_or_default(),
        labels: &NO_LABELS,
        devices: &devices,
        // The state of each GPU says how old its reading is.
        is_current: true,
        comes_last: false,
    };
    let answer = serde_json::to_vec(&find(request, &[host]));
    answer.inspect_err(|error| tracing::error!(%error, "cannot render an answer")).ok().map(Bytes::from)
}

/// A GPU and its MIG instances.
fn devices(gpu: &Gpu) -> Vec<Device> {
    let uuid = gpu.identity.uuid.as_deref().ok();
    let whole = Device {
        index: gpu.index,
        // Another name of its records means that the UUID is not its own.
        uuid: uuid.filter(|uuid| *uuid == gpu.key).and_then(Uuid::new),
        name: text(&gpu.identity.name),
        kind: if is_whole(gpu) { Kind::Gpu } else { Kind::MigGpu },
        memory_total_bytes: gpu.readings.memory.total_bytes.ok(),
        memory_free_bytes: gpu.readings.memory.free_bytes.ok(),
        r#use: Device::usable(gpu.usage.verdict, gpu.is_prohibited()),
        health: Some(gpu.health.verdict),
        is_claimed: gpu.claim.is_some(),
        is_current: gpu.state == GpuState::Ok,
    };
    let instances = gpu.mig.iter().flatten().map(|mig| instance(gpu, &whole, mig));
    let instances: Vec<Device> = instances.collect();
    std::iter::once(whole).chain(instances).collect()
}

fn instance(gpu: &Gpu, whole: &Device, mig: &Mig) -> Device {
    let memory = mig.sample.memory.ok();
    Device {
        uuid: mig.sample.uuid.as_deref().ok().and_then(Uuid::new),
        kind: Kind::Instance(text(&mig.sample.profile)),
        memory_total_bytes: memory.map(|memory| memory.total_bytes),
        memory_free_bytes: memory.and_then(|memory| memory.free_bytes.ok()),
        r#use: Device::usable(mig.usage.verdict, gpu.is_prohibited()),
        is_claimed: mig.claim.is_some(),
        ..whole.clone()
    }
}

fn text(reading: &Reading<String>) -> Option<Box<str>> {
    reading.as_deref().ok().map(Into::into)
}

/// True for a GPU that is known not to be in MIG mode.
fn is_whole(gpu: &Gpu) -> bool {
    let has_instances = gpu.mig.iter().flatten().next().is_some();
    matches!(gpu.readings.modes.mig, Ok(false) | Err(Absence::NotSupported)) && !has_instances
}
