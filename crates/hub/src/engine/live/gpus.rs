//! GPUs of single hosts, from raw samples: all series of all of them in one query.
//!
//! The engine joins nothing. Each series has its newest sample with its time; of two label sets of one GPU the newer counts,
//! and a series that is not in its target's newest scrape has ended.

use std::collections::{BTreeMap, HashMap};

use telemetry::snapshot::{GpuState, Severity, UseVerdict};

use super::{
    hosts::{self, MAX_GPUS},
    instances::Instances,
};
use crate::{
    engine::{
        answer::Series,
        api::{Answered, Engine, EngineError},
        promql,
    },
    report::{GpuReport, MigReport},
    wire::{celsius, percent, time_ms, watts},
};

/// Metrics that are read, after `nvsmi_`.
const METRICS: &str = "agent_snapshot_timestamp_seconds|gpu_(info|state|use|use_start_timestamp_seconds|last_read_timestamp_seconds|utilization_ratio|\
    memory_free_bytes|memory_used_bytes|memory_total_bytes|power_watts|temperature_celsius|health_reason|mig_mode|mig_info|mig_use|\
    compute_mode|mig_memory_free_bytes|mig_memory_total_bytes)";
/// Longest list of hosts in a query, in bytes: VictoriaMetrics refuses a query of more than 16 KiB.
const MAX_LIST_BYTES: usize = 12 << 10;
/// Difference of times within a scrape, in seconds.
const SAME_SCRAPE: f64 = 0.5;
/// Longest text of a label that is kept, in characters.
const MAX_TEXT: usize = 256;
/// Most MIG instances of a GPU that are kept.
const MAX_MIG: usize = 64;

/// GPUs of a host.
#[derive(Clone, Debug, Default)]
pub(super) struct HostGpus {
    /// Unix time of the newest reading of any, in seconds.
    pub(super) read: Option<f64>,
    pub(super) gpus: Vec<GpuReport>,
    /// False if only a part of its samples was read: then there may be further problems.
    pub(super) is_whole: bool,
    /// Problems: GPU, severity, code.
    pub(super) problems: Vec<(u32, Severity, Box<str>)>,
}

/// Newest samples of a host.
#[derive(Debug, Default)]
struct Samples {
    /// Newest time of a sample of a GPU, by job.
    scraped: HashMap<Box<str>, f64>,
    samples: Vec<Sample>,
}

/// Newest sample of a series.
#[derive(Debug)]
struct Sample {
    job: Box<str>,
    time: f64,
    value: f64,
    /// Metric, after `nvsmi_gpu_`.
    metric: Box<str>,
    gpu: Option<u32>,
    uuid: Option<Box<str>>,
    /// State, verdict, code, profile of a MIG instance, or mode.
    word: Box<str>,
    severity: Severity,
    /// UUID of a MIG instance, or product name.
    name: Option<Box<str>>,
    /// GPU instance and compute instance.
    mig: Option<(u32, u32)>,
}

/// Part of these hosts that fits into a query: the first of them.
pub(super) fn fitting(instances: &Instances, hosts: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut bytes = 0;
    let fits = |at: &usize| {
        bytes += promql::one_of(instances.names(*at).iter().map(|name| &**name)).len();
        bytes <= MAX_LIST_BYTES
    };
    hosts.filter(|at| !instances.names(*at).is_empty()).take_while(fits).collect()
}

/// Reads the GPUs of these hosts, from samples of the last seconds: `window`. `interval` is that of scrapes, in seconds.
pub(super) async fn read(
    engine: &Engine,
    instances: &Instances,
    hosts: &[usize],
    window: u64,
    interval: f64,
) -> Result<Answered<BTreeMap<usize, HostGpus>>, EngineError> {
    let names = hosts.iter().flat_map(|at| instances.names(*at)).map(|name| &**name);
    let query = format!(
        "{{__name__=~{}, instance=~{}}}[{window}s]",
        promql::quoted(&format!("nvsmi_({METRICS})")),
        promql::one_of(names)
    );
    let fold = |all: &mut BTreeMap<usize, Samples>, series: &Series<'_>| {
        let at = series.label("instance").and_then(|instance| instances.find(instance)).filter(|at| hosts.contains(at));
        if let (Some(at), Some(sample)) = (at, sample(series)) {
            all.entry(at).or_default().take(sample);
        }
    };
    let answered = engine.instant(&query, fold).await?;
    let is_whole = answered.note.is_none();
    let joined = answered.value.into_iter();
    let value = joined.map(|(at, samples)| (at, HostGpus { is_whole, ..samples.join(interval) })).collect();
    Ok(Answered { value, is_partial: answered.is_partial, note: answered.note })
}

