//! Signs of a reset: values that restart with it, as they are read before and after.
//!
//! NVML has no event for a reset. One reading proves nothing, since drivers return a zero, a dip or garbage now and
//! then: a counter must restart near zero and go on from there.

use std::{collections::VecDeque, time::Duration};

use crate::{
    Absence, BootTime, Reading,
    derive::{gpu::is_lost, saved::SavedSigns},
    sample::GpuSample,
};

/// Number of newest readings that a restart must all be below: a spike that lasts shorter is not one.
const RECENT: usize = 8;
/// Readings in a row by which a lost GPU, a recovery that is no longer needed or an energy that restarted is believed.
const READINGS: u32 = 5;
/// The same for values that are read once in ten ticks, in ticks: three readings.
const SLOW_READINGS: u32 = 30;
/// More than any GPU draws, in mJ per millisecond.
const MAX_MJ_PER_MS: u64 = 2000;
/// Time that a reset may take besides the time between two readings, in which the GPU draws power.
const RESET_TIME: Duration = Duration::from_secs(60);

/// Signs of one GPU.
#[derive(Clone, Debug, Default)]
pub(super) struct ResetSigns {
    /// When the newest reading was finished; each counts once.
    seen: Option<BootTime>,
    driver: Option<String>,
    energy_mj: Counter,
    uncorrected: Counter,
    recovery_action: Option<u32>,
    /// Readings in a row in which no recovery was needed any more.
    recovered: u32,
    /// Readings in a row in which it was lost.
    lost: u32,
    /// It answers after it was lost.
    is_back: bool,
}

impl ResetSigns {
    /// Begins with what another run of the agent kept.
    pub(super) fn restored(kept: SavedSigns) -> Self {
        let SavedSigns { driver, energy_mj, uncorrected, recovery_action } = kept;
        let (energy_mj, uncorrected) = (Counter::starting(energy_mj), Counter::starting(uncorrected));
        Self { driver, energy_mj, uncorrected, recovery_action, ..Self::default() }
    }

    /// The newest credible readings.
    pub(super) fn saved(&self) -> SavedSigns {
        SavedSigns {
            driver: self.driver.clone(),
            energy_mj: self.energy_mj.newest(),
            uncorrected: self.uncorrected.newest(),
            recovery_action: self.recovery_action,
        }
    }

    /// Uncorrected ECC errors, by the newest credible reading: fewer only once a reset is credible.
    pub(super) fn uncorrected(&self) -> Option<u64> {
        self.uncorrected.newest()
    }

    /// The driver does not count the GPU: if it does again, the GPU was taken off the bus and put back.
    pub(super) const fn miss(&mut self) {
        self.lost = READINGS;
    }

    /// Takes in a reading, and returns whether the GPU has been reset since the one before; a reload of the driver is a
    /// reset too.
    ///
    /// It is if the driver has another version, if the energy or the count of volatile ECC errors restarted near zero
    /// and goes on from there, if a recovery has not been needed for a while that was, or if a lost GPU answers, unless
    /// its energy goes on from where it was.
    pub(super) fn read(&mut self, gpu: &GpuSample, driver: Option<&str>) -> bool {
        let at = gpu.read_at.map(|stamp| stamp.boot);
        if at.is_some() && std::mem::replace(&mut self.seen, at) == at {
            return false;
        }
        let at = at.unwrap_or_default();
        if gpu.handle == Err(Absence::Lost) || is_lost(gpu) {
            self.lost = self.lost.saturating_add(1);
            return false;
        }
        if gpu.handle.is_err() {
            return false;
        }
        self.is_back |= std::mem::take(&mut self.lost) >= READINGS;
        let returned = self.returned(gpu.readings.power.energy_mj);
        let done = self.recovered(gpu.readings.state.recovery_action);
        let reloaded = driver.is_some_and(|now| self.driver.replace(now.into()).is_some_and(|before| before != now));
        let energy = self.energy_mj.see(gpu.readings.power.energy_mj, at, self.is_back, Kind::Energy);
        let errors = self.uncorrected.see(gpu.readings.ecc.volatile_uncorrected, at, self.is_back, Kind::Errors);
        let is_reset = returned || done || reloaded || energy || errors;
        self.is_back &= !is_reset;
        is_reset
    }

    /// Returns whether a GPU that was lost and answers has been reset: always, but if its energy goes on.
    fn returned(&mut self, energy_mj: Reading<u64>) -> bool {
        match (self.energy_mj.newest(), energy_mj) {
            _ if !self.is_back => false,
            (None, _) => true,
            (Some(before), Ok(now)) => {
                self.is_back = now < before;
                false
            }
            (Some(_), Err(_)) => false,
        }
    }

