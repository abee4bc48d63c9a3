//! Brute force: every stretch of time of every GPU, each with all who had it, and nothing added up.

use std::collections::BTreeMap;

use super::world::{Device, HostGpu, Who};
use crate::{Stamp, snapshot::GpuState};

/// A stretch of a GPU's time by a wall clock, in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Occupants, each with the part of the GPU; empty for existence.
    pub(super) had: Vec<(String, f64)>,
}

/// Usage as it is: stored, or to be stored with the next flush.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) existed: Vec<Stretch>,
    pub(super) had: Vec<Stretch>,
    now: State,
    /// Part that is stored.
    stored: (State, usize, usize),
}

#[derive(Clone, Debug, Default)]
struct State {
    /// Ends of existence by wall clock, each with true if this run of the agent found it.
    ends: BTreeMap<String, Vec<(u64, bool)>>,
    /// GPUs that exist, by the boot clock.
    gpus: BTreeMap<String, Known>,
    /// GPUs that ended, until when by the boot clock.
    gone: BTreeMap<String, u64>,
    /// Wall minus boot clock.
    offset: Option<i64>,
    counted: bool,
}

#[derive(Clone, Debug, Default)]
struct Known {
    /// Begin of what may be counted.
    from: u64,
    until: u64,
    read: Option<u64>,
    chain: Option<u64>,
}

impl Known {
    /// Five minutes without a reading are over once and for all.
    fn close_gap(&mut self, before: u64) {
        if self.until - before > 300_000 {
            self.from = self.until;
        }
    }
}

/// A GPU in a snapshot.
pub(super) enum Seen<'a> {
    Listed(&'a HostGpu),
    /// Listed as lost, or missing.
    Unread,
}

pub(super) fn label(who: Option<&Who>) -> String {
    match who {
        None => "unknown".into(),
        Some((user, container, job)) => {
            let container = if *container > 0 { format!("box{container}") } else { "-".into() };
            let job = if *job > 0 { format!("{job}") } else { "-".into() };
            format!("user{user} {container} {job}")
        }
    }
}

/// Occupants of a GPU, each with the part of it.
fn occupants(gpu: &HostGpu) -> Vec<(String, f64)> {
    let on = |device: &Device, part: f64| -> Vec<(String, f64)> {
        let mut all: Vec<String> = device.holders.iter().map(|who| label(Some(who))).collect();
        if device.has_stranger || all.is_empty() && device.has_ghost {
            all.push(label(None));
        }
        if device.is_unreadable {
            all = vec![label(None)];
        } else if all.is_empty() {
            all.push("free".into());
        }
        let part = part / all.len() as f64;
        all.into_iter().map(|label| (label, part)).collect()
    };
    if !gpu.has_mig {
        return on(&gpu.devices[0], 1.0);
    }
    let slices = |device: &Device| device.instance.unwrap().1 as f64 / 7.0;
    let rest = 1.0 - gpu.devices.iter().map(slices).sum::<f64>();
    let mut all: Vec<(String, f64)> = gpu.devices.iter().flat_map(|device| on(device, slices(device))).collect();
    all.push(("unassigned".into(), rest));
    all
}

impl Truth {
    /// All of it is stored.
    pub(super) fn store(&mut self) {
        self.stored = (self.now.clone(), self.existed.len(), self.had.len());
    }

    /// Another run of the agent goes on from what is stored.
    pub(super) fn restart(&mut self) {
        let (mut now, existed, had) = self.stored.clone();
        self.existed.truncate(existed);
        self.had.truncate(had);
        let offset = now.offset.take().unwrap_or_default();
        for (key, known) in std::mem::take(&mut now.gpus) {
            let end = wall(offset, known.until);
            let ends = now.ends.entry(key).or_default();
            ends.retain(|other| other.0 > end);
            ends.push((end, false));
        }
        now.gone.clear();
        now.ends.values_mut().flatten().for_each(|end| end.1 = false);
        self.now = State { counted: false, ..now };
    }

