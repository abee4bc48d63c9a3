//! Values of all hosts, from the series that `deploy/prometheus/fleet.yml` records.

use std::collections::BTreeMap;

use telemetry::snapshot::Severity;

use super::{instances::Instances, scrapes::Scrapes};
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
/// Difference of times within an evaluation, in seconds.
const SAME_EVALUATION: f64 = 0.5;
/// Most GPUs of a host that are kept.
pub(super) const MAX_GPUS: usize = 256;

/// Values of a host, all of one evaluation of the rules.
#[derive(Clone, Debug, Default)]
pub(super) struct HostRow {
    /// Unix time of the newest reading, in seconds.
    pub(super) read: Option<f64>,
    /// Time of the evaluation, Unix seconds by the engine's clock.
    evaluated: Option<f64>,
    kinds: [Option<Recorded>; KINDS.len()],
    memory_free_bytes: Option<Recorded>,
    memory_total_bytes: Option<Recorded>,
    power_watts: Option<Recorded>,
    /// True if the agent's collector does not work.
    pub(super) is_collector_broken: bool,
    /// Problems of GPUs: index, severity, code.
    pub(super) problems: Vec<(u32, Severity, Box<str>)>,
    /// Free GPUs: index, UUID, free memory in bytes.
    pub(super) free: Vec<(u32, Box<str>, u64)>,
}

/// Time of an evaluation, and a value that it recorded.
type Recorded = (f64, f64);

/// Values of all hosts, by their positions in the list.
#[derive(Debug, Default)]
pub(super) struct HostRows {
    pub(super) rows: Vec<HostRow>,
    /// Seconds from one reading of a host to the next that the engine has: the larger one of the intervals of scrapes and rules.
    pub(super) interval: Option<f64>,
    /// Seconds from one evaluation of the rules to the next.
    pub(super) rules: Option<f64>,
    /// Newest scrape of each host.
    pub(super) scrapes: Scrapes,
    /// Time of the newest evaluation of the rules that is whole, Unix seconds by the engine's clock.
    pub(super) evaluated: Option<f64>,
    /// True if problems are known, and all of them.
    pub(super) has_problems: bool,
    /// Hints for readers, such as a partial answer.
    pub(super) notes: Vec<String>,
}

/// Periods of samples that queries read, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    /// Three intervals.
    pub(super) long: u64,
    /// The newest evaluation of the rules.
    pub(super) rules: u64,
}

/// Times of readings of each host, with those of the evaluations.
const TIMES: &str = "instance:nvsmi_fleet_read_timestamp_seconds:max";
/// The same over five minutes.
pub(in crate::engine) const QUERY_OF_TIMES: &str = "instance:nvsmi_fleet_read_timestamp_seconds:max[300s]";
/// Numbers of a host's GPUs.
const KINDS: [&str; 5] = ["free", "held", "busy", "all", "free_mig"];

impl HostRow {
    /// Numbers and sums of the host; none if not all of its numbers are known.
    pub(super) fn counts(&self) -> Option<Counts> {
        let [free, held, busy, all, mig_free] =
            self.kinds.map(|kind| self.current(kind).map(|count| u32::try_from(bytes(count)).unwrap_or(u32::MAX)));
        let (free, held, busy) = (free?, held?, busy?);
        Some(Counts {
            free,
            held,
            busy,
            unknown: all?.saturating_sub(free).saturating_sub(held).saturating_sub(busy),
            // A host without instances has none.
            mig_free: mig_free.unwrap_or(0),
            memory_total_bytes: self.current(self.memory_total_bytes).map(bytes),
            memory_free_bytes: self.current(self.memory_free_bytes).map(bytes),
            power_watts: self.current(self.power_watts),
        })
    }

    /// A value, if it is as new as the others.
    fn current(&self, recorded: Option<Recorded>) -> Option<f64> {
        recorded.filter(|(time, _)| self.is_current(*time)).map(|(_, value)| value)
    }

    /// True for the time of an evaluation that is not older than that of the reading.
    fn is_current(&self, time: f64) -> bool {
        self.evaluated.is_none_or(|evaluated| time >= evaluated - SAME_EVALUATION)
    }

