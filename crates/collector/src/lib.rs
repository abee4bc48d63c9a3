//! The machine: NVML, `/proc` and the names of accounts, read by one process that does nothing else.
//!
//! Each GPU has a thread, its [lane](lane), so that one GPU's trouble stays its own. Loading, initialising and
//! counting have one ([census]), so have process facts and names, and each [socket] of another program. The [assembler](assemble) writes one frame per
//! tick of whatever is finished, and calls nothing that can block but the write itself.
#![allow(unsafe_code, reason = "calls into the driver library, a page shared with the parent, and signals")]

mod allocations;
mod assemble;
mod board;
mod callers;
mod capture;
mod census;
mod crash;
mod exclusive;
mod lane;
mod lanes;
mod leave;
mod lock;
mod meter;
mod nvml;
mod process;
mod pulse;
mod record;
mod run;
mod settings;
mod sleep;
mod socket;
mod xids;

pub use capture::{CaptureSettings, capture};
pub use run::run;
pub use settings::{LeftOut, Settings};
pub use socket::{try_container_socket, try_kubelet_socket};
