//! A host with a random history, as its snapshots show it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Absence, BootTime, Stamp,
    fixtures::{self, blank},
    sample::{Container, DriverFacts, Life, MigSample, SlurmJob},
    snapshot::{CollectorState, Gpu, GpuState, Mig, MissingGpu, Process, Snapshot, Usage, UseVerdict},
};

/// Random numbers by SplitMix64: a seed is a history.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    pub(super) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

/// Somebody on a device: user, container and job by number.
pub(super) type Who = (u64, u64, u64);

/// A device and its processes.
#[derive(Clone, Debug, Default)]
pub(super) struct Device {
    /// MIG: number of the instance and its slices.
    pub(super) instance: Option<(u32, u64)>,
    pub(super) holders: BTreeSet<Who>,
    /// A process whose owner is not known.
    pub(super) has_stranger: bool,
    /// A process that is gone already.
    pub(super) has_ghost: bool,
    pub(super) is_unreadable: bool,
}

#[derive(Clone, Debug)]
pub(super) struct HostGpu {
    pub(super) key: String,
    /// The driver lists it.
    pub(super) is_listed: bool,
    pub(super) state: Option<GpuState>,
    /// It is read slowly, and not stale for it.
    pub(super) is_slow: bool,
    pub(super) read_at: Option<u64>,
    pub(super) has_mig: bool,
    pub(super) devices: Vec<Device>,
    percent: u32,
}

impl HostGpu {
    pub(super) fn new(number: u64, random: &mut Random) -> Self {
        Self {
            key: format!("GPU-{number}"),
            is_listed: true,
            state: None,
            is_slow: random.one_in(4),
            read_at: None,
            has_mig: false,
            devices: vec![Device::default()],
            percent: 40,
        }
    }

    /// Changes who is on it, or how it is divided.
    pub(super) fn change(&mut self, random: &mut Random, next: &mut u32) {
        if random.one_in(5) {
            self.has_mig = !self.has_mig;
            self.devices = if self.has_mig { Vec::new() } else { vec![Device::default()] };
            let mut left = 7;
            while self.has_mig && left > 0 && !random.one_in(4) {
                let slices = 1 + random.below(left.min(4));
                left -= slices;
                *next += 1;
                self.devices.push(Device { instance: Some((*next, slices)), ..Device::default() });
            }
        }
        self.percent = u32::try_from(random.below(101)).unwrap();
        for device in &mut self.devices {
            let who = (random.below(3), random.below(3), random.below(2));
            if !device.holders.remove(&who) {
                device.holders.insert(who);
            }
            device.has_stranger = random.one_in(6);
            device.has_ghost = random.one_in(6);
            device.is_unreadable = random.one_in(8);
        }
    }

    pub(super) fn state_at(&self, now: u64) -> GpuState {
        match (self.state, self.read_at) {
            (Some(state), _) => state,
            (None, Some(read)) if self.is_slow || now - read <= 3000 => GpuState::Ok,
            (None, _) => GpuState::Stale,
        }
    }

    pub(super) fn snapshot(&self, index: u32, now: Stamp, stamp: impl Fn(u64) -> Stamp) -> Gpu {
        let state = self.state_at(now.boot.0);
        let mut gpu = fixtures::gpu(index);
        gpu.key.clone_from(&self.key);
        gpu.identity.uuid = Ok(self.key.clone());
        gpu.identity.name = Ok("NVIDIA A100-SXM4-80GB".into());
        (gpu.state, gpu.read_at, gpu.never_read) =
            (state, stamp(self.read_at.unwrap_or(now.boot.0)), self.read_at.is_none());
        gpu.readings.modes.mig = Ok(self.has_mig);
        gpu.readings.utilization.gpu_percent = Ok(self.percent);
        let uses: Vec<Usage> = self.devices.iter().map(|device| usage(device, state)).collect();
        gpu.processes = self.devices.iter().flat_map(processes).collect();
        if self.has_mig {
            gpu.usage = usage(&Device::default(), state);
            gpu.mig = Ok(self.devices.iter().zip(uses).map(|(device, usage)| mig(device, usage)).collect());
        } else if let Some(usage) = uses.into_iter().next() {
            gpu.usage = usage;
        }
        gpu
    }
}

