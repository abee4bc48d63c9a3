//! Which pods have a GPU or a MIG instance, by what the kubelet gave away, and which of them a process runs in.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Absence, Reading,
    derive::usage::Taken,
    sample::{Allocation, Device, GpuSample, MigSample, PodContainer, Sample},
    snapshot::{Gpu, OnlyPod, PodName, Process},
};

type Allocations = Reading<Vec<Allocation>>;

/// The containers that have the whole GPU.
pub(super) fn of_gpu(gpu: &GpuSample, whole: &Sample) -> Reading<Vec<PodContainer>> {
    let minor = gpu.identity.minor_number.ok();
    let is_it = |device: &Device| match device {
        Device::Uuid(uuid) => gpu.identity.uuid.as_ref() == Ok(uuid),
        Device::Minor { minor: of, gpu_instance: None } => minor == Some(*of),
        Device::Claimed { number: Some(number), is_part: false } => is_numbered(gpu, *number),
        Device::Minor { .. } | Device::Instance { .. } | Device::Claimed { .. } => false,
    };
    let has_instances = gpu.mig.as_ref().is_ok_and(|instances| !instances.is_empty());
    let may_be_it = |device: &Device| may_be(device, gpu, whole, !has_instances);
    given(&whole.allocations, gpu.identity.uuid.as_deref().map_err(|why| *why), is_it, may_be_it)
}

/// The containers that have an instance of it.
pub(super) fn of_instance(gpu: &GpuSample, instance: &MigSample, whole: &Sample) -> Reading<Vec<PodContainer>> {
    let place = (instance.gpu_instance.ok(), instance.compute_instance.ok());
    let minor = gpu.identity.minor_number.ok();
    let is_it = |device: &Device| match device {
        Device::Uuid(uuid) => instance.uuid.as_ref() == Ok(uuid),
        Device::Instance { gpu: parent, gpu_instance, compute_instance } => {
            gpu.identity.uuid.as_ref() == Ok(parent) && place == (Some(*gpu_instance), Some(*compute_instance))
        }
        Device::Minor { minor: of, gpu_instance } => {
            minor == Some(*of) && place.0 == *gpu_instance && gpu_instance.is_some()
        }
        // A claim of all of it is one of this instance, too.
        Device::Claimed { number: Some(number), is_part: false } => is_numbered(gpu, *number),
        Device::Claimed { .. } => false,
    };
    let may_be_it = |device: &Device| may_be(device, gpu, whole, true);
    given(&whole.allocations, instance.uuid.as_deref().map_err(|why| *why), is_it, may_be_it)
}

/// The number in the name of a claimed device is the GPU's minor number or its index, by the version of the driver for
/// claims.
fn is_numbered(gpu: &GpuSample, number: u32) -> bool {
    gpu.index == number || gpu.identity.minor_number == Ok(number)
}

/// True if a claimed device may be on this GPU, and nothing says where: an unclear name may be any GPU's, and the
/// number of a part is that of its GPU.
fn may_be(device: &Device, gpu: &GpuSample, whole: &Sample, takes_parts: bool) -> bool {
    match device {
        Device::Claimed { number: None, .. } => true,
        Device::Claimed { number: Some(number), is_part } => {
            let is_here = *is_part && takes_parts && is_numbered(gpu, *number);
            is_here || !whole.gpus.iter().any(|gpu| is_numbered(gpu, *number))
        }
        Device::Uuid(_) | Device::Instance { .. } | Device::Minor { .. } => false,
    }
}

/// Containers that have a device, each once. "Nobody has it" is reported only of a device with a UUID, since it cannot
/// be found by it otherwise, and only if no claim may be for it.
fn given(
    all: &Allocations,
    uuid: Reading<&str>,
    is_it: impl Fn(&Device) -> bool,
    may_be_it: impl Fn(&Device) -> bool,
) -> Reading<Vec<PodContainer>> {
    let all = all.as_ref().map_err(|why| *why)?;
    let found = all.iter().filter(|one| is_it(&one.device)).map(|one| one.to.clone());
    let found: BTreeSet<PodContainer> = found.collect();
    match uuid {
        Err(why) if found.is_empty() => Err(why),
        Ok(_) if found.is_empty() && all.iter().any(|one| may_be_it(&one.device)) => Err(Absence::Error),
        _ => Ok(found.into_iter().collect()),
    }
}

