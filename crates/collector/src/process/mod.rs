//! Facts about processes: what `/proc` says of them, and what their owners are called.

mod book;
mod owners;
mod parse;
mod procfs;

pub(crate) use book::Book;
pub(crate) use owners::Owners;
pub(crate) use procfs::{ProcFs, host_memory};
