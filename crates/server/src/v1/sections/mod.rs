//! The objects of the contract, one file per section.

mod clocks;
mod ecc;
mod event;
mod gpu;
mod host;
mod links;
mod memory;
mod mig;
mod modes;
mod peer;
mod pods;
mod power;
mod process;
mod summary;
mod usage;
mod users;
mod utilization;
mod verdict;

pub(crate) use event::EventView;
pub(crate) use gpu::GpuView;
pub(crate) use host::{CollectorView, HostView};
pub(crate) use peer::PeerView;
pub(crate) use process::{ProcessView, user};
pub(crate) use summary::SummaryView;
pub(crate) use users::{UserView, users};
