//! NVLink: the states of the links, and their errors.
//!
//! A GPU has up to 18 links, each with a state and several error counters. They are fields of each link, which one call
//! reads together. A GPU without those fields is asked by functions, one call per step, so that its reader is never
//! held up by more than one of them.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use telemetry::{Absence, Reading};

use crate::nvml::{
    Code, Device, as_flag,
    field::{ALL_LINKS, FieldBatch, FieldValue},
    library::call,
};

/// Links that are probed at most (`NVML_NVLINK_MAX_LINKS` is 18).
const MAX_LINKS: u32 = 36;
/// `NVML_FI_DEV_NVLINK_GET_STATE` of one link.
const STATE_FIELD: u32 = 165;
/// `NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY`, `_RECOVERY` and `_CRC`, each of one link.
const ERROR_FIELDS_OF_LINK: std::ops::RangeInclusive<u32> = 161..=163;
/// Error counters of a link that have no field of its own, each with the field of all links together:
/// `NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL` and `_ECC_DATA_ERROR_COUNT_TOTAL`.
const OTHER_COUNTERS: [(u32, u32); 2] = [(3, 45), (4, 160)];
/// `NVML_FI_DEV_NVLINK_COUNT_MALFORMED_PACKET_ERRORS`, `_BUFFER_OVERRUN_ERRORS`, `_RCV_ERRORS`,
/// `_LOCAL_LINK_INTEGRITY_ERRORS`, `_XMIT_DISCARDS` and `_LINK_RECOVERY_EVENTS`, each of all links: lost or repaired
/// packets. Bits that the error correction repairs all the time are not errors.
const ERROR_FIELDS_OF_ALL: [u32; 6] = [206, 207, 208, 211, 212, 215];
/// Error counters of a link (`nvmlNvLinkErrorCounter_t`): replay, recovery, CRC of flits and of data, ECC.
const ERROR_COUNTERS: u32 = 5;
/// Time after which links are looked for again on a GPU without any.
const PROBE_AGAIN: Duration = Duration::from_secs(60);

/// One step of reading the links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Find out whether there is a link of this number.
    Probe(u32),
    /// Read the fields of all links.
    Fields,
    /// Read the state of a link by its function.
    State(u32),
    /// Read an error counter of a link by its function.
    Counter { link: u32, kind: u32 },
    /// If the first link has error counters, read those of the others, else fields of all links together.
    AfterFirst,
    /// If the first link has this counter, read it of the others.
    AfterCounter { kind: u32, before: Reading<u64> },
}

/// Source of the errors. A counter that changed its source would jump, so it keeps the first that succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Fields,
    Counters,
    FieldsOfAll,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    active: Reading<bool>,
    errors: Reading<u64>,
}

/// Links of one GPU.
#[derive(Debug)]
pub(crate) struct NvLinks {
    /// By NVML's number.
    links: BTreeMap<u32, Link>,
    /// Reason why no links are known.
    absent: Absence,
    /// Time of the last probe of a GPU that turned out to have no links.
    none_at: Option<Instant>,
    /// Errors of all links together, where they are not counted by link.
    errors_of_all: Option<Reading<u64>>,
    /// Errors of [`OTHER_COUNTERS`] that fields of all links report.
    other_errors: Reading<u64>,
    source: Option<Source>,
    steps: VecDeque<Step>,
}

impl Default for NvLinks {
    fn default() -> Self {
        let (links, steps) = (BTreeMap::new(), VecDeque::new());
        Self {
            links,
            absent: Absence::Timeout,
            none_at: None,
            errors_of_all: None,
            other_errors: Err(Absence::NotSupported),
            source: None,
            steps,
        }
    }
}

