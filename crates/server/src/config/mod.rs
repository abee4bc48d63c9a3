//! Configuration of the HTTP side.

pub(crate) mod commands;
pub(crate) mod frame_ancestors;
pub(crate) mod peers;

use std::sync::Arc;

use http_server::{
    HostName, Prefix, WebOrigin,
    auth::{Anonymous, AuthConfig, Token, Tokens},
    net::StreamPermits,
};
use tokio::sync::watch;

use frame_ancestors::FrameAncestors;
use peers::Peers;

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
    /// Permits for clients of `/api/v1/stream`. Keep a clone to close the streams.
    pub streams: Arc<StreamPermits>,
}

impl ServerConfig {
    /// The part about authentication.
    pub(crate) fn auth(&self) -> AuthConfig {
        AuthConfig { token: self.token.clone(), tokens: self.tokens.clone(), anonymous: self.anonymous }
    }
}
