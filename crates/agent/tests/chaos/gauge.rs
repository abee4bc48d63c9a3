//! Resources that the agent uses.

use std::{fmt, fs};

/// Permitted growth of a parent once the host is healthy again. A connection is a descriptor, and the
/// four clients have one each at most, one closing and one opening; memory is what the allocator keeps for the next
/// large answer.
const FILES: usize = 8;
const MEMORY_KIB: u64 = 24 * 1024;
/// The same of a collector that lived through it: a lane for each GPU that was ever counted stays, and so does the
/// memory for the longest list of processes.
const COLLECTOR_KIB: u64 = 48 * 1024;

/// One process's share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) files: usize,
    pub(crate) threads: usize,
    pub(crate) resident_kib: u64,
    pub(crate) proportional_kib: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let entries = |folder: &str| fs::read_dir(format!("/proc/{pid}/{folder}")).ok().map(Iterator::count);
        let number = |file: &str, key: &str| {
            let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            files: entries("fd")?,
            threads: entries("task")?,
            resident_kib: number("status", "VmRSS:")?,
            proportional_kib: number("smaps_rollup", "Pss:")?,
        })
    }

    /// The larger of each.
    pub(crate) fn most(self, other: Self) -> Self {
        Self {
            files: self.files.max(other.files),
            threads: self.threads.max(other.threads),
            resident_kib: self.resident_kib.max(other.resident_kib),
            proportional_kib: self.proportional_kib.max(other.proportional_kib),
        }
    }

    /// Resources of a parent that were not released.
    pub(crate) fn above(&self, before: &Self) -> Result<(), String> {
        let memory = |now: u64, then: u64| now <= then + MEMORY_KIB;
        let right = self.files <= before.files + FILES
            && self.threads <= before.threads
            && memory(self.resident_kib, before.resident_kib)
            && memory(self.proportional_kib, before.proportional_kib);
        if right { Ok(()) } else { Err(format!("the parent takes {self:?}, and took {before:?}")) }
    }

    /// Resources of a collector that exceed the limits.
    pub(crate) fn bears(&self) -> Result<(), String> {
        if self.resident_kib <= COLLECTOR_KIB { Ok(()) } else { Err(format!("the collector takes {self:?}")) }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, threads, resident_kib, proportional_kib } = self;
        write!(formatter, "{files} files, {threads} threads, RSS {resident_kib} KiB, PSS {proportional_kib} KiB")
    }
}
