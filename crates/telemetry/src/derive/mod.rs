//! From samples to snapshots: what follows from the newest sample, from what was seen before, and from the time.
//!
//! Nothing here reads a clock or touches the machine. Ages come from the readings' own boot times, never from a
//! frame's arrival, so a dead collector makes everything stale by itself.

mod aged;
mod claims;
mod collector;
mod cpu;
mod duration;
mod earlier;
mod events;
mod fault;
mod forget;
mod gpu;
mod gpu_usage;
mod health;
mod host;
pub(crate) mod identity;
mod known_gpus;
mod pace;
mod pods;
mod process;
mod records;
mod reset;
mod saved;
mod timings;
mod totals;
mod usage;
mod usage_tracker;
mod work;
mod xid_tracker;

use std::{sync::Arc, time::Duration};

use crate::{
    Stamp,
    claims::ClaimList,
    sample::{Driver, DriverFacts, GpuSample, Sample},
    snapshot::{Collector, CollectorState, ContainerCount, Gpu, GpuState, Host, Snapshot},
};

pub use forget::NotForgotten;
pub(crate) use gpu_usage::{gpu_idles, instance_idles};
pub use identity::is_lasting;
pub use saved::{EarlierGpu, SavedState};
pub(crate) use totals::LONGEST_COUNTED_MS;

use cpu::ProcessTimes;
use earlier::EarlierGpus;
use events::Log;
use forget::Candidates;
use host::HostWatch;
use identity::Keys;
use known_gpus::KnownGpus;
use records::{NamedGpus, Records, SampleContext};
use timings::Clock;
use usage_tracker::UsageLimits;

/// The collector process as the supervisor sees it, without the frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Child {
    /// It runs, and has been heard of in time.
    Alive,
    /// It runs, but neither a frame nor a heartbeat came in time.
    Silent {
        /// Calls in flight by the call table.
        detail: String,
    },
    /// None runs.
    Down {
        /// Why the last one ended.
        detail: String,
    },
    /// None runs, and none is started for a while, since an administrator wants the driver for himself.
    Released {
        /// Until when.
        detail: String,
    },
}

/// A GPU that the collector does not read for now, since the library died twice in calls for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// NVML's index.
    pub gpu: u32,
    /// The function that it died in last.
    pub function: String,
}

/// Input of one derivation, beside the [`Deriver`]'s own state.
#[derive(Debug)]
pub struct Input<'a> {
    /// The moment.
    pub now: Stamp,
    /// The interval between readings.
    pub interval: Duration,
    /// The collector process.
    pub child: &'a Child,
    /// The newest sample of the collector that runs now; none if it has sent none yet.
    pub sample: Option<&'a Arc<Sample>>,
    /// Number of collector starts after the first.
    pub restarts: u64,
    /// The GPUs that the collector does not read.
    pub left_out: &'a [LeftOut],
    /// Memory that is held for so long without work makes a GPU held.
    pub idle_after: Duration,
    /// The rule by which processes count for their container or their account.
    pub container_count: ContainerCount,
    /// Claims; none if they are disabled.
    pub claims: Option<&'a ClaimList>,
}

/// Default time for which memory is held without work before a GPU counts as held.
pub const IDLE_AFTER: Duration = Duration::from_secs(900);

/// After this long a GPU without a finished reading is stale.
#[must_use]
pub fn stale_after(interval: Duration) -> Duration {
    (interval * 3).max(Duration::from_secs(1))
}

/// After this long the last values are no longer shown.
#[must_use]
pub fn expired_after(interval: Duration) -> Duration {
    (interval * 10).max(Duration::from_secs(60))
}

/// Derives snapshots, and remembers what a later one needs: the last readings, the GPUs once seen, the last state.
#[derive(Debug, Default)]
pub struct Deriver {
    sequence: u64,
    /// The newest sample that was taken in; the same one may be given again on later ticks.
    taken: Option<Arc<Sample>>,
    /// The newest sample in which GPUs were read.
    last_ready: Option<Arc<Sample>>,
    /// The driver's text, from a collector that could not read it until one that can.
    failure: Option<(String, Option<String>)>,
    /// Reason of the last collector's crash, until one has read the driver or reported that it cannot.
    crash: Option<String>,
    /// Crashes when `failure` was reported: a later crash is newer than that.
    restarts: u64,
    /// Version of the library, if it answered before its initialization.
    nvml_version: Option<String>,
    known_gpus: KnownGpus,
    earlier: EarlierGpus,
    keys: Keys,
    /// Names of the GPUs of `last_ready`.
    named: Vec<String>,
    /// The GPUs were let go so that they can be suspended.
    asleep: bool,
    state: Option<(CollectorState, Stamp)>,
    records: Records,
    times: ProcessTimes,
    host: HostWatch,
    log: Log,
    clock: Clock,
    /// When the newest finished reading of any GPU was finished.
    read_at: Option<Stamp>,
}

