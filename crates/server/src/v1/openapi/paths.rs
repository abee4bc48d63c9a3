//! The paths of the document: what each is asked, and everything that it can answer.

use serde_json::Value;
use telemetry::{Words as _, history::metric, snapshot::ProcessKind};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, ObjectBuilder, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    schema::Type,
    security::SecurityRequirement,
};

use super::{
    refusal::{FROZEN, JSON, OPEN, RICH, Refusal},
    schemas::{array, object, reference, text, words},
};
use crate::v1::query;

/// One path.
pub(super) struct Path {
    pub(super) path: &'static str,
    /// What programs made from the document call it.
    name: &'static str,
    summary: &'static str,
    parameters: fn() -> Vec<Parameter>,
    answer: fn() -> RefOr<Schema>,
    kind: &'static str,
    /// What else it can answer, by its name in [`refusal::REFUSALS`].
    refusals: &'static [&'static [&'static str]],
}

const TEXT: &str = "text/plain";
const STREAM: &str = "text/event-stream";
/// What `gpu` may be.
const GPUS: &str = "^[^,]+(,[^,]+){0,255}$";
const GPU: &str = "An index or a UUID, or several with commas between them, at most 256.";

pub(super) const PATHS: &[Path] = &[
    Path {
        path: "/api/v1/snapshot",
        name: "getSnapshot",
        summary: "All that is known at this moment",
        parameters: Vec::new,
        answer: || reference("Snapshot"),
        kind: JSON,
        refusals: &[RICH],
    },
    Path {
        path: "/api/v1/gpus",
        name: "listGpus",
        summary: "Every GPU",
        parameters: Vec::new,
        answer: || array(reference("GpuView")),
        kind: JSON,
        refusals: &[RICH],
    },
    Path {
        path: "/api/v1/gpus/{gpu}",
        name: "getGpu",
        summary: "One GPU",
        parameters: || vec![below("gpu", "An index or a UUID.", "0", pattern("^[^/]+$"))],
        answer: || reference("GpuView"),
        kind: JSON,
        refusals: &[RICH, &["NotFound"]],
    },
    Path {
        path: "/api/v1/processes",
        name: "listProcesses",
        summary: "The processes on the GPUs",
        parameters: || {
            vec![
                asked("gpu", GPU, "0,1", pattern(GPUS)),
                asked(
                    "user",
                    "A user's name or uid, or what root's container is called in `/users`.",
                    "alice",
                    pattern("^.+$"),
                ),
                asked(
                    "type",
                    "C keeps what computes, G what draws, C+G what does both.",
                    "C",
                    words(ProcessKind::WORDS),
                ),
            ]
        },
        answer: || array(reference("ProcessView")),
        kind: JSON,
        refusals: &[RICH, &["BadRequest", "NotFound"]],
    },
    Path {
        path: "/api/v1/users",
        name: "listUsers",
        summary: "Who has what",
        parameters: Vec::new,
        answer: || array(reference("UserView")),
        kind: JSON,
        refusals: &[RICH],
    },
    Path {
        path: "/api/v1/summary",
        name: "getSummary",
        summary: "The host at a glance, without people and their programs",
        parameters: Vec::new,
        answer: || reference("SummaryView"),
        kind: JSON,
        refusals: &[RICH],
    },
    Path {
        path: "/api/v1/summary.txt",
        name: "getSummaryText",
        summary: "The same for a terminal: a line for the host, and one per GPU",
        parameters: Vec::new,
        answer: || text("Lines."),
        kind: TEXT,
        refusals: &[RICH],
    },
    Path {
        path: "/api/v1/events",
        name: "listEvents",
        summary: "What happened, the newest last; the newest 10,000 are kept",
        parameters: || {
            let meaning = "Unix time in milliseconds, or how long ago, such as -15m (s, m, h or d).";
            vec![
                asked("since", meaning, "-15m", pattern(query::SINCE)),
                asked("limit", "How many of the newest.", "500", pattern(query::LIMIT)),
            ]
        },
        answer: || array(reference("EventView")),
        kind: JSON,
        refusals: &[RICH, &["BadRequest"]],
    },
    Path {
        path: "/api/v1/history",
        name: "getHistory",
        summary: "Numbers of the last minutes in fine steps, or of the last day in coarse ones; null where nothing was read",
        parameters: history_parameters,
        answer: || reference("History"),
        kind: JSON,
        refusals: &[RICH, &["BadRequest", "NotFound"]],
    },
    Path {
        path: "/api/v1/peers",
        name: "listPeers",
        summary: "Other hosts, as the administrator named them; nobody but the page asks them for anything",
        parameters: Vec::new,
        answer: || array(reference("PeerView")),
        kind: JSON,
        refusals: &[RICH],
    },
    Path {
        path: "/api/v1/stream",
        name: "openStream",
        summary: "Server-Sent Events without an end: `snapshot` (the whole; its id begins with its number) on every tick, `event` for what happens",
        parameters: Vec::new,
        answer: || text("Events, each some lines."),
        kind: STREAM,
        refusals: &[RICH, &["NoPlace"]],
    },
    Path {
        path: "/status",
        name: "getStatus",
        summary: "Every GPU and every process on it, in the original's form",
        parameters: || {
            let process = "C keeps what computes, G what draws, NA keeps nothing.";
            vec![
                asked(
                    "idx",
                    "An index, or several with commas between them; that many rows come, in that order.",
                    "0",
                    ObjectBuilder::new().schema_type(Type::String).into(),
                ),
                asked("process", process, "C", words(&["C", "G", "NA", ""])),
            ]
        },
        answer: || reference("Status"),
        kind: JSON,
        refusals: &[FROZEN, &["WrongParameter"]],
    },
    Path {
        path: "/count",
        name: "getCount",
        summary: "How many GPUs there are, in the original's form",
        parameters: Vec::new,
        answer: || reference("Count"),
        kind: JSON,
        refusals: &[FROZEN],
    },
    Path {
        path: "/healthz",
        name: "isAlive",
        summary: "Whether the program lives; without a token",
        parameters: Vec::new,
        answer: || object("It lives.", [("status", words(&["ok"]))]),
        kind: JSON,
        refusals: &[OPEN],
    },
    Path {
        path: "/readyz",
        name: "isReady",
        summary: "Whether GPUs are read on time; without a token",
        parameters: Vec::new,
        answer: || reference("Readiness"),
        kind: JSON,
        refusals: &[OPEN, &["NotReady"]],
    },
    Path {
        path: "/openapi.json",
        name: "getDocument",
        summary: "This document",
        parameters: Vec::new,
        answer: || ObjectBuilder::new().schema_type(Type::Object).description(Some("This document.")).into(),
        kind: JSON,
        refusals: &[RICH],
    },
];

fn history_parameters() -> Vec<Parameter> {
    let metrics: Vec<&str> = metric::ALL.iter().map(|metric| metric.spec().path).collect();
    let one = format!("({})", metrics.join("|").replace('.', "\\."));
    let which = "Dotted paths in a GPU's object, with commas between them; a wrong one is answered with all there are.";
    let since =
        "Unix time in milliseconds, or how long ago, such as -15m (s, m, h or d); by default all of the fine steps.";
    let step = "The length of a step, such as 10s or 1m; by default the finest that covers the time. A multiple of what \
                is kept is answered.";
    let agg = "How a longer step is made of those kept: mean, or max for the highest of their means.";
    vec![
        parameter("metric", which, metrics[0], pattern(&format!("^{one}(,{one})*$")))
            .parameter_in(ParameterIn::Query)
            .required(Required::True)
            .build(),
        asked("gpu", GPU, "0,1", pattern(GPUS)),
        asked("since", since, "-15m", pattern(query::SINCE)),
        asked("step", step, "10s", pattern(query::STEP)),
        asked("agg", agg, "max", words(&["mean", "max"])),
    ]
}

impl Path {
    /// The path and its one operation.
    pub(super) fn item(&self, example: Option<&Value>) -> PathItem {
        let content = ContentBuilder::new().schema(Some((self.answer)())).example(example.cloned()).build();
        let answer = ResponseBuilder::new().description(self.summary).content(self.kind, content).build();
        let mut operation =
            OperationBuilder::new().operation_id(Some(self.name)).summary(Some(self.summary)).response("200", answer);
        for refusal in self.refusals.iter().flat_map(|names| *names).filter_map(|name| Refusal::named(name)) {
            operation = operation.response(refusal.status, Ref::from_response_name(refusal.name));
        }
        for parameter in (self.parameters)() {
            operation = operation.parameter(parameter);
        }
        if !self.refusals.iter().any(|names| names.contains(&"Unauthorized")) {
            operation = operation.security(SecurityRequirement::default());
        }
        PathItem::new(HttpMethod::Get, operation)
    }
}

fn asked(name: &str, meaning: &str, example: &str, schema: RefOr<Schema>) -> Parameter {
    parameter(name, meaning, example, schema).parameter_in(ParameterIn::Query).required(Required::False).build()
}

fn below(name: &str, meaning: &str, example: &str, schema: RefOr<Schema>) -> Parameter {
    parameter(name, meaning, example, schema).parameter_in(ParameterIn::Path).required(Required::True).build()
}

fn parameter(name: &str, meaning: &str, example: &str, schema: RefOr<Schema>) -> ParameterBuilder {
    ParameterBuilder::new().name(name).description(Some(meaning)).example(Some(example.into())).schema(Some(schema))
}

fn pattern(pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).into()
}
