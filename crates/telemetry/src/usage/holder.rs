//! Devices, and those that occupy them.

use std::sync::Arc;

/// A GPU without MIG, or a MIG instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Device {
    /// [`crate::snapshot::Gpu::key`] of the physical GPU.
    pub gpu: Arc<str>,
    /// UUID of the MIG instance; none for the GPU itself.
    pub mig: Option<Arc<str>>,
}

/// A user in a container, pod and job: one row of a table of users per place that they work in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder {
    /// The label of `/api/v1/users`: an account, or the container that a process counts for. None if usage is kept
    /// without people, and for a pod that has a device without a process.
    pub user: Option<Arc<str>>,
    /// Label of the container that it runs in.
    pub container: Option<Arc<str>>,
    /// Namespace and name of the pod, separated by a slash.
    pub pod: Option<Arc<str>>,
    /// ID of the Slurm job.
    pub job: Option<Arc<str>>,
}

/// Holder of a device's time, or the reason for having none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Occupant {
    /// A holder, by the rule of [`crate::snapshot::Usage`].
    Holder(Arc<Holder>),
    /// Nobody.
    Free,
    /// Somebody, or nobody: it was sampled, but the holder is not known.
    Unknown,
    /// Nobody can have it: MIG slices in no instance.
    Unassigned,
}
