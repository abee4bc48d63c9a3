//! Totals of a GPU's readings.

use std::time::Duration;

use crate::{Absence, Reading, readings::words::EVENT_REASONS};

/// Totals of a GPU's readings since the agent started. None ever goes back; each is absent until what it is
/// made of was first read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// For how long it was read at all.
    pub read: Reading<Duration>,
    /// For how long its utilization was read: what `busy` is a part of.
    pub utilization_read: Reading<Duration>,
    /// Time for which GPM reported activity: the whole of which its parts' times are parts.
    pub activity_read: Reading<Duration>,
    /// For how long a kernel ran, by `nvmlDeviceGetUtilizationRates`.
    pub busy: Reading<Duration>,
    /// For how long its SMs had work, by GPM metric 2: half of them for two seconds are one second.
    pub sm_active: Reading<Duration>,
    /// For how long its tensor pipes worked, by GPM metric 5.
    pub tensor_active: Reading<Duration>,
    /// For how long its memory's bandwidth was used, by GPM metric 10.
    pub dram_active: Reading<Duration>,
    /// Energy by `nvmlDeviceGetPowerUsage`, in microjoules: for GPUs that do not count it themselves.
    pub drawn_uj: Reading<u64>,
    /// Source of the energy for as long as the agent runs: true for the driver's counter, false for `drawn_uj`; none
    /// before either was read. A counter that changed its source would jump.
    pub energy_is_counted: Option<bool>,
    /// Number of times that each reason which holds the clocks down began, by [`EVENT_REASONS`]. One that held them down at the first
    /// reading does not count, and one that began and ended between two readings is not seen.
    pub clock_events: [u64; EVENT_REASONS.len()],
}

impl Totals {
    /// Nothing was read yet, for one reason.
    #[must_use]
    pub const fn absent(why: Absence) -> Self {
        Self {
            read: Err(why),
            utilization_read: Err(why),
            activity_read: Err(why),
            busy: Err(why),
            sm_active: Err(why),
            tensor_active: Err(why),
            dram_active: Err(why),
            drawn_uj: Err(why),
            energy_is_counted: None,
            clock_events: [0; EVENT_REASONS.len()],
        }
    }
}
