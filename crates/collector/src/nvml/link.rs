//! The links: NVLink's states and errors, the fabric, and the rates of all links.

use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings::nvmlGpuFabricInfo_t;
use telemetry::{Absence, Reading, readings::Fabric};

use crate::nvml::{
    Code, Device, Gpm,
    field::{ALL_LINKS, Counter},
    library::call,
};

/// Links that are asked about at most (`NVML_NVLINK_MAX_LINKS` is 18).
const MAX_LINKS: u32 = 36;
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

/// `nvmlGpuFabricState_t`: there is no fabric.
const FABRIC_NOT_SUPPORTED: u32 = 0;
/// `nvmlGpuFabricState_t`: only then does the status mean anything.
const FABRIC_COMPLETED: u32 = 3;

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

/// Byte counters as they were, to calculate rates from.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    before: Option<(Instant, Counters)>,
    rates: Option<Traffic>,
    /// A PCIe counter was seen above 32 bits, so that it has 64 of them.
    pcie_is_wide: bool,
}

/// Bytes that were sent and received over PCIe, and over NVLink.
type Counters = [Reading<u64>; 4];

impl Rates {
    /// The rates since the reading before, from GPM where the GPU has it, else from counters. `pcie_most` is what its
    /// PCIe link can carry in a second.
    pub(crate) fn read(&mut self, device: &Device<'_>, gpm: &Gpm, pcie_most: Reading<u64>) -> Traffic {
        let counters = || {
            [Counter::PcieTx, Counter::PcieRx, Counter::NvlinkTx, Counter::NvlinkRx]
                .map(|counter| device.bytes(counter))
        };
        self.step(Instant::now(), gpm.traffic(), counters, pcie_most)
    }

    fn step(
        &mut self,
        now: Instant,
        by_gpm: Option<Traffic>,
        counters: impl FnOnce() -> Counters,
        pcie_most: Reading<u64>,
    ) -> Traffic {
        if let Some(traffic) = by_gpm {
            // Should GPM fail once, what the counters said long ago must not become a rate of the present.
            self.before = None;
            self.rates = None;
            return traffic;
        }
        if self.before.as_ref().is_none_or(|(when, _)| now.duration_since(*when) >= SHORTEST_WINDOW) {
            self.rates = Some(self.tell(now, counters(), pcie_most));
        }
        // The first reading has nothing to compare with.
        self.rates.clone().unwrap_or(Traffic::absent(Absence::Timeout))
    }

    fn tell(&mut self, now: Instant, counters: Counters, pcie_most: Reading<u64>) -> Traffic {
        self.pcie_is_wide |= counters[..2].iter().any(|bytes| bytes.is_ok_and(|bytes| bytes > u32::MAX.into()));
        let before = self.before.replace((now, counters));
        let moved = |which: usize, between: &dyn Fn(u64, u64, Duration) -> Reading<u64>| -> Reading<u64> {
            let bytes = counters[which]?;
            let (when, earlier) = before.as_ref().ok_or(Absence::Timeout)?;
            let window = now.duration_since(*when);
            per_second(between(earlier[which]?, bytes, window)?, window)
        };
        let wide = |earlier: u64, bytes: u64, _: Duration| bytes.checked_sub(earlier).ok_or(Absence::Error);
        let narrow = |earlier: u64, bytes: u64, window: Duration| around(earlier, bytes, window, pcie_most);
        let pcie: &dyn Fn(u64, u64, Duration) -> Reading<u64> = if self.pcie_is_wide { &wide } else { &narrow };
        Traffic {
            pcie_tx_bytes_per_second: moved(0, pcie),
            pcie_rx_bytes_per_second: moved(1, pcie),
            nvlink_tx_bytes_per_second: moved(2, &wide),
            nvlink_rx_bytes_per_second: moved(3, &wide),
        }
    }
}

/// What a counter of 32 bits counted. It can be told only if the link cannot carry as much as the counter holds in that
/// time: else nobody knows how often it came around.
fn around(earlier: u64, bytes: u64, window: Duration, most_per_second: Reading<u64>) -> Reading<u64> {
    const HOLDS: u64 = 1 << 32;
    let most = u128::from(most_per_second?) * window.as_millis() / 1000;
    if most >= u128::from(HOLDS) {
        return Err(Absence::NotSupported);
    }
    Ok(bytes.wrapping_sub(earlier) % HOLDS)
}

