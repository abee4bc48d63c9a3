//! The host, and the collector.

use telemetry::{
    Absence,
    snapshot::{Collector, CollectorState, Snapshot},
};

use crate::v1::{
    view::{Absent, view},
    word::{CollectorStateWord, Word},
};

/// Reason why a driver is unknown that has not answered yet.
pub(super) const fn unanswered(snapshot: &Snapshot) -> Absence {
    match snapshot.collector.state {
        CollectorState::NoDriver { .. } => Absence::Error,
        _ => Absence::Timeout,
    }
}

view! {
    /// The host: its name, versions, CPU and memory.
    struct HostView of (context, snapshot: &Snapshot) {
        /// Hostname.
        /// Source: `--hostname`, else `/proc/sys/kernel/hostname`. Read: /proc. Absent: where `/proc` has none.
        read hostname: Option<String> = snapshot.host.hostname.clone();
        /// Limits of what the agent can read, each with its remedy, in plain words.
        /// Source: derived. Read: derived. Absent: never; empty if there are none.
        value notes: Vec<String> = snapshot.host.notes.clone();
        /// Version of this program.
        /// Source: the program. Read: not read. Absent: never.
        value agent_version: &'static str = env!("CARGO_PKG_VERSION");
        /// Version of the driver.
        /// Source: `nvmlSystemGetDriverVersion`. Read: driver load. Absent: `timeout` before the driver answers, `error` where it cannot be read.
        read driver_version: Option<String> =
            snapshot.driver.as_ref().map_or(Err(unanswered(snapshot)), |driver| driver.driver_version.clone());
        /// Version of the NVML library.
        /// Source: `nvmlSystemGetNVMLVersion`. Read: driver load. Absent: as `driver_version`, for libraries older than 535; newer ones have it without a driver.
        read nvml_version: Option<String> = match (&snapshot.driver, &snapshot.nvml_version) {
            (Some(driver), _) => driver.nvml_version.clone(),
            (None, Some(version)) => Ok(version.clone()),
            (None, None) => Err(unanswered(snapshot)),
        };
        /// Newest CUDA version that the driver supports, such as `13.0`.
        /// Source: `nvmlSystemGetCudaDriverVersion_v2`. Read: driver load. Absent: as `driver_version`.
        read cuda_version: Option<String> = snapshot
            .driver
            .as_ref()
            .map_or(Err(unanswered(snapshot)), |driver| driver.cuda_version.map(telemetry::readings::words::cuda_version));
        /// Time of the boot, Unix time in milliseconds.
        /// Source: `/proc/stat`, `btime`. Read: /proc. Absent: where `/proc` has none.
        read booted_at: Option<u64> = snapshot.host.booted_at_ms;
        /// CPU utilization since the previous sample, in % of all CPUs.
        /// Source: `/proc/stat`, `cpu`. Read: /proc. Absent: `timeout` at the first sample.
        read cpu_percent: Option<f64> = snapshot.host.cpu_percent;
        /// Load average of one minute.
        /// Source: `/proc/loadavg`. Read: /proc. Absent: where `/proc` has none.
        read load_1m: Option<f64> = snapshot.host.load_1m;
        /// Total memory.
        /// Source: `/proc/meminfo`, `MemTotal`. Read: /proc. Absent: where `/proc` has none.
        read memory_total_bytes: Option<u64> = snapshot.host.memory_total_bytes;
        /// Memory available without swapping.
        /// Source: `/proc/meminfo`, `MemAvailable`. Read: /proc. Absent: where `/proc` has none.
        read memory_available_bytes: Option<u64> = snapshot.host.memory_available_bytes;
        /// Reasons why values of the host are null, by name.
        value absent: Absent = context.absent();
    }
}

view! {
    /// State of the collector, the process that reads GPUs.
    struct CollectorView of (context, collector: &Collector) {
        /// State: `ok` if GPUs are read, else the reason.
        /// Source: derived. Read: derived. Absent: never.
        value state: CollectorStateWord = Word::of(&collector.state);
        /// Start of this state, Unix time in milliseconds.
        /// Source: derived. Read: derived. Absent: never.
        value since: u64 = collector.since.unix_ms;
        /// Detail of the state: the call that hangs and its GPU, the driver's text, or the reason of a restart; null if there is none.
        /// Source: derived. Read: derived. Absent: null where there is nothing to say.
        null detail: Option<String> = detail(collector);
        /// Number of unexpected restarts.
        /// Source: derived. Read: derived. Absent: never.
        value restarts: u64 = collector.restarts;
        /// Duration of the newest sample.
        /// Source: the boot clock. Read: sample. Absent: `timeout` before the first sample.
        read sample_duration_seconds: Option<f64> =
            collector.sample_duration.map(|taken| taken.as_secs_f64()).ok_or(Absence::Timeout);
        /// Reasons why values of the collector are null, by name.
        value absent: Absent = context.absent();
    }
}

/// The driver's text, followed by what the administrator can do.
fn detail(collector: &Collector) -> Option<String> {
    match (&collector.state, &collector.detail) {
        (CollectorState::NoDriver { text }, Some(hint)) => Some(format!("{text}: {hint}")),
        (CollectorState::NoDriver { text }, None) => Some(text.clone()),
        (_, detail) => detail.clone(),
    }
}
