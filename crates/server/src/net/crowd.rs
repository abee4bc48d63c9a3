//! How many of something each address has, connections or places for streams, so that no single one takes all there are.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::net::peer::{Origin, Peer};

/// What there is by address.
#[derive(Debug)]
pub(crate) struct Crowd {
    most: usize,
    counts: Arc<Mutex<HashMap<Origin, usize>>>,
}

/// One that counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    counts: Arc<Mutex<HashMap<Origin, usize>>>,
    origin: Origin,
}

impl Crowd {
    /// So many for each.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, counts: Arc::default() }
    }

    /// Counts one more; none if there are as many as may be.
    pub(crate) fn enter(&self, peer: Peer) -> Option<Counted> {
        let origin = peer.origin();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(origin).or_default();
        if *count >= self.most.max(1) && origin != Origin::Unix {
            return None;
        }
        *count += 1;
        Some(Counted { counts: Arc::clone(&self.counts), origin })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_counted_per_address_and_released() {
        let crowd = Crowd::new(2);
        let from = |address: &str| crowd.enter(Peer::Ip(address.parse().unwrap()));
        let (first, _second) = (from("192.0.2.1:1").unwrap(), from("192.0.2.1:2").unwrap());
        assert!(from("192.0.2.1:3").is_none() && from("[::ffff:192.0.2.1]:3").is_none());
        assert!(from("192.0.2.2:1").is_some());
        drop(first);
        assert!(from("192.0.2.1:4").is_some());
        let proxy: Vec<_> = (0..9).map(|_| crowd.enter(Peer::Unix)).collect();
        assert!(proxy.iter().all(Option::is_some));
        drop(proxy);
        assert_eq!(crowd.counts.lock().unwrap().len(), 1);
    }
}
