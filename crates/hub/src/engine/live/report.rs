//! Reports of hosts, from what an engine has.

use std::time::Duration;

use telemetry::snapshot::{Severity, UseVerdict};
use tokio::time::Instant;

use super::{
    facts::{Facts, GpuFacts},
    gpus::HostGpus,
    hosts::{HostRow, MAX_GPUS},
    pace::MAX_INTERVAL,
};
use crate::report::{GpuReport, Report, Source};

/// Seconds by which a host's clock may be ahead of ours.
const MAX_AHEAD: f64 = 5.0;
/// Intervals without a newer reading after which a host is stale.
const INTERVALS: f64 = 3.0;
/// Seconds that a reading counts, besides the interval of scrapes and, of a host that nobody looks at, that of the rules: the
/// engine has a sample late, and the hub asks every few seconds. With the second until it is published, these are ten.
const GRACE: f64 = 9.0;
/// Longest interval of an agent that is a part of this, in seconds.
const QUICK: f64 = 5.0;
/// Most problems of a host that are listed.
const MAX_PROBLEMS: usize = 32;

/// Reading of a host as it moves on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Time of the newest reading, Unix seconds by the host's clock.
    read: f64,
    /// Time at which a newer one was seen last, and true if one was seen after the first.
    moved: Instant,
    has_moved: bool,
}

/// Time, as an argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// Unix time in seconds.
    pub(super) unix: f64,
    pub(super) at: Instant,
}

/// Parts of a report that all hosts share.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    /// Interval of readings in seconds.
    pub(super) interval: f64,
    /// Interval of the rules, and the time that an evaluation takes, in seconds.
    pub(super) rules: f64,
    pub(super) has_problems: bool,
    /// True if the newest scrape of the host is not there.
    pub(super) has_failed: bool,
    pub(super) notes: &'a [String],
}

impl Clock {
    /// Takes the time of the newest reading.
    pub(super) fn take(known: &mut Option<Self>, read: f64, now: Now) {
        match known {
            None => *known = Some(Self { read, moved: now.at, has_moved: false }),
            Some(clock) if read > clock.read => *clock = Self { read, moved: now.at, has_moved: true },
            // A clock that was set back begins again, once: a host whose scrapes alternate does not move.
            Some(clock) if read < clock.read - 60.0 => clock.read = read,
            Some(_) => {}
        }
    }

    /// Reason why the time of its readings says nothing; none if it can be believed.
    fn doubt(&self, read: f64, interval: f64, now: Now) -> Option<String> {
        let age = now.unix - read;
        let still = now.at.duration_since(self.moved).as_secs_f64();
        if age < -MAX_AHEAD {
            return Some(format!(
                "clock: its newest reading is {:.0} s in the future; compare its clock with this host's",
                -age
            ));
        }
        if still > INTERVALS * interval {
            return Some(format!(
                "no newer reading for {still:.0} s: the agent, its scrapes, their engine or its clock stopped"
            ));
        }
        // New readings arrive, and each is old.
        (age > INTERVALS * interval && self.has_moved && still <= interval)
            .then(|| format!("clock: its newest reading is {age:.0} s old, though newer ones arrive; compare its clock with this host's"))
    }
}

/// Report of a host.
pub(super) fn report(
    row: &HostRow,
    raw: Option<&HostGpus>,
    facts: &Facts,
    clock: Option<&Clock>,
    shared: &Shared<'_>,
    now: Now,
) -> Report {
    let raw = raw.filter(|raw| !raw.gpus.is_empty() && raw.read.is_some());
    let read = raw.and_then(|raw| raw.read).or(row.read);
    let owned = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(Box::from);
    let problems = raw.map_or(&row.problems, |raw| &raw.problems);
    let mut gpus = raw.map_or_else(|| listed(row, facts), |raw| raw.gpus.clone());
    let knows_all = raw.map_or(shared.has_problems, |raw| raw.is_whole) && problems.len() < MAX_GPUS;
    for gpu in &mut gpus {
        gpu.health = health(problems, gpu.index).or_else(|| knows_all.then_some(Severity::Ok));
    }
    // An agent that reads less often than it is scraped has no newer reading for longer.
    let interval = facts.interval.map_or(shared.interval, |own| own.min(MAX_INTERVAL).max(shared.interval));
    let doubt = clock.zip(read).and_then(|(clock, read)| clock.doubt(read, interval, now));
    let failed = shared.has_failed.then(|| "the engine's newest scrape of it failed".to_owned());
    let broken = row.is_collector_broken.then(|| "the agent's collector does not work".to_owned());
    Report {
        source: Source::Engine,
        takes_bare_token: false,
        hostname: owned(&facts.hostname),
        agent_version: owned(&facts.agent_version),
        driver_version: owned(&facts.driver_version),
        interval: Duration::try_from_secs_f64(interval).ok(),
        limit: Duration::try_from_secs_f64(limit(raw.is_some(), interval, facts.interval, shared)).ok(),
        age: read.and_then(|read| Duration::try_from_secs_f64((now.unix - read).max(0.0)).ok()),
        is_starting: read.is_none() && !row.is_collector_broken,
        stale: broken.or(doubt).or(failed),
        counts: if raw.is_some() { None } else { row.counts() },
        gpus,
        problems: worded(problems),
        notes: shared.notes.to_vec(),
    }
}