fn usage(device: &Device, state: GpuState) -> Usage {
    let is_taken = device.has_ghost || device.has_stranger || !device.holders.is_empty();
    let verdict = match (state, is_taken) {
        _ if device.is_unreadable => UseVerdict::Unknown,
        (GpuState::Ok, true) => UseVerdict::Busy,
        (GpuState::Ok, false) => UseVerdict::Free,
        _ => UseVerdict::Unknown,
    };
    Usage { verdict, ..Usage::unknown(Stamp::default(), Absence::NotSupported) }
}

/// Processes of a device: two of each holder whose numbers add up to an odd one. PIDs are used again at once.
fn processes(device: &Device) -> Vec<Process> {
    let place = device.instance.map(|(number, _)| number);
    let base = Process { gpu_instance: place, compute_instance: place.map(|_| 0), holds: true, ..blank::process(0) };
    let of = |&(user, container, job): &Who| Process {
        uid: Ok(1000 + u32::try_from(user).unwrap()),
        user: Some(format!("user{user}")),
        gpu_memory_bytes: Ok(1 << 30),
        container: (container > 0).then(|| {
            let name = Ok(format!("box{container}"));
            Box::new(Container { id: "0".into(), runtime: None, name, rootless: false })
        }),
        job: Ok((job > 0)
            .then(|| Box::new(SlurmJob { id: format!("{job}"), step: None, shown: Err(Absence::NotSupported) }))),
        ..base.clone()
    };
    let twice = |who: &Who| 1 + (who.0 + who.1 + who.2) % 2;
    let mut all: Vec<Process> = device.holders.iter().flat_map(|who| (0..twice(who)).map(move |_| of(who))).collect();
    if device.has_stranger {
        all.push(Process { uid: Err(Absence::Denied), ..base.clone() });
    }
    if device.has_ghost {
        all.push(Process { uid: Ok(0), life: Life::Gone, ..base.clone() });
    }
    (1..).zip(&mut all).for_each(|(pid, process)| process.pid = pid);
    all
}

fn mig(device: &Device, usage: Usage) -> Mig {
    let (number, slices) = device.instance.unwrap();
    let sample = MigSample {
        gpu_instance: Ok(number),
        compute_instance: Ok(0),
        uuid: Ok(format!("MIG-{number}")),
        profile: Ok(format!("{slices}g.10gb")),
        ..MigSample::absent(Absence::NotSupported)
    };
    Mig { sample, pods: Err(Absence::NotSupported), usage, claim: None }
}

/// The agent's view of the host: which GPUs it lists, and which are missing.
#[derive(Default)]
pub(super) struct View {
    /// GPUs that this run of the agent has listed.
    pub(super) seen: BTreeSet<String>,
    /// GPUs that earlier runs have read.
    pub(super) earlier: BTreeSet<String>,
    /// Snapshots until the driver has counted its GPUs.
    pub(super) starting: u64,
}

impl View {
    /// The snapshot now, with the state of each GPU that it lists or misses.
    pub(super) fn snapshot(&mut self, gpus: &BTreeMap<u64, HostGpu>, now: Stamp) -> Snapshot {
        let stamp = |boot: u64| Stamp { boot: BootTime(boot), unix_ms: now.unix_ms.saturating_sub(now.boot.0 - boot) };
        let mut snapshot = Snapshot { at: now, ..fixtures::snapshot(CollectorState::Ok, Vec::new()) };
        if self.starting > 0 {
            self.starting -= 1;
            return snapshot;
        }
        let unread = Absence::NotSupported;
        let facts = DriverFacts {
            driver_version: Err(unread),
            nvml_version: Err(unread),
            cuda_version: Err(unread),
            init_ms: 0,
        };
        snapshot.driver = Some(facts);
        for gpu in gpus.values().filter(|gpu| gpu.is_listed) {
            let index = u32::try_from(snapshot.gpus.len()).unwrap();
            snapshot.gpus.push(gpu.snapshot(index, now, stamp));
            self.seen.insert(gpu.key.clone());
        }
        for gpu in gpus.values().filter(|gpu| !gpu.is_listed && self.seen.contains(&gpu.key)) {
            let index = u32::try_from(snapshot.gpus.len()).unwrap();
            snapshot.gpus.push(Gpu { state: GpuState::Lost, ..gpu.snapshot(index, now, stamp) });
        }
        let missing = self.earlier.iter().filter(|key| !self.seen.contains(*key));
        snapshot.missing.extend(missing.map(|key| MissingGpu { id: key.clone(), name: String::new(), read_at_ms: 0 }));
        snapshot
    }
}
