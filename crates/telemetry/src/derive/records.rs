//! State of each GPU and MIG instance over time, by UUID: an index is another GPU's after a reboot or a loss.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Stamp,
    derive::{
        events::Log,
        fault::FaultTracker,
        gpu_usage::{GpuUsage, InstanceUsages},
        health::{self, Conditions, Evidence, Moment},
        identity::{self, is_uuid},
        known_gpus::KnownGpu,
        pace::Pace,
        saved::{SavedState, SavedUse, SavedXids},
        totals::{LONGEST_COUNTED_MS, Sums},
        usage_tracker::{UsageLimits, UsageTracker},
        xid_tracker::XidTracker,
    },
    sample::{GpuSample, Sample, XidSample},
    snapshot::{Gpu, GpuState},
};

#[derive(Debug, Default)]
pub(super) struct Records {
    gpus: BTreeMap<String, Record>,
    /// MIG instances come and go.
    instances: InstanceUsages,
}

#[derive(Debug, Default)]
struct Record {
    usage: GpuUsage,
    xids: XidTracker,
    faults: FaultTracker,
    pace: Pace,
    conditions: Conditions,
    sums: Sums,
}

/// Context of a sample.
pub(super) struct SampleContext<'a> {
    /// The driver's version.
    pub(super) version: Option<&'a str>,
    /// Two readings that are further apart leave time between them that was not read.
    pub(super) longest: Duration,
    /// A longer period between two readings is slow. It is less than a GPU is stale after, since a reading waits for its
    /// frame: one that comes just in time is seen late now and then.
    pub(super) slow: Duration,
    pub(super) named: NamedGpus<'a>,
}

/// Names of GPUs under which their records are kept.
#[derive(Clone, Copy)]
pub(super) struct NamedGpus<'a> {
    /// Names of the sample's GPUs.
    pub(super) now: &'a [String],
    /// The GPUs once seen, under their last index.
    pub(super) known: &'a [KnownGpu],
}

impl NamedGpus<'_> {
    /// Name of the GPU that an Xid error is about.
    fn of_xid(self, error: &XidSample, gpus: &[GpuSample]) -> Option<String> {
        let mut all = gpus.iter().zip(self.now);
        let at_index = all.clone().find(|(gpu, _)| gpu.index == error.gpu);
        let Ok(uuid) = &error.uuid else {
            let last = || self.known.iter().find(|known| known.index == error.gpu && !self.now.contains(&known.key));
            return at_index.map(|(_, key)| key.clone()).or_else(|| Some(last()?.key.clone()));
        };
        let is_it = |(gpu, key): &(&GpuSample, &String)| gpu.identity.uuid.as_ref() == Ok(uuid) || *key == uuid;
        let known = || self.known.iter().find(|known| known.key == *uuid).map(|known| known.key.clone());
        // Of several with one UUID it is the one of the index; and a UUID that nobody has is one that changes.
        let found = at_index.filter(is_it).or_else(|| all.find(is_it)).map(|(_, key)| key.clone());
        let changing =
            || at_index.filter(|(gpu, key)| gpu.identity.uuid.as_ref() != Ok(*key)).map(|(_, key)| key.clone());
        found.or_else(known).or_else(changing).or_else(|| Some(uuid.clone()))
    }
}

impl Records {
    /// Begins with what another run of the agent kept.
    pub(super) fn restore(&mut self, uses: Vec<SavedUse>, xids: Vec<SavedXids>) {
        for kept in xids {
            let uuid = kept.uuid.clone();
            self.gpus.entry(uuid).or_default().xids = XidTracker::restored(kept);
        }
        for kept in uses {
            let tracker = UsageTracker::restored(kept.verdict, kept.since, kept.at_least, kept.seen);
            if kept.is_instance {
                self.instances.restore(kept.uuid, tracker);
            } else {
                self.gpus.entry(kept.uuid).or_default().usage = GpuUsage::restored(tracker);
            }
        }
    }

