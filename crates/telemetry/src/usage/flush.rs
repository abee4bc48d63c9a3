//! Flushes: a ledger's output for its store.

use std::sync::Arc;

use super::{Device, Holder, Occupant, Sums};

/// Everything that was counted since the flush before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flush {
    /// Number of the ledger, random: a store may have flushes of another ledger with any sequence.
    pub ledger: u64,
    /// Counts up by one per flush, across runs of the agent. A store that has it of this ledger ignores it.
    pub sequence: u64,
    /// When it was made, Unix time in milliseconds.
    pub at_ms: u64,
    /// The newest run.
    pub run: u64,
    /// The GPUs that exist, which replace those stored: [`super::Resumed::gpus`] of the next run of the agent. One may have
    /// several frontiers, in runs whose clocks disagree; one that is not listed ended.
    pub gpus: Vec<Frontier>,
    /// Slots that grew, or are new.
    pub slots: Vec<Slot>,
    /// Existence without a reading for long, each once. They are part of no slot.
    pub gaps: Vec<Gap>,
    /// Sessions that are open, or ended since the flush before, as they are now: they replace those stored.
    pub sessions: Vec<Session>,
    /// Sums to add to users' totals. Those of a new user may be 0. An exporter shows 0 for a new user until the flush after,
    /// so that a series begins with 0.
    pub totals: Vec<UserTotals>,
}

/// End of what was counted of a GPU in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    /// The run.
    pub run: u64,
    /// [`crate::snapshot::Gpu::key`].
    pub gpu: Arc<str>,
    /// Last index of the GPU.
    pub index: u32,
    /// Model of the GPU.
    pub model: Option<Arc<str>>,
    /// Unix time in milliseconds by the clock of that run.
    pub until_ms: u64,
}

/// Time in which a GPU existed and was not observed: the agent was down, the host slept, or nothing was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The run that it continues.
    pub run: u64,
    /// [`crate::snapshot::Gpu::key`].
    pub gpu: Arc<str>,
    /// Last index of the GPU.
    pub index: u32,
    /// Model of the GPU.
    pub model: Option<Arc<str>>,
    /// Begin, Unix time in milliseconds.
    pub first_ms: u64,
    /// End, Unix time in milliseconds, exclusive.
    pub last_ms: u64,
}

/// One GPU in one minute of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Number of the run: larger than that of any run before. It is the Unix time in milliseconds at which the run began,
    /// unless the clock had gone back.
    pub run: u64,
    /// [`crate::snapshot::Gpu::key`].
    pub gpu: Arc<str>,
    /// Index of the GPU at the time.
    pub index: u32,
    /// Model of the GPU.
    pub model: Option<Arc<str>>,
    /// Begin of the minute, Unix time in milliseconds.
    pub begins_ms: u64,
    /// Begin of the GPU's existence in the minute, Unix time in milliseconds. A store keeps the smallest.
    pub first_ms: u64,
    /// End of its existence in the minute so far, Unix time in milliseconds, exclusive. A store keeps the largest. The
    /// rest of `last_ms - first_ms`, after all rows, is unobserved.
    pub last_ms: u64,
    /// Sums since the flush before: they are added to those stored.
    pub rows: Vec<Row>,
}

/// Sums of one occupant of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// MIG instance; none for the GPU itself, and for unassigned slices.
    pub mig: Option<Arc<str>>,
    /// Occupant to which the time is attributed.
    pub occupant: Occupant,
    /// Sums.
    pub sums: Sums,
}

/// A session: one holder on one device from its first to its last sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Identity.
    pub key: SessionKey,
    /// Index of the GPU at the time.
    pub index: u32,
    /// Name of the MIG instance, such as `0 · 3g.40gb`; none for the GPU itself.
    pub mig_name: Option<Arc<str>>,
    /// End: the last sample with the holder, Unix time in milliseconds.
    pub last_ms: u64,
    /// It has not ended.
    pub open: bool,
    /// First command line, with obvious secrets masked; none where it is not known or not kept.
    pub command: Option<Arc<str>>,
    /// Name of the first command's program, for a stricter display of commands.
    pub program: Option<Arc<str>>,
    /// Number of processes so far.
    pub processes: u64,
    /// Sums so far.
    pub sums: Sums,
}

/// Identity of a session. Sessions of [`super::REMOVED`] may have the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    /// First sample, Unix time in milliseconds.
    pub first_ms: u64,
    /// Device.
    pub device: Device,
    /// Holder.
    pub holder: Arc<Holder>,
}

/// Totals of one user over all time. They do not fall when slots expire.
#[derive(Clone, Debug, PartialEq)]
pub struct UserTotals {
    /// The label of `/api/v1/users`.
    pub user: Arc<str>,
    /// [`Sums::gpu_us`].
    pub gpu_us: u64,
    /// [`Sums::busy_us`], as far as it is known.
    pub busy_us: u64,
    /// [`Sums::idle_us`], as far as it is known.
    pub idle_us: u64,
    /// [`Sums::energy_mj`].
    pub energy_mj: u64,
}
