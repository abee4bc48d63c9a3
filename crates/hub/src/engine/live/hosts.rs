//! Values of all hosts, from the series that `deploy/prometheus/fleet.yml` records.

use telemetry::snapshot::Severity;

use super::instances::Instances;
use crate::{
    engine::{
        answer::Series,
        api::{Answered, Engine, EngineError},
    },
    report::Counts,
};

/// Longest code of a problem that is kept, in characters. The agent's are shorter.
const MAX_CODE: usize = 64;
/// Longest UUID that is kept, in bytes.
const MAX_UUID: usize = 128;
/// Most GPUs of a host that are kept.
pub(super) const MAX_GPUS: usize = 256;

/// Values of a host.
#[derive(Clone, Debug, Default)]
pub(super) struct HostRow {
    /// Unix time of the newest reading, in seconds.
    pub(super) read: Option<f64>,
    kinds: [Option<f64>; KINDS.len()],
    pub(super) memory_free_bytes: Option<f64>,
    pub(super) memory_total_bytes: Option<f64>,
    pub(super) power_watts: Option<f64>,
    /// True if the agent's collector does not work.
    pub(super) is_collector_broken: bool,
    /// Problems of GPUs: index, severity, code.
    pub(super) problems: Vec<(u32, Severity, Box<str>)>,
    /// Free GPUs: index, UUID, free memory in bytes. Empty if they do not agree with the host's numbers.
    pub(super) free: Vec<(u32, Box<str>, u64)>,
}

/// Values of all hosts, by their positions in the list.
#[derive(Debug, Default)]
pub(super) struct HostRows {
    pub(super) rows: Vec<HostRow>,
    /// Seconds from one reading of a host to the next that the engine has: the larger one of the intervals of scrapes and rules.
    pub(super) interval: Option<f64>,
    /// Hosts that the engine cannot scrape.
    pub(super) not_scraped: Vec<usize>,
    /// Time of the newest evaluation of the rules, Unix seconds by the engine's clock.
    pub(super) evaluated: Option<f64>,
    /// True if problems are known, and all of them.
    pub(super) has_problems: bool,
    /// Hints for readers, such as a partial answer.
    pub(super) notes: Vec<String>,
}

/// Numbers of a host's GPUs.
const KINDS: [&str; 6] = ["free", "held", "busy", "unknown", "offered", "free_mig"];

impl HostRow {
    /// Numbers and sums of the host; none if its GPUs are not counted.
    pub(super) fn counts(&self) -> Option<Counts> {
        let [free, held, busy, unknown, _, mig_free] =
            self.kinds.map(|kind| kind.map(|count| u32::try_from(bytes(count)).unwrap_or(u32::MAX)));
        Some(Counts {
            free: free?,
            held: held.unwrap_or(0),
            busy: busy.unwrap_or(0),
            unknown: unknown.unwrap_or(0),
            mig_free: mig_free.unwrap_or(0),
            memory_total_bytes: self.memory_total_bytes.map(bytes),
            memory_free_bytes: self.memory_free_bytes.map(bytes),
            power_watts: self.power_watts,
        })
    }

    /// Drops free GPUs unless they are as many as the host has: one that is gone may still be in the engine's window, and
    /// two UUIDs of one GPU are not both there.
    fn check_free(&mut self) {
        let [.., offered, _] = self.kinds;
        self.free.sort_unstable_by_key(|(index, ..)| *index);
        let is_whole = offered.is_some_and(|offered| bytes(offered) == self.free.len() as u64);
        let is_unique = self.free.windows(2).all(|pair| matches!(pair, [one, other] if one.0 != other.0));
        if !is_whole || !is_unique {
            self.free.clear();
        }
    }
}

/// A number that cannot be negative or fractional.
pub(super) fn bytes(value: f64) -> u64 {
    // The cast saturates, and makes 0 of NaN.
    value as u64
}