impl Deriver {
    /// Goes on from what another run of the agent kept.
    #[must_use]
    pub fn restoring(kept: SavedState) -> Self {
        let mut deriver = Self::default();
        deriver.log.restore(kept.events);
        deriver.records.restore(kept.uses, kept.xids);
        deriver.earlier = EarlierGpus::restored(kept.gpus);
        deriver
    }

    /// The state to save, without events. What this run has not read is as an earlier run saved it.
    #[must_use]
    pub fn saved(&self) -> SavedState {
        self.records.saved().with_earlier_gpus(self.earlier.saved(self.known_gpus.known()))
    }

    /// Forgets a GPU that the driver does not list, by UUID, PCI bus id or index, and returns its name. It is there
    /// again once the driver lists it.
    ///
    /// # Errors
    /// No GPU has that name, or the driver lists it.
    pub fn forget(&mut self, gpu: &str, now: Stamp) -> Result<String, NotForgotten> {
        let candidates = Candidates {
            listed: &self.named,
            uncounted: self.known_gpus.missing_from(&self.named),
            missing: self.earlier.missing().map(|missing| missing.id).collect(),
            known: self.known_gpus.known(),
        };
        let key = candidates.find(gpu, |key| self.log.state(key))?;
        self.known_gpus.forget(&key);
        self.earlier.forget(&key);
        self.records.forget(&key);
        self.log.forgotten(&key, now);
        Ok(key)
    }

    /// Derives the next snapshot.
    pub fn derive(&mut self, input: &Input<'_>) -> Snapshot {
        self.add(input);
        self.sequence += 1;
        let mut gpus = self.gpus(input);
        let all_stale = !gpus.is_empty() && gpus.iter().all(|gpu| gpu.state == GpuState::Stale);
        let verdict = collector::verdict(&collector::Evidence {
            now: input.now.boot,
            child: input.child,
            driver: input.sample.map(|sample| &sample.driver),
            has_read: self.last_ready.is_some(),
            failure: self.failure.as_ref(),
            crash: self.crash.as_deref(),
            all_stale,
            asleep: self.asleep,
            stuck: gpu::first_stuck(input.sample.map_or(&[], |sample| &sample.gpus), input.now),
        });
        let reads = matches!(verdict.state, CollectorState::Ok | CollectorState::Stalled);
        let limits = UsageLimits { idle_after: input.idle_after, gap: expired_after(input.interval) };
        let counted = self.last_ready.as_ref().map_or(0, |last| last.gpus.len());
        self.records.judge(&mut gpus, input.now, limits, counted, reads);
        if let Some(list) = input.claims {
            claims::place(&mut gpus, list);
        }
        let collector = Collector {
            since: self.since(&verdict.state, input.now),
            state: verdict.state,
            detail: verdict.detail,
            restarts: input.restarts,
            sample_duration: self.last_ready.as_ref().map(|last| Duration::from_micros(last.duration_us.into())),
        };
        self.log.gpus(&gpus, input.now);
        self.log.health(&gpus, input.now);
        self.log.claims(&gpus, input.now);
        if self.last_ready.is_some() {
            self.earlier.see(&gpus, input.now, &mut self.log);
        }
        self.log.collector(&collector, input.now);
        Snapshot {
            sequence: self.sequence,
            at: input.now,
            interval: input.interval,
            collector,
            driver: self.driver().cloned(),
            nvml_version: self.nvml_version.clone(),
            host: Host { notes: self.notes(input), ..self.host.host(input.now, expired_after(input.interval)) },
            gpus,
            missing: self.earlier.missing().collect(),
            events: self.log.kept(self.sequence),
            read_at: self.read_at,
            timings: self.clock.totals(),
        }
    }

