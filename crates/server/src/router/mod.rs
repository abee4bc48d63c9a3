//! Who may ask, and in which order that is looked at: the token first, whatever the path, then the scope, then 404 and
//! 405, and only then the view.

mod page;
mod routes;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use axum::{Router, body::Body, response::Response};
use hyper::{Method, Request, StatusCode};
use tokio::{sync::watch, time::Instant};

use crate::{
    auth::{Gate, Pace, Reader, Refusal, scope::Scope},
    config::ServerConfig,
    http::{
        access_log::Line, answer, envelope, headers, hosts::Hosts, origins::Origins, percent, problem, reply::Reply,
        requests::Requests,
    },
    net::peer::Peer,
    publish::Published,
    router::routes::{ASSETS, Access, Asked, ROUTES, Route, View},
};

/// All paths of the server, under the configured prefix and behind the configured tokens.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The same as a router, which knows nothing of connections.
pub fn router(config: ServerConfig, published: watch::Receiver<Arc<Published>>) -> Router {
    let app = App::new(config, published);
    Router::new().fallback(move |request: Request<Body>| app.reply(None, &request))
}

/// What answers have in common.
pub(crate) struct Inner {
    pub(crate) config: ServerConfig,
    pub(crate) published: watch::Receiver<Arc<Published>>,
    table: &'static [Route],
    pub(crate) gate: Gate,
    pace: Arc<Pace>,
    hosts: Option<Hosts>,
    origins: Origins,
    pub(crate) requests: Requests,
}

impl Inner {
    fn answer<B>(
        &self,
        request: &Request<B>,
        route: Option<&'static Route>,
        reader: Option<&Reader>,
        peer: Option<Peer>,
    ) -> Response {
        let path = request.uri().path();
        let (scope, anonymous) = match reader {
            None => (Scope::Read, false),
            Some(Reader::Known(token)) => (token.scope, false),
            Some(Reader::Anonymous(scope)) => (*scope, true),
            Some(Reader::Wrong | Reader::Stranger) => return envelope::unauthorized(),
        };
        let foreign = |hosts: &Hosts| hosts.foreign(request.uri(), request.headers()).is_some();
        if anonymous && self.hosts.as_ref().is_some_and(foreign) {
            return if self.is_rich(path) { problem::misdirected() } else { envelope::misdirected() };
        }
        let (query, headers) = (request.uri().query(), request.headers());
        let asked = Asked { app: self, scope, reader, peer, query, headers };
        let response = if scope.may_ask(route.map_or("", |route| route.path)) {
            self.view(request, route, &asked)
        } else if self.is_rich(path) {
            problem::forbidden()
        } else {
            envelope::forbidden()
        };
        // Who comes without a token is told that there are some, since one of them may see it.
        let wants = anonymous && response.status() == StatusCode::FORBIDDEN && self.gate.has_tokens();
        if wants { envelope::unauthorized() } else { response }
    }

    fn view<B>(&self, request: &Request<B>, route: Option<&'static Route>, asked: &Asked<'_>) -> Response {
        let path = request.uri().path();
        match route.map(|route| &route.view) {
            None if self.is_rich(path) => problem::not_found(),
            None => envelope::not_found(),
            Some(View::Moved(view)) => view(asked),
            Some(View::Read(view)) if reads(request.method()) => view(asked),
            Some(View::Below(view)) if reads(request.method()) => {
                view(asked, path.rsplit('/').next().unwrap_or_default())
            }
            Some(_) if self.is_rich(path) => problem::method_not_allowed(),
            Some(_) => envelope::method_not_allowed(),
        }
    }

    /// Who asks; none if everybody may.
    fn reader<B>(&self, request: &Request<B>, route: Option<&'static Route>) -> Option<Reader> {
        let open = route.map_or_else(|| self.is_asset(request.uri().path()), |route| route.access == Access::Open);
        if open { None } else { Some(self.gate.admit(request.headers())) }
    }

