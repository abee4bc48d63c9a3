//! What is true at one moment, derived once and rendered by every view.

use std::time::Duration;

use crate::{
    Reading, Stamp,
    sample::{DriverFacts, FastSet, Identity, Life, SlowSet},
};

/// The state of the host as the supervisor sees it at one tick of its own clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Counts up by one per snapshot, from 1.
    pub sequence: u64,
    /// When it was derived.
    pub at: Stamp,
    /// How the reading side is.
    pub collector: Collector,
    /// What is known of the driver; none before it first answered.
    pub driver: Option<DriverFacts>,
    /// In NVML's order, then those that it no longer counts. `gpus[i].index == i`.
    pub gpus: Vec<Gpu>,
}

/// How the reading side is.
#[derive(Clone, Debug, PartialEq)]
pub struct Collector {
    /// The state.
    pub state: CollectorState,
    /// Since when it has been in this state.
    pub since: Stamp,
    /// What there is to say beyond the state: the call that hangs, why it restarts.
    pub detail: Option<String>,
    /// How often a collector was started after the first.
    pub restarts: u64,
    /// How long the newest sample took.
    pub sample_duration: Option<Duration>,
}

/// The states of the reading side.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ok => "ok",
            Self::Stalled => "stalled",
            Self::Restarting => "restarting",
            Self::NoDriver { .. } => "no_driver",
            Self::Released => "released",
        }
    }
}

/// One GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// NVML's index of this moment; for a GPU that it no longer counts, the next free number.
    pub index: u32,
    /// How fresh and how whole its readings are.
    pub state: GpuState,
    /// What there is to say beyond the state.
    pub state_detail: Option<String>,
    /// When the newest finished reading was finished; when it was first missed, if there never was one.
    pub read_at: Stamp,
    /// How old that reading is.
    pub age: Duration,
    /// Who it is. What a lost GPU no longer tells is what it told before.
    pub identity: Identity,
    /// The fast set; absent as a whole when it is too old to be shown as the present.
    pub fast: FastSet,
    /// The slow set; absent as a whole when it is too old to be shown as the present.
    pub slow: SlowSet,
    /// Who is on it, by PID; none where no list could be read.
    pub processes: Vec<Process>,
}

/// The states of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpuState {
    /// Read on time.
    Ok,
    /// No finished reading for three intervals (at least 1 s).
    Stale,
    /// It fell off the bus, or the driver no longer counts it.
    Lost,
    /// The agent's account may not read it.
    Denied,
    /// No handle, for another reason.
    Error,
}

impl GpuState {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stale => "stale",
            Self::Lost => "lost",
            Self::Denied => "denied",
            Self::Error => "error",
        }
    }
}

/// One process on one GPU (and MIG instance).
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// In the host's PID namespace.
    pub pid: u32,
    /// Which lists it stands in.
    pub kind: ProcessKind,
    /// Memory in use on the GPU; the graphics list's where it stands in both.
    pub gpu_memory_bytes: Reading<u64>,
    /// MIG's GPU instance.
    pub gpu_instance: Option<u32>,
    /// MIG's compute instance.
    pub compute_instance: Option<u32>,
    /// Whether it lives.
    pub life: Life,
    /// Its owner's real user id.
    pub uid: Reading<u32>,
    /// Its owner's name; none if the uid has no name, or it is not resolved yet.
    pub user: Option<String>,
    /// How long it had run when it was listed.
    pub running: Reading<Duration>,
    /// Its arguments; empty for a kernel thread.
    pub arguments: Reading<Vec<String>>,
}

/// Which of the driver's lists a process stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessKind {
    /// The compute list.
    Compute,
    /// The graphics list.
    Graphics,
    /// Both.
    Both,
}

impl ProcessKind {
    /// `C`, `G` or `C+G`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "C",
            Self::Graphics => "G",
            Self::Both => "C+G",
        }
    }

    /// Whether the process stands in the compute list.
    #[must_use]
    pub const fn computes(self) -> bool {
        matches!(self, Self::Compute | Self::Both)
    }

    /// Whether the process stands in the graphics list.
    #[must_use]
    pub const fn draws(self) -> bool {
        matches!(self, Self::Graphics | Self::Both)
    }
}
