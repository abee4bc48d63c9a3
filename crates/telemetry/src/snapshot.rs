//! Snapshots: the state at one moment, derived once and rendered by every view.

mod mig_labels;
mod missing;
mod pod;
mod problems;
mod process;
mod timings;
mod totals;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use crate::{
    Absence, Reading, Stamp,
    claims::Claim,
    readings::{Activity, Field, Identity, Readings, Value},
    sample::{DriverFacts, GpuJobs, MigSample, PodContainer},
};

pub use mig_labels::mig_labels;
pub use missing::MissingGpu;
pub use pod::{ContainerCount, OnlyPod, Pod, PodName};
pub use problems::Problem;
pub use process::{Process, ProcessKind};
pub use timings::{Histogram, SAMPLE_BOUNDS_NS, Timings};
pub use totals::Totals;

/// The state of the host as the supervisor sees it at one tick of its own clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Counts up by one per snapshot, from 1.
    pub sequence: u64,
    /// When it was derived.
    pub at: Stamp,
    /// The interval between readings.
    pub interval: Duration,
    /// State of the collector.
    pub collector: Collector,
    /// Facts about the driver; none before it first answered.
    pub driver: Option<DriverFacts>,
    /// Version of a library whose driver has not answered yet, or cannot be read; none if it does not answer without
    /// one.
    pub nvml_version: Option<String>,
    /// The host.
    pub host: Host,
    /// In NVML's order, then those that it no longer counts. `gpus[i].index == i`.
    pub gpus: Vec<Gpu>,
    /// GPUs that earlier runs read and that the driver does not list. This run has no values of them.
    pub missing: Vec<MissingGpu>,
    /// Events, the newest last; the newest 10,000 are kept.
    pub events: Arc<Vec<Event>>,
    /// When the newest finished reading of any GPU was finished; none before the first.
    pub read_at: Option<Stamp>,
    /// Durations of readings and calls, since the agent started.
    pub timings: Arc<Timings>,
}

impl Snapshot {
    /// True once the driver has counted its GPUs: before that, an empty list does not mean that there are none.
    #[must_use]
    pub fn has_counted(&self) -> bool {
        self.driver.is_some() || !self.gpus.is_empty()
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The first snapshot that has it.
    pub sequence: u64,
    /// When.
    pub at: Stamp,
    /// Kind.
    pub kind: EventKind,
    /// The GPU that it is about.
    pub gpu_uuid: Option<String>,
    /// Severity.
    pub severity: Severity,
    /// A stable word for programs, such as `xid_79`, `lost` or `stalled`.
    pub code: String,
    /// Description.
    pub text: String,
    /// Remedy; empty if there is none.
    pub action: String,
}

/// The kinds of things that happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum EventKind {
    /// An Xid error.
    Xid,
    /// A GPU changed its state.
    GpuState,
    /// The collector changed its state.
    CollectorState,
    /// Another driver was loaded.
    Driver,
    /// A problem of a GPU's health began or ended.
    Health,
    /// Somebody computes on a GPU that another user has claimed.
    Claim,
}

impl EventKind {
    /// Word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// The host.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Its name.
    pub hostname: Reading<String>,
    /// When it booted, Unix time in milliseconds.
    pub booted_at_ms: Reading<u64>,
    /// CPU use since the sample before, in % of all processors.
    pub cpu_percent: Reading<f64>,
    /// The load average of a minute.
    pub load_1m: Reading<f64>,
    /// All memory.
    pub memory_total_bytes: Reading<u64>,
    /// Memory that can be had without swapping.
    pub memory_available_bytes: Reading<u64>,
    /// Notes on what the agent cannot see, each with its remedy.
    pub notes: Vec<String>,
}

