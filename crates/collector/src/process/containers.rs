//! Names of containers by id, queried by a thread of its own, so that a container engine that hangs delays nothing
//! else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use telemetry::{Absence, Reading, sample::ProcessFacts};

use crate::{
    lock::{lock, wait, wait_until},
    socket::{Fault, Health, Socket, engine},
};

/// Maximum age of a name, since a container may be renamed.
const KEEPS: Duration = Duration::from_secs(600);
/// Time after which a container that the engine does not know is queried again.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// Initial backoff after a failure; it doubles with each further one.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(30);
/// Containers that are queried at most.
const MOST: usize = 1024;

/// Query of the engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    /// Availability of the engine.
    Ping,
    /// Name of a container.
    Name(String),
}

/// Time of the next query.
#[derive(Clone, Copy, Debug)]
struct Turn {
    at: Instant,
    /// Backoff after the next failure.
    pause: Duration,
}

impl Turn {
    const fn at(at: Instant) -> Self {
        Self { at, pause: SOONEST }
    }

    fn after_failure(self, now: Instant) -> Self {
        Self { at: now + self.pause, pause: (self.pause * 2).min(LATEST) }
    }
}

#[derive(Debug)]
struct Entry {
    /// None before the first answer.
    name: Option<Reading<String>>,
    /// The answer was waited for in vain: it is not again, so that an engine that hangs delays one tick per container.
    late: bool,
    turn: Turn,
}

#[derive(Debug)]
struct State {
    entries: BTreeMap<String, Entry>,
    /// None while the engine is available.
    ping: Option<Turn>,
    health: Health,
}

struct Shared {
    socket: Socket,
    state: Mutex<State>,
    /// There may be a new query.
    requested: Condvar,
    answered: Condvar,
}

/// Names by container id.
#[derive(Default)]
pub(crate) struct Containers(Option<Arc<Shared>>);

impl Containers {
    /// Starts the thread if there is a socket. Without it no container has a name.
    pub(crate) fn start(socket: Option<Socket>) -> Self {
        let Some(socket) = socket else { return Self(None) };
        let asked = socket.clone();
        Self::asking(socket, move |question| match question {
            Question::Ping => asked.ask(engine::ping).map(|()| None),
            Question::Name(id) => asked.ask(|stream| engine::name(stream, id)),
        })
    }

    fn asking(
        socket: Socket,
        mut ask: impl FnMut(&Question) -> Result<Option<String>, Fault> + Send + 'static,
    ) -> Self {
        let ping = Some(Turn::at(Instant::now()));
        let state = Mutex::new(State { entries: BTreeMap::new(), ping, health: Health::default() });
        let shared = Arc::new(Shared { socket, state, requested: Condvar::new(), answered: Condvar::new() });
        let asker = Arc::clone(&shared);
        let work = move || {
            loop {
                let question = asker.next();
                let outcome = ask(&question);
                lock(&asker.state).add(&asker.socket, &question, outcome, Instant::now());
                asker.answered.notify_all();
            }
        };
        if let Err(error) = thread::Builder::new().name("containers".into()).spawn(work) {
            tracing::warn!(%error, "cannot start a thread to ask for the names of containers");
        }
        Self(Some(shared))
    }

    /// Requests the names of these processes' containers, and forgets all others.
    pub(crate) fn request(&self, processes: &[ProcessFacts]) {
        let Some(shared) = &self.0 else { return };
        let containers =
            processes.iter().filter(|facts| is_engines(facts)).filter_map(|facts| facts.container.as_ref());
        let ids: BTreeSet<&str> = containers.map(|container| container.id.as_str()).collect();
        if lock(&shared.state).request(&ids, Instant::now()) {
            shared.requested.notify_all();
        }
    }

    /// Sets the names of containers, as far as they are known.
    pub(crate) fn name(&self, processes: &mut [ProcessFacts]) {
        let Some(shared) = &self.0 else { return };
        let state = lock(&shared.state);
        let engines = processes.iter_mut().filter(|facts| is_engines(facts));
        for container in engines.filter_map(|facts| facts.container.as_mut()) {
            container.name = state.name(&container.id);
        }
    }

    /// Waits until every requested name was queried once, the engine is known to be unavailable, or the deadline: once for
    /// each name.
    pub(crate) fn settle(&self, deadline: Instant) {
        let Some(shared) = &self.0 else { return };
        let mut state = lock(&shared.state);
        while !state.is_settled() {
            let (guard, in_time) = wait_until(&shared.answered, state, deadline);
            state = guard;
            if !in_time {
                state.entries.values_mut().for_each(|entry| entry.late = entry.name.is_none());
                break;
            }
        }
    }

