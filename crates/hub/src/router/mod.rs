//! The hub's application: the table of routes over the newest publication.

#[cfg(test)]
mod document_tests;
mod page;
mod routes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http_server::{
    ErrorFormat, HostName, Prefix, Reply, Router, RouterConfig, WebOrigin,
    auth::{Anonymous, AuthConfig, Token, Tokens},
    net::{ClientAddr, StreamPermits},
};
use hyper::Request;
use server::FrameAncestors;
use tokio::sync::watch;

use crate::{
    engine::Visible,
    fleet::Published,
    proxy::Proxy,
    target::TargetList,
    usage::Usage,
    viewers::Viewers,
    views::{Counted, Preparer},
};

/// Query parameters that the access log contains: those that say nothing about people.
const LOGGED_PARAMETERS: &[&str] = &[
    "rows", "count", "memory", "model", "mig", "held", "limit", "since", "until", "step", "metric", "gpu", "by", "tz",
    "agg", "format", "view", "type", "idx", "process", "names", "set",
];

/// Configuration of the hub's HTTP side.
pub struct AppConfig {
    /// The prefix of all paths; the root by default.
    pub url_prefix: Prefix,
    /// A token with full access.
    pub token: Option<Token>,
    /// Further tokens, which can change.
    pub tokens: Option<watch::Receiver<Arc<Tokens>>>,
    /// Access without a token.
    pub anonymous: Anonymous,
    /// Host names allowed for requests without a token; `None` allows all.
    pub allowed_hosts: Option<Vec<HostName>>,
    /// Origins whose pages may read responses.
    pub cors_origins: Vec<WebOrigin>,
    /// Pages that may embed the pages in a frame.
    pub frame_ancestors: FrameAncestors,
    /// Logs each request with `tracing`.
    pub access_log: bool,
    /// Permits for streams. Keep a clone to close the streams.
    pub streams: Arc<StreamPermits>,
    /// Viewers of the fleet, for links that poll faster with a viewer.
    pub viewers: Viewers,
    /// The list of targets.
    pub targets: watch::Receiver<TargetList>,
    /// The proxy to hosts; without it their APIs are not found.
    pub proxy: Option<Proxy>,
    /// Usage over all hosts; without it there is none.
    pub usage: Option<Usage>,
}

/// The application, under the configured prefix and behind the configured tokens.
#[derive(Clone)]
pub struct App(Arc<Router<State>>);

/// The state that handlers use.
pub(crate) struct State {
    newest: watch::Receiver<Arc<Published>>,
    targets: watch::Receiver<TargetList>,
    frame_ancestors: FrameAncestors,
    streams: Arc<StreamPermits>,
    viewers: Viewers,
    counted: Arc<Counted>,
    preparer: Preparer,
    proxy: Option<Arc<Proxy>>,
    usage: Option<Arc<Usage>>,
}

impl App {
    /// An application with this configuration that answers from what is published.
    #[must_use]
    pub fn new(config: AppConfig, published: watch::Receiver<Arc<Published>>) -> Self {
        Self::with_visible(config, published, None)
    }

    /// The same, which notes the hosts that open streams show.
    #[must_use]
    pub fn with_visible(
        config: AppConfig,
        published: watch::Receiver<Arc<Published>>,
        visible: Option<Visible>,
    ) -> Self {
        let router = RouterConfig {
            prefix: config.url_prefix,
            auth: AuthConfig { token: config.token, tokens: config.tokens, anonymous: config.anonymous },
            allowed_hosts: config.allowed_hosts,
            cors_origins: config.cors_origins,
            access_log: config.access_log,
            logged_parameters: LOGGED_PARAMETERS,
            routes: routes::ROUTES.iter().collect(),
            open_below: page::ASSETS,
            unrouted_errors,
        };
        let state = State {
            newest: published,
            targets: config.targets,
            frame_ancestors: config.frame_ancestors,
            streams: config.streams,
            counted: Arc::new(Counted::new(config.viewers.clone(), visible)),
            viewers: config.viewers,
            preparer: Preparer::default(),
            proxy: config.proxy.map(Arc::new),
            usage: config.usage.map(Arc::new),
        };
        Self(Arc::new(Router::new(router, state)))
    }

    /// Answers a request of this client, if its address is known.
    pub fn reply<B>(&self, client: Option<ClientAddr>, request: &Request<B>) -> Reply {
        self.0.reply(client, request)
    }
}

/// The error format of paths without a route: the hub has no legacy contract of its own.
const fn unrouted_errors(_: &str) -> ErrorFormat {
    ErrorFormat::Problem
}
