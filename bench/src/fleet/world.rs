//! The simulated hosts: a function of the seed and the time, without state, so that a run can be repeated and every answer
//! can be checked.

use std::fmt::Write as _;

/// Time between two readings of a host in milliseconds.
pub(crate) const INTERVAL_MS: u64 = 1000;
/// Bits of the free memory of a GPU that are the time of its reading in milliseconds, so that a reader of any answer knows
/// its age.
pub(crate) const STAMP_BITS: u32 = 20;

/// Kind of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An agent of this release.
    Usual,
    /// The same with GPUs in trouble.
    Sick,
    /// The same with MIG instances.
    Mig,
    /// An agent of an earlier release.
    Older,
    /// The original Python agent.
    Original,
    /// An agent that needs seconds for each answer.
    Slow,
    /// Something that accepts connections and never answers.
    Silent,
    /// Nothing listens there.
    Dead,
    /// Something that answers with what no agent sends.
    Hostile,
}

impl Kind {
    /// Kinds besides the usual one, with their names in options.
    pub(crate) const OTHERS: [(Self, &'static str); 8] = [
        (Self::Sick, "sick"),
        (Self::Mig, "mig"),
        (Self::Older, "older"),
        (Self::Original, "original"),
        (Self::Slow, "slow"),
        (Self::Silent, "silent"),
        (Self::Dead, "dead"),
        (Self::Hostile, "hostile"),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::OTHERS.iter().find(|(kind, _)| *kind == self).map_or("usual", |(_, name)| name)
    }
}

/// A GPU model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) memory_mib: u64,
    pub(crate) watts: u64,
}

const MODELS: [Model; 4] = [
    Model { name: "NVIDIA H200", memory_mib: 143_771, watts: 700 },
    Model { name: "NVIDIA H100 80GB HBM3", memory_mib: 81_559, watts: 700 },
    Model { name: "NVIDIA A100-SXM4-40GB", memory_mib: 40_960, watts: 400 },
    Model { name: "NVIDIA L40S", memory_mib: 46_068, watts: 350 },
];
const OWNERS: [&str; 4] = ["vision", "speech", "language", "shared"];
/// Names of the first users; more are `user0003` and so on.
const USERS: [&str; 3] = ["alice", "bob", "carol"];
/// Hosts in a rack.
const RACK: usize = 16;
/// Racks in a cluster.
const CLUSTER: usize = 16;

/// Settings of the simulation.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) gpus: usize,
    pub(crate) users: u64,
    /// Readings between two changes of a host; 1: it changes with each.
    pub(crate) calm: u64,
    /// Mean time in milliseconds for which a GPU keeps its use.
    pub(crate) session_ms: u64,
}

/// A host.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) model: Model,
}

/// Use of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Free,
    Held,
    Busy,
}

impl Use {
    pub(crate) const ALL: [Self; 3] = [Self::Free, Self::Held, Self::Busy];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Held => "held",
            Self::Busy => "busy",
        }
    }
}

/// State of a GPU at a reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gpu {
    pub(crate) r#use: Use,
    /// Begin of the use, Unix time in milliseconds.
    pub(crate) since_ms: u64,
    /// Number of its user; none if it is free.
    pub(crate) user: Option<u64>,
    pub(crate) total_bytes: u64,
    pub(crate) free_bytes: u64,
    pub(crate) utilization: u64,
    pub(crate) milliwatts: u64,
    pub(crate) celsius: u64,
}

