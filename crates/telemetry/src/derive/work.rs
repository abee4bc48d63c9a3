//! Work of a GPU or a MIG instance over time, by its utilization: a GPU that works is not free, with or without a listed
//! process.

use std::time::Duration;

use crate::{
    Absence, BootTime,
    readings::Activity,
    snapshot::{Gpu, Mig, Process},
};

/// Share of the time from which a GPU works, in %, and below which it no longer does.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkThresholds {
    from: u32,
    below: u32,
}

/// A desktop that nobody uses keeps its GPU busy for up to a fifth of the time.
const DESKTOP: WorkThresholds = WorkThresholds { from: 25, below: 20 };
/// Without a display and without a program that draws, nothing but work uses the time.
const HEADLESS: WorkThresholds = WorkThresholds { from: 10, below: 5 };

/// Time below the threshold after which work has ended, so that the pauses of a job do not make its GPU free.
const REST: Duration = Duration::from_secs(10);

/// Work of one GPU or MIG instance.
#[derive(Clone, Debug, Default)]
pub(super) struct WorkTimer {
    works: bool,
    /// The newest reading was over the threshold.
    over: bool,
    /// Since when it has been below the threshold, while it works.
    under: Option<BootTime>,
    seen: Option<BootTime>,
}

impl WorkTimer {
    /// Takes in the share of the time that was worked, in %, and returns whether it works. Two readings in a row over
    /// the threshold begin work, or the first of all; a gap longer than `gap` ends it.
    pub(super) fn see(
        &mut self,
        percent: Option<u32>,
        thresholds: WorkThresholds,
        at: BootTime,
        gap: Duration,
    ) -> bool {
        let is_first = self.seen.is_none_or(|seen| at.since(seen) > gap);
        if is_first {
            *self = Self::default();
        }
        let Some(percent) = percent else { return self.works };
        if self.seen.replace(at) == Some(at) {
            return self.works;
        }
        let was_over = std::mem::replace(&mut self.over, percent >= thresholds.from);
        if percent >= thresholds.below {
            self.under = None;
        }
        if self.over {
            self.works |= was_over || is_first;
        } else if self.works && percent < thresholds.below {
            let since = *self.under.get_or_insert(at);
            self.works = at.since(since) < REST;
        }
        self.works
    }
}

/// Thresholds of a GPU. One whose graphics programs are not known may have a desktop.
pub(super) fn thresholds(gpu: &Gpu) -> WorkThresholds {
    let is_headless = matches!(gpu.lists.graphics, Ok(()) | Err(Absence::NotSupported))
        && gpu.readings.modes.display_active != Ok(true)
        && !gpu.processes.iter().any(|process| process.kind.draws());
    if is_headless { HEADLESS } else { DESKTOP }
}

/// Thresholds of a MIG instance, which has no display.
pub(super) const fn instance_thresholds() -> WorkThresholds {
    HEADLESS
}

/// Share of the time that the busiest part of a GPU worked, in %; none if none was read.
pub(super) fn of_gpu(gpu: &Gpu) -> Option<u32> {
    let utilization = &gpu.readings.utilization;
    let engines = [
        utilization.gpu_percent,
        utilization.encoder_percent,
        utilization.decoder_percent,
        utilization.jpeg_percent,
        utilization.ofa_percent,
    ];
    let instances = gpu.mig.iter().flatten().filter_map(of_instance);
    engines.into_iter().filter_map(Result::ok).chain(of_activity(&gpu.readings.activity)).chain(instances).max()
}

/// Share of the time that a MIG instance worked, in %, as far as GPM reports it.
pub(super) fn of_instance(mig: &Mig) -> Option<u32> {
    of_activity(mig.sample.activity.as_ref().ok()?)
}

/// Share of the time that a process worked, in %, in its busiest part; none if it was not read.
pub(super) fn of_process(process: &Process) -> Option<u32> {
    let share = process.share.ok()?;
    Some(share.sm_percent.max(share.encoder_percent).max(share.decoder_percent))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
fn of_activity(activity: &Activity) -> Option<u32> {
    let ratios = [activity.graphics_ratio, activity.sm_ratio];
    ratios.into_iter().filter_map(Result::ok).map(|ratio| (ratio.clamp(0.0, 1.0) * 100.0) as u32).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(timer: &mut WorkTimer, thresholds: WorkThresholds, from: u64, percents: &[Option<u32>]) -> Vec<bool> {
        let at = |second: usize| BootTime((from + second as u64) * 1000);
        let gap = Duration::from_secs(60);
        percents.iter().enumerate().map(|(second, &percent)| timer.see(percent, thresholds, at(second), gap)).collect()
    }

    #[test]
    fn work_begins_at_first_or_second_reading() {
        assert_eq!(run(&mut WorkTimer::default(), DESKTOP, 1, &[Some(97)]), [true], "nothing is known before");
        let mut timer = WorkTimer::default();
        let idle = [0, 18, 40, 18, 24, 90, 3].map(Some);
        assert_eq!(run(&mut timer, DESKTOP, 1, &idle), [false; 7], "moments of a desktop");
        assert_eq!(run(&mut timer, DESKTOP, 8, &[Some(97), None, Some(26)]), [false, false, true]);
        let mut timer = WorkTimer::default();
        assert_eq!(run(&mut timer, HEADLESS, 1, &[9, 10, 10].map(Some)), [false, false, true]);
    }

    #[test]
    fn work_ends_after_rest_or_gap() {
        let mut timer = WorkTimer::default();
        assert!(timer.see(Some(60), DESKTOP, BootTime(0), Duration::from_secs(60)));
        let around = [24, 26, 21, 19, 25, 19, 24].map(Some);
        assert_eq!(run(&mut timer, DESKTOP, 1, &around), [true; 7], "no flapping at the threshold");
        let pause: Vec<Option<u32>> = vec![Some(0); 11];
        assert_eq!(run(&mut timer, DESKTOP, 10, &pause), [vec![true; 10], vec![false]].concat());
        let mut timer = WorkTimer::default();
        run(&mut timer, DESKTOP, 1, &[Some(60)]);
        assert_eq!(run(&mut timer, DESKTOP, 2, &[None]), [true]);
        assert_eq!(run(&mut timer, DESKTOP, 90, &[None, Some(15)]), [false, false], "nothing was read for long");
    }

    #[test]
    fn repeated_reading_counts_once() {
        let mut timer = WorkTimer::default();
        let see = |timer: &mut WorkTimer, second: u64, percent| {
            timer.see(Some(percent), DESKTOP, BootTime(second * 1000), Duration::from_secs(60))
        };
        assert!(!see(&mut timer, 1, 0));
        assert!(!see(&mut timer, 2, 90) && !see(&mut timer, 2, 90) && see(&mut timer, 3, 90));
    }
}