    fn recovered(&mut self, action: Reading<u32>) -> bool {
        match action {
            Ok(0) if self.recovery_action.is_some_and(|action| action != 0) => {
                self.recovered += 1;
                if self.recovered < SLOW_READINGS {
                    return false;
                }
                (self.recovery_action, self.recovered) = (Some(0), 0);
                true
            }
            Ok(action) => {
                (self.recovery_action, self.recovered) = (Some(action), 0);
                false
            }
            Err(_) => false,
        }
    }
}

/// Kind of a counter that restarts with a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Energy,
    Errors,
}

impl Kind {
    /// The most that it counts in that time.
    fn most(self, time: Duration) -> u64 {
        match self {
            Self::Energy => {
                u64::try_from((time + RESET_TIME).as_millis()).unwrap_or(u64::MAX).saturating_mul(MAX_MJ_PER_MS)
            }
            Self::Errors => u64::MAX,
        }
    }
}

/// A counter that only a reset restarts.
#[derive(Clone, Debug, Default)]
struct Counter {
    /// The newest readings, the last one last.
    recent: VecDeque<u64>,
    seen: BootTime,
    /// A restart that is not believed yet.
    restart: Option<Restart>,
}

#[derive(Clone, Copy, Debug)]
struct Restart {
    first: u64,
    last: u64,
    readings: u32,
    since: BootTime,
}

impl Counter {
    fn starting(value: Option<u64>) -> Self {
        Self { recent: value.into_iter().collect(), ..Self::default() }
    }

    fn newest(&self) -> Option<u64> {
        self.recent.back().copied()
    }

    /// Takes in a reading, and returns whether the counter has restarted. `is_back`: the GPU was lost before.
    fn see(&mut self, value: Reading<u64>, at: BootTime, is_back: bool, kind: Kind) -> bool {
        let Ok(value) = value else { return false };
        let least = self.recent.iter().copied().min();
        let (Some(least), Some(newest)) = (least, self.newest()) else {
            self.accept(value, at);
            return false;
        };
        if value >= least {
            self.accept(value, at);
            return false;
        }
        if let Some(restart) = &mut self.restart
            && value >= restart.last
            && value - restart.first <= kind.most(at.since(restart.since))
        {
            restart.last = value;
            restart.readings += 1;
            let is_credible = match kind {
                // It grows all the time, so that a stuck zero is no restart.
                Kind::Energy => restart.readings >= READINGS && restart.last > restart.first,
                Kind::Errors => restart.readings >= SLOW_READINGS,
            };
            if is_credible {
                self.recent.clear();
                self.accept(value, at);
            }
            return is_credible;
        }
        let near_zero = if is_back { newest } else { newest / 4 };
        if value <= near_zero && value <= kind.most(at.since(self.seen)) {
            self.restart = Some(Restart { first: value, last: value, readings: 1, since: at });
        } else {
            // Neither where it was nor near zero.
            self.accept(value, at);
        }
        false
    }