    /// The route of a path as it is written or, as the original has it, of what its escapes stand for. From a path
    /// with escapes nobody is sent on, since the slashes that a relative address counts may be hidden in them.
    fn find(&self, path: &str) -> Option<&'static Route> {
        let direct = self.at(path);
        if direct.is_some() || !path.contains('%') {
            return direct;
        }
        let decoded = String::from_utf8(percent::decode(path.as_bytes()).collect()).ok()?;
        self.at(&decoded).filter(|route| !matches!(route.view, View::Moved(_)))
    }

    fn at(&self, path: &str) -> Option<&'static Route> {
        let rest = self.config.url_prefix.strip(path)?;
        self.table.iter().find(|route| route.answers(rest))
    }

    /// Whether errors under that path have the rich contract's form.
    fn is_rich(&self, path: &str) -> bool {
        self.config.url_prefix.strip(path).is_some_and(|rest| {
            let below = rest.strip_prefix("/api/v1");
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
                || matches!(rest, "/openapi.json" | "/metrics")
        })
    }

    fn is_asset(&self, path: &str) -> bool {
        self.config.url_prefix.strip(path).is_some_and(|rest| rest.starts_with(ASSETS))
    }
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

impl App {
    /// With this configuration, answering from what is published.
    #[must_use]
    pub fn new(config: ServerConfig, published: watch::Receiver<Arc<Published>>) -> Self {
        Self::with_table(config, published, ROUTES)
    }

    fn with_table(config: ServerConfig, published: watch::Receiver<Arc<Published>>, table: &'static [Route]) -> Self {
        Self(Arc::new(Inner {
            gate: Gate::new(&config),
            pace: Arc::default(),
            hosts: config.allowed_hosts.clone().map(Hosts::new),
            origins: Origins::new(config.cors_origins.clone()),
            requests: Requests::of(table.iter().map(Route::name)),
            config,
            published,
            table,
        }))
    }

    /// Answers a request of that peer; none if it is not known.
    pub fn reply<B>(&self, peer: Option<Peer>, request: &Request<B>) -> Reply {
        let app = &*self.0;
        let line = app.config.access_log.then(|| Line::begin(request.method(), request.uri(), peer, &app.gate));
        let (mut response, reader) = match app.origins.preflight(request.method(), request.headers()) {
            Some(permit) => (permit, None),
            None => app.looked_up(request, peer),
        };
        headers::protect(response.headers_mut());
        app.origins.mark(request.headers(), response.headers_mut());
        if request.method() == Method::HEAD {
            response = answer::without_body(response);
        }
        if let Some(line) = line {
            line.end(reader.as_ref(), &response);
        }
        match (reader, peer) {
            (Some(Reader::Wrong), Some(peer)) => match app.pace.wrong(peer.origin(), Instant::now()) {
                Refusal::Now => Reply::now(response),
                Refusal::After(place) => Reply::after(place, response),
                Refusal::AndClosed => Reply::now(answer::closing(response)),
            },
            _ => Reply::now(response),
        }
    }
}

impl Inner {
    /// The answer to a request, and whose it is.
    fn looked_up<B>(&self, request: &Request<B>, peer: Option<Peer>) -> (Response, Option<Reader>) {
        let route = self.find(request.uri().path());
        let reader = self.reader(request, route);
        // Views change nothing, so none can leave anything half done.
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(request, route, reader.as_ref(), peer)));
        let response = answer.unwrap_or_else(|_| {
            // The panic itself has been told by the panic hook.
            tracing::error!(path = route.map(|route| route.path), "a request ended in a panic");
            self.config.counters.count_panic();
            if self.is_rich(request.uri().path()) { problem::internal() } else { envelope::internal() }
        });
        self.count(route, response.status());
        (response, reader)
    }

    fn count(&self, route: Option<&'static Route>, status: StatusCode) {
        let place = route.and_then(|route| self.table.iter().position(|other| std::ptr::eq(route, other)));
        self.requests.count(place, status);
    }
}

#[cfg(test)]
mod tests;