/// Age in seconds from which on a reading is stale. One that no newer scrape confirms must not show as free what is not: the next
/// scrape could have shown that, `GRACE` after it.
fn limit(is_raw: bool, interval: f64, own: Option<f64>, shared: &Shared<'_>) -> f64 {
    let slow = own.filter(|own| *own > QUICK).map_or(0.0, |own| own.min(MAX_INTERVAL));
    let rules = if is_raw { 0.0 } else { shared.rules };
    (shared.interval + rules + slow + GRACE).min(INTERVALS * interval)
}

/// GPUs of a host that nobody looks at: those that are free, and those of which nothing but the model is known.
fn listed(row: &HostRow, facts: &Facts) -> Vec<GpuReport> {
    let mut gpus: Vec<GpuReport> = facts.gpus.iter().map(|(index, gpu)| unknown(*index, Some(gpu))).collect();
    for (index, uuid, free) in &row.free {
        let at = gpus.iter().position(|gpu| gpu.index == *index).unwrap_or_else(|| {
            gpus.push(unknown(*index, None));
            gpus.len() - 1
        });
        if let Some(gpu) = gpus.get_mut(at) {
            gpu.r#use = UseVerdict::Free;
            // The rules leave out those in MIG mode.
            gpu.mig_mode = Some(false);
            gpu.memory_free_bytes = Some(*free);
            // Facts are older.
            if gpu.uuid.as_ref() != Some(uuid) {
                gpu.name = None;
                gpu.uuid = Some(uuid.clone()).filter(|uuid| !uuid.is_empty());
            }
        }
    }
    gpus.sort_unstable_by_key(|gpu| gpu.index);
    gpus
}

fn unknown(index: u32, facts: Option<&GpuFacts>) -> GpuReport {
    GpuReport {
        index,
        uuid: facts.and_then(|facts| facts.uuid.as_deref()).map(Box::from),
        name: facts.and_then(|facts| facts.name.as_deref()).map(Box::from),
        memory_total_bytes: None,
        memory_free_bytes: None,
        utilization_percent: None,
        power_watts: None,
        temperature_celsius: None,
        state: None,
        r#use: UseVerdict::Unknown,
        since_ms: None,
        health: None,
        users: None,
        mig: Vec::new(),
        mig_mode: None,
        // One that is free is not.
        is_prohibited: None,
        claim: None,
    }
}

/// The worst problem of a GPU; none if it has none that is known.
fn health(problems: &[(u32, Severity, Box<str>)], index: u32) -> Option<Severity> {
    problems.iter().filter(|(gpu, ..)| *gpu == index).map(|(_, severity, _)| *severity).max()
}

/// Problems in words, the worst first. An engine has their codes only.
fn worded(problems: &[(u32, Severity, Box<str>)]) -> Vec<String> {
    let mut sorted: Vec<_> = problems.iter().collect();
    sorted.sort_by_key(|(gpu, severity, code)| (std::cmp::Reverse(*severity), *gpu, code));
    sorted
        .into_iter()
        .take(MAX_PROBLEMS)
        .map(|(gpu, _, code)| format!("GPU {gpu}: {}", code.replace('_', " ")))
        .collect()
}

#[cfg(test)]
impl Clock {
    /// Moves what was seen into the past.
    pub(super) fn rewind(&mut self, by: Duration) {
        self.moved = self.moved.checked_sub(by).unwrap();
    }
}