    /// True if there is a container that was not waited for yet.
    pub(crate) fn has_new(&self) -> bool {
        let is_new = |entry: &Entry| entry.name.is_none() && !entry.late;
        self.0.as_ref().is_some_and(|shared| lock(&shared.state).entries.values().any(is_new))
    }

    /// Waits as [`Self::settle`] if there is a container that was not waited for yet.
    pub(crate) fn settle_new(&self, deadline: Instant) {
        if self.has_new() {
            self.settle(deadline);
        }
    }

    /// Returns the problem of the socket, if there is one.
    pub(crate) fn note(&self) -> Option<String> {
        lock(&self.0.as_ref()?.state).health.note()
    }
}

/// Returns whether this host's Docker or Podman may know a process's container; they do not know those of containerd
/// and CRI-O for Kubernetes, nor those of an engine in a system container.
fn is_engines(facts: &ProcessFacts) -> bool {
    let runtime = facts.container.as_ref().map(|container| container.runtime.as_deref());
    facts.system_container.is_none() && matches!(runtime, Some(None | Some("docker" | "podman")))
}

impl Shared {
    /// Waits for the next query.
    fn next(&self) -> Question {
        let mut state = lock(&self.state);
        loop {
            match state.first() {
                Some((question, at)) if at <= Instant::now() => return question,
                Some((_, at)) => (state, _) = wait_until(&self.requested, state, at),
                None => state = wait(&self.requested, state),
            }
        }
    }
}

impl State {
    /// Replaces the requested ids. Returns whether any is new.
    fn request(&mut self, ids: &BTreeSet<&str>, now: Instant) -> bool {
        self.entries.retain(|id, _| ids.contains(id.as_str()));
        let before = self.entries.len();
        for &id in ids {
            if self.entries.len() < MOST && !self.entries.contains_key(id) {
                self.entries.insert(id.to_owned(), Entry { name: None, late: false, turn: Turn::at(now) });
            }
        }
        self.entries.len() > before
    }

    /// Returns the next query and its time. While the engine is not known to be available, only that is queried.
    fn first(&self) -> Option<(Question, Instant)> {
        if let Some(ping) = self.ping {
            return Some((Question::Ping, ping.at));
        }
        let (id, entry) = self.entries.iter().min_by_key(|(_, entry)| entry.turn.at)?;
        Some((Question::Name(id.clone()), entry.turn.at))
    }

    fn add(&mut self, socket: &Socket, question: &Question, outcome: Result<Option<String>, Fault>, now: Instant) {
        match (question, outcome) {
            (Question::Ping, Ok(_)) => {
                self.health.found(socket, Ok(()));
                self.ping = None;
            }
            (Question::Ping, Err(fault)) => {
                self.health.found(socket, Err(&fault));
                self.ping = Some(self.ping.unwrap_or(Turn::at(now)).after_failure(now));
                for entry in self.entries.values_mut() {
                    entry.fail(fault.why);
                }
            }
            (Question::Name(id), outcome) => {
                let Some(entry) = self.entries.get_mut(id) else { return };
                match outcome {
                    Ok(Some(name)) => (entry.name, entry.turn) = (Some(Ok(name)), Turn::at(now + KEEPS)),
                    Ok(None) => {
                        (entry.name, entry.turn) = (Some(Err(Absence::NotSupported)), Turn::at(now + ASK_AGAIN));
                    }
                    Err(fault) => {
                        tracing::debug!(container = id, "{}", fault.text);
                        entry.fail(fault.why);
                        entry.turn = entry.turn.after_failure(now);
                        // Is it the engine, or this container alone?
                        self.ping = Some(Turn::at(now));
                    }
                }
            }
        }
    }

    fn name(&self, id: &str) -> Reading<String> {
        self.entries.get(id).and_then(|entry| entry.name.clone()).unwrap_or(Err(Absence::Timeout))
    }

    fn is_settled(&self) -> bool {
        self.health.note().is_some()
            || (self.ping.is_none() && self.entries.values().all(|entry| entry.late || entry.name.is_some()))
    }
}

impl Entry {
    /// A known name is kept as long as the engine knows the container.
    fn fail(&mut self, why: Absence) {
        if !matches!(self.name, Some(Ok(_))) {
            self.name = Some(Err(why));
        }
    }
}

#[cfg(test)]
mod tests;
