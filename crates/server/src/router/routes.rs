//! The table of routes: path, access, error format, handler and documentation of each.
//!
//! Routing and the OpenAPI document both come from it. Handlers only pick bytes, so they are plain functions, and a
//! request passes no chain of layers.

use std::sync::Arc;

use http_server::{Access, ErrorFormat, Later, RequestContext, Response, Route, encoding, response};
use utoipa::openapi::{ObjectBuilder, schema::Type};

use super::{State, page, parameters};
use crate::{
    metrics::Scrape,
    openapi::{
        self,
        builders::{array, object, reference, text, words},
        operation::{CSV, Documented, JSON, Operation, OtherForm, STREAM, TEXT, Tag},
    },
    publish::{Published, readiness},
    stream,
    v1::{self, Question, usage::UsageRequest},
};

type Context<'a> = RequestContext<'a, State>;
type Read = fn(&Context<'_>) -> Response;
type Wait = fn(&Context<'_>) -> Later;

/// A route, and its documentation unless it is for browsers or Prometheus alone.
pub(crate) struct Endpoint {
    pub(crate) route: Route<State>,
    /// The operation, and the path's parameter in braces.
    documentation: Option<(Operation, &'static str)>,
}

impl Endpoint {
    pub(crate) const fn undocumented(route: Route<State>) -> Self {
        Self { route, documentation: None }
    }

    /// A route of `/api/v1`, which refuses unknown parameters.
    const fn v1(path: &'static str, handler: Read, operation: Operation) -> Self {
        let route = Route::read(path, Access::Views, ErrorFormat::Problem, handler).knowing(operation.parameters.names);
        Self { route, documentation: Some((operation, "")) }
    }

    /// A route of `/api/v1` that answers later.
    const fn v1_later(path: &'static str, handler: Wait, operation: Operation) -> Self {
        let route =
            Route::later(path, Access::Views, ErrorFormat::Problem, handler).knowing(operation.parameters.names);
        Self { route, documentation: Some((operation, "")) }
    }

    /// A route with a document about this API.
    const fn document(path: &'static str, handler: Read, operation: Operation) -> Self {
        let route = Route::read(path, Access::Views, ErrorFormat::Problem, handler);
        Self { route, documentation: Some((operation, "")) }
    }

    /// A route of the original's contract.
    const fn legacy(path: &'static str, access: Access, handler: Read, operation: Operation) -> Self {
        let route = Route::read(path, access, ErrorFormat::Legacy, handler);
        Self { route, documentation: Some((operation, "")) }
    }
}

const CSV_ROWS: &str =
    "A header, and a row per GPU and step: its beginning in UTC, index and UUID, and a column per metric.";

const USAGE_ROWS: &str = "A header, and a line per row with the same columns.";
const SESSION_ROWS: &str = "A header, and a line per session with the same columns, and times in UTC. The header Link leads to \
                            the next page.";

/// An operation without parameters that answers JSON.
const JSON_OPERATION: Operation = Operation {
    id: "",
    tag: Tag::State,
    summary: "",
    segment: None,
    parameters: parameters::NONE,
    schema: || text(""),
    media_type: JSON,
    other_form: None,
    refusals: &[],
};

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::legacy(
        "/status",
        Access::Views,
        |context| newest(context).legacy(context.scope).status(context.query),
        Operation {
            id: "getStatus",
            tag: Tag::Original,
            summary: "Every GPU and every process on it, in the original's format",
            parameters: parameters::STATUS,
            schema: || reference("Status"),
            refusals: &["NoDriver", "WrongParameter"],
            ..JSON_OPERATION
        },
    ),
    Endpoint::legacy(
        "/count",
        Access::Views,
        |context| newest(context).legacy(context.scope).count(),
        Operation {
            id: "getCount",
            tag: Tag::Original,
            summary: "Number of GPUs, in the original's format",
            schema: || reference("Count"),
            refusals: &["NoDriver"],
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/snapshot",
        |context| v1::links::with_links(&context.router.state.config, v1(context, |question| question.snapshot())),
        Operation {
            id: "getSnapshot",
            summary: "The whole snapshot",
            schema: || reference("Snapshot"),
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/gpus",
        |context| v1(context, |question| question.gpus()),
        Operation { id: "listGpus", summary: "Every GPU", schema: || array(reference("GpuView")), ..JSON_OPERATION },
    ),
    Endpoint {
        route: Route::below("/api/v1/gpus/", Access::Views, ErrorFormat::Problem, |context, name| {
            v1(context, |question| question.gpu(name))
        })
        .knowing(parameters::NONE.names),
        documentation: Some((
            Operation {
                id: "getGpu",
                summary: "One GPU",
                segment: Some(parameters::ONE_GPU),
                schema: || reference("GpuView"),
                refusals: &["NotFound"],
                ..JSON_OPERATION
            },
            "{gpu}",
        )),
    },
    Endpoint::v1(
        "/api/v1/processes",
        |context| v1(context, |question| question.processes()),
        Operation {
            id: "listProcesses",
            summary: "The processes on the GPUs",
            parameters: parameters::PROCESSES,
            schema: || array(reference("ProcessView")),
            refusals: &["NotFound"],
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/users",
        |context| v1(context, |question| question.users()),
        Operation {
            id: "listUsers",
            summary: "GPUs, memory and processes of each user",
            schema: || array(reference("UserView")),
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/summary",
        |context| v1(context, |question| question.summary()),
        Operation {
            id: "getSummary",
            summary: "The host's GPUs at a glance: use, health, memory, users and problems",
            schema: || reference("SummaryView"),
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/summary.txt",
        |context| v1(context, |question| question.summary_text()),
        Operation {
            id: "getSummaryText",
            summary: "The summary for a terminal: a line for the host, and one per GPU",
            schema: || text("Lines."),
            media_type: TEXT,
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/find",
        |context| v1(context, |question| question.find()),
        Operation {
            id: "findDevices",
            summary: "GPUs or MIG instances that are free, healthy and read on time, the smallest that suffice first; else what is missing",
            parameters: parameters::FIND,
            schema: || reference("Find"),
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/events",
        |context| v1(context, |question| question.events()),
        Operation {
            id: "listEvents",
            tag: Tag::Past,
            summary: "Events, the newest last; the newest 10,000 are kept",
            parameters: parameters::EVENTS,
            schema: || array(reference("EventView")),
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/history",
        |context| v1(context, |question| question.history()),
        Operation {
            id: "getHistory",
            tag: Tag::Past,
            summary: "Readings of the last minutes in fine steps, of the last day in coarse ones, or of the last month in long ones; null where nothing was read",
            parameters: parameters::HISTORY,
            schema: || reference("History"),
            other_form: Some(OtherForm { media_type: CSV, schema: || text(CSV_ROWS) }),
            refusals: &["NotFound"],
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1_later(
        "/api/v1/usage",
        |context| usage(context).usage(),
        Operation {
            id: "getUsage",
            tag: Tag::Usage,
            summary: "GPU time, memory and energy of a period, by user, GPU, day or more; the rows and what was free, unknown, \
                      unassigned and unobserved add up to the device time",
            parameters: parameters::USAGE,
            schema: || reference("Usage"),
            other_form: Some(OtherForm { media_type: CSV, schema: || text(USAGE_ROWS) }),
            refusals: &["NoUsage", "Busy"],
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1_later(
        "/api/v1/sessions",
        |context| usage(context).sessions(),
        Operation {
            id: "listSessions",
            tag: Tag::Usage,
            summary: "Sessions, each of one user on one GPU or MIG instance without a minute's absence; the newest first",
            parameters: parameters::SESSIONS,
            schema: || reference("Sessions"),
            other_form: Some(OtherForm { media_type: CSV, schema: || text(SESSION_ROWS) }),
            refusals: &["NoUsage", "Busy"],
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/peers",
        |context| v1::peers::answer(&context.router.state.config.peers),
        Operation {
            id: "listPeers",
            tag: Tag::Hosts,
            summary: "Other hosts, as configured with --peers; only the page sends requests to them",
            schema: || array(reference("PeerView")),
            ..JSON_OPERATION
        },
    ),
    Endpoint::v1(
        "/api/v1/stream",
        open_stream,
        Operation {
            id: "openStream",
            summary: "Server-Sent Events without an end: `snapshot` (the whole; its id begins with its number) on every tick, \
                      `event` for each event. With view=summary, `summary` when something has changed, else `alive` with \
                      sampled_at, read_at and age_ms",
            parameters: parameters::STREAM,
            schema: || text("Events, each of several lines."),
            media_type: STREAM,
            refusals: &["NoPlace"],
            ..JSON_OPERATION
        },
    ),
    Endpoint::undocumented(Route::read("/metrics", Access::AnyScope, ErrorFormat::Problem, scrape)),
    Endpoint::document(
        "/openapi.json",
        document,
        Operation {
            id: "getDocument",
            tag: Tag::Agent,
            summary: "This document",
            schema: || ObjectBuilder::new().schema_type(Type::Object).description(Some("This document.")).into(),
            ..JSON_OPERATION
        },
    ),
    Endpoint::legacy(
        "/healthz",
        Access::Open,
        |_| readiness::alive(),
        Operation {
            id: "isAlive",
            tag: Tag::Agent,
            summary: "200 while the program runs; requires no token",
            schema: || object("The program runs.", [("status", words(&["ok"]))]),
            ..JSON_OPERATION
        },
    ),
    Endpoint::legacy(
        "/readyz",
        Access::Open,
        |context| newest(context).readiness.answer(),
        Operation {
            id: "isReady",
            tag: Tag::Agent,
            summary: "200 while GPUs are read on time, otherwise 503; requires no token",
            schema: || reference("Readiness"),
            refusals: &["NotReady"],
            ..JSON_OPERATION
        },
    ),
    Endpoint::undocumented(Route::read("/", Access::Open, ErrorFormat::Legacy, |context| {
        page::index(&context.router.state.config.frame_ancestors, context.headers)
            .unwrap_or_else(|| context.not_found())
    })),
    // Open, as the page: it requests the document with the token that the browser has.
    Endpoint::undocumented(Route::read("/docs", Access::Open, ErrorFormat::Legacy, |context| {
        page::reference(&context.router.state.config.frame_ancestors, context.headers)
            .unwrap_or_else(|| context.not_found())
    })),
    Endpoint::undocumented(Route::below(ASSETS, Access::Open, ErrorFormat::Legacy, |context, name| {
        page::asset(name, &context.router.state.config.frame_ancestors, context.headers)
            .unwrap_or_else(|| context.not_found())
    })),
    Endpoint::undocumented(Route::redirect("/status/", Access::Views, |context| {
        response::redirect("../status", context.query)
    })),
    Endpoint::undocumented(Route::redirect("/count/", Access::Views, |context| {
        response::redirect("../count", context.query)
    })),
    Endpoint::undocumented(Route::redirect("", Access::Open, to_page)),
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

/// A request to the accounting of usage. It owns what it needs, because it outlives the handler.
fn usage(context: &Context<'_>) -> UsageRequest {
    let (config, newest) = (&context.router.state.config, newest(context));
    UsageRequest {
        store: config.usage.clone(),
        price: config.price_gpu_hour.clone(),
        snapshot: Arc::clone(&newest.snapshot),
        commands: newest.v1.commands(),
        scope: context.scope,
        query: context.query.unwrap_or_default().to_owned(),
        gzip: encoding::accepts(context.headers, "gzip"),
    }
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

fn open_stream(context: &Context<'_>) -> Response {
    let State { config, published } = &context.router.state;
    let (revocation, client) = (context.revocation(), context.client);
    let query = context.query.unwrap_or_default();
    let response =
        stream::open(&config.streams, published.clone(), context.scope, revocation, client, query, context.headers);
    v1::links::with_links(config, response)
}

fn document(context: &Context<'_>) -> Response {
    let gzip = encoding::accepts(context.headers, "gzip");
    let (body, gzipped) = openapi::document(context.router.auth().is_restricted(), gzip, documented);
    response::negotiated(body, gzipped)
}

/// The documented routes, in the order of the table.
pub(crate) fn documented() -> Vec<Documented> {
    let documented = ENDPOINTS.iter().filter_map(|Endpoint { route, documentation }| {
        let (operation, parameter) = documentation.as_ref()?;
        let path = format!("{}{parameter}", route.path);
        let is_strict = route.parameters.is_some();
        Some(Documented { path, access: route.access, errors: route.errors, is_strict, operation })
    });
    documented.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_unique() {
        for (position, endpoint) in ENDPOINTS.iter().enumerate() {
            let path = endpoint.route.path;
            assert!(ENDPOINTS[..position].iter().all(|earlier| earlier.route.path != path), "{path}");
        }
    }

    #[test]
    fn readme_lists_existing_paths() {
        let readme = include_str!("../../../../README.md");
        let rows = readme.lines().filter(|line| line.starts_with("| `GET "));
        let spans = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
        let mut count = 0;
        for span in spans {
            let path = span.trim_start_matches("GET ").split(['?', '{']).next().unwrap();
            let is_served = |endpoint: &Endpoint| [path, &format!("/api/v1{path}")].contains(&endpoint.route.path);
            assert!(ENDPOINTS.iter().any(is_served), "README lists {span}");
            count += 1;
        }
        assert!(count >= 10, "{count} paths in README");
    }
}
