//! The book of process facts, kept by a thread of its own, since reading `/proc/PID/cmdline` can block.
//!
//! A reader that hangs on one process is left where it is and another goes on with the rest; the process that holds
//! it up keeps the facts that were read before, and is not read again until it lets go.

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
        entry::{Entry, Known},
        procfs::Vital,
    },
};

/// A reader that is at one process for longer than this is taken to hang.
const HANGS_AFTER: Duration = Duration::from_secs(1);
/// At most so many readers may hang; then nothing new is read until one lets go.
const MOST_HANGING: usize = 16;
/// Programs write their own titles after they start, so a command line is read again after this long.
const COMMAND_KEEPS: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    /// The PIDs to read, and the number of that wish.
    wish: Arc<[u32]>,
    wished: u64,
    /// The newest wish that is read through.
    done: u64,
    entries: HashMap<u32, Entry>,
    /// The process that the present reader is at, and since when.
    at: Option<(u32, Instant)>,
    /// The processes at which earlier readers hang.
    hanging: HashSet<u32>,
    /// The number of the present reader; an earlier one that comes back has nothing more to do.
    reader: u64,
}

impl State {
    fn facts(&self, pid: u32) -> ProcessFacts {
        let Some(entry) = self.entries.get(&pid) else { return ProcessFacts::unread(pid, Absence::Timeout) };
        let mut facts = entry.facts.clone();
        // What moves is not told of a process that cannot be read any more.
        if self.hanging.contains(&pid) {
            (facts.cpu_ms, facts.host_memory_bytes) = (Err(Absence::Timeout), Err(Absence::Timeout));
        }
        facts
    }
}

struct Shared {
    proc: ProcFs,
    state: Mutex<State>,
    wished: Condvar,
    done: Condvar,
}

/// The book.
pub(crate) struct Book(Arc<Shared>);

impl Book {
    /// Starts the first reader.
    pub(crate) fn start(proc: ProcFs) -> Self {
        let shared = Shared { proc, state: Mutex::default(), wished: Condvar::new(), done: Condvar::new() };
        let book = Self(Arc::new(shared));
        book.spawn(0);
        book
    }

    fn spawn(&self, number: u64) {
        let shared = Arc::clone(&self.0);
        let started = thread::Builder::new().name("processes".into()).spawn(move || shared.read(number));
        if let Err(error) = started {
            tracing::warn!(%error, "cannot start a thread to read process facts");
        }
    }

    /// The facts of these processes: waits until they are read, at the latest until the deadline, and takes what is
    /// there.
    pub(crate) fn facts(&self, pids: &[u32], deadline: Instant) -> Vec<ProcessFacts> {
        self.wish(pids);
        let mut state = lock(&self.0.state);
        while state.done < state.wished {
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

    /// Puts up a new wish, in place of one that is not read through, and replaces a reader that hangs.
    fn wish(&self, pids: &[u32]) {
        let mut state = lock(&self.0.state);
        state.wish = pids.into();
        state.wished += 1;
        let hangs_at = state.at.filter(|(_, since)| since.elapsed() > HANGS_AFTER).map(|(pid, _)| pid);
        if let Some(pid) = hangs_at
            && state.hanging.len() < MOST_HANGING
        {
            tracing::warn!(pid, "reading this process's /proc files does not come back; the others go on without it");
            state.hanging.insert(pid);
            state.at = None;
            state.reader += 1;
            self.spawn(state.reader);
        }
        self.0.wished.notify_all();
    }
}

impl Shared {
    /// A reader: takes the newest wish, reads each process of it, and ends when it has been replaced.
    fn read(&self, number: u64) {
        let mut last = 0;
        loop {
            let (pids, wished) = {
                let mut state = lock(&self.state);
                while state.wished == last && state.reader == number {
                    state = wait(&self.wished, state);
                }
                if state.reader != number {
                    return;
                }
                (Arc::clone(&state.wish), state.wished)
            };
            for &pid in &*pids {
                if !self.read_one(pid, number) {
                    return;
                }
            }
            last = wished;
            let mut state = lock(&self.state);
            if state.wished == wished {
                let wanted: HashSet<u32> = pids.iter().copied().collect();
                state.entries.retain(|pid, _| wanted.contains(pid));
            }
            state.done = wished;
            self.done.notify_all();
        }
    }

    /// Reads one process; `false` if this reader was replaced meanwhile.
    fn read_one(&self, pid: u32, number: u64) -> bool {
        let known = {
            let mut state = lock(&self.state);
            if state.hanging.contains(&pid) {
                return true;
            }
            state.at = Some((pid, Instant::now()));
            state.entries.get(&pid).map(Entry::known)
        };
        match self.proc.vital(pid) {
            Ok(Some(vital)) => self.read_on(pid, number, &vital, known),
            Ok(None) => self.put(pid, number, false, Entry::gone),
            Err(why) => self.put(pid, number, false, |entry| *entry = Entry::unread(pid, why)),
        }
        self.leave(pid, number)
    }

    /// Reads of a process that exists what may have changed, what can block last; each part is put into the book before
    /// the next is read.
    fn read_on(&self, pid: u32, number: u64, vital: &Vital, known: Option<Known>) {
        let known = known.filter(|known| known.start_ticks == vital.start_ticks);
        let uid = known.and_then(|known| known.uid.ok()).map_or_else(|| self.proc.real_uid(pid), Ok);
        self.put(pid, number, known.is_some(), |entry| entry.take_in(vital, uid));
        if !known.is_some_and(|known| known.placed) {
            let placement = self.proc.placement(pid);
            self.put(pid, number, true, |entry| entry.place(placement));
        }
        if known.and_then(|known| known.command_read).is_some_and(|read| read.elapsed() < COMMAND_KEEPS) {
            return;
        }
        let name = self.proc.name(pid);
        self.put(pid, number, true, |entry| entry.facts.name = name);
        if !vital.zombie {
            let arguments = self.proc.arguments(pid);
            self.put(pid, number, true, |entry| entry.take_command(arguments));
        }
    }

    /// Changes an entry, or a blank one if what is there is of another process. A replaced reader's late word counts
    /// only for a process that is still in the book.
    fn put(&self, pid: u32, number: u64, same: bool, change: impl FnOnce(&mut Entry)) {
        let mut state = lock(&self.state);
        if state.reader != number && !state.entries.contains_key(&pid) {
            return;
        }
        let entry = state.entries.entry(pid).or_insert_with(|| Entry::unread(pid, Absence::Timeout));
        if !same {
            *entry = Entry::unread(pid, Absence::Timeout);
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