    /// Takes the times of readings. The rules record them first and the numbers last, so that no value is older than its time
    /// says; where the engine does not have the numbers yet, the evaluation before counts.
    fn date(&mut self, read: &[(f64, f64)]) {
        let newest = read.iter().map(|(time, _)| *time).fold(f64::NEG_INFINITY, f64::max);
        let numbers = self.kinds.iter().take(4).map(|kind| kind.map_or(f64::NEG_INFINITY, |(time, _)| time));
        let counted = numbers.fold(f64::INFINITY, f64::min);
        let at = if counted.is_finite() { newest.min(counted) } else { newest };
        let of = |at: f64| read.iter().filter(move |(time, _)| *time <= at + SAME_EVALUATION).map(|(_, value)| *value);
        // Numbers whose reading is no longer there are older than any.
        let at = if of(at).next().is_some() { at } else { newest };
        self.evaluated = at.is_finite().then_some(at);
        self.read = of(at).fold(None, |known, value| known.max_known(Some(value)));
    }

    /// Keeps the free GPUs that were recorded last. Two UUIDs of one GPU are not both there.
    fn keep_free(&mut self, mut free: Vec<(f64, FreeGpu)>) {
        free.retain(|(time, _)| self.is_current(*time));
        free.sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
        // Two engines that record the same: the least of both is first.
        free.dedup_by(|(_, one), (_, other)| one.0 == other.0 && one.1 == other.1);
        let is_single = |index: u32| free.iter().filter(|(_, gpu)| gpu.0 == index).count() == 1;
        self.free = free.iter().filter(|(_, gpu)| is_single(gpu.0)).map(|(_, gpu)| gpu.clone()).collect();
    }
}

/// A GPU that is free: index, UUID, free memory in bytes.
type FreeGpu = (u32, Box<str>, u64);

/// Takes a newer value; of two of the same evaluation, the one that `choose` returns.
fn take(known: &mut Option<Recorded>, new: Recorded, choose: impl Fn(f64, f64) -> f64) {
    *known = Some(match *known {
        Some(old) if old.0 > new.0 + SAME_EVALUATION => old,
        Some(old) if old.0 >= new.0 - SAME_EVALUATION => (old.0.max(new.0), choose(old.1, new.1)),
        _ => new,
    });
}

/// A number that cannot be negative or fractional.
pub(super) fn bytes(value: f64) -> u64 {
    // The cast saturates, and makes 0 of NaN.
    value as u64
}