    /// The state to save, of every GPU that this run or an earlier one has read.
    pub(super) fn saved(&self) -> SavedState {
        let lasting = || self.gpus.iter().filter(|(key, _)| identity::is_lasting(key));
        let gpus = lasting().map(|(uuid, record)| (uuid, record.usage.tracker(), false));
        let instances = self.instances.trackers().map(|(uuid, tracker)| (uuid, tracker, true));
        let uses = gpus.chain(instances).filter_map(|(uuid, tracker, is_instance)| {
            let (verdict, since, at_least, seen) = tracker.saved()?;
            Some(SavedUse { uuid: uuid.clone(), is_instance, verdict, since, at_least, seen })
        });
        let xids = lasting().filter_map(|(uuid, record)| record.xids.saved(uuid));
        SavedState { uses: uses.collect(), xids: xids.collect(), ..SavedState::default() }
    }

    /// Takes in a sample that was not taken in before.
    pub(super) fn add(&mut self, sample: &Sample, with: &SampleContext<'_>, log: &mut Log) {
        for (gpu, key) in sample.gpus.iter().zip(with.named.now).filter(|(gpu, _)| is_read(gpu)) {
            let record = self.gpus.entry(key.clone()).or_default();
            record.faults.read(gpu);
            record.pace.read(gpu, sample.began, with.slow);
            record.xids.read(gpu, with.version);
            record.sums.read(gpu, with.longest.max(Duration::from_millis(LONGEST_COUNTED_MS)));
        }
        for error in &sample.xids {
            let key = with.named.of_xid(error, &sample.gpus);
            log.xid(error, key.as_deref().filter(|key| is_uuid(key)));
            if let Some(key) = key {
                self.gpus.entry(key).or_default().xids.add(error);
            }
        }
    }

    /// Pace of a GPU's readings.
    pub(super) fn pace(&self, key: &str) -> Option<&Pace> {
        self.gpus.get(key).map(|record| &record.pace)
    }

    /// A GPU's records under a name that turned out not to be its own.
    pub(super) fn rename(&mut self, before: &str, now: &str) {
        let Some(record) = self.gpus.remove(before) else { return };
        match self.gpus.get_mut(now) {
            Some(other) => other.xids.absorb(&record.xids),
            None => {
                self.gpus.insert(now.into(), record);
            }
        }
    }

    /// Removes a GPU's records.
    pub(super) fn forget(&mut self, key: &str) {
        self.gpus.remove(key);
    }

    /// Judges the GPUs of a snapshot, of which the driver counts the first few.
    pub(super) fn judge(&mut self, gpus: &mut [Gpu], now: Stamp, limits: UsageLimits, counted: usize, reads: bool) {
        let moment = Moment { now, gap: limits.gap, reads };
        for (position, gpu) in gpus.iter_mut().enumerate() {
            let record = self.gpus.entry(gpu.key.clone()).or_default();
            if position >= counted {
                record.xids.miss();
            }
            if gpu.state == GpuState::Ok
                && let Some((state, detail)) = record.faults.state()
            {
                (gpu.state, gpu.state_detail) = (state, Some(detail));
            }
            gpu.xid = record.xids.state(gpu);
            gpu.totals = record.sums.totals();
            let is_read = matches!(gpu.state, GpuState::Ok | GpuState::Stale);
            let slow = record.pace.period().filter(|period| is_read && gpu.age <= *period * 2);
            let evidence = Evidence {
                held: record.xids.held(now.boot),
                uncorrected: record.xids.uncorrected(),
                needs_reset: record.faults.needs_reset(),
                slow: slow.and_then(|_| gpu.state_detail.clone()),
            };
            gpu.health = health::judge(gpu, &mut record.conditions, evidence, moment);
            record.usage.judge(gpu, &mut self.instances, now, limits);
        }
        self.instances.forget_old(now.boot, limits.gap);
    }
}

/// True if there is a reading, or the handle says why there is none.
fn is_read(gpu: &GpuSample) -> bool {
    gpu.read_at.is_some() || gpu.handle.is_err()
}
