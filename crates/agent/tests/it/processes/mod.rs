//! The processes on the GPUs: their rows, containers and pods.

mod containers;
mod kubelet;
mod procfs;
mod rows;
