//! Checks of every answer during any fault: `/count` and `/status` by their contract, and the two probes.

use std::collections::HashSet;

use serde_json::Value;

use crate::support::Response;

/// Keys of a device in `/status`.
pub(crate) const DEVICE: [&str; 11] = [
    "idx",
    "name",
    "fan_speed",
    "temperature",
    "power_status",
    "gpu_utilization",
    "memory_total_human",
    "memory_used_human",
    "memory_free_human",
    "memory_utilization",
    "ts",
];
/// Keys of a process in `/status`.
pub(crate) const PROCESS: [&str; 7] = ["idx", "pid", "username", "command", "type", "gpu_memory", "running_time"];
const STATES: [&str; 5] = ["ok", "starting", "stalled", "restarting", "no_driver"];

/// An answer of `/count` or `/status` that keeps the envelope.
pub(crate) enum Answer {
    Data(Value),
    /// Status, code and text.
    Failure(u16, u64, String),
}

fn ensure(right: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(what()) }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// The JSON of an answer, which must be compact and say its type.
fn json(response: &Response) -> Result<Value, String> {
    let shown = || String::from_utf8_lossy(&response.body).chars().take(300).collect::<String>();
    let kind = response.header("content-type");
    ensure(kind == Some("application/json"), || format!("content-type {kind:?} for {}", shown()))?;
    let value: Value = serde_json::from_slice(&response.body).map_err(|error| format!("{error} in {}", shown()))?;
    // Written again it is the same: no spaces, no escapes that need not be, no key twice.
    ensure(serde_json::to_vec(&value).is_ok_and(|again| again == response.body), || {
        format!("not compact: {}", shown())
    })?;
    Ok(value)
}

/// The envelope.
pub(crate) fn envelope(response: &Response) -> Result<Answer, String> {
    let value = json(response)?;
    if response.status == 200 {
        ensure(keys(&value) == ["code", "data"] && value["code"] == 0, || format!("200 with {value}"))?;
        return Ok(Answer::Data(value["data"].clone()));
    }
    let code = value["code"].as_u64().unwrap_or_default();
    ensure(keys(&value) == ["code", "data", "error"] && value["data"].is_null(), || format!("no envelope: {value}"))?;
    ensure(matches!((response.status, code), (400, 1) | (500, 2)), || format!("{} with {value}", response.status))?;
    let text = value["error"].as_str().ok_or_else(|| format!("no text: {value}"))?;
    Ok(Answer::Failure(response.status, code, text.to_owned()))
}

