//! The search for devices: one pass over those that can be offered, and one over all devices if nothing fits.

use std::{borrow::Cow, cmp::Reverse, ops::Range};

use super::{
    Device, Host, Kind, Profile, Request,
    answer::{Answer, Choice, Lack, Missing, NearHost, Offer},
};
use crate::snapshot::{Severity, UseVerdict};

/// Most hosts in `nearest`.
const MAX_NEAREST: usize = 3;

/// Choices for a request, or the hosts that nearly have one.
#[must_use]
pub fn find<'a>(request: &Request, hosts: &[Host<'a>]) -> Answer<'a> {
    Index::new(hosts).find(request, hosts)
}

/// Parts of a search that are the same for every request, for hosts that are searched again and again.
#[derive(Debug, Default)]
pub struct Index {
    hosts: Vec<Entry>,
    /// Places of the devices that the least demanding request can get, host by host, the best of each host first.
    offered: Vec<usize>,
    /// Hashes of UUIDs that several devices have, sorted.
    shared: Vec<u64>,
}

/// A host of an index.
#[derive(Debug)]
struct Entry {
    /// Its part of [`Index::offered`].
    offered: Range<usize>,
    /// Number of its devices that can be requested: no GPUs in MIG mode.
    requestable: usize,
    /// True if all of these are free.
    is_free: bool,
}

impl Index {
    /// Index of hosts.
    #[must_use]
    pub fn new(hosts: &[Host<'_>]) -> Self {
        let shared = shared(hosts);
        let (mut entries, mut offered) = (Vec::with_capacity(hosts.len()), Vec::new());
        let whole = Request { held: true, ..Request::default() };
        let instances = Request { mig: Some(Profile::Any), ..whole.clone() };
        let mut least = [&whole, &instances].map(|request| Search::new(request, &shared));
        for host in hosts {
            let begin = offered.len();
            let mut fits = |device| least.iter_mut().any(|search| search.lack(host, device).is_none());
            offered.extend(host.devices.iter().enumerate().filter(|(_, device)| fits(device)).map(|(place, _)| place));
            if let Some(places) = offered.get_mut(begin..) {
                // Stable: equal devices keep their order.
                places.sort_by_key(|place| host.devices.get(*place).map(|device| (is_held(device), size(device))));
            }
            let requestable = host.devices.iter().filter(|device| device.kind != Kind::MigGpu);
            entries.push(Entry {
                offered: begin..offered.len(),
                is_free: requestable.clone().all(|device| device.r#use == UseVerdict::Free),
                requestable: requestable.count(),
            });
        }
        Self { hosts: entries, offered, shared }
    }

    /// Choices for a request, or the hosts that nearly have one. The hosts are those of the index; since then, reports may
    /// have become old.
    #[must_use]
    pub fn find<'a>(&self, request: &Request, hosts: &[Host<'a>]) -> Answer<'a> {
        let mut search = Search::new(request, &self.shared);
        let (mut ranks, mut fitting) = (Vec::new(), Vec::new());
        for (position, (host, entry)) in hosts.iter().zip(&self.hosts).enumerate() {
            if entry.offered.len() < request.count || !host.is_current || !has_labels(host, request) {
                continue;
            }
            search.fit(host, self.offered_of(entry), &mut fitting);
            if fitting.len() < request.count {
                continue;
            }
            let left_over = fitting.len() - request.count;
            fitting.truncate(request.count);
            ranks.push(Rank {
                comes_last: host.comes_last,
                held: fitting.iter().filter(|device| is_held(device)).count(),
                size: fitting.iter().map(|device| u128::from(size(device))).sum(),
                splits: entry.is_free && request.count < entry.requestable,
                left_over,
                position,
            });
        }
        ranks.sort_unstable();
        let best = ranks.iter().take(request.limit).filter_map(|rank| {
            let (host, entry) = hosts.get(rank.position).zip(self.hosts.get(rank.position))?;
            search.fit(host, self.offered_of(entry), &mut fitting);
            fitting.truncate(request.count);
            Some(choice(host, &mut fitting))
        });
        let choices: Vec<Choice<'a>> = best.collect();
        let nearest = if choices.is_empty() { search.nearest(hosts) } else { Vec::new() };
        Answer { schema: 1, found: !choices.is_empty(), choices, nearest }
    }

    fn offered_of(&self, entry: &Entry) -> &[usize] {
        self.offered.get(entry.offered.clone()).unwrap_or_default()
    }
}

