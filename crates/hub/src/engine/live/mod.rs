//! Live state of hosts from an engine, without connections to agents: `--live-from prometheus`.
//!
//! A refresh has nine queries over all hosts, and one for the GPUs of hosts that somebody looks at; two more follow it every ten
//! minutes: twelve at most, whatever the number of hosts. Between two refreshes, two of these queries notice failed scrapes, and
//! renew the GPUs that somebody looks at. `pace` decides when, and `report` for how long a reading counts.

mod facts;
mod gpus;
mod hosts;
mod instances;
mod pace;
mod report;
mod scrapes;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

use self::{
    facts::Facts,
    gpus::HostGpus,
    hosts::HostRows,
    pace::Pace,
    report::{Clock, Now, Shared},
    scrapes::Scrapes,
};
pub(super) use self::{hosts::QUERY_OF_TIMES, instances::Instances, scrapes::QUERY as QUERY_OF_SCRAPES};
use super::{
    api::{Engine, EngineError},
    config::EngineConfig,
    visible::VisibleHosts,
};
use crate::{
    client::Client,
    report::{Failure, Observation, Seen},
    target::{Endpoint, TargetList},
};

/// Period of facts that rarely change.
const FACTS_EVERY: Duration = Duration::from_secs(600);
/// Shortest time between two readings of facts, when hosts or GPUs are new.
const FACTS_AFTER: Duration = Duration::from_secs(60);
/// Shortest time between two queries of the hosts that are looked at.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Sends what an engine has about the listed hosts, until nobody receives it. `visible` has the names of the hosts whose
/// GPUs somebody looks at.
pub async fn run(
    client: Client,
    config: EngineConfig,
    mut targets: watch::Receiver<TargetList>,
    mut visible: watch::Receiver<VisibleHosts>,
    to: mpsc::Sender<Observation>,
) {
    if targets.wait_for(|list| list.is_loaded || !list.targets.is_empty()).await.is_err() {
        return;
    }
    let mut live = Live::new(Engine::new(&client, config));
    loop {
        let begin = Instant::now();
        let (list, names) = (targets.borrow_and_update().clone(), visible.borrow_and_update().clone());
        let observed = live.refresh(&list, &names).await;
        if !send(&to, observed).await {
            return;
        }
        // Afterwards, because they are long and nobody waits for them.
        let observed = live.read_facts().await;
        if !send(&to, observed).await {
            return;
        }
        let next = (begin + live.pace.pause()).max(Instant::now() + Duration::from_millis(100));
        loop {
            let beat = (Instant::now() + live.pace.beat()).min(next);
            tokio::select! {
                () = to.closed() => return,
                () = sleep_until(next) => break,
                () = sleep_until(beat), if beat < next => {
                    let names = visible.borrow_and_update().clone();
                    let observed = live.beat(&names).await;
                    if !send(&to, observed).await {
                        return;
                    }
                    continue;
                }
                changed = visible.changed() => if changed.is_err() { sleep_until(next).await; break },
            }
            let names = visible.borrow_and_update().clone();
            let observed = live.look(&names).await;
            if !send(&to, observed).await {
                return;
            }
            sleep(LOOK_AFTER).await;
        }
    }
}

async fn send(to: &mpsc::Sender<Observation>, observed: Vec<Observation>) -> bool {
    for observation in observed {
        if to.send(observation).await.is_err() {
            return false;
        }
    }
    true
}

/// Hosts as the engine has them.
struct Live {
    engine: Engine,
    list: TargetList,
    instances: Instances,
    endpoints: Vec<Arc<Endpoint>>,
    rows: HostRows,
    facts: Vec<Facts>,
    facts_at: Option<Instant>,
    gpus: BTreeMap<usize, HostGpus>,
    clocks: BTreeMap<Arc<Endpoint>, Clock>,
    pace: Pace,
    /// Time of the last whole answer.
    answered: Option<Instant>,
}

impl Live {
    fn new(engine: Engine) -> Self {
        Self {
            pace: Pace::new(engine.config().scrape_interval),
            engine,
            list: TargetList::default(),
            instances: Instances::default(),
            endpoints: Vec::new(),
            rows: HostRows::default(),
            facts: Vec::new(),
            facts_at: None,
            gpus: BTreeMap::new(),
            clocks: BTreeMap::new(),
            answered: None,
        }
    }

