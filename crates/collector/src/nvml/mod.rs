//! Reading NVML right: every symbol optional, every return code kept, no layout trusted.

mod code;
mod device;
mod installed;
mod library;
mod memory;
mod process_list;

pub(crate) use code::Code;
pub(crate) use device::Device;
pub(crate) use installed::Installed;
pub(crate) use library::{Library, find};