    fn accept(&mut self, value: u64, at: BootTime) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(value);
        (self.seen, self.restart) = (at, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::tests::gpu;
    use proptest::prelude::*;

    /// Takes in these energies, a reading per second, and returns in which a reset showed.
    fn resets(energies: impl IntoIterator<Item = u64>) -> Vec<usize> {
        let mut signs = ResetSigns::default();
        let mut found = Vec::new();
        for (second, energy) in energies.into_iter().enumerate() {
            let mut sample = gpu(0, "A", 1000 * (1 + second as u64));
            sample.readings.power.energy_mj = Ok(energy);
            if signs.read(&sample, Some("1")) {
                found.push(second);
            }
        }
        found
    }

    fn counting(from: u64, seconds: u64) -> Vec<u64> {
        (0..seconds).map(|second| from + 300_000 * second).collect()
    }

    #[test]
    fn energy_restarted_near_zero_is_reset() {
        let before = counting(5_000_000_000, 10);
        assert_eq!(resets([before.clone(), counting(40_000, 10)].concat()), [14], "believed at the fifth reading");
        assert_eq!(resets([before.clone(), vec![0], counting(40_000, 10)].concat()), [14]);
        assert_eq!(resets([counting(2_000_000, 10), counting(40_000, 5)].concat()), [14], "soon after another");
    }

    #[test]
    fn energy_dip_zero_or_spike_is_no_reset() {
        let before = counting(5_000_000_000, 10);
        let after = counting(5_003_000_000, 30);
        for (name, between) in [
            ("nothing", vec![]),
            ("a zero", vec![0]),
            ("a stuck zero", vec![0; 100]),
            ("some near zero", vec![10, 20, 30, 40]),
            ("a spike", vec![u64::MAX]),
            ("another spike", vec![900_000_000_000; 7]),
            ("a dip", vec![5_000_000_100]),
            ("a step back that lasts", counting(4_999_999_900, 100)),
            ("half of it", counting(2_500_000_000, 100)),
            ("zeros now and then", [0, 5_003_000_000].repeat(20)),
            ("garbage", vec![7, 3, 900, 1, 5_000_000_000, 12, 2]),
        ] {
            assert_eq!(resets([before.clone(), between, after.clone()].concat()), [0; 0], "{name}");
        }
    }

    #[test]
    fn ecc_count_or_recovery_zero_for_a_while_is_reset() {
        for slow in [false, true] {
            let read = |values: &[(u64, usize)]| {
                let mut signs = ResetSigns::default();
                let values = values.iter().flat_map(|(value, times)| std::iter::repeat_n(*value, *times));
                let mut found = 0;
                for (second, value) in (1_u64..).zip(values) {
                    let mut sample = gpu(0, "A", 1000 * second);
                    if slow {
                        sample.readings.state.recovery_action = Ok(u32::try_from(value).unwrap());
                    } else {
                        sample.readings.ecc.volatile_uncorrected = Ok(value);
                    }
                    found += u32::from(signs.read(&sample, None));
                }
                (found, signs.uncorrected().or(signs.recovery_action.map(u64::from)))
            };
            assert_eq!(read(&[(2, 10), (0, 10), (2, 10)]), (0, Some(2)), "one reading in ten ticks");
            assert_eq!(read(&[(2, 10), (0, 20)]), (0, Some(2)));
            assert_eq!(read(&[(2, 10), (0, 40)]), (1, Some(0)));
        }
    }

    #[test]
    fn lost_gpu_that_answers_is_reset_unless_energy_goes_on() {
        for (energy, after, lost, expected) in [
            (None, None, 5, 1),
            (None, None, 1, 0),
            (Some(5_000_000), Some(5_000_100), 5, 0),
            (Some(5_000_000), Some(4_000_000), 5, 1),
            (Some(5_000_000), None, 5, 0),
        ] {
            let mut signs = ResetSigns::default();
            let mut second = 0;
            let mut found = 0;
            let mut read = |energy: Option<u64>, is_lost: bool| {
                second += 1;
                let mut sample = gpu(0, "A", 1000 * second);
                sample.readings.power.energy_mj = energy.map(|energy| energy + second).ok_or(Absence::NotSupported);
                if is_lost {
                    sample.handle = Err(Absence::Lost);
                }
                found += u32::from(signs.read(&sample, None));
            };
            read(energy, false);
            (0..lost).for_each(|_| read(energy, true));
            (0..10).for_each(|_| read(after, false));
            assert_eq!(found, expected, "{energy:?} {after:?} {lost}");
        }
    }

    #[test]
    fn other_driver_version_is_reset() {
        let mut signs = ResetSigns::restored(SavedSigns { driver: Some("1".into()), ..SavedSigns::default() });
        let mut read = |second: u64, driver| signs.read(&gpu(0, "A", second * 1000), driver);
        assert_eq!(
            [read(1, Some("1")), read(2, None), read(3, Some("2")), read(4, Some("2"))],
            [false, false, true, false]
        );
    }

    proptest! {
        /// A counter that goes on from where it was, after some other readings, was never reset: a restart takes one more
        /// reading in a row.
        #[test]
        fn energy_that_goes_on_is_never_reset(
            place in 8..60_usize,
            garbage in proptest::collection::vec(any_energy(), 0..5),
        ) {
            let mut energies = counting(5_000_000_000, 80);
            energies[place..][..garbage.len()].copy_from_slice(&garbage);
            prop_assert_eq!(resets(energies), [0; 0]);
        }

        /// The same where they grow, as energy does.
        #[test]
        fn energy_that_goes_on_after_a_dip_is_never_reset(dip in proptest::collection::vec(0..100_000_000_u64, 0..5)) {
            let mut dip = dip;
            dip.sort_unstable();
            let energies = [counting(5_000_000_000, 10), dip, counting(5_003_000_000, 20)].concat();
            prop_assert_eq!(resets(energies), [0; 0]);
        }
    }

    fn any_energy() -> impl Strategy<Value = u64> {
        prop_oneof![0..100_000_000_u64, 4_900_000_000..5_100_000_000_u64, any::<u64>()]
    }
}
