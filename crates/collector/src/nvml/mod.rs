//! Reading NVML right: every symbol optional, every return code kept, no layout trusted.

mod argument;
mod code;
mod device;
mod ecc;
mod event;
mod field;
mod gpm;
mod installed;
mod library;
mod license;
mod link;
mod list_buffer;
mod memory;
mod mig;
mod other_ways;
mod process_list;
mod share;
mod value;

use argument::Callable;
pub(crate) use code::Code;
pub(crate) use device::Device;
pub(crate) use ecc::{Errors, Since};
pub(crate) use event::{EventSet, XidEvent};
pub(crate) use gpm::Gpm;
pub(crate) use installed::Installed;
pub(crate) use library::{Library, find};
pub(crate) use link::{LinkStates, Rates, pcie_most};
