//! Times of refreshes: learned from the engine's samples.

use std::time::Duration;

use super::hosts::{HostRows, Windows};

/// Interval until it is known, in seconds.
const UNKNOWN_INTERVAL: f64 = 30.0;
/// Time to the next refresh until then, or while the engine does not answer.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Shortest interval, in seconds.
const MIN_INTERVAL: f64 = 1.0;
/// Longest interval, in seconds. Engines show nothing that is older than five minutes.
pub(super) const MAX_INTERVAL: f64 = 300.0;
/// Time between two short questions, shortest and longest: they may take a tenth of the engine's time.
const BEAT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5));
/// Time from the start of an evaluation of the rules to the refresh, at first and at most, in seconds. An evaluation takes
/// many seconds for thousands of hosts, and counts once it is whole.
const MARGIN: (f64, f64) = (1.0, 30.0);

/// Intervals, and the time of the next refresh.
#[derive(Debug)]
pub(super) struct Pace {
    /// Configured interval of scrapes, in seconds.
    configured: Option<f64>,
    /// Interval of readings that was learned, in seconds.
    learned: Option<f64>,
    /// Interval of the rules that was learned, in seconds.
    rules: Option<f64>,
    /// Time from an evaluation to the refresh, in seconds.
    margin: f64,
    /// Seconds from the last refresh to the next; none if it is soon.
    pause: Option<f64>,
    beat: Duration,
}

impl Pace {
    pub(super) fn new(scrape_interval: Option<Duration>) -> Self {
        let configured = scrape_interval.map(|interval| interval.as_secs_f64());
        Self { configured, learned: None, rules: None, margin: MARGIN.0, pause: None, beat: BEAT.0 }
    }

    /// Takes what a refresh that began at this Unix time showed.
    pub(super) fn take(&mut self, rows: &HostRows, at: f64) {
        // Rounded up, since readings of an agent are not exactly as far apart as scrapes.
        let learned = rows.interval.map(|seconds| (seconds - 0.5).ceil().clamp(MIN_INTERVAL, MAX_INTERVAL));
        self.learned = learned.or(self.learned);
        self.rules = rows.rules.map(|seconds| seconds.clamp(MIN_INTERVAL, MAX_INTERVAL)).or(self.rules);
        self.pause = (self.learned.or(self.configured)).map(|_| self.until_next(rows.evaluated, at));
    }

    /// Seconds until shortly after an evaluation. Refreshes that come long after one would show each value late.
    fn until_next(&mut self, evaluated: Option<f64>, at: f64) -> f64 {
        let every = self.rules.unwrap_or_else(|| self.seconds());
        let late = evaluated.map(|evaluated| at - evaluated).filter(|late| late.abs() < 3.0 * every);
        let Some(late) = late.filter(|_| every > 2.0 * MARGIN.0) else { return every };
        if late > every + 0.1 {
            // The newest was not there yet.
            self.margin = (self.margin + MARGIN.0.max(every / 10.0)).min(MARGIN.1).min(every / 2.0);
        }
        let next = (self.margin - late).rem_euclid(every);
        // Not twice for the same evaluation.
        if late + next < every { next + every } else { next.max(MARGIN.0) }
    }

    /// Refreshes soon, since the engine did not answer.
    pub(super) const fn hurry(&mut self) {
        self.pause = None;
    }

    /// Seconds between two readings of a host that the engine has: the configured interval of scrapes, or a longer one that
    /// its samples have.
    pub(super) fn seconds(&self) -> f64 {
        let seconds = match (self.configured, self.learned) {
            (Some(configured), Some(learned)) => configured.max(learned),
            (one, other) => one.or(other).unwrap_or(UNKNOWN_INTERVAL),
        };
        seconds.clamp(MIN_INTERVAL, MAX_INTERVAL)
    }

    /// Seconds between two evaluations of the rules.
    pub(super) fn rules(&self) -> f64 {
        self.rules.unwrap_or_else(|| self.seconds())
    }

    /// Seconds that an evaluation needs until the engine shows it, as far as that is more than usual.
    pub(super) const fn evaluation(&self) -> f64 {
        self.margin - MARGIN.0
    }

    /// Time from the begin of a refresh to that of the next. While nothing is known of the interval, it is soon asked again.
    pub(super) fn pause(&self) -> Duration {
        self.pause.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(RETRY_AFTER)
    }

    /// Time between two short questions.
    pub(super) const fn beat(&self) -> Duration {
        self.beat
    }

    /// Notes how long a short question took.
    pub(super) fn beat_took(&mut self, took: Duration) {
        self.beat = (took * 10).clamp(BEAT.0, BEAT.1);
    }

    /// Samples that queries read. Until the interval is known, enough for any.
    pub(super) fn windows(&self) -> Windows {
        let (long, rules) = match self.learned {
            Some(_) => (3.0 * self.seconds(), 1.5 * self.rules() + 5.0),
            None => (MAX_INTERVAL, 2.0 * UNKNOWN_INTERVAL + 5.0),
        };
        Windows { long: long.ceil() as u64, rules: rules.ceil() as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(evaluated: f64) -> HostRows {
        HostRows { interval: Some(14.9), rules: Some(15.0), evaluated: Some(evaluated), ..HostRows::default() }
    }

    #[test]
    fn refresh_comes_shortly_after_an_evaluation() {
        for late in [0.2, 1.0, 4.0, 9.0, 14.9] {
            let mut pace = Pace::new(None);
            pace.take(&rows(1000.0), 1000.0 + late);
            let next = late + pace.pause().as_secs_f64();
            assert!((16.0 - 0.01..17.0).contains(&next), "{late}: {next}");
            assert!(pace.pause().as_secs_f64() >= 1.0);
        }
    }

    #[test]
    fn refresh_moves_until_it_sees_the_newest_evaluation() {
        // The engine shows an evaluation four seconds later.
        let (mut pace, mut at, mut lates) = (Pace::new(None), 1000.0, Vec::new());
        for _ in 0..12 {
            let evaluated = ((at - 4.0) / 15.0_f64).floor() * 15.0;
            lates.push(at - evaluated);
            pace.take(&rows(evaluated), at);
            at += pace.pause().as_secs_f64();
        }
        assert!(lates.iter().rev().take(4).all(|late| *late < 7.0), "{lates:?}");
        assert!((3.0..7.0).contains(&pace.evaluation()), "{}", pace.evaluation());
    }

    #[test]
    fn refresh_is_soon_while_nothing_is_known() {
        let mut pace = Pace::new(None);
        pace.take(&HostRows::default(), 1000.0);
        assert_eq!((pace.pause(), pace.windows().long), (RETRY_AFTER, 300));
        let mut pace = Pace::new(Some(Duration::from_secs(60)));
        pace.take(&HostRows::default(), 1000.0);
        assert_eq!(pace.pause(), Duration::from_secs(60));
        pace.hurry();
        assert_eq!(pace.pause(), RETRY_AFTER);
    }
}
