//! Summary of the host: the state and use of its GPUs. Of people it has names of users only, which the scope `summary`
//! does not see.

use std::{fmt::Write as _, time::Duration};

use telemetry::{
    Absence, Reading,
    readings::words,
    snapshot::{Gpu, GpuState, Mig, MissingGpu, Severity, Snapshot, UseVerdict, mig_labels},
    terminal::{printable, printable_in},
};

use crate::v1::{
    sections::{claim::ClaimView, host::unanswered},
    view::{Absent, ViewContext, view},
    word::{CollectorStateWord, GpuStateWord, SeverityWord, UseVerdictWord, Word},
};

view! {
    /// Summary of the host.
    struct SummaryView of (context, snapshot: &Snapshot) {
        /// Hostname.
        /// Source: `--hostname`, else `/proc/sys/kernel/hostname`. Read: /proc. Absent: where `/proc` has none.
        read hostname: Option<String> = snapshot.host.hostname.clone();
        /// Version of this program.
        /// Source: the program. Read: not read. Absent: never.
        value agent_version: &'static str = env!("CARGO_PKG_VERSION");
        /// Version of the driver.
        /// Source: `nvmlSystemGetDriverVersion`. Read: driver load. Absent: `timeout` before the driver answers, `error` where it cannot be read.
        read driver_version: Option<String> =
            snapshot.driver.as_ref().map_or(Err(unanswered(snapshot)), |driver| driver.driver_version.clone());
        /// Interval between readings, in milliseconds.
        /// Source: `--interval`. Read: not read. Absent: never.
        value interval_ms: u64 = milliseconds(snapshot.interval);
        /// Time of the snapshot, Unix time in milliseconds.
        /// Source: the wall clock. Read: derived. Absent: never.
        value sampled_at: u64 = snapshot.at.unix_ms;
        /// Time of the newest reading of any GPU, Unix time in milliseconds.
        /// Source: the wall clock. Read: tick. Absent: `timeout` before the first.
        read read_at: Option<u64> = snapshot.read_at.map(|read_at| read_at.unix_ms).ok_or(Absence::Timeout);
        /// Age of that reading at the time of the snapshot, in milliseconds.
        /// Source: the boot clock. Read: derived. Absent: `timeout` before the first.
        read age_ms: Option<u64> =
            snapshot.read_at.map(|read_at| milliseconds(snapshot.at.boot.since(read_at.boot))).ok_or(Absence::Timeout);
        /// State of the collector: `ok` if GPUs are read, else the reason.
        /// Source: derived. Read: derived. Absent: never.
        value collector_state: CollectorStateWord = Word::of(&snapshot.collector.state);
        /// Number of GPUs.
        /// Source: `nvmlDeviceGetCount_v2`. Read: derived. Absent: before the driver has counted them: `timeout`, or `error` where it cannot be read.
        read gpus_total: Option<usize> =
            if snapshot.has_counted() { Ok(snapshot.gpus.len()) } else { Err(unanswered(snapshot)) };
        /// Number of GPUs in state `ok`.
        /// Source: derived. Read: derived. Absent: never.
        value gpus_ok: usize = snapshot.gpus.iter().filter(|gpu| gpu.state == GpuState::Ok).count();
        /// Numbers of GPUs by use.
        value r#use: UseCounts = UseCounts::of(context, &snapshot.gpus);
        /// Numbers of MIG instances by use; the numbers of GPUs do not include them.
        value mig: MigCounts = MigCounts::of(context, &snapshot.gpus);
        /// Numbers of GPUs by health.
        value health: HealthCounts = HealthCounts::of(context, &snapshot.gpus);
        /// Problems of the host and its GPUs in plain words, the worst first.
        /// Source: derived. Read: derived. Absent: never; empty if there are none.
        value problems: Vec<String> = snapshot.problems().into_iter().map(|problem| problem.text).collect();
        /// All GPUs.
        value gpus: Vec<SummaryGpu> = snapshot.gpus.iter().enumerate().map(|(at, gpu)| {
            context.part(format_args!("gpus.{at}"), |context| SummaryGpu::of(context, gpu))
        }).collect();
        /// GPUs that an earlier run of the agent read, and that the driver does not list. No number above counts them.
        value missing: Vec<MissingGpuView> =
            snapshot.missing.iter().map(|gpu| MissingGpuView::of(context, gpu)).collect();
        /// Reasons why values are null, by dotted path.
        value absent: Absent = context.absent();
    }
}

