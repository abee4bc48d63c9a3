//! The ledger: snapshots in, flushes out.

mod forget;
mod gpu;
mod layout;
mod people;
mod run;
mod seen;
mod session;
mod slices;
mod slots;
mod split;
mod work;

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use super::{Flush, Frontier, Gap, LONGEST_INTERVAL_MS, MINUTE_MS, SESSION_GAP_MS, Session, SessionKey, Slot};
use crate::{
    Stamp,
    derive::{is_lasting, stale_after},
    readings::Identity,
    snapshot::{Gpu, GpuState, Snapshot},
};
use gpu::GpuLedger;
use people::People;
use run::Run;

/// Extent of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerConfig {
    /// Users, containers, pods, jobs and commands are kept. Else all holders are one, [`super::Holder::default`].
    pub people: bool,
    /// Part of the commands that is kept.
    pub commands: KeptCommands,
    /// Interval between two samples.
    pub interval: Duration,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self { people: true, commands: KeptCommands::Line, interval: Duration::from_secs(1) }
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

/// Stored state of earlier runs of the agent.
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
    /// [`Flush::ledger`].
    id: u64,
    sequence: u64,
    /// Number of the newest run.
    newest_run: u64,
    run: Option<Run>,
    /// The GPUs that exist, in the order of the newest snapshot, then those that it does not list.
    gpus: Vec<GpuLedger>,
    /// GPUs that ended in this minute.
    gone: Vec<GpuLedger>,
    /// Each GPU that the driver lists was identified once.
    is_complete: bool,
    kept: Kept,
}

/// Output of GPUs for the next flush, and state that they share.
#[derive(Debug, Default)]
struct Kept {
    commands: KeptCommands,
    limits: Limits,
    people: People,
    gaps: Vec<Gap>,
    /// Slots of GPUs that ended.
    slots: Vec<Slot>,
    ended: Vec<Session>,
    /// Open sessions of an earlier run of the agent, until their holders are seen.
    waiting: Vec<Session>,
}

/// Limits in milliseconds, which grow with the interval between samples.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Longest interval that counts.
    interval: u64,
    /// Absence after which a session has ended.
    absence: u64,
}

impl Limits {
    fn of(interval: Duration) -> Self {
        let longest = u64::try_from(stale_after(interval).as_millis()).unwrap_or(u64::MAX);
        Self { interval: LONGEST_INTERVAL_MS.max(longest), absence: SESSION_GAP_MS.max(longest.saturating_add(1)) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { interval: LONGEST_INTERVAL_MS, absence: SESSION_GAP_MS }
    }
}

impl Kept {
    /// The session of an earlier run of the agent that goes on, if the holder was not absent for long.
    fn resume(&mut self, key: &SessionKey) -> Option<Session> {
        let is_it = |session: &Session| {
            (&session.key.device, &session.key.holder) == (&key.device, &key.holder)
                && !is_over(session, key.first_ms, self.limits)
        };
        let at = self.waiting.iter().position(is_it)?;
        Some(self.waiting.swap_remove(at))
    }
}

/// True of a session of an earlier run of the agent that does not go on.
fn is_over(session: &Session, now_ms: u64, limits: Limits) -> bool {
    now_ms < session.last_ms || now_ms - session.last_ms >= limits.absence
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
        let commands = if config.people { config.commands } else { KeptCommands::Nothing };
        let people = People::new(!config.people, stored.users);
        let limits = Limits::of(config.interval);
        let kept = Kept { commands, limits, people, waiting: stored.sessions, ..Kept::default() };
        let mut gpus: Vec<GpuLedger> = Vec::new();
        for frontier in stored.gpus {
            let at = gpus.iter().position(|gpu| gpu.key == frontier.gpu).unwrap_or_else(|| {
                gpus.push(GpuLedger::new(Arc::clone(&frontier.gpu), frontier.index, None, 0));
                gpus.len() - 1
            });
            gpus[at].restore(&frontier);
        }
        // SQLite has signed integers.
        let id = RandomState::new().hash_one(stored.sequence) >> 1;
        Self { id, sequence: stored.sequence, newest_run: stored.run, gpus, kept, ..Self::default() }
    }

