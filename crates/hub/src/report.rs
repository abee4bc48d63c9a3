//! State of a host, as its agent reports it: checked, bounded, and independent of the agent's release.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use telemetry::snapshot::{GpuState, Severity, UseVerdict};
use tokio::time::Instant;

use crate::target::Endpoint;

/// Origin of a report, which says what it can contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// An agent of this release: its stream of summaries.
    #[default]
    Agent,
    /// An agent of an earlier release, whose snapshots are polled.
    OlderAgent,
    /// The original Python agent, whose `/status` is polled.
    Original,
    /// An engine with the Prometheus HTTP API.
    Engine,
}

impl Source {
    /// Word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::OlderAgent => "older_agent",
            Self::Original => "original",
            Self::Engine => "engine",
        }
    }
}

/// State of a host. `None` is unknown, never zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Origin.
    pub source: Source,
    /// True if the agent takes only a token without `Bearer`.
    pub takes_bare_token: bool,
    /// Hostname by the agent.
    pub hostname: Option<Box<str>>,
    /// Version of the agent.
    pub agent_version: Option<Box<str>>,
    /// Version of the driver.
    pub driver_version: Option<Box<str>>,
    /// Interval of its readings.
    pub interval: Option<Duration>,
    /// Age of a reading from which on it is stale; none for three intervals.
    pub limit: Option<Duration>,
    /// Age of its newest reading when it was sent; none if nothing was read yet.
    pub age: Option<Duration>,
    /// True until the agent's collector has read something for the first time.
    pub is_starting: bool,
    /// Reason why the agent itself reports nothing current, such as a driver that hangs; none if it does.
    pub stale: Option<String>,
    /// GPUs by index. With `counts`, what is not known of them is unknown here although they are counted.
    pub gpus: Vec<GpuReport>,
    /// Sums over the host, from a source that does not have the use of each GPU: they replace those of `gpus`.
    pub counts: Option<Counts>,
    /// Problems of the host and its GPUs in plain words, the worst first.
    pub problems: Vec<String>,
    /// Hints about the source, such as an agent of an earlier release.
    pub notes: Vec<String>,
}

/// Sums over the GPUs of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// GPUs that are free.
    pub free: u32,
    /// GPUs that are held.
    pub held: u32,
    /// GPUs that are busy.
    pub busy: u32,
    /// GPUs whose use is unknown.
    pub unknown: u32,
    /// MIG instances that are free.
    pub mig_free: u32,
    /// Total memory in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Free memory in bytes.
    pub memory_free_bytes: Option<u64>,
    /// Power draw in watts.
    pub power_watts: Option<f64>,
}

/// State of a GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct GpuReport {
    /// NVML's index.
    pub index: u32,
    /// UUID; none if it is unknown or not this GPU's own.
    pub uuid: Option<Box<str>>,
    /// Product name.
    pub name: Option<Box<str>>,
    /// Total memory in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Free memory in bytes.
    pub memory_free_bytes: Option<u64>,
    /// GPU utilization in percent.
    pub utilization_percent: Option<u8>,
    /// Power draw in watts.
    pub power_watts: Option<f64>,
    /// Temperature in degrees Celsius.
    pub temperature_celsius: Option<i32>,
    /// State of its readings; none if the source has no such state.
    pub state: Option<GpuState>,
    /// Use.
    pub r#use: UseVerdict,
    /// Begin of this use, Unix time in milliseconds.
    pub since_ms: Option<u64>,
    /// Health; none if it is unknown, or the source does not judge it.
    pub health: Option<Severity>,
    /// Users, sorted; none if the source does not know them or may not name them.
    pub users: Option<Vec<Box<str>>>,
    /// MIG instances.
    pub mig: Vec<MigReport>,
    /// True if the GPU is in MIG mode; none if that is unknown. It is offered as a whole only if this is false.
    pub mig_mode: Option<bool>,
    /// True if its compute mode is prohibited, so that nobody can use it; none if the source does not have the mode. A free GPU
    /// is not prohibited, since its agent knows the mode.
    pub is_prohibited: Option<bool>,
    /// Claim of the whole GPU.
    pub claim: Option<ClaimReport>,
}

/// State of a MIG instance.
#[derive(Clone, Debug, PartialEq)]
pub struct MigReport {
    /// Name on its GPU.
    pub label: Box<str>,
    /// UUID; none if it is unknown.
    pub uuid: Option<Box<str>>,
    /// Profile, such as `1g.18gb`.
    pub profile: Option<Box<str>>,
    /// Total memory in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Free memory in bytes.
    pub memory_free_bytes: Option<u64>,
    /// Use.
    pub r#use: UseVerdict,
    /// Begin of this use, Unix time in milliseconds.
    pub since_ms: Option<u64>,
    /// Users, sorted; none as for a GPU.
    pub users: Option<Vec<Box<str>>>,
    /// Claim of the instance, or of its GPU.
    pub claim: Option<ClaimReport>,
}

/// Claim of a device. Of one that the hub may not see, only its existence is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClaimReport {
    /// Kind.
    pub kind: Option<&'static str>,
    /// Name of the account.
    pub user: Option<Box<str>>,
    /// User ID on that host.
    pub uid: Option<u64>,
    /// PID of the process of `run`.
    pub pid: Option<u64>,
    /// Begin, Unix time in milliseconds.
    pub since: Option<u64>,
    /// End, Unix time in milliseconds; none for `run`.
    pub until: Option<u64>,
    /// Reason by the user.
    pub why: Option<Box<str>>,
}

/// Reason why there is no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection, a timeout, a redirect, something that is no agent's answer, or a limit exceeded; one line.
    Unreachable(String),
    /// 401, 403 or an invalid certificate; one line.
    Refused(String),
}

/// News about a host.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Place of the agent.
    pub endpoint: Arc<Endpoint>,
    /// Time of its receipt.
    pub at: Instant,
    /// The news.
    pub seen: Seen,
}

/// News about a host, without its place.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A whole state.
    Report(Box<Report>),
    /// Nothing has changed since the last report, except the age of the newest reading.
    Alive {
        /// Age of the newest reading when this was sent; none if nothing was read yet.
        age: Option<Duration>,
    },
    /// No report. The last one stays, and ages.
    Failed(Failure),
}
