//! Devices that the kubelet allocated to containers.

use serde::{Deserialize, Serialize};

/// A GPU, or a part of one, that a container has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Allocation {
    /// The device.
    pub device: Device,
    /// The container.
    pub to: PodContainer,
}

/// A device as device plugins name it. Several containers may have the same: plugins cut a GPU into replicas, which
/// share it, and the replicas' numbers mean nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Device {
    /// A GPU or a MIG instance, by its UUID: `GPU-…`, `MIG-…`.
    Uuid(String),
    /// A MIG instance by its place, as drivers before 470 name it: `MIG-GPU-…/1/0`.
    Instance {
        /// The GPU's UUID.
        gpu: String,
        /// The GPU instance.
        gpu_instance: u32,
        /// The compute instance.
        compute_instance: u32,
    },
    /// A GPU by the number in `/dev/nvidiaN`, or a MIG instance on it, as Google's plugin names them: `nvidia0`,
    /// `nvidia0/gi3`.
    Minor {
        /// The number.
        minor: u32,
        /// The GPU instance; none for the whole GPU.
        gpu_instance: Option<u32>,
    },
}

/// A container of a Kubernetes pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PodContainer {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container's name in the pod.
    pub container: String,
}