/// Characters of a hostname in the text, which Linux limits to 64 bytes.
const WIDEST_HOST: usize = 64;
/// Characters of a GPU's name in the text; longer names are cut. The driver's are at most 96 bytes.
const WIDEST_NAME: usize = 48;

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn used(gpus: &[Gpu], verdict: UseVerdict) -> usize {
    gpus.iter().filter(|gpu| gpu.usage.verdict == verdict).count()
}

fn well(gpus: &[Gpu], verdict: Severity) -> usize {
    gpus.iter().filter(|gpu| gpu.health.verdict == verdict).count()
}

view! {
    /// Numbers of GPUs by use.
    struct UseCounts of (_eye, gpus: &[Gpu]) {
        /// Free GPUs.
        /// Source: derived. Read: derived. Absent: never.
        value free: usize = used(gpus, UseVerdict::Free);
        /// Idle GPUs on which memory is held.
        /// Source: derived. Read: derived. Absent: never.
        value held: usize = used(gpus, UseVerdict::Held);
        /// Busy GPUs.
        /// Source: derived. Read: derived. Absent: never.
        value busy: usize = used(gpus, UseVerdict::Busy);
        /// GPUs of unknown use: their state is not `ok`, or there is no list of processes.
        /// Source: derived. Read: derived. Absent: never.
        value unknown: usize = used(gpus, UseVerdict::Unknown);
    }
}

fn used_instances(gpus: &[Gpu], verdict: UseVerdict) -> usize {
    gpus.iter().flat_map(|gpu| gpu.mig.iter().flatten()).filter(|mig| mig.usage.verdict == verdict).count()
}

view! {
    /// Numbers of MIG instances by use.
    struct MigCounts of (_eye, gpus: &[Gpu]) {
        /// Free instances.
        /// Source: derived. Read: derived. Absent: never.
        value free: usize = used_instances(gpus, UseVerdict::Free);
        /// Idle instances on which memory is held.
        /// Source: derived. Read: derived. Absent: never.
        value held: usize = used_instances(gpus, UseVerdict::Held);
        /// Busy instances.
        /// Source: derived. Read: derived. Absent: never.
        value busy: usize = used_instances(gpus, UseVerdict::Busy);
        /// Instances of unknown use.
        /// Source: derived. Read: derived. Absent: never.
        value unknown: usize = used_instances(gpus, UseVerdict::Unknown);
    }
}

view! {
    /// Numbers of GPUs by health.
    struct HealthCounts of (_eye, gpus: &[Gpu]) {
        /// GPUs without a problem.
        /// Source: derived. Read: derived. Absent: never.
        value ok: usize = well(gpus, Severity::Ok);
        /// GPUs that need attention.
        /// Source: derived. Read: derived. Absent: never.
        value warning: usize = well(gpus, Severity::Warning);
        /// GPUs that must not be used.
        /// Source: derived. Read: derived. Absent: never.
        value critical: usize = well(gpus, Severity::Critical);
    }
}

