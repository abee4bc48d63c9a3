//! What is known of one process.

use std::time::Instant;

use telemetry::{
    Absence, Reading,
    sample::{Life, ProcessFacts},
};

use crate::process::{cgroup::Placement, procfs::Vital};

/// What is known of one process, and what of it need not be read again.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    start_ticks: u64,
    pub(super) facts: ProcessFacts,
    command_read: Option<Instant>,
}

/// What decides what is read of a process that is in the book. All but the start counts for that process only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) start_ticks: u64,
    pub(super) uid: Reading<u32>,
    /// Its cgroup was read. A process is listed by a GPU long after its runtime or Slurm has put it where it runs, so
    /// once is enough.
    pub(super) placed: bool,
    pub(super) command_read: Option<Instant>,
}

impl Entry {
    /// Nothing known, for one reason.
    pub(super) const fn unread(pid: u32, why: Absence) -> Self {
        Self { start_ticks: 0, facts: ProcessFacts::unread(pid, why), command_read: None }
    }

    pub(super) const fn known(&self) -> Known {
        Known {
            start_ticks: self.start_ticks,
            uid: self.facts.uid,
            placed: self.facts.placed.is_ok(),
            command_read: self.command_read,
        }
    }

    /// There is no such process.
    pub(super) fn gone(&mut self) {
        *self = Self::unread(self.facts.pid, Absence::Error);
        self.facts.life = Life::Gone;
    }

    pub(super) fn take_in(&mut self, vital: &Vital, uid: Reading<u32>) {
        self.start_ticks = vital.start_ticks;
        self.facts.life = if vital.zombie { Life::Zombie } else { Life::Running };
        self.facts.uid = uid;
        self.facts.started = Ok(vital.started);
        self.facts.read_at = Some(vital.read_at);
        self.facts.cpu_ms = vital.cpu_ms;
        self.facts.host_memory_bytes = vital.resident_bytes;
    }

    pub(super) fn place(&mut self, placement: Reading<Placement>) {
        self.facts.placed = placement.as_ref().map(|_| ()).map_err(|why| *why);
        let Placement { container, pod, job } = placement.unwrap_or_default();
        (self.facts.container, self.facts.pod, self.facts.job) = (container, pod, job);
    }

    pub(super) fn take_command(&mut self, arguments: Reading<Vec<String>>) {
        self.facts.arguments = arguments;
        self.command_read = Some(Instant::now());
    }
}
