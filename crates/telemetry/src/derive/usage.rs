//! Use of a GPU or a MIG instance at one moment: taken or not, and by whom.

use std::collections::BTreeSet;

use crate::{
    Absence, Reading,
    derive::work,
    sample::{Life, Memory},
    snapshot::{Process, ProcessKind},
};

/// From here on a process of type C+G, or memory that nobody explains, takes a GPU: desktops stay below.
const HOLDS_BYTES: u64 = 1 << 30;
/// From here on a process that only draws takes a GPU if it also has half of its memory: no desktop is that large.
const GRAPHICS_HOLDS_BYTES: u64 = 4 << 30;
/// On a GPU that works, a process that only draws counts as working from this share of the time on, in %.
const GRAPHICS_WORKS_PERCENT: u32 = 10;
/// The same of a process that computes as well.
const BOTH_WORKS_PERCENT: u32 = 5;

/// Facts about a GPU or a MIG instance that is read on time.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    /// Its processes, each with whether it [holds](holds) the GPU, or why there is no list.
    pub(super) listed: Reading<Vec<&'a Process>>,
    /// Processes whose memory is in `memory`: a MIG instance may share it with a neighbour.
    pub(super) sharers: Vec<&'a Process>,
    pub(super) memory: Reading<Memory>,
    /// Allocation by the kubelet, with or without a process.
    pub(super) allocated: Taken,
    /// It works, by its utilization.
    pub(super) works: bool,
}

/// Circumstances of a GPU or a MIG instance that decide whether a process holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    unexplained: Unexplained,
    total_bytes: Option<u64>,
    works: bool,
    exclusive: bool,
}

impl Circumstances {
    pub(super) fn of(memory: &Reading<Memory>, sharers: &[&Process], works: bool, exclusive: bool) -> Self {
        let own = memory.as_ref().ok().filter(|memory| !memory.unified);
        let total_bytes = own.map(|memory| memory.total_bytes);
        Self { unexplained: unexplained(memory, sharers), total_bytes, works, exclusive }
    }
}

/// Taken by somebody or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    No,
    Yes,
    /// Unknown.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) taken: Taken,
    pub(super) users: Vec<String>,
    pub(super) unattributed_bytes: Reading<u64>,
}

impl Finding {
    pub(super) const fn unknown(why: Absence) -> Self {
        Self { taken: Taken::Unknown, users: Vec::new(), unattributed_bytes: Err(why) }
    }

    /// Finding for a GPU from those of its MIG instances, each with its GPU instance: it is free if all are. Compute
    /// instances of one GPU instance share its memory, which counts once.
    pub(super) fn of_all(instances: &[Self], gpu_instances: &[Reading<u32>]) -> Self {
        let any = |taken| instances.iter().any(|one| one.taken == taken);
        let taken = if any(Taken::Yes) {
            Taken::Yes
        } else if any(Taken::Unknown) {
            Taken::Unknown
        } else {
            Taken::No
        };
        let mut seen = BTreeSet::new();
        let sum = |sum: u64, (one, gpu_instance): (&Self, &Reading<u32>)| {
            let bytes = one.unattributed_bytes?;
            Ok(if seen.insert((*gpu_instance)?) { sum.saturating_add(bytes) } else { sum })
        };
        Self {
            taken,
            users: unique(instances.iter().flat_map(|one| one.users.iter().cloned()).collect()),
            unattributed_bytes: instances.iter().zip(gpu_instances).try_fold(0, sum),
        }
    }

    /// Finding for a GPU that may be allocated as a whole, though its instances are free.
    pub(super) fn given(self, allocated: Taken) -> Self {
        Self { taken: if self.taken == Taken::No { allocated } else { self.taken }, ..self }
    }

    /// Finding for a GPU that may work: then somebody has it, seen or not.
    pub(super) fn working(self, works: bool) -> Self {
        Self { taken: if works { Taken::Yes } else { self.taken }, ..self }
    }
}

