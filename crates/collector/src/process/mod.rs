//! Facts about processes and their host: what `/proc` says of them, and what their owners and containers are called.

mod ancestors;
mod cache;
mod cgroup;
mod containers;
mod cut;
mod entry;
mod host;
mod jobs;
mod notes;
mod owners;
mod parse;
mod procfs;
mod slurm;
mod watched;

pub(crate) use cache::ProcessCache;
pub(crate) use containers::Containers;
pub(crate) use host::{Host, host_memory};
pub(crate) use jobs::Jobs;
pub(crate) use notes::Notes;
pub use owners::Owners;
pub(crate) use procfs::ProcFs;
pub use watched::{open_process, process_start, process_uid};