/// Reads all hosts, from samples of the last seconds: `window`. There are nine queries.
///
/// # Errors
/// The times of readings, or the numbers of GPUs, are not known.
pub(super) async fn read(engine: &Engine, instances: &Instances, window: u64) -> Result<HostRows, EngineError> {
    let of = |name: &str| format!("last_over_time({name}[{window}s])");
    let (read, kinds, free_memory, memory, power, collector, problems, up) = tokio::join!(
        times(engine, instances, window),
        kinds(engine, instances, of("instance_kind:nvsmi_fleet_gpus:count")),
        values(engine, instances, of("instance:nvsmi_fleet_memory_free_bytes:sum")),
        values(engine, instances, of("instance:nvsmi_fleet_memory_total_bytes:sum")),
        values(engine, instances, of("instance:nvsmi_fleet_power_watts:sum")),
        values(engine, instances, of("instance:nvsmi_fleet_collector_ok:min") + " == 0"),
        problems(engine, instances, of("nvsmi_gpu_health_reason")),
        // Any answer with status 200 is up in VictoriaMetrics, also one without samples.
        values(engine, instances, "max by (instance) (up * (scrape_samples_scraped > bool 0)) == 0".into()),
    );
    let mut all = HostRows { rows: vec![HostRow::default(); instances.len()], ..HostRows::default() };
    let (read, kinds) = (all.noted(read)?, all.noted(kinds)?);
    all.interval = median(read.iter().flat_map(|(_, points)| steps(points)).collect());
    for (at, points) in &read {
        let newest = points.last().copied();
        all.evaluated = all.evaluated.max_known(newest.map(|(time, _)| time));
        all.at(*at, |row| row.read = row.read.max_known(newest.map(|(_, value)| value)));
    }
    for (at, kind, count) in kinds {
        all.at(at, |row| {
            if let Some(known) = row.kinds.get_mut(kind) {
                // Two engines that record the same may differ: fewer are free, more are not.
                let is_free = matches!(KINDS.get(kind), Some(&("free" | "offered" | "free_mig")));
                *known = Some(known.map_or(count, |known| if is_free { known.min(count) } else { known.max(count) }));
            }
        });
    }
    for (at, value) in all.optional(free_memory) {
        all.at(at, |row| row.memory_free_bytes = Some(row.memory_free_bytes.map_or(value, |known| known.min(value))));
    }
    for (at, value) in all.optional(memory) {
        all.at(at, |row| row.memory_total_bytes = row.memory_total_bytes.max_known(Some(value)));
    }
    for (at, value) in all.optional(power) {
        all.at(at, |row| row.power_watts = row.power_watts.max_known(Some(value)));
    }
    for (at, _) in all.optional(collector) {
        all.at(at, |row| row.is_collector_broken = true);
    }
    // A part of an answer does not prove that the others are well.
    all.has_problems = problems.as_ref().is_ok_and(|answered| answered.note.is_none());
    for (at, problem) in all.optional(problems) {
        all.at(at, |row| {
            if row.problems.len() < MAX_GPUS && !row.problems.contains(&problem) {
                row.problems.push(problem);
            }
        });
    }
    all.not_scraped = all.optional(up).into_iter().map(|(at, _)| at).collect();
    // After the numbers: these samples are as new or newer, never older.
    let free = free_gpus(engine, instances, window).await;
    for (at, gpu) in all.optional(free) {
        all.at(at, |row| {
            if row.free.len() < MAX_GPUS {
                row.free.push(gpu);
            }
        });
    }
    all.rows.iter_mut().for_each(HostRow::check_free);
    Ok(all)
}

/// The larger of two that may be unknown.
trait MaxKnown {
    fn max_known(self, other: Self) -> Self;
}

impl MaxKnown for Option<f64> {
    fn max_known(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(other)) => Some(one.max(other)),
            _ => self.or(other),
        }
    }
}

impl HostRows {
    fn at(&mut self, at: usize, change: impl FnOnce(&mut HostRow)) {
        if let Some(row) = self.rows.get_mut(at) {
            change(row);
        }
    }

    fn noted<T>(&mut self, answered: Result<Answered<T>, EngineError>) -> Result<T, EngineError> {
        let answered = answered?;
        if let Some(note) = answered.note
            && !self.notes.contains(&note)
        {
            self.notes.push(note);
        }
        Ok(answered.value)
    }

    /// An answer without which a host has unknown values.
    fn optional<T: Default>(&mut self, answered: Result<Answered<T>, EngineError>) -> T {
        self.noted(answered).unwrap_or_else(|error| {
            let note = format!("some values are missing: {error}");
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
            T::default()
        })
    }
}

