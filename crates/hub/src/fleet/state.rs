//! State of all hosts: pure, with the time as an argument.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use telemetry::{BootTime, Stamp};

use super::{
    host::{KEPT, Tracked},
    row::{Host, HostState, UseCounts},
};
use crate::{
    report::{GpuReport, Seen},
    target::{Endpoint, SourceState, TargetList},
};

/// Most hosts that are shown after a list has dropped them: addresses of pods can be others at each start.
const MAX_DROPPED: usize = 1000;

/// State of all hosts, by the place of their agents: a new name does not make a new host.
#[derive(Debug, Default)]
pub struct Fleet {
    hosts: HashMap<Endpoint, Tracked>,
    inputs: Arc<Inputs>,
}

/// State of the list of targets besides the targets, and of the hub's own files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// False until each source was loaded.
    pub is_loaded: bool,
    /// The sources.
    pub sources: Arc<[SourceState]>,
    /// Problems of the sources.
    pub notes: Vec<String>,
    /// Problems of the hub's own files, such as tokens, of which the last good content is in use.
    pub config_notes: Vec<String>,
}

impl Fleet {
    /// Takes a list of targets. A host that it does not have is dropped, also while another source is not loaded: its link
    /// has ended.
    pub fn list(&mut self, list: &TargetList, now: Stamp) {
        let inputs = Arc::make_mut(&mut self.inputs);
        inputs.is_loaded |= list.is_loaded;
        (inputs.sources, inputs.notes) = (Arc::clone(&list.sources), list.notes.clone());
        let mut listed: HashMap<&Endpoint, &Arc<_>> = HashMap::with_capacity(list.targets.len());
        for target in list.targets.iter() {
            listed.entry(&target.endpoint).or_insert(target);
        }
        for (endpoint, host) in &mut self.hosts {
            if !listed.contains_key(endpoint) {
                host.drop_from_list(now.boot);
            }
        }
        for (endpoint, target) in listed {
            match self.hosts.get_mut(endpoint) {
                Some(host) => host.list(target),
                None => drop(self.hosts.insert(endpoint.clone(), Tracked::new(Arc::clone(target)))),
            }
        }
        self.forget(now.boot);
    }

    /// Takes news about a host, received at this time. News about an agent that is not listed are ignored.
    pub fn see(&mut self, endpoint: &Endpoint, seen: Seen, at: Stamp) {
        if let Some(host) = self.hosts.get_mut(endpoint) {
            host.see(seen, at);
        }
    }

    /// The hosts at this time, sorted by name.
    pub fn hosts(&mut self, now: Stamp) -> Vec<Host> {
        self.forget(now.boot);
        let mut hosts: Vec<Host> = self.hosts.values_mut().map(|host| host.at(now)).collect();
        hosts.sort_unstable_by(|one, other| one.name().cmp(other.name()));
        note_shared(&mut hosts);
        hosts
    }

    /// State of the list of targets, and of the hub's own files.
    pub const fn inputs(&self) -> &Arc<Inputs> {
        &self.inputs
    }

    /// Takes the problems of the hub's own files.
    pub fn note_config(&mut self, notes: &[String]) {
        Arc::make_mut(&mut self.inputs).config_notes = notes.to_vec();
    }

    /// Removes hosts that were dropped long ago, those whose name another host has now, and the oldest of too many.
    fn forget(&mut self, now: BootTime) {
        if self.hosts.values().all(Tracked::is_listed) {
            return;
        }
        let mut names: HashSet<&str> =
            self.hosts.values().filter(|host| host.is_listed()).map(|host| &*host.target.name).collect();
        let mut dropped: Vec<(BootTime, &Endpoint, &str)> = self
            .hosts
            .iter()
            .filter_map(|(endpoint, host)| Some((host.dropped_at()?, endpoint, &*host.target.name)))
            .filter(|(at, ..)| now.since(*at) < KEPT)
            .collect();
        dropped.sort_unstable_by(|one, other| other.cmp(one));
        let newest = dropped.into_iter().filter(|(_, _, name)| names.insert(name)).take(MAX_DROPPED);
        let kept: HashSet<Endpoint> = newest.map(|(_, endpoint, _)| endpoint.clone()).collect();
        self.hosts.retain(|endpoint, host| host.is_listed() || kept.contains(endpoint));
    }
}

