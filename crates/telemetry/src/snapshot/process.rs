//! Processes on a GPU.

use std::time::Duration;

use strum::{IntoStaticStr, VariantNames};

use crate::{
    Arguments, Reading,
    sample::{Container, Life, ProcessShare, SlurmJob},
    snapshot::{ContainerCount, Pod},
};

/// One process on one GPU (and MIG instance).
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// In the host's PID namespace.
    pub pid: u32,
    /// The driver's lists that have it.
    pub kind: ProcessKind,
    /// Neither of the GPU's own two lists names it, only MPS's or a MIG instance's. It computes, but the original agent
    /// does not know of it, so that the frozen `/status` leaves it out.
    pub extra: bool,
    /// Memory in use on the GPU: by the graphics list, else by the compute list; all entries of a list together.
    pub gpu_memory_bytes: Reading<u64>,
    /// Memory in a row of `/status`, where it differs: the original shows the entry that it read last, known or not.
    pub row_memory_bytes: Option<Reading<u64>>,
    /// MIG's GPU instance.
    pub gpu_instance: Option<u32>,
    /// MIG's compute instance.
    pub compute_instance: Option<u32>,
    /// Running, a zombie, or gone.
    pub life: Life,
    /// Its owner's real user id.
    pub uid: Reading<u32>,
    /// Its owner's name; none if the uid has no name, or it is not resolved yet.
    pub user: Option<String>,
    /// Running time when it was listed.
    pub running: Reading<Duration>,
    /// Its arguments; empty for a kernel thread.
    pub arguments: Reading<Arguments>,
    /// Name.
    pub name: Reading<String>,
    /// When it started, Unix time in milliseconds.
    pub started_at_ms: Reading<u64>,
    /// Its part of the GPU.
    pub share: Reading<ProcessShare>,
    /// CPU use since the sample before, in % of one processor.
    pub cpu_percent: Reading<f64>,
    /// Host memory that is resident.
    pub host_memory_bytes: Reading<u64>,
    /// True if it holds the GPU or the MIG instance, by the rule of [`super::Usage`].
    pub holds: bool,
    /// Result of reading its cgroup, which gives container, pod and job.
    pub placed: Reading<()>,
    /// The innermost container that it runs in.
    pub container: Option<Box<Container>>,
    /// The outermost system container that it runs in; the same as `container` if it is in no other.
    pub system_container: Option<Box<Container>>,
    /// The rule by which it counts for its container or its account.
    pub container_count: ContainerCount,
    /// The Kubernetes pod that it runs in.
    pub pod: Option<Box<Pod>>,
    /// The ID of Podman's pod that it runs in.
    pub podman_pod: Option<Box<str>>,
    /// The Slurm job; none outside a job.
    pub job: Reading<Option<Box<SlurmJob>>>,
}

/// The driver's lists that have a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
pub enum ProcessKind {
    /// The compute list.
    #[strum(serialize = "C")]
    Compute,
    /// The graphics list.
    #[strum(serialize = "G")]
    Graphics,
    /// Both.
    #[strum(serialize = "C+G")]
    Both,
}

impl ProcessKind {
    /// Word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

impl ProcessKind {
    /// True if the compute list has the process.
    #[must_use]
    pub const fn computes(self) -> bool {
        matches!(self, Self::Compute | Self::Both)
    }

    /// True if the graphics list has the process.
    #[must_use]
    pub const fn draws(self) -> bool {
        matches!(self, Self::Graphics | Self::Both)
    }
}