    /// Asks the engine about all hosts.
    async fn refresh(&mut self, list: &TargetList, visible: &VisibleHosts) -> Vec<Observation> {
        self.take_list(list);
        let (begin, asked, at) = (Instant::now(), self.engine.asked(), now());
        match hosts::read(&self.engine, &self.instances, self.pace.windows()).await {
            Ok(rows) => {
                self.pace.take(&rows, at.unix);
                self.rows = rows;
                self.answered = Some(begin);
            }
            Err(error) => return self.failed(&error),
        }
        if let Err(error) = self.read_gpus(visible).await {
            self.gpus.clear();
            self.rows.notes.push(format!("some values are missing: {error}"));
        }
        let observed = (0..self.endpoints.len()).filter_map(|at| self.observe(at)).collect();
        let (queries, took) = (self.engine.asked() - asked, begin.elapsed().as_millis());
        tracing::debug!(queries, milliseconds = took, looked_at = self.gpus.len(), "refreshed from the engine");
        observed
    }

    /// Asks the engine which scrapes have failed, and about the hosts that somebody looks at. Without an answer, what is known
    /// stays, and ages.
    async fn beat(&mut self, visible: &VisibleHosts) -> Vec<Observation> {
        if self.answered.is_none() {
            return Vec::new();
        }
        let begin = Instant::now();
        let mut changed: BTreeSet<usize> = self.gpus.keys().copied().collect();
        match Scrapes::read(&self.engine, &self.instances).await {
            Ok(answered) => {
                let before = std::mem::replace(&mut self.rows.scrapes, answered.value);
                let scrapes = &self.rows.scrapes;
                changed
                    .extend((0..self.endpoints.len()).filter(|at| before.has_failed(*at) != scrapes.has_failed(*at)));
            }
            Err(error) => {
                tracing::debug!(%error, "no news of scrapes");
                return Vec::new();
            }
        }
        if let Err(error) = self.read_gpus(visible).await {
            tracing::debug!(%error, "no news of the hosts that somebody looks at");
        }
        self.pace.beat_took(begin.elapsed());
        changed.extend(self.gpus.keys());
        changed.into_iter().filter_map(|at| self.observe(at)).collect()
    }

    /// Asks the engine about hosts that somebody begins to look at.
    async fn look(&mut self, visible: &VisibleHosts) -> Vec<Observation> {
        let before: BTreeSet<usize> = self.gpus.keys().copied().collect();
        let is_new = |at: &usize| !before.contains(at);
        if self.answered.is_none() || !self.visible(visible).iter().any(is_new) {
            return Vec::new();
        }
        if let Err(error) = self.read_gpus(visible).await {
            tracing::debug!(%error, "no news of the hosts that somebody looks at");
        }
        let seen: Vec<usize> = self.gpus.keys().copied().filter(is_new).collect();
        seen.into_iter().filter_map(|at| self.observe(at)).collect()
    }

    fn take_list(&mut self, list: &TargetList) {
        if Arc::ptr_eq(&self.list.targets, &list.targets) {
            return;
        }
        self.list = list.clone();
        self.instances = Instances::of(list);
        self.endpoints = list.targets.iter().map(|target| Arc::new(target.endpoint.clone())).collect();
        let listed: BTreeSet<&Arc<Endpoint>> = self.endpoints.iter().collect();
        self.clocks.retain(|endpoint, _| listed.contains(endpoint));
        (self.rows, self.facts, self.gpus) = (HostRows::default(), Vec::new(), BTreeMap::new());
        self.facts_at = None;
    }

    /// Positions of visible hosts, as many as fit into a query.
    fn visible(&self, visible: &VisibleHosts) -> Vec<usize> {
        let found =
            visible.keys().filter_map(|name| self.list.targets.binary_search_by(|target| target.name.cmp(name)).ok());
        gpus::fitting(&self.instances, found)
    }