view! {
    /// Summary of a GPU.
    struct SummaryGpu of (context, gpu: &Gpu) {
        /// NVML's current index.
        /// Source: `nvmlDeviceGetHandleByIndex_v2`. Read: handle. Absent: never.
        value index: u32 = gpu.index;
        /// UUID.
        /// Source: `nvmlDeviceGetUUID`. Read: handle. Absent: where the driver never reported it.
        read uuid: Option<String> = gpu.identity.uuid.clone();
        /// Product name.
        /// Source: `nvmlDeviceGetName`. Read: handle. Absent: where the driver never reported it.
        read name: Option<String> = gpu.identity.name.clone();
        /// State of its readings.
        /// Source: derived. Read: derived. Absent: never.
        value state: GpuStateWord = Word::of(gpu.state);
        /// Use.
        /// Source: derived. Read: derived. Absent: never.
        value verdict: UseVerdictWord = Word::of(gpu.usage.verdict);
        /// Use, the same as `verdict`. In `/api/v1/snapshot` `use` is an object.
        /// Source: derived. Read: derived. Absent: never.
        value r#use: UseVerdictWord = Word::of(gpu.usage.verdict);
        /// Start of this use, Unix time in milliseconds.
        /// Source: derived. Read: derived. Absent: never.
        value since: u64 = gpu.usage.since.unix_ms;
        /// Users: names of accounts or, for root in a container, the container as in `/users`.
        /// Source: derived from the processes. Read: derived. Absent: `hidden`; then the list is empty.
        private_list users: Vec<String> = gpu.usage.users.clone();
        /// Claim of it; null without one. As in `/api/v1/snapshot`.
        /// Source: `claim` and `run`. Read: derived. Absent: null where there is none.
        null claim: Option<ClaimView> = ClaimView::seen(context, gpu.claim.as_ref());
        /// Total memory.
        /// Source: `nvmlDeviceGetMemoryInfo_v2`, else `nvmlDeviceGetMemoryInfo`. Read: tick. Absent: as the GPU is.
        read memory_total_bytes: Option<u64> = gpu.readings.memory.total_bytes;
        /// Free memory.
        /// Source: `nvmlDeviceGetMemoryInfo_v2`, else `nvmlDeviceGetMemoryInfo`. Read: tick. Absent: as the GPU is.
        read memory_free_bytes: Option<u64> = gpu.readings.memory.free_bytes;
        /// Share of the time in which a kernel ran, in %.
        /// Source: `nvmlDeviceGetUtilizationRates`. Read: tick. Absent: as the GPU is.
        read utilization_percent: Option<u32> = gpu.readings.utilization.gpu_percent;
        /// Power draw of the board.
        /// Source: `nvmlDeviceGetPowerUsage`. Read: tick. Absent: as the GPU is.
        read power_watts: Option<f64> = gpu.readings.power.draw_mw.map(|draw| f64::from(draw) / 1000.0);
        /// Temperature of the GPU.
        /// Source: `nvmlDeviceGetTemperatureV`, else `nvmlDeviceGetTemperature`. Read: tick. Absent: as the GPU is.
        read temperature_celsius: Option<i32> = gpu.readings.temperature.gpu_celsius;
        /// Health.
        /// Source: derived. Read: derived. Absent: never.
        value health: SeverityWord = Word::of(gpu.health.verdict);
        /// True if MIG is enabled; then the GPU cannot be used as a whole.
        /// Source: `nvmlDeviceGetMigMode`. Read: 10 ticks. Absent: `not_supported` where it cannot be, `timeout` before the first reading.
        read mig_mode: Option<bool> = gpu.readings.modes.mig;
        /// Compute mode, as in `/api/v1/snapshot`. With `prohibited` nobody can use the GPU.
        /// Source: `nvmlDeviceGetComputeMode`. Read: 10 ticks. Absent: `timeout` before the first reading.
        read compute_mode: Option<String> =
            gpu.readings.modes.compute.map(|mode| words::word(mode, words::COMPUTE_MODES).into_owned());
        /// MIG instances; empty without MIG.
        /// Source: `nvmlDeviceGetMigDeviceHandleByIndex`. Read: 10 ticks. Absent: `timeout` before the first reading; then the list is empty.
        list mig: Vec<SummaryMig> = SummaryMig::all(context, gpu);
    }
}

view! {
    /// Summary of a MIG instance.
    struct SummaryMig of (context, mig: &Mig, label: String) {
        /// Name on its GPU: the profile, with the instance's IDs if several instances have the same profile.
        /// Source: derived from the profile and the IDs. Read: derived. Absent: never.
        value label: String = label;
        /// UUID, for `CUDA_VISIBLE_DEVICES`.
        /// Source: `nvmlDeviceGetUUID` of the instance. Read: 10 ticks. Absent: as the GPU is.
        read uuid: Option<String> = mig.sample.uuid.clone();
        /// Profile, such as `1g.18gb`.
        /// Source: `nvmlDeviceGetName` of the instance. Read: 10 ticks. Absent: as the GPU is.
        read profile: Option<String> = mig.sample.profile.clone();
        /// Use.
        /// Source: derived. Read: derived. Absent: never.
        value verdict: UseVerdictWord = Word::of(mig.usage.verdict);
        /// Use, the same as `verdict`. In `/api/v1/snapshot` `use` is an object.
        /// Source: derived. Read: derived. Absent: never.
        value r#use: UseVerdictWord = Word::of(mig.usage.verdict);
        /// Start of this use, Unix time in milliseconds.
        /// Source: derived. Read: derived. Absent: never.
        value since: u64 = mig.usage.since.unix_ms;
        /// Users: names of accounts or, for root in a container, the container as in `/users`.
        /// Source: derived from the processes. Read: derived. Absent: `hidden`; then the list is empty.
        private_list users: Vec<String> = mig.usage.users.clone();
        /// Claim of it; null without one. As in `/api/v1/snapshot`.
        /// Source: `claim` and `run`. Read: derived. Absent: null where there is none.
        null claim: Option<ClaimView> = ClaimView::seen(context, mig.claim.as_ref());
        /// Total memory.
        /// Source: `nvmlDeviceGetMemoryInfo_v2` of the instance. Read: 10 ticks. Absent: as the GPU is.
        read memory_total_bytes: Option<u64> = mig.sample.memory.map(|memory| memory.total_bytes);
        /// Free memory.
        /// Source: `nvmlDeviceGetMemoryInfo_v2` of the instance. Read: 10 ticks. Absent: as the GPU is.
        read memory_free_bytes: Option<u64> = mig.sample.memory.and_then(|memory| memory.free_bytes);
    }
}