pub(super) fn look(facts: &Facts<'_>) -> Finding {
    let listed = match &facts.listed {
        Ok(listed) => listed,
        Err(why) => return Finding::unknown(*why).working(facts.works),
    };
    let unexplained = unexplained(&facts.memory, &facts.sharers);
    let holders: Vec<&Process> = listed.iter().copied().filter(|process| process.holds).collect();
    let taken = match unexplained {
        _ if !holders.is_empty() || facts.allocated == Taken::Yes || facts.works => Taken::Yes,
        Unexplained::Bytes { bytes, .. } if bytes >= HOLDS_BYTES => Taken::Yes,
        // Nobody is there, but its allocation was not read.
        Unexplained::Bytes { .. } | Unexplained::Shared => facts.allocated,
        // Nobody is listed, but whether the memory is free as well was not read.
        Unexplained::Unread(_) => Taken::Unknown,
    };
    Finding {
        taken,
        users: unique(holders.into_iter().filter_map(user).collect()),
        unattributed_bytes: match unexplained {
            Unexplained::Bytes { bytes, reported: true } => Ok(bytes),
            Unexplained::Bytes { reported: false, .. } | Unexplained::Shared => Err(Absence::NotSupported),
            Unexplained::Unread(why) => Err(why),
        },
    }
}

/// The used memory that no listed process explains.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unexplained {
    Bytes {
        bytes: u64,
        /// Every process reports its memory. One that does not explains nothing, which is too much for a number to
        /// show, but keeps a GPU in use from being called free.
        reported: bool,
    },
    /// It is the host's memory: what else runs on the host is in it.
    Shared,
    Unread(Absence),
}

/// The memory that none of those who share it explains.
pub(super) fn unexplained(memory: &Reading<Memory>, sharers: &[&Process]) -> Unexplained {
    let memory = match memory {
        Ok(memory) if memory.unified => return Unexplained::Shared,
        Ok(memory) => memory,
        Err(why) => return Unexplained::Unread(*why),
    };
    let used = match memory.used_bytes {
        Ok(used) => used,
        Err(why) => return Unexplained::Unread(why),
    };
    let explained = sharers.iter().filter_map(|process| process.gpu_memory_bytes.ok());
    Unexplained::Bytes {
        bytes: used.saturating_sub(explained.fold(0, u64::saturating_add)),
        reported: sharers.iter().all(|process| process.gpu_memory_bytes.is_ok()),
    }
}

/// A process that computes and draws holds a GPU from 1 GiB on, and where the driver does not report its memory if as
/// much is unexplained. One that only draws holds it with half of the memory. On a GPU that works, both hold it if the
/// work is theirs; in an exclusive mode, the first does in any case.
pub(super) fn holds(process: &Process, circumstances: Circumstances) -> bool {
    let Circumstances { unexplained, total_bytes, works, exclusive } = circumstances;
    let share = work::of_process(process);
    match (process.kind, process.gpu_memory_bytes) {
        (ProcessKind::Compute, _) => true,
        (ProcessKind::Both, _) if exclusive || works && share.is_none_or(|share| share >= BOTH_WORKS_PERCENT) => true,
        (ProcessKind::Graphics, bytes) => {
            let has = |least: u64| bytes.is_ok_and(|bytes| bytes >= least);
            let fits = |total: u64| bytes.is_ok_and(|bytes| bytes <= total);
            let has_half = total_bytes.is_some_and(|total| fits(total) && has(GRAPHICS_HOLDS_BYTES.max(total / 2)));
            has_half || works && share.map_or_else(|| has(HOLDS_BYTES), |share| share >= GRAPHICS_WORKS_PERCENT)
        }
        (ProcessKind::Both, Ok(bytes)) => bytes >= HOLDS_BYTES,
        (ProcessKind::Both, Err(_)) => match unexplained {
            Unexplained::Bytes { bytes, .. } => bytes >= HOLDS_BYTES,
            Unexplained::Shared | Unexplained::Unread(_) => true,
        },
    }
}

/// User of a process: its account, or the container that it counts for. Nobody for one that has gone, nor where it is
/// not known whether it counts for a container.
pub(super) fn user(process: &Process) -> Option<String> {
    process.owner().ok().filter(|_| process.life != Life::Gone)
}

fn unique(mut users: Vec<String>) -> Vec<String> {
    users.sort_unstable();
    users.dedup();
    users
}

#[cfg(test)]
mod tests;
