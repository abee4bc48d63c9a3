//! Cache of process facts, filled by a thread of its own, since reading `/proc/PID/cmdline` can block.
//!
//! A reader that hangs on one process is abandoned and another continues with the rest. That process keeps the facts
//! read before, and is not read again until the hanging read returns.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use telemetry::{Absence, sample::ProcessFacts};

use crate::{
    lock::{lock, wait, wait_until},
    process::{
        ProcFs,
        cut::cut,
        entry::{Cached, Entry},
        procfs::ProcStat,
        slurm::{self, Untracked},
    },
};

/// Time at one process after which a reader counts as hanging.
const HANGS_AFTER: Duration = Duration::from_secs(1);
/// Hanging readers at most; with more, nothing is read until one returns.
const MAX_HANGING: usize = 16;
/// Maximum age of a command line: programs change their own titles after they start.
const COMMAND_MAX_AGE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    /// PIDs to read, and the number of that request.
    request: Arc<[u32]>,
    requested: u64,
    /// Newest request that is complete.
    done: u64,
    /// Boxed: a map keeps up to half of its places empty, and an entry has 250 bytes.
    entries: HashMap<u32, Box<Entry>>,
    /// Process that the current reader is at, and since when.
    at: Option<(u32, Instant)>,
    /// Processes at which earlier readers hang.
    hanging: HashSet<u32>,
    /// Number of the current reader; an earlier one ends when its read returns.
    reader: u64,
}

impl State {
    fn facts(&self, pid: u32) -> ProcessFacts {
        let Some(entry) = self.entries.get(&pid) else { return ProcessFacts::unread(pid, Absence::Timeout) };
        let mut facts = entry.facts.clone();
        // Old values of what changes would look current.
        if self.hanging.contains(&pid) {
            (facts.cpu_ms, facts.host_memory_bytes) = (Err(Absence::Timeout), Err(Absence::Timeout));
        }
        facts
    }
}

struct Shared {
    proc: ProcFs,
    untracked: Untracked,
    state: Mutex<State>,
    requested: Condvar,
    done: Condvar,
}

/// Cache of process facts.
pub(crate) struct ProcessCache(Arc<Shared>);

impl ProcessCache {
    /// Starts the first reader.
    pub(crate) fn start(proc: ProcFs) -> Self {
        let shared = Shared {
            proc,
            untracked: Untracked::default(),
            state: Mutex::default(),
            requested: Condvar::new(),
            done: Condvar::new(),
        };
        let cache = Self(Arc::new(shared));
        cache.spawn(0);
        cache
    }

    fn spawn(&self, number: u64) {
        let shared = Arc::clone(&self.0);
        let started = thread::Builder::new().name("processes".into()).spawn(move || shared.read(number));
        if let Err(error) = started {
            tracing::warn!(%error, "cannot start a thread to read process facts");
        }
    }

    /// Returns the facts of these processes. Waits until they are read, at most until the deadline.
    pub(crate) fn facts(&self, pids: &[u32], deadline: Instant) -> Vec<ProcessFacts> {
        self.request(pids);
        let mut state = lock(&self.0.state);
        while state.done < state.requested {
            let (guard, in_time) = wait_until(&self.0.done, state, deadline);
            state = guard;
            if !in_time {
                break;
            }
        }
        let mut facts: Vec<ProcessFacts> = pids.iter().map(|&pid| state.facts(pid)).collect();
        drop(state);
        cut(&mut facts);
        facts
    }

    /// Replaces the request, complete or not, and a reader that hangs.
    fn request(&self, pids: &[u32]) {
        let mut state = lock(&self.0.state);
        state.request = pids.into();
        state.requested += 1;
        let hangs_at = state.at.filter(|(_, since)| since.elapsed() > HANGS_AFTER).map(|(pid, _)| pid);
        if let Some(pid) = hangs_at
            && state.hanging.len() < MAX_HANGING
        {
            tracing::warn!(pid, "reading this process's /proc files hangs; the others are still read");
            state.hanging.insert(pid);
            state.at = None;
            state.reader += 1;
            self.spawn(state.reader);
        }
        self.0.requested.notify_all();
    }
}