fn sample(series: &Series<'_>) -> Option<Sample> {
    let (time, value) = series.last().filter(|(_, value)| value.is_finite())?;
    let metric = series.label("__name__")?.strip_prefix("nvsmi_")?;
    let text = |label: &str| series.label(label).map(|text| hosts::short(text, MAX_TEXT));
    let number = |label: &str| series.label(label).and_then(|text| text.parse().ok());
    let word = text("state").or_else(|| text("verdict")).or_else(|| text("code")).or_else(|| text("profile"));
    let word = word.or_else(|| text("mode"));
    Some(Sample {
        job: text("job").unwrap_or_default(),
        time,
        value,
        metric: metric.strip_prefix("gpu_").unwrap_or(metric).into(),
        gpu: hosts::gpu(series),
        uuid: text("uuid"),
        word: word.unwrap_or_default(),
        severity: hosts::severity(series),
        name: text("name").or_else(|| text("mig_uuid")),
        mig: number("gpu_instance").zip(number("compute_instance")),
    })
}

impl Samples {
    fn take(&mut self, sample: Sample) {
        if sample.gpu.is_some() {
            let newest = self.scraped.entry(sample.job.clone()).or_insert(sample.time);
            *newest = newest.max(sample.time);
        }
        self.samples.push(sample);
    }

    fn join(mut self, interval: f64) -> HostGpus {
        // Also of the agent itself: while another job has that alone, the GPUs are not read.
        let newest = self.samples.iter().map(|sample| sample.time).fold(f64::NEG_INFINITY, f64::max);
        let mut host = HostGpus::default();
        // The newest last, so that it wins.
        self.samples.sort_by(|one, other| one.time.total_cmp(&other.time));
        let mut gpus: BTreeMap<u32, Gpu> = BTreeMap::new();
        for sample in &self.samples {
            let Some(index) = sample.gpu else {
                host.read = Some(host.read.map_or(sample.value, |read| read.max(sample.value)));
                continue;
            };
            let is_of_last_scrape =
                self.scraped.get(&sample.job).is_some_and(|scraped| sample.time >= scraped - SAME_SCRAPE);
            // Another job scrapes at other times; one that no longer scrapes does not count.
            let is_current = is_of_last_scrape && sample.time >= newest - 1.5 * interval - SAME_SCRAPE;
            if is_current && (gpus.len() < MAX_GPUS || gpus.contains_key(&index)) {
                gpus.entry(index).or_default().take(sample);
            }
        }
        let limit = host.read.map(|read| read - 3.0 * interval);
        for (index, gpu) in &mut gpus {
            gpu.problems.dedup();
            host.problems.extend(gpu.problems.drain(..).map(|(severity, code)| (*index, severity, code)));
        }
        host.gpus = gpus.into_iter().map(|(index, gpu)| gpu.report(index, limit)).collect();
        make_unique(&mut host.gpus);
        host
    }
}

/// A GPU while its samples are joined.
#[derive(Debug, Default)]
struct Gpu {
    uuid: Option<Box<str>>,
    name: Option<Box<str>>,
    values: HashMap<Box<str>, f64>,
    /// Time, and words whose value is 1 at that time.
    states: (f64, Vec<Box<str>>),
    uses: (f64, Vec<Box<str>>),
    compute_modes: (f64, Vec<Box<str>>),
    problems: Vec<(Severity, Box<str>)>,
    mig: BTreeMap<(u32, u32), Mig>,
}

/// A MIG instance while its samples are joined.
#[derive(Debug, Default)]
struct Mig {
    uuid: Option<Box<str>>,
    profile: Option<Box<str>>,
    values: HashMap<Box<str>, f64>,
    uses: (f64, Vec<Box<str>>),
}

impl Gpu {
    /// Takes a sample that is no older than those before.
    fn take(&mut self, sample: &Sample) {
        if let Some(uuid) = &sample.uuid {
            self.uuid = Some(uuid.clone());
        }
        if let Some(key) = sample.mig {
            if self.mig.len() < MAX_MIG || self.mig.contains_key(&key) {
                self.mig.entry(key).or_default().take(sample);
            }
            return;
        }
        match &*sample.metric {
            "info" => self.name = sample.name.clone(),
            "state" => take_word(&mut self.states, sample),
            "use" => take_word(&mut self.uses, sample),
            "compute_mode" => take_word(&mut self.compute_modes, sample),
            "health_reason" => self.problems.push((sample.severity, sample.word.clone())),
            _ => drop(self.values.insert(sample.metric.clone(), sample.value)),
        }
    }

