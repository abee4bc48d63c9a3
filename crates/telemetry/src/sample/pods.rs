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
    /// A device of a resource claim (DRA), as NVIDIA's driver for it names them: `gpu-0`, `gpu-0-mig-1g.10gb-19-0`.
    Claimed {
        /// The number of the GPU: its minor number or, in older versions, its index; none if the name has none.
        number: Option<u32>,
        /// A part of the GPU, and no name says which.
        is_part: bool,
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