/// Reads all hosts. There are nine queries.
///
/// # Errors
/// The times of readings, or the numbers of GPUs, are not known.
pub(super) async fn read(engine: &Engine, instances: &Instances, windows: Windows) -> Result<HostRows, EngineError> {
    let mut all = HostRows { rows: vec![HostRow::default(); instances.len()], ..HostRows::default() };
    // Before the others, which are then as new or newer, never older.
    let read = times(engine, instances, windows.long).await;
    let read = all.noted(read)?;
    let of = |name: &str| format!("{name}[{}s]", windows.rules);
    let last_of = |name: &str, window: u64| format!("last_over_time({name}[{window}s])");
    let (kinds, free_memory, memory, power, collector, problems, scrapes, free) = tokio::join!(
        kinds(engine, instances, of("instance_kind:nvsmi_fleet_gpus:count")),
        values(engine, instances, of("instance:nvsmi_fleet_memory_free_bytes:sum")),
        values(engine, instances, of("instance:nvsmi_fleet_memory_total_bytes:sum")),
        values(engine, instances, of("instance:nvsmi_fleet_power_watts:sum")),
        values(engine, instances, last_of("instance:nvsmi_fleet_collector_ok:min", windows.rules) + " == 0"),
        problems(engine, instances, last_of("nvsmi_gpu_health_reason", windows.long)),
        Scrapes::read(engine, instances),
        free_gpus(engine, instances, of("instance_gpu:nvsmi_fleet_free_memory_bytes:min")),
    );
    let kinds = all.noted(kinds)?;
    all.interval = median(read.iter().flat_map(|(_, points)| steps(points, |(_, value)| value)).collect());
    all.rules = median(read.iter().flat_map(|(_, points)| steps(points, |(time, _)| time)).collect());
    for (at, kind, recorded) in kinds {
        all.at(at, |row| {
            if let Some(known) = row.kinds.get_mut(kind) {
                // Two engines that record the same may differ: fewer are free, more are not.
                let is_free = matches!(KINDS.get(kind), Some(&("free" | "free_mig")));
                take(known, recorded, if is_free { f64::min } else { f64::max });
            }
        });
    }
    for (at, points) in by_host(read) {
        all.at(at, |row| row.date(&points));
    }
    all.evaluated = all.rows.iter().filter_map(|row| row.evaluated).reduce(f64::max);
    for (at, recorded) in all.optional(free_memory) {
        all.at(at, |row| take(&mut row.memory_free_bytes, recorded, f64::min));
    }
    for (at, recorded) in all.optional(memory) {
        all.at(at, |row| take(&mut row.memory_total_bytes, recorded, f64::max));
    }
    for (at, recorded) in all.optional(power) {
        all.at(at, |row| take(&mut row.power_watts, recorded, f64::max));
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
    all.scrapes = all.optional(scrapes);
    for (at, mut free) in by_host(all.optional(free)) {
        free.truncate(MAX_GPUS);
        all.at(at, |row| row.keep_free(free));
    }
    Ok(all)
}

/// Values by host.
fn by_host<T>(all: Vec<(usize, Vec<T>)>) -> BTreeMap<usize, Vec<T>> {
    let mut hosts: BTreeMap<usize, Vec<T>> = BTreeMap::new();
    for (at, values) in all {
        hosts.entry(at).or_default().extend(values);
    }
    hosts
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
    let query = format!("{TIMES}[{window}s]");
    let fold = |all: &mut Vec<_>, series: &Series<'_>| {
        if let Some(at) = host(instances, series) {
            all.push((at, series.points.iter().copied().filter(|(_, value)| value.is_finite()).collect()));
        }
    };
    engine.instant(&query, fold).await
}

/// Newest values of hosts, with their times.
async fn values(
    engine: &Engine,
    instances: &Instances,
    query: String,
) -> Result<Answered<Vec<(usize, Recorded)>>, EngineError> {
    let fold = |all: &mut Vec<_>, series: &Series<'_>| {
        all.extend(host(instances, series).zip(recorded(series)));
    };
    engine.instant(&query, fold).await
}

async fn kinds(
    engine: &Engine,
    instances: &Instances,
    query: String,
) -> Result<Answered<Vec<(usize, usize, Recorded)>>, EngineError> {
    let fold = |all: &mut Vec<_>, series: &Series<'_>| {
        let kind = series.label("kind").and_then(|kind| KINDS.iter().position(|known| *known == kind));
        if let (Some(at), Some(kind), Some(count)) = (host(instances, series), kind, recorded(series)) {
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
    query: String,
) -> Result<Answered<Vec<(usize, Vec<(f64, FreeGpu)>)>>, EngineError> {
    let fold = |all: &mut Vec<_>, series: &Series<'_>| {
        let free = recorded(series).filter(|(_, free)| *free > 0.0);
        if let (Some(at), Some(gpu), Some((time, free))) = (host(instances, series), gpu(series), free) {
            let uuid = series.label("uuid").filter(|uuid| uuid.len() <= MAX_UUID);
            all.push((at, vec![(time, (gpu, uuid.unwrap_or_default().into(), bytes(free)))]));
        }
    };
    engine.instant(&query, fold).await
}

fn host(instances: &Instances, series: &Series<'_>) -> Option<usize> {
    series.label("instance").and_then(|instance| instances.find(instance))
}

fn newest(series: &Series<'_>) -> Option<f64> {
    recorded(series).map(|(_, value)| value)
}

fn recorded(series: &Series<'_>) -> Option<Recorded> {
    series.last().filter(|(_, value)| value.is_finite())
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

/// Seconds from each time to the next.
fn steps(points: &[(f64, f64)], time: fn((f64, f64)) -> f64) -> impl Iterator<Item = f64> {
    points.windows(2).filter_map(move |pair| match pair {
        [one, other] if time(*other) > time(*one) => Some(time(*other) - time(*one)),
        _ => None,
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