fn per_second(bytes: u64, window: Duration) -> Reading<u64> {
    u64::try_from(u128::from(bytes) * 1000 / window.as_millis().max(1)).map_err(|_| Absence::Error)
}

/// The most bytes that a PCIe link carries in a second, one way: 250 MB a reader in the first generation, and at most twice
/// as much in each one after it.
pub(crate) fn pcie_most(generation: Reading<u32>, width: Reading<u32>) -> Reading<u64> {
    let doublings = generation?.saturating_sub(1).min(16);
    Ok((250_000_000 << doublings) * u64::from(width?.min(64)))
}

/// The links there are, by NVML's number, and whether each is up.
pub(crate) struct LinkStates(Vec<(u32, bool)>);

impl LinkStates {
    /// Number of links that are up.
    pub(crate) fn active(&self) -> u32 {
        u32::try_from(self.0.iter().filter(|(_, up)| *up).count()).unwrap_or(u32::MAX)
    }

    /// Number of links.
    pub(crate) fn total(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

/// Asks for the state of each link, until there is none of that number. A link that this board does not have is left out;
/// where one cannot be read, nobody knows how many are up.
fn states(state: impl Fn(u32) -> Result<bool, Code>) -> Reading<LinkStates> {
    let mut links = Vec::new();
    for link in 0..MAX_LINKS {
        match state(link) {
            Ok(up) => links.push((link, up)),
            Err(Code::INVALID_ARGUMENT | Code::FUNCTION_NOT_FOUND) => break,
            Err(code) if code.absence() == Absence::NotSupported => {}
            Err(code) => return Err(code.absence()),
        }
    }
    if links.is_empty() { Err(Absence::NotSupported) } else { Ok(LinkStates(links)) }
}

impl Device<'_> {
    /// `nvmlDeviceGetNvLinkState` of each link.
    pub(crate) fn link_states(&self) -> Reading<LinkStates> {
        let state = |link| {
            let mut active = 0;
            let code = call!(self.library, self.slot, nvmlDeviceGetNvLinkState(self.handle, link, &raw mut active));
            self.seen(code).map(|()| active != 0)
        };
        states(state)
    }

    /// Errors of all links, in the first way that this GPU has: `nvmlDeviceGetNvLinkErrorCounter` of each link and
    /// kind; fields 161 to 163 of each link; and on Blackwell, which has neither, fields that count for all links
    /// together ([`ERROR_FIELDS_OF_ALL`]). A kind that it does not count counts for nothing; absent if it counts none.
    pub(crate) fn nvlink_errors(&self, links: &LinkStates) -> Reading<u64> {
        let links = links.0.iter().map(|(link, _)| *link);
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
        let Ok(links) = self.link_states() else { return };
        let links = links.0.iter().map(|(link, _)| *link);
        let _ = self.sum(links, ERROR_FIELDS_OF_A_LINK, |link, field| self.errors_by_field(field, link));
        let _ = self.sum(0..1, ERROR_FIELDS_OF_ALL.into_iter(), |_, field| self.errors_by_field(field, ALL_LINKS));
    }

    /// Adds up every kind of error of every link. A GPU whose first link has no kind counts none in this way.
    fn sum(
        &self,
        links: impl Iterator<Item = u32>,
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
            self.slot,
            nvmlDeviceGetNvLinkErrorCounter(self.handle, link, counter, &raw mut errors)
        );
        match self.seen(code) {
            Ok(()) => Ok(errors),
            // A kind that it does not know.
            Err(Code::INVALID_ARGUMENT) => Err(Absence::NotSupported),
            Err(code) => Err(code.absence()),
        }
    }

    fn errors_by_field(&self, field: u32, scope: u32) -> Reading<u64> {
        u64::try_from(self.field(field, scope)?).map_err(|_| Absence::Error)
    }