    /// A snapshot.
    pub(super) fn see(&mut self, at: Stamp, has_counted: bool, seen: &BTreeMap<String, Seen<'_>>) {
        let now = at.boot.0;
        self.keep_time(at);
        self.now.counted |= has_counted;
        let offset = self.now.offset.unwrap();
        for (key, how) in seen {
            let (state, read) = match how {
                Seen::Listed(gpu) => (gpu.state_at(now), gpu.read_at),
                Seen::Unread => (GpuState::Lost, None),
            };
            let read = read.filter(|_| state == GpuState::Ok);
            if !self.now.gpus.contains_key(key) {
                if matches!(how, Seen::Unread) && !self.now.ends.contains_key(key) {
                    // A missing GPU of which nothing is stored.
                    continue;
                }
                let begin = read.unwrap_or(now);
                let back = self.now.gone.remove(key).filter(|until| {
                    let minute = |boot: u64| wall(offset, boot) / 60_000;
                    minute(begin) <= minute(*until)
                });
                let from = back.unwrap_or(begin);
                self.now.gpus.insert(key.clone(), Known { from, until: from, ..Known::default() });
            }
            let known = self.now.gpus.get_mut(key).unwrap();
            let before = known.until;
            match (state, read) {
                (GpuState::Ok, Some(read)) => {
                    if known.read.is_none_or(|last| read > last) {
                        known.until = known.until.max(read);
                        let from = known.chain.filter(|last| read - last <= 10_000).map(|last| last.max(known.from));
                        if let (Some(from), Seen::Listed(gpu)) = (from.filter(|from| *from < read), how) {
                            let (first, last) = (wall(offset, from), wall(offset, read));
                            self.had.push(Stretch { first, last, had: occupants(gpu) });
                        }
                        (known.read, known.chain) = (Some(read), Some(read));
                    }
                    if known.chain.is_some_and(|last| now - last > 10_000) {
                        known.until = known.until.max(now);
                    }
                }
                (GpuState::Stale, _) => known.until = known.until.max(now),
                _ => (known.until, known.chain) = (known.until.max(now), None),
            }
            known.close_gap(before);
            let (first, last) = (wall(offset, before), wall(offset, known.until));
            self.existed.push(Stretch { first, last, had: Vec::new() });
        }
        let unlisted: Vec<String> = self.now.gpus.keys().filter(|key| !seen.contains_key(*key)).cloned().collect();
        for key in unlisted {
            if self.now.counted {
                self.end(&key);
                continue;
            }
            let known = self.now.gpus.get_mut(&key).unwrap();
            let before = known.until;
            (known.until, known.chain) = (before.max(now), None);
            known.close_gap(before);
            let (first, last) = (wall(offset, before), wall(offset, known.until));
            self.existed.push(Stretch { first, last, had: Vec::new() });
        }
    }

    /// A GPU is forgotten.
    pub(super) fn end(&mut self, key: &str) {
        if let Some(known) = self.now.gpus.remove(key) {
            self.now.gone.insert(key.into(), known.until);
        }
        self.now.ends.remove(key);
    }

    fn keep_time(&mut self, at: Stamp) {
        let offset = at.unix_ms.cast_signed() - at.boot.0.cast_signed();
        let before = self.now.offset;
        if before.is_some_and(|before| before.abs_diff(offset) <= 1000) {
            return;
        }
        self.now.offset = Some(offset);
        self.now.gone.clear();
        if before.is_none() {
            for key in self.now.ends.keys() {
                let known = Known { from: at.boot.0, until: at.boot.0, ..Known::default() };
                self.now.gpus.insert(key.clone(), known);
            }
        }
        for (key, known) in &mut self.now.gpus {
            known.from = known.until;
            let begin = wall(offset, known.until);
            let ends = self.now.ends.entry(key.clone()).or_default();
            if let Some(before) = before {
                let end = wall(before, known.until);
                ends.retain(|other| other.0 > end);
                ends.push((end, true));
            }
            let newest = ends.iter().filter(|end| end.0 <= begin).max().copied();
            if let Some((first, false)) = newest {
                self.existed.push(Stretch { first, last: begin, had: Vec::new() });
            }
            ends.retain(|end| end.0 > begin);
        }
    }
}

fn wall(offset: i64, boot: u64) -> u64 {
    boot.checked_add_signed(offset).unwrap()
}
