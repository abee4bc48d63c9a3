//! A release of the driver: its end, and the client that waits for the collector's end.

use std::time::{Duration, Instant, UNIX_EPOCH};

use crossbeam_channel::Sender;
use telemetry::{BootTime, Stamp};

use crate::supervisor::requests::{ANSWER_TIMEOUT, NotReleased, ReleaseOutcome, Released};

/// The release in force, if there is one.
#[derive(Debug, Default)]
pub(super) struct Release {
    /// Its end by the boot clock, so that clock changes and system sleep do not change its length.
    until: Option<Stamp>,
    waiting: Option<Waiting>,
}

/// A client that waits for the answer.
#[derive(Debug)]
struct Waiting {
    answer: Sender<ReleaseOutcome>,
    deadline: Instant,
}

impl Release {
    /// Begins a release that ends after `length`, or replaces the one in force.
    pub(super) fn begin(&mut self, length: Duration, answer: Sender<ReleaseOutcome>) {
        let until = later(Stamp::now(), length);
        tracing::info!(until = %rfc3339(until), "driver released: no collector runs until then");
        self.until = Some(until);
        self.waiting = Some(Waiting { answer, deadline: Instant::now() + ANSWER_TIMEOUT });
    }

    /// Ends it; `false` if none was in force.
    pub(super) fn end(&mut self) -> bool {
        self.waiting = None;
        self.until.take().is_some()
    }

    /// Ends it once its time is over.
    pub(super) fn expire(&mut self) {
        if self.until.is_some_and(|until| BootTime::now() >= until.boot) {
            tracing::info!("the release is over; reading the GPUs again");
            self.end();
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.until.is_some()
    }

    /// Time at which it expires.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.until.map(|until| Instant::now() + until.boot.since(BootTime::now()))
    }

    /// Describes its end, if it is in force.
    pub(super) fn detail(&self) -> Option<String> {
        self.until.map(|until| format!("until {}, or until it is resumed", rfc3339(until)))
    }

    /// Answers the waiting client. `remaining` describes a collector that has not ended.
    pub(super) fn answer(&mut self, remaining: impl FnOnce() -> Option<String>) {
        let (Some(until), Some(waiting)) = (self.until, &self.waiting) else { return };
        let outcome = match remaining() {
            None => Ok(Released { until: rfc3339(until) }),
            Some(_) if Instant::now() < waiting.deadline => return,
            Some(collector) => Err(NotReleased::Stuck { collector, until: rfc3339(until) }),
        };
        // Fails if the client has given up, which changes nothing.
        let _ = waiting.answer.send(outcome);
        self.waiting = None;
    }
}

fn later(now: Stamp, length: Duration) -> Stamp {
    let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    Stamp { boot: BootTime(now.boot.0.saturating_add(length)), unix_ms: now.unix_ms.saturating_add(length) }
}

/// Formats a time in UTC, since the agent's time zone is not the reader's.
fn rfc3339(at: Stamp) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(at.unix_ms)).to_string()
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Receiver, TryRecvError, bounded};

    use super::*;

    fn begun() -> (Release, Receiver<ReleaseOutcome>) {
        let (answer, answered) = bounded(1);
        let mut release = Release::default();
        release.begin(Duration::from_secs(600), answer);
        (release, answered)
    }

    #[test]
    fn release_is_answered_once_when_the_collector_has_ended() {
        let (mut release, answered) = begun();
        release.answer(|| Some("one".into()));
        assert!(answered.try_recv().is_err(), "there is still time to leave");
        release.answer(|| None);
        assert!(answered.try_recv().unwrap().is_ok());
        release.answer(|| None);
        assert!(answered.try_recv().is_err());
        assert!(release.is_active(), "an answer does not end it");
    }

    #[test]
    fn release_answer_names_a_stuck_collector() {
        let (mut release, answered) = begun();
        release.waiting.as_mut().unwrap().deadline = Instant::now();
        release.answer(|| Some("the stuck one".into()));
        let error = answered.try_recv().unwrap().unwrap_err().to_string();
        assert!(error.contains("the stuck one"), "{error}");
        assert!(release.is_active(), "none is started while it is stuck, nor after it");
    }

    #[test]
    fn release_ends_at_its_time_or_when_resumed() {
        let (mut release, _answered) = begun();
        release.expire();
        assert!(release.is_active());
        release.until = Some(Stamp::now());
        release.expire();
        assert_eq!((release.is_active(), release.end()), (false, false));
        let (mut release, answered) = begun();
        assert!(release.end());
        assert_eq!(answered.try_recv().unwrap_err(), TryRecvError::Disconnected);
    }

    #[test]
    fn release_end_is_formatted_in_utc() {
        let at = Stamp { unix_ms: 1_795_406_910_864, ..Stamp::default() };
        assert_eq!(rfc3339(later(at, Duration::from_secs(60))), "2026-11-23T04:09:30Z");
    }
}
