//! The host, and the part of the agent that reads it.

use telemetry::{
    Absence,
    snapshot::{Collector, CollectorState, Snapshot},
};

use crate::v1::{
    view::{Absent, view},
    word::{CollectorStateWord, Word},
    words,
};

/// Why nothing is known of a driver that has not answered yet.
const fn unanswered(snapshot: &Snapshot) -> Absence {
    match snapshot.collector.state {
        CollectorState::NoDriver { .. } => Absence::Error,
        _ => Absence::Timeout,
    }
}

view! {
    /// What the host is and has.
    struct HostView of (eye, snapshot: &Snapshot) {
        /// Its name.
        /// Source: `/proc/sys/kernel/hostname`. Lane: host. Absent: where `/proc` tells none.
        read hostname: Option<String> = snapshot.host.hostname.clone();
        /// What keeps the agent from seeing all, with the remedy, in plain words.
        /// Source: derived. Lane: derived. Absent: never; empty if nothing does.
        value notes: Vec<String> = snapshot.host.notes.clone();
        /// The version of this program.
        /// Source: the program. Lane: none. Absent: never.
        value agent_version: &'static str = env!("CARGO_PKG_VERSION");
        /// The driver's version.
        /// Source: `nvmlSystemGetDriverVersion`. Lane: census. Absent: `timeout` before the driver answers, `error` where it cannot be read.
        read driver_version: Option<String> =
            snapshot.driver.as_ref().map_or(Err(unanswered(snapshot)), |driver| driver.driver_version.clone());
        /// The library's version.
        /// Source: `nvmlSystemGetNVMLVersion`. Lane: census. Absent: as `driver_version`.
        read nvml_version: Option<String> =
            snapshot.driver.as_ref().map_or(Err(unanswered(snapshot)), |driver| driver.nvml_version.clone());
        /// The newest CUDA that the driver runs, such as `13.0`.
        /// Source: `nvmlSystemGetCudaDriverVersion_v2`. Lane: census. Absent: as `driver_version`.
        read cuda_version: Option<String> = snapshot
            .driver
            .as_ref()
            .map_or(Err(unanswered(snapshot)), |driver| driver.cuda_version.map(words::cuda_version));
        /// When it booted, Unix time in milliseconds.
        /// Source: `/proc/stat`, `btime`. Lane: host. Absent: where `/proc` tells none.
        read booted_at: Option<u64> = snapshot.host.booted_at_ms;
        /// How busy its processors were since the sample before, in % of all of them.
        /// Source: `/proc/stat`, `cpu`. Lane: host. Absent: `timeout` at the first sample.
        read cpu_percent: Option<f64> = snapshot.host.cpu_percent;
        /// The load average of a minute.
        /// Source: `/proc/loadavg`. Lane: host. Absent: where `/proc` tells none.
        read load_1m: Option<f64> = snapshot.host.load_1m;
        /// All memory.
        /// Source: `/proc/meminfo`, `MemTotal`. Lane: host. Absent: where `/proc` tells none.
        read memory_total_bytes: Option<u64> = snapshot.host.memory_total_bytes;
        /// Memory that can be had without swapping.
        /// Source: `/proc/meminfo`, `MemAvailable`. Lane: host. Absent: where `/proc` tells none.
        read memory_available_bytes: Option<u64> = snapshot.host.memory_available_bytes;
        /// Why a value of the host is null, by its name.
        value absent: Absent = eye.absent();
    }
}

view! {
    /// How the part of the agent is that reads the machine.
    struct CollectorView of (eye, collector: &Collector) {
        /// Whether GPUs are read, and if not, why.
        /// Source: derived. Lane: derived. Absent: never.
        value state: CollectorStateWord = Word::of(&collector.state);
        /// Since when it has been in this state, Unix time in milliseconds.
        /// Source: derived. Lane: derived. Absent: never.
        value since: u64 = collector.since.unix_ms;
        /// What there is to say: the call that hangs and its GPU, the driver's text, why it restarts; null if nothing.
        /// Source: derived. Lane: derived. Absent: null where there is nothing to say.
        null detail: Option<String> = detail(collector);
        /// How often a collector was started anew after one that ended when it should not have.
        /// Source: derived. Lane: derived. Absent: never.
        value restarts: u64 = collector.restarts;
        /// How long the newest sample took.
        /// Source: the boot clock. Lane: assembler. Absent: `timeout` before the first sample.
        read sample_duration_seconds: Option<f64> =
            collector.sample_duration.map(|taken| taken.as_secs_f64()).ok_or(Absence::Timeout);
        /// Why a value of the collector is null, by its name.
        value absent: Absent = eye.absent();
    }
}

/// The driver's text, and beside it what the administrator can do.
fn detail(collector: &Collector) -> Option<String> {
    match (&collector.state, &collector.detail) {
        (CollectorState::NoDriver { text }, Some(hint)) => Some(format!("{text}: {hint}")),
        (CollectorState::NoDriver { text }, None) => Some(text.clone()),
        (_, detail) => detail.clone(),
    }
}