    /// Takes in a snapshot.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let now = snapshot.at.boot.0;
        let run = self.keep_time(snapshot.at);
        let is_identified = |identity: &Identity| identity.uuid.is_ok() || identity.pci_bus_id.is_ok();
        self.is_complete |= snapshot.has_counted() && snapshot.gpus.iter().all(|gpu| is_identified(&gpu.identity));
        // One that is known by its index alone may be any of those that are known by name.
        let listed = snapshot.gpus.iter().filter(|gpu| is_lasting(&gpu.key));
        let mut count = 0;
        for gpu in listed {
            self.bring(count, gpu, now, run);
            self.gpus[count].see(gpu, now, run, &mut self.kept);
            count += 1;
        }
        if self.gpus.len() > count {
            self.miss(snapshot, count, run);
        }
    }

    /// The run that goes on or begins.
    fn keep_time(&mut self, at: Stamp) -> Run {
        let before = self.run;
        if let Some(run) = before.filter(|run| !run.was_set(at)) {
            return run;
        }
        let run = Run::begin(at, self.newest_run);
        (self.run, self.newest_run) = (Some(run), run.id);
        self.drop_gone();
        for gpu in &mut self.gpus {
            if before.is_none() {
                gpu.begin_at(at.boot.0);
            }
            gpu.begin_run(before, run, &mut self.kept);
        }
        run
    }

    /// Brings the ledger of a GPU to a position: the one that it has, or a new one.
    fn bring(&mut self, position: usize, gpu: &Gpu, now: u64, run: Run) {
        let is_it = |known: &GpuLedger| *known.key == *gpu.key;
        if self.gpus.get(position).is_some_and(is_it) {
            return;
        }
        if let Some(ahead) = self.gpus.iter().skip(position).position(is_it) {
            return self.gpus.swap(position, position + ahead);
        }
        let begins = if gpu.state == GpuState::Ok && !gpu.never_read { gpu.read_at.boot.0.min(now) } else { now };
        // One that is back in the same minute was never gone, so that the minute has one begin and one end.
        let back = self.gone.iter().position(|gone| is_it(gone) && gone.ended_in_minute_of(begins, run));
        let known = match back {
            Some(at) => self.gone.swap_remove(at),
            None => GpuLedger::new(self.kept.people.text(&gpu.key), gpu.index, None, begins),
        };
        self.gpus.insert(position, known);
    }

    /// The GPUs that a snapshot does not list: they exist until they are forgotten or replaced.
    fn miss(&mut self, snapshot: &Snapshot, listed: usize, run: Run) {
        let is_missing = |key: &str| snapshot.missing.iter().any(|missing| missing.id == key);
        let has_counted = snapshot.has_counted();
        let is_complete = self.is_complete;
        let ended = |key: &str| has_counted && is_complete && !is_missing(key);
        let mut position = listed;
        while let Some(gpu) = self.gpus.get_mut(position) {
            if ended(&gpu.key) {
                self.end(position);
            } else {
                gpu.miss(snapshot.at.boot.0, run, &mut self.kept);
                position += 1;
            }
        }
    }

    fn end(&mut self, position: usize) {
        let mut gpu = self.gpus.remove(position);
        gpu.end(&mut self.kept);
        self.gone.push(gpu);
    }

    fn drop_gone(&mut self) {
        for mut gpu in self.gone.drain(..) {
            gpu.slots.take(None, &mut self.kept.slots);
        }
    }

    /// Takes what was counted since the flush before.
    pub fn flush(&mut self, now: Stamp) -> Flush {
        for gpu in &mut self.gpus {
            gpu.end_old_sessions(now.boot.0, &mut self.kept);
        }
        let now_ms = self.run.map_or(now.unix_ms, |run| run.wall(now.boot.0));
        let limits = self.kept.limits;
        let over = self.kept.waiting.extract_if(.., |session| is_over(session, now_ms, limits));
        self.kept.ended.extend(over.map(|session| Session { open: false, ..session }));
        let open = self.open_sessions();
        self.sequence += 1;
        let mut slots = std::mem::take(&mut self.kept.slots);
        for gpu in self.gpus.iter_mut().chain(&mut self.gone) {
            gpu.slots.take(self.run, &mut slots);
        }
        // A reading may be a little late.
        let begins = now.boot.0.saturating_sub(MINUTE_MS);
        let run = self.run;
        self.gone.retain(|gpu| run.is_some_and(|run| gpu.ended_in_minute_of(begins, run)));
        let mut sessions = std::mem::take(&mut self.kept.ended);
        sessions.extend(open);
        Flush {
            ledger: self.id,
            sequence: self.sequence,
            at_ms: now.unix_ms,
            run: self.newest_run,
            gpus: self.frontiers(),
            slots,
            gaps: std::mem::take(&mut self.kept.gaps),
            sessions,
            totals: self.kept.people.take_totals(),
        }
    }

    /// Copy of what the next flush would be.
    #[must_use]
    pub fn pending(&self, now: Stamp) -> Flush {
        let slots = self.gpus.iter().chain(&self.gone).flat_map(|gpu| gpu.slots.copy());
        Flush {
            ledger: self.id,
            sequence: self.sequence + 1,
            at_ms: now.unix_ms,
            run: self.newest_run,
            gpus: self.frontiers(),
            slots: self.kept.slots.iter().cloned().chain(slots).collect(),
            gaps: self.kept.gaps.clone(),
            sessions: self.kept.ended.iter().cloned().chain(self.open_sessions()).collect(),
            totals: self.kept.people.totals(),
        }
    }

    fn open_sessions(&self) -> Vec<Session> {
        self.gpus.iter().flat_map(|gpu| &gpu.sessions).map(|open| open.session.clone()).collect()
    }

    fn frontiers(&self) -> Vec<Frontier> {
        self.gpus.iter().flat_map(|gpu| gpu.frontiers(self.run)).collect()
    }

    /// Ends the existence of a GPU that was forgotten.
    pub fn forget_gpu(&mut self, key: &str) {
        if let Some(at) = self.gpus.iter().position(|gpu| *gpu.key == *key) {
            self.end(at);
        }
    }

    /// Users who have totals, or will have them with the next flush, each with the memory of their processes on all GPUs
    /// now, in bytes.
    pub fn users(&self) -> Vec<(Arc<str>, u64)> {
        let names: Vec<Option<&Arc<str>>> = self.kept.people.names().collect();
        let mut memory = vec![0_u64; names.len()];
        for (user, bytes) in self.gpus.iter().flat_map(GpuLedger::memory) {
            if let Some(sum) = memory.get_mut(user) {
                *sum = sum.saturating_add(bytes);
            }
        }
        names.into_iter().zip(memory).filter_map(|(name, bytes)| Some((Arc::clone(name?), bytes))).collect()
    }
}

#[cfg(test)]
mod conservation;
#[cfg(test)]
mod tests;
