//! The objects of the contract, one file per section.

mod claim;
mod event;
mod fans;
mod gpu;
mod host;
mod mig;
mod peer;
mod pods;
mod process;
mod readings;
mod summary;
mod usage;
mod users;
mod verdict;

pub(crate) use event::EventView;
pub(crate) use gpu::GpuView;
pub(crate) use host::{CollectorView, HostView};
pub(crate) use peer::PeerView;
pub(crate) use process::{ProcessView, user};
pub(crate) use readings::add_keys;
pub(crate) use summary::SummaryView;
pub(crate) use users::{UserView, users};
