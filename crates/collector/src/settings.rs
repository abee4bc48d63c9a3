//! What the collector is told by its parent.

use std::{os::fd::RawFd, path::PathBuf, time::Duration};

/// What the collector is told by its parent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The time between two readings.
    pub interval: Duration,
    /// The driver library; none to look for it where it usually is.
    pub library: Option<PathBuf>,
    /// Resolve PIDs although this is not the host's PID namespace.
    pub resolve_pids: bool,
    /// The root of `/proc`.
    pub proc_root: PathBuf,
    /// Docker's or Podman's socket, to ask for the names of containers; none not to ask.
    pub container_socket: Option<PathBuf>,
    /// The kubelet's socket for pod resources; none not to ask.
    pub kubelet_socket: Option<PathBuf>,
    /// How often the kubelet is asked.
    pub kubelet_period: Duration,
    /// The descriptor of the call table that the parent shares ([`telemetry::call_table`]).
    pub board: Option<RawFd>,
    /// The folder in which a scheduler says which jobs are on which GPU.
    pub job_dir: Option<PathBuf>,
    /// Where a lock is held against a second collector.
    pub runtime_directory: Option<PathBuf>,
    /// The GPUs that are not to be read for now.
    pub left_out: Vec<LeftOut>,
    /// After this long without a process on any GPU all are let go, where that lets them be suspended; never if none.
    pub sleep_after: Option<Duration>,
    /// The root of sysfs.
    pub sys_root: PathBuf,
    /// The PCI bus ids of GPUs that were let go: the library is loaded only once somebody else wakes one.
    pub asleep: Vec<String>,
}

/// A GPU that is not to be read for now, since the library died in calls for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// NVML's index.
    pub gpu: u32,
    /// After this long it is tried again.
    pub wait: Duration,
}
