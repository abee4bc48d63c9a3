//! The application: the table of routes over the newest snapshot.

pub mod page;
mod parameters;
pub(crate) mod routes;

use std::sync::Arc;

use http_server::{ErrorFormat, Reply, Router, RouterConfig, net::ClientAddr};
use hyper::Request;
use tokio::sync::watch;

use crate::{config::ServerConfig, publish::Published};
use routes::{ASSETS, ENDPOINTS, Endpoint};

/// Query parameters that the access log contains: those that say nothing about people.
const LOGGED_PARAMETERS: &[&str] = &[
    "idx", "process", "gpu", "type", "metric", "since", "until", "limit", "step", "agg", "format", "names", "set",
    "by", "tz", "count", "memory", "model", "mig", "held", "view",
];

/// The application, under the configured prefix and behind the configured tokens.
#[derive(Clone)]
pub struct App(Arc<Router<State>>);

/// The state that handlers use.
pub(crate) struct State {
    pub(crate) config: ServerConfig,
    pub(crate) published: watch::Receiver<Arc<Published>>,
}

impl App {
    /// An application with this configuration that answers from what is published.
    #[must_use]
    pub fn new(config: ServerConfig, published: watch::Receiver<Arc<Published>>) -> Self {
        Self::with_endpoints(config, published, ENDPOINTS)
    }

    fn with_endpoints(
        config: ServerConfig,
        published: watch::Receiver<Arc<Published>>,
        endpoints: &'static [Endpoint],
    ) -> Self {
        let router = RouterConfig {
            prefix: config.url_prefix.clone(),
            auth: config.auth(),
            allowed_hosts: config.allowed_hosts.clone(),
            cors_origins: config.cors_origins.clone(),
            access_log: config.access_log,
            logged_parameters: LOGGED_PARAMETERS,
            routes: endpoints.iter().map(|endpoint| &endpoint.route).collect(),
            open_below: ASSETS,
            unrouted_errors,
        };
        let router = Router::new(router, State { config, published });
        let streams = Arc::clone(&router.state.config.streams);
        router.state.published.borrow().http.attach(Arc::clone(router.requests()), streams);
        Self(Arc::new(router))
    }

    /// Answers a request of this client, if its address is known.
    pub fn reply<B>(&self, client: Option<ClientAddr>, request: &Request<B>) -> Reply {
        self.0.reply(client, request)
    }
}

/// The error format of paths without a route: problems below `/api/v1`.
fn unrouted_errors(path: &str) -> ErrorFormat {
    let below = path.strip_prefix("/api/v1").is_some_and(|below| below.is_empty() || below.starts_with('/'));
    if below { ErrorFormat::Problem } else { ErrorFormat::Legacy }
}

#[cfg(test)]
mod tests;
