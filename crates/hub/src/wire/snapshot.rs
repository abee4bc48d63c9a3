//! `/api/v1/snapshot` of the releases before the stream of summaries.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use telemetry::snapshot::{GpuState, Severity, UseVerdict};

use super::{
    HOSTNAME, MAX_GPUS, MAX_MIG, MAX_USERS, NAME, SENTENCE, USER, WireError,
    claim::{Claimed, claim},
    finish::{
        all, celsius, finish, index, is_prohibited, label, memory, mig_mode, percent, problem, text, time_ms, users,
        uuid, watts,
    },
    leaf::{AbsentPaths, Lax, List, Object, Text, Uuid},
    summary::collector,
};
use crate::report::{GpuReport, MigReport, Report, Source};

const EXPECTED: &str = "the snapshot of an agent";
/// Most reasons of a GPU's health that are read.
const MAX_REASONS: usize = 16;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Snapshot {
    host: Lax<Object<Host>>,
    collector: Lax<Object<Collector>>,
    gpus: Lax<List<Lax<Object<Gpu>>, MAX_GPUS>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Host {
    hostname: Lax<Text<HOSTNAME>>,
    agent_version: Lax<Text<NAME>>,
    driver_version: Lax<Text<NAME>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Collector {
    state: Lax<Text<NAME>>,
    detail: Lax<Text<SENTENCE>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Gpu {
    index: Lax<u64>,
    uuid: Lax<Uuid>,
    name: Lax<Text<NAME>>,
    state: Lax<GpuState>,
    state_detail: Lax<Text<SENTENCE>>,
    r#use: Lax<Object<Use>>,
    age_ms: Lax<u64>,
    utilization: Lax<Object<Utilization>>,
    memory: Lax<Object<Memory>>,
    temperature: Lax<Object<Temperature>>,
    power: Lax<Object<Power>>,
    modes: Lax<Object<Modes>>,
    mig: Lax<List<Lax<Object<Mig>>, MAX_MIG>>,
    health: Lax<Object<Health>>,
    absent: Lax<AbsentPaths>,
    claim: Lax<Claimed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Use {
    verdict: Lax<UseVerdict>,
    since: Lax<u64>,
    users: Lax<List<Lax<Text<USER>>, MAX_USERS>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Utilization {
    gpu_percent: Lax<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Memory {
    total_bytes: Lax<u64>,
    free_bytes: Lax<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Temperature {
    gpu_celsius: Lax<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Power {
    draw_watts: Lax<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Modes {
    mig: Lax<bool>,
    compute: Lax<Text<NAME>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mig {
    gpu_instance: Lax<u64>,
    compute_instance: Lax<u64>,
    label: Lax<Text<NAME>>,
    profile: Lax<Text<NAME>>,
    uuid: Lax<Uuid>,
    memory_total_bytes: Lax<u64>,
    memory_used_bytes: Lax<u64>,
    r#use: Lax<Object<Use>>,
    claim: Lax<Claimed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Health {
    verdict: Lax<Severity>,
    reasons: Lax<List<Lax<Object<Reason>>, MAX_REASONS>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reason {
    text: Lax<Text<SENTENCE>>,
}

/// State of a host from a snapshot of an earlier release.
pub(crate) fn report(bytes: &[u8]) -> Result<Report, WireError> {
    let snapshot: Lax<Object<Snapshot>> =
        serde_json::from_slice(bytes).map_err(|error| WireError::Json { expected: EXPECTED, error })?;
    let Object(snapshot) = snapshot.0.ok_or(WireError::Missing(EXPECTED))?;
    let gpus = all(snapshot.gpus.0.ok_or(WireError::Missing(EXPECTED))?, "GPUs")?;
    let host = snapshot.host.0.map(|host| host.0).unwrap_or_default();
    let reader = snapshot.collector.0.map(|collector| collector.0).unwrap_or_default();
    let (is_starting, stale) = collector(text(reader.state).as_deref(), text(reader.detail));
    let mut report = Report {
        source: Source::OlderAgent,
        hostname: text(host.hostname),
        agent_version: text(host.agent_version),
        driver_version: text(host.driver_version),
        is_starting,
        stale,
        ..Report::default()
    };
    let (mut users_cut, mut problems, mut age_ms) = (false, Vec::new(), None::<u64>);
    for gpu in gpus {
        let Object(gpu) = gpu.0.ok_or(WireError::Missing(EXPECTED))?;
        // The newest reading of any GPU.
        age_ms = [age_ms, gpu.age_ms.0].into_iter().flatten().min();
        report.gpus.push(self::gpu(gpu, &mut problems, &mut users_cut)?);
    }
    // Without a GPU that is read there is no reading that could be old.
    let is_unread = report.gpus.iter().all(|gpu| gpu.state.is_some_and(|state| state != GpuState::Ok));
    report.age = age_ms.or(is_unread.then_some(0)).map(Duration::from_millis);
    problems.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    report.problems = problems.into_iter().map(|(_, text)| text).collect();
    finish(report, users_cut)
}

fn gpu(gpu: Gpu, problems: &mut Vec<(Severity, String)>, users_cut: &mut bool) -> Result<GpuReport, WireError> {
    let index = index(gpu.index.0)?;
    let used = gpu.r#use.0.map(|used| used.0).unwrap_or_default();
    let size = gpu.memory.0.map(|memory| memory.0).unwrap_or_default();
    let (memory_total_bytes, memory_free_bytes) = memory(size.total_bytes.0, size.free_bytes.0);
    let absent = gpu.absent.0.unwrap_or_default();
    let instances = gpu.mig.0.map(|list| all(list, "MIG instances of a GPU")).transpose()?.unwrap_or_default();
    let health = gpu.health.0.map(|health| health.0).unwrap_or_default();
    let modes = gpu.modes.0.map(|modes| modes.0).unwrap_or_default();
    let severity = health.verdict.0.unwrap_or_default();
    for reason in health.reasons.0.into_iter().flat_map(|list| list.elements).filter_map(|reason| reason.0) {
        problems.extend(text(reason.0.text).map(|reason| (severity, problem(index, &reason))));
    }
    let detail = text(gpu.state_detail).filter(|_| gpu.state.0 != Some(GpuState::Ok));
    problems.extend(detail.map(|detail| (severity, problem(index, &detail))));
    Ok(GpuReport {
        index,
        uuid: uuid(gpu.uuid),
        name: text(gpu.name),
        memory_total_bytes,
        memory_free_bytes,
        utilization_percent: percent(gpu.utilization.0.and_then(|part| part.0.gpu_percent.0)),
        power_watts: watts(gpu.power.0.and_then(|part| part.0.draw_watts.0)),
        temperature_celsius: celsius(gpu.temperature.0.and_then(|part| part.0.gpu_celsius.0)),
        state: gpu.state.0,
        r#use: used.verdict.0.unwrap_or(UseVerdict::Unknown),
        since_ms: time_ms(used.since.0),
        health: health.verdict.0,
        users: users(used.users, absent.has("use.users"), users_cut),
        mig: migs(instances, &absent, users_cut)?,
        mig_mode: mig_mode(modes.mig.0, absent.has("modes.mig")),
        is_prohibited: is_prohibited(modes.compute),
        claim: claim(gpu.claim),
    })
}

fn migs(
    instances: Vec<Lax<Object<Mig>>>,
    absent: &AbsentPaths,
    users_cut: &mut bool,
) -> Result<Vec<MigReport>, WireError> {
    let instances = instances.into_iter().map(|mig| mig.0.ok_or(WireError::Missing(EXPECTED)));
    let instances: Vec<Mig> = instances.map(|mig| mig.map(|mig| mig.0)).collect::<Result<_, _>>()?;
    // As the agent's own labels: the profile, and the IDs if it has several of that profile.
    let mut profiles: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for mig in &instances {
        *profiles.entry(mig.profile.0.as_ref().map(|profile| &*profile.0)).or_default() += 1;
    }
    let labels: Vec<Option<Box<str>>> = instances.iter().map(|mig| own_label(mig, &profiles)).collect();
    let one = |(position, (mig, own)): (usize, (Mig, Option<Box<str>>))| {
        let used = mig.r#use.0.map(|used| used.0).unwrap_or_default();
        let free = mig.memory_total_bytes.0.zip(mig.memory_used_bytes.0);
        let free = free.and_then(|(total, used)| total.checked_sub(used));
        let (memory_total_bytes, memory_free_bytes) = memory(mig.memory_total_bytes.0, free);
        let profile = text(mig.profile);
        MigReport {
            label: label(text(mig.label).or(own), profile.as_deref(), position),
            uuid: uuid(mig.uuid),
            profile,
            memory_total_bytes,
            memory_free_bytes,
            r#use: used.verdict.0.unwrap_or(UseVerdict::Unknown),
            since_ms: time_ms(used.since.0),
            users: users(used.users, absent.has(&format!("mig.{position}.use.users")), users_cut),
            claim: claim(mig.claim),
        }
    };
    Ok(instances.into_iter().zip(labels).enumerate().map(one).collect())
}

fn own_label(mig: &Mig, profiles: &BTreeMap<Option<&str>, usize>) -> Option<Box<str>> {
    let profile = &*mig.profile.0.as_ref()?.0;
    if profiles.get(&Some(profile)) == Some(&1) {
        return Some(profile.into());
    }
    let (gpu, compute) = (mig.gpu_instance.0?, mig.compute_instance.0?);
    Some(format!("{profile} (GI {gpu}, CI {compute})").into())
}
