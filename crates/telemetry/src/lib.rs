//! The vocabulary that every other crate speaks: what a reading is, what the collector sends, and what is derived
//! from it. Pure but for [`clock`], which reads the time.
//!
//! Data flows one way: a [`sample::Sample`] crosses the pipe as a [`frame`], [`derive`] makes a
//! [`snapshot::Snapshot`] of it, and the views render snapshots.

pub mod arguments;
pub mod call_table;
pub mod capture;
pub mod claim_conflicts;
pub mod claims;
pub mod clock;
pub mod command;
pub mod derive;
pub mod find;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
pub mod frame;
pub mod history;
pub mod mask;
pub mod reading;
pub mod readings;
pub mod sample;
pub mod snapshot;
pub mod terminal;
pub mod usage;
pub mod xid;

pub use arguments::Arguments;
pub use clock::{BootTime, Stamp};
pub use reading::{Absence, Reading};
/// Lists the words of a closed set in JSON.
pub use strum::VariantNames;