/// Rank of a choice; the smallest is the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    comes_last: bool,
    held: usize,
    size: u128,
    splits: bool,
    left_over: usize,
    position: usize,
}

fn is_held(device: &Device) -> bool {
    device.r#use != UseVerdict::Free
}

/// Size of a device in GiB: its whole memory, else what is free of it.
fn size(device: &Device) -> u64 {
    let bytes = device.memory_total_bytes.or(device.memory_free_bytes);
    bytes.map_or(u64::MAX, |bytes| (bytes >> 29).div_ceil(2))
}

fn has_labels(host: &Host<'_>, request: &Request) -> bool {
    request.labels.iter().all(|(key, value)| host.labels.get(key.as_str()).is_some_and(|found| **found == **value))
}

fn choice<'a>(host: &Host<'a>, devices: &mut [&'a Device]) -> Choice<'a> {
    // Stable: instances of a GPU keep their order.
    devices.sort_by_key(|device| device.index);
    let uuid = |device: &&'a Device| device.uuid.as_ref().map_or("", |uuid| uuid.as_str());
    Choice {
        host: host.name,
        cuda_visible_devices: devices.iter().map(uuid).collect::<Vec<_>>().join(","),
        devices: devices
            .iter()
            .map(|device| Offer {
                index: device.index,
                uuid: uuid(device),
                name: name(device),
                memory_free_bytes: device.memory_free_bytes,
            })
            .collect(),
        command: None,
    }
}

fn name(device: &Device) -> Option<Cow<'_, str>> {
    let name = device.name.as_deref()?;
    Some(match &device.kind {
        Kind::Instance(Some(profile)) => format!("{name} MIG {profile}").into(),
        Kind::Instance(None) | Kind::Gpu | Kind::MigGpu => name.into(),
    })
}

/// A request, with what is the same for all devices.
struct Search<'r, 'a> {
    request: &'r Request,
    /// The part of the product name in lower case.
    model: Option<String>,
    /// The product name seen last, and whether it has the part: names of one host are mostly equal.
    seen: Option<(&'a str, bool)>,
    /// Hashes of UUIDs that several devices have, sorted.
    shared: &'r [u64],
}

impl<'r, 'a> Search<'r, 'a> {
    fn new(request: &'r Request, shared: &'r [u64]) -> Self {
        Self { request, model: request.model.as_ref().map(|model| model.to_lowercase()), seen: None, shared }
    }

    /// Finds the devices of a host that fit, among these places and in their order.
    fn fit(&mut self, host: &Host<'a>, places: &[usize], fitting: &mut Vec<&'a Device>) {
        fitting.clear();
        let devices = places.iter().filter_map(|place| host.devices.get(*place));
        fitting.extend(devices.filter(|device| self.lack(host, device).is_none()));
    }

    /// The first thing that a device misses.
    fn lack(&mut self, host: &Host<'a>, device: &'a Device) -> Option<Lack> {
        let request = self.request;
        let has =
            |bytes: Option<u64>| request.memory_bytes.is_none_or(|least| bytes.is_some_and(|bytes| bytes >= least));
        let is_own = device.uuid.as_ref().is_some_and(|uuid| self.shared.binary_search(&uuid.hash).is_err());
        let is_known = host.is_current && device.is_current && device.r#use != UseVerdict::Unknown;
        if !self.is_requested(device) {
            Some(Lack::Model)
        } else if device.memory_total_bytes.is_some_and(|total| !has(Some(total))) {
            Some(Lack::Memory)
        } else if !is_known || !is_own {
            Some(Lack::Stale)
        } else if device.health.map_or(!host.comes_last, |health| health != Severity::Ok) {
            Some(Lack::Health)
        } else if device.r#use == UseVerdict::Busy || (device.r#use == UseVerdict::Held && !request.held) {
            Some(Lack::Held)
        } else if device.is_claimed {
            Some(Lack::Claimed)
        } else if !has(device.memory_free_bytes) {
            Some(Lack::Memory)
        } else {
            None
        }
    }

