//! HTTP: from snapshots to bytes.
//!
//! The supervisor's thread publishes snapshots ([`Publisher`]), and every view is rendered there, once. A request
//! only picks bytes that are already there ([`router`]), so no request ever reaches the driver or waits for it.
//! [`serve`] is the loop that takes connections, with the limits that keep a stranger from exhausting the host.

mod auth;
mod config;
mod http;
mod metrics;
mod net;
mod publish;
mod router;
mod status;
mod stream;
mod v1;

#[cfg(test)]
use telemetry::fixtures as host;

pub use auth::{Anonymous, Token, Tokens, TokensError, scope::Scope};
pub use config::{
    Counters, ServerConfig,
    commands::Commands,
    peers::{Peers, PeersError},
};
pub use http::{
    access_log::TARGET as ACCESS_LOG,
    hosts::{HostName, HostNameError},
    origins::{WebOrigin, WebOriginError},
    prefix::{Prefix, PrefixError},
    reply::Reply,
};
pub use metrics::{CountersError, DcgmCounters, DcgmSettings, MetricsSettings, Names, NamesError, Unserved};
pub use net::{
    Limits, Listener,
    peer::Peer,
    seats::Streams,
    serve,
    tls::{Pem, PemFile, Tls, TlsError},
};
pub use publish::{Published, Publisher, Show, archive::Archive, health::Readiness};
pub use router::{App, router};
pub use status::StatusView;
pub use v1::denied;
