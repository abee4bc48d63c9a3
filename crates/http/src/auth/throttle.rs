//! Rate limit of wrong tokens, by client address.
//!
//! Each address has a burst of wrong tokens, refilled at one per second, for typing errors and for pages left open.
//! Beyond the burst the 401 is delayed by a second, for a limited number of requests at once; further ones are
//! rejected at once and their connection is closed, so that each guess costs a connection. A correct token is compared
//! before the limit is checked, so it is never delayed, even behind the proxy of an attacker.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::net::ClientNet;

/// Wrong tokens that an address may send without a delay.
const BURST: u32 = 10;
/// Time until one more is allowed.
const REFILL: Duration = Duration::from_secs(1);
/// Delay of a rejection beyond the burst.
pub(crate) const DELAY: Duration = Duration::from_secs(1);
/// Delayed rejections at once, of one address and of all. Each holds a connection.
const MAX_DELAYED_EACH: usize = 32;
const MAX_DELAYED: usize = 256;
/// Addresses that are tracked; all others share one bucket.
const MAX_CLIENTS: usize = 1024;

/// The way to reject a wrong token.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// At once.
    Reject,
    /// After [`DELAY`]; the slot is held until then.
    Delay(Slot),
    /// At once, and close the connection.
    RejectAndClose,
}

/// The buckets of all addresses.
#[derive(Debug, Default)]
pub(crate) struct AuthThrottle(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    clients: HashMap<ClientNet, Bucket>,
    /// Shared by all addresses beyond [`MAX_CLIENTS`].
    rest: Bucket,
    delayed: usize,
}

#[derive(Debug, Default)]
struct Bucket {
    /// When the bucket is full again; `None` if it is.
    full_at: Option<Instant>,
    delayed: usize,
}

/// A slot among the delayed rejections, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    throttle: Arc<AuthThrottle>,
    client_net: ClientNet,
}

impl AuthThrottle {
    /// Counts a wrong token and returns how to reject it.
    pub(crate) fn wrong_token(self: &Arc<Self>, client_net: ClientNet, now: Instant) -> Verdict {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let delayed = table.delayed;
        let bucket = table.bucket(client_net, now);
        if bucket.take(now) {
            return Verdict::Reject;
        }
        if bucket.delayed >= MAX_DELAYED_EACH || delayed >= MAX_DELAYED {
            return Verdict::RejectAndClose;
        }
        bucket.delayed += 1;
        table.delayed += 1;
        Verdict::Delay(Slot { throttle: Arc::clone(self), client_net })
    }
}

impl Table {
    fn bucket(&mut self, client_net: ClientNet, now: Instant) -> &mut Bucket {
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&client_net) {
            self.clients.retain(|_, bucket| !bucket.is_full(now));
        }
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&client_net) {
            return &mut self.rest;
        }
        self.clients.entry(client_net).or_default()
    }
}

impl Bucket {
    /// Takes one from the burst; false if it is used up.
    fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + REFILL;
        let allowed = full_at.duration_since(now) <= REFILL * BURST;
        if allowed {
            self.full_at = Some(full_at);
        }
        allowed
    }

    fn is_full(&self, now: Instant) -> bool {
        self.delayed == 0 && self.full_at.is_none_or(|at| at <= now)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut table = self.throttle.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.delayed = table.delayed.saturating_sub(1);
        // A bucket with delayed rejections is never removed, so one that is missing here was the shared one.
        let table = &mut *table;
        let bucket = table.clients.get_mut(&self.client_net).filter(|bucket| bucket.delayed > 0);
        let bucket = bucket.unwrap_or(&mut table.rest);
        bucket.delayed = bucket.delayed.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> ClientNet {
        ClientNet::Ip(std::net::Ipv4Addr::from_bits(number).into())
    }

    /// Numbers of verdicts (now, delayed, closed) for this many wrong tokens at once; `slots` keeps the delayed ones.
    fn verdicts(
        throttle: &Arc<AuthThrottle>,
        client_net: ClientNet,
        times: usize,
        now: Instant,
        slots: &mut Vec<Slot>,
    ) -> [usize; 3] {
        let mut verdicts = [0; 3];
        for _ in 0..times {
            let kind = match throttle.wrong_token(client_net, now) {
                Verdict::Reject => 0,
                Verdict::Delay(slot) => {
                    slots.push(slot);
                    1
                }
                Verdict::RejectAndClose => 2,
            };
            verdicts[kind] += 1;
        }
        verdicts
    }

    #[test]
    fn burst_then_delay_then_close() {
        let (throttle, now, mut slots) = (Arc::default(), Instant::now(), Vec::new());
        assert_eq!(verdicts(&throttle, client(1), 1000, now, &mut slots), [10, 32, 958]);
        assert_eq!(verdicts(&throttle, client(2), 12, now, &mut slots), [10, 2, 0], "each client has its own burst");
        slots.clear();
        assert_eq!(verdicts(&throttle, client(1), 40, now, &mut slots), [0, 32, 8]);
    }

    #[test]
    fn one_per_second_never_delayed() {
        let (throttle, start, mut slots) = (Arc::default(), Instant::now(), Vec::new());
        for second in 0..100 {
            let now = start + Duration::from_secs(second);
            assert_eq!(verdicts(&throttle, client(1), 1, now, &mut slots), [1, 0, 0]);
        }
    }

    #[test]
    fn burst_refills() {
        let (throttle, start, mut slots) = (Arc::default(), Instant::now(), Vec::new());
        verdicts(&throttle, client(1), 50, start, &mut slots);
        slots.clear();
        assert_eq!(verdicts(&throttle, client(1), 5, start + 3 * REFILL, &mut slots), [3, 2, 0]);
        assert_eq!(verdicts(&throttle, client(1), 12, start + 60 * REFILL, &mut slots), [10, 2, 0]);
    }

    #[test]
    fn table_and_delayed_responses_bounded() {
        let (throttle, now, mut slots) = (Arc::<AuthThrottle>::default(), Instant::now(), Vec::new());
        for number in 0..5000 {
            verdicts(&throttle, client(number), 11, now, &mut slots);
        }
        assert_eq!(slots.len(), MAX_DELAYED);
        let table = throttle.0.lock().unwrap();
        assert_eq!((table.clients.len(), table.delayed), (MAX_CLIENTS, MAX_DELAYED));
        drop(table);
        slots.clear();
        assert_eq!(throttle.0.lock().unwrap().delayed, 0);
        // Full buckets make room.
        verdicts(&throttle, client(9999), 1, now + 60 * REFILL, &mut slots);
        assert_eq!(throttle.0.lock().unwrap().clients.len(), 1);
    }

    #[test]
    fn untracked_clients_share_a_bucket() {
        let (throttle, now, mut slots) = (Arc::<AuthThrottle>::default(), Instant::now(), Vec::new());
        for number in 0..u32::try_from(MAX_CLIENTS).unwrap() {
            verdicts(&throttle, client(number), 1, now, &mut slots);
        }
        assert_eq!(verdicts(&throttle, client(5000), 12, now, &mut slots), [10, 2, 0]);
        assert_eq!(verdicts(&throttle, client(5001), 1, now, &mut slots), [0, 1, 0]);
        assert_eq!(throttle.0.lock().unwrap().rest.delayed, 3);
        slots.clear();
        assert_eq!(throttle.0.lock().unwrap().rest.delayed, 0);
    }
}
