//! Facts of a GPU that decide who occupies it, to see at little cost that they are the same as before.

use crate::{
    Reading,
    sample::{Container, Life, PodContainer, SlurmJob},
    snapshot::{ContainerCount, Gpu, Mig, Pod, Process, UseVerdict},
};

/// Facts of a GPU.
#[derive(Debug)]
pub(super) struct Seen {
    verdict: UseVerdict,
    mode: Reading<bool>,
    pods: Reading<Vec<PodContainer>>,
    instances: Vec<SeenInstance>,
    processes: Vec<SeenProcess>,
}

#[derive(Debug)]
struct SeenInstance {
    verdict: UseVerdict,
    uuid: Reading<String>,
    profile: Reading<String>,
    place: (Reading<u32>, Reading<u32>),
    pods: Reading<Vec<PodContainer>>,
}

#[derive(Debug)]
struct SeenProcess {
    pid: u32,
    started_at_ms: Reading<u64>,
    place: (Option<u32>, Option<u32>),
    counts: bool,
    /// Its command line was read.
    has_arguments: bool,
    /// Facts of its owner; none for one that does not count.
    owner: Option<Owner>,
}

#[derive(Debug)]
struct Owner {
    uid: Reading<u32>,
    user: Option<String>,
    placed: Reading<()>,
    container_count: ContainerCount,
    container: Option<Box<Container>>,
    system_container: Option<Box<Container>>,
    pod: Option<Box<Pod>>,
    job: Reading<Option<Box<SlurmJob>>>,
}

/// True of a process that occupies its device.
pub(super) fn counts(process: &Process) -> bool {
    process.holds && process.life != Life::Gone
}

impl Seen {
    pub(super) fn of(gpu: &Gpu) -> Self {
        Self {
            verdict: gpu.usage.verdict,
            mode: gpu.readings.modes.mig,
            pods: gpu.pods.clone(),
            instances: gpu.mig.iter().flatten().map(SeenInstance::of).collect(),
            processes: gpu.processes.iter().map(SeenProcess::of).collect(),
        }
    }

    /// True if nothing that matters has changed.
    pub(super) fn is(&self, gpu: &Gpu) -> bool {
        let instances = gpu.mig.as_deref().unwrap_or_default();
        self.verdict == gpu.usage.verdict
            && self.mode == gpu.readings.modes.mig
            && self.processes.len() == gpu.processes.len()
            && self.instances.len() == instances.len()
            && self.pods == gpu.pods
            && self.processes.iter().zip(&gpu.processes).all(|(seen, process)| seen.is(process))
            && self.instances.iter().zip(instances).all(|(seen, mig)| seen.is(mig))
    }
}

impl SeenInstance {
    fn of(mig: &Mig) -> Self {
        Self {
            verdict: mig.usage.verdict,
            uuid: mig.sample.uuid.clone(),
            profile: mig.sample.profile.clone(),
            place: (mig.sample.gpu_instance, mig.sample.compute_instance),
            pods: mig.pods.clone(),
        }
    }

    fn is(&self, mig: &Mig) -> bool {
        self.verdict == mig.usage.verdict
            && self.place == (mig.sample.gpu_instance, mig.sample.compute_instance)
            && self.uuid == mig.sample.uuid
            && self.profile == mig.sample.profile
            && self.pods == mig.pods
    }
}

impl SeenProcess {
    fn of(process: &Process) -> Self {
        let owner = || Owner {
            uid: process.uid,
            user: process.user.clone(),
            placed: process.placed,
            container_count: process.container_count,
            container: process.container.clone(),
            system_container: process.system_container.clone(),
            pod: process.pod.clone(),
            job: process.job.clone(),
        };
        Self {
            pid: process.pid,
            started_at_ms: process.started_at_ms,
            place: (process.gpu_instance, process.compute_instance),
            counts: counts(process),
            has_arguments: process.arguments.is_ok(),
            owner: counts(process).then(owner),
        }
    }

    fn is(&self, process: &Process) -> bool {
        self.pid == process.pid
            && self.started_at_ms == process.started_at_ms
            && self.place == (process.gpu_instance, process.compute_instance)
            && self.counts == counts(process)
            && self.has_arguments == process.arguments.is_ok()
            && self.owner.as_ref().is_none_or(|owner| owner.is(process))
    }
}

impl Owner {
    fn is(&self, process: &Process) -> bool {
        self.uid == process.uid
            && self.placed == process.placed
            && self.container_count == process.container_count
            && self.user == process.user
            && self.container == process.container
            && self.system_container == process.system_container
            && self.pod == process.pod
            && self.job == process.job
    }
}
