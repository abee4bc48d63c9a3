//! Times of a link: backoff, timeouts, and periods of polling.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// Times of all links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Delay before the first retry.
    pub(super) first_retry: Duration,
    /// Longest delay between retries.
    pub(super) max_retry: Duration,
    /// Time that a session must last before its end is followed by the first delay again.
    pub(super) stable: Duration,
    /// Shortest timeout between events.
    pub(super) min_silence: Duration,
    /// Longest timeout between events, and that for the first one.
    pub(super) max_silence: Duration,
    /// Shortest lag after which a stream is opened again, so that what waits on the way is skipped.
    pub(super) max_lag: Duration,
    /// Shortest lag after which a stream is opened again if the lag lasts.
    pub(super) min_lasting_lag: Duration,
    /// Period of polling an agent of an earlier release with a viewer, and without.
    pub(super) older: [Duration; 2],
    /// Period of polling the original agent with a viewer, and without.
    pub(super) original: [Duration; 2],
    /// Timeout for a whole answer.
    pub(super) answer: Duration,
    /// Time after which a polled agent is asked for the stream again, because it may have been upgraded.
    pub(super) recheck: Duration,
    /// Longest time for which an attempt to connect counts towards the limit of concurrent ones.
    pub(super) lease: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            first_retry: seconds(1),
            max_retry: seconds(30),
            stable: seconds(10),
            min_silence: seconds(5),
            max_silence: seconds(30),
            max_lag: seconds(5),
            min_lasting_lag: Duration::from_millis(500),
            older: [seconds(5), seconds(30)],
            original: [seconds(10), seconds(60)],
            answer: seconds(10),
            recheck: seconds(60),
            lease: Duration::from_millis(250),
        }
    }
}

impl Timing {
    /// Timeout between events of an agent with this interval.
    pub(super) fn silence(&self, interval: Option<Duration>) -> Duration {
        interval
            .map_or(self.max_silence, |interval| interval.saturating_mul(3).clamp(self.min_silence, self.max_silence))
    }

    /// Lag of an agent with this interval after which its stream is opened again. Its first event can be as old as its
    /// interval.
    pub(super) fn lag(&self, interval: Option<Duration>) -> Duration {
        interval.map_or(self.max_lag, |interval| interval.saturating_mul(2).max(self.max_lag))
    }

    /// Lag of an agent with this interval after which its stream is opened again if the lag lasts: long before the agent
    /// is stale.
    pub(super) fn lasting_lag(&self, interval: Option<Duration>) -> Duration {
        interval.map_or(self.max_lag, |interval| (interval / 2).max(self.min_lasting_lag))
    }

    /// Delay before the retry with this number, counted from zero.
    pub(super) fn retry(&self, number: u32) -> Duration {
        let delay = self.first_retry.saturating_mul(1_u32.checked_shl(number.min(16)).unwrap_or(u32::MAX));
        // Hosts that failed together do not come back together.
        delay.min(self.max_retry).mul_f64(1.0 + jitter() / 4.0).min(self.max_retry)
    }

    /// Period of polling, a little different each time.
    pub(super) fn period(periods: [Duration; 2], has_viewer: bool) -> Duration {
        let [with, without] = periods;
        (if has_viewer { with } else { without }).mul_f64(0.95 + jitter() / 10.0)
    }
}

/// Random number from 0 to 1. The keys of hash maps are random enough for it.
fn jitter() -> f64 {
    let random = u32::try_from(RandomState::new().hash_one(0_u8) & 0xffff).unwrap_or_default();
    f64::from(random) / 65_536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_from_one_second_to_thirty() {
        let timing = Timing::default();
        for (number, seconds) in [(0, 1.0), (1, 2.0), (2, 4.0), (4, 16.0), (5, 30.0), (40, 30.0), (u32::MAX, 30.0)] {
            for _ in 0..20 {
                let delay = timing.retry(number).as_secs_f64();
                assert!((seconds..=f64::min(seconds * 1.25, 30.0)).contains(&delay), "{number}: {delay}");
            }
        }
        let delays: std::collections::BTreeSet<Duration> = (0..20).map(|_| timing.retry(1)).collect();
        assert!(delays.len() > 10);
    }

    #[test]
    fn silence_is_three_intervals_within_limits() {
        let timing = Timing::default();
        for (interval, seconds) in [(Some(100), 5), (Some(2_000), 6), (Some(60_000), 30), (None, 30)] {
            assert_eq!(timing.silence(interval.map(Duration::from_millis)), Duration::from_secs(seconds));
        }
    }
}
