//! Generated UUIDs, and PCI addresses.

use std::fmt;

use crate::value::scramble;

/// UUID that depends only on the seed and on the indices of GPU and MIG instance.
pub(super) fn uuid(seed: u64, gpu: u32, mig: u32) -> String {
    let high = scramble(seed ^ (u64::from(gpu) << 32 | u64::from(mig)));
    let low = scramble(high);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        (high & 0x0fff) | 0x4000,
        ((low >> 48) & 0x3fff) | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// PCI address as NVML formats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PciAddress {
    pub(crate) domain: u32,
    pub(crate) bus: u32,
    pub(crate) device: u32,
}

impl PciAddress {
    /// Parses `00000000:18:00.0`, with a domain of any length or none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = |part: &str| u32::from_str_radix(part, 16).ok();
        let (rest, device) = text.rsplit_once(':')?;
        let (domain, bus) = rest.split_once(':').unwrap_or(("0", rest));
        let device = device.split_once('.').map_or(device, |(device, _)| device);
        Some(Self { domain: hex(domain)?, bus: hex(bus)?, device: hex(device)? })
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08X}:{:02X}:{:02X}.0", self.domain, self.bus, self.device)
    }
}
