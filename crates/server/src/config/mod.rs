//! What the administrator decides about the HTTP side.

pub(crate) mod commands;
pub(crate) mod peers;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

use crate::{
    auth::{Anonymous, Token, Tokens},
    http::{hosts::HostName, origins::WebOrigin, prefix::Prefix},
    net::seats::Streams,
};
use peers::Peers;

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