/// Times of readings of each host, within the window.
async fn times(
    engine: &Engine,
    instances: &Instances,
    window: u64,
) -> Result<Answered<Vec<(usize, Vec<(f64, f64)>)>>, EngineError> {
    let query = format!("instance:nvsmi_fleet_read_timestamp_seconds:max[{window}s]");
    let fold = |all: &mut Vec<_>, series: &Series<'_>| {
        if let Some(at) = host(instances, series) {
            all.push((at, series.points.iter().copied().filter(|(_, value)| value.is_finite()).collect()));
        }
    };
    engine.instant(&query, fold).await
}

/// Newest values of hosts.
async fn values(
    engine: &Engine,
    instances: &Instances,
    query: String,
) -> Result<Answered<Vec<(usize, f64)>>, EngineError> {
    let fold = |all: &mut Vec<_>, series: &Series<'_>| {
        all.extend(host(instances, series).zip(newest(series)));
    };
    engine.instant(&query, fold).await
}

async fn kinds(
    engine: &Engine,
    instances: &Instances,
    query: String,
) -> Result<Answered<Vec<(usize, usize, f64)>>, EngineError> {
    let fold = |all: &mut Vec<_>, series: &Series<'_>| {
        let kind = series.label("kind").and_then(|kind| KINDS.iter().position(|known| *known == kind));
        if let (Some(at), Some(kind), Some(count)) = (host(instances, series), kind, newest(series)) {
            all.push((at, kind, count));
        }
    };
    engine.instant(&query, fold).await
}

async fn problems(
    engine: &Engine,
    instances: &Instances,
    query: String,
) -> Result<Answered<Vec<(usize, (u32, Severity, Box<str>))>>, EngineError> {
    let fold = |all: &mut Vec<_>, series: &Series<'_>| {
        if let (Some(at), Some(gpu), Some(1.0)) = (host(instances, series), gpu(series), newest(series)) {
            all.push((at, (gpu, severity(series), short(series.label("code").unwrap_or("problem"), MAX_CODE))));
        }
    };
    engine.instant(&query, fold).await
}

async fn free_gpus(
    engine: &Engine,
    instances: &Instances,
    window: u64,
) -> Result<Answered<Vec<(usize, (u32, Box<str>, u64))>>, EngineError> {
    let series = "instance_gpu:nvsmi_fleet_free_memory_bytes:min";
    // The least of each engine that records it: a GPU that is free in one only is not free.
    let query = format!("min by (instance, gpu, uuid) (last_over_time({series}[{window}s])) > 0");
    let fold = |all: &mut Vec<_>, series: &Series<'_>| {
        if let (Some(at), Some(gpu), Some(free)) = (host(instances, series), gpu(series), newest(series)) {
            let uuid = series.label("uuid").filter(|uuid| uuid.len() <= MAX_UUID);
            all.push((at, (gpu, uuid.unwrap_or_default().into(), bytes(free))));
        }
    };
    engine.instant(&query, fold).await
}

fn host(instances: &Instances, series: &Series<'_>) -> Option<usize> {
    series.label("instance").and_then(|instance| instances.find(instance))
}

fn newest(series: &Series<'_>) -> Option<f64> {
    series.last().map(|(_, value)| value).filter(|value| value.is_finite())
}

/// Index of the GPU of a series.
pub(super) fn gpu(series: &Series<'_>) -> Option<u32> {
    series.label("gpu").and_then(|gpu| gpu.parse().ok())
}

/// Severity of a problem. A word that is not known is not harmless.
pub(super) fn severity(series: &Series<'_>) -> Severity {
    match series.label("severity") {
        Some("warning") => Severity::Warning,
        _ => Severity::Critical,
    }
}

/// The first characters of a text.
pub(super) fn short(text: &str, max: usize) -> Box<str> {
    text.chars().take(max).collect()
}

/// Seconds from each value of a timestamp to the next.
fn steps(points: &[(f64, f64)]) -> impl Iterator<Item = f64> {
    points.windows(2).filter_map(|pair| match pair {
        [(_, one), (_, other)] if other > one => Some(other - one),
        _ => None,
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
