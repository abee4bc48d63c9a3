//! HTTP: from snapshots to bytes.
//!
//! The supervisor's thread publishes snapshots ([`Publisher`]), and every view is rendered there, once. A request
//! only picks bytes that are already there ([`router`]), so no request ever reaches the driver or waits for it.
//! [`serve`] is the loop that takes connections, with the limits that keep a stranger from exhausting the host.

mod access_log;
mod answer;
mod api;
mod app;
mod archive;
mod auth;
mod coding;
mod crowd;
mod envelope;
mod gauge;
mod headers;
mod health;
mod hosts;
mod listen;
mod metrics;
mod origins;
mod page;
mod patient;
mod peer;
mod peers;
mod percent;
mod pieces;
mod prefix;
mod problem;
mod published;
mod query;
mod rendered;
mod reply;
mod requests;
mod routes;
mod rows;
mod scope;
mod status;
mod stream;
mod tls;

#[cfg(test)]
#[path = "../tests/http/host.rs"]
mod host;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

pub use access_log::TARGET as ACCESS_LOG;
pub use api::denied;
pub use app::{App, router};
pub use archive::Archive;
pub use auth::{Anonymous, Token, Tokens, TokensError};
pub use health::Readiness;
pub use hosts::{HostName, HostNameError};
pub use listen::{Limits, Listener, serve};
pub use metrics::{CountersError, DcgmCounters, DcgmSettings, MetricsSettings, Names, NamesError, Unserved};
pub use origins::{WebOrigin, WebOriginError};
pub use peer::Peer;
pub use peers::{Peers, PeersError};
pub use prefix::{Prefix, PrefixError};
pub use published::{Published, Publisher, Show};
pub use reply::Reply;
pub use scope::{Commands, Scope};
pub use status::StatusView;
pub use stream::Streams;
pub use tls::{Pem, PemFile, Tls, TlsError};

/// What the administrator decides about the HTTP side.
#[derive(Clone, Debug, Default)]
pub struct ServerConfig {
    /// Where everything lives; the root by default.
    pub url_prefix: Prefix,
    /// What a reader must present who is to see everything; everyone may read where there are no tokens.
    pub token: Option<Token>,
    /// Further tokens, which may change: a reader of the stream whose own is gone is sent away.
    pub tokens: Option<watch::Receiver<Arc<Tokens>>>,
    /// What is seen without a token.
    pub anonymous: Anonymous,
    /// Whose names a request without a token may be for, beside this host's own and addresses; any if none. To be set
    /// where the agent is for this host alone.
    pub allowed_hosts: Option<Vec<HostName>>,
    /// Whose pages may read answers.
    pub cors_origins: Vec<WebOrigin>,
    /// Whether each answered request is told to `tracing`.
    pub access_log: bool,
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