impl Host {
    /// Nothing known of it, for one reason.
    #[must_use]
    pub const fn absent(why: Absence) -> Self {
        Self {
            hostname: Err(why),
            booted_at_ms: Err(why),
            cpu_percent: Err(why),
            load_1m: Err(why),
            memory_total_bytes: Err(why),
            memory_available_bytes: Err(why),
            notes: Vec::new(),
        }
    }
}

/// State of the collector.
#[derive(Clone, Debug, PartialEq)]
pub struct Collector {
    /// The state.
    pub state: CollectorState,
    /// Since when it has been in this state.
    pub since: Stamp,
    /// Detail beyond the state: the call that hangs, the reason of a restart.
    pub detail: Option<String>,
    /// Number of collector starts after the first.
    pub restarts: u64,
    /// Duration of the newest sample.
    pub sample_duration: Option<Duration>,
}

/// The states of the reading side.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum CollectorState {
    /// It has not read anything yet.
    Starting,
    /// At least one GPU is read on time, or there is none to read.
    Ok,
    /// It lives, but nothing is read: every GPU's calls hang, or it is silent.
    Stalled,
    /// It ended and another is about to be, or being, started.
    Restarting,
    /// The driver cannot be read.
    NoDriver {
        /// The driver's text.
        text: String,
    },
    /// An administrator had the driver let go for a while; no collector runs.
    Released,
}

impl CollectorState {
    /// Word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// One GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// NVML's index of this moment; for a GPU that it no longer counts, the next free number.
    pub index: u32,
    /// Name under which its records are kept: its UUID, if that is its own and stays, else its PCI bus id or index.
    pub key: String,
    /// State: freshness and completeness of its readings.
    pub state: GpuState,
    /// Detail beyond the state.
    pub state_detail: Option<String>,
    /// When the newest finished reading was finished, by whichever collector; the moment of the newest frame, if there
    /// never was one.
    pub read_at: Stamp,
    /// No reading of it was ever finished.
    pub never_read: bool,
    /// Age of that reading.
    pub age: Duration,
    /// Identity. A lost GPU keeps the one that it reported last.
    pub identity: Identity,
    /// The readings of the catalogue; absent as a whole when they are too old to be shown as the present.
    pub readings: Readings,
    /// Results of reading the driver's lists of processes.
    pub lists: ListsRead,
    /// Its MIG instances.
    pub mig: Reading<Vec<Mig>>,
    /// The containers to which the kubelet gave the whole GPU, sorted. Those of its MIG instances stand there.
    pub pods: Reading<Vec<PodContainer>>,
    /// Its Xid errors.
    pub xid: Xid,
    /// Use.
    pub usage: Usage,
    /// Health.
    pub health: Health,
    /// Its processes, by PID; none where no list could be read.
    pub processes: Vec<Process>,
    /// Totals of its readings.
    pub totals: Totals,
    /// Its job files, and those of its GPU instances; none if there is no folder of job files.
    pub jobs: Option<Vec<GpuJobs>>,
    /// Claim of the whole GPU.
    pub claim: Option<Claimed>,
}

/// `nvmlComputeMode_t`: no context can be made.
pub(crate) const PROHIBITED: u32 = 2;

impl Gpu {
    /// True if its compute mode is known to be prohibited, so that CUDA cannot use it.
    #[must_use]
    pub fn is_prohibited(&self) -> bool {
        self.readings.modes.compute == Ok(PROHIBITED)
    }

    /// A reading of the catalogue.
    ///
    /// # Errors
    /// The reason why it is absent.
    pub fn value(&self, field: Field) -> Reading<Value<'_>> {
        let value = self.readings.value(field).or_else(|| self.identity.value(field));
        value.unwrap_or(Err(Absence::NotSupported))
    }
}

/// Results of reading the driver's own lists of a GPU's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListsRead {
    /// The list of processes that compute.
    pub compute: Reading<()>,
    /// The list of processes that draw.
    pub graphics: Reading<()>,
}

impl ListsRead {
    /// Neither was read, for one reason.
    #[must_use]
    pub const fn absent(why: Absence) -> Self {
        Self { compute: Err(why), graphics: Err(why) }
    }
}

