//! Device handles. The address itself encodes the GPU, so that a wrong handle is rejected and never dereferenced.

use nvml_wrapper_sys::bindings::{nvmlDevice_st, nvmlDevice_t};

use crate::code::INVALID_ARGUMENT;

const BASE: usize = 0x4e56_0000_0000;
const GPU_SHIFT: u32 = 16;
const MIG_SHIFT: u32 = 4;
const LIMIT: usize = 1 << 12;

/// A GPU, or one of its MIG instances, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) gpu: usize,
    pub(crate) mig: Option<usize>,
}

/// Device handle passed by a caller.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Device(nvmlDevice_t);

impl From<Target> for Device {
    fn from(target: Target) -> Self {
        let mig = target.mig.map_or(0, |mig| mig + 1);
        let address = BASE | target.gpu << GPU_SHIFT | mig << MIG_SHIFT;
        Self(std::ptr::without_provenance_mut::<nvmlDevice_st>(address))
    }
}

impl Device {
    /// Device behind the handle, or "invalid argument" for a handle that this library never returned.
    pub(crate) fn target(self) -> Result<Target, u32> {
        let address = self.0.addr();
        let gpu = address.wrapping_sub(BASE) >> GPU_SHIFT;
        let mig = (address >> MIG_SHIFT) & (LIMIT - 1);
        let target = Target { gpu, mig: mig.checked_sub(1) };
        if gpu < LIMIT && Self::from(target).0 == self.0 { Ok(target) } else { Err(INVALID_ARGUMENT) }
    }

    pub(crate) const fn pointer(self) -> nvmlDevice_t {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_round_trip_and_wild_ones_fail() {
        for target in [Target { gpu: 0, mig: None }, Target { gpu: 7, mig: None }, Target { gpu: 7, mig: Some(6) }] {
            assert_eq!(Device::from(target).target(), Ok(target));
        }
        for wild in [1, BASE - 16, BASE | 3, usize::from_ne_bytes([0xee; 8])] {
            assert_eq!(Device(std::ptr::without_provenance_mut(wild)).target(), Err(INVALID_ARGUMENT), "{wild:x}");
        }
    }
}
