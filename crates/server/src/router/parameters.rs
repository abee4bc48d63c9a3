//! Parameters of the documented routes.

use telemetry::{VariantNames as _, history::metric, snapshot::ProcessKind};
use utoipa::openapi::{ObjectBuilder, path::Parameter, schema::Type};

use crate::{
    openapi::{
        builders::words,
        operation::{optional, pattern, required, segment},
    },
    v1::query,
};

/// Pattern of the parameter `gpu`.
const GPUS: &str = "^[^,]+(,[^,]+){0,255}$";
const GPU: &str = "An index or a UUID, or several separated by commas, at most 256.";

pub(super) fn gpu() -> Vec<Parameter> {
    vec![segment("gpu", "An index or a UUID.", "0", pattern("^[^/]+$"))]
}

pub(super) fn processes() -> Vec<Parameter> {
    let user = "A user's name or uid, or for root in a container its name in `/users`.";
    let kind = "C for compute processes, G for graphics processes, C+G for those that are both.";
    vec![
        optional("gpu", GPU, "0,1", pattern(GPUS)),
        optional("user", user, "alice", pattern("^.+$")),
        optional("type", kind, "C", words(ProcessKind::VARIANTS)),
    ]
}

pub(super) fn events() -> Vec<Parameter> {
    let since = "Unix time in milliseconds, or the time before now, such as -15m (s, m, h or d).";
    vec![
        optional("since", since, "-15m", pattern(query::SINCE)),
        optional("limit", "Maximum number of events, the newest ones.", "500", pattern(query::LIMIT)),
    ]
}

pub(super) fn history() -> Vec<Parameter> {
    let metrics: Vec<&str> = metric::ALL.iter().map(|metric| metric.spec().path).collect();
    let one = format!("({})", metrics.join("|").replace('.', "\\."));
    let which = "Dotted paths in a GPU's object, separated by commas; the error for an unknown one lists them all.";
    let since = "Unix time in milliseconds, or the time before now, such as -15m (s, m, h or d); by default all fine \
                 steps.";
    let step = "Length of a step, such as 10s or 1m; by default the finest that covers the time. It is rounded to a \
                multiple of the stored step.";
    let agg = "Aggregation of stored steps to longer ones: mean, or max for the highest of their means.";
    vec![
        required("metric", which, metrics[0], pattern(&format!("^{one}(,{one})*$"))),
        optional("gpu", GPU, "0,1", pattern(GPUS)),
        optional("since", since, "-15m", pattern(query::SINCE)),
        optional("step", step, "10s", pattern(query::STEP)),
        optional("agg", agg, "max", words(&["mean", "max"])),
    ]
}

pub(super) fn status() -> Vec<Parameter> {
    let indices = "An index, or several separated by commas; the rows come in this order.";
    let process = "C for compute processes, G for graphics processes, NA for none.";
    vec![
        optional("idx", indices, "0", ObjectBuilder::new().schema_type(Type::String).into()),
        optional("process", process, "C", words(&["C", "G", "NA", ""])),
    ]
}
