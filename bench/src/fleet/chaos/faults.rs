//! Faults, drawn by the seed, and their ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{
    dns::DnsFault,
    lists::{FileFault, ServerFault},
    plan::{Group, Plan},
};

/// A fault that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A fault of a simulated agent, by its word.
    Agent(String, &'static str),
    /// A simulated agent that comes and goes.
    Flapping(String),
    /// A real agent is killed, or stopped.
    Killed(usize),
    Stopped(usize),
    File(FileFault),
    Dropped(String),
    Server(ServerFault),
    Dns(DnsFault),
    HubKilled,
    HubStopped,
    EngineKilled,
    EngineStopped,
}

impl Fault {
    /// Thing that has it: one fault at a time.
    fn subject(&self) -> String {
        match self {
            Self::Agent(name, _) | Self::Flapping(name) => name.clone(),
            Self::Dropped(name) => format!("listing of {name}"),
            Self::Killed(number) | Self::Stopped(number) => format!("agent {number}"),
            Self::File(_) => "file".into(),
            Self::Server(_) => "server".into(),
            Self::Dns(_) => "names".into(),
            Self::HubKilled | Self::HubStopped => "hub".into(),
            Self::EngineKilled | Self::EngineStopped => "engine".into(),
        }
    }

    /// Name in the table.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Agent(_, fault) => match fault.as_bytes() {
                b"dead" => "agent closes connections",
                b"silent" => "agent sends nothing",
                b"slow" => "agent is slow",
                b"partial" => "agent cuts its answers",
                _ => "agent sends garbage",
            },
            Self::Flapping(_) => "agent comes and goes",
            Self::Killed(_) => "real agent killed",
            Self::Stopped(_) => "real agent stopped",
            Self::File(_) => "file of hosts broken",
            Self::Dropped(_) => "host dropped by the file",
            Self::Server(ServerFault::EmptyList) => "http_sd returns an empty list",
            Self::Server(_) => "http_sd fails",
            Self::Dns(_) => "name server fails",
            Self::HubKilled => "hub killed and restarted",
            Self::HubStopped => "hub stopped",
            Self::EngineKilled => "engine killed",
            Self::EngineStopped => "engine stopped",
        }
    }
}

/// A fault that goes on.
pub(super) struct Running {
    pub(super) fault: Fault,
    pub(super) ends: Instant,
}

/// Parts of a run that can fail.
pub(super) struct Parts {
    pub(super) agents: usize,
    pub(super) has_names: bool,
    pub(super) has_engine: bool,
}

/// Faults of a run.
pub(super) struct Faults {
    parts: Parts,
    pub(super) running: Vec<Running>,
    pub(super) begun: BTreeMap<&'static str, u64>,
    /// Host that the list never has again.
    lost: Option<String>,
    drawn: u64,
}

const OF_AGENTS: [&str; 5] = ["dead", "silent", "slow", "partial", "garbage"];

impl Faults {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, running: Vec::new(), begun: BTreeMap::new(), lost: None, drawn: 0 }
    }

    /// The next fault; none if nothing new fails now.
    pub(super) fn next(&mut self, plan: &Plan, now: Instant) -> Option<(Fault, Instant)> {
        self.drawn += 1;
        let number = self.drawn;
        let draw = |about: u64, below: usize| {
            usize::try_from(plan.drawn(about, number) % u64::try_from(below.max(1)).unwrap_or(1)).unwrap_or(0)
        };
        if draw(0, 5) >= 2 {
            return None;
        }
        let one = |names: Vec<String>| names.get(draw(2, names.len())).cloned();
        let faulty = || one(plan.names(&[Group::Faulty]));
        let (fault, longest) = match draw(1, 40) {
            0..=14 => (Fault::Agent(faulty()?, OF_AGENTS[draw(3, OF_AGENTS.len())]), 25),
            15..=17 => (Fault::Flapping(faulty()?), 30),
            18..=20 => (Fault::Killed(draw(2, self.parts.agents)), 20),
            21..=22 => (Fault::Stopped(draw(2, self.parts.agents)), 20),
            23..=25 => (Fault::File(FileFault::ALL[draw(3, FileFault::ALL.len())]), 15),
            26..=27 => return self.drop_host(one(plan.names(&[Group::Dropped]))?, draw(4, 40), now),
            28..=30 => (Fault::Server(ServerFault::ALL[draw(3, ServerFault::ALL.len())]), 20),
            31..=33 if self.parts.has_names => (Fault::Dns(DnsFault::ALL[draw(3, DnsFault::ALL.len())]), 20),
            34 => (Fault::HubKilled, 4),
            35 => (Fault::HubStopped, 8),
            36 if self.parts.has_engine => (Fault::EngineKilled, 20),
            37 if self.parts.has_engine => (Fault::EngineStopped, 25),
            _ => return None,
        };
        let seconds = 2 + draw(4, longest);
        self.begin(fault, now + Duration::from_secs(seconds as u64))
    }

    /// The first host that is dropped never comes back.
    fn drop_host(&mut self, name: String, seconds: usize, now: Instant) -> Option<(Fault, Instant)> {
        let is_first = self.lost.is_none();
        let time = Duration::from_secs(if is_first { 86_400 } else { 20 + seconds as u64 });
        if is_first {
            self.lost = Some(name.clone());
        }
        self.begin(Fault::Dropped(name), now + time)
    }

    fn begin(&mut self, fault: Fault, ends: Instant) -> Option<(Fault, Instant)> {
        let subject = fault.subject();
        // A list that is broken drops nothing.
        let is_file = |fault: &Fault| matches!(fault, Fault::File(_));
        let is_taken = self.running.iter().any(|running| {
            running.fault.subject() == subject || matches!(fault, Fault::Dropped(_)) && is_file(&running.fault)
        });
        if is_taken {
            return None;
        }
        *self.begun.entry(fault.name()).or_default() += 1;
        self.running.push(Running { fault: fault.clone(), ends });
        Some((fault, ends))
    }

    /// Faults that end now.
    pub(super) fn ended(&mut self, now: Instant) -> Vec<Fault> {
        let is_broken = self.running.iter().any(|running| matches!(running.fault, Fault::File(_)));
        // A host comes back with a list that can be read.
        let (ended, running) = std::mem::take(&mut self.running)
            .into_iter()
            .partition(|running| running.ends <= now && !(is_broken && matches!(running.fault, Fault::Dropped(_))));
        self.running = running;
        let ended: Vec<Running> = ended;
        ended.into_iter().map(|running| running.fault).collect()
    }

    pub(super) fn is_running(&self, wanted: impl Fn(&Fault) -> bool) -> bool {
        self.running.iter().any(|running| wanted(&running.fault))
    }

    pub(super) fn flapping(&self) -> BTreeSet<String> {
        let name = |running: &Running| match &running.fault {
            Fault::Flapping(name) => Some(name.clone()),
            _ => None,
        };
        self.running.iter().filter_map(name).collect()
    }
}
