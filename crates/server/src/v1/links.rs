//! Links to resources that only some agents have, sent with those that the page reads first.

use http_server::Response;
use hyper::{
    StatusCode,
    header::{HeaderValue, LINK},
};

use crate::config::ServerConfig;

// The addresses are relative, so they hold behind a proxy.
static PEERS: HeaderValue = HeaderValue::from_static("<peers>; rel=\"related\"");
static USAGE: HeaderValue = HeaderValue::from_static("<usage>; rel=\"related\"");

/// Adds a `Link` header for peers and for usage, if there are any, so that the page asks for them only then.
pub(crate) fn with_links(config: &ServerConfig, mut response: Response) -> Response {
    if response.status() == StatusCode::OK {
        let links = [(!config.peers.list().is_empty(), &PEERS), (config.usage.is_some(), &USAGE)];
        for (_, link) in links.into_iter().filter(|(is_there, _)| *is_there) {
            response.headers_mut().append(LINK, link.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_server::response;

    use super::*;
    use crate::usage::fake::FakeStore;

    #[test]
    fn links_name_what_the_agent_has() {
        let links = |config: &ServerConfig, status| {
            let response = with_links(config, response::json(status, "{}".into()));
            response.headers().get_all(LINK).iter().map(|link| link.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let none = ServerConfig::default();
        assert!(links(&none, StatusCode::OK).is_empty());
        let both = ServerConfig {
            peers: "gpu02=/server2".parse().unwrap(),
            usage: Some(Arc::new(FakeStore::default())),
            ..ServerConfig::default()
        };
        assert_eq!(links(&both, StatusCode::OK), ["<peers>; rel=\"related\"", "<usage>; rel=\"related\""]);
        assert!(links(&both, StatusCode::SERVICE_UNAVAILABLE).is_empty());
    }
}
