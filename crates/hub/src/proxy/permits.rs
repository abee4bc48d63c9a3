//! Permits for proxied requests: a limited number, also per host, so that one that does not answer holds no others up.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Most proxied requests at once that are no streams. Each has a connection to an agent.
const MAX: usize = 256;
/// Most of them to one host.
const MAX_PER_HOST: usize = 32;
/// Most streams of one host.
const MAX_STREAMS_PER_HOST: usize = 200;

/// Permits that are taken.
#[derive(Debug, Default)]
pub(super) struct Permits(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    requests: usize,
    hosts: HashMap<Arc<str>, Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: usize,
    streams: usize,
}

/// A permit, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    all: Arc<Mutex<Taken>>,
    host: Arc<str>,
    is_stream: bool,
}

impl Permits {
    /// Takes a permit; an error says which limit is reached.
    pub(super) fn take(&self, host: &Arc<str>, is_stream: bool) -> Result<Permit, String> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_stream && taken.requests >= MAX {
            return Err(format!("The hub waits for {MAX} other answers of hosts; try again later."));
        }
        let counts = taken.hosts.entry(Arc::clone(host)).or_default();
        if is_stream {
            if counts.streams >= MAX_STREAMS_PER_HOST {
                return Err(format!("This host has {MAX_STREAMS_PER_HOST} streams through the hub, the maximum."));
            }
            counts.streams += 1;
        } else {
            if counts.requests >= MAX_PER_HOST {
                return Err(format!("The hub waits for {MAX_PER_HOST} other answers of this host; try again later."));
            }
            counts.requests += 1;
            taken.requests += 1;
        }
        Ok(Permit { all: Arc::clone(&self.0), host: Arc::clone(host), is_stream })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_stream {
            taken.requests = taken.requests.saturating_sub(1);
        }
        let Some(counts) = taken.hosts.get_mut(&self.host) else { return };
        let count = if self.is_stream { &mut counts.streams } else { &mut counts.requests };
        *count = count.saturating_sub(1);
        if counts.requests + counts.streams == 0 {
            taken.hosts.remove(&self.host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(permits: &Permits, host: &str, is_stream: bool, most: usize) -> Vec<Permit> {
        let host: Arc<str> = host.into();
        (0..most).map_while(|_| permits.take(&host, is_stream).ok()).collect()
    }

    #[test]
    fn permits_limited_per_host_and_in_all() {
        let permits = Permits::default();
        let first = taken(&permits, "gpu01", false, 1000);
        assert_eq!(first.len(), MAX_PER_HOST);
        assert_eq!(taken(&permits, "gpu01", true, 1000).len(), MAX_STREAMS_PER_HOST);
        let others: Vec<_> = (2..20).flat_map(|host| taken(&permits, &format!("gpu{host}"), false, 1000)).collect();
        assert_eq!(first.len() + others.len(), MAX);
        // Streams have a total of their own.
        assert_eq!(taken(&permits, "gpu30", true, 1).len(), 1);
        assert_eq!(taken(&permits, "gpu30", false, 1).len(), 0);
        drop((first, others));
        assert_eq!(taken(&permits, "gpu01", false, 1000).len(), MAX_PER_HOST);
        assert!(permits.0.lock().unwrap().hosts.is_empty());
    }
}
