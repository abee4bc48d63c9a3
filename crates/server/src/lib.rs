//! The agent's HTTP API: from snapshots to bytes.
//!
//! The supervisor's thread publishes snapshots ([`Publisher`]), and each view is rendered there, once. A request only
//! picks bytes that exist already ([`App`]), so no request ever reaches the driver or waits for it. [`serve`] accepts
//! connections, with limits that keep clients from exhausting the host.

mod config;
mod metrics;
mod openapi;
mod publish;
mod router;
mod status;
mod store;
mod stream;
mod usage;
mod v1;

/// The exposition formats of `/metrics`, for a hub's own.
pub mod exposition {
    pub use crate::metrics::{
        content_type, format,
        number::Number,
        text::{Family, Format, Kind, Page, Samples, label_into, labels},
    };
}

#[cfg(test)]
use telemetry::fixtures as host;

pub use config::{
    ServerConfig,
    commands::Commands,
    frame_ancestors::{FrameAncestors, FrameAncestorsError},
    peers::{Peers, PeersError},
    price::{Price, PriceError},
};
pub use http_server::{
    Body, HostName, HostNameError, Prefix, PrefixError, Reply, Response, WebOrigin, WebOriginError,
    access_log::TARGET as ACCESS_LOG,
    auth::{Anonymous, Scope, Token, Tokens, TokensError},
    encoding_of_text,
    net::{ClientAddr, Limits, Listener, Pem, PemFile, Received, StreamPermits, Tls, TlsError, serve},
};
pub use metrics::{
    CountersError, DcgmCounters, DcgmSettings, MetricsSet, MetricsSetError, MetricsSettings, Names, NamesError,
    Unserved,
};
pub use publish::{Aging, Published, Publisher, Show, readiness::Readiness};
pub use router::{App, page};
pub use status::StatusView;
pub use store::archive::Archive;
pub use usage::{
    Dimension, MAX_ROWS as MAX_USAGE_ROWS, Pending, RowSums, SessionsPage, SessionsQuery, UsageError, UsageQuery,
    UsageReport, UsageRow, UsageState, UsageStore,
};
pub use v1::{FIND_PARAMETERS, FleetKey, FleetQuestion, FleetSource, csv_cell, denied, find_request};
