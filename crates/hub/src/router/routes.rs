//! The table of routes. Handlers only pick bytes, or compute for microseconds.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http_server::{
    Access, ErrorFormat, Later, RequestContext, Response, Route, encoding,
    error::{ErrorKind, problem},
    gzip, query, response,
};
use hyper::StatusCode;
use serde::Serialize;
use telemetry::BootTime;

use super::{State, page};
use crate::{
    discovery,
    fleet::{Audience, Published},
    proxy, usage,
    views::{self, Asked, Rows, Scrape},
};

pub(super) type Context<'a> = RequestContext<'a, State>;
type Read = fn(&Context<'_>) -> Response;

const NONE: &[&str] = &[];

/// A route of the API, which refuses unknown parameters.
const fn v1(path: &'static str, parameters: &'static [&'static str], handler: Read) -> Route<State> {
    Route::read(path, Access::Views, ErrorFormat::Problem, handler).knowing(parameters)
}

/// A route of the API that answers later, if it has to render something first.
const fn later(
    path: &'static str,
    parameters: &'static [&'static str],
    handler: fn(&Context<'_>) -> Later,
) -> Route<State> {
    Route::later(path, Access::Views, ErrorFormat::Problem, handler).knowing(parameters)
}

/// A route that needs no token and serves no data.
const fn open(path: &'static str, handler: Read) -> Route<State> {
    Route::read(path, Access::Open, ErrorFormat::Problem, handler)
}

pub(crate) static ROUTES: [Route<State>; 16] = [
    later("/api/v1/fleet", NONE, everything),
    v1("/api/v1/fleet/stream", &["rows"], stream),
    later("/api/v1/fleet/users", NONE, users),
    later("/api/v1/fleet/usage", &["since", "until", "by", "user", "gpu", "tz", "source", "format"], usage),
    later("/api/v1/fleet/summary.txt", NONE, summary),
    later("/api/v1/find", server::FIND_PARAMETERS, find),
    v1("/api/v1/targets", NONE, targets),
    Route::read("/metrics", Access::AnyScope, ErrorFormat::Problem, metrics),
    Route::read("/openapi.json", Access::Views, ErrorFormat::Problem, document),
    open("/healthz", |_| response::json(StatusCode::OK, Bytes::from_static(br#"{"status":"ok"}"#))),
    open("/readyz", ready),
    open("/", page::fleet),
    open("/docs", page::reference),
    Route::below(page::ASSETS, Access::Open, ErrorFormat::Problem, page::asset),
    Route::under("/hosts/", host_access, ErrorFormat::Problem, below_hosts),
    Route::redirect("", Access::Open, page::to_page),
];

/// The newest publication for a viewer, unless nothing renews it any more: its ages and states are then wrong.
fn newest(context: &Context<'_>) -> Result<Arc<Published>, Box<Response>> {
    let State { newest, viewers, .. } = &context.router.state;
    let (newest, now) = (Arc::clone(&newest.borrow()), BootTime::now());
    viewers.ask(now);
    if newest.is_abandoned(now) {
        let detail = "The state of the fleet was not renewed for 10 s: this hub is overloaded or stuck; see its log.";
        return Err(Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, detail)));
    }
    Ok(newest)
}

/// Answers a viewer from the newest publication, once it has the part from which the answer is picked.
fn picked(
    context: &Context<'_>,
    is_ready: impl Fn(&Published) -> bool + Send + 'static,
    pick: impl Fn(&Published) -> Response + Clone + Send + 'static,
) -> Later {
    let preparer = context.router.state.preparer.clone();
    match newest(context) {
        Ok(newest) => Box::pin(async move {
            let render = pick.clone();
            preparer.prepare(&newest, is_ready, move |newest| drop(render(newest))).await;
            pick(&newest)
        }),
        Err(refused) => at_once(*refused),
    }
}

fn at_once(response: Response) -> Later {
    Box::pin(std::future::ready(response))
}

fn everything(context: &Context<'_>) -> Later {
    let (audience, gzip) = (Audience::of(context.scope), encoding::accepts(context.headers, "gzip"));
    let pick = move |newest: &Published| {
        let (body, is_gzip) = newest.everything(audience, gzip);
        response::negotiated(body, is_gzip)
    };
    picked(context, move |newest| newest.has_everything(audience, gzip), pick)
}

fn stream(context: &Context<'_>) -> Response {
    let rows = match Rows::parse(query::value(context.query.unwrap_or_default(), "rows").as_deref()) {
        Ok(rows) => rows,
        Err(detail) => return problem(StatusCode::BAD_REQUEST, &detail),
    };
    if let Err(refused) = newest(context) {
        return *refused;
    }
    let State { newest, streams, counted, preparer, .. } = &context.router.state;
    views::open(Asked {
        streams,
        counted,
        preparer: preparer.clone(),
        newest: newest.clone(),
        audience: Audience::of(context.scope),
        rows,
        revocation: context.revocation(),
        client: context.client,
        headers: context.headers,
    })
}

fn users(context: &Context<'_>) -> Later {
    if !context.scope.sees_people() {
        return at_once(ErrorFormat::Problem.error(ErrorKind::Forbidden));
    }
    let gzip = encoding::accepts(context.headers, "gzip");
    let pick = move |newest: &Published| {
        let (body, is_gzip) = newest.users.get(gzip, || views::users(newest));
        response::negotiated(body, is_gzip)
    };
    picked(context, move |newest| newest.users.has(gzip), pick)
}

fn usage(context: &Context<'_>) -> Later {
    let State { usage, newest, .. } = &context.router.state;
    match usage {
        Some(usage) => usage::answer(usage, context, Arc::clone(&newest.borrow())),
        None => Box::pin(async { ErrorFormat::Problem.error(ErrorKind::NotFound) }),
    }
}

fn summary(context: &Context<'_>) -> Later {
    let pick = |newest: &Published| {
        let (body, _) = newest.text.get(false, || views::summary(newest).into());
        response::text(StatusCode::OK, body)
    };
    picked(context, |newest| newest.text.has(false), pick)
}

fn find(context: &Context<'_>) -> Later {
    let request = match server::find_request(context.query.unwrap_or_default()) {
        Ok(request) => request,
        Err(detail) => return at_once(problem(StatusCode::BAD_REQUEST, &detail)),
    };
    picked(context, Published::has_index, move |newest| json(&views::find(newest, &request, BootTime::now())))
}

fn json(answer: &impl Serialize) -> Response {
    match serde_json::to_vec(answer) {
        Ok(body) => response::json(StatusCode::OK, body.into()),
        Err(_) => ErrorFormat::Problem.error(ErrorKind::Internal),
    }
}

/// The list of targets for Prometheus; an error until it is loaded, since an empty list makes it drop every target.
fn targets(context: &Context<'_>) -> Response {
    let list = context.router.state.targets.borrow();
    match discovery::http_sd(&list) {
        Some(body) => response::json(StatusCode::OK, body.into()),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, "The list of targets is not loaded yet."),
    }
}

fn metrics(context: &Context<'_>) -> Response {
    let State { newest, streams, counted, .. } = &context.router.state;
    let published = Arc::clone(&newest.borrow());
    views::scrape(&Scrape {
        published: &published,
        requests: context.router.requests(),
        streams,
        counted,
        now: BootTime::now(),
        headers: context.headers,
    })
}

/// Ready once the list of targets is loaded, and as long as the fleet is published.
fn ready(context: &Context<'_>) -> Response {
    let newest = context.router.state.newest.borrow();
    let (status, state) = match &**newest {
        newest if newest.is_abandoned(BootTime::now()) => (StatusCode::SERVICE_UNAVAILABLE, "stuck"),
        newest if !newest.inputs.is_loaded => (StatusCode::SERVICE_UNAVAILABLE, "loading"),
        _ => (StatusCode::OK, "ok"),
    };
    response::json(status, format!(r#"{{"state":"{state}"}}"#).into())
}

/// The document, made and compressed once for a hub that requires a token and for one that does not.
fn document(context: &Context<'_>) -> Response {
    static FORMS: [OnceLock<(Bytes, Option<Bytes>)>; 2] = [const { OnceLock::new() }; 2];
    let is_restricted = context.router.auth().is_restricted();
    let [open, restricted] = &FORMS;
    let form = if is_restricted { restricted } else { open };
    let (plain, packed) = form.get_or_init(|| {
        let plain = Bytes::from(openapi(is_restricted));
        (plain.clone(), gzip::compress_document(&plain))
    });
    match packed.as_ref().filter(|_| encoding::accepts(context.headers, "gzip")) {
        Some(packed) => response::negotiated(packed.clone(), true),
        None => response::negotiated(plain.clone(), false),
    }
}

/// The OpenAPI document of this API; a test compares it with the routes and their answers.
pub(super) fn openapi(is_restricted: bool) -> String {
    const DOCUMENT: &str = include_str!("../../assets/openapi.json");
    let text = DOCUMENT.replacen("\"VERSION\"", concat!("\"", env!("CARGO_PKG_VERSION"), "\""), 1);
    if is_restricted { text } else { text.replace(r#""security":[{"TOKEN":[]}]"#, r#""security":[]"#) }
}

fn host_access(rest: &str) -> Access {
    page::access(rest).unwrap_or_else(|| proxy::access(rest))
}

/// The page of a host is the hub's own, and everything else is its agent's.
fn below_hosts(context: &Context<'_>, rest: &str) -> Later {
    if let Some(response) = page::below_hosts(context, rest) {
        return Box::pin(async { response });
    }
    match &context.router.state.proxy {
        Some(proxy) => proxy::answer(proxy, context, rest),
        None => Box::pin(async { ErrorFormat::Problem.error(ErrorKind::NotFound) }),
    }
}
