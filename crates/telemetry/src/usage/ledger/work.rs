//! Work and energy of one interval.

use crate::{
    derive::{gpu_idles, instance_idles},
    snapshot::Gpu,
};

/// Most power of a board that is believed, in milliwatts.
const MOST_MW: u64 = 10_000_000;

/// Readings at one end of an interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readings {
    /// When they were finished, by the boot clock, in milliseconds.
    pub(super) at: u64,
    energy_mj: Option<u64>,
    draw_mw: Option<u64>,
}

impl Readings {
    pub(super) fn of(gpu: &Gpu, at: u64) -> Self {
        let power = &gpu.readings.power;
        Self { at, energy_mj: power.energy_mj.ok(), draw_mw: power.draw_mw.ok().map(u64::from) }
    }

    /// Energy since an earlier reading, in millijoules: by the driver's counter, else by the mean power.
    pub(super) fn energy_since(&self, before: &Self) -> u64 {
        let ms = self.at.saturating_sub(before.at);
        let counted = self.energy_mj.zip(before.energy_mj).and_then(|(now, then)| now.checked_sub(then));
        let drawn = || {
            let draws = [self.draw_mw, before.draw_mw].into_iter().flatten();
            let (sum, count) = draws.fold((0_u64, 0), |(sum, count), draw| (sum.saturating_add(draw), count + 1));
            sum.checked_div(count).unwrap_or_default().min(MOST_MW) * ms / 1000
        };
        counted.filter(|energy| *energy <= MOST_MW * ms / 1000).unwrap_or_else(drawn)
    }
}

/// Work of a device in an interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worked {
    /// Share of the time, from 0 to 1; none if it is not known.
    ratio: Option<f64>,
    /// It was below the idle threshold; none if that is not known.
    pub(super) is_idle: Option<bool>,
}

impl Worked {
    /// Part of a time that was worked, in the time's unit, and with what others before left over; none if it is not known.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the time")]
    pub(super) fn part_of(self, time: u64, left: &mut f64) -> Option<u64> {
        let exact = time as f64 * self.ratio? + *left;
        let part = (exact as u64).min(time);
        *left = (exact - part as f64).clamp(0.0, 1.0);
        Some(part)
    }
}

/// Work of a GPU, or of one of its instances: SM activity where GPM reports it, else the GPU's utilization.
pub(super) fn of_device(gpu: &Gpu, instance: Option<usize>) -> Worked {
    let mig = instance.and_then(|at| gpu.mig.as_ref().ok()?.get(at));
    let (ratio, idles) = match mig {
        Some(mig) => {
            (mig.sample.activity.as_ref().ok().and_then(|activity| activity.sm_ratio.ok()), instance_idles(mig))
        }
        None => {
            let utilization = gpu.readings.utilization.gpu_percent.ok();
            let active = gpu.readings.activity.sm_ratio.ok();
            (active.or_else(|| utilization.map(|percent| f64::from(percent) / 100.0)), gpu_idles(gpu))
        }
    };
    let ratio = ratio.filter(|ratio| ratio.is_finite()).map(|ratio| ratio.clamp(0.0, 1.0));
    Worked { ratio, is_idle: idles }
}
