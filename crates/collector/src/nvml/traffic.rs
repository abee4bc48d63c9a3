//! Rates of PCIe and NVLink, from GPM where the GPU has it, else from byte counters.

use std::time::{Duration, Instant};

use telemetry::{Absence, Reading};

use crate::nvml::{
    Device,
    field::{ALL_LINKS, FieldBatch, WHOLE},
};

/// Shortest window over which a rate is calculated.
const MIN_WINDOW: Duration = Duration::from_millis(900);
/// Byte counters: the field, its scope, and its unit in bytes. `NVML_FI_DEV_PCIE_COUNT_TX_BYTES` and `_RX_BYTES`,
/// `NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX` and `_RX`.
const COUNTERS: [(u32, u32, u64); 4] =
    [(197, WHOLE, 1), (198, WHOLE, 1), (138, ALL_LINKS, 1024), (139, ALL_LINKS, 1024)];

/// Rates of the links, in bytes per second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) pcie_tx_bytes_per_second: Reading<u64>,
    pub(crate) pcie_rx_bytes_per_second: Reading<u64>,
    pub(crate) nvlink_tx_bytes_per_second: Reading<u64>,
    pub(crate) nvlink_rx_bytes_per_second: Reading<u64>,
}

impl Traffic {
    /// No rate, for one reason.
    pub(crate) const fn absent(why: Absence) -> Self {
        Self {
            pcie_tx_bytes_per_second: Err(why),
            pcie_rx_bytes_per_second: Err(why),
            nvlink_tx_bytes_per_second: Err(why),
            nvlink_rx_bytes_per_second: Err(why),
        }
    }
}

/// Values of [`COUNTERS`] in bytes.
type Counters = [Reading<u64>; COUNTERS.len()];

/// Last values of the byte counters, and the rates calculated from them.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    before: Option<(Instant, Counters)>,
    rates: Option<Traffic>,
    /// A PCIe counter was above 32 bits once, so it does not wrap there.
    pcie_is_wide: bool,
}

impl Rates {
    /// Adds the byte counters to the next call, if it is time for the next rates.
    pub(crate) fn add_fields(&self, now: Instant, batch: &mut FieldBatch) {
        if self.window_is_over(now) {
            COUNTERS.iter().for_each(|(field, scope, _)| batch.add_scoped(*field, *scope));
        }
    }

    /// Returns the byte counters that the call has read; none if they were not added.
    pub(crate) fn counters(device: &Device<'_>, batch: &FieldBatch) -> Option<Counters> {
        let is_added = batch.get(COUNTERS[0].0).is_some();
        is_added.then(|| {
            COUNTERS.map(|(field, scope, unit)| {
                let value = batch.get_scoped(field, scope).ok_or(Absence::Timeout)?;
                device.field_value::<u64>(value)?.checked_mul(unit).ok_or(Absence::Error)
            })
        })
    }

    fn window_is_over(&self, now: Instant) -> bool {
        self.before.as_ref().is_none_or(|(when, _)| now.duration_since(*when) >= MIN_WINDOW)
    }

    /// Returns the newest rates. `counters` were read at `now`; `pcie_max` is the most that the PCIe link carries, in
    /// bytes per second.
    pub(crate) fn step(
        &mut self,
        now: Instant,
        by_gpm: Option<Traffic>,
        counters: Option<Counters>,
        pcie_max: Reading<u64>,
    ) -> Traffic {
        if let Some(traffic) = by_gpm {
            // Should GPM fail later, old counters must not yield a rate of the present.
            self.before = None;
            self.rates = None;
            return traffic;
        }
        if let Some(counters) = counters.filter(|_| self.window_is_over(now)) {
            self.rates = Some(self.calculate(now, counters, pcie_max));
        }
        // The first counters have nothing to compare with.
        self.rates.clone().unwrap_or(Traffic::absent(Absence::Timeout))
    }

    fn calculate(&mut self, now: Instant, counters: Counters, pcie_max: Reading<u64>) -> Traffic {
        self.pcie_is_wide |= counters[..2].iter().any(|bytes| bytes.is_ok_and(|bytes| bytes > u32::MAX.into()));
        let before = self.before.replace((now, counters));
        let rate = |which: usize, difference: &dyn Fn(u64, u64, Duration) -> Reading<u64>| -> Reading<u64> {
            let bytes = counters[which]?;
            let (when, earlier) = before.as_ref().ok_or(Absence::Timeout)?;
            let window = now.duration_since(*when);
            per_second(difference(earlier[which]?, bytes, window)?, window)
        };
        let wide = |earlier: u64, bytes: u64, _: Duration| bytes.checked_sub(earlier).ok_or(Absence::Error);
        let narrow = |earlier: u64, bytes: u64, window: Duration| wrapped(earlier, bytes, window, pcie_max);
        let pcie: &dyn Fn(u64, u64, Duration) -> Reading<u64> = if self.pcie_is_wide { &wide } else { &narrow };
        Traffic {
            pcie_tx_bytes_per_second: rate(0, pcie),
            pcie_rx_bytes_per_second: rate(1, pcie),
            nvlink_tx_bytes_per_second: rate(2, &wide),
            nvlink_rx_bytes_per_second: rate(3, &wide),
        }
    }
}

