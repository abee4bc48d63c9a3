//! Queries of the history, and their answers.

use std::{ops::Range, time::Duration};

use super::{History, Past, Tier, metric, milliseconds, ring::Ring, scale::narrow};

/// The most points of one series.
const MAX_POINTS: usize = 11_000;
/// The most points of an answer: what can be written without keeping others waiting.
const MAX_IN_ALL: usize = 100_000;

/// Query.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Places in [`metric::ALL`].
    pub metrics: Vec<usize>,
    /// The GPUs, by UUID; all if none are named.
    pub gpus: Option<Vec<String>>,
    /// From when, Unix time in milliseconds.
    pub since_ms: u64,
    /// Until before when, Unix time in milliseconds; none for now. The step that contains the last moment is included.
    pub until_ms: Option<u64>,
    /// The length of a step; none for the finest that covers the range.
    pub step: Option<Duration>,
    /// Aggregation of kept steps into a longer one.
    pub spread: Spread,
}

/// Aggregation of several kept steps into one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// Their mean.
    #[default]
    Mean,
    /// Their highest.
    Max,
}

/// The answer: series whose values follow one another in steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The length of a step.
    pub step_ms: u64,
    /// When the first step begins, Unix time in milliseconds.
    pub start_at_ms: u64,
    /// By GPU, then by metric.
    pub series: Vec<Series>,
}

/// One number of one GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// UUID of the GPU.
    pub gpu_uuid: String,
    /// The name of the metric.
    pub metric: &'static str,
    /// One per step; none where nothing was read.
    pub values: Vec<Option<f32>>,
}

/// More than one answer can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The steps that the range has.
    pub steps: usize,
    /// The series that were asked for.
    pub series: usize,
    /// A step with which the answer fits, in seconds.
    pub fitting_s: u64,
}

impl History {
    /// The UUIDs of the GPUs that have a past.
    pub fn gpus(&self) -> impl Iterator<Item = &str> {
        self.gpus.keys().map(String::as_str)
    }

    /// Answers with whole steps that are over.
    ///
    /// # Errors
    /// [`Refusal`] if the answer would have too many points.
    pub fn answer(&self, question: &Question) -> Result<Answer, Refusal> {
        let asked: Vec<(&String, &Past)> = match &question.gpus {
            None => self.gpus.iter().collect(),
            Some(uuids) => uuids.iter().filter_map(|uuid| self.gpus.get_key_value(uuid)).collect(),
        };
        let boot_now = i64::try_from(self.now.boot.0).unwrap_or(i64::MAX);
        let since = self.boot(question.since_ms);
        let tier = self.tier(boot_now.saturating_sub(since).max(0).unsigned_abs(), &asked);
        let now = tier.time(self.now.boot.0);
        let group = question.step.map_or(1, |step| milliseconds(step).div_ceil(tier.step_ms)).max(1);
        let group = i64::try_from(group).unwrap_or(i64::MAX);
        let end = tier.step(now).div_euclid(group);
        let until = question.until_ms.map(|until| self.boot(until));
        let end = until.map_or(end, |until| tier.last_step(until).div_euclid(group).saturating_add(1).min(end));
        // Not before the first reading, nor before what is kept.
        let first = |past: &Past| Some(*tier.of(past)?.over(now)?.start());
        let oldest = asked.iter().filter_map(|(_, past)| first(past)).min();
        let since = tier.last_step(since.saturating_add(1));
        let start = oldest.map_or(end, |oldest| since.max(oldest).div_euclid(group).min(end));
        let steps = usize::try_from(end - start).unwrap_or(usize::MAX);
        let series = asked.len() * question.metrics.len();
        if steps > MAX_POINTS || steps.saturating_mul(series) > MAX_IN_ALL {
            return Err(Refusal { steps, series, fitting_s: tier.fitting_s(steps, series, group, now) });
        }
        let values = |past: &Past, metric: usize| {
            let ring = tier.of(past);
            let value = |step| joined(ring?, metric, step * group..(step + 1) * group, now, question.spread);
            (start..end).map(value).collect()
        };
        let step_ms = tier.step_ms.saturating_mul(group.unsigned_abs());
        let start_ms = start.saturating_mul(i64::try_from(step_ms).unwrap_or(i64::MAX));
        Ok(Answer {
            step_ms,
            start_at_ms: self.wall(start_ms.saturating_sub(tier.zero_ms)),
            series: asked
                .iter()
                .flat_map(|(uuid, past)| question.metrics.iter().map(move |metric| (uuid, past, *metric)))
                .map(|(uuid, past, metric)| Series {
                    gpu_uuid: (*uuid).clone(),
                    metric: metric::ALL[metric].spec().path,
                    values: values(past, metric),
                })
                .collect(),
        })
    }

    /// The boot time of a moment by the wall clock as it is now, not after now; negative before the boot.
    fn boot(&self, unix_ms: u64) -> i64 {
        let ago = i64::try_from(self.now.unix_ms.saturating_sub(unix_ms)).unwrap_or(i64::MAX);
        i64::try_from(self.now.boot.0).unwrap_or(i64::MAX).saturating_sub(ago)
    }

    /// A boot time by the wall clock as it is now.
    fn wall(&self, boot_ms: i64) -> u64 {
        let difference = i64::try_from(self.now.unix_ms).unwrap_or(0) - i64::try_from(self.now.boot.0).unwrap_or(0);
        u64::try_from(boot_ms.saturating_add(difference)).unwrap_or(0)
    }
}

impl Tier {
    fn step(self, time_ms: u64) -> i64 {
        i64::try_from(time_ms / self.step_ms).unwrap_or(i64::MAX)
    }

    /// The step that contains the last moment before this boot time.
    fn last_step(self, boot_ms: i64) -> i64 {
        let time_ms = boot_ms.saturating_add(self.zero_ms);
        time_ms.saturating_sub(1).div_euclid(i64::try_from(self.step_ms).unwrap_or(i64::MAX))
    }

    /// A step with which so many of them fit, in seconds.
    fn fitting_s(self, steps: usize, series: usize, group: i64, now_ms: u64) -> u64 {
        let times = steps.div_ceil(MAX_POINTS).max(steps.saturating_mul(series).div_ceil(MAX_IN_ALL));
        let step = self.step_ms.saturating_mul(group.unsigned_abs()).saturating_mul(times as u64 + 1);
        step.min(now_ms.max(1000)).div_ceil(1000)
    }
}

/// Several kept steps as one.
fn joined(ring: &Ring, metric: usize, steps: Range<i64>, now_ms: u64, spread: Spread) -> Option<f32> {
    if steps.end - steps.start == 1 {
        return ring.value(metric, steps.start, now_ms);
    }
    let values = steps.filter_map(|step| ring.value(metric, step, now_ms));
    match spread {
        Spread::Max => values.reduce(f32::max),
        Spread::Mean => {
            let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + f64::from(value), count + 1));
            (count > 0).then(|| narrow(sum / f64::from(count)))
        }
    }
}
