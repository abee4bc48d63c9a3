//! Usage accounting: who had which GPU, for how long, and how busily.
//!
//! Snapshots go in; sums per minute, sessions and totals per user come out. Pure: no clock, no file.
//!
//! The unit of conservation is the physical GPU with weight 1. Without MIG its one device is the GPU itself; in MIG mode its
//! devices are its instances, and slices in no instance are unassigned. Times are whole microseconds of GPU time, divided
//! without remainder, so that sums are exact in any order.

mod flush;
mod holder;
mod ledger;
mod sums;

pub use flush::{Flush, Frontier, Gap, Row, Session, SessionKey, Slot, UserTotals};
pub use holder::{Device, Holder, Occupant};
pub use ledger::{KeptCommands, Ledger, LedgerConfig, Resumed};
pub use sums::Sums;

/// Longest interval between two samples that counts, in milliseconds: longer gaps are unobserved.
pub const LONGEST_INTERVAL_MS: u64 = crate::derive::LONGEST_COUNTED_MS;
/// Absence after which a session has ended, in milliseconds.
pub const SESSION_GAP_MS: u64 = 60_000;
/// Length of the finest bucket, in milliseconds.
pub const MINUTE_MS: u64 = 60_000;
/// Length of the bucket that is kept for long, in milliseconds.
pub const HOUR_MS: u64 = 3_600_000;
/// Name in place of a person who was forgotten.
pub const REMOVED: &str = "(removed)";