impl NvLinks {
    /// Returns whether a reading has begun and has more steps.
    pub(crate) fn is_busy(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Forgets that the GPU has no links: with a new handle they are looked for again.
    pub(crate) fn forget_support(&mut self) {
        self.none_at = None;
    }

    /// Makes the next step, or begins another reading.
    pub(crate) fn step(&mut self, device: &Device<'_>) {
        if self.steps.is_empty() && !self.begin() {
            return;
        }
        match self.steps.pop_front() {
            None => {}
            Some(Step::Probe(link)) => self.probed(link, device.link_is_active(link)),
            Some(Step::Fields) => {
                let mut batch = FieldBatch::default();
                // The states of all numbers, since links may be added.
                (0..MAX_LINKS).for_each(|link| batch.add_scoped(STATE_FIELD, link));
                for &link in self.links.keys() {
                    ERROR_FIELDS_OF_LINK.for_each(|field| batch.add_scoped(field, link));
                }
                OTHER_COUNTERS.iter().for_each(|(_, field)| batch.add(*field));
                batch.read(device);
                self.take_fields(&batch);
            }
            Some(Step::State(link)) => match device.link_is_active(link) {
                Err(Code::INVALID_ARGUMENT) => drop(self.links.remove(&link)),
                active => {
                    self.links.entry(link).and_modify(|known| known.active = active.map_err(Code::absence));
                }
            },
            Some(Step::Counter { link, kind }) => {
                let counted = device.link_error_counter(link, kind);
                self.links.entry(link).and_modify(|known| known.errors = added(known.errors, counted));
            }
            Some(Step::AfterFirst) => self.after_first(device),
            Some(Step::AfterCounter { kind, before }) => {
                let first = self.links.first_key_value().map(|(_, link)| link.errors);
                if first.is_some_and(|errors| errors != before) {
                    let others = self.links.keys().skip(1);
                    self.steps.extend(others.map(|&link| Step::Counter { link, kind }));
                }
            }
        }
    }

    /// Queues the first step. Returns false if there is nothing to read for now.
    fn begin(&mut self) -> bool {
        if self.none_at.is_some_and(|when| when.elapsed() < PROBE_AGAIN) {
            return false;
        }
        self.steps.push_back(if self.links.is_empty() { Step::Probe(0) } else { Step::Fields });
        true
    }

    /// Stores whether a link exists. A link that this board lacks is skipped; if one cannot be read, the number of
    /// links is unknown.
    fn probed(&mut self, link: u32, active: Result<bool, Code>) {
        let last = match active {
            Ok(active) => {
                self.links.insert(link, Link { active: Ok(active), errors: Err(Absence::Timeout) });
                false
            }
            Err(Code::INVALID_ARGUMENT | Code::FUNCTION_NOT_FOUND) => true,
            Err(code) if code.absence() == Absence::NotSupported => false,
            Err(code) => {
                self.links.clear();
                (self.absent, self.none_at) = (code.absence(), None);
                return;
            }
        };
        if !last && link + 1 < MAX_LINKS {
            self.steps.push_back(Step::Probe(link + 1));
        } else if self.links.is_empty() {
            (self.absent, self.none_at) = (Absence::NotSupported, Some(Instant::now()));
        } else {
            self.steps.push_back(Step::Fields);
        }
    }

    /// Takes the links' fields, and queues calls of the functions for the fields that are not supported.
    fn take_fields(&mut self, batch: &FieldBatch) {
        self.errors_of_all = None;
        for link in 0..MAX_LINKS {
            if let Some(Ok(Some(state @ 0..=1))) = batch.get_scoped(STATE_FIELD, link) {
                let new = Link { active: Err(Absence::Timeout), errors: Err(Absence::NotSupported) };
                self.links.entry(link).or_insert(new).active = Ok(state != 0);
            } else if self.links.contains_key(&link) {
                self.steps.push_back(Step::State(link));
            }
        }
        for (&link, known) in &mut self.links {
            known.errors = sum(ERROR_FIELDS_OF_LINK.map(|field| batch.get_scoped(field, link)));
        }
        self.other_errors = Err(Absence::NotSupported);
        let Some((&first, known)) = self.links.first_key_value() else { return };
        match (self.source, known.errors) {
            (None, Ok(_)) => self.source = Some(Source::Fields),
            (Some(Source::Fields), Err(Absence::NotSupported)) => {
                self.errors_of_all = Some(Err(Absence::Error));
                return;
            }
            (None | Some(Source::Counters | Source::FieldsOfAll), Err(Absence::NotSupported)) => {
                self.steps.extend((0..ERROR_COUNTERS).map(|kind| Step::Counter { link: first, kind }));
                self.steps.push_back(Step::AfterFirst);
                return;
            }
            _ => {}
        }
        for (kind, field) in OTHER_COUNTERS {
            let value = sum(std::iter::once(batch.get(field)));
            if value == Err(Absence::NotSupported) {
                self.steps.push_back(Step::Counter { link: first, kind });
                self.steps.push_back(Step::AfterCounter { kind, before: known.errors });
            }
            self.other_errors = added(self.other_errors, value);
        }
    }

    fn after_first(&mut self, device: &Device<'_>) {
        let by_counters =
            self.links.first_key_value().is_some_and(|(_, link)| link.errors != Err(Absence::NotSupported));
        match self.source {
            Some(Source::Counters) if !by_counters => self.errors_of_all = Some(Err(Absence::Error)),
            _ if by_counters && self.source != Some(Source::FieldsOfAll) => {
                self.source = Some(Source::Counters);
                for &link in self.links.keys().skip(1) {
                    self.steps.extend((0..ERROR_COUNTERS).map(|kind| Step::Counter { link, kind }));
                }
            }
            _ => {
                let errors = device.errors_of_all_links();
                if errors.is_ok() {
                    self.source = Some(Source::FieldsOfAll);
                }
                self.errors_of_all = Some(errors);
            }
        }
    }

    /// Returns the number of active links and of all links.
    pub(crate) fn links(&self) -> (Reading<u32>, Reading<u32>) {
        if self.links.is_empty() {
            return (Err(self.absent), Err(self.absent));
        }
        let number = |links: usize| u32::try_from(links).unwrap_or(u32::MAX);
        let active: Reading<Vec<bool>> = self.links.values().map(|link| link.active).collect();
        let active = active.map(|active| number(active.into_iter().filter(|active| *active).count()));
        (active, active.map(|_| number(self.links.len())))
    }

    /// Returns the errors of all links together. A kind that the GPU does not count is left out; absent if it counts
    /// none.
    pub(crate) fn errors(&self) -> Reading<u64> {
        if self.links.is_empty() {
            return Err(self.absent);
        }
        let by_link = || added(total(self.links.values().map(|link| link.errors)), self.other_errors);
        self.errors_of_all.unwrap_or_else(by_link)
    }
}

/// Adds a reading to a sum. Not supported adds nothing; any other absence is the sum's.
fn added(sum: Reading<u64>, more: Reading<u64>) -> Reading<u64> {
    match (sum, more) {
        (Ok(sum), Ok(more)) => Ok(sum.saturating_add(more)),
        (Err(Absence::NotSupported), more) => more,
        (sum, Err(Absence::NotSupported)) | (sum @ Err(_), _) => sum,
        (_, Err(why)) => Err(why),
    }
}

fn total(readings: impl Iterator<Item = Reading<u64>>) -> Reading<u64> {
    let mut total = Err(Absence::NotSupported);
    for reading in readings {
        total = added(total, reading);
    }
    total
}

/// Adds up fields.
fn sum(values: impl Iterator<Item = Option<FieldValue>>) -> Reading<u64> {
    total(values.map(|value| {
        let number = value.unwrap_or(Err(Code::NOT_SUPPORTED)).map_err(Code::absence)?;
        u64::try_from(number.unwrap_or(-1)).map_err(|_| Absence::Error)
    }))
}

impl Device<'_> {
    /// State of a link: `nvmlDeviceGetNvLinkState`.
    fn link_is_active(&self, link: u32) -> Result<bool, Code> {
        let mut active = 0;
        let code = call!(self.library, self.slot, nvmlDeviceGetNvLinkState(self.handle, link, &raw mut active));
        self.check(code)?;
        as_flag(active).map_err(|_| Code::UNKNOWN)
    }

