//! The simulated hosts of a run: what happens to each, and the truth about its GPUs.

use std::{collections::BTreeMap, time::Duration};

use super::super::{
    agents,
    world::{Host, Kind, Use, World, drawn},
};
use crate::Outcome;

/// Hosts of the simulator.
pub(super) const HOSTS: usize = 45;
/// Arguments of the simulator besides the seed.
const ARGUMENTS: [&str; 7] =
    ["--older=5", "--original=4", "--hostile=5", "--sick=1", "--mig=1", "--session=20", "--calm=1"];
/// Step of a search in time: readings are a second apart.
const STEP_MS: u64 = 500;

/// Group of hosts, by what happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    /// Nothing: the row must always be good.
    Calm,
    /// Faults of the agent.
    Faulty,
    /// Lists that do not have it.
    Dropped,
    /// Faults of the server with its list.
    Served,
    /// It never is an agent.
    Hostile,
}

/// A host of the simulator.
pub(super) struct Planned {
    pub(super) host: Host,
    pub(super) group: Group,
}

/// The hosts of a run.
pub(super) struct Plan {
    pub(super) arguments: Vec<String>,
    pub(super) seed: u64,
    world: World,
    hosts: BTreeMap<String, Planned>,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Outcome<Self> {
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(ToString::to_string).collect();
        arguments.push(format!("--seed={seed}"));
        let (world, hosts) = agents::simulated(&[&arguments[..], &[format!("--hosts={HOSTS}")]].concat())?;
        // Each kind is spread over the groups.
        let mut seen = BTreeMap::<&str, usize>::new();
        let planned = hosts.into_iter().map(|host| {
            let place = seen.entry(host.kind.name()).or_default();
            *place += 1;
            let group = match (host.kind, *place % 8) {
                (Kind::Hostile, _) => Group::Hostile,
                (_, 2 | 4 | 6) => Group::Faulty,
                (Kind::Usual, 3) => Group::Dropped,
                (Kind::Usual, 7) => Group::Served,
                _ => Group::Calm,
            };
            (host.name.clone(), Planned { host, group })
        });
        Ok(Self { arguments, seed, world, hosts: planned.collect() })
    }

    pub(super) fn names(&self, wanted: &[Group]) -> Vec<String> {
        let named = self.hosts.iter().filter(|(_, planned)| wanted.contains(&planned.group));
        named.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Planned> {
        self.hosts.get(name)
    }

    /// Number that depends on the seed of the run.
    pub(super) fn drawn(&self, about: u64, number: u64) -> u64 {
        drawn(&[self.seed, 100 + about, number])
    }

    /// True if a GPU was free at some reading in a period of Unix time in milliseconds; none if that is not known.
    pub(super) fn was_free(&self, name: &str, gpu: u64, period: (u64, u64)) -> Option<bool> {
        let Planned { host, .. } = self.hosts.get(name)?;
        match host.kind {
            Kind::Hostile => return Some(false),
            // Their answers are copies.
            Kind::Sick | Kind::Mig => return None,
            _ => {}
        }
        let gpu = usize::try_from(gpu).ok().filter(|gpu| *gpu < self.world.gpus);
        let Some(gpu) = gpu else { return Some(false) };
        let mut at = period.0;
        loop {
            if host.gpu(&self.world, gpu, host.changed_ms(&self.world, at)).r#use == Use::Free {
                return Some(true);
            }
            if at >= period.1 {
                return Some(false);
            }
            at = (at + STEP_MS).min(period.1);
        }
    }

    pub(super) fn is_original(&self, name: &str) -> bool {
        self.get(name).is_some_and(|planned| planned.host.kind == Kind::Original)
    }

    /// Longest age of the row of a healthy host: three intervals.
    pub(super) fn longest_age(&self, name: &str) -> Duration {
        Duration::from_secs(match self.hosts.get(name).map(|planned| planned.host.kind) {
            Some(Kind::Older) => 15,
            Some(Kind::Original) => 30,
            _ => 3,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_hosts() {
        for seed in 0..20 {
            let plan = Plan::new(seed).unwrap();
            assert_eq!(plan.hosts.len(), HOSTS);
            for (group, least) in
                [(Group::Calm, 15), (Group::Faulty, 10), (Group::Dropped, 2), (Group::Served, 2), (Group::Hostile, 5)]
            {
                assert!(plan.names(&[group]).len() >= least, "{group:?}");
            }
        }
    }

    #[test]
    fn truth_is_that_of_the_world() {
        let plan = Plan::new(1).unwrap();
        let name = plan.names(&[Group::Calm]).remove(0);
        let now = 1_796_059_256_545;
        let free =
            |from: u64, to: u64| (0..8).filter(|gpu| plan.was_free(&name, *gpu, (from, to)) == Some(true)).count();
        // Each use lasts ten seconds or more, and each third GPU is free.
        assert!(free(now, now) < 8);
        assert!(free(now - 600_000, now) > free(now, now));
        assert_eq!(plan.was_free(&name, 8, (0, now)), Some(false));
        assert_eq!(plan.was_free("other", 0, (0, now)), None);
    }
}