/// Returns the difference of a counter of 32 bits that may have wrapped. Not supported if the link could carry more
/// than the counter holds within the window, since the number of wraps is unknown then.
fn wrapped(earlier: u64, bytes: u64, window: Duration, max_per_second: Reading<u64>) -> Reading<u64> {
    const HOLDS: u64 = 1 << 32;
    let max = u128::from(max_per_second?) * window.as_millis() / 1000;
    if max >= u128::from(HOLDS) {
        return Err(Absence::NotSupported);
    }
    Ok(bytes.wrapping_sub(earlier) % HOLDS)
}

fn per_second(bytes: u64, window: Duration) -> Reading<u64> {
    u64::try_from(u128::from(bytes) * 1000 / window.as_millis().max(1)).map_err(|_| Absence::Error)
}

/// Returns the most bytes that a PCIe link carries in a second in one direction: 250 MB per lane in generation 1, and
/// at most twice as much in each later one.
pub(crate) fn pcie_max_bytes_per_second(generation: Reading<u32>, width: Reading<u32>) -> Reading<u64> {
    let doublings = generation?.saturating_sub(1).min(16);
    Ok((250_000_000 << doublings) * u64::from(width?.min(64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_needs_two_increasing_readings() {
        let begun = Instant::now();
        let after = begun + Duration::from_secs(2);
        let mut rates = Rates { pcie_is_wide: true, ..Rates::default() };
        let first =
            rates.calculate(begun, [Ok(1000), Ok(500), Err(Absence::NotSupported), Ok(7)], Err(Absence::Denied));
        assert_eq!(first.pcie_tx_bytes_per_second, Err(Absence::Timeout));
        assert_eq!(first.nvlink_tx_bytes_per_second, Err(Absence::NotSupported));
        let second = rates.calculate(after, [Ok(5000), Ok(400), Err(Absence::Lost), Ok(7)], Err(Absence::Denied));
        assert_eq!(second.pcie_tx_bytes_per_second, Ok(2000));
        assert_eq!(second.pcie_rx_bytes_per_second, Err(Absence::Error), "falling");
        assert_eq!(second.nvlink_tx_bytes_per_second, Err(Absence::Lost));
        assert_eq!(second.nvlink_rx_bytes_per_second, Ok(0));
    }

    #[test]
    fn counter_wrap_accepted_only_on_slow_link() {
        const FULL: u64 = 1 << 32;
        let no = Err(Absence::NotSupported);
        let (slow, fast) = (Ok(4_000_000_000), Ok(16_000_000_000));
        for (name, earlier, later, most, expected) in [
            ("forward", 1000, 5000, slow, Ok(4000)),
            ("around", FULL - 1000, 3000, slow, Ok(4000)),
            ("a link that may have gone around unseen", 1000, 5000, fast, no),
            ("the same, around for all to see", FULL - 1000, 3000, fast, no),
            ("a link of which nothing is known", 1000, 5000, no, no),
            ("a link that was not read", 1000, 5000, Err(Absence::Denied), Err(Absence::Denied)),
            ("64 bits", FULL + 1000, FULL + 5000, fast, Ok(4000)),
            ("64 bits, as is seen only now", 1000, FULL + 5000, fast, Ok(FULL + 4000)),
        ] {
            let begun = Instant::now();
            let mut rates = Rates::default();
            rates.calculate(begun, [Ok(earlier), Ok(0), Ok(0), Ok(0)], most);
            let traffic = rates.calculate(begun + Duration::from_secs(1), [Ok(later), Ok(0), Ok(0), Ok(0)], most);
            assert_eq!(traffic.pcie_tx_bytes_per_second, expected, "{name}");
        }
        // A counter that was wide once stays so, also after a restart.
        let begun = Instant::now();
        let mut rates = Rates::default();
        for (seconds, bytes, expected) in [(0, FULL, Err(Absence::Timeout)), (1, 7, Err(Absence::Error)), (2, 9, Ok(2))]
        {
            let traffic = rates.calculate(begun + Duration::from_secs(seconds), [Ok(bytes), no, no, no], fast);
            assert_eq!(traffic.pcie_tx_bytes_per_second, expected, "after {seconds} s");
        }
    }

    #[test]
    fn counters_replacing_gpm_start_over() {
        let begun = Instant::now();
        let mut rates = Rates::default();
        let mut step = |seconds: u64, by_gpm: Option<Traffic>| {
            let counters = Some([Ok(1000 * seconds), Ok(0), Ok(0), Ok(0)]);
            let now = begun + Duration::from_secs(seconds);
            rates.step(now, by_gpm, counters, Ok(1_000_000)).pcie_tx_bytes_per_second
        };
        let gpm = || Some(Traffic { pcie_tx_bytes_per_second: Ok(7), ..Traffic::absent(Absence::Error) });
        assert_eq!(step(0, None), Err(Absence::Timeout));
        assert_eq!(step(1, None), Ok(1000));
        assert_eq!(step(2, gpm()), Ok(7));
        assert_eq!(step(1000, None), Err(Absence::Timeout), "no mean over the time of GPM");
        assert_eq!(step(1001, None), Ok(1000));
    }

    #[test]
    fn link_rate_limited_by_lanes() {
        assert_eq!(pcie_max_bytes_per_second(Ok(1), Ok(16)), Ok(4_000_000_000));
        assert_eq!(pcie_max_bytes_per_second(Ok(4), Ok(16)), Ok(32_000_000_000));
        assert_eq!(pcie_max_bytes_per_second(Ok(u32::MAX), Ok(u32::MAX)), Ok((250_000_000 << 16) * 64));
        assert_eq!(pcie_max_bytes_per_second(Ok(4), Err(Absence::Timeout)), Err(Absence::Timeout));
    }
}
