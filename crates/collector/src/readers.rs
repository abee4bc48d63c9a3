//! Bookkeeping of the started GPU readers, and of those that wait because the library crashed in calls for their GPU.

use std::{collections::BTreeSet, time::Instant};

use crate::settings::ExcludedGpu;

/// Started readers, and GPUs that are left out for a time.
pub(crate) struct GpuReaders {
    started: BTreeSet<u32>,
    left_out: Vec<(u32, Instant)>,
}

impl GpuReaders {
    /// Starts none; excluded GPUs wait for their time.
    pub(crate) fn new(excluded: &[ExcludedGpu]) -> Self {
        let now = Instant::now();
        let waits = excluded.iter().map(|out| (out.gpu, now.checked_add(out.retry_after).unwrap_or(now)));
        Self { started: BTreeSet::new(), left_out: waits.collect() }
    }

    /// Returns the GPUs whose readers are to be started now; each is returned once.
    pub(crate) fn due(&mut self, counted: usize, now: Instant) -> Vec<u32> {
        let counted = u32::try_from(counted).unwrap_or(u32::MAX);
        let waits = |gpu: u32| self.left_out.iter().any(|&(out, until)| out == gpu && now < until);
        let due: Vec<u32> = (0..counted).filter(|gpu| !self.started.contains(gpu) && !waits(*gpu)).collect();
        self.started.extend(&due);
        due
    }

    /// Returns whether a GPU's reader has not been started.
    pub(crate) fn waits(&self, gpu: u32) -> bool {
        !self.started.contains(&gpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn readers_start_once_and_left_out_ones_after_their_time() {
        let mut readers = GpuReaders::new(&[ExcludedGpu { gpu: 1, retry_after: Duration::from_secs(60) }]);
        let now = Instant::now();
        assert_eq!(readers.due(3, now), [0, 2]);
        assert!(readers.waits(1) && !readers.waits(0));
        assert_eq!(readers.due(4, now), [3]);
        assert_eq!(readers.due(4, now + Duration::from_secs(61)), [1]);
        assert!(readers.due(4, now + Duration::from_secs(62)).is_empty());
    }
}
