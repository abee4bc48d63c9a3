//! Statistics of the HTTP server, for `/metrics`.

use std::sync::{Arc, OnceLock};

use http_server::{RequestCounters, net::StreamPermits};

/// The counters of the server that answers from the published snapshots, once it exists.
#[derive(Debug, Default)]
pub(crate) struct HttpStats(OnceLock<Counters>);

#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) requests: Arc<RequestCounters>,
    pub(crate) streams: Arc<StreamPermits>,
}

impl HttpStats {
    /// Attaches the counters of a server. Those of the first one are kept.
    pub(crate) fn attach(&self, requests: Arc<RequestCounters>, streams: Arc<StreamPermits>) {
        // An error means that another server was attached before, which happens in tests only.
        let _ = self.0.set(Counters { requests, streams });
    }

    /// The counters, if a server is attached.
    pub(crate) fn counters(&self) -> Option<&Counters> {
        self.0.get()
    }
}
