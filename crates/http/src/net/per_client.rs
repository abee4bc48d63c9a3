//! Limit per client address, of connections or streams, so that no single client takes all of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{ClientAddr, ClientNet};

/// Counts by client address.
#[derive(Debug)]
pub(crate) struct PerClientLimit {
    max: usize,
    counts: Arc<Mutex<HashMap<ClientNet, usize>>>,
}

/// A permit, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct ClientPermit {
    counts: Arc<Mutex<HashMap<ClientNet, usize>>>,
    net: ClientNet,
}

impl PerClientLimit {
    /// A limit of `max` permits per client.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, counts: Arc::default() }
    }

    /// Takes a permit; `None` at the limit. Clients over Unix sockets are not limited, because they are usually proxies.
    pub(crate) fn acquire(&self, client: ClientAddr) -> Option<ClientPermit> {
        let net = client.net();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(net).or_default();
        if *count >= self.max.max(1) && net != ClientNet::Unix {
            return None;
        }
        *count += 1;
        Some(ClientPermit { counts: Arc::clone(&self.counts), net })
    }
}

impl Drop for ClientPermit {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.net) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.net);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_counted_per_address_and_released() {
        let limit = PerClientLimit::new(2);
        let from = |address: &str| limit.acquire(ClientAddr::Ip(address.parse().unwrap()));
        let (first, _second) = (from("192.0.2.1:1").unwrap(), from("192.0.2.1:2").unwrap());
        assert!(from("192.0.2.1:3").is_none() && from("[::ffff:192.0.2.1]:3").is_none());
        assert!(from("192.0.2.2:1").is_some());
        drop(first);
        assert!(from("192.0.2.1:4").is_some());
        let proxy: Vec<_> = (0..9).map(|_| limit.acquire(ClientAddr::Unix)).collect();
        assert!(proxy.iter().all(Option::is_some));
        drop(proxy);
        assert_eq!(limit.counts.lock().unwrap().len(), 1);
    }
}
