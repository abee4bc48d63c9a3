//! `/api/v1/summary` of this release, and the events of its stream.

use std::time::Duration;

use serde::Deserialize;
use telemetry::snapshot::{CollectorState, GpuState, Severity, UseVerdict};

use super::{
    HOSTNAME, MAX_GPUS, MAX_MIG, MAX_PROBLEMS, MAX_USERS, NAME, SENTENCE, USER, WireError,
    claim::{Claimed, claim},
    finish::{
        all, celsius, finish, index, interval, is_prohibited, label, memory, mig_mode, percent, text, time_ms, users,
        uuid, watts,
    },
    leaf::{AbsentPaths, Lax, List, Object, Text, Uuid},
};
use crate::report::{GpuReport, MigReport, Report, Source};

const EXPECTED: &str = "the summary of an agent";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    hostname: Lax<Text<HOSTNAME>>,
    agent_version: Lax<Text<NAME>>,
    driver_version: Lax<Text<NAME>>,
    interval_ms: Lax<u64>,
    sampled_at: Lax<u64>,
    read_at: Lax<u64>,
    age_ms: Lax<u64>,
    collector_state: Lax<Text<NAME>>,
    collector_detail: Lax<Text<SENTENCE>>,
    gpus: Lax<List<Lax<Object<Gpu>>, MAX_GPUS>>,
    problems: Lax<List<Lax<Text<SENTENCE>>, MAX_PROBLEMS>>,
    absent: Lax<AbsentPaths>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Gpu {
    index: Lax<u64>,
    uuid: Lax<Uuid>,
    name: Lax<Text<NAME>>,
    memory_total_bytes: Lax<u64>,
    memory_free_bytes: Lax<u64>,
    utilization_percent: Lax<u64>,
    power_watts: Lax<f64>,
    temperature_celsius: Lax<i64>,
    state: Lax<GpuState>,
    r#use: Lax<UseVerdict>,
    verdict: Lax<UseVerdict>,
    since: Lax<u64>,
    health: Lax<Severity>,
    users: Lax<List<Lax<Text<USER>>, MAX_USERS>>,
    mig_mode: Lax<bool>,
    compute_mode: Lax<Text<NAME>>,
    mig: Lax<List<Lax<Object<Mig>>, MAX_MIG>>,
    claim: Lax<Claimed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mig {
    label: Lax<Text<NAME>>,
    uuid: Lax<Uuid>,
    profile: Lax<Text<NAME>>,
    memory_total_bytes: Lax<u64>,
    memory_free_bytes: Lax<u64>,
    r#use: Lax<UseVerdict>,
    verdict: Lax<UseVerdict>,
    since: Lax<u64>,
    users: Lax<List<Lax<Text<USER>>, MAX_USERS>>,
    claim: Lax<Claimed>,
}

/// State of a host from its summary.
pub(crate) fn report(bytes: &[u8]) -> Result<(Report, Times), WireError> {
    let summary: Lax<Object<Summary>> =
        serde_json::from_slice(bytes).map_err(|error| WireError::Json { expected: EXPECTED, error })?;
    let Object(summary) = summary.0.ok_or(WireError::Missing(EXPECTED))?;
    let gpus = all(summary.gpus.0.ok_or(WireError::Missing(EXPECTED))?, "GPUs")?;
    let absent = summary.absent.0.unwrap_or_default();
    let mut users_cut = false;
    let gpus = gpus.into_iter().enumerate().map(|(at, gpu)| self::gpu(at, gpu, &absent, &mut users_cut));
    let gpus = gpus.collect::<Result<_, _>>()?;
    let problems = summary.problems.0.map(|list| {
        let further = (list.further > 0).then(|| format!("{} further problems", list.further));
        list.elements.into_iter().filter_map(text).map(String::from).chain(further).collect()
    });
    let (is_starting, stale) = collector(text(summary.collector_state).as_deref(), text(summary.collector_detail));
    let age = age(summary.age_ms.0, summary.sampled_at.0, summary.read_at.0);
    let times = Times { sent_at: time_ms(summary.sampled_at.0), age };
    let report = Report {
        source: Source::Agent,
        takes_bare_token: false,
        hostname: text(summary.hostname),
        agent_version: text(summary.agent_version),
        driver_version: text(summary.driver_version),
        interval: interval(summary.interval_ms.0),
        limit: None,
        age,
        is_starting,
        stale,
        gpus,
        problems: problems.unwrap_or_default(),
        notes: Vec::new(),
        counts: None,
    };
    Ok((finish(report, users_cut)?, times))
}

/// Times of an event `summary` or `alive`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// When it was sent, by the agent's wall clock in Unix milliseconds.
    pub(crate) sent_at: Option<u64>,
    /// Age of the newest reading then.
    pub(crate) age: Option<Duration>,
}

