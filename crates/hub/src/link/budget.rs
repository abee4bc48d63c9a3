//! Limit on how much an agent may send, because one that floods would take the thread of all.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes that may be sent at once.
const BURST: u64 = 4 << 20;
/// Bytes per second that may be sent for long.
const RATE: u64 = 1 << 20;
/// Smallest size for which an event counts: parsing and publishing has a fixed cost.
const EVENT: u64 = 8 << 10;

/// Remaining allowance of an agent.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
    at: Instant,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Takes bytes; false if they exceed what is left.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        let since: Duration = now.saturating_duration_since(self.at);
        let earned = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_mul(RATE) / 1000;
        if earned > 0 {
            (self.left, self.at) = (self.left.saturating_add(earned).min(BURST), now);
        }
        let taken = self.left.checked_sub(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.left = taken.unwrap_or(0);
        taken.is_some()
    }

    /// Takes an event.
    pub(super) fn take_event(&mut self, now: Instant) -> bool {
        self.take(usize::try_from(EVENT).unwrap_or(usize::MAX), now)
    }
}

/// The limit in words.
pub(super) fn limit() -> String {
    format!("it sends more than {} kB or {} events per second", RATE >> 10, RATE / EVENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_refused_and_steady_stream_accepted() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        // 10 events of 16 kB per second, for an hour.
        for event in 0..36_000 {
            let now = start + Duration::from_millis(100 * event);
            assert!(budget.take(16 << 10, now) && budget.take_event(now), "event {event}");
        }
        let now = start + Duration::from_secs(4000);
        let accepted = (0..10_000).take_while(|_| budget.take(64 << 10, now)).count();
        assert_eq!(accepted, 64);
        assert!(!budget.take_event(now));
        assert!(budget.take(64 << 10, now + Duration::from_secs(1)));
    }
}
