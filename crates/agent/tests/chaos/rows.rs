//! The rows that a healthy GPU has, worked out here from the scenario's numbers and not by the agent's code.

use serde_json::{Value, json};

use crate::effect::{Effect, GPUS, SPARE};

/// From this age on values are no longer shown (60 s in the contract); a second is the agent's own tick.
const EXPIRED_MS: u64 = 60_000;
const TICK_MS: u64 = 1_000;
/// Maximum age of a healthy GPU's reading: it is read every 100 ms, and this is a busy machine.
const LATE_MS: u64 = 3_000;

/// Live processes on the GPUs, as the driver lists them.
pub(crate) struct Resident {
    pub(crate) gpu: usize,
    pub(crate) pid: u32,
    pub(crate) kind: &'static str,
    pub(crate) mebibytes: u64,
    pub(crate) command: String,
    pub(crate) user: String,
}

/// Context of a row: times of its request and answer, in Unix milliseconds, and the present fault.
pub(crate) struct Moment<'a> {
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) effect: &'a Effect,
}

fn expected(gpu: usize) -> Value {
    json!({
        "idx": gpu, "name": format!("GPU {gpu}"), "fan_speed": 30 + gpu, "temperature": 40 + gpu,
        "power_status": format!("10{gpu}W / 700W"), "gpu_utilization": 50 + gpu,
        "memory_total_human": "102400MiB", "memory_used_human": format!("{}MiB", (10 + gpu) * 1024),
        "memory_free_human": format!("{}MiB", (90 - gpu) * 1024), "memory_utilization": 10 + gpu,
    })
}

/// Judges a device row.
pub(crate) fn device(row: &Value, moment: &Moment<'_>) -> Result<(), String> {
    let number = |key: &str| row[key].as_u64().unwrap_or_default();
    let (gpu, ts) = (usize::try_from(number("idx")).unwrap_or(usize::MAX), number("ts"));
    if ts > moment.answered {
        return Err(format!("a reading of the future: {row}"));
    }
    if gpu >= GPUS {
        // One of the spare GPUs, counted now or once, is as it is; one that was counted a moment ago and is not read yet
        // has no values. Anything else is invented.
        let known = (GPUS..GPUS + SPARE).any(|spare| row["name"] == json!(format!("GPU {spare}")));
        let unread = || row["name"] == "N/A" && row["temperature"] == "N/A" && row["memory_total_human"] == "N/A";
        return if known || unread() { Ok(()) } else { Err(format!("a GPU that was never there: {row}")) };
    }
    if row["temperature"] != "N/A" && moment.asked.saturating_sub(ts) > EXPIRED_MS + 2 * TICK_MS {
        return Err(format!("values {} ms old are shown as the present: {row}", moment.asked.saturating_sub(ts)));
    }
    if moment.effect.changed.has(gpu) {
        return Ok(());
    }
    let age = moment.answered.saturating_sub(ts);
    if !moment.effect.late.has(gpu) && age > LATE_MS {
        return Err(format!("a healthy GPU was not read for {age} ms: {row}"));
    }
    let mut facts = row.clone();
    facts.as_object_mut().map(|row| row.shift_remove("ts"));
    if facts != expected(gpu) && age < EXPIRED_MS {
        return Err(format!("a healthy GPU's row changed: {row} instead of {}", expected(gpu)));
    }
    Ok(())
}

/// Judges the process rows of one GPU that are kept by a filter; `expired` is whether its values are too old to show.
pub(crate) fn processes(
    gpu: usize,
    rows: &[&Value],
    residents: &[Resident],
    keeps: impl Fn(&str) -> bool,
    expired: bool,
    effect: &Effect,
) -> Result<(), String> {
    if effect.changed.has(gpu) || (expired && rows.is_empty()) {
        return Ok(());
    }
    let mut wanted: Vec<&Resident> =
        residents.iter().filter(|resident| resident.gpu == gpu && keeps(resident.kind)).collect();
    wanted.sort_by_key(|resident| resident.pid);
    let pids = |rows: &[&Value]| rows.iter().map(|row| row["pid"].clone()).collect::<Vec<_>>();
    if pids(rows) != wanted.iter().map(|resident| json!(resident.pid)).collect::<Vec<_>>() {
        return Err(format!("a healthy GPU {gpu} lists {:?}", pids(rows)));
    }
    rows.iter().zip(wanted).try_for_each(|(row, resident)| process(row, resident, effect.fresh))
}

fn process(row: &Value, resident: &Resident, fresh: bool) -> Result<(), String> {
    let is = |key: &str, told: &str| row[key] == told || (fresh && row[key] == "N/A");
    let right = row["type"] == resident.kind
        && row["gpu_memory"] == format!("{}MiB", resident.mebibytes)
        && is("command", &resident.command)
        && (is("username", &resident.user) || (fresh && row["username"] == "0"));
    if right { Ok(()) } else { Err(format!("a healthy GPU's process changed: {row}")) }
}
