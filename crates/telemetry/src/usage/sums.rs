//! Sums over time.

use std::ops::AddAssign;

/// Sums of one occupant of one device. Times are in microseconds of GPU time: interval times weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Time, split equally among the holders present.
    pub gpu_us: u64,
    /// Time, not split.
    pub present_us: u64,
    /// Part of `gpu_us` in which the GPU worked, by SM activity, else utilization; none where neither is known.
    pub busy_us: Option<u64>,
    /// Part of `gpu_us` in which the GPU's work share was below the idle threshold of `use`; none where that is not known.
    pub idle_us: Option<u64>,
    /// Time for which a scheduler had the device allocated to the job or pod; none without a scheduler.
    pub allocated_us: Option<u64>,
    /// Memory of the holder's processes times time, in bytes times seconds.
    pub memory_byte_seconds: f64,
    /// Largest memory of the holder's processes at one sample, in bytes.
    pub peak_memory_bytes: u64,
    /// Board energy, split like `gpu_us`, in millijoules.
    pub energy_mj: u64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.gpu_us += other.gpu_us;
        self.present_us += other.present_us;
        self.busy_us = known(self.busy_us, other.busy_us);
        self.idle_us = known(self.idle_us, other.idle_us);
        self.allocated_us = known(self.allocated_us, other.allocated_us);
        self.memory_byte_seconds += other.memory_byte_seconds;
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
        self.energy_mj += other.energy_mj;
    }
}

/// Sum of what is known.
fn known(one: Option<u64>, two: Option<u64>) -> Option<u64> {
    match (one, two) {
        (None, None) => None,
        (one, two) => Some(one.unwrap_or(0) + two.unwrap_or(0)),
    }
}
