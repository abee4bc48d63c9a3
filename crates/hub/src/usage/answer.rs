//! An agent's answer, checked: only one that an agent can give counts.

use serde::{Deserialize, Serialize};
use server::{Dimension, FleetQuestion, MAX_USAGE_ROWS};

use super::sums::{Key, Part, Sums, Whole};
use crate::wire::{MAX_GPUS, clean};

/// Version of the answer.
const SCHEMA: u32 = 1;
/// Most devices of a host.
const MAX_DEVICES: u64 = 16_384;
/// Most memory of a host, in bytes.
const MAX_MEMORY: u64 = 1 << 50;
/// Largest power of a GPU, in watts.
const MAX_WATTS: f64 = 20_000.0;
/// Most holders of a device at one time.
const MAX_HOLDERS: f64 = 4096.0;
/// Most sessions of a row.
const MAX_SESSIONS: u64 = 1 << 40;
/// Longest time at an edge of the period, in seconds.
const MAX_EDGE: f64 = 172_800.0;
/// Longest name, in characters.
const MAX_NAME: usize = 256;
/// Longest note, in characters.
const MAX_NOTE: usize = 300;

/// An answer as it is written.
#[derive(Deserialize)]
struct Answer {
    schema: u32,
    since: u64,
    until: u64,
    by: Vec<String>,
    persistent: bool,
    people: bool,
    note: Option<String>,
    price_gpu_hour: Option<Price>,
    devices: u64,
    device_seconds: f64,
    edge_seconds: f64,
    rows: Vec<Row>,
    free_gpu_seconds: f64,
    unknown_gpu_seconds: f64,
    unassigned_gpu_seconds: f64,
    unobserved_gpu_seconds: f64,
    energy_joules: f64,
}

/// Price of a GPU-hour.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Price {
    amount: f64,
    currency: Box<str>,
}

#[derive(Deserialize)]
struct Row {
    user: Option<Box<str>>,
    gpu: Option<u32>,
    uuid: Option<Box<str>>,
    job: Option<Box<str>>,
    pod: Option<Box<str>>,
    container: Option<Box<str>>,
    model: Option<Box<str>>,
    day: Option<Box<str>>,
    hour_of_day: Option<u32>,
    gpu_seconds: f64,
    present_gpu_seconds: f64,
    busy_gpu_seconds: Option<f64>,
    idle_gpu_seconds: Option<f64>,
    allocated_gpu_seconds: Option<f64>,
    memory_byte_seconds: f64,
    peak_memory_bytes: u64,
    energy_joules: f64,
    sessions: u64,
}

/// A host's part of the sums.
pub(super) struct HostUsage {
    pub(super) whole: Whole,
    pub(super) persistent: bool,
    pub(super) people: bool,
    pub(super) note: Option<String>,
    pub(super) price: Option<Price>,
    pub(super) parts: Vec<Part>,
}

/// Parses an answer about a question for these keys. The error says what is wrong with it.
pub(super) fn parse(body: &[u8], question: &FleetQuestion, by: &[Dimension]) -> Result<HostUsage, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| clean(&format!("expected an agent's usage, got other JSON: {error}"), MAX_NOTE))?;
    if answer.schema != SCHEMA {
        return Err(format!("expected usage of schema {SCHEMA}, got {}", answer.schema));
    }
    if (answer.since, answer.until) != (question.since_ms, question.until_ms) {
        return Err("it answers for another period".into());
    }
    if !answer.by.iter().map(String::as_str).eq(by.iter().map(|dimension| dimension.name())) {
        return Err("it answers by other keys".into());
    }
    if answer.rows.len() > MAX_USAGE_ROWS {
        return Err(format!("expected at most {MAX_USAGE_ROWS} rows, got more"));
    }
    let limits = Limits::of(&answer, question).ok_or_else(|| impossible("the sums"))?;
    let parts = answer.rows.iter().map(|row| row.part(by, &limits));
    let parts: Vec<Part> = parts.collect::<Option<_>>().ok_or_else(|| impossible("a row"))?;
    let whole = limits.whole(&answer).ok_or_else(|| impossible("the sums"))?;
    limits.check_sums(&whole, &parts, question.users.is_some())?;
    let price = answer.price_gpu_hour.filter(|price| price.amount >= 0.0 && price.currency.len() <= 8);
    Ok(HostUsage {
        whole,
        persistent: answer.persistent,
        people: answer.people,
        note: answer.note.map(|note| clean(&note, MAX_NOTE)),
        price,
        parts,
    })
}

fn impossible(what: &str) -> String {
    format!("its answer is impossible: {what} of it cannot be true for this period")
}

/// Largest possible values of a host in the period. A larger one would drown the sums of all others.
struct Limits {
    device_seconds: f64,
    energy: f64,
}

