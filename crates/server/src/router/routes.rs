//! The table of routes: the path, the access, the format of errors and the handler of each.
//!
//! Handlers only pick bytes, so they are plain functions, and a request passes no chain of layers.

use std::sync::Arc;

use http_server::{Access, ErrorFormat, RequestContext, Response, Route, response};

use super::{State, page};
use crate::{
    metrics::Scrape,
    publish::{Published, readiness},
    stream,
    v1::{self, Question},
};

type Context<'a> = RequestContext<'a, State>;

pub(crate) const ROUTES: &[Route<State>] = &[
    Route::read("/status", Access::Views, ErrorFormat::Legacy, |context| {
        newest(context).legacy(context.scope).status(context.query)
    }),
    Route::read("/count", Access::Views, ErrorFormat::Legacy, |context| newest(context).legacy(context.scope).count()),
    Route::read("/api/v1/snapshot", Access::Views, ErrorFormat::Problem, |context| {
        v1::peers::with_link(&context.router.state.config.peers, v1(context, |question| question.snapshot()))
    }),
    Route::read("/api/v1/gpus", Access::Views, ErrorFormat::Problem, |context| v1(context, |question| question.gpus())),
    Route::below("/api/v1/gpus/", Access::Views, ErrorFormat::Problem, |context, name| {
        v1(context, |question| question.gpu(name))
    }),
    Route::read("/api/v1/processes", Access::Views, ErrorFormat::Problem, |context| {
        v1(context, |question| question.processes())
    }),
    Route::read("/api/v1/users", Access::Views, ErrorFormat::Problem, |context| {
        v1(context, |question| question.users())
    }),
    Route::read("/api/v1/summary", Access::Views, ErrorFormat::Problem, |context| {
        v1(context, |question| question.summary())
    }),
    Route::read("/api/v1/summary.txt", Access::Views, ErrorFormat::Problem, |context| {
        v1(context, |question| question.summary_text())
    }),
    Route::read("/api/v1/events", Access::Views, ErrorFormat::Problem, |context| {
        v1(context, |question| question.events())
    }),
    Route::read("/api/v1/history", Access::Views, ErrorFormat::Problem, |context| {
        v1(context, |question| question.history())
    }),
    Route::read("/api/v1/peers", Access::Views, ErrorFormat::Problem, |context| {
        v1::peers::answer(&context.router.state.config.peers)
    }),
    Route::read("/api/v1/stream", Access::Views, ErrorFormat::Problem, |context| {
        let State { config, published } = &context.router.state;
        let (revocation, client) = (context.revocation(), context.client);
        let response =
            stream::open(&config.streams, published.clone(), context.scope, revocation, client, context.headers);
        v1::peers::with_link(&config.peers, response)
    }),
    Route::read("/metrics", Access::AnyScope, ErrorFormat::Problem, |context| scrape(context)),
    Route::read("/openapi.json", Access::Views, ErrorFormat::Problem, |context| {
        v1::document(context.router.auth().is_restricted(), context.headers)
    }),
    Route::read("/healthz", Access::Open, ErrorFormat::Legacy, |_| readiness::alive()),
    Route::read("/readyz", Access::Open, ErrorFormat::Legacy, |context| newest(context).readiness.answer()),
    Route::read("/", Access::Open, ErrorFormat::Legacy, |context| {
        page::index(context.headers).unwrap_or_else(|| context.not_found())
    }),
    Route::below(ASSETS, Access::Open, ErrorFormat::Legacy, |context, name| {
        page::asset(name, context.headers).unwrap_or_else(|| context.not_found())
    }),
    Route::redirect("/status/", Access::Views, |context| response::redirect("../status", context.query)),
    Route::redirect("/count/", Access::Views, |context| response::redirect("../count", context.query)),
    Route::redirect("", Access::Open, to_page),
];

/// Path of the page's own files. They are open, and so is the fact that one does not exist.
pub(crate) const ASSETS: &str = "/assets/";

/// Redirects from the prefix to the page: its links are relative, so its path must end in a slash.
fn to_page(context: &Context<'_>) -> Response {
    match context.router.prefix().last_segment() {
        // Begins with a dot, because a segment can contain a colon and would then read as a scheme.
        Some(segment) => response::redirect(&format!("./{segment}/"), context.query),
        None => context.not_found(),
    }
}

fn newest(context: &Context<'_>) -> Arc<Published> {
    Arc::clone(&context.router.state.published.borrow())
}

/// Answers a question to `/api/v1`.
fn v1(context: &Context<'_>, answer: impl FnOnce(&Question<'_>) -> Response) -> Response {
    let newest = newest(context);
    answer(&Question {
        snapshot: &newest.snapshot,
        views: &newest.v1,
        archive: &newest.archive,
        scope: context.scope,
        query: context.query.unwrap_or_default(),
        headers: context.headers,
    })
}

fn scrape(context: &Context<'_>) -> Response {
    let newest = newest(context);
    let scrape = Scrape {
        snapshot: &newest.snapshot,
        views: &newest.metrics,
        scope: context.scope,
        query: context.query.unwrap_or_default(),
        headers: context.headers,
    };
    scrape.answer()
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
