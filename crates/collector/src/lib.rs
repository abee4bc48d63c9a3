//! Collector: the process that reads NVML, `/proc` and the names of accounts, and does nothing else.
//!
//! Each GPU has a thread, its [reader](gpu_reader), so that a failing GPU does not affect the others. The
//! [driver monitor](driver_monitor), process facts, names, and each [socket] of another program have threads as well.
//! The [assembler](assemble) writes one frame per tick with whatever is finished, and makes no call that can block but
//! the write.
#![allow(unsafe_code, reason = "calls into the driver library, a page shared with the parent, and signals")]

mod allocations;
mod assemble;
mod awaited;
mod call_table;
mod capture;
mod counters;
mod crash;
mod driver_monitor;
mod exclusive;
mod gpu_reader;
mod heap;
mod in_flight;
mod leave;
mod lock;
mod meter;
mod number;
mod nvml;
mod process;
mod read_field;
mod readers;
mod record;
mod run;
mod schedule;
mod session;
mod settings;
mod sleep;
mod socket;
mod ticker;
mod xids;

pub use capture::capture;
pub use heap::{trim_after_tick, trim_heap};
pub use process::{Owners, open_process, process_start, process_uid};
pub use run::run;
pub use settings::{ExcludedGpu, Settings};
pub use socket::{try_container_socket, try_kubelet_socket};
