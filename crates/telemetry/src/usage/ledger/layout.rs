//! Devices of a GPU and their occupants at one sample.

use std::sync::Arc;

use super::{people::People, slices};
use crate::{
    Reading,
    sample::{Life, PodContainer},
    snapshot::{Gpu, Mig, Process, UseVerdict, mig_labels},
    usage::{Holder, Occupant, Sums},
};

/// The devices that a GPU is divided into.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// All slices of the GPU; those of the devices together.
    pub(super) slices: u64,
    /// Microseconds that the division among devices left over.
    pub(super) left: u64,
    pub(super) devices: Vec<Place>,
    /// Place of each process of the GPU that counts for an occupant: device and occupant.
    pub(super) seats: Vec<Option<(usize, usize)>>,
}

/// A device, or the slices of a GPU that are none.
#[derive(Debug)]
pub(super) struct Place {
    /// UUID of the MIG instance.
    pub(super) mig: Option<Arc<str>>,
    /// Name of the MIG instance.
    pub(super) name: Option<Arc<str>>,
    /// Position of the MIG instance in the GPU's list.
    pub(super) instance: Option<usize>,
    pub(super) slices: u64,
    /// Microseconds that the division among occupants left over.
    pub(super) left: u64,
    /// Part of a microsecond of work that was left over.
    pub(super) work_left: f64,
    pub(super) occupants: Vec<Present>,
}

/// An occupant at one sample.
#[derive(Debug)]
pub(super) struct Present {
    pub(super) occupant: Occupant,
    /// Position among the users.
    pub(super) user: Option<usize>,
    /// A scheduler gave the device to its job or pod.
    pub(super) is_allocated: bool,
    /// Memory of its processes, in bytes.
    pub(super) memory_bytes: u64,
    /// SM share of its processes, in %.
    pub(super) sm_percent: u64,
    /// Position of its row in a slot, as it was last.
    pub(super) row: usize,
    /// Position of its session.
    pub(super) session: Option<usize>,
}

impl Present {
    fn new(occupant: Occupant, user: Option<usize>, is_allocated: bool) -> Self {
        Self { occupant, user, is_allocated, memory_bytes: 0, sm_percent: 0, row: 0, session: None }
    }

    /// Adds what the occupant had of its device.
    pub(super) fn sums(&self, part: &Part) -> Sums {
        Sums {
            gpu_us: part.gpu_us,
            present_us: part.device_us,
            busy_us: part.busy_us,
            idle_us: part.is_idle.map(|is_idle| if is_idle { part.gpu_us } else { 0 }),
            allocated_us: self.is_allocated.then_some(part.device_us),
            memory_byte_seconds: self.memory_bytes as f64 * part.seconds,
            peak_memory_bytes: self.memory_bytes,
            energy_mj: part.energy_mj,
        }
    }
}

/// Part of an interval that one occupant has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) gpu_us: u64,
    /// Time of its device.
    pub(super) device_us: u64,
    /// None if the work of the device is not known.
    pub(super) busy_us: Option<u64>,
    pub(super) is_idle: Option<bool>,
    pub(super) energy_mj: u64,
    /// Length of the interval.
    pub(super) seconds: f64,
}

impl Layout {
    /// Layout of a GPU that is read on time.
    pub(super) fn of(gpu: &Gpu, people: &mut People) -> Self {
        let mut layout = Self { seats: vec![None; gpu.processes.len()], ..Self::default() };
        match (&gpu.mig, gpu.readings.modes.mig) {
            (Ok(instances), _) if !instances.is_empty() => layout.add_instances(gpu, instances, people),
            (Ok(_), Ok(true)) => layout.add_whole(Occupant::Unassigned),
            // Instances that were not read may have holders.
            (Err(_), Ok(true)) => layout.add_whole(Occupant::Unknown),
            _ => {
                layout.slices = 1;
                let own = (0..gpu.processes.len()).collect();
                let occupants = layout.occupants(gpu, own, gpu.usage.verdict, &gpu.pods, people);
                layout.devices.push(Place {
                    mig: None,
                    name: None,
                    instance: None,
                    slices: 1,
                    left: 0,
                    work_left: 0.0,
                    occupants,
                });
            }
        }
        layout
    }

    fn add_whole(&mut self, occupant: Occupant) {
        self.slices = 1;
        self.add_rest(1, occupant);
    }

    /// Adds slices that are in no instance.
    fn add_rest(&mut self, slices: u64, occupant: Occupant) {
        let occupants = vec![Present::new(occupant, None, false)];
        self.devices.push(Place { mig: None, name: None, instance: None, slices, left: 0, work_left: 0.0, occupants });
    }