impl Limits {
    #[expect(clippy::cast_precision_loss, reason = "numbers of devices and milliseconds are small")]
    fn of(answer: &Answer, question: &FleetQuestion) -> Option<Self> {
        let window = question.until_ms.saturating_sub(question.since_ms) as f64 / 1e3;
        let devices = Some(answer.devices).filter(|devices| *devices <= MAX_DEVICES)? as f64;
        // GPUs whose slices are in no instance are no devices, but their time is unassigned.
        let device_seconds = (devices + MAX_GPUS as f64) * window + slack(window);
        number(answer.device_seconds, device_seconds)?;
        Some(Self { device_seconds, energy: device_seconds * MAX_WATTS })
    }

    fn whole(&self, answer: &Answer) -> Option<Whole> {
        let time = |seconds| number(seconds, self.device_seconds);
        Some(Whole {
            devices: answer.devices,
            device_seconds: time(answer.device_seconds)?,
            edge_seconds: number(answer.edge_seconds, MAX_EDGE)?,
            free_gpu_seconds: time(answer.free_gpu_seconds)?,
            unknown_gpu_seconds: time(answer.unknown_gpu_seconds)?,
            unassigned_gpu_seconds: time(answer.unassigned_gpu_seconds)?,
            unobserved_gpu_seconds: time(answer.unobserved_gpu_seconds)?,
            energy_joules: number(answer.energy_joules, self.energy)?,
        })
    }

    /// Checks that nothing is lost or counted twice.
    fn check_sums(&self, whole: &Whole, parts: &[Part], is_of_users: bool) -> Result<(), String> {
        let held: f64 = parts.iter().filter_map(|part| part.sums.gpu_seconds).sum();
        let energy: f64 = parts.iter().filter_map(|part| part.sums.energy_joules).sum();
        let (all, slack) = (held + whole.unheld(), slack(whole.device_seconds));
        let adds_up = if is_of_users {
            held <= whole.device_seconds + slack
        } else {
            (all - whole.device_seconds).abs() <= slack
        };
        if adds_up && energy <= whole.energy_joules + self::slack(whole.energy_joules) {
            return Ok(());
        }
        Err("its answer is impossible: its parts do not add up to its device time, or its energy".into())
    }
}

/// Difference that rounding can make.
fn slack(of: f64) -> f64 {
    of.mul_add(1e-6, 0.01)
}

/// A number from zero to a maximum. A remainder that rounding made negative is zero.
fn number(value: f64, max: f64) -> Option<f64> {
    (value >= -0.01 && value <= max).then(|| value.max(0.0))
}

impl Row {
    fn part(&self, by: &[Dimension], limits: &Limits) -> Option<Part> {
        let keys = by.iter().map(|dimension| self.key(*dimension)).collect::<Option<_>>()?;
        let time = |seconds| number(seconds, limits.device_seconds);
        let present = number(self.present_gpu_seconds, limits.device_seconds * MAX_HOLDERS)?;
        let gpu = time(self.gpu_seconds)?;
        let within = |part: Option<f64>, whole: f64| match part {
            Some(part) => number(part, whole + slack(whole)).map(Some),
            None => Some(None),
        };
        let longest = limits.device_seconds * MAX_HOLDERS;
        #[expect(clippy::cast_precision_loss, reason = "a limit")]
        let memory = limits.device_seconds * MAX_HOLDERS * MAX_MEMORY as f64;
        let sums = Sums {
            gpu_seconds: Some(gpu),
            present_gpu_seconds: Some(present),
            // Of a shared GPU a holder can do more than its equal part.
            busy_gpu_seconds: within(self.busy_gpu_seconds, present)?,
            idle_gpu_seconds: within(self.idle_gpu_seconds, gpu)?,
            allocated_gpu_seconds: within(self.allocated_gpu_seconds, longest)?,
            memory_byte_seconds: Some(number(self.memory_byte_seconds, memory)?),
            peak_memory_bytes: Some(self.peak_memory_bytes).filter(|peak| *peak <= MAX_MEMORY).map(Some)?,
            energy_joules: Some(number(self.energy_joules, limits.energy)?),
            sessions: Some(self.sessions).filter(|sessions| *sessions <= MAX_SESSIONS).map(Some)?,
        };
        Some(Part { keys, sums })
    }

    /// The key of a dimension; none if it cannot be one.
    fn key(&self, dimension: Dimension) -> Option<Key> {
        let text = |text: &Option<Box<str>>| match text {
            Some(text) => Key::Text(clean(text, MAX_NAME).into()),
            None => Key::Unknown,
        };
        Some(match dimension {
            Dimension::User => text(&self.user),
            Dimension::Job => text(&self.job),
            Dimension::Pod => text(&self.pod),
            Dimension::Container => text(&self.container),
            Dimension::Model => text(&self.model),
            Dimension::Gpu => {
                let uuid = self.uuid.as_deref().map(|uuid| clean(uuid, MAX_NAME).into());
                Key::Gpu(self.gpu, uuid)
            }
            Dimension::Day => Key::Text(self.day.clone().filter(|day| is_day(day))?),
            Dimension::HourOfDay => Key::Hour(self.hour_of_day.filter(|hour| *hour < 24)?),
        })
    }
}

/// True for a day such as `2026-11-30`.
fn is_day(text: &str) -> bool {
    let digit = |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(digit)
}
