//! The audit log: an event of `tracing` with the target [`TARGET`] for each proxied request, in the form of the access
//! log. Its path is the access log's, without secrets.

use std::time::Instant;

use http_server::{RequestContext, auth::Principal, net::ClientAddr};
use hyper::{Method, StatusCode};

/// Target of the events.
pub const TARGET: &str = "audit";

/// Longest name of a host that is logged; a longer one is no host's.
const MAX_NAME: usize = 253;

/// A request that is being answered. It is logged when its answer begins, or when its viewer gives up.
pub(super) struct Audit {
    begun: Instant,
    from: Option<ClientAddr>,
    who: Box<str>,
    method: Method,
    host: Box<str>,
    path: String,
    status: Option<StatusCode>,
}

impl Audit {
    pub(super) fn begin<S>(context: &RequestContext<'_, S>, host: &str) -> Self {
        let who = match context.principal {
            Some(Principal::Token(_)) => context.who(),
            // Parentheses are in no token's name.
            _ => "(anonymous)",
        };
        Self {
            begun: Instant::now(),
            from: context.client,
            who: who.into(),
            method: context.method.clone(),
            host: if host.len() <= MAX_NAME { host.into() } else { "-".into() },
            path: context.logged_target(),
            status: None,
        }
    }

    /// Logs the request with the status of its answer.
    pub(super) fn end(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        tracing::info!(
            target: TARGET,
            from = self.from.map(tracing::field::display),
            who = &*self.who,
            host = &*self.host,
            method = self.method.as_str(),
            path = self.path,
            status = self.status.map(|status| status.as_u16()),
            microseconds = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
    }
}