    /// Error counter of a link: `nvmlDeviceGetNvLinkErrorCounter`.
    fn link_error_counter(&self, link: u32, kind: u32) -> Reading<u64> {
        let mut errors = 0;
        let code =
            call!(self.library, self.slot, nvmlDeviceGetNvLinkErrorCounter(self.handle, link, kind, &raw mut errors));
        match self.check(code) {
            Ok(()) => Ok(errors),
            // The driver does not know this kind.
            Err(Code::INVALID_ARGUMENT) => Err(Absence::NotSupported),
            Err(code) => Err(code.absence()),
        }
    }

    /// Errors of all links, on Blackwell: [`ERROR_FIELDS_OF_ALL`].
    fn errors_of_all_links(&self) -> Reading<u64> {
        let mut batch = FieldBatch::default();
        ERROR_FIELDS_OF_ALL.into_iter().for_each(|field| batch.add_scoped(field, ALL_LINKS));
        batch.read(self);
        sum(ERROR_FIELDS_OF_ALL.into_iter().map(|field| batch.get_scoped(field, ALL_LINKS)))
    }

    /// Reads the errors by functions and of all links although the fields answer: for a capture.
    pub(super) fn read_nvlink_errors_otherwise(&self) {
        for link in (0..MAX_LINKS).take_while(|link| self.link_is_active(*link).is_ok()) {
            for kind in 0..ERROR_COUNTERS {
                let _ = self.link_error_counter(link, kind);
            }
        }
        let _ = self.errors_of_all_links();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probes links that answer so, and not supported past the last.
    fn probe(answers: &[Result<bool, Code>]) -> NvLinks {
        let mut links = NvLinks::default();
        assert!(links.begin());
        while let Some(Step::Probe(link)) = links.steps.pop_front() {
            links.probed(link, answers.get(link as usize).copied().unwrap_or(Err(Code::NOT_SUPPORTED)));
        }
        links
    }

    #[test]
    fn links_counted_up_to_last() {
        let (up, down) = (Ok(true), Ok(false));
        let no = |code| Err(Code(code));
        for (name, answers, expected) in [
            ("three, one of them down", vec![up, down, up, no(2)], Ok((2, 3))),
            ("one missing on this board", vec![up, no(3), up, no(2)], Ok((2, 2))),
            ("the first missing on this board", vec![no(3), up, no(2)], Ok((1, 1))),
            ("one that fails", vec![up, no(999), up, no(2)], Err(Absence::Error)),
            ("lost on the way", vec![up, up, no(15)], Err(Absence::Lost)),
            ("none", vec![no(2)], Err(Absence::NotSupported)),
            ("no NVLink at all", vec![], Err(Absence::NotSupported)),
            ("an old library", vec![no(13)], Err(Absence::NotSupported)),
            ("not allowed", vec![no(4)], Err(Absence::Denied)),
        ] {
            let (active, total) = probe(&answers).links();
            assert_eq!(active.and_then(|active| Ok((active, total?))), expected, "{name}");
        }
    }

    #[test]
    fn links_of_gpu_without_any_probed_again_after_a_minute() {
        let mut none = probe(&[]);
        assert!(!none.begin());
        none.none_at = none.none_at.and_then(|when| when.checked_sub(PROBE_AGAIN));
        assert!(none.begin());
        assert!(probe(&[Err(Code::NO_PERMISSION)]).begin(), "a failure is retried at once");
    }

    #[test]
    fn unsupported_fields_replaced_by_calls() {
        let mut links = probe(&[Ok(true), Ok(true), Err(Code::INVALID_ARGUMENT)]);
        links.take_fields(&FieldBatch::default());
        let counter = |link, kind| Step::Counter { link, kind };
        let first = (0..ERROR_COUNTERS).map(|kind| counter(0, kind));
        let expected: Vec<Step> =
            [Step::State(0), Step::State(1)].into_iter().chain(first).chain([Step::AfterFirst]).collect();
        assert_eq!(links.steps.drain(..).collect::<Vec<_>>(), expected);
        assert_eq!(links.errors(), Err(Absence::NotSupported));
    }

    #[test]
    fn error_counts_added_and_failures_kept() {
        let (no, lost) = (Err(Absence::NotSupported), Err(Absence::Lost));
        for (sum, more, expected) in [
            (Ok(3), Ok(4), Ok(7)),
            (Ok(3), no, Ok(3)),
            (no, Ok(4), Ok(4)),
            (no, no, no),
            (Ok(3), lost, lost),
            (lost, Ok(4), lost),
            (lost, no, lost),
            (no, lost, lost),
            (Ok(u64::MAX), Ok(1), Ok(u64::MAX)),
        ] {
            assert_eq!(added(sum, more), expected, "{sum:?} and {more:?}");
        }
    }
}
