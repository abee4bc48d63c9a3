//! HTTP: from snapshots to bytes.
//!
//! The supervisor's thread publishes snapshots ([`Publisher`]), and every view is rendered there, once. A request
//! only picks bytes that are already there ([`router`]), so no request ever reaches the driver or waits for it.
//! [`serve`] is the loop that takes connections, with the limits that keep a stranger from exhausting the host.

mod answer;
mod api;
mod archive;
mod auth;
mod coding;
mod envelope;
mod gauge;
mod health;
mod listen;
mod metrics;
mod page;
mod patient;
mod peers;
mod percent;
mod pieces;
mod prefix;
mod problem;
mod published;
mod query;
mod rendered;
mod requests;
mod routes;
mod rows;
mod scope;
mod status;
mod stream;

#[cfg(test)]
#[path = "../tests/http/host.rs"]
mod host;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub use archive::Archive;
pub use auth::Token;
pub use health::Readiness;
pub use listen::{Limits, serve};
pub use metrics::{CountersError, DcgmCounters, DcgmSettings, MetricsSettings, Names, NamesError, Unserved};
pub use peers::{Peers, PeersError};
pub use prefix::{Prefix, PrefixError};
pub use published::{Published, Publisher, Show};
pub use routes::router;
pub use scope::Commands;
pub use status::StatusView;
pub use stream::Streams;

/// What the administrator decides about the HTTP side.
#[derive(Clone, Debug, Default)]
pub struct ServerConfig {
    /// Where everything lives; the root by default.
    pub url_prefix: Prefix,
    /// What a reader must present; everyone may read without one.
    pub token: Option<Token>,
    /// Where the server counts what happens to it. Keep a clone to read it.
    pub counters: Arc<Counters>,
    /// Other hosts, which the page shows.
    pub peers: Peers,
    /// The places for readers of `/api/v1/stream`. Keep a clone to close them.
    pub streams: Arc<Streams>,
}

/// What happened to the server since it started.
#[derive(Debug, Default)]
pub struct Counters {
    panics: AtomicU64,
}

impl Counters {
    /// Requests that ended in a panic, each answered with 500.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}
