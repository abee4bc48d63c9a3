//! The links: NVLink's states and errors, the fabric, and the rates of all links.

use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings::nvmlGpuFabricInfo_t;
use telemetry::{
    Absence, Reading,
    sample::{Fabric, Links, Traffic},
};

use crate::nvml::{Code, Device, Gpm, field::Counter, library::call};

/// Links that are asked about at most (`NVML_NVLINK_MAX_LINKS` is 18).
const MOST_LINKS: u32 = 36;
/// The error counters of a link (`nvmlNvLinkErrorCounter_t`): replay, recovery, CRC of flits and of data, ECC.
const ERROR_COUNTERS: u32 = 5;
/// The shortest time over which a rate is told.
const SHORTEST_WINDOW: Duration = Duration::from_millis(900);

/// Byte counters as they were, to tell rates from. PCIe's wrap at 32 bits on some GPUs: a counter that went back
/// gives no rate.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    before: Option<(Instant, [Reading<u64>; 4])>,
    rates: Option<Traffic>,
}

impl Rates {
    /// The rates since the reading before, from GPM where the GPU has it, else from counters.
    pub(crate) fn read(&mut self, device: &Device<'_>, gpm: &Gpm) -> Traffic {
        if let Some(traffic) = gpm.traffic() {
            return traffic;
        }
        let now = Instant::now();
        let due = self.before.as_ref().is_none_or(|(when, _)| now.duration_since(*when) >= SHORTEST_WINDOW);
        if due {
            let counters = [Counter::PcieTx, Counter::PcieRx, Counter::NvlinkTx, Counter::NvlinkRx]
                .map(|counter| device.bytes(counter));
            self.rates = Some(traffic(self.before.as_ref(), now, counters));
            self.before = Some((now, counters));
        }
        // The first reading has nothing to compare with.
        self.rates.clone().unwrap_or(Traffic::absent(Absence::Timeout))
    }
}

fn traffic(before: Option<&(Instant, [Reading<u64>; 4])>, now: Instant, counters: [Reading<u64>; 4]) -> Traffic {
    let rate = |which: usize| -> Reading<u64> {
        let bytes = counters[which]?;
        let (when, earlier) = before.ok_or(Absence::Timeout)?;
        let moved = bytes.checked_sub(earlier[which]?).ok_or(Absence::Error)?;
        let milliseconds = now.duration_since(*when).as_millis().max(1);
        u64::try_from(u128::from(moved) * 1000 / milliseconds).map_err(|_| Absence::Error)
    };
    Traffic {
        pcie_tx_bytes_per_second: rate(0),
        pcie_rx_bytes_per_second: rate(1),
        nvlink_tx_bytes_per_second: rate(2),
        nvlink_rx_bytes_per_second: rate(3),
    }
}

impl Device<'_> {
    /// `nvmlDeviceGetNvLinkState` of each link, up to the first that there is not.
    pub(crate) fn links(&self) -> Reading<Links> {
        let mut links = Links { active: 0, total: 0 };
        for link in 0..MOST_LINKS {
            let mut active = 0;
            match call!(self.library, self.desk, nvmlDeviceGetNvLinkState(self.handle, link, &raw mut active)) {
                Ok(()) => {
                    links.total += 1;
                    links.active += u32::from(active != 0);
                }
                Err(code) if link == 0 => return self.reading(Err(code)).map(|()| links),
                // Past the last link.
                Err(_) => break,
            }
        }
        Ok(links)
    }

    /// `nvmlDeviceGetNvLinkErrorCounter`: all counters of all links that are there, added up. A counter that this GPU
    /// does not have counts for nothing; absent if it has none.
    pub(crate) fn nvlink_errors(&self, links: u32) -> Reading<u64> {
        let mut sum: Reading<u64> = Err(Absence::NotSupported);
        for link in 0..links.min(MOST_LINKS) {
            for counter in 0..ERROR_COUNTERS {
                let mut errors = 0;
                let code = call!(
                    self.library,
                    self.desk,
                    nvmlDeviceGetNvLinkErrorCounter(self.handle, link, counter, &raw mut errors)
                );
                match self.seen(code) {
                    Ok(()) => sum = Ok(sum.unwrap_or(0).saturating_add(errors)),
                    Err(Code::NOT_SUPPORTED) => {}
                    Err(code) => return Err(code.absence()),
                }
            }
        }
        sum
    }

    /// `nvmlDeviceGetGpuFabricInfo`. A GPU that knows of no fabric has none.
    pub(crate) fn fabric(&self) -> Reading<Fabric> {
        // SAFETY: plain numbers and an array of bytes, for which all zeroes are a value.
        let mut info: nvmlGpuFabricInfo_t = unsafe { std::mem::zeroed() };
        self.reading(call!(self.library, self.desk, nvmlDeviceGetGpuFabricInfo(self.handle, &raw mut info)))?;
        let state = u32::from(info.state);
        if state == 0 {
            return Err(Absence::NotSupported);
        }
        Ok(Fabric { state, status: info.status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_needs_two_readings_of_a_counter_that_went_forward() {
        let begun = Instant::now();
        let after = begun + Duration::from_secs(2);
        let counters = [Ok(1000), Ok(500), Err(Absence::NotSupported), Ok(7)];
        let first = traffic(None, begun, counters);
        assert_eq!(first.pcie_tx_bytes_per_second, Err(Absence::Timeout));
        assert_eq!(first.nvlink_tx_bytes_per_second, Err(Absence::NotSupported));
        let later = [Ok(5000), Ok(400), Err(Absence::Lost), Ok(7)];
        let second = traffic(Some(&(begun, counters)), after, later);
        assert_eq!(second.pcie_tx_bytes_per_second, Ok(2000));
        assert_eq!(second.pcie_rx_bytes_per_second, Err(Absence::Error), "it went back");
        assert_eq!(second.nvlink_tx_bytes_per_second, Err(Absence::Lost));
        assert_eq!(second.nvlink_rx_bytes_per_second, Ok(0));
    }
}