/// One MIG instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Mig {
    /// As it was read.
    pub sample: MigSample,
    /// The containers to which the kubelet gave the instance, sorted.
    pub pods: Reading<Vec<PodContainer>>,
    /// Use.
    pub usage: Usage,
    /// Claim of the instance, or of its GPU.
    pub claim: Option<Claimed>,
}

/// A claim of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The claim.
    pub claim: Arc<Claim>,
    /// Users who compute on the device although another has claimed it, sorted.
    pub conflicts: Vec<String>,
}

impl Mig {
    /// Activity. GPM reports it for the GPU instance, of which this instance is a part or all.
    #[must_use]
    pub fn activity(&self) -> Activity {
        self.sample.activity.clone().unwrap_or_else(Activity::absent)
    }
}

/// A GPU's Xid errors since somebody listened.
#[derive(Clone, Debug, PartialEq)]
pub struct Xid {
    /// Since when they are listened for without a break, or why they are not now.
    pub since: Reading<Stamp>,
    /// The newest since the agent began.
    pub last: Option<(u64, Stamp)>,
    /// Number of errors since then, or while the agent last listened.
    pub count: Reading<u64>,
    /// Number of errors since the agent started by severity, in [`Severity::ALL`]'s order.
    pub by_severity: [u64; Severity::ALL.len()],
    /// Number of errors since the agent started by code, of the first codes only.
    pub by_code: Vec<(u64, u64)>,
    /// Latched errors: the newest of each code since the last reset.
    pub held: Vec<(u64, Stamp)>,
}

/// Use of a GPU or a MIG instance: free or not, and by whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// The verdict.
    pub verdict: UseVerdict,
    /// Since when it has been so. For [`UseVerdict::Held`], since when the memory has been held without work.
    pub since: Stamp,
    /// It was so already when we began to look.
    pub since_at_least: bool,
    /// Users: names of accounts and containers for which its processes count.
    pub users: Vec<String>,
    /// Memory in use that no listed process explains.
    pub unattributed_bytes: Reading<u64>,
}

impl Usage {
    /// Nothing is known of it.
    #[must_use]
    pub const fn unknown(since: Stamp, why: Absence) -> Self {
        Self {
            verdict: UseVerdict::Unknown,
            since,
            since_at_least: true,
            users: Vec::new(),
            unattributed_bytes: Err(why),
        }
    }
}

/// Verdict on the use of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum UseVerdict {
    /// Nobody has it.
    Free,
    /// Somebody holds memory on it, and it has been idle for a while.
    Held,
    /// It works.
    Busy,
    /// Unknown.
    Unknown,
}

impl UseVerdict {
    /// Word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// Health of a GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The worst of the reasons.
    pub verdict: Severity,
    /// Why, the worst first; none if it is well.
    pub reasons: Vec<Reason>,
}

/// Severity of an event or a reason.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Severity {
    /// Nothing is wrong.
    #[default]
    Ok,
    /// Somebody should look.
    Warning,
    /// It must not be used.
    Critical,
}

impl Severity {
    /// All of them, from the mildest.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Critical];
}

impl Severity {
    /// Word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// One thing that is wrong with a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Severity.
    pub severity: Severity,
    /// A stable word for programs, such as `xid_79` or `row_remap_pending`.
    pub code: String,
    /// Description.
    pub text: String,
    /// Remedy.
    pub action: String,
}

/// The states of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum GpuState {
    /// Read on time.
    Ok,
    /// No finished reading for three intervals (at least 1 s).
    Stale,
    /// It fell off the bus, or the driver no longer counts it.
    Lost,
    /// Let go, so that it can be suspended; known are who it is and how much memory it has.
    Asleep,
    /// The agent's account may not read it.
    Denied,
    /// No handle, for another reason.
    Error,
}

impl GpuState {
    /// Word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}
