//! The machine: NVML, `/proc` and the names of accounts, read by one process that does nothing else.
//!
//! Each GPU has a thread, its [reader](reader), so that one GPU's trouble stays its own. Loading, initialising and
//! counting have one ([monitor]), so have process facts and names, and each [socket] of another program. The [assembler](assemble) writes one frame per
//! tick of whatever is finished, and calls nothing that can block but the write itself.
#![allow(unsafe_code, reason = "calls into the driver library, a page shared with the parent, and signals")]

mod allocations;
mod assemble;
mod call_table;
mod capture;
mod crash;
mod driver_monitor;
mod exclusive;
mod gpu_reader;
mod in_flight;
mod leave;
mod lock;
mod meter;
mod nvml;
mod process;
mod readers;
mod record;
mod run;
mod settings;
mod sleep;
mod socket;
mod ticker;
mod xids;

pub use capture::capture;
pub use run::run;
pub use settings::{ExcludedGpu, Settings};
pub use socket::{try_container_socket, try_kubelet_socket};