    /// `nvmlDeviceGetGpuFabricInfo`. A GPU without a fabric reports state 0.
    pub(crate) fn fabric(&self) -> Fabric {
        // SAFETY: plain numbers and an array of bytes, for which all zeroes are a value.
        let mut info: nvmlGpuFabricInfo_t = unsafe { std::mem::zeroed() };
        let code = call!(self.library, self.slot, nvmlDeviceGetGpuFabricInfo(self.handle, &raw mut info));
        match (self.reading(code), u32::from(info.state)) {
            (Err(why), _) => Fabric::absent(why),
            (Ok(()), FABRIC_NOT_SUPPORTED) => Fabric::absent(Absence::NotSupported),
            (Ok(()), state) if state < FABRIC_COMPLETED => Fabric { state: Ok(state), status: Err(Absence::Timeout) },
            (Ok(()), state) => Fabric { state: Ok(state), status: Ok(info.status) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_needs_two_increasing_readings() {
        let begun = Instant::now();
        let after = begun + Duration::from_secs(2);
        let mut rates = Rates { pcie_is_wide: true, ..Rates::default() };
        let first = rates.tell(begun, [Ok(1000), Ok(500), Err(Absence::NotSupported), Ok(7)], Err(Absence::Denied));
        assert_eq!(first.pcie_tx_bytes_per_second, Err(Absence::Timeout));
        assert_eq!(first.nvlink_tx_bytes_per_second, Err(Absence::NotSupported));
        let second = rates.tell(after, [Ok(5000), Ok(400), Err(Absence::Lost), Ok(7)], Err(Absence::Denied));
        assert_eq!(second.pcie_tx_bytes_per_second, Ok(2000));
        assert_eq!(second.pcie_rx_bytes_per_second, Err(Absence::Error), "it went back");
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
            rates.tell(begun, [Ok(earlier), Ok(0), Ok(0), Ok(0)], most);
            let told = rates.tell(begun + Duration::from_secs(1), [Ok(later), Ok(0), Ok(0), Ok(0)], most);
            assert_eq!(told.pcie_tx_bytes_per_second, expected, "{name}");
        }
        // Once seen to be wide it stays so, also when it begins anew.
        let begun = Instant::now();
        let mut rates = Rates::default();
        for (seconds, bytes, expected) in [(0, FULL, Err(Absence::Timeout)), (1, 7, Err(Absence::Error)), (2, 9, Ok(2))]
        {
            let told = rates.tell(begun + Duration::from_secs(seconds), [Ok(bytes), no, no, no], fast);
            assert_eq!(told.pcie_tx_bytes_per_second, expected, "after {seconds} s");
        }
    }

    #[test]
    fn links_counted_up_to_last() {
        let (up, down) = (Ok(true), Ok(false));
        let no = |code| Err(Code(code));
        for (name, told, expected) in [
            ("three, one of them down", vec![up, down, up, no(2)], Ok((2, 3))),
            ("with one that the board does not have", vec![up, no(3), up, no(2)], Ok((2, 2))),
            ("the first of which it does not have", vec![no(3), up, no(2)], Ok((1, 1))),
            ("one that is not told", vec![up, no(999), up, no(2)], Err(Absence::Error)),
            ("lost on the way", vec![up, up, no(15)], Err(Absence::Lost)),
            ("none", vec![no(2)], Err(Absence::NotSupported)),
            ("no NVLink at all", vec![], Err(Absence::NotSupported)),
            ("an old library", vec![no(13)], Err(Absence::NotSupported)),
            ("not allowed", vec![no(4)], Err(Absence::Denied)),
        ] {
            let state = |link: u32| told.get(link as usize).copied().unwrap_or(Err(Code::NOT_SUPPORTED));
            let found = states(state).map(|links| (links.active(), links.total()));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn counters_replacing_gpm_start_over() {
        let begun = Instant::now();
        let mut rates = Rates::default();
        let mut step = |seconds: u64, by_gpm: Option<Traffic>| {
            let counters = || [Ok(1000 * seconds), Ok(0), Ok(0), Ok(0)];
            let now = begun + Duration::from_secs(seconds);
            rates.step(now, by_gpm, counters, Ok(1_000_000)).pcie_tx_bytes_per_second
        };
        let gpm = || Some(Traffic { pcie_tx_bytes_per_second: Ok(7), ..Traffic::absent(Absence::Error) });
        assert_eq!(step(0, None), Err(Absence::Timeout));
        assert_eq!(step(1, None), Ok(1000));
        assert_eq!(step(2, gpm()), Ok(7));
        assert_eq!(step(1000, None), Err(Absence::Timeout), "no mean over the time that GPM told");
        assert_eq!(step(1001, None), Ok(1000));
    }

    #[test]
    fn link_rate_limited_by_lanes() {
        assert_eq!(pcie_most(Ok(1), Ok(16)), Ok(4_000_000_000));
        assert_eq!(pcie_most(Ok(4), Ok(16)), Ok(32_000_000_000));
        assert_eq!(pcie_most(Ok(u32::MAX), Ok(u32::MAX)), Ok((250_000_000 << 16) * 64));
        assert_eq!(pcie_most(Ok(4), Err(Absence::Timeout)), Err(Absence::Timeout));
    }
}
