//! `/api/v1/fleet/users`: GPUs and memory of each user, over all hosts.

use std::collections::BTreeMap;

use serde::Serialize;
use telemetry::snapshot::UseVerdict;

use crate::fleet::{Host, HostState, Published};

/// Use of the fleet by its users.
#[derive(Debug, Serialize)]
struct Users<'a> {
    schema: u32,
    at: u64,
    /// The users with the most devices first.
    users: Vec<User<'a>>,
    /// Hosts whose users are not known: they are not `ok`, or their source does not name them.
    unknown_hosts: usize,
}

/// Use of the fleet by one user.
#[derive(Debug, Default, Serialize)]
struct User<'a> {
    user: &'a str,
    /// GPUs without MIG instances, and MIG instances.
    devices: usize,
    /// Devices that are idle, with memory held.
    held: usize,
    /// Devices that others use too. Their memory is in no sum, since the parts are not known.
    shared: usize,
    /// Used memory of the devices that it has alone; none if that is not known of any.
    memory_bytes: Option<u64>,
    hosts: Vec<Place<'a>>,
}

/// Devices of a user on a host.
#[derive(Debug, Default, Serialize)]
struct Place<'a> {
    name: &'a str,
    devices: usize,
    held: usize,
    shared: usize,
    memory_bytes: Option<u64>,
    /// Indices of GPUs without MIG instances.
    gpus: Vec<u32>,
    mig: Vec<InstancePlace<'a>>,
}

#[derive(Debug, Serialize)]
struct InstancePlace<'a> {
    gpu: u32,
    label: &'a str,
}

/// A device with its users.
struct Device<'a> {
    gpu: u32,
    label: Option<&'a str>,
    usage: UseVerdict,
    used_bytes: Option<u64>,
    users: Option<&'a [Box<str>]>,
}

/// Use of the fleet by its users, as JSON.
pub(crate) fn users(published: &Published) -> Vec<u8> {
    // Writing to memory does not fail, and no key is anything but a string.
    serde_json::to_vec(&Users::of(published)).unwrap_or_default()
}

impl<'a> Users<'a> {
    /// Users of hosts that are `ok`.
    fn of(published: &'a Published) -> Self {
        let mut users: BTreeMap<&str, User<'_>> = BTreeMap::new();
        let mut unknown_hosts = 0;
        for host in &published.hosts {
            let devices: Vec<Device<'_>> = devices(host).collect();
            let is_known = host.state == HostState::Ok && devices.iter().all(|device| device.users.is_some());
            unknown_hosts += usize::from(!is_known);
            if host.state != HostState::Ok {
                continue;
            }
            for device in &devices {
                let mut names: Vec<&str> = device.users.unwrap_or_default().iter().map(|user| &**user).collect();
                names.sort_unstable();
                names.dedup();
                for user in &names {
                    let entry = users.entry(user).or_insert_with(|| User { user, ..User::default() });
                    entry.add(host.name(), device, names.len() > 1);
                }
            }
        }
        let mut users: Vec<User<'_>> = users.into_values().collect();
        users.sort_by_key(|user| std::cmp::Reverse(user.devices));
        Self { schema: 1, at: published.at.unix_ms, users, unknown_hosts }
    }
}

impl<'a> User<'a> {
    fn add(&mut self, host: &'a str, device: &Device<'a>, is_shared: bool) {
        // Hosts come one after the other.
        if self.hosts.last().is_none_or(|place| place.name != host) {
            self.hosts.push(Place { name: host, ..Place::default() });
        }
        let Some(place) = self.hosts.last_mut() else { return };
        match device.label {
            None if place.gpus.contains(&device.gpu) => return,
            None => place.gpus.push(device.gpu),
            Some(label) => place.mig.push(InstancePlace { gpu: device.gpu, label }),
        }
        let (held, shared) = (usize::from(device.usage == UseVerdict::Held), usize::from(is_shared));
        let alone = device.used_bytes.filter(|_| !is_shared);
        for (devices, holds, shares, memory) in [
            (&mut self.devices, &mut self.held, &mut self.shared, &mut self.memory_bytes),
            (&mut place.devices, &mut place.held, &mut place.shared, &mut place.memory_bytes),
        ] {
            *devices += 1;
            *holds += held;
            *shares += shared;
            if let Some(bytes) = alone {
                *memory = Some(memory.unwrap_or(0).saturating_add(bytes));
            }
        }
    }
}

/// Devices of a host: the instances of a GPU instead of itself, if it has any.
fn devices(host: &Host) -> impl Iterator<Item = Device<'_>> {
    let used = |total: Option<u64>, free: Option<u64>| total.zip(free).map(|(total, free)| total.saturating_sub(free));
    host.gpus().iter().flat_map(move |gpu| {
        let whole = gpu.mig.is_empty().then(|| Device {
            gpu: gpu.index,
            label: None,
            usage: host.use_of(gpu),
            used_bytes: used(gpu.memory_total_bytes, gpu.memory_free_bytes),
            users: gpu.users.as_deref(),
        });
        let instances = gpu.mig.iter().map(move |mig| Device {
            gpu: gpu.index,
            label: Some(&mig.label),
            usage: host.use_of_instance(gpu, mig),
            used_bytes: used(mig.memory_total_bytes, mig.memory_free_bytes),
            users: mig.users.as_deref(),
        });
        whole.into_iter().chain(instances)
    })
}