    fn add_instances(&mut self, gpu: &Gpu, instances: &[Mig], people: &mut People) {
        let of = |mig: &Mig| slices::of_profile(mig.sample.profile.as_deref().ok()?);
        let own: Vec<Option<u64>> = instances.iter().map(of).collect();
        let taken: u64 = own.iter().flatten().sum();
        self.slices = slices::of_gpu(gpu).max(taken);
        let mut seats: Vec<Vec<usize>> = vec![Vec::new(); instances.len()];
        for (number, process) in gpu.processes.iter().enumerate() {
            let instance = gpu.instance_of(process);
            let at = instances.iter().position(|mig| instance.is_some_and(|instance| std::ptr::eq(mig, instance)));
            if let Some(seat) = at.and_then(|at| seats.get_mut(at)) {
                seat.push(number);
            }
        }
        for (at, ((mig, slices), (label, own))) in
            instances.iter().zip(own).zip(mig_labels(instances).into_iter().zip(seats)).enumerate()
        {
            let Some(slices) = slices else { continue };
            let occupants = self.occupants(gpu, own, mig.usage.verdict, &mig.pods, people);
            let uuid = mig.sample.uuid.as_deref().unwrap_or(&label);
            let name = people.text(&format!("{} · {label}", gpu.index));
            let mig = Some(people.text(uuid));
            self.devices.push(Place {
                mig,
                name: Some(name),
                instance: Some(at),
                slices,
                left: 0,
                work_left: 0.0,
                occupants,
            });
        }
        // An instance whose size was not read is somewhere in the rest.
        let is_known = instances.iter().all(|mig| of(mig).is_some());
        if self.slices > taken {
            self.add_rest(self.slices - taken, if is_known { Occupant::Unassigned } else { Occupant::Unknown });
        }
    }

    /// Occupants of the next device, by the rule of [`crate::snapshot::Usage`]. Processes whose owner is not known are one
    /// occupant together.
    fn occupants(
        &mut self,
        gpu: &Gpu,
        own: Vec<usize>,
        verdict: UseVerdict,
        pods: &Reading<Vec<PodContainer>>,
        people: &mut People,
    ) -> Vec<Present> {
        match verdict {
            UseVerdict::Free => return vec![Present::new(Occupant::Free, None, false)],
            UseVerdict::Unknown => return vec![Present::new(Occupant::Unknown, None, false)],
            UseVerdict::Held | UseVerdict::Busy => {}
        }
        let device = self.devices.len();
        let mut all: Vec<Present> = Vec::new();
        let holds = |process: &Process| process.holds && process.life != Life::Gone;
        for number in own {
            let Some(process) = gpu.processes.get(number).filter(|process| holds(process)) else { continue };
            let (occupant, is_allocated) = match holder(process) {
                Some(holder) => {
                    let is_allocated = holder.pod.is_some() || holder.job.is_some();
                    (Occupant::Holder(people.holder(holder)), is_allocated)
                }
                None => (Occupant::Unknown, false),
            };
            self.seats[number] = Some((device, enter(&mut all, occupant, is_allocated, people)));
        }
        // Nobody computes on it, and it is not to be had.
        if all.is_empty() {
            for pod in pods.as_deref().unwrap_or_default() {
                let pod = Some(format!("{}/{}", pod.namespace, pod.pod).into());
                let occupant = Occupant::Holder(people.holder(Holder { pod, ..Holder::default() }));
                enter(&mut all, occupant, true, people);
            }
        }
        if all.is_empty() {
            all.push(Present::new(Occupant::Unknown, None, false));
        }
        all
    }
}

/// Position of an occupant among those of its device.
fn enter(all: &mut Vec<Present>, occupant: Occupant, is_allocated: bool, people: &mut People) -> usize {
    match all.iter_mut().position(|present| present.occupant == occupant) {
        Some(at) => {
            all[at].is_allocated |= is_allocated;
            at
        }
        None => {
            let user = match &occupant {
                Occupant::Holder(holder) => holder.user.as_ref().map(|user| people.user(user)),
                Occupant::Free | Occupant::Unknown | Occupant::Unassigned => None,
            };
            all.push(Present::new(occupant, user, is_allocated));
            all.len() - 1
        }
    }
}

/// Holder that a process counts for; none where its owner is not known.
fn holder(process: &Process) -> Option<Holder> {
    let pod = process.pod.as_ref().and_then(|pod| pod.name.as_ref().ok());
    let job = process.job.as_ref().ok().and_then(Option::as_ref);
    Some(Holder {
        user: Some(process.owner().ok()?.into()),
        container: process.any_container_label().map(Into::into),
        pod: pod.map(|pod| format!("{}/{}", pod.namespace, pod.name).into()),
        job: job.map(|job| job.id.as_str().into()),
    })
}