    /// True for a device of the requested kind and model.
    fn is_requested(&mut self, device: &'a Device) -> bool {
        let is_kind = match (&device.kind, &self.request.mig) {
            (Kind::Gpu, None) | (Kind::Instance(_), Some(Profile::Any)) => true,
            (Kind::Instance(Some(profile)), Some(Profile::Named(named))) => profile.eq_ignore_ascii_case(named),
            _ => false,
        };
        is_kind && self.is_model(device.name.as_deref())
    }

    fn is_model(&mut self, name: Option<&'a str>) -> bool {
        let Some(model) = &self.model else { return true };
        let Some(name) = name else { return false };
        match self.seen {
            Some((seen, has)) if seen == name => has,
            _ => {
                let has = name.to_lowercase().contains(model.as_str());
                self.seen = Some((name, has));
                has
            }
        }
    }

    /// The hosts with the most fitting devices; of those with equally many, the ones with more that could fit.
    fn nearest(&mut self, hosts: &[Host<'a>]) -> Vec<NearHost<'a>> {
        let mut near: Vec<_> = Vec::new();
        let labelled = hosts.iter().enumerate().filter(|(_, host)| has_labels(host, self.request));
        for (position, host) in labelled.collect::<Vec<_>>() {
            let (fitting, lacks) = self.lacks(host);
            let [_, _, stale, health, held, claimed, _] = lacks;
            let waits = fitting + health + held + claimed + stale;
            near.push((
                (Reverse(fitting), Reverse(waits.min(self.request.count)), host.comes_last, position),
                host,
                lacks,
            ));
        }
        near.sort_unstable_by_key(|(rank, ..)| *rank);
        let named = near.into_iter().take(MAX_NEAREST).map(|((Reverse(fitting), ..), host, lacks)| NearHost {
            host: host.name,
            fitting,
            missing: Lack::ALL
                .into_iter()
                .zip(lacks)
                .filter(|(_, devices)| *devices > 0)
                .map(|(what, devices)| Missing { what, devices })
                .collect(),
        });
        named.collect()
    }

    /// Number of fitting devices of a host, and of the others by what they miss first, in the order of [`Lack::ALL`].
    fn lacks(&mut self, host: &Host<'a>) -> (usize, [usize; Lack::COUNT]) {
        let wants_instances = self.request.mig.is_some();
        let (mut fitting, mut lacks, mut all) = (0, [0; Lack::COUNT], 0);
        for device in host.devices.iter().filter(|device| matches!(device.kind, Kind::Instance(_)) == wants_instances) {
            all += 1;
            match self.lack(host, device) {
                None => fitting += 1,
                Some(lack) => {
                    if let Some(number) = lacks.get_mut(lack as usize) {
                        *number += 1;
                    }
                }
            }
        }
        let [short, ..] = &mut lacks;
        *short = self.request.count.saturating_sub(all);
        (fitting, lacks)
    }
}

/// Hashes of the UUIDs that several devices have, of hosts whose reports are current: a host that moved to another
/// address leaves an old report behind.
fn shared(hosts: &[Host<'_>]) -> Vec<u64> {
    let current = hosts.iter().filter(|host| host.is_current);
    let mut hashes: Vec<u64> =
        current.flat_map(|host| host.devices).filter_map(|device| Some(device.uuid.as_ref()?.hash)).collect();
    hashes.sort_unstable();
    let mut shared: Vec<u64> = hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    shared.dedup();
    shared
}
