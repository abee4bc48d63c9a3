//! Configuration of the HTTP side.

pub(crate) mod commands;
pub(crate) mod frame_ancestors;
pub(crate) mod peers;
pub(crate) mod price;

use std::sync::Arc;

use http_server::{
    HostName, Prefix, WebOrigin,
    auth::{Anonymous, AuthConfig, Token, Tokens},
    net::StreamPermits,
};
use tokio::sync::watch;

use crate::usage::UsageStore;
use frame_ancestors::FrameAncestors;
use peers::Peers;
use price::Price;

/// Configuration of the HTTP side.
#[derive(Clone, Debug, Default)]
pub struct ServerConfig {
    /// The prefix of all paths; the root by default.
    pub url_prefix: Prefix,
    /// A token with full access. Without any token everyone has access, unless `anonymous` says otherwise.
    pub token: Option<Token>,
    /// Further tokens, which can change; a removed one ends the streams that it opened.
    pub tokens: Option<watch::Receiver<Arc<Tokens>>>,
    /// Access without a token.
    pub anonymous: Anonymous,
    /// Host names allowed for requests without a token, besides this host's own and IP addresses; `None` allows all. To
    /// be set where the agent is for this host alone.
    pub allowed_hosts: Option<Vec<HostName>>,
    /// Origins whose pages may read responses.
    pub cors_origins: Vec<WebOrigin>,
    /// Pages that may embed the page in a frame.
    pub frame_ancestors: FrameAncestors,
    /// Logs each request with `tracing`.
    pub access_log: bool,
    /// Other hosts that the page shows.
    pub peers: Peers,
    /// Accounting of usage; none if it is off.
    pub usage: Option<Arc<dyn UsageStore>>,
    /// Price of a GPU-hour.
    pub price_gpu_hour: Option<Price>,
    /// Permits for clients of `/api/v1/stream`. Keep a clone to close the streams.
    pub streams: Arc<StreamPermits>,
}

impl ServerConfig {
    /// The part about authentication.
    pub(crate) fn auth(&self) -> AuthConfig {
        AuthConfig { token: self.token.clone(), tokens: self.tokens.clone(), anonymous: self.anonymous }
    }
}
