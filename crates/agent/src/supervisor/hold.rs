//! An administrator's release: until when no collector may run, and who waits to hear that none does.

use std::{
    sync::mpsc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use telemetry::{BootTime, Stamp};

use crate::supervisor::orders::{NotReleased, Released};

/// Who asked for a release hears within this time whether the collector has ended: it may take three seconds to
/// leave, and then it is killed.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A release, while one is in force.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// By the boot clock, so that neither a clock that jumps nor a sleep changes its length.
    until: Option<Stamp>,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    answer: mpsc::Sender<Result<Released, NotReleased>>,
    by: Instant,
}

impl Hold {
    /// From now on for so long, whatever was said before.
    pub(super) fn begin(&mut self, length: Duration, answer: mpsc::Sender<Result<Released, NotReleased>>) {
        let until = later(Stamp::now(), length);
        tracing::info!(until = %moment(until), "released: no collector runs until then");
        self.until = Some(until);
        self.waiting = Some(Waiting { answer, by: Instant::now() + ANSWER_WITHIN });
    }

    /// Ends it; `false` if none was in force.
    pub(super) fn end(&mut self) -> bool {
        self.waiting = None;
        self.until.take().is_some()
    }

    /// Ends it when its time is over.
    pub(super) fn expire(&mut self) {
        if self.until.is_some_and(|until| BootTime::now() >= until.boot) {
            tracing::info!("the release is over: reading again");
            self.end();
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// When its time is over.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.until.map(|until| Instant::now() + until.boot.since(BootTime::now()))
    }

    /// Until when, in words, if it is in force.
    pub(super) fn detail(&self) -> Option<String> {
        self.until.map(|until| format!("until {}, or until it is resumed", moment(until)))
    }

    /// Answers who waits: `left` tells of a collector that has not ended, if there is one.
    pub(super) fn answer(&mut self, left: impl FnOnce() -> Option<String>) {
        let (Some(until), Some(waiting)) = (self.until, &self.waiting) else { return };
        let outcome = match left() {
            None => Ok(Released { until: moment(until) }),
            Some(_) if Instant::now() < waiting.by => return,
            Some(collector) => Err(NotReleased::Stuck { collector, until: moment(until) }),
        };
        // Who asked may have gone: then nobody wants to know.
        let _ = waiting.answer.send(outcome);
        self.waiting = None;
    }
}

fn later(now: Stamp, length: Duration) -> Stamp {
    let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    Stamp { boot: BootTime(now.boot.0.saturating_add(length)), unix_ms: now.unix_ms.saturating_add(length) }
}

/// A moment as people write it, in universal time, since the agent's time zone is not the reader's.
fn moment(at: Stamp) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(at.unix_ms)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = mpsc::Receiver<Result<Released, NotReleased>>;

    fn held() -> (Hold, Answer) {
        let (answer, answered) = mpsc::channel();
        let mut hold = Hold::default();
        hold.begin(Duration::from_secs(600), answer);
        (hold, answered)
    }

    #[test]
    fn release_answered_once_when_collector_exited() {
        let (mut hold, answered) = held();
        hold.answer(|| Some("one".into()));
        assert!(answered.try_recv().is_err(), "there is still time to leave");
        hold.answer(|| None);
        assert!(answered.try_recv().unwrap().is_ok());
        hold.answer(|| None);
        assert!(answered.try_recv().is_err());
        assert!(hold.is_on(), "an answer does not end it");
    }

    #[test]
    fn release_reports_collector_that_does_not_exit() {
        let (mut hold, answered) = held();
        hold.waiting.as_mut().unwrap().by = Instant::now();
        hold.answer(|| Some("the stuck one".into()));
        let error = answered.try_recv().unwrap().unwrap_err().to_string();
        assert!(error.contains("the stuck one"), "{error}");
        assert!(hold.is_on(), "none is started while it is stuck, nor after it");
    }

    #[test]
    fn release_ends_at_deadline_or_request() {
        let (mut hold, _answered) = held();
        hold.expire();
        assert!(hold.is_on());
        hold.until = Some(Stamp::now());
        hold.expire();
        assert_eq!((hold.is_on(), hold.end()), (false, false));
        let (mut hold, answered) = held();
        assert!(hold.end());
        assert_eq!(answered.try_recv().unwrap_err(), mpsc::TryRecvError::Disconnected);
    }

    #[test]
    fn release_time_is_utc() {
        let at = Stamp { unix_ms: 1_795_406_910_864, ..Stamp::default() };
        assert_eq!(moment(later(at, Duration::from_secs(60))), "2026-11-23T04:09:30Z");
    }
}
