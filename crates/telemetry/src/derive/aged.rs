//! Snapshot that has not been replaced in time, as it has to be shown now: the thread that derives snapshots is stuck.

use std::time::Duration;

use crate::{
    Absence, Stamp,
    derive::{expired_after, stale_after},
    readings::Readings,
    snapshot::{Collector, CollectorState, Gpu, GpuState, ListsRead, Snapshot, Usage},
};

/// Shortest age at which a snapshot is out of date: one comes at least every 1.4 s.
const LATE: Duration = Duration::from_secs(5);

impl Snapshot {
    /// This snapshot as of `now`, if it should have been replaced by then: nothing is `ok`, and values expire as in any
    /// other.
    #[must_use]
    pub fn aged(&self, now: Stamp, interval: Duration) -> Option<Self> {
        let age = now.boot.since(self.at.boot);
        if age < LATE.max(stale_after(interval)) {
            return None;
        }
        let mut aged = Self { at: now, ..self.clone() };
        if matches!(self.collector.state, CollectorState::Ok | CollectorState::Restarting) {
            let seconds = age.as_secs();
            aged.collector = Collector {
                state: CollectorState::Stalled,
                since: self.at,
                detail: Some(format!("the agent's supervisor has not reported for {seconds} s: restart the agent")),
                ..self.collector.clone()
            };
        }
        for gpu in &mut aged.gpus {
            age_gpu(gpu, now, interval);
        }
        Some(aged)
    }
}

fn age_gpu(gpu: &mut Gpu, now: Stamp, interval: Duration) {
    gpu.age = now.boot.since(gpu.read_at.boot);
    if gpu.state == GpuState::Ok {
        gpu.state = GpuState::Stale;
    }
    gpu.usage = Usage::unknown(gpu.read_at, Absence::Timeout);
    if gpu.age > expired_after(interval) {
        gpu.readings = Readings::absent(Absence::Timeout);
        gpu.lists = ListsRead::absent(Absence::Timeout);
        gpu.mig = Err(Absence::Timeout);
        gpu.pods = Err(Absence::Timeout);
        gpu.xid.since = Err(Absence::Timeout);
        gpu.processes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BootTime, fixtures};

    #[test]
    fn snapshot_ages_if_it_is_not_replaced() {
        let second = Duration::from_secs(1);
        let fresh = fixtures::snapshot(CollectorState::Ok, vec![fixtures::gpu(0)]);
        let after = |seconds: u64| {
            let boot = BootTime(fresh.at.boot.0 + seconds * 1000);
            fresh.aged(Stamp { boot, ..fresh.at }, second)
        };
        assert_eq!(after(4), None);
        let stale = after(5).unwrap();
        assert_eq!((&stale.collector.state, stale.gpus[0].state), (&CollectorState::Stalled, GpuState::Stale));
        assert_eq!(stale.gpus[0].readings, fresh.gpus[0].readings);
        assert!(stale.collector.detail.unwrap().contains("5 s"));
        let expired = after(61 + fresh.gpus[0].age.as_secs()).unwrap().gpus.swap_remove(0);
        let late = Absence::Timeout;
        assert_eq!((expired.readings, expired.lists), (Readings::absent(late), ListsRead::absent(late)));
        assert_eq!((expired.mig, expired.pods, expired.xid.since), (Err(late), Err(late), Err(late)));
        assert!(expired.processes.is_empty());
    }
}
