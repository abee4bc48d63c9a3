//! Knowledge about one target, and its state by that.

use std::{sync::Arc, time::Duration};

use telemetry::{BootTime, Stamp};

use super::row::{Host, HostState, RowCounts};
use crate::{
    report::{Failure, Report, Seen, Source},
    target::Target,
};

/// Time for which a host stays visible after a list without it.
pub(super) const KEPT: Duration = Duration::from_secs(600);
/// Reason for the state of such a host.
const DROPPED: &str = "no longer in the list of targets; the row disappears after ten minutes";
/// Reason for the state of a host from which there is no report yet.
const NO_REPORT: &str = "no report yet";
/// Reason for the state of one whose agent has read nothing yet.
const NO_READING: &str = "its agent has no readings yet";
/// Age above which none is believed: a reading is then not of this start of the agent.
const MAX_AGE: Duration = Duration::from_secs(7 * 86_400);
/// Reason for the state of one whose readings can be of any age: that its events arrive says nothing about them.
const AGELESS: &str = "the agent reports no possible age of its readings";
/// Intervals without a reading after which a host is stale.
const INTERVALS: u32 = 3;
/// Shortest and longest interval that counts: an agent cannot make the hub trust a reading of yesterday.
const INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// A target, and what is known about its host.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) target: Arc<Target>,
    /// Time of the list that dropped it.
    dropped: Option<BootTime>,
    /// The newest news since it was listed.
    news: News,
    report: Option<Arc<Report>>,
    /// Time of its newest reading.
    read: Option<Stamp>,
    /// State that was published last, and its begin.
    state: Option<(HostState, u64)>,
}

#[derive(Debug)]
enum News {
    None,
    Report,
    Failed(HostState, Arc<str>),
}

impl Tracked {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self { target, dropped: None, news: News::None, report: None, read: None, state: None }
    }

    /// Takes its entry in a newer list. A host that was dropped begins again, with its last report.
    pub(super) fn list(&mut self, target: &Arc<Target>) {
        if *self.target != **target {
            self.target = Arc::clone(target);
        }
        if self.dropped.take().is_some() {
            self.news = News::None;
        }
    }

    /// Notes that the list does not have it.
    pub(super) fn drop_from_list(&mut self, now: BootTime) {
        self.dropped.get_or_insert(now);
    }

    /// True if it is in the list.
    pub(super) const fn is_listed(&self) -> bool {
        self.dropped.is_none()
    }

    /// Time of the list that dropped it; none if it is in the list.
    pub(super) const fn dropped_at(&self) -> Option<BootTime> {
        self.dropped
    }

    /// Takes news that were received at this time. A host that is not listed keeps them, but stays in its state: its link
    /// may be a moment late, and a list that has it again may come before the link notices.
    pub(super) fn see(&mut self, seen: Seen, at: Stamp) {
        match seen {
            Seen::Failed(Failure::Unreachable(why)) => {
                self.news = News::Failed(HostState::Unreachable, why.into());
            }
            Seen::Failed(Failure::Refused(why)) => self.news = News::Failed(HostState::Refused, why.into()),
            Seen::Report(report) => {
                self.read_at(report.age, at);
                self.keep(report);
            }
            Seen::Alive { age } if self.report.is_some() => self.read_at(age, at),
            // There is nothing of which it is the age.
            Seen::Alive { .. } => {}
        }
    }

    /// Notes the receipt of a report or a sign of life.
    fn read_at(&mut self, age: Option<Duration>, at: Stamp) {
        self.news = News::Report;
        self.read = age.filter(|age| *age <= MAX_AGE).map(|age| {
            let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            let boot = BootTime(at.boot.0.saturating_sub(age));
            Stamp { boot, unix_ms: at.unix_ms.saturating_sub(age) }
        });
    }

    /// Keeps a report. One that says the same as the last is not a new one: comparing rows is then comparing pointers.
    fn keep(&mut self, mut report: Box<Report>) {
        if let Some(last) = &self.report {
            report.age = last.age;
            if **last == *report {
                return;
            }
        }
        self.report = Some(Arc::from(report));
    }

    /// The host at this time.
    pub(super) fn at(&mut self, now: Stamp) -> Host {
        let (state, error) = self.judge(now.boot);
        let since_ms = match self.state {
            Some((last, since)) if last == state => since,
            _ => now.unix_ms,
        };
        self.state = Some((state, since_ms));
        let host = Host {
            target: Arc::clone(&self.target),
            state,
            error,
            since_ms,
            read: self.read,
            limit: self.limit(),
            report: self.report.clone(),
            counts: RowCounts::default(),
            shares_with: None,
        };
        Host { counts: host.count(), ..host }
    }

    fn judge(&self, now: BootTime) -> (HostState, Option<Arc<str>>) {
        if !self.is_listed() {
            return (HostState::Unreachable, Some(DROPPED.into()));
        }
        let report = match (&self.news, &self.report) {
            (News::Failed(state, why), _) => return (*state, Some(Arc::clone(why))),
            (News::Report, Some(report)) => report,
            _ => return (HostState::Starting, Some(NO_REPORT.into())),
        };
        if report.is_starting {
            return (HostState::Starting, Some(NO_READING.into()));
        }
        if let Some(why) = &report.stale {
            return (HostState::Stale, Some(why.as_str().into()));
        }
        let limit = self.limit();
        let Some(read) = self.read else { return (HostState::Stale, Some(AGELESS.into())) };
        if now.since(read.boot) > limit {
            let why = format!("no reading for more than {} s", limit.as_secs_f64());
            return (HostState::Stale, Some(why.into()));
        }
        (HostState::Ok, None)
    }

    /// Age from which on a reading is stale.
    fn limit(&self) -> Duration {
        let report = self.report.as_ref();
        if let Some(limit) = report.and_then(|report| report.limit) {
            return limit.clamp(INTERVAL.0 * INTERVALS, INTERVAL.1 * INTERVALS);
        }
        let (source, interval) = report.map_or((Source::Agent, None), |report| (report.source, report.interval));
        // The period of polls where a source has no interval of its own.
        let usual = match source {
            Source::Agent => Duration::from_secs(1),
            Source::OlderAgent => Duration::from_secs(30),
            Source::Original | Source::Engine => Duration::from_secs(60),
        };
        interval.unwrap_or(usual).clamp(INTERVAL.0, INTERVAL.1) * INTERVALS
    }
}