impl Shared {
    /// Main loop of a reader: reads each process of the newest request, and ends when it has been replaced.
    fn read(&self, number: u64) {
        let mut last = 0;
        loop {
            let (pids, requested) = {
                let mut state = lock(&self.state);
                while state.requested == last && state.reader == number {
                    state = wait(&self.requested, state);
                }
                if state.reader != number {
                    return;
                }
                (Arc::clone(&state.request), state.requested)
            };
            for &pid in &*pids {
                if !self.read_one(pid, number) {
                    return;
                }
            }
            last = requested;
            let mut state = lock(&self.state);
            if state.requested == requested {
                let mut wanted = pids.to_vec();
                wanted.sort_unstable();
                state.entries.retain(|pid, _| wanted.binary_search(pid).is_ok());
            }
            state.done = requested;
            self.done.notify_all();
        }
    }

    /// Reads one process. Returns false if this reader was replaced meanwhile.
    fn read_one(&self, pid: u32, number: u64) -> bool {
        let cached = {
            let mut state = lock(&self.state);
            if state.hanging.contains(&pid) {
                return true;
            }
            state.at = Some((pid, Instant::now()));
            state.entries.get(&pid).map(|entry| entry.cached())
        };
        match self.proc.stat(pid) {
            Ok(Some(stat)) => self.read_details(pid, number, &stat, cached),
            Ok(None) => self.put(pid, number, false, Entry::gone),
            Err(why) => self.put(pid, number, false, |entry| *entry = Entry::unread(pid, why)),
        }
        self.leave(pid, number)
    }

    /// Reads what may have changed of an existing process. Each part is stored before the next, and what can block is
    /// read last.
    fn read_details(&self, pid: u32, number: u64, stat: &ProcStat, cached: Option<Cached>) {
        let cached = cached.filter(|cached| cached.start_ticks == stat.start_ticks);
        let uid = cached.and_then(|cached| cached.uid.ok()).map_or_else(|| self.proc.real_uid(pid), Ok);
        self.put(pid, number, cached.is_some(), |entry| entry.store_stat(stat, uid));
        if !cached.is_some_and(|cached| cached.placed) {
            let placement = self.proc.placement(pid);
            let has_no_job = placement.as_ref().is_ok_and(|placement| placement.job.is_none());
            let jobs_untracked = if has_no_job { self.untracked.is(&self.proc) } else { Ok(false) };
            self.put(pid, number, true, |entry| entry.store_placement(placement, jobs_untracked));
        }
        if cached.and_then(|cached| cached.command_read).is_some_and(|read| read.elapsed() < COMMAND_MAX_AGE) {
            return;
        }
        let name = self.proc.name(pid);
        self.put(pid, number, true, |entry| entry.facts.name = name);
        if stat.zombie {
            self.put(pid, number, true, Entry::store_no_command);
        } else {
            let arguments = self.proc.arguments(pid);
            self.put(pid, number, true, |entry| entry.store_command(arguments));
        }
        let job = lock(&self.state).entries.get(&pid).and_then(|entry| entry.unshown_job());
        if let Some(job) = job {
            let shown = self.proc.environment(pid).and_then(|environment| slurm::shown(&job, &environment));
            self.put(pid, number, true, |entry| entry.store_shown(shown));
        }
    }

    /// Changes an entry, or a blank one unless it is of the same process. The late result of a replaced reader counts
    /// only for a process that is still in the cache.
    fn put(&self, pid: u32, number: u64, same: bool, change: impl FnOnce(&mut Entry)) {
        let mut state = lock(&self.state);
        if state.reader != number && !state.entries.contains_key(&pid) {
            return;
        }
        let entry = state.entries.entry(pid).or_insert_with(|| Box::new(Entry::unread(pid, Absence::Timeout)));
        if !same {
            **entry = Entry::unread(pid, Absence::Timeout);
        }
        change(entry);
    }

    fn leave(&self, pid: u32, number: u64) -> bool {
        let mut state = lock(&self.state);
        if state.reader == number {
            state.at = None;
            return true;
        }
        state.hanging.remove(&pid);
        false
    }
}

#[cfg(test)]
mod tests;