    fn report(self, index: u32, limit: Option<f64>) -> GpuReport {
        let value = |name: &str| self.values.get(name).copied();
        let (free, used) = (value("memory_free_bytes"), value("memory_used_bytes"));
        let total = value("memory_total_bytes").or_else(|| Some(free? + used?));
        let is_late = value("last_read_timestamp_seconds").zip(limit).is_some_and(|(read, limit)| read < limit);
        let state = if is_late { Some(GpuState::Stale) } else { state(&self.states.1) };
        let is_ok = state == Some(GpuState::Ok);
        let mig = self.mig.into_iter();
        let mig: Vec<MigReport> = mig.map(|((gpu, compute), mig)| mig.report(gpu, compute, is_ok)).collect();
        GpuReport {
            index,
            uuid: self.uuid,
            name: self.name,
            memory_total_bytes: total.map(hosts::bytes),
            memory_free_bytes: free.map(hosts::bytes),
            utilization_percent: percent(value("utilization_ratio").and_then(hundredths)),
            power_watts: watts(value("power_watts")),
            temperature_celsius: celsius(value("temperature_celsius").map(|value| value.round() as i64)),
            state,
            r#use: if is_ok { verdict(&self.uses.1) } else { UseVerdict::Unknown },
            since_ms: value("use_start_timestamp_seconds").filter(|_| is_ok).and_then(since_ms),
            health: None,
            users: None,
            // The set fleet has the mode only while it is set.
            mig_mode: Some(value("mig_mode").is_some_and(|mode| mode != 0.0) || !mig.is_empty()),
            mig,
            is_prohibited: is_prohibited(&self.compute_modes.1),
            claim: None,
        }
    }
}

impl Mig {
    fn take(&mut self, sample: &Sample) {
        match &*sample.metric {
            "mig_info" => (self.uuid, self.profile) = (sample.name.clone(), Some(sample.word.clone())),
            "mig_use" => take_word(&mut self.uses, sample),
            _ => drop(self.values.insert(sample.metric.clone(), sample.value)),
        }
    }

    fn report(self, gpu: u32, compute: u32, is_ok: bool) -> MigReport {
        let value = |name: &str| self.values.get(name).copied().map(hosts::bytes);
        MigReport {
            label: format!("{gpu}/{compute}").into(),
            memory_total_bytes: value("mig_memory_total_bytes"),
            memory_free_bytes: value("mig_memory_free_bytes"),
            uuid: self.uuid,
            profile: self.profile,
            r#use: if is_ok { verdict(&self.uses.1) } else { UseVerdict::Unknown },
            // No metric has it: 100 series of a host have no room for it.
            since_ms: None,
            users: None,
            claim: None,
        }
    }
}

/// Takes a sample of a state set. One of a newer scrape replaces those before, also with zeros alone.
fn take_word((time, words): &mut (f64, Vec<Box<str>>), sample: &Sample) {
    if sample.time > *time {
        *time = sample.time;
        words.clear();
    }
    if sample.value == 1.0 && !words.contains(&sample.word) {
        words.push(sample.word.clone());
    }
}

/// Unix time in milliseconds from one in seconds.
fn since_ms(seconds: f64) -> Option<u64> {
    time_ms(Some((seconds * 1000.0).round() as u64))
}

/// Percent of a ratio; none if it is negative.
fn hundredths(ratio: f64) -> Option<u64> {
    (ratio >= 0.0).then(|| (ratio * 100.0).round() as u64)
}

/// The one word that is set. Two at once, and none, are unknown.
fn verdict(words: &[Box<str>]) -> UseVerdict {
    match words {
        [word] => match &**word {
            "free" => UseVerdict::Free,
            "held" => UseVerdict::Held,
            "busy" => UseVerdict::Busy,
            _ => UseVerdict::Unknown,
        },
        _ => UseVerdict::Unknown,
    }
}

/// State of a GPU. The set fleet has two of the states: with none of them it is one of the others, and not read.
fn state(words: &[Box<str>]) -> Option<GpuState> {
    let [word] = words else { return Some(GpuState::Error) };
    Some(match &**word {
        "ok" => GpuState::Ok,
        "stale" => GpuState::Stale,
        "lost" => GpuState::Lost,
        "denied" => GpuState::Denied,
        "asleep" => GpuState::Asleep,
        _ => GpuState::Error,
    })
}

/// True for the compute mode in which nobody can use a GPU; none if the mode is not known.
fn is_prohibited(modes: &[Box<str>]) -> Option<bool> {
    let [mode] = modes else { return None };
    (!mode.starts_with("unknown")).then_some(&**mode == "prohibited")
}

/// Removes UUIDs that two GPUs have.
fn make_unique(gpus: &mut [GpuReport]) {
    let mut uses: HashMap<Box<str>, usize> = HashMap::new();
    for uuid in gpus.iter().filter_map(|gpu| gpu.uuid.clone()) {
        *uses.entry(uuid).or_default() += 1;
    }
    for gpu in gpus {
        if gpu.uuid.as_ref().is_some_and(|uuid| uses.get(uuid).is_some_and(|uses| *uses > 1)) {
            gpu.uuid = None;
        }
    }
}
