//! Lag of a stream: events that wait in buffers on the way are older than their agent could say.
//!
//! The clocks of two hosts differ by an unknown amount, but an event that arrives later than others, compared with the
//! time at which it was sent, has waited. So has everything that was sent while this program was stopped.

use std::time::Duration;

use tokio::time::Instant;

/// Lag of a stream relative to its fastest event.
#[derive(Debug)]
pub(super) struct Lag {
    began: Instant,
    /// Least difference between receipt and sending so far, in milliseconds on two clocks.
    least: Option<i128>,
}

impl Lag {
    pub(super) const fn new(began: Instant) -> Self {
        Self { began, least: None }
    }

    /// Time for which an event waited, at least.
    pub(super) fn of(&mut self, sent_at: Option<u64>, received: Instant) -> Duration {
        let Some(sent_at) = sent_at else { return Duration::ZERO };
        let received = received.saturating_duration_since(self.began).as_millis();
        let difference = i128::try_from(received).unwrap_or(i128::MAX) - i128::from(sent_at);
        let least = self.least.map_or(difference, |least| least.min(difference));
        self.least = Some(least);
        Duration::from_millis(u64::try_from(difference - least).unwrap_or(u64::MAX))
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
}
