//! Viewers of the fleet, for whom agents that have to be polled are polled more often: open streams, and for a minute a
//! client that asked for a whole answer.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use telemetry::BootTime;
use tokio::{
    sync::{Notify, watch},
    time::{Duration, MissedTickBehavior, interval},
};

/// Time for which a request counts as a viewer.
const KEPT: Duration = Duration::from_secs(60);
/// Period in which the end of that time is noticed.
const PERIOD: Duration = Duration::from_secs(1);

/// Viewers. Copies are one.
#[derive(Clone, Debug, Default)]
pub struct Viewers(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    streams: watch::Sender<usize>,
    /// Time of the newest request by the boot clock, in milliseconds; 0 for none.
    asked: AtomicU64,
    /// Wakes who follows at the first request after a quiet time.
    first: Notify,
}

impl Viewers {
    /// Counts a stream that begins.
    pub(crate) fn open(&self) {
        self.0.streams.send_modify(|streams| *streams += 1);
    }

    /// Counts a stream that ends.
    pub(crate) fn close(&self) {
        self.0.streams.send_modify(|streams| *streams = streams.saturating_sub(1));
    }

    /// Number of open streams.
    pub(crate) fn streams(&self) -> usize {
        *self.0.streams.borrow()
    }

    /// Notes a request at this time. Only the first after a quiet time wakes anything: what was polled seldom is then polled at
    /// once.
    pub(crate) fn ask(&self, now: BootTime) {
        let asked = self.0.asked.swap(now.0.max(1), Ordering::Relaxed);
        if !counts(asked, now) {
            self.0.first.notify_one();
        }
    }

    /// True if a request counts at this time.
    pub(crate) fn has_asked(&self, now: BootTime) -> bool {
        counts(self.0.asked.load(Ordering::Relaxed), now)
    }

    /// Sends the number of viewers when it changes, until nobody receives it.
    pub(crate) async fn follow(self, to: watch::Sender<usize>) {
        self.follow_by(to, BootTime::now).await;
    }

    async fn follow_by(self, to: watch::Sender<usize>, clock: impl Fn() -> BootTime) {
        let mut streams = self.0.streams.subscribe();
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let viewers = *streams.borrow_and_update() + usize::from(self.has_asked(clock()));
            to.send_if_modified(|sent| std::mem::replace(sent, viewers) != viewers);
            tokio::select! {
                () = to.closed() => return,
                changed = streams.changed() => if changed.is_err() { return },
                () = self.0.first.notified() => {}
                _ = ticks.tick() => {}
            }
        }
    }
}

/// True if a request of that time counts; 0 is none.
fn counts(asked: u64, now: BootTime) -> bool {
    asked != 0 && now.since(BootTime(asked)) < KEPT
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn request_counts_for_a_minute_and_stream_while_it_is_open() {
        let begin = Instant::now();
        let clock = move || BootTime(5000 + u64::try_from(begin.elapsed().as_millis()).unwrap());
        let viewers = Viewers::default();
        let (to, mut watched) = watch::channel(0);
        let following = tokio::spawn(viewers.clone().follow_by(to, clock));
        assert!(timeout(KEPT, watched.changed()).await.is_err(), "nobody looks");
        for _ in 0..2 {
            viewers.ask(clock());
            let asked = Instant::now();
            timeout(KEPT * 2, watched.changed()).await.unwrap().unwrap();
            assert!(*watched.borrow_and_update() == 1 && asked.elapsed() < PERIOD / 10, "at once");
            timeout(KEPT * 2, watched.changed()).await.unwrap().unwrap();
            assert_eq!(*watched.borrow_and_update(), 0);
            assert!(asked.elapsed() >= KEPT && asked.elapsed() <= KEPT + PERIOD, "{:?}", asked.elapsed());
        }
        let opened = Instant::now();
        viewers.open();
        timeout(KEPT * 2, watched.changed()).await.unwrap().unwrap();
        assert!(*watched.borrow_and_update() == 1 && opened.elapsed() < PERIOD);
        assert!(timeout(KEPT * 2, watched.changed()).await.is_err());
        viewers.close();
        timeout(KEPT * 2, watched.changed()).await.unwrap().unwrap();
        assert_eq!(*watched.borrow_and_update(), 0);
        drop(watched);
        timeout(PERIOD * 2, following).await.unwrap().unwrap();
    }
}
