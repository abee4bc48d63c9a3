//! Which lanes are started, and which wait since the library died in calls for their GPU.

use std::{collections::BTreeSet, time::Instant};

use crate::settings::LeftOut;

/// Which lanes are started, and which wait.
pub(crate) struct Lanes {
    started: BTreeSet<u32>,
    left_out: Vec<(u32, Instant)>,
}

impl Lanes {
    /// None is started, and those left out wait for their time.
    pub(crate) fn new(left_out: &[LeftOut]) -> Self {
        let now = Instant::now();
        let waits = left_out.iter().map(|out| (out.gpu, now.checked_add(out.wait).unwrap_or(now)));
        Self { started: BTreeSet::new(), left_out: waits.collect() }
    }

    /// The GPUs of those counted whose lanes are to be started now.
    pub(crate) fn due(&mut self, counted: usize, now: Instant) -> Vec<u32> {
        let counted = u32::try_from(counted).unwrap_or(u32::MAX);
        let waits = |gpu: u32| self.left_out.iter().any(|&(out, until)| out == gpu && now < until);
        let due: Vec<u32> = (0..counted).filter(|gpu| !self.started.contains(gpu) && !waits(*gpu)).collect();
        self.started.extend(&due);
        due
    }

    /// Whether a GPU's lane is left out.
    pub(crate) fn waits(&self, gpu: u32) -> bool {
        !self.started.contains(&gpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_lane_is_started_once_and_one_left_out_in_its_time() {
        let mut lanes = Lanes::new(&[LeftOut { gpu: 1, wait: Duration::from_secs(60) }]);
        let now = Instant::now();
        assert_eq!(lanes.due(3, now), [0, 2]);
        assert!(lanes.waits(1) && !lanes.waits(0));
        assert_eq!(lanes.due(4, now), [3]);
        assert_eq!(lanes.due(4, now + Duration::from_secs(61)), [1]);
        assert!(lanes.due(4, now + Duration::from_secs(62)).is_empty());
    }
}