/// A number that depends on all of these and looks random (the finalizer of SplitMix64).
pub(crate) fn drawn(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |state: u64, part| {
        let mut mixed = (state ^ *part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// Age of a reading in milliseconds by the free memory that it reported, at this Unix time in milliseconds.
pub(crate) const fn age_ms(free_bytes: u64, now_ms: u64) -> u64 {
    now_ms.wrapping_sub(free_bytes) & ((1 << STAMP_BITS) - 1)
}

/// Name of a user.
pub(crate) fn write_user(to: &mut String, user: u64) {
    // Writing to a string does not fail.
    let _ = match USERS.get(usize::try_from(user).unwrap_or(usize::MAX)) {
        Some(name) => to.write_str(name),
        None => write!(to, "user{user:04}"),
    };
}

impl Host {
    pub(crate) fn new(world: &World, number: usize, kind: Kind) -> Self {
        let rack = (number / RACK) as u64;
        let model = MODELS[drawn(&[world.seed, 1, rack]) as usize % MODELS.len()];
        Self { number, name: format!("gpu{number:04}"), kind, model }
    }

    /// Labels in the list of hosts.
    pub(crate) fn labels(&self, world: &World) -> [(&'static str, String); 4] {
        let rack = self.number / RACK;
        let owner = OWNERS[drawn(&[world.seed, 2, rack as u64]) as usize % OWNERS.len()];
        [
            ("instance", self.name.clone()),
            ("cluster", format!("c{}", rack / CLUSTER + 1)),
            ("rack", format!("r{:03}", rack + 1)),
            ("owner", owner.to_owned()),
        ]
    }

    /// Shift of its readings within the interval, so that hosts do not all read at once.
    const fn phase_ms(&self) -> u64 {
        (self.number as u64 * 50) % INTERVAL_MS
    }

    /// Time of its newest reading at this Unix time in milliseconds.
    pub(crate) const fn read_ms(&self, now_ms: u64) -> u64 {
        now_ms - (now_ms - self.phase_ms()) % INTERVAL_MS
    }

    /// Time of the newest reading that differs from the one before it.
    pub(crate) const fn changed_ms(&self, world: &World, now_ms: u64) -> u64 {
        let read = self.read_ms(now_ms);
        let calm = if world.calm == 0 { 1 } else { world.calm };
        read - (read / INTERVAL_MS + self.number as u64) % calm * INTERVAL_MS
    }

    /// State of a GPU as of a reading that differed.
    pub(crate) fn gpu(&self, world: &World, gpu: usize, changed_ms: u64) -> Gpu {
        let id = [world.seed, self.number as u64, gpu as u64];
        let draw = |about: u64, time: u64| drawn(&[id[0], id[1], id[2], about, time]);
        // Half to one and a half of the mean, with a begin of its own.
        let length = (world.session_ms / 2 + draw(3, 0) % world.session_ms.max(1)).max(INTERVAL_MS);
        let session = (changed_ms + draw(4, 0) % length) / length;
        let r#use = match draw(5, session) % 10 {
            0..=2 => Use::Free,
            3 => Use::Held,
            _ => Use::Busy,
        };
        let total_bytes = self.model.memory_mib << 20;
        let noise = draw(6, changed_ms);
        let (used_percent, utilization) = match r#use {
            Use::Free => (1, 0),
            Use::Held => (30 + noise % 10, 0),
            Use::Busy => (50 + noise % 40, 40 + (noise >> 8) % 60),
        };
        let watts = self.model.watts * 1000;
        let free = total_bytes / 100 * (99 - used_percent);
        Gpu {
            r#use,
            since_ms: (session * length).saturating_sub(draw(4, 0) % length),
            user: (r#use != Use::Free).then(|| draw(7, session) % world.users.max(1)),
            total_bytes,
            free_bytes: free >> STAMP_BITS << STAMP_BITS | changed_ms & ((1 << STAMP_BITS) - 1),
            utilization,
            milliwatts: watts / 10 + watts * 8 / 10 * utilization / 100 + noise % 5000,
            celsius: 30 + utilization * 4 / 10 + noise % 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLD: World = World { seed: 7, gpus: 8, users: 5, calm: 1, session_ms: 60_000 };
    const NOW: u64 = 1_796_059_256_545;

    #[test]
    fn world_same_for_same_seed() {
        let host = Host::new(&WORLD, 3, Kind::Usual);
        let state = |world: &World| format!("{:?}", (0..8).map(|gpu| host.gpu(world, gpu, NOW)).collect::<Vec<_>>());
        assert_eq!(state(&WORLD), state(&WORLD.clone()));
        assert_ne!(state(&WORLD), state(&World { seed: 8, ..WORLD }));
    }

    #[test]
    fn world_has_gpus_of_every_use() {
        let host = Host::new(&WORLD, 3, Kind::Usual);
        for r#use in Use::ALL {
            let found = (0..100).filter(|gpu| host.gpu(&WORLD, *gpu, NOW).r#use == r#use).count();
            assert!(found >= 3, "{use:?}: {found} of 100");
        }
    }

    #[test]
    fn gpu_is_within_its_model() {
        for number in 0..100 {
            let host = Host::new(&WORLD, number, Kind::Usual);
            let gpu = host.gpu(&WORLD, 0, host.changed_ms(&WORLD, NOW));
            assert!(gpu.free_bytes < gpu.total_bytes && gpu.since_ms <= NOW, "{gpu:?}");
            assert!(gpu.milliwatts <= host.model.watts * 1000 && gpu.utilization <= 100, "{gpu:?}");
            assert_eq!(gpu.user.is_none(), gpu.r#use == Use::Free);
        }
    }

    #[test]
    fn age_of_reading_known_from_free_memory() {
        let host = Host::new(&WORLD, 3, Kind::Usual);
        let read = host.changed_ms(&WORLD, NOW);
        assert_eq!((read, NOW - read), (NOW - 395, 395));
        assert_eq!(age_ms(host.gpu(&WORLD, 2, read).free_bytes, NOW), 395);
        // The stamp starts again at zero about every 17 minutes.
        assert_eq!(age_ms((5 << STAMP_BITS) | 0xf_ffff, 4 << STAMP_BITS), 1);
    }

    #[test]
    fn calm_host_changes_at_every_tenth_reading() {
        let world = World { calm: 10, ..WORLD };
        let host = Host::new(&world, 3, Kind::Usual);
        let changes: std::collections::BTreeSet<u64> =
            (0..100).map(|second| host.changed_ms(&world, NOW + second * INTERVAL_MS)).collect();
        assert!((10..=11).contains(&changes.len()), "{changes:?}");
    }
}
