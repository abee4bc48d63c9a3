//! Which path is answered by what, and who may ask: the token first, whatever the path, then 404 and 405, and only
//! then the view.
//!
//! One service looks the path up in a table. Views only pick bytes, so they are plain functions, and a request costs
//! neither a chain of layers nor their boxes.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{HeaderMap, Method, StatusCode};
use tokio::sync::watch;
use tower::Service;

use crate::{
    Published, ServerConfig, answer,
    api::{self, Question},
    envelope, health,
    metrics::Scrape,
    page, percent, problem,
    requests::Requests,
    scope::Scope,
    stream,
};

/// All paths of the server, under the configured prefix and behind the configured token.
pub fn router(config: ServerConfig, published: watch::Receiver<Arc<Published>>) -> Router {
    with_table(config, published, ROUTES)
}

fn with_table(config: ServerConfig, published: watch::Receiver<Arc<Published>>, table: &'static [Route]) -> Router {
    let requests = Requests::of(table.iter().map(Route::name));
    Router::new().fallback_service(Front(Arc::new(App { config, published, table, requests })))
}

/// One path.
struct Route {
    /// What follows the prefix.
    path: &'static str,
    access: Access,
    view: View,
}

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Whoever presents the token, if there is one.
    Token,
    /// Everyone: it holds no data.
    Open,
}

enum View {
    /// Answers `GET` and `HEAD`.
    Read(fn(&Asked<'_>) -> Response),
    /// Answers `GET` and `HEAD` of each path that has one more segment, which is given.
    Below(fn(&Asked<'_>, &str) -> Response),
    /// Sends every method on, as the original does.
    Moved(fn(&Asked<'_>) -> Response),
}

/// What a view may look at.
struct Asked<'a> {
    app: &'a App,
    query: Option<&'a str>,
    headers: &'a HeaderMap,
}

impl Asked<'_> {
    fn newest(&self) -> Arc<Published> {
        Arc::clone(&self.app.published.borrow())
    }

    fn document(&self) -> Response {
        api::document(self.app.config.token.is_some(), self.headers)
    }

    /// Asks the rich contract. Whoever is admitted today may see everything.
    fn rich(&self, answer: impl FnOnce(&Question<'_>) -> Response) -> Response {
        let newest = self.newest();
        answer(&Question {
            snapshot: &newest.snapshot,
            views: &newest.api,
            archive: &newest.archive,
            scope: Scope::Read,
            query: self.query.unwrap_or_default(),
            headers: self.headers,
        })
    }

    /// Scrapes. Whoever is admitted today may see everything.
    fn scrape(&self) -> Response {
        let newest = self.newest();
        let scrape = Scrape {
            snapshot: &newest.snapshot,
            views: &newest.metrics,
            scope: Scope::Read,
            query: self.query.unwrap_or_default(),
            headers: self.headers,
            server: &self.app.config,
            requests: &self.app.requests,
        };
        scrape.answer()
    }
}

const ROUTES: &[Route] = &[
    Route::read("/status", Access::Token, |asked| asked.newest().status.status(asked.query)),
    Route::read("/count", Access::Token, |asked| asked.newest().status.count()),
    Route::read("/api/v1/snapshot", Access::Token, |asked| {
        asked.app.config.peers.announced(asked.rich(|question| question.snapshot()))
    }),
    Route::read("/api/v1/gpus", Access::Token, |asked| asked.rich(|question| question.gpus())),
    Route::below("/api/v1/gpus/", Access::Token, |asked, name| asked.rich(|question| question.gpu(name))),
    Route::read("/api/v1/processes", Access::Token, |asked| asked.rich(|question| question.processes())),
    Route::read("/api/v1/users", Access::Token, |asked| asked.rich(|question| question.users())),
    Route::read("/api/v1/summary", Access::Token, |asked| asked.rich(|question| question.summary())),
    Route::read("/api/v1/summary.txt", Access::Token, |asked| asked.rich(|question| question.summary_text())),
    Route::read("/api/v1/events", Access::Token, |asked| asked.rich(|question| question.events())),
    Route::read("/api/v1/history", Access::Token, |asked| asked.rich(|question| question.history())),
    Route::read("/api/v1/peers", Access::Token, |asked| asked.app.config.peers.answer()),
    Route::read("/api/v1/stream", Access::Token, |asked| {
        let config = &asked.app.config;
        let answer = stream::open(&config.streams, asked.app.published.clone(), Scope::Read, asked.headers);
        config.peers.announced(answer)
    }),
    Route::read("/metrics", Access::Token, |asked| asked.scrape()),
    Route::read("/openapi.json", Access::Token, |asked| asked.document()),
    Route::read("/healthz", Access::Open, |_| health::alive()),
    Route::read("/readyz", Access::Open, |asked| asked.newest().readiness.answer()),
    Route::read("/", Access::Open, |asked| page::index(asked.headers).unwrap_or_else(envelope::not_found)),
    Route::below(ASSETS, Access::Open, |asked, name| {
        page::asset(name, asked.headers).unwrap_or_else(envelope::not_found)
    }),
    Route::moved("/status/", Access::Token, |asked| answer::redirect("../status", asked.query)),
    Route::moved("/count/", Access::Token, |asked| answer::redirect("../count", asked.query)),
    Route::moved("", Access::Open, to_page),
];

/// Where the page's own files live. They are open, and so is the news that one of them does not exist.
const ASSETS: &str = "/assets/";

/// From the prefix to the page: its links are relative, so it must be asked for with a slash at the end.
fn to_page(asked: &Asked<'_>) -> Response {
    match asked.app.config.url_prefix.last_segment() {
        // Begins with a dot, since a segment may hold a colon and would then read as a scheme.
        Some(segment) => answer::redirect(&format!("./{segment}/"), asked.query),
        None => envelope::not_found(),
    }
}

impl Route {
    const fn read(path: &'static str, access: Access, view: fn(&Asked<'_>) -> Response) -> Self {
        Self { path, access, view: View::Read(view) }
    }

    const fn below(path: &'static str, access: Access, view: fn(&Asked<'_>, &str) -> Response) -> Self {
        Self { path, access, view: View::Below(view) }
    }

    /// How it is counted: what stands in the table, since the prefix is the same for all.
    const fn name(&self) -> &'static str {
        match self.path.as_bytes() {
            [] => "(prefix)",
            _ => self.path,
        }
    }

    /// Whether it answers what follows the prefix.
    fn answers(&self, rest: &str) -> bool {
        match self.view {
            View::Below(_) => rest.strip_prefix(self.path).is_some_and(|name| !name.contains('/')),
            View::Read(_) | View::Moved(_) => rest == self.path,
        }
    }

    const fn moved(path: &'static str, access: Access, view: fn(&Asked<'_>) -> Response) -> Self {
        Self { path, access, view: View::Moved(view) }
    }
}

struct App {
    config: ServerConfig,
    published: watch::Receiver<Arc<Published>>,
    table: &'static [Route],
    requests: Requests,
}

impl App {
    fn answer(&self, request: &Request, route: Option<&'static Route>) -> Response {
        let path = request.uri().path();
        let open = route.map_or_else(|| self.is_asset(path), |route| route.access == Access::Open);
        if !open && !self.admits(request) {
            return envelope::unauthorized();
        }
        let asked = Asked { app: self, query: request.uri().query(), headers: request.headers() };
        let rich = self.is_rich(path);
        match route.map(|route| &route.view) {
            None if rich => problem::not_found(),
            None => envelope::not_found(),
            Some(View::Moved(view)) => view(&asked),
            Some(View::Read(view)) if reads(request.method()) => view(&asked),
            Some(View::Below(view)) if reads(request.method()) => {
                view(&asked, path.rsplit('/').next().unwrap_or_default())
            }
            Some(_) if rich => problem::method_not_allowed(),
            Some(_) => envelope::method_not_allowed(),
        }
    }

