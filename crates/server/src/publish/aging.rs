//! Watch over the age of the newest snapshot. Views show what is published, however old it is, and a supervisor that is
//! stuck publishes nothing: its last snapshot must not look healthy.

use std::{sync::Arc, time::Duration};

use telemetry::{Stamp, snapshot::Snapshot};

use super::{Published, Shared};

/// Replaces a snapshot that is out of date by one that says so.
#[derive(Debug)]
pub struct Aging {
    shared: Arc<Shared>,
    interval: Duration,
    /// The supervisor's last snapshot, once it is out of date.
    last: Option<Arc<Snapshot>>,
}

impl Aging {
    pub(super) const fn new(shared: Arc<Shared>, interval: Duration) -> Self {
        Self { shared, interval, last: None }
    }

    /// Checks the age of the newest snapshot; to be called every few seconds. Its replacement has the same number and
    /// wakes no receiver: for the stream and the service manager's watchdog it is not news.
    pub fn check(&mut self, now: Stamp) {
        let newest = Arc::clone(&self.shared.newest.borrow());
        let sequence = newest.snapshot.sequence;
        let last = self.last.take().filter(|last| last.sequence == sequence);
        let last = last.unwrap_or_else(|| Arc::clone(&newest.snapshot));
        let Some(aged) = last.aged(now, self.interval) else { return };
        self.last = Some(last);
        let aged = Arc::new(Published::render(aged, &self.shared.kept, Some(&newest)));
        self.shared.newest.send_if_modified(|current| {
            if current.snapshot.sequence == sequence {
                *current = aged;
            }
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use telemetry::{
        BootTime,
        snapshot::{CollectorState, GpuState},
    };

    use super::*;
    use crate::{Publisher, host};

    #[test]
    fn snapshot_of_stuck_supervisor_is_not_ready() {
        let publisher = Publisher::new(Stamp::default());
        let mut aging = publisher.aging(Duration::from_secs(1));
        let fresh = host::snapshot(CollectorState::Ok, vec![host::gpu(0)]);
        let at = |seconds: u64| Stamp { boot: BootTime(fresh.at.boot.0 + seconds * 1000), ..fresh.at };
        publisher.publish(fresh.clone());
        let mut newest = publisher.subscribe();
        newest.mark_unchanged();
        let mut seen = |now| {
            aging.check(at(now));
            let newest = newest.borrow();
            let gpu = &newest.snapshot.gpus[0];
            (newest.readiness.is_ready(), gpu.state, gpu.readings.temperature.gpu_celsius.is_ok())
        };
        assert_eq!(seen(1), (true, GpuState::Ok, true));
        assert_eq!(seen(6), (false, GpuState::Stale, true));
        assert_eq!(seen(120), (false, GpuState::Stale, false));
        assert!(!newest.has_changed().unwrap(), "it is no news");
        let collector = publisher.subscribe().borrow().snapshot.collector.clone();
        assert_eq!(collector.since, fresh.at, "as long as it is stuck");
        assert!(collector.detail.is_some_and(|detail| detail.contains("for 120 s")));
        publisher.publish(telemetry::snapshot::Snapshot { sequence: fresh.sequence + 1, at: at(121), ..fresh.clone() });
        aging.check(at(122));
        assert!(publisher.subscribe().borrow().readiness.is_ready());
    }
}
