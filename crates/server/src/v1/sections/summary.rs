//! All at a glance: nothing of people and their programs, for every scope the same.

use std::fmt::Write as _;

use telemetry::{
    Absence,
    snapshot::{Gpu, GpuState, Severity, Snapshot, UseVerdict},
};

use crate::v1::{
    view::{Absent, view},
    word::{CollectorStateWord, GpuStateWord, SeverityWord, UseVerdictWord, Word},
};

view! {
    /// The host at a glance.
    struct SummaryView of (eye, snapshot: &Snapshot) {
        /// The host's name.
        /// Source: `/proc/sys/kernel/hostname`. Lane: host. Absent: where `/proc` tells none.
        read hostname: Option<String> = snapshot.host.hostname.clone();
        /// When this was derived, Unix time in milliseconds.
        /// Source: the wall clock. Lane: derived. Absent: never.
        value sampled_at: u64 = snapshot.at.unix_ms;
        /// Whether GPUs are read, and if not, why.
        /// Source: derived. Lane: derived. Absent: never.
        value collector_state: CollectorStateWord = Word::of(&snapshot.collector.state);
        /// How many GPUs there are.
        /// Source: `nvmlDeviceGetCount_v2`. Lane: derived. Absent: never.
        value gpus_total: usize = snapshot.gpus.len();
        /// How many of them are in state `ok`.
        /// Source: derived. Lane: derived. Absent: never.
        value gpus_ok: usize = snapshot.gpus.iter().filter(|gpu| gpu.state == GpuState::Ok).count();
        /// GPUs by the verdict on their use.
        value r#use: UseCounts = UseCounts::of(eye, &snapshot.gpus);
        /// GPUs by the verdict on their health.
        value health: HealthCounts = HealthCounts::of(eye, &snapshot.gpus);
        /// Each GPU.
        value gpus: Vec<SummaryGpu> = snapshot.gpus.iter().enumerate().map(|(at, gpu)| {
            eye.part(format_args!("gpus.{at}"), |eye| SummaryGpu::of(eye, gpu))
        }).collect();
        /// Why a value is null, by its dotted path.
        value absent: Absent = eye.absent();
    }
}

fn used(gpus: &[Gpu], verdict: UseVerdict) -> usize {
    gpus.iter().filter(|gpu| gpu.usage.verdict == verdict).count()
}

fn well(gpus: &[Gpu], verdict: Severity) -> usize {
    gpus.iter().filter(|gpu| gpu.health.verdict == verdict).count()
}

view! {
    /// GPUs by the verdict on their use.
    struct UseCounts of (_eye, gpus: &[Gpu]) {
        /// Nobody has them.
        /// Source: derived. Lane: derived. Absent: never.
        value free: usize = used(gpus, UseVerdict::Free);
        /// Somebody holds memory on them while they idle.
        /// Source: derived. Lane: derived. Absent: never.
        value held: usize = used(gpus, UseVerdict::Held);
        /// They work.
        /// Source: derived. Lane: derived. Absent: never.
        value busy: usize = used(gpus, UseVerdict::Busy);
        /// It cannot be told: their state is not `ok`, or there is no list of processes.
        /// Source: derived. Lane: derived. Absent: never.
        value unknown: usize = used(gpus, UseVerdict::Unknown);
    }
}

view! {
    /// GPUs by the verdict on their health.
    struct HealthCounts of (_eye, gpus: &[Gpu]) {
        /// Nothing is wrong.
        /// Source: derived. Lane: derived. Absent: never.
        value ok: usize = well(gpus, Severity::Ok);
        /// Somebody should look.
        /// Source: derived. Lane: derived. Absent: never.
        value warning: usize = well(gpus, Severity::Warning);
        /// They must not be used.
        /// Source: derived. Lane: derived. Absent: never.
        value critical: usize = well(gpus, Severity::Critical);
    }
}

view! {
    /// One GPU at a glance.
    struct SummaryGpu of (eye, gpu: &Gpu) {
        /// NVML's index of this moment.
        /// Source: `nvmlDeviceGetHandleByIndex_v2`. Lane: at the handle. Absent: never.
        value index: u32 = gpu.index;
        /// Its name for ever.
        /// Source: `nvmlDeviceGetUUID`. Lane: at the handle. Absent: where it never told.
        read uuid: Option<String> = gpu.identity.uuid.clone();
        /// What it is called.
        /// Source: `nvmlDeviceGetName`. Lane: at the handle. Absent: where it never told.
        read name: Option<String> = gpu.identity.name.clone();
        /// How fresh and how whole its readings are.
        /// Source: derived. Lane: derived. Absent: never.
        value state: GpuStateWord = Word::of(gpu.state);
        /// Whether it is free.
        /// Source: derived. Lane: derived. Absent: never.
        value verdict: UseVerdictWord = Word::of(gpu.usage.verdict);
        /// Memory free for allocation.
        /// Source: `nvmlDeviceGetMemoryInfo_v2`, else `nvmlDeviceGetMemoryInfo`. Lane: fast. Absent: as the GPU is.
        read memory_free_bytes: Option<u64> = gpu.readings.memory.free_bytes;
        /// Whether it is well.
        /// Source: derived. Lane: derived. Absent: never.
        value health: SeverityWord = Word::of(gpu.health.verdict);
    }
}

impl SummaryView {
    /// For a terminal: a line for the host, and one per GPU.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let host = self.hostname.as_deref().unwrap_or("(no hostname)");
        let UseCounts { free, held, busy, unknown } = &self.r#use;
        let mut text = String::new();
        writeln!(
            text,
            "{host}: collector {}, {} of {} GPUs ok: {free} free, {held} held, {busy} busy, {unknown} unknown",
            self.collector_state, self.gpus_ok, self.gpus_total
        )?;
        for gpu in &self.gpus {
            let name = gpu.name.as_deref().unwrap_or("(no name)");
            write!(text, "{:>3}  {name:<28} {:<8} {:<8} ", gpu.index, gpu.state, gpu.verdict)?;
            match gpu.memory_free_bytes {
                Some(bytes) => write!(text, "{:>7} MiB free", bytes >> 20)?,
                None => write!(text, "{:>16}", why_unknown(self, gpu.index))?,
            }
            writeln!(text, "  {}", gpu.health)?;
        }
        Ok(text)
    }
}

/// The reason in the place of the number.
fn why_unknown(summary: &SummaryView, index: u32) -> &'static str {
    let position = summary.gpus.iter().position(|gpu| gpu.index == index).unwrap_or_default();
    summary.absent.why(&format!("gpus.{position}.memory_free_bytes")).unwrap_or(Absence::Error.as_str())
}