    fn count(&self, route: Option<&'static Route>, status: StatusCode) {
        let place = route.and_then(|route| self.table.iter().position(|other| std::ptr::eq(route, other)));
        self.requests.count(place, status);
    }

    fn admits(&self, request: &Request) -> bool {
        self.config.token.as_ref().is_none_or(|token| token.admits(request.headers()))
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

/// The service behind every path.
#[derive(Clone)]
struct Front(Arc<App>);

impl Service<Request<Body>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // Views change nothing, so none can leave anything half done.
        let route = self.0.find(request.uri().path());
        let answer = catch_unwind(AssertUnwindSafe(|| self.0.answer(&request, route)));
        let response = answer.unwrap_or_else(|_| {
            // The panic itself has been told by the panic hook.
            tracing::error!(path = request.uri().path(), "a request ended in a panic");
            self.0.config.counters.count_panic();
            if self.0.is_rich(request.uri().path()) { problem::internal() } else { envelope::internal() }
        });
        self.0.count(route, response.status());
        ready(Ok(if request.method() == Method::HEAD { answer::without_body(response) } else { response }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Publisher;
    use http_body_util::BodyExt;
    use hyper::StatusCode;
    use telemetry::Stamp;
    use tower::ServiceExt;

    fn breaks(_: &Asked<'_>) -> Response {
        panic!("a view that breaks, on purpose")
    }

    const BROKEN: &[Route] = &[Route::read("/broken", Access::Token, breaks)];

    #[tokio::test]
    async fn a_panic_is_a_500_and_is_counted() {
        let config = ServerConfig::default();
        let counters = Arc::clone(&config.counters);
        let router = with_table(config, Publisher::new(Stamp::default()).subscribe(), BROKEN);
        for expected in 1..=2 {
            let request = Request::get("/broken").body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, r#"{"code":500,"data":null,"error":"Internal Server Error"}"#);
            assert_eq!(counters.panics(), expected);
        }
    }

    #[test]
    fn no_path_stands_twice() {
        for (position, route) in ROUTES.iter().enumerate() {
            assert!(ROUTES[..position].iter().all(|earlier| earlier.path != route.path), "{}", route.path);
        }
    }
}
