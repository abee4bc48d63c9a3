//! The ledger: snapshots in, flushes out.

use std::sync::Arc;

use super::{Flush, Frontier, Session};
use crate::{Stamp, snapshot::Snapshot};

/// What a ledger keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerConfig {
    /// Users, containers, pods, jobs and commands are kept. Else all holders are one, [`super::Holder::default`].
    pub people: bool,
    /// Part of the commands that is kept.
    pub commands: KeptCommands,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self { people: true, commands: KeptCommands::Line }
    }
}

/// Part of a session's first command that is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeptCommands {
    /// The line, with obvious secrets masked, and the name of the program.
    #[default]
    Line,
    /// The name of the program.
    Program,
    /// Nothing.
    Nothing,
}

/// What earlier runs of the agent stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resumed {
    /// The newest [`Flush::sequence`] stored.
    pub sequence: u64,
    /// The newest [`Flush::run`] stored.
    pub run: u64,
    /// The newest [`Flush::gpus`] stored.
    pub gpus: Vec<Frontier>,
    /// The sessions that are open.
    pub sessions: Vec<Session>,
    /// The users who have totals.
    pub users: Vec<Arc<str>>,
}

/// Usage of a host's GPUs.
#[derive(Debug, Default)]
pub struct Ledger {
    config: LedgerConfig,
    sequence: u64,
}

impl Ledger {
    /// Empty ledger.
    #[must_use]
    pub fn new(config: LedgerConfig) -> Self {
        Self::resumed(config, Resumed::default())
    }

    /// Ledger that goes on from what is stored.
    #[must_use]
    pub fn resumed(config: LedgerConfig, stored: Resumed) -> Self {
        Self { config, sequence: stored.sequence }
    }

    /// Takes in a snapshot.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let _ = (snapshot, self.config);
    }

    /// Takes what was counted since the flush before. A new user's sums come with the flush after the one that has them
    /// first, so that their series begin with 0: a store flushes twice when the agent ends.
    pub fn flush(&mut self, now: Stamp) -> Flush {
        self.sequence += 1;
        Flush { sequence: self.sequence, at_ms: now.unix_ms, ..Flush::default() }
    }

    /// Copy of what the next flush would be.
    #[must_use]
    pub fn pending(&self, now: Stamp) -> Flush {
        Flush { sequence: self.sequence + 1, at_ms: now.unix_ms, ..Flush::default() }
    }

    /// Ends the existence of a GPU that was forgotten.
    pub fn forget_gpu(&mut self, key: &str) {
        let _ = key;
    }

    /// Turns a person's rows in minutes that begin before a moment (Unix time in milliseconds), and sessions that began
    /// before it, into those of [`super::REMOVED`], without container, pod, job and command. Rows of a person who is still there
    /// count for the person again from the next snapshot on.
    pub fn forget_user(&mut self, user: &str, before_ms: u64) {
        let _ = (user, before_ms);
    }

    /// Users who have totals, or will have them with the next flush, each with the memory of their processes on all GPUs
    /// now, in bytes.
    pub fn users(&self) -> Vec<(Arc<str>, u64)> {
        Vec::new()
    }
}