    /// Reads facts that rarely change, if they are due.
    async fn read_facts(&mut self) -> Vec<Observation> {
        let is_due = self.facts_at.is_none_or(|at| {
            let age = at.elapsed();
            age >= FACTS_EVERY || age >= FACTS_AFTER && self.lacks_facts()
        });
        if !is_due || self.answered.is_none() {
            return Vec::new();
        }
        self.facts_at = Some(Instant::now());
        match facts::read(&self.engine, &self.instances, self.pace.windows().rules).await {
            Ok(facts) => self.facts = facts,
            // The old ones stay.
            Err(error) => self.rows.notes.push(format!("some values are missing: {error}")),
        }
        (0..self.endpoints.len()).filter_map(|at| self.observe(at)).collect()
    }

    /// True if a host has another number of GPUs than facts about them.
    fn lacks_facts(&self) -> bool {
        self.rows.rows.iter().enumerate().any(|(at, row)| {
            let counted = row.counts().map(|counts| {
                [counts.held, counts.busy, counts.unknown].into_iter().fold(counts.free, u32::saturating_add)
            });
            let known = self.facts.get(at).map_or(0, |facts| facts.gpus.len());
            counted.is_some_and(|counted| u32::try_from(known) != Ok(counted))
        })
    }

    async fn read_gpus(&mut self, visible: &VisibleHosts) -> Result<(), EngineError> {
        let hosts = self.visible(visible);
        if hosts.is_empty() {
            self.gpus.clear();
            return Ok(());
        }
        let window = self.pace.windows().long;
        let answered = gpus::read(&self.engine, &self.instances, &hosts, window, self.pace.seconds()).await?;
        self.gpus = answered.value;
        self.rows.notes.extend(answered.note.filter(|note| !self.rows.notes.contains(note)));
        Ok(())
    }

    /// News about a host; none if what is known may stay, and age.
    fn observe(&mut self, at: usize) -> Option<Observation> {
        let endpoint = Arc::clone(self.endpoints.get(at)?);
        let row = self.rows.rows.get(at)?;
        let raw = self.gpus.get(&at);
        let now = now();
        let read = raw.and_then(|raw| raw.read).or(row.read);
        let seen = if let Some(read) = read {
            let mut clock = self.clocks.get(&endpoint).copied();
            Clock::take(&mut clock, read, now);
            self.clocks.extend(clock.map(|clock| (Arc::clone(&endpoint), clock)));
            let shared = Shared {
                interval: self.pace.seconds(),
                rules: self.pace.rules() + self.pace.evaluation(),
                has_problems: self.rows.has_problems,
                has_failed: self.rows.scrapes.has_failed(at),
                notes: &self.rows.notes,
            };
            let facts = self.facts.get(at).cloned().unwrap_or_default();
            Seen::Report(Box::new(report::report(row, raw, &facts, clock.as_ref(), &shared, now)))
        } else {
            Seen::Failed(Failure::Unreachable(self.missing(at)))
        };
        Some(Observation { endpoint, at: now.at, seen })
    }

    /// Reason why the engine has nothing about a host.
    fn missing(&self, at: usize) -> String {
        let Some(instance) = self.instances.names(at).first() else {
            return "other hosts of the list have the same instance: give each a label instance, as in the engine"
                .into();
        };
        if self.rows.scrapes.is_refused(at) {
            return "the engine cannot scrape it, or gets no samples".into();
        }
        if self.rows.rows.iter().all(|row| row.read.is_none()) {
            return "the engine has no recorded series of any listed host: load deploy/prometheus/fleet.yml, and scrape the \
                    agents"
                .into();
        }
        format!("the engine has no samples of instance {instance:?} of the last {} s", self.pace.windows().long)
    }

    /// News when the engine does not answer: what is known stays until it is old.
    fn failed(&mut self, error: &EngineError) -> Vec<Observation> {
        tracing::warn!(%error, "no live state");
        self.pace.hurry();
        let patience = Duration::from_secs_f64(3.0 * self.pace.seconds());
        if self.answered.is_some_and(|at| at.elapsed() < patience) {
            return Vec::new();
        }
        let why = error.to_string();
        let at = Instant::now();
        let seen = || Seen::Failed(Failure::Unreachable(why.clone()));
        self.endpoints.iter().map(|endpoint| Observation { endpoint: Arc::clone(endpoint), at, seen: seen() }).collect()
    }
}

fn now() -> Now {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    Now { unix, at: Instant::now() }
}
