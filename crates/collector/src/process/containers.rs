//! Names of containers, by id, from a thread of its own: a container engine that does not answer holds up nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use telemetry::{
    Absence, Reading,
    sample::{Container, ProcessFacts},
};

use crate::{
    lock::{lock, wait, wait_until},
    socket::{Fault, Health, Socket, engine},
};

/// A container may be renamed, so that its name is asked for again after this long.
const KEEPS: Duration = Duration::from_secs(600);
/// One that the engine does not know is asked for again after this long.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// After a failure the same is asked again after this long, and after each further one after twice as long.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(30);
/// At most so many containers are asked for.
const MOST: usize = 1024;

/// What there is to ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    /// Whether the engine is there.
    Ping,
    /// What a container is called.
    Name(String),
}

/// When something is asked next.
#[derive(Clone, Copy, Debug)]
struct Turn {
    at: Instant,
    /// How long it is left alone after the next failure.
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
    turn: Turn,
}

#[derive(Debug)]
struct State {
    entries: BTreeMap<String, Entry>,
    /// None while the engine is known to be there.
    ping: Option<Turn>,
    health: Health,
}

struct Shared {
    socket: Socket,
    state: Mutex<State>,
    /// There may be something to ask.
    requested: Condvar,
    answered: Condvar,
}

/// Names by container id.
#[derive(Default)]
pub(crate) struct Containers(Option<Arc<Shared>>);

impl Containers {
    /// Starts the thread, if there is a socket to ask. Without a thread no container has a name.
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

    /// Wishes for the names of these processes' containers, and forgets all others.
    pub(crate) fn request(&self, processes: &[ProcessFacts]) {
        let Some(shared) = &self.0 else { return };
        let containers = processes.iter().filter_map(|facts| facts.container.as_ref()).filter(|it| is_engines(it));
        let ids: BTreeSet<&str> = containers.map(|container| container.id.as_str()).collect();
        if lock(&shared.state).request(&ids, Instant::now()) {
            shared.requested.notify_all();
        }
    }

    /// Gives containers their names, as far as they are known by now.
    pub(crate) fn name(&self, processes: &mut [ProcessFacts]) {
        let Some(shared) = &self.0 else { return };
        let state = lock(&shared.state);
        let containers = processes.iter_mut().filter_map(|facts| facts.container.as_mut()).filter(|it| is_engines(it));
        for container in containers {
            container.name = state.name(&container.id);
        }
    }

    /// Waits until all that is requested for was asked for once, or the engine is known to be away, or until the deadline.
    pub(crate) fn settle(&self, deadline: Instant) {
        let Some(shared) = &self.0 else { return };
        let mut state = lock(&shared.state);
        while !state.is_settled() {
            let (guard, in_time) = wait_until(&shared.answered, state, deadline);
            state = guard;
            if !in_time {
                break;
            }
        }
    }

    /// What is wrong with the socket, if anything is.
    pub(crate) fn note(&self) -> Option<String> {
        lock(&self.0.as_ref()?.state).health.note()
    }
}

/// Whether Docker or Podman may know it: what containerd and CRI-O run for Kubernetes they do not.
fn is_engines(container: &Container) -> bool {
    matches!(container.runtime.as_deref(), None | Some("docker" | "podman"))
}

impl Shared {
    /// Waits until something is to be asked.
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
    /// Whether there is something new to ask.
    fn request(&mut self, ids: &BTreeSet<&str>, now: Instant) -> bool {
        self.entries.retain(|id, _| ids.contains(id.as_str()));
        let before = self.entries.len();
        for &id in ids {
            if self.entries.len() < MOST && !self.entries.contains_key(id) {
                self.entries.insert(id.to_owned(), Entry { name: None, turn: Turn::at(now) });
            }
        }
        self.entries.len() > before
    }

    /// What is asked next, and when. While the engine is not known to be there nothing else is asked of it.
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
        self.health.note().is_some() || (self.ping.is_none() && self.entries.values().all(|entry| entry.name.is_some()))
    }
}

impl Entry {
    /// A name that was told once stands for as long as the container is there.
    fn fail(&mut self, why: Absence) {
        if !matches!(self.name, Some(Ok(_))) {
            self.name = Some(Err(why));
        }
    }
}

#[cfg(test)]
mod tests;
