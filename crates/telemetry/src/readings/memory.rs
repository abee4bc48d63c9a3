//! A GPU's memory, whose parts must fit the total.

use serde::{Deserialize, Serialize};

use crate::{Absence, Reading, readings::MemoryReadings};

/// Parts may exceed the total by one in so many, as some drivers round each to MiB.
const SLACK: u64 = 64;

/// A GPU's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// All of it.
    pub total_bytes: u64,
    /// In use; without what is reserved where `reserved_bytes` is known, else with it.
    pub used_bytes: Reading<u64>,
    /// Free for allocation.
    pub free_bytes: Reading<u64>,
    /// Reserved by driver and firmware: `nvmlDeviceGetMemoryInfo_v2` only.
    pub reserved_bytes: Reading<u64>,
    /// It is the host's memory, which the GPU shares (`/proc/meminfo`: MemTotal, MemAvailable).
    pub unified: bool,
}

impl MemoryReadings {
    /// The parts as one value: absent as the total is.
    ///
    /// # Errors
    /// The reason why the total is absent.
    pub fn whole(&self) -> Reading<Memory> {
        Ok(Memory {
            total_bytes: self.total_bytes?,
            used_bytes: self.used_bytes,
            free_bytes: self.free_bytes,
            reserved_bytes: self.reserved_bytes,
            unified: self.unified.unwrap_or_default(),
        })
    }

    /// Takes the parts from one answer.
    pub fn set_whole(&mut self, memory: Reading<Memory>) {
        self.total_bytes = memory.map(|memory| memory.total_bytes);
        self.used_bytes = memory.and_then(|memory| memory.used_bytes);
        self.free_bytes = memory.and_then(|memory| memory.free_bytes);
        self.reserved_bytes = memory.and_then(|memory| memory.reserved_bytes);
        self.unified = memory.map(|memory| memory.unified);
    }

    /// Makes implausible parts of the memory and of BAR1 absent.
    pub(super) fn reject_parts(&mut self) {
        if let Ok(whole) = self.whole() {
            self.set_whole(Ok(whole.with_plausible_parts()));
        }
        if let (Ok(used), Ok(total)) = (self.bar1_used_bytes, self.bar1_total_bytes)
            && used > total
        {
            self.bar1_used_bytes = Err(Absence::Error);
        }
    }
}

impl Memory {
    /// The same without parts that are larger than the total, or together more than it. Free memory is what the driver
    /// has left after subtracting the others, so it is not known without them.
    #[must_use]
    pub fn with_plausible_parts(mut self) -> Self {
        let total = self.total_bytes;
        let fits =
            |part: Reading<u64>| part.and_then(|part| if part <= total { Ok(part) } else { Err(Absence::Error) });
        let parts = [self.used_bytes, self.reserved_bytes, self.free_bytes];
        let [used, reserved, free] = parts.map(fits);
        // Without the reserved memory, which some drivers count as used as well.
        let sum = used.unwrap_or(0).saturating_add(free.unwrap_or(0));
        let adds_up = sum <= total.saturating_add(total / SLACK);
        let garbled = [used, reserved].contains(&Err(Absence::Error)) || !adds_up;
        (self.used_bytes, self.reserved_bytes) = (used, reserved);
        self.free_bytes = if garbled && free.is_ok() { Err(Absence::Error) } else { free };
        self
    }
}