impl SummaryMig {
    fn all(context: &mut ViewContext, gpu: &Gpu) -> Reading<Vec<Self>> {
        let instances = gpu.mig.as_ref().map_err(|why| *why)?;
        let one = |(position, (instance, label))| {
            context.part(format_args!("mig.{position}"), |context| Self::of(context, instance, label))
        };
        Ok(instances.iter().zip(mig_labels(instances)).enumerate().map(one).collect())
    }
}

view! {
    /// GPU that an earlier run of the agent read, and that the driver does not list.
    struct MissingGpuView of (_eye, gpu: &MissingGpu) {
        /// UUID; where that cannot be used, the PCI bus id with `bus ` before it.
        /// Source: derived, saved by an earlier run. Read: derived. Absent: never.
        value id: String = gpu.id.clone();
        /// Product name; empty where the driver never reported it.
        /// Source: derived, saved by an earlier run. Read: derived. Absent: never.
        value name: String = gpu.name.clone();
        /// Time of its last reading, Unix time in milliseconds.
        /// Source: derived, saved by an earlier run. Read: derived. Absent: never.
        value read_at: u64 = gpu.read_at_ms;
        /// Description.
        /// Source: derived. Read: derived. Absent: never.
        value text: String = gpu.text();
        /// Remedy.
        /// Source: derived. Read: derived. Absent: never.
        value action: String = gpu.action();
    }
}

impl SummaryView {
    /// Text for a terminal: a line for the host, and one per GPU and MIG instance below a heading.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        self.host_line(&mut text)?;
        if !self.gpus.is_empty() || !self.missing.is_empty() {
            writeln!(text, "{:<4} {:<28} {:<8} {:<8} {:>16}  HEALTH", "GPU", "NAME", "STATE", "USE", "MEMORY")?;
        }
        for (position, gpu) in self.gpus.iter().enumerate() {
            let name = printable_in(gpu.name.as_deref().unwrap_or("(no name)"), WIDEST_NAME);
            write!(text, "{:>3}  {name:<28} {:<8} {:<8} ", gpu.index, gpu.state, gpu.verdict)?;
            let memory = self.free_memory(gpu.memory_free_bytes, format_args!("gpus.{position}"));
            writeln!(text, "{memory:>16}  {}", gpu.health)?;
            for (at, mig) in gpu.mig.iter().enumerate() {
                let name = format!("{} · {}", gpu.index, printable_in(&mig.label, WIDEST_NAME));
                let memory = self.free_memory(mig.memory_free_bytes, format_args!("gpus.{position}.mig.{at}"));
                writeln!(text, "     {name:<28} {:<8} {:<8} {memory:>16}  {}", gpu.state, mig.verdict, gpu.health)?;
            }
        }
        for gpu in &self.missing {
            writeln!(text, "  -  {:<28} missing  {}", printable_in(&gpu.name, WIDEST_NAME), printable(&gpu.id))?;
        }
        Ok(text)
    }

    fn host_line(&self, text: &mut String) -> std::fmt::Result {
        let host = printable_in(self.hostname.as_deref().unwrap_or("(no hostname)"), WIDEST_HOST);
        let UseCounts { free, held, busy, unknown } = &self.r#use;
        let total = self.gpus_total.map_or_else(|| "?".into(), |total| total.to_string());
        write!(
            text,
            "{host}: collector {}, {} of {total} GPUs ok: {free} free, {held} held, {busy} busy, {unknown} unknown",
            self.collector_state, self.gpus_ok
        )?;
        let MigCounts { free, held, busy, unknown } = &self.mig;
        if free + held + busy + unknown > 0 {
            write!(text, "; MIG instances: {free} free, {held} held, {busy} busy, {unknown} unknown")?;
        }
        writeln!(text)
    }

    /// Free memory as text, or the reason for its absence.
    fn free_memory(&self, bytes: Option<u64>, part: std::fmt::Arguments<'_>) -> String {
        let why = || self.absent.why(&format!("{part}.memory_free_bytes")).unwrap_or(Absence::Error.as_str());
        bytes.map_or_else(|| why().into(), |bytes| format!("{} MiB free", bytes >> 20))
    }
}
