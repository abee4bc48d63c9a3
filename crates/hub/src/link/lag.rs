//! Lag of a stream: events that wait in buffers on the way are older than their agent could say.
//!
//! The clocks of two hosts differ by an unknown amount, but an event that arrives later than others, compared with the
//! time at which it was sent, has waited. So has everything that was sent while this program was stopped.
//!
//! An agent's clock that is set back, or runs slow, looks the same, except that it lasts: what waits in a buffer is soon
//! read. Only a new stream, which begins with a new event, shows the difference.

use std::time::Duration;

use tokio::time::Instant;

/// Lag of a stream relative to its fastest event.
#[derive(Debug)]
pub(super) struct Lag {
    began: Instant,
    /// Least difference between receipt and sending so far, in milliseconds on two clocks.
    least: Option<i128>,
    /// Lags of the last events, in turn.
    last: [Duration; LASTING],
    next: usize,
}

/// Number of events in a row after which a lag lasts.
const LASTING: usize = 5;
/// Shortest age of a stream that is opened again for a lag that lasts, so that a busy machine does not spend its time on
/// connections.
const MIN_AGE: Duration = Duration::from_secs(30);

impl Lag {
    pub(super) const fn new(began: Instant) -> Self {
        Self { began, least: None, last: [Duration::ZERO; LASTING], next: 0 }
    }

    /// Time for which an event waited, at least.
    pub(super) fn of(&mut self, sent_at: Option<u64>, received: Instant) -> Duration {
        let Some(sent_at) = sent_at else { return Duration::ZERO };
        let received = received.saturating_duration_since(self.began).as_millis();
        let difference = i128::try_from(received).unwrap_or(i128::MAX) - i128::from(sent_at);
        let least = self.least.map_or(difference, |least| least.min(difference));
        self.least = Some(least);
        let lag = Duration::from_millis(u64::try_from(difference - least).unwrap_or(u64::MAX));
        if let Some(last) = self.last.get_mut(self.next) {
            *last = lag;
        }
        self.next = (self.next + 1) % LASTING;
        lag
    }

    /// True if all of the last events waited for so long, so that it is the clock, or a delay that does not end.
    pub(super) fn lasts(&self, at_least: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= MIN_AGE && self.last.iter().all(|lag| *lag >= at_least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_relative_to_the_fastest_event() {
        let began = Instant::now();
        let mut lag = Lag::new(began);
        let clock = 1_795_406_910_864;
        for (received, sent, expected) in [
            (300, Some(0), 0),
            (1100, Some(1000), 0),
            (2150, Some(2000), 50),
            (9000, Some(3000), 5900),
            (9001, None, 0),
            (9002, Some(9000), 0),
            // The agent's clock was set back by ten seconds.
            (10_002, Some(0), 10_000),
        ] {
            let found = lag.of(sent.map(|sent| clock + sent), began + Duration::from_millis(received));
            assert_eq!(found, Duration::from_millis(expected), "{received}");
        }
    }

    /// Second at which the lag lasts, for an event per second whose clock and delay are functions of the second.
    fn lasting(clock: impl Fn(u64) -> i64, delay: impl Fn(u64) -> u64) -> Option<u64> {
        let began = Instant::now();
        let mut lag = Lag::new(began);
        (0..200_000).find(|second| {
            let sent = (1_795_406_910_864_u64 + second * 1000).saturating_add_signed(clock(*second));
            let now = began + Duration::from_millis(second * 1000 + delay(*second));
            lag.of(Some(sent), now);
            lag.lasts(Duration::from_millis(500), now)
        })
    }

    #[test]
    fn clock_set_back_lasts_and_a_short_wait_does_not() {
        let step = |by: i64, at: u64| lasting(move |second| if second >= at { by } else { 0 }, |_| 0);
        assert_eq!(step(-4000, 100), Some(104));
        assert_eq!(step(-600, 100), Some(104));
        // Not before the stream is old enough.
        assert_eq!(step(-4000, 3), Some(30));
        // Forward steps make events newer, and are the new minimum.
        assert_eq!(step(4000, 100), None);
        assert_eq!(step(-400, 100), None);
        // Four events that wait, again and again.
        assert_eq!(lasting(|_| 0, |second| if second % 5 == 0 { 0 } else { 900 }), None);
        // A clock that loses 50 ppm.
        let drift = |second: u64| -i64::try_from(second / 20).unwrap();
        assert!((10_000..10_100).contains(&lasting(drift, |_| 0).unwrap()));
        assert_eq!(lasting(|second| i64::try_from(second / 20).unwrap(), |_| 0), None);
    }
}
