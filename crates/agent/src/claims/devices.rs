//! Names of devices in requests, by the newest snapshot.

use telemetry::{
    claims::ClaimedDevice,
    find::Uuid,
    snapshot::{Gpu, Mig, Snapshot},
};

use super::protocol::DeviceView;

/// A device of the snapshot.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found<'a> {
    pub(super) device: ClaimedDevice,
    pub(super) gpu: &'a Gpu,
}

/// Finds a device by index, UUID, or GPU and place of the instance (`2:1`).
///
/// # Errors
/// One line: there is no such device, or it has no name that stays.
pub(super) fn find<'a>(name: &str, snapshot: &'a Snapshot) -> Result<Found<'a>, String> {
    let name = name.trim();
    if snapshot.gpus.is_empty() {
        return Err("the agent has not read any GPU".into());
    }
    let unknown = || Err(format!("no device {name}: name an index, a UUID, or GPU:PLACE of a MIG instance"));
    if let Some((gpu, place)) = name.split_once(':') {
        let (Ok(gpu), Ok(place)) = (number(gpu), number(place)) else { return unknown() };
        let gpu = by_index(gpu, snapshot)?;
        let instances: Vec<&Mig> = gpu.mig.iter().flatten().collect();
        let Some(mig) = instances.get(place) else {
            return Err(match instances.len() {
                0 => format!("no device {name}: GPU {} has no MIG instance", gpu.index),
                all => format!("no device {name}: GPU {} has the MIG instances {0}:0 to {0}:{1}", gpu.index, all - 1),
            });
        };
        return instance(gpu, mig, name, snapshot);
    }
    if let Ok(index) = number(name) {
        return whole(by_index(index, snapshot)?, name);
    }
    if let Some(gpu) = snapshot.gpus.iter().find(|gpu| gpu.key == name) {
        return whole(gpu, name);
    }
    let all = snapshot.gpus.iter().flat_map(|gpu| gpu.mig.iter().flatten().map(move |mig| (gpu, mig)));
    match all.into_iter().find(|(_, mig)| mig.sample.uuid.as_deref() == Ok(name)) {
        Some((gpu, mig)) => instance(gpu, mig, name, snapshot),
        None => unknown(),
    }
}

fn number(text: &str) -> Result<usize, ()> {
    let is_plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().map_err(|_| ()) } else { Err(()) }
}

fn by_index(index: usize, snapshot: &Snapshot) -> Result<&Gpu, String> {
    let last = snapshot.gpus.len().saturating_sub(1);
    snapshot.gpus.get(index).ok_or_else(|| format!("no GPU {index}: the agent lists 0 to {last}"))
}

fn whole<'a>(gpu: &'a Gpu, name: &str) -> Result<Found<'a>, String> {
    // Another name of its records means that the UUID is not its own.
    let is_own = gpu.identity.uuid.as_deref() == Ok(&*gpu.key) && Uuid::new(&gpu.key).is_some();
    if !is_own {
        return Err(format!("device {name} has no UUID of its own, by which claims are kept"));
    }
    Ok(Found { device: ClaimedDevice::gpu(&gpu.key), gpu })
}

fn instance<'a>(gpu: &'a Gpu, mig: &Mig, name: &str, snapshot: &Snapshot) -> Result<Found<'a>, String> {
    let uuid = mig.sample.uuid.as_deref().ok().filter(|uuid| Uuid::new(uuid).is_some());
    let all = snapshot.gpus.iter().flat_map(|gpu| gpu.mig.iter().flatten());
    let same = all.filter(|other| other.sample.uuid.as_deref().ok() == uuid).count();
    match uuid {
        Some(uuid) if same == 1 => Ok(Found { device: ClaimedDevice::instance(&gpu.key, uuid), gpu }),
        _ => Err(format!("device {name} has no UUID of its own, by which claims are kept")),
    }
}

/// The device for people.
pub(super) fn view(device: &ClaimedDevice, snapshot: &Snapshot) -> DeviceView {
    let gpu = snapshot.gpus.iter().find(|gpu| *gpu.key == *device.gpu);
    let listed = gpu.and_then(|gpu| match &device.instance {
        None => Some((gpu.index.to_string(), gpu.identity.name.clone().ok())),
        Some(uuid) => {
            let mut all = gpu.mig.iter().flatten().enumerate();
            let (place, mig) = all.find(|(_, mig)| mig.sample.uuid.as_deref() == Ok(&**uuid))?;
            Some((format!("{}:{place}", gpu.index), mig.sample.profile.clone().ok()))
        }
    });
    let (place, name) = listed.unzip();
    DeviceView { uuid: device.uuid().into(), place, name: name.flatten() }
}

/// The device in a sentence.
pub(super) fn shown(device: &ClaimedDevice, snapshot: &Snapshot) -> String {
    let view = view(device, snapshot);
    view.place.map_or_else(|| format!("device {}", view.uuid), |place| format!("GPU {place}"))
}
