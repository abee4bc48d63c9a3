//! How wrong tokens are slowed.
//!
//! Each address has some to spare, for who mistypes and for pages that were left open. Beyond them the refusal waits
//! a second, and as many wait at once as an address has places; whoever sends more is refused at once and has his
//! connection closed, so that each further guess costs him a connection and us next to nothing. A right token is
//! compared before any of this is looked at, so that neither its holder nor whoever shares his proxy waits for a
//! stranger.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::net::peer::Origin;

/// How many wrong tokens an address has to spare.
const SPARE: u32 = 10;
/// After how long it has one more.
const REFILL: Duration = Duration::from_secs(1);
/// How long a refusal waits beyond them.
pub(crate) const WAIT: Duration = Duration::from_secs(1);
/// How many refusals wait at once for one address, and for all. Each holds a connection.
const WAITING_EACH: usize = 32;
const WAITING_ALL: usize = 256;
/// How many addresses are remembered. Beyond them the rest counts as one.
const MOST: usize = 1024;

/// What is to be done with a wrong token.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is refused at once.
    Now,
    /// It is refused after [`WAIT`]; the place is held until then.
    After(Place),
    /// It is refused at once, and the connection closed.
    AndClosed,
}

/// The addresses that wrong tokens came from.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    strangers: HashMap<Origin, Stranger>,
    /// All for whom there was no room.
    rest: Stranger,
    waiting: usize,
}

#[derive(Debug, Default)]
struct Stranger {
    /// When he has all of his own to spare again; none if he has.
    clear_at: Option<Instant>,
    waiting: usize,
}

/// A place among those who wait, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pace: Arc<Pace>,
    origin: Origin,
}

impl Pace {
    /// Takes note of a wrong token, and says how it is to be refused.
    pub(crate) fn wrong(self: &Arc<Self>, origin: Origin, now: Instant) -> Refusal {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = book.waiting;
        let stranger = book.stranger(origin, now);
        if stranger.has_to_spare(now) {
            return Refusal::Now;
        }
        if stranger.waiting >= WAITING_EACH || all >= WAITING_ALL {
            return Refusal::AndClosed;
        }
        stranger.waiting += 1;
        book.waiting += 1;
        Refusal::After(Place { pace: Arc::clone(self), origin })
    }
}

impl Book {
    fn stranger(&mut self, origin: Origin, now: Instant) -> &mut Stranger {
        if self.strangers.len() >= MOST && !self.strangers.contains_key(&origin) {
            self.strangers.retain(|_, stranger| !stranger.is_clear(now));
        }
        if self.strangers.len() >= MOST && !self.strangers.contains_key(&origin) {
            return &mut self.rest;
        }
        self.strangers.entry(origin).or_default()
    }
}

impl Stranger {
    /// Takes one of those he has to spare, if there is one.
    fn has_to_spare(&mut self, now: Instant) -> bool {
        let clear_at = self.clear_at.map_or(now, |at| at.max(now)) + REFILL;
        let spare = clear_at.duration_since(now) <= REFILL * SPARE;
        if spare {
            self.clear_at = Some(clear_at);
        }
        spare
    }

    fn is_clear(&self, now: Instant) -> bool {
        self.waiting == 0 && self.clear_at.is_none_or(|at| at <= now)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.pace.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.waiting = book.waiting.saturating_sub(1);
        // Who waits is never forgotten, so if he is not there he was of the rest.
        let book = &mut *book;
        let stranger = book.strangers.get_mut(&self.origin).filter(|stranger| stranger.waiting > 0);
        let stranger = stranger.unwrap_or(&mut book.rest);
        stranger.waiting = stranger.waiting.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(number: u32) -> Origin {
        Origin::Ip(std::net::Ipv4Addr::from_bits(number).into())
    }

    /// What is said to so many wrong tokens in one moment, each of which stays: now, after a while, and closed.
    fn said(pace: &Arc<Pace>, origin: Origin, times: usize, now: Instant, places: &mut Vec<Place>) -> [usize; 3] {
        let mut said = [0; 3];
        for _ in 0..times {
            let kind = match pace.wrong(origin, now) {
                Refusal::Now => 0,
                Refusal::After(place) => {
                    places.push(place);
                    1
                }
                Refusal::AndClosed => 2,
            };
            said[kind] += 1;
        }
        said
    }

    #[test]
    fn failures_burst_then_wait_then_close() {
        let (pace, now, mut places) = (Arc::default(), Instant::now(), Vec::new());
        assert_eq!(said(&pace, stranger(1), 1000, now, &mut places), [10, 32, 958]);
        assert_eq!(said(&pace, stranger(2), 12, now, &mut places), [10, 2, 0], "another has his own");
        places.clear();
        assert_eq!(said(&pace, stranger(1), 40, now, &mut places), [0, 32, 8]);
    }

    #[test]
    fn one_failure_per_second_never_throttled() {
        let (pace, begun, mut places) = (Arc::default(), Instant::now(), Vec::new());
        for second in 0..100 {
            let now = begun + Duration::from_secs(second);
            assert_eq!(said(&pace, stranger(1), 1, now, &mut places), [1, 0, 0]);
        }
    }

    #[test]
    fn burst_refills() {
        let (pace, begun, mut places) = (Arc::default(), Instant::now(), Vec::new());
        said(&pace, stranger(1), 50, begun, &mut places);
        places.clear();
        assert_eq!(said(&pace, stranger(1), 5, begun + 3 * REFILL, &mut places), [3, 2, 0]);
        assert_eq!(said(&pace, stranger(1), 12, begun + 60 * REFILL, &mut places), [10, 2, 0]);
    }

    #[test]
    fn table_and_waiters_are_bounded() {
        let (pace, now, mut places) = (Arc::<Pace>::default(), Instant::now(), Vec::new());
        for number in 0..5000 {
            said(&pace, stranger(number), 11, now, &mut places);
        }
        assert_eq!(places.len(), WAITING_ALL);
        let book = pace.0.lock().unwrap();
        assert_eq!((book.strangers.len(), book.waiting), (MOST, WAITING_ALL));
        drop(book);
        places.clear();
        assert_eq!(pace.0.lock().unwrap().waiting, 0);
        // Those who have been quiet make room.
        said(&pace, stranger(9999), 1, now + 60 * REFILL, &mut places);
        assert_eq!(pace.0.lock().unwrap().strangers.len(), 1);
    }

    #[test]
    fn evicted_client_shares_limit_and_releases_place() {
        let (pace, now, mut places) = (Arc::<Pace>::default(), Instant::now(), Vec::new());
        for number in 0..u32::try_from(MOST).unwrap() {
            said(&pace, stranger(number), 1, now, &mut places);
        }
        assert_eq!(said(&pace, stranger(5000), 12, now, &mut places), [10, 2, 0]);
        assert_eq!(said(&pace, stranger(5001), 1, now, &mut places), [0, 1, 0]);
        assert_eq!(pace.0.lock().unwrap().rest.waiting, 3);
        places.clear();
        assert_eq!(pace.0.lock().unwrap().rest.waiting, 0);
    }
}