/// Allocation by the kubelet. Without a kubelet nothing is allocated.
pub(super) fn allocated(pods: &Reading<Vec<PodContainer>>) -> Taken {
    match pods {
        Ok(pods) if !pods.is_empty() => Taken::Yes,
        Ok(_) | Err(Absence::NotSupported) => Taken::No,
        Err(_) => Taken::Unknown,
    }
}

/// Names the pods of processes, and their containers, by the GPUs that they are on.
///
/// The kubelet knows pods by name and a cgroup knows them by uid, and no source has both. So a process is in the pod
/// that alone has its GPU or MIG instance, if all that is seen on the host agrees: one uid with one name, one
/// container's id with one container's name.
pub(super) fn name_processes(gpus: &mut [Gpu]) {
    if gpus.iter().all(|gpu| gpu.pods == Err(Absence::NotSupported)) {
        return;
    }
    let seats: Vec<Vec<Reading<Seat>>> =
        gpus.iter().map(|gpu| gpu.processes.iter().map(|process| seat(gpu, process)).collect()).collect();
    let mut known = Known::default();
    for (gpu, seats) in gpus.iter().zip(&seats) {
        for (process, seat) in gpu.processes.iter().zip(seats) {
            known.learn(process, seat);
        }
    }
    for (gpu, seats) in gpus.iter_mut().zip(seats) {
        for (process, seat) in gpu.processes.iter_mut().zip(seats) {
            known.name(process, seat);
        }
    }
}

/// The pod that alone has the device that a process is on, and the container that alone of that pod has it.
struct Seat {
    pod: PodName,
    container: Option<String>,
}

fn seat(gpu: &Gpu, process: &Process) -> Reading<Seat> {
    let (pods, only) = match gpu.instance_of(process) {
        Some(instance) => (&instance.pods, instance.only_pod()),
        None => (&gpu.pods, gpu.only_pod()),
    };
    pods.as_ref().map_err(|why| *why)?;
    let OnlyPod { namespace, name, container } = only.ok_or(Absence::NotSupported)?;
    Ok(Seat {
        pod: PodName { namespace: namespace.into(), name: name.into() },
        container: container.map(str::to_owned),
    })
}

/// Which id was seen with which name.
#[derive(Default)]
struct Known {
    pods: Pairs<PodName>,
    containers: Pairs<(PodName, String)>,
}

impl Known {
    fn learn(&mut self, process: &Process, seat: &Reading<Seat>) {
        let (Some(pod), Ok(seat)) = (&process.pod, seat) else { return };
        self.pods.put(&pod.uid, &seat.pod);
        if let (Some(container), Some(name)) = (&process.container, &seat.container) {
            self.containers.put(&container.id, &(seat.pod.clone(), name.clone()));
        }
    }

    fn name(&self, process: &mut Process, seat: Reading<Seat>) {
        let Some(pod) = &mut process.pod else { return };
        let agreed = seat.and_then(|seat| {
            let agrees = self.pods.agree(&pod.uid, &seat.pod);
            if agrees { Ok(seat) } else { Err(Absence::NotSupported) }
        });
        let Seat { pod: name, container: called } = match agreed {
            Ok(seat) => seat,
            Err(why) => {
                pod.name = Err(why);
                return;
            }
        };
        if let (Some(container), Some(called)) = (&mut process.container, called) {
            let pair = (name.clone(), called);
            if self.containers.agree(&container.id, &pair) {
                container.name = Ok(pair.1);
            }
        }
        pod.name = Ok(name);
    }
}

/// Ids and names that were seen together; none where one was seen with two.
struct Pairs<N> {
    names: BTreeMap<String, Option<N>>,
    ids: BTreeMap<N, Option<String>>,
}

impl<N> Default for Pairs<N> {
    fn default() -> Self {
        Self { names: BTreeMap::new(), ids: BTreeMap::new() }
    }
}

impl<N: Clone + Ord> Pairs<N> {
    fn put(&mut self, id: &str, name: &N) {
        let named = self.names.entry(id.to_owned()).or_insert_with(|| Some(name.clone()));
        if named.as_ref() != Some(name) {
            *named = None;
        }
        let with = self.ids.entry(name.clone()).or_insert_with(|| Some(id.to_owned()));
        if with.as_deref() != Some(id) {
            *with = None;
        }
    }

    fn agree(&self, id: &str, name: &N) -> bool {
        let seen = |named: &Option<N>| named.as_ref() == Some(name);
        self.names.get(id).is_some_and(seen) && self.ids.get(name).is_some_and(Option::is_some)
    }
}

#[cfg(test)]
mod tests;
