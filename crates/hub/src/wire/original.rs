//! `/status` of the original Python agent.

use std::{collections::BTreeSet, time::Duration};

use serde::Deserialize;
use telemetry::snapshot::UseVerdict;

use super::{
    MAX_GPUS, NAME, SENTENCE, USER, WireError,
    finish::{all, celsius, finish, index, memory, percent, text, watts},
    leaf::{Lax, List, Object, Text},
};
use crate::report::{GpuReport, Report, Source};

const EXPECTED: &str = "the status of the original agent";
/// Most processes that are read.
const MAX_PROCESSES: usize = 20_000;
/// Utilization in percent from which a GPU is busy, and part of its memory in percent from which it may be in use.
const BUSY: u64 = 5;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    code: Lax<u64>,
    data: Lax<Object<Data>>,
    error: Lax<Text<SENTENCE>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    count: Lax<u64>,
    devices: Lax<List<Lax<Object<Device>>, MAX_GPUS>>,
    processes: Lax<List<Lax<Object<Process>>, MAX_PROCESSES>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Device {
    idx: Lax<u64>,
    name: Lax<Text<NAME>>,
    temperature: Lax<i64>,
    power_status: Lax<Text<NAME>>,
    gpu_utilization: Lax<u64>,
    memory_total_human: Lax<Text<NAME>>,
    memory_used_human: Lax<Text<NAME>>,
    memory_free_human: Lax<Text<NAME>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Process {
    idx: Lax<u64>,
    username: Lax<Text<USER>>,
}

/// Users of each index, and what is known of them.
struct Holders {
    /// Index and user of each process; the user is unknown for a process that has exited.
    rows: Vec<(u32, Option<Box<str>>)>,
    /// False if a process could be on any GPU.
    is_whole: bool,
}

/// State of a host from the envelope of `/status`.
pub(crate) fn report(bytes: &[u8]) -> Result<Report, WireError> {
    let envelope: Lax<Object<Envelope>> =
        serde_json::from_slice(bytes).map_err(|error| WireError::Json { expected: EXPECTED, error })?;
    let Object(envelope) = envelope.0.ok_or(WireError::Missing(EXPECTED))?;
    match envelope.code.0 {
        Some(0) => {}
        Some(code) => {
            let text = text(envelope.error).map_or_else(|| format!("code {code}"), String::from);
            return Err(WireError::Reported(text));
        }
        None => return Err(WireError::Missing(EXPECTED)),
    }
    let Object(data) = envelope.data.0.ok_or(WireError::Missing(EXPECTED))?;
    let devices = all(data.devices.0.ok_or(WireError::Missing(EXPECTED))?, "GPUs")?;
    if data.count.0.is_some_and(|count| usize::try_from(count) != Ok(devices.len())) {
        return Err(WireError::Missing("a device for each GPU that the agent counts"));
    }
    let devices: Vec<Device> = devices
        .into_iter()
        .map(|row| row.0.map(|row| row.0))
        .collect::<Option<_>>()
        .ok_or(WireError::Missing(EXPECTED))?;
    let known: BTreeSet<u64> = devices.iter().filter_map(|device| device.idx.0).collect();
    let holders = holders(data.processes, &known);
    let gpus = devices.into_iter().map(|device| gpu(device, &holders)).collect::<Result<_, _>>()?;
    let report = Report {
        source: Source::Original,
        // It reads the driver for each answer.
        age: Some(Duration::ZERO),
        gpus,
        ..Report::default()
    };
    finish(report, false)
}

fn holders(processes: Lax<List<Lax<Object<Process>>, MAX_PROCESSES>>, known: &BTreeSet<u64>) -> Holders {
    let Some(list) = processes.0 else { return Holders { rows: Vec::new(), is_whole: false } };
    let mut holders = Holders { rows: Vec::new(), is_whole: list.further == 0 };
    for row in list.elements {
        let row = row.0.map(|row| row.0).unwrap_or_default();
        match row.idx.0.filter(|index| known.contains(index)).and_then(|index| u32::try_from(index).ok()) {
            Some(index) => holders.rows.push((index, text(row.username).filter(|name| &**name != "N/A"))),
            None => holders.is_whole = false,
        }
    }
    holders
}

fn gpu(device: Device, holders: &Holders) -> Result<GpuReport, WireError> {
    let index = index(device.idx.0)?;
    let (total, used) = (mebibytes(device.memory_total_human), mebibytes(device.memory_used_human));
    let (memory_total_bytes, memory_free_bytes) = memory(total, mebibytes(device.memory_free_human));
    let (memory_total_bytes, used) = (memory_total_bytes, used.filter(|used| Some(*used) <= memory_total_bytes));
    let own = || holders.rows.iter().filter(|(on, _)| *on == index);
    let utilization_percent = percent(device.gpu_utilization.0);
    let is_small = memory_total_bytes.zip(used).is_some_and(|(total, used)| used < total / 100 * BUSY);
    let r#use = match utilization_percent {
        _ if own().next().is_some() => UseVerdict::Busy,
        Some(percent) if u64::from(percent) >= BUSY => UseVerdict::Busy,
        // With MIG it reports neither utilization nor processes.
        Some(_) if holders.is_whole && is_small => UseVerdict::Free,
        _ => UseVerdict::Unknown,
    };
    let mut users: Vec<Box<str>> = own().filter_map(|(_, user)| user.clone()).collect();
    users.sort_unstable();
    users.dedup();
    users.truncate(super::MAX_USERS);
    let is_known = holders.is_whole && own().all(|(_, user)| user.is_some());
    Ok(GpuReport {
        index,
        uuid: None,
        name: text(device.name),
        memory_total_bytes,
        memory_free_bytes,
        utilization_percent,
        power_watts: text(device.power_status).and_then(|status| draw(&status)),
        temperature_celsius: celsius(device.temperature.0),
        state: None,
        r#use,
        since_ms: None,
        health: None,
        users: is_known.then_some(users),
        mig: Vec::new(),
        mig_mode: None,
        is_prohibited: Some(false),
        claim: None,
    })
}

/// Bytes of `24576MiB`.
fn mebibytes(value: Lax<Text<NAME>>) -> Option<u64> {
    let digits = text(value)?;
    let digits = digits.strip_suffix("MiB")?;
    if digits.is_empty() || digits.len() > 10 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse::<u64>().ok()? << 20)
}

/// Watts of `119W / 350W`.
fn draw(status: &str) -> Option<f64> {
    let digits = status.split_once('/')?.0.trim().strip_suffix('W')?;
    let is_plain = !digits.is_empty() && digits.len() <= 6 && digits.bytes().all(|digit| digit.is_ascii_digit());
    watts(digits.parse().ok().filter(|_| is_plain))
}