    fn add(&mut self, input: &Input<'_>) {
        if let Child::Down { detail } = input.child
            && !detail.is_empty()
            && (self.failure.is_none() || input.restarts > self.restarts)
        {
            self.crash = Some(detail.clone());
        }
        let Some(sample) = input.sample else { return };
        if !self.taken.as_ref().is_some_and(|taken| Arc::ptr_eq(taken, sample)) {
            self.taken = Some(Arc::clone(sample));
            self.add_once(sample, input.interval);
        }
        if let Some(library) = &sample.library {
            self.nvml_version = library.nvml_version.clone().ok();
        }
        self.asleep = matches!(sample.driver, Driver::Suspending { .. } | Driver::Suspended);
        match &sample.driver {
            Driver::Ready(_) => {
                (self.failure, self.crash) = (None, None);
                self.last_ready = Some(Arc::clone(sample));
            }
            Driver::Failed(failure) => {
                self.failure = Some((failure.text.clone(), failure.hint.clone()));
                (self.crash, self.restarts) = (None, input.restarts);
            }
            Driver::Waiting { .. }
            | Driver::Starting { .. }
            | Driver::Replaced { .. }
            | Driver::Suspending { .. }
            | Driver::Suspended
            | Driver::SuspendFailed => {}
            // The failure is that of an earlier collector.
            Driver::Awaiting => (self.crash, self.restarts) = (None, input.restarts),
        }
    }

    /// Notes of the newest frame, or of the last in which GPUs were read, and ours.
    fn notes(&self, input: &Input<'_>) -> Vec<String> {
        let of_collector = input.sample.or(self.last_ready.as_ref()).map(|sample| sample.notes.iter());
        let missing = self.earlier.missing().map(|gpu| format!("{}. {}", gpu.text(), gpu.action()));
        of_collector.into_iter().flatten().chain(self.keys.notes()).cloned().chain(missing).collect()
    }

    fn add_once(&mut self, sample: &Sample, interval: Duration) {
        let version = match &sample.driver {
            Driver::Ready(facts) => facts.driver_version.as_deref().ok(),
            _ => None,
        };
        self.host.add(sample);
        if let Driver::Ready(_) = sample.driver {
            self.times.add(sample);
        }
        self.log.driver(version, sample.assembled);
        self.clock.add(sample);
        self.read_at =
            sample.gpus.iter().filter_map(|gpu| gpu.read_at).chain(self.read_at).max_by_key(|stamp| stamp.boot);
        if let Driver::Ready(_) = sample.driver {
            self.named = self.keys.assign(&sample.gpus, self.known_gpus.known());
            for (before, now) in self.keys.take_renamed() {
                self.known_gpus.forget(&before);
                self.records.rename(&before, &now);
                self.log.rename(&before, &now);
            }
        }
        let named = NamedGpus { now: &self.named, known: self.known_gpus.known() };
        let longest = stale_after(interval);
        let slow = longest.saturating_sub(interval / 2);
        let context = SampleContext { version, longest, slow, named };
        self.records.add(sample, &context, &mut self.log);
    }

    fn driver(&self) -> Option<&DriverFacts> {
        match &self.last_ready.as_ref()?.driver {
            Driver::Ready(facts) => Some(facts),
            _ => None,
        }
    }

    /// The GPUs of the newest sample that has any, then those once seen that it does not hold.
    fn gpus(&mut self, input: &Input<'_>) -> Vec<Gpu> {
        let Some(last) = self.last_ready.clone() else { return Vec::new() };
        let age = gpu::Ages {
            now: input.now,
            interval: input.interval,
            left_out: input.left_out,
            asleep: self.asleep,
            times: &self.times,
            container_count: input.container_count,
        };
        let derive = |((index, sample), key): ((u32, &GpuSample), &String)| {
            let named = gpu::Named { index, key, sample, pace: self.records.pace(key) };
            gpu::derive(&named, &last, &age)
        };
        let mut gpus: Vec<Gpu> = (0..).zip(&last.gpus).zip(&self.named).map(derive).collect();
        self.known_gpus.name_the_nameless(&mut gpus, input.now.boot);
        for key in self.known_gpus.remember(&gpus) {
            self.records.forget(&key);
            self.log.forget(&key);
        }
        let uncounted = self.known_gpus.missing_from(&self.named).into_iter();
        gpus.extend((0..).skip(gpus.len()).zip(uncounted).map(|(index, known)| gpu::uncounted(known, index, &age)));
        pods::name_processes(&mut gpus);
        gpus
    }

    fn since(&mut self, state: &CollectorState, now: Stamp) -> Stamp {
        match &self.state {
            Some((last, since)) if last == state => *since,
            _ => {
                self.state = Some((state.clone(), now));
                now
            }
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod over_time_tests;

#[cfg(test)]
mod records_tests;

#[cfg(test)]
mod property_tests;
