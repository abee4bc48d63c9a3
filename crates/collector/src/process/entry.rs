//! Cache entry of one process.

use std::time::Instant;

use telemetry::{
    Absence, Arguments, Reading,
    sample::{Life, ProcessFacts},
};

use crate::process::{cgroup::Placement, procfs::ProcStat};

/// Facts of one process, and what decides when they are read again.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    start_ticks: u64,
    pub(super) facts: ProcessFacts,
    command_read: Option<Instant>,
}

/// Copy of an entry's parts that decide what is read again. All but the start time are of that process only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cached {
    pub(super) start_ticks: u64,
    pub(super) uid: Reading<u32>,
    /// Its cgroup was read, and what it means for a job is known. Once is enough: a GPU lists a process long after its
    /// runtime or Slurm has set its cgroup.
    pub(super) placed: bool,
    pub(super) command_read: Option<Instant>,
}

impl Entry {
    /// Creates an entry whose facts are all absent for one reason.
    pub(super) const fn unread(pid: u32, why: Absence) -> Self {
        Self { start_ticks: 0, facts: ProcessFacts::unread(pid, why), command_read: None }
    }

    pub(super) const fn cached(&self) -> Cached {
        Cached {
            start_ticks: self.start_ticks,
            uid: self.facts.uid,
            placed: self.facts.placed.is_ok() && !matches!(self.facts.job, Err(Absence::Timeout)),
            command_read: self.command_read,
        }
    }

    /// Marks that there is no such process.
    pub(super) fn gone(&mut self) {
        *self = Self::unread(self.facts.pid, Absence::Error);
        self.facts.life = Life::Gone;
    }

    pub(super) fn store_stat(&mut self, stat: &ProcStat, uid: Reading<u32>) {
        self.start_ticks = stat.start_ticks;
        self.facts.life = if stat.zombie { Life::Zombie } else { Life::Running };
        self.facts.uid = uid;
        self.facts.started = Ok(stat.started);
        self.facts.read_at = Some(stat.read_at);
        self.facts.cpu_ms = stat.cpu_ms;
        self.facts.host_memory_bytes = stat.resident_bytes;
    }

    /// Stores what its cgroup and ancestors show. Without a job it may still be in one if jobs have no cgroup here.
    pub(super) fn store_placement(&mut self, placement: Reading<Placement>, jobs_untracked: Reading<bool>) {
        self.facts.placed = placement.as_ref().map(|_| ()).map_err(|why| *why);
        self.facts.job = match &placement {
            Ok(Placement { job: None, .. }) => match jobs_untracked {
                Ok(false) => Ok(None),
                Ok(true) => Err(Absence::NotSupported),
                Err(why) => Err(why),
            },
            Ok(placement) => Ok(placement.job.clone().map(Box::new)),
            Err(why) => Err(*why),
        };
        let Placement { container, system_container, pod, podman_pod, job: _ } = placement.unwrap_or_default();
        (self.facts.container, self.facts.system_container) = (container.map(Box::new), system_container.map(Box::new));
        (self.facts.pod, self.facts.podman_pod) = (pod, podman_pod.map(String::into_boxed_str));
    }

    /// Returns the job whose number for users was not looked up yet.
    pub(super) fn unshown_job(&self) -> Option<String> {
        let job = self.facts.job.as_ref().ok()?.as_ref()?;
        (job.shown == Err(Absence::Timeout)).then(|| job.id.clone())
    }

    pub(super) fn store_shown(&mut self, shown: Reading<String>) {
        if let Ok(Some(job)) = &mut self.facts.job {
            job.shown = shown;
        }
    }

    /// The kernel has no arguments of a process whose main thread has ended, though other threads may still run. Those
    /// that were read before remain.
    pub(super) fn store_no_command(&mut self) {
        if self.facts.arguments.is_err() {
            self.facts.arguments = Err(Absence::NotSupported);
        }
    }

    pub(super) fn store_command(&mut self, arguments: Reading<Arguments>) {
        self.facts.arguments = arguments;
        self.command_read = Some(Instant::now());
    }
}
