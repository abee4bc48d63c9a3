//! State of all hosts: pure, with the time as an argument.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use telemetry::{BootTime, Stamp};

use super::{
    host::Tracked,
    row::{Host, HostState, UseCounts},
};
use crate::{
    report::{GpuReport, Seen},
    target::{Endpoint, TargetList},
};

/// State of all hosts, by the place of their agents: a new name does not make a new host.
#[derive(Debug, Default)]
pub struct Fleet {
    hosts: HashMap<Endpoint, Tracked>,
    /// False until a whole list is known.
    is_loaded: bool,
    notes: Arc<[String]>,
    config_notes: Arc<[String]>,
}

impl Fleet {
    /// Takes a list of targets. One that is not loaded yet drops no host.
    pub fn list(&mut self, list: &TargetList, now: Stamp) {
        self.is_loaded |= list.is_loaded;
        self.notes = list.notes.as_slice().into();
        let mut listed: HashMap<&Endpoint, &Arc<_>> = HashMap::with_capacity(list.targets.len());
        for target in list.targets.iter() {
            listed.entry(&target.endpoint).or_insert(target);
        }
        if list.is_loaded {
            for (endpoint, host) in &mut self.hosts {
                if !listed.contains_key(endpoint) {
                    host.drop_from_list(now.boot);
                }
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

    /// True once a whole list is known.
    pub const fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// Problems of the list's sources.
    pub const fn notes(&self) -> &Arc<[String]> {
        &self.notes
    }

    /// Takes the problems of the hub's own files.
    pub fn note_config(&mut self, notes: Arc<[String]>) {
        self.config_notes = notes;
    }

    /// Problems of the hub's own files, of which the last good content is in use.
    pub const fn config_notes(&self) -> &Arc<[String]> {
        &self.config_notes
    }

    /// Removes hosts that were dropped long ago, and those whose name another host has now.
    fn forget(&mut self, now: BootTime) {
        if self.hosts.values().all(Tracked::is_listed) {
            return;
        }
        let names: std::collections::HashSet<Arc<str>> =
            self.hosts.values().filter(|host| host.is_listed()).map(|host| Arc::clone(&host.target.name)).collect();
        let mut dropped = std::collections::HashSet::new();
        self.hosts.retain(|_, host| {
            host.is_listed()
                || !host.is_gone(now)
                    && !names.contains(&host.target.name)
                    && dropped.insert(Arc::clone(&host.target.name))
        });
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