/// Notes the hosts of which another one reports a UUID too: both may be one agent under two addresses, or one of them
/// lies, and the hub cannot know which.
fn note_shared(hosts: &mut [Host]) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut shared: Vec<(usize, usize)> = Vec::new();
    for (position, host) in hosts.iter().enumerate().filter(|(_, host)| host.state == HostState::Ok) {
        for uuid in host.gpus().iter().flat_map(uuids) {
            match seen.entry(uuid) {
                Entry::Vacant(entry) => drop(entry.insert(position)),
                Entry::Occupied(entry) if *entry.get() != position => shared.push((*entry.get(), position)),
                Entry::Occupied(_) => {}
            }
        }
    }
    for (one, other) in shared {
        let names = [one, other].map(|position| hosts.get(position).map(|host| Arc::clone(host.name())));
        for (position, name) in [one, other].into_iter().zip(names.into_iter().rev()) {
            if let Some(host) = hosts.get_mut(position) {
                host.shares_with = host.shares_with.take().or(name);
            }
        }
    }
}

/// UUIDs of a GPU and its instances.
fn uuids(gpu: &GpuReport) -> impl Iterator<Item = &str> {
    gpu.uuid.as_deref().into_iter().chain(gpu.mig.iter().filter_map(|mig| mig.uuid.as_deref()))
}

/// Hosts by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostCounts([u32; HostState::ALL.len()]);

/// Sums over all hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Hosts by state.
    pub hosts: HostCounts,
    /// GPUs by use.
    pub gpus: UseCounts,
    /// Free MIG instances.
    pub mig_free: u32,
    /// Memory of the GPUs of hosts that are `ok`; none if it is known of none.
    pub memory_total_bytes: Option<u64>,
    /// Free memory of these.
    pub memory_free_bytes: Option<u64>,
    /// Power draw of these.
    pub power_watts: Option<f64>,
}

impl HostCounts {
    /// Number of hosts in this state.
    #[must_use]
    pub fn of(&self, state: HostState) -> u32 {
        self.0.get(state as usize).copied().unwrap_or(0)
    }
}

impl Totals {
    /// Sums over these hosts.
    pub fn of<'a>(hosts: impl Iterator<Item = &'a Host>) -> Self {
        let mut totals = Self::default();
        for host in hosts {
            totals.add(host);
        }
        totals
    }

    fn add(&mut self, host: &Host) {
        if let Some(count) = self.hosts.0.get_mut(host.state as usize) {
            *count += 1;
        }
        let counts = &host.counts;
        self.gpus.free = self.gpus.free.saturating_add(counts.gpus.free);
        self.gpus.held = self.gpus.held.saturating_add(counts.gpus.held);
        self.gpus.busy = self.gpus.busy.saturating_add(counts.gpus.busy);
        self.gpus.unknown = self.gpus.unknown.saturating_add(counts.gpus.unknown);
        self.mig_free = self.mig_free.saturating_add(counts.mig.free);
        if host.state != HostState::Ok {
            return;
        }
        if let Some(sums) = host.report.as_ref().and_then(|report| report.counts) {
            sum(&mut self.memory_total_bytes, sums.memory_total_bytes, u64::saturating_add);
            sum(&mut self.memory_free_bytes, sums.memory_free_bytes, u64::saturating_add);
            sum(&mut self.power_watts, sums.power_watts, |sum, watts| sum + watts);
            return;
        }
        for gpu in host.gpus() {
            sum(&mut self.memory_total_bytes, gpu.memory_total_bytes, u64::saturating_add);
            sum(&mut self.memory_free_bytes, gpu.memory_free_bytes, u64::saturating_add);
            sum(&mut self.power_watts, gpu.power_watts, |sum, watts| sum + watts);
        }
    }
}

fn sum<T: Copy + Default>(sum: &mut Option<T>, value: Option<T>, add: impl Fn(T, T) -> T) {
    if let Some(value) = value {
        *sum = Some(add(sum.unwrap_or_default(), value));
    }
}