/// `/healthz`.
pub(crate) fn healthz(response: &Response) -> Result<(), String> {
    ensure(response.status == 200 && response.body == br#"{"status":"ok"}"#, || format!("/healthz: {response:?}"))
}

/// `/readyz`; whether it is ready.
pub(crate) fn readyz(response: &Response) -> Result<bool, String> {
    let value = json(response)?;
    let state = value["state"].as_str().unwrap_or_default();
    let known = keys(&value) == ["state"] && STATES.contains(&state);
    let status = if state == "ok" { 200 } else { 503 };
    ensure(known && response.status == status, || format!("/readyz: {} with {value}", response.status))?;
    Ok(status == 200)
}

/// The data of `/status` for the indices asked for; all if none are named.
pub(crate) fn status(data: &Value, asked: Option<&[usize]>, keeps: impl Fn(&str) -> bool) -> Result<(), String> {
    ensure(keys(data) == ["count", "devices", "processes"], || format!("keys {:?}", keys(data)))?;
    let list = |key: &str| data[key].as_array().ok_or_else(|| format!("{key} is no list"));
    let (devices, processes) = (list("devices")?, list("processes")?);
    let count = data["count"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let indices: Vec<usize> = asked.map_or_else(|| (0..count.min(1024)).collect(), <[usize]>::to_vec);
    let found: Vec<Option<u64>> = devices.iter().map(|row| row["idx"].as_u64()).collect();
    let wanted: Vec<Option<u64>> = indices.iter().map(|index| Some(*index as u64)).collect();
    ensure(found == wanted, || format!("devices {found:?} for {wanted:?}, count {count}"))?;
    devices.iter().try_for_each(device)?;
    let mut places = Vec::with_capacity(processes.len());
    for row in processes {
        process(row)?;
        ensure(keeps(row["type"].as_str().unwrap_or_default()), || format!("not asked for: {row}"))?;
        places.push((row["idx"].as_u64().unwrap_or_default(), row["pid"].as_u64().unwrap_or_default()));
    }
    let mut rest = places.as_slice();
    let listed: HashSet<u64> = places.iter().map(|(gpu, _)| *gpu).collect();
    let indices: Vec<usize> = indices.into_iter().filter(|index| listed.contains(&(*index as u64))).collect();
    for run in indices.chunk_by(|one, next| one == next) {
        let own = rest.iter().take_while(|(gpu, _)| *gpu == run[0] as u64).count();
        let (own, others) = rest.split_at(own);
        // An index that is asked for twice in a row has its processes twice.
        let sorted = |rows: &[(u64, u64)]| rows.windows(2).all(|pair| pair[0].1 < pair[1].1);
        let right = own.chunks((own.len() / run.len()).max(1)).all(sorted);
        ensure(right && own.len() % run.len() == 0, || format!("GPU {} lists {own:?}", run[0]))?;
        rest = others;
    }
    ensure(rest.is_empty(), || format!("process rows out of place from {:?} on", rest[0]))
}

fn device(row: &Value) -> Result<(), String> {
    let wrong = |what: &str| format!("{what} of {row}");
    ensure(keys(row) == DEVICE, || wrong("the keys"))?;
    ensure(row["name"].is_string() && row["ts"].is_u64(), || wrong("name or ts"))?;
    for key in ["fan_speed", "gpu_utilization", "memory_utilization"] {
        ensure(row[key].is_u64() || row[key] == "N/A", || wrong(key))?;
    }
    ensure(row["temperature"].is_i64() || row["temperature"] == "N/A", || wrong("temperature"))?;
    for key in ["memory_total_human", "memory_used_human", "memory_free_human"] {
        ensure(is_amount(&row[key], "MiB"), || wrong(key))?;
    }
    // What cannot be was not read.
    let at_most = |key: &str, most: u64| row[key].as_u64().is_none_or(|number| number <= most);
    ensure(at_most("fan_speed", 250) && at_most("gpu_utilization", 100), || wrong("percentages"))?;
    ensure(at_most("memory_utilization", 100), || wrong("memory_utilization"))?;
    let celsius = row["temperature"].as_i64();
    ensure(celsius.is_none_or(|celsius| (-40..200).contains(&celsius)), || wrong("temperature"))?;
    let [total, used, free] = ["memory_total_human", "memory_used_human", "memory_free_human"]
        .map(|key| row[key].as_str().and_then(|text| text.strip_suffix("MiB")?.parse::<u64>().ok()));
    let fits = |part: Option<u64>| part.is_none_or(|part| part <= total.unwrap_or(1 << 30));
    ensure(fits(total) && fits(used) && fits(free), || wrong("memory"))?;
    let power = row["power_status"].as_str().and_then(|text| text.split_once(" / "));
    let side = |text: &str| is_amount(&Value::from(text), "W");
    let below =
        |text: &str| text.strip_suffix('W').is_none_or(|watts| watts.parse().is_ok_and(|watts: u64| watts <= 10_000));
    let plausible = |text: &str| side(text) && below(text);
    ensure(power.is_some_and(|(draw, limit)| plausible(draw) && plausible(limit)), || wrong("power_status"))
}

fn process(row: &Value) -> Result<(), String> {
    let wrong = |what: &str| format!("{what} of {row}");
    ensure(keys(row) == PROCESS, || wrong("the keys"))?;
    ensure(row["pid"].as_u64().is_some_and(|pid| u32::try_from(pid).is_ok()), || wrong("pid"))?;
    for key in ["username", "command"] {
        ensure(row[key].as_str().is_some_and(|text| !text.is_empty()), || wrong(key))?;
    }
    ensure(matches!(row["type"].as_str(), Some("C" | "G" | "C+G")), || wrong("type"))?;
    ensure(is_amount(&row["gpu_memory"], "MiB"), || wrong("gpu_memory"))?;
    ensure(is_running_time(row["running_time"].as_str().unwrap_or_default()), || wrong("running_time"))
}

/// `954MiB` or `N/A`.
fn is_amount(value: &Value, unit: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    value.as_str().is_some_and(|text| text == "N/A" || text.strip_suffix(unit).is_some_and(number))
}

/// `0:16:13`, `1 day, 2:03:04`, `12 days, 0:00:09` or `N/A`.
fn is_running_time(text: &str) -> bool {
    let (days, clock) = text.split_once(", ").map_or((None, text), |(days, clock)| (Some(days), clock));
    let days = days.is_none_or(|days| {
        days == "1 day" || days.strip_suffix(" days").is_some_and(|number| number.parse::<u64>().is_ok_and(|n| n > 1))
    });
    let parts: Vec<&str> = clock.split(':').collect();
    let below = |part: &str, limit: u64| part.parse::<u64>().is_ok_and(|number| number < limit);
    let is_clock = matches!(parts[..], [hours, minutes, seconds] if below(hours, 24)
        && minutes.len() == 2 && below(minutes, 60) && seconds.len() == 2 && below(seconds, 60));
    text == "N/A" || (days && is_clock)
}
