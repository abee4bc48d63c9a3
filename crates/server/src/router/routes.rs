//! Which path is answered by what, and whether it needs a token.
//!
//! Views only pick bytes, so they are plain functions, and a request costs neither a chain of layers nor their boxes.

use std::sync::Arc;

use axum::response::Response;
use hyper::HeaderMap;

use crate::{
    auth::{Leave, Reader, scope::Scope},
    http::{answer, envelope},
    metrics::Scrape,
    net::peer::Peer,
    publish::{Published, health},
    router::{Inner, page},
    stream,
    v1::{self, Question},
};

/// One path.
pub(crate) struct Route {
    /// What follows the prefix.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) view: View,
}

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whoever presents the token, if there is one.
    Token,
    /// Everyone: it holds no data.
    Open,
}

pub(crate) enum View {
    /// Answers `GET` and `HEAD`.
    Read(fn(&Asked<'_>) -> Response),
    /// Answers `GET` and `HEAD` of each path that has one more segment, which is given.
    Below(fn(&Asked<'_>, &str) -> Response),
    /// Sends every method on, as the original does.
    Moved(fn(&Asked<'_>) -> Response),
}

/// What a view may look at.
pub(crate) struct Asked<'a> {
    pub(crate) app: &'a Inner,
    pub(crate) scope: Scope,
    /// None if everybody may ask.
    pub(crate) reader: Option<&'a Reader>,
    /// None if it is not known.
    pub(crate) peer: Option<Peer>,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
}

impl Asked<'_> {
    fn newest(&self) -> Arc<Published> {
        Arc::clone(&self.app.published.borrow())
    }

    /// Until when the reader may stay.
    fn leave(&self) -> Leave {
        self.reader.map_or_else(Leave::always, |reader| self.app.gate.leave(reader))
    }

    fn document(&self) -> Response {
        v1::document(self.app.gate.is_shut(), self.headers)
    }

    /// Asks the rich contract.
    fn rich(&self, answer: impl FnOnce(&Question<'_>) -> Response) -> Response {
        let newest = self.newest();
        answer(&Question {
            snapshot: &newest.snapshot,
            views: &newest.api,
            archive: &newest.archive,
            scope: self.scope,
            query: self.query.unwrap_or_default(),
            headers: self.headers,
        })
    }

    /// Scrapes.
    fn scrape(&self) -> Response {
        let newest = self.newest();
        let scrape = Scrape {
            snapshot: &newest.snapshot,
            views: &newest.metrics,
            scope: self.scope,
            query: self.query.unwrap_or_default(),
            headers: self.headers,
            server: &self.app.config,
            requests: &self.app.requests,
        };
        scrape.answer()
    }
}

pub(crate) const ROUTES: &[Route] = &[
    Route::read("/status", Access::Token, |asked| asked.newest().frozen(asked.scope).status(asked.query)),
    Route::read("/count", Access::Token, |asked| asked.newest().frozen(asked.scope).count()),
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
        let Inner { config, published, .. } = asked.app;
        let (leave, peer) = (asked.leave(), asked.peer);
        let answer = stream::open(&config.streams, published.clone(), asked.scope, leave, peer, asked.headers);
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
pub(crate) const ASSETS: &str = "/assets/";

/// From the prefix to the page: its links are relative, so it must be asked for with a slash at the end.
fn to_page(asked: &Asked<'_>) -> Response {
    match asked.app.config.url_prefix.last_segment() {
        // Begins with a dot, since a segment may hold a colon and would then read as a scheme.
        Some(segment) => answer::redirect(&format!("./{segment}/"), asked.query),
        None => envelope::not_found(),
    }
}

impl Route {
    pub(crate) const fn read(path: &'static str, access: Access, view: fn(&Asked<'_>) -> Response) -> Self {
        Self { path, access, view: View::Read(view) }
    }

    const fn below(path: &'static str, access: Access, view: fn(&Asked<'_>, &str) -> Response) -> Self {
        Self { path, access, view: View::Below(view) }
    }

    /// How it is counted: what stands in the table, since the prefix is the same for all.
    pub(crate) const fn name(&self) -> &'static str {
        match self.path.as_bytes() {
            [] => "(prefix)",
            _ => self.path,
        }
    }

    /// Whether it answers what follows the prefix.
    pub(crate) fn answers(&self, rest: &str) -> bool {
        match self.view {
            View::Below(_) => rest.strip_prefix(self.path).is_some_and(|name| !name.contains('/')),
            View::Read(_) | View::Moved(_) => rest == self.path,
        }
    }

    const fn moved(path: &'static str, access: Access, view: fn(&Asked<'_>) -> Response) -> Self {
        Self { path, access, view: View::Moved(view) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_unique() {
        for (position, route) in ROUTES.iter().enumerate() {
            assert!(ROUTES[..position].iter().all(|earlier| earlier.path != route.path), "{}", route.path);
        }
    }
}
