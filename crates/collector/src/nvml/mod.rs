//! NVML: every symbol is optional, every return code is kept, no layout is trusted.

mod argument;
mod code;
mod device;
mod ecc;
mod event;
mod fabric;
mod field;
mod gpm;
mod installed;
pub(crate) mod library;
mod license;
mod list_buffer;
mod memory;
mod mig;
mod nvlink;
mod other_ways;
mod process_list;
mod share;
mod support;
mod traffic;
mod value;

pub(crate) use argument::Callable;
pub(crate) use code::Code;
pub(crate) use device::Device;
pub(crate) use ecc::{Count, Errors};
pub(crate) use event::{EventSet, XidEvent};
pub(crate) use field::FieldBatch;
pub(crate) use gpm::Gpm;
pub(crate) use installed::{Installed, file_identity, library_file};
pub(crate) use library::{Library, as_flag, find, first_of_two, flag, number};
pub(crate) use memory::is_integrated;
pub(crate) use nvlink::NvLinks;
pub(crate) use support::CallSite;
pub(crate) use traffic::{Rates, pcie_max_bytes_per_second};
