//! The links: NVLink's states and errors, the fabric, and the rates of all links.

use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings::nvmlGpuFabricInfo_t;
use telemetry::{
    Absence, Reading,
    sample::{Fabric, Links, Traffic},
};

use crate::nvml::{
    Device, Gpm,
    field::{ALL_LINKS, Counter},
    library::call,
};

/// Links that are asked about at most (`NVML_NVLINK_MAX_LINKS` is 18).
const MOST_LINKS: u32 = 36;
/// The error counters of a link (`nvmlNvLinkErrorCounter_t`): replay, recovery, CRC of flits and of data, ECC.
const ERROR_COUNTERS: u32 = 5;
/// `NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY`, `_RECOVERY` and `_CRC`, each of one link.
const ERROR_FIELDS_OF_A_LINK: std::ops::RangeInclusive<u32> = 161..=163;
/// `NVML_FI_DEV_NVLINK_COUNT_MALFORMED_PACKET_ERRORS`, `_BUFFER_OVERRUN_ERRORS`, `_RCV_ERRORS`,
/// `_LOCAL_LINK_INTEGRITY_ERRORS`, `_XMIT_DISCARDS` and `_LINK_RECOVERY_EVENTS`: what was lost or had to be mended. Not
/// the bits that the code for errors corrects all the time, which are no trouble.
const ERROR_FIELDS_OF_ALL: [u32; 6] = [206, 207, 208, 211, 212, 215];
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

    /// Errors of all links, in the first way that this GPU has: `nvmlDeviceGetNvLinkErrorCounter` of each link and
    /// kind; fields 161 to 163 of each link; and on Blackwell, which has neither, fields that count for all links
    /// together ([`ERROR_FIELDS_OF_ALL`]). A kind that it does not count counts for nothing; absent if it counts none.
    pub(crate) fn nvlink_errors(&self, links: u32) -> Reading<u64> {
        let links = 0..links.min(MOST_LINKS);
        let counted = self.sum(links.clone(), 0..ERROR_COUNTERS, |link, kind| self.link_error_counter(link, kind));
        let counted = counted.or_else(|why| match why {
            Absence::NotSupported => {
                self.sum(links, ERROR_FIELDS_OF_A_LINK, |link, field| self.errors_by_field(field, link))
            }
            _ => Err(why),
        });
        counted.or_else(|why| match why {
            Absence::NotSupported => {
                self.sum(0..1, ERROR_FIELDS_OF_ALL.into_iter(), |_, field| self.errors_by_field(field, ALL_LINKS))
            }
            _ => Err(why),
        })
    }

    /// Asks by fields although counters answer: for a capture.
    pub(super) fn ask_for_nvlink_errors_otherwise(&self) {
        let Ok(links) = self.links() else { return };
        let _ = self.sum(0..links.total.min(MOST_LINKS), ERROR_FIELDS_OF_A_LINK, |link, field| {
            self.errors_by_field(field, link)
        });
        let _ = self.sum(0..1, ERROR_FIELDS_OF_ALL.into_iter(), |_, field| self.errors_by_field(field, ALL_LINKS));
    }

    /// Adds up every kind of error of every link. A GPU whose first link has no kind counts none in this way.
    fn sum(
        &self,
        links: std::ops::Range<u32>,
        kinds: impl Iterator<Item = u32> + Clone,
        errors: impl Fn(u32, u32) -> Reading<u64>,
    ) -> Reading<u64> {
        let mut sum: Reading<u64> = Err(Absence::NotSupported);
        for link in links {
            for kind in kinds.clone() {
                match errors(link, kind) {
                    Ok(errors) => sum = Ok(sum.unwrap_or(0).saturating_add(errors)),
                    Err(Absence::NotSupported) => {}
                    Err(why) => return Err(why),
                }
            }
            if sum.is_err() {
                break;
            }
        }
        sum
    }

    fn link_error_counter(&self, link: u32, counter: u32) -> Reading<u64> {
        let mut errors = 0;
        let code = call!(
            self.library,
            self.desk,
            nvmlDeviceGetNvLinkErrorCounter(self.handle, link, counter, &raw mut errors)
        );
        self.reading(code)?;
        Ok(errors)
    }

    fn errors_by_field(&self, field: u32, scope: u32) -> Reading<u64> {
        u64::try_from(self.field(field, scope)?).map_err(|_| Absence::Error)
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
