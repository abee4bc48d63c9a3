//! State of each GPU and MIG instance over time, by UUID: an index is another GPU's after a reboot or a loss.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Reading, Stamp,
    derive::{
        events::Log,
        fault::FaultTracker,
        gpu_usage::{GpuUsage, InstanceUsages},
        health::{self, Conditions, Evidence, Moment},
        known_gpus::KnownGpu,
        saved::{SavedState, SavedUse, SavedXids},
        totals::Sums,
        usage_tracker::{UsageLimits, UsageTracker},
        xid_tracker::XidTracker,
    },
    readings::Identity,
    sample::{GpuSample, Sample},
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
    conditions: Conditions,
    sums: Sums,
}

/// Context of a sample.
pub(super) struct SampleContext<'a> {
    /// The driver's version.
    pub(super) version: Option<&'a str>,
    /// Two readings that are further apart leave time between them that was not read.
    pub(super) longest: Duration,
    /// The GPUs once seen, under their last index, since a lost one no longer says its UUID.
    pub(super) named: &'a [KnownGpu],
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
        let gpus = self.gpus.iter().map(|(uuid, record)| (uuid, record.usage.tracker(), false));
        let instances = self.instances.trackers().map(|(uuid, tracker)| (uuid, tracker, true));
        let uses = gpus.chain(instances).filter_map(|(uuid, tracker, is_instance)| {
            let (verdict, since, at_least, seen) = tracker.saved()?;
            Some(SavedUse { uuid: uuid.clone(), is_instance, verdict, since, at_least, seen })
        });
        let xids = self.gpus.iter().filter_map(|(uuid, record)| record.xids.saved(uuid));
        SavedState { events: Vec::new(), uses: uses.collect(), xids: xids.collect() }
    }

    /// Takes in a sample that was not taken in before.
    pub(super) fn add(&mut self, sample: &Sample, with: &SampleContext<'_>, log: &mut Log) {
        let context = |uuid: &Reading<String>| sample.gpus.iter().any(|gpu| gpu.identity.uuid == *uuid);
        let uuid_at = |index: u32| {
            let gpu = sample.gpus.iter().find(|gpu| gpu.index == index);
            // A GPU with another index now is not the one that was last seen under this one.
            let last = || with.named.iter().find(|gpu| gpu.index == index && !context(&gpu.identity.uuid));
            let uuid = |identity: &Identity| identity.uuid.clone().ok();
            gpu.and_then(|gpu| uuid(&gpu.identity)).or_else(|| uuid(&last()?.identity))
        };
        for gpu in sample.gpus.iter().filter(|gpu| is_read(gpu)) {
            if let Some(uuid) = uuid_at(gpu.index) {
                let record = self.gpus.entry(uuid).or_default();
                record.faults.read(gpu);
                record.xids.read(gpu, with.version);
                record.sums.read(gpu, with.longest);
            }
        }
        for error in &sample.xids {
            let uuid = error.uuid.clone().ok().or_else(|| uuid_at(error.gpu));
            log.xid(error, uuid.as_deref());
            if let Some(uuid) = uuid {
                self.gpus.entry(uuid).or_default().xids.add(error);
            }
        }
    }

    /// Judges the GPUs of a snapshot, of which the driver counts the first few.
    pub(super) fn judge(&mut self, gpus: &mut [Gpu], now: Stamp, limits: UsageLimits, counted: usize, reads: bool) {
        let moment = Moment { now, gap: limits.gap, reads };
        for (position, gpu) in gpus.iter_mut().enumerate() {
            let mut unnamed = Record::default();
            let record = match &gpu.identity.uuid {
                Ok(uuid) => self.gpus.entry(uuid.clone()).or_default(),
                Err(_) => &mut unnamed,
            };
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
            let evidence = Evidence {
                held: record.xids.held(now.boot),
                uncorrected: record.xids.uncorrected(),
                needs_reset: record.faults.needs_reset(),
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