/// Times of an event `alive`.
pub(crate) fn alive(bytes: &[u8]) -> Result<Times, WireError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Alive {
        sampled_at: Lax<u64>,
        read_at: Lax<u64>,
        age_ms: Lax<u64>,
    }
    let alive: Lax<Object<Alive>> =
        serde_json::from_slice(bytes).map_err(|error| WireError::Json { expected: EXPECTED, error })?;
    let Object(alive) = alive.0.ok_or(WireError::Missing(EXPECTED))?;
    let age = age(alive.age_ms.0, alive.sampled_at.0, alive.read_at.0);
    Ok(Times { sent_at: time_ms(alive.sampled_at.0), age })
}

/// Age by the agent's own clock.
fn age(age_ms: Option<u64>, sent_at: Option<u64>, read_at: Option<u64>) -> Option<Duration> {
    let between = || Some(time_ms(sent_at)?.saturating_sub(time_ms(read_at)?));
    age_ms.or_else(between).map(Duration::from_millis)
}

/// From the collector's state: true while nothing was read yet, and the reason why nothing current is read.
pub(super) fn collector(state: Option<&str>, detail: Option<Box<str>>) -> (bool, Option<String>) {
    let known = |state: CollectorState| <&'static str>::from(&state);
    let reason = match state {
        Some(state) if state == known(CollectorState::Ok) => return (false, None),
        Some(state) if state == known(CollectorState::Starting) => return (true, None),
        Some(state) if state == known(CollectorState::Stalled) => "the driver does not answer",
        Some(state) if state == known(CollectorState::Restarting) => "the agent's collector restarts",
        Some("no_driver") => "the driver cannot be read",
        Some("released") => "the GPUs are released by the administrator",
        Some(other) => return (false, Some(detail.map_or_else(|| format!("the collector is {other}"), String::from))),
        None => "the state of the collector is unknown",
    };
    let reason = detail.map_or_else(|| reason.to_owned(), |detail| format!("{reason}: {detail}"));
    (false, Some(reason))
}

/// The use, if both fields that have it agree.
fn used(r#use: &Lax<UseVerdict>, verdict: &Lax<UseVerdict>) -> UseVerdict {
    match (r#use.0, verdict.0) {
        (Some(one), Some(other)) if one != other => UseVerdict::Unknown,
        (one, other) => one.or(other).unwrap_or(UseVerdict::Unknown),
    }
}

fn gpu(at: usize, gpu: Lax<Object<Gpu>>, absent: &AbsentPaths, users_cut: &mut bool) -> Result<GpuReport, WireError> {
    let Object(gpu) = gpu.0.ok_or(WireError::Missing(EXPECTED))?;
    let (memory_total_bytes, memory_free_bytes) = memory(gpu.memory_total_bytes.0, gpu.memory_free_bytes.0);
    let instances = gpu.mig.0.map(|list| all(list, "MIG instances of a GPU")).transpose()?.unwrap_or_default();
    let mut mig = Vec::with_capacity(instances.len());
    for (position, instance) in instances.into_iter().enumerate() {
        let Object(instance) = instance.0.ok_or(WireError::Missing(EXPECTED))?;
        mig.push(self::mig((at, position), instance, absent, users_cut));
    }
    Ok(GpuReport {
        index: index(gpu.index.0)?,
        uuid: uuid(gpu.uuid),
        name: text(gpu.name),
        memory_total_bytes,
        memory_free_bytes,
        utilization_percent: percent(gpu.utilization_percent.0),
        power_watts: watts(gpu.power_watts.0),
        temperature_celsius: celsius(gpu.temperature_celsius.0),
        state: gpu.state.0,
        r#use: used(&gpu.r#use, &gpu.verdict),
        since_ms: time_ms(gpu.since.0),
        health: gpu.health.0,
        users: users(gpu.users, absent.has(&format!("gpus.{at}.users")), users_cut),
        mig,
        mig_mode: mig_mode(gpu.mig_mode.0, absent.has(&format!("gpus.{at}.mig_mode"))),
        is_prohibited: is_prohibited(gpu.compute_mode),
        claim: claim(gpu.claim),
    })
}

fn mig((at, position): (usize, usize), mig: Mig, absent: &AbsentPaths, users_cut: &mut bool) -> MigReport {
    let (memory_total_bytes, memory_free_bytes) = memory(mig.memory_total_bytes.0, mig.memory_free_bytes.0);
    let profile = text(mig.profile);
    MigReport {
        label: label(text(mig.label), profile.as_deref(), position),
        uuid: uuid(mig.uuid),
        profile,
        memory_total_bytes,
        memory_free_bytes,
        r#use: used(&mig.r#use, &mig.verdict),
        since_ms: time_ms(mig.since.0),
        users: users(mig.users, absent.has(&format!("gpus.{at}.mig.{position}.users")), users_cut),
        claim: claim(mig.claim),
    }
}
