//! Checks that all forms of reports share.

use std::{collections::BTreeMap, time::Duration};

use telemetry::snapshot::{GpuState, UseVerdict};

use super::{
    MAX_GPUS, MAX_INDEX, MAX_MIG, MAX_PROBLEMS, MAX_USERS, NAME, SENTENCE, USER, WireError, clean,
    leaf::{Lax, List, Text, Uuid},
};
use crate::report::{GpuReport, MigReport, Report, Source};

/// Largest memory that is believed: 1 PiB.
const MAX_MEMORY: u64 = 1 << 50;
/// Latest Unix time in milliseconds that is believed: the end of the year 9999.
const MAX_TIME_MS: u64 = 253_402_300_799_999;
/// Highest power draw of a GPU that is believed, in watts.
const MAX_WATTS: f64 = 20_000.0;
/// Temperatures that are believed, in degrees Celsius.
const CELSIUS: std::ops::RangeInclusive<i64> = -100..=250;
/// Longest interval that is believed.
const MAX_INTERVAL: Duration = Duration::from_secs(3600);

/// Total and free memory; both are unknown if they contradict each other.
pub(super) fn memory(total: Option<u64>, free: Option<u64>) -> (Option<u64>, Option<u64>) {
    let total = total.filter(|total| (1..=MAX_MEMORY).contains(total));
    let free = free.filter(|free| *free <= MAX_MEMORY);
    match (total, free) {
        (Some(total), Some(free)) if free > total => (None, None),
        both => both,
    }
}

pub(crate) fn percent(value: Option<u64>) -> Option<u8> {
    value.and_then(|value| u8::try_from(value).ok()).filter(|value| *value <= 100)
}

/// MIG mode: without the mode, a GPU is known not to be in it.
pub(super) fn mig_mode(mode: Option<bool>, is_not_supported: bool) -> Option<bool> {
    mode.or_else(|| is_not_supported.then_some(false))
}

/// True for the word of the compute mode in which no context can be made.
pub(super) fn is_prohibited(mode: Lax<Text<NAME>>) -> Option<bool> {
    Some(text(mode).is_some_and(|mode| &*mode == "prohibited"))
}

pub(crate) fn watts(value: Option<f64>) -> Option<f64> {
    value.filter(|value| (0.0..=MAX_WATTS).contains(value))
}

pub(crate) fn celsius(value: Option<i64>) -> Option<i32> {
    value.filter(|value| CELSIUS.contains(value)).and_then(|value| i32::try_from(value).ok())
}

pub(crate) fn time_ms(value: Option<u64>) -> Option<u64> {
    value.filter(|value| (1..=MAX_TIME_MS).contains(value))
}

pub(super) fn interval(milliseconds: Option<u64>) -> Option<Duration> {
    milliseconds.map(Duration::from_millis).filter(|interval| !interval.is_zero() && *interval <= MAX_INTERVAL)
}

pub(super) fn index(value: Option<u64>) -> Result<u32, WireError> {
    let index = value.filter(|index| *index <= MAX_INDEX).and_then(|index| u32::try_from(index).ok());
    index.ok_or(WireError::Missing("an index of each GPU from 0 to 4095"))
}

pub(super) fn text<const MAX: usize>(value: Lax<Text<MAX>>) -> Option<Box<str>> {
    value.0.map(|text| text.0)
}

pub(super) fn uuid(value: Lax<Uuid>) -> Option<Box<str>> {
    value.0.map(|uuid| uuid.0)
}

/// Users; none if the list is missing, or empty for a reason.
pub(super) fn users(
    value: Lax<List<Lax<Text<USER>>, MAX_USERS>>,
    is_absent: bool,
    cut: &mut bool,
) -> Option<Vec<Box<str>>> {
    let list = value.0.filter(|_| !is_absent)?;
    *cut |= list.further > 0;
    // A name that is no text would be missing from the list.
    let mut users: Vec<Box<str>> = list.elements.into_iter().map(text).collect::<Option<_>>()?;
    users.sort_unstable();
    users.dedup();
    Some(users)
}

/// All elements of a list that must be whole.
pub(super) fn all<T, const MAX: usize>(list: List<T, MAX>, what: &'static str) -> Result<Vec<T>, WireError> {
    match list.further {
        0 => Ok(list.elements),
        further => Err(WireError::TooMany { what, max: MAX, got: MAX + further }),
    }
}

/// The report, once no part of it contradicts another.
pub(super) fn finish(mut report: Report, users_cut: bool) -> Result<Report, WireError> {
    debug_assert!(report.gpus.len() <= MAX_GPUS && report.gpus.iter().all(|gpu| gpu.mig.len() <= MAX_MIG));
    report.gpus.sort_by_key(|gpu| gpu.index);
    for pair in report.gpus.windows(2) {
        if let [one, other] = pair
            && one.index == other.index
        {
            return Err(WireError::SameIndex(one.index));
        }
    }
    forget_shared_uuids(&mut report.gpus);
    for gpu in &mut report.gpus {
        settle(gpu, report.source);
    }
    let further = report.problems.len().saturating_sub(MAX_PROBLEMS);
    if further > 0 {
        report.problems.truncate(MAX_PROBLEMS - 1);
        report.problems.push(format!("{} further problems", further + 1));
    }
    if users_cut {
        report.notes.push(format!("Users of a GPU beyond the first {MAX_USERS} are left out."));
    }
    Ok(report)
}

/// Use is known only while the readings are: an agent that says otherwise contradicts itself.
fn settle(gpu: &mut GpuReport, source: Source) {
    let is_read = gpu.state == Some(GpuState::Ok) || source == Source::Original;
    if !is_read {
        gpu.r#use = UseVerdict::Unknown;
        gpu.mig.iter_mut().for_each(|mig| mig.r#use = UseVerdict::Unknown);
    }
    if !gpu.mig.is_empty() {
        gpu.mig_mode = Some(true);
    }
    // In MIG mode CUDA cannot use it as a whole. The original does not report the mode.
    let may_be_mig = gpu.mig_mode.unwrap_or(source != Source::Original);
    if may_be_mig && gpu.r#use == UseVerdict::Free && gpu.mig.is_empty() {
        gpu.r#use = UseVerdict::Unknown;
    }
}

/// Removes UUIDs that more than one GPU or instance has: they name none of them.
fn forget_shared_uuids(gpus: &mut [GpuReport]) {
    let mut counts: BTreeMap<Box<str>, usize> = BTreeMap::new();
    let all = gpus.iter().flat_map(|gpu| gpu.uuid.iter().chain(gpu.mig.iter().filter_map(|mig| mig.uuid.as_ref())));
    for uuid in all {
        *counts.entry(uuid.clone()).or_default() += 1;
    }
    let is_shared = |uuid: &mut Box<str>| counts.get(uuid).is_some_and(|count| *count > 1);
    for gpu in gpus {
        gpu.uuid.take_if(|uuid| is_shared(uuid));
        for MigReport { uuid, .. } in &mut gpu.mig {
            uuid.take_if(|uuid| is_shared(uuid));
        }
    }
}

/// Problem of a GPU as one line.
pub(super) fn problem(gpu: u32, text: &str) -> String {
    format!("GPU {gpu}: {}", clean(text, SENTENCE))
}

/// Name of an instance without a label.
pub(super) fn label(label: Option<Box<str>>, profile: Option<&str>, position: usize) -> Box<str> {
    label.unwrap_or_else(|| clean(&format!("{} #{position}", profile.unwrap_or("instance")), NAME).into())
}
