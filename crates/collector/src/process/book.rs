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

use telemetry::{
    Absence, BootTime, Reading,
    command::MAX_BYTES,
    sample::{Life, ProcessFacts},
};

use crate::{
    lock::{lock, wait, wait_until},
    process::ProcFs,
};

/// A reader that is at one process for longer than this is taken to hang.
const HANGS_AFTER: Duration = Duration::from_secs(1);
/// At most so many readers may hang; then nothing new is read until one lets go.
const MOST_HANGING: usize = 16;
/// Programs write their own titles after they start, so a command line is read again after this long.
const COMMAND_KEEPS: Duration = Duration::from_secs(10);
/// All commands of a frame together.
const COMMANDS_BYTES: usize = 4 * 1024 * 1024;

/// What is known of one process.
#[derive(Clone, Debug)]
struct Entry {
    start_ticks: u64,
    life: Life,
    uid: Reading<u32>,
    started: Reading<BootTime>,
    arguments: Reading<Vec<String>>,
    command_read: Option<Instant>,
}

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
        let mut facts: Vec<ProcessFacts> = pids.iter().map(|&pid| fact(pid, state.entries.get(&pid))).collect();
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
            state.entries.get(&pid).map(|entry| (entry.start_ticks, entry.command_read, entry.uid))
        };
        match self.proc.vital(pid) {
            Ok(Some(vital)) => {
                let known = known.filter(|(start_ticks, ..)| *start_ticks == vital.start_ticks);
                let life = if vital.zombie { Life::Zombie } else { Life::Running };
                let uid = known.and_then(|(_, _, uid)| uid.ok()).map_or_else(|| self.proc.real_uid(pid), Ok);
                self.put(pid, number, known.is_some(), |entry| {
                    entry.start_ticks = vital.start_ticks;
                    entry.life = life;
                    entry.uid = uid;
                    entry.started = Ok(vital.started);
                });
                let fresh = known.and_then(|(_, read, _)| read).is_some_and(|read| read.elapsed() < COMMAND_KEEPS);
                if life == Life::Running && !fresh {
                    let arguments = self.proc.arguments(pid);
                    self.put(pid, number, true, |entry| {
                        entry.arguments = arguments;
                        entry.command_read = Some(Instant::now());
                    });
                }
            }
            Ok(None) => self.put(pid, number, false, |entry| {
                *entry = Entry { life: Life::Gone, ..Entry::unread(Absence::Error) };
            }),
            Err(why) => self.put(pid, number, false, |entry| *entry = Entry::unread(why)),
        }
        self.leave(pid, number)
    }

    /// Changes an entry, or a blank one if what is there is of another process. A replaced reader's late word counts
    /// only for a process that is still in the book.
    fn put(&self, pid: u32, number: u64, same: bool, change: impl FnOnce(&mut Entry)) {
        let mut state = lock(&self.state);
        if state.reader != number && !state.entries.contains_key(&pid) {
            return;
        }
        let entry = state.entries.entry(pid).or_insert_with(|| Entry::unread(Absence::Timeout));
        if !same {
            *entry = Entry::unread(Absence::Timeout);
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

impl Entry {
    fn unread(why: Absence) -> Self {
        Self {
            start_ticks: 0,
            life: Life::Unknown,
            uid: Err(why),
            started: Err(why),
            arguments: Err(why),
            command_read: None,
        }
    }
}

fn fact(pid: u32, entry: Option<&Entry>) -> ProcessFacts {
    let unread = Entry::unread(Absence::Timeout);
    let entry = entry.unwrap_or(&unread);
    ProcessFacts {
        pid,
        life: entry.life,
        uid: entry.uid,
        started: entry.started,
        arguments: entry.arguments.clone(),
        ..ProcessFacts::unread(pid, Absence::Timeout)
    }
}

/// Cuts every command to an equal share where all of them together are too long for a frame.
fn cut(facts: &mut [ProcessFacts]) {
    let length = |facts: &ProcessFacts| {
        facts.arguments.as_ref().map_or(0, |arguments| arguments.iter().map(|argument| argument.len() + 1).sum())
    };
    let all: usize = facts.iter().map(length).sum();
    if all <= COMMANDS_BYTES {
        return;
    }
    let share = (COMMANDS_BYTES / facts.len()).min(MAX_BYTES);
    for arguments in facts.iter_mut().filter_map(|facts| facts.arguments.as_mut().ok()) {
        cut_to(arguments, share);
    }
}

fn cut_to(arguments: &mut Vec<String>, bytes: usize) {
    let mut left = bytes;
    let mut kept = 0;
    for argument in arguments.iter_mut() {
        if left == 0 {
            break;
        }
        kept += 1;
        let end = (0..=argument.len().min(left)).rev().find(|&end| argument.is_char_boundary(end)).unwrap_or(0);
        argument.truncate(end);
        left = left.saturating_sub(argument.len() + 1);
    }
    arguments.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::Write as _, path::Path};

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    /// A process as `/proc` shows it.
    fn process(root: &Path, pid: u32, state: char, start_ticks: u64) {
        let folder = root.join(pid.to_string());
        fs::create_dir_all(&folder).unwrap();
        let stat = format!(
            "{pid} (name) {state} 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 {start_ticks} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        );
        fs::write(folder.join("stat"), stat).unwrap();
        fs::copy("/proc/self/status", folder.join("status")).unwrap();
    }

    fn book(root: &Path) -> Book {
        Book::start(ProcFs::new(root.into()))
    }

    #[test]
    fn a_process_is_read_and_one_that_is_gone_is_told() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 7, 'S', 500);
        fs::write(root.path().join("7/cmdline"), b"python\0x\0").unwrap();
        let book = book(root.path());
        let facts = book.facts(&[7, 8], far());
        assert_eq!(facts[0].life, Life::Running);
        assert_eq!(facts[0].uid, Ok(nix::unistd::getuid().as_raw()));
        assert_eq!(facts[0].started, Ok(BootTime(5000)));
        assert_eq!(facts[0].arguments, Ok(vec!["python".into(), "x".into()]));
        assert_eq!(facts[1].life, Life::Gone);
        // It becomes a zombie, and another process takes its PID.
        process(root.path(), 7, 'Z', 500);
        assert_eq!(book.facts(&[7], far())[0].life, Life::Zombie);
        process(root.path(), 7, 'S', 900);
        fs::write(root.path().join("7/cmdline"), b"other\0").unwrap();
        let other = &book.facts(&[7], far())[0];
        assert_eq!((other.started, &other.arguments), (Ok(BootTime(9000)), &Ok(vec!["other".into()])));
        fs::remove_dir_all(root.path().join("7")).unwrap();
        assert_eq!(book.facts(&[7], far())[0].life, Life::Gone);
    }

    #[test]
    fn a_command_line_that_blocks_holds_up_its_own_row_only() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 7, 'S', 500);
        process(root.path(), 8, 'S', 500);
        fs::write(root.path().join("8/cmdline"), b"free\0").unwrap();
        // Opening a pipe that nobody writes blocks as a held lock does.
        let pipe = root.path().join("7/cmdline");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let book = book(root.path());
        let first = book.facts(&[7, 8], Instant::now() + Duration::from_millis(20));
        assert_eq!(first[0].arguments, Err(Absence::Timeout));
        // From a second on another reader goes on; until then asking again gives what is known.
        let facts = loop {
            let facts = book.facts(&[7, 8], Instant::now() + Duration::from_millis(100));
            if facts[1].arguments.is_ok() {
                break facts;
            }
        };
        assert_eq!(facts[0].life, Life::Running);
        assert_eq!(facts[0].started, Ok(BootTime(5000)));
        assert_eq!(facts[0].arguments, Err(Absence::Timeout));
        // Once it lets go it is read as the others are.
        fs::OpenOptions::new().write(true).open(&pipe).unwrap().write_all(b"freed\0").unwrap();
        let freed = Ok(vec!["freed".to_owned()]);
        while book.facts(&[7, 8], far())[0].arguments != freed {
            fs::write(root.path().join("7/x"), b"").unwrap();
        }
    }

    #[test]
    fn commands_share_what_a_frame_bears() {
        let one = ProcessFacts {
            pid: 1,
            life: Life::Running,
            uid: Ok(0),
            started: Ok(BootTime(0)),
            arguments: Ok(vec!["é".repeat(5000), "b".repeat(5000)]),
            ..ProcessFacts::unread(1, Absence::Error)
        };
        let mut facts = vec![one; 1000];
        cut(&mut facts);
        let all: usize = facts.iter().flat_map(|facts| facts.arguments.as_ref().unwrap()).map(String::len).sum();
        assert!(all <= COMMANDS_BYTES && all > COMMANDS_BYTES / 2, "{all}");
        cut_to(&mut Vec::new(), 0);
    }
}
