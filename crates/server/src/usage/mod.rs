//! Usage accounting as the API asks for it: queries, reports, and the store behind a trait.

#[cfg(test)]
pub(crate) mod fake;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use telemetry::usage::{Sums, UserTotals};

/// A stored accounting of usage.
pub trait UsageStore: Send + Sync {
    /// Sums of a period, by dimension.
    fn usage(&self, query: UsageQuery) -> Pending<UsageReport>;
    /// Sessions that overlap a period, the newest first.
    fn sessions(&self, query: SessionsQuery) -> Pending<SessionsPage>;
    /// Totals of every user as they are on disk, by name: never more, so that a crash cannot make them fall. A user who is
    /// new since then has zeros.
    fn totals(&self) -> Arc<Vec<UserTotals>>;
    /// Where it is kept and what of it.
    fn state(&self) -> UsageState;
}

impl fmt::Debug for dyn UsageStore {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("UsageStore").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// Most rows of a report: more are of no use to a reader, and take memory.
pub const MAX_ROWS: usize = 50_000;

/// An answer that takes a while; dropping it gives up.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, UsageError>> + Send>>;

/// Where usage is kept, and what of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageState {
    /// With users, containers, pods, jobs and commands.
    pub people: bool,
    /// In a file that outlives the agent.
    pub persistent: bool,
    /// Reason why the file of the state directory cannot be used or written, and what to do. It may name paths.
    pub problem: Option<String>,
}

/// Reason for which a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageError {
    /// It took longer than 5 s, or too many others were waiting.
    Timeout,
    /// The cursor is not of this store.
    Cursor,
    /// No GPU of this key was ever counted.
    Gpu(String),
    /// The report would have more than [`MAX_ROWS`].
    TooManyRows,
    /// The store cannot be read.
    Unavailable(String),
}

/// A dimension of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The label of `/api/v1/users`.
    User,
    /// The physical GPU, by its key.
    Gpu,
    /// The Slurm job.
    Job,
    /// The pod.
    Pod,
    /// The container.
    Container,
    /// The model of the GPU.
    Model,
    /// The day in the query's zone, as `2026-11-30`.
    Day,
    /// The hour of the day in the query's zone, `0` to `23`.
    HourOfDay,
}

impl Dimension {
    /// All dimensions, in the order of the documentation.
    pub const ALL: [Self; 8] =
        [Self::User, Self::Gpu, Self::Job, Self::Pod, Self::Container, Self::Model, Self::Day, Self::HourOfDay];

    /// Its name in a query, and its key in a row.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Gpu => "gpu",
            Self::Job => "job",
            Self::Pod => "pod",
            Self::Container => "container",
            Self::Model => "model",
            Self::Day => "day",
            Self::HourOfDay => "hour_of_day",
        }
    }

    /// True if its groups are people, or their work.
    #[must_use]
    pub const fn names_people(self) -> bool {
        matches!(self, Self::User | Self::Job | Self::Pod | Self::Container)
    }
}

/// Query of sums.
#[derive(Clone, Debug)]
pub struct UsageQuery {
    /// From when, Unix time in milliseconds.
    pub since_ms: u64,
    /// Until before when, Unix time in milliseconds.
    pub until_ms: u64,
    /// Dimensions, without repetition. With none there is one row of all holders, or no row if there are none.
    pub by: Vec<Dimension>,
    /// Time zone of days and hours.
    pub zone: jiff::tz::TimeZone,
    /// Only of these users; all if none are named.
    pub users: Option<Vec<String>>,
    /// Only of these GPUs, by key; all if none are named. With them, free and other time is theirs too. A key may be of no GPU.
    pub gpus: Option<Vec<String>>,
}

/// Sums of a period. For any query without `users`: rows + free + unknown + unassigned + unobserved = device time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageReport {
    /// Number of devices that existed in the period.
    pub devices: u64,
    /// Device time, in seconds.
    pub device_seconds: f64,
    /// Largest possible error of a sum by the attribution at the edges of the period, in seconds of wall time.
    pub edge_seconds: f64,
    /// By `gpu_seconds`, descending.
    pub rows: Vec<UsageRow>,
    /// Time in which nobody had the device, in seconds.
    pub free_seconds: f64,
    /// Time in which the holder is not known, in seconds.
    pub unknown_seconds: f64,
    /// Time of MIG slices in no instance, in seconds.
    pub unassigned_seconds: f64,
    /// Time that was not sampled, in seconds.
    pub unobserved_seconds: f64,
    /// Board energy of all, in joules.
    pub energy_joules: f64,
}

/// One group of holders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageRow {
    /// A key per dimension of the query; none where it is unknown.
    pub keys: Vec<Option<Arc<str>>>,
    /// Last known index of the GPU, if the query is by GPU.
    pub gpu_index: Option<u32>,
    /// Sums.
    pub sums: RowSums,
    /// Number of sessions that touch the group.
    pub sessions: u64,
}

/// Sums in the API's units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowSums {
    /// [`Sums::gpu_us`] in seconds.
    pub gpu_seconds: f64,
    /// [`Sums::present_us`] in seconds.
    pub present_gpu_seconds: f64,
    /// [`Sums::busy_us`] in seconds.
    pub busy_gpu_seconds: Option<f64>,
    /// [`Sums::idle_us`] in seconds.
    pub idle_gpu_seconds: Option<f64>,
    /// [`Sums::allocated_us`] in seconds.
    pub allocated_gpu_seconds: Option<f64>,
    /// [`Sums::memory_byte_seconds`].
    pub memory_byte_seconds: f64,
    /// [`Sums::peak_memory_bytes`].
    pub peak_memory_bytes: u64,
    /// [`Sums::energy_mj`] in joules.
    pub energy_joules: f64,
}

impl RowSums {
    /// A share of sums, from 0 to 1: the part of a slot in a period. The peak is not divided.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a year have 45 bits")]
    pub fn share(sums: &Sums, share: f64) -> Self {
        let seconds = |us: u64| us as f64 / 1e6 * share;
        Self {
            gpu_seconds: seconds(sums.gpu_us),
            present_gpu_seconds: seconds(sums.present_us),
            busy_gpu_seconds: sums.busy_us.map(seconds),
            idle_gpu_seconds: sums.idle_us.map(seconds),
            allocated_gpu_seconds: sums.allocated_us.map(seconds),
            memory_byte_seconds: sums.memory_byte_seconds * share,
            peak_memory_bytes: sums.peak_memory_bytes,
            energy_joules: sums.energy_mj as f64 / 1e3 * share,
        }
    }
}

/// Query of sessions.
#[derive(Clone, Debug)]
pub struct SessionsQuery {
    /// From when, Unix time in milliseconds.
    pub since_ms: u64,
    /// Until before when, Unix time in milliseconds.
    pub until_ms: u64,
    /// Only of these users.
    pub users: Option<Vec<String>>,
    /// Only on these GPUs, by key.
    pub gpus: Option<Vec<String>>,
    /// Most sessions of the answer.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// One page of sessions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionsPage {
    /// Sessions, each with its stable ID.
    pub sessions: Vec<(String, telemetry::usage::Session)>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}
