//! Parameters of the documented routes.

use telemetry::{VariantNames as _, history::metric, snapshot::ProcessKind};
use utoipa::openapi::{
    KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat,
    schema::{AnyOfBuilder, Type},
};

use crate::{
    openapi::{
        builders::words,
        operation::{Declared, Parameters, parameters, pattern},
    },
    v1::{self, query, time, usage},
};

/// Pattern of the parameter `gpu`.
const GPUS: &str = "^[^,]+(,[^,]+){0,255}$";

/// The GPU in the path.
pub(super) const ONE_GPU: Declared = Declared {
    name: "gpu",
    description: "An index or a UUID.",
    example: "0",
    is_required: true,
    schema: || pattern("^[^/]+$"),
};

const GPU: Declared = Declared {
    name: "gpu",
    description: "An index or a UUID, or several separated by commas, at most 256.",
    example: "0,1",
    is_required: false,
    schema: || pattern(GPUS),
};
const USER: Declared = Declared {
    name: "user",
    description: "A user's name or uid, or a container's name in `/users`.",
    example: "alice",
    is_required: false,
    schema: || pattern("^.+$"),
};
const TYPE: Declared = Declared {
    name: "type",
    description: "C for compute processes, G for graphics processes, C+G for those that are both.",
    example: "C",
    is_required: false,
    schema: || words(ProcessKind::VARIANTS),
};
const SINCE: Declared = Declared {
    name: "since",
    description: "The beginning: Unix time in milliseconds, a time before now such as -15m (s, m, h or d), now, or ISO \
                  8601 with a zone such as 2026-11-30T10:00:00Z. Default: all events, or as long before \
                  `until` as there are fine steps (15m).",
    example: "-15m",
    is_required: false,
    schema: time,
};
const UNTIL: Declared = Declared {
    name: "until",
    description: "The end, which is not included, in the forms of `since` and after it. Default: now.",
    example: "now",
    is_required: false,
    schema: time,
};
const LIMIT: Declared = Declared {
    name: "limit",
    description: "Maximum number of events, the newest ones.",
    example: "500",
    is_required: false,
    schema: || pattern(query::LIMIT),
};
const METRIC: Declared = Declared {
    name: "metric",
    description: "Dotted paths in a GPU's object, separated by commas; the error for an unknown one lists them all.",
    example: "utilization.gpu_percent",
    is_required: true,
    schema: metrics,
};
const STEP: Declared = Declared {
    name: "step",
    description: "Length of a step, such as 10s or 1m; by default the finest stored one that goes back to `since`: \
                  1s over 15 minutes, 10s over a day, 5m over a month. It is rounded to a multiple of the stored step.",
    example: "10s",
    is_required: false,
    schema: || pattern(query::STEP),
};
const AGG: Declared = Declared {
    name: "agg",
    description: "Aggregation of stored steps to longer ones: mean, or max for the highest of their means.",
    example: "max",
    is_required: false,
    schema: || words(&["mean", "max"]),
};
const FORMAT: Declared = Declared {
    name: "format",
    description: "Form of the answer: json, or csv with a row per GPU and step and a column per metric.",
    example: "csv",
    is_required: false,
    schema: || words(&["json", "csv"]),
};
const IDX: Declared = Declared {
    name: "idx",
    description: "An index, or several separated by commas; the rows come in this order.",
    example: "0",
    is_required: false,
    schema: || ObjectBuilder::new().schema_type(Type::String).into(),
};
const PROCESS: Declared = Declared {
    name: "process",
    description: "C for compute processes, G for graphics processes, NA for none.",
    example: "C",
    is_required: false,
    schema: || words(&["C", "G", "NA", ""]),
};

const USAGE_SINCE: Declared = Declared {
    name: "since",
    description: "The beginning: Unix time in milliseconds, a time before now such as -7d (s, m, h or d), now, or ISO 8601 such \
                  as 2026-11-30, 2026-11-30T10:00 or 2026-11-30T10:00:00Z; a date is its midnight, and without a zone it is in \
                  `tz`, else in the agent's. Default: 30 days before `until`.",
    example: "-7d",
    is_required: false,
    schema: local_time,
};
const USAGE_UNTIL: Declared = Declared { schema: local_time, ..UNTIL };
const BY: Declared = Declared {
    name: "by",
    description: "Keys of the rows, separated by commas: user, gpu, job, pod, container, model, day and hour_of_day (in `tz`). \
                  Default: user; for the scope `summary`, which sees none of user, job, pod and container, one row of all.",
    example: "user,day",
    is_required: false,
    schema: || pattern(usage::BY),
};
const USAGE_USER: Declared = Declared {
    name: "user",
    description: "Only this user, by the name in `/users`; to be repeated for several. Free, unknown, unassigned and unobserved \
                  time stay those of the GPUs.",
    example: "alice",
    is_required: false,
    schema: || pattern("^.+$"),
};
const USAGE_GPU: Declared = Declared {
    description: "An index as of now or a UUID, also of a GPU that is no longer listed, or several separated by commas, at most \
                  256.",
    ..GPU
};
const TZ: Declared = Declared {
    name: "tz",
    description: "Time zone of days, hours, and times without a zone: an IANA name, or local for the agent's. Default: local.",
    example: "UTC",
    is_required: false,
    schema: || pattern(usage::TZ),
};
const USAGE_FORMAT: Declared =
    Declared { description: "Form of the answer: json, or csv with the rows alone.", ..FORMAT };
const SESSIONS_LIMIT: Declared = Declared {
    description: "Maximum number of sessions, up to 1000. Default: 100.",
    example: "100",
    schema: || pattern(usage::LIMIT),
    ..LIMIT
};
const CURSOR: Declared = Declared {
    name: "cursor",
    description: "Where the page before ended: its `next`.",
    example: "1700000000000-7",
    is_required: false,
    schema: || pattern("^.+$"),
};

const STREAM_VIEW: Declared = Declared {
    name: "view",
    description: "snapshot for all (the default), or summary for `/api/v1/summary` as far as it has news.",
    example: "summary",
    is_required: false,
    schema: || words(&["snapshot", "summary"]),
};
const COUNT: Declared = Declared {
    name: "count",
    description: "Number of devices, all on one host. Default: 1.",
    example: "1",
    is_required: false,
    schema: || pattern(v1::NUMBER),
};
const MEMORY: Declared = Declared {
    name: "memory",
    description: "Least free memory of each device, with a unit: 40GiB, 40G (the same) or 40960MiB.",
    example: "8GiB",
    is_required: false,
    schema: || pattern(v1::MEMORY),
};
const MODEL: Declared = Declared {
    name: "model",
    description: "Part of the product name, ignoring case.",
    example: "h200",
    is_required: false,
    schema: || pattern("^.+$"),
};
const MIG: Declared = Declared {
    name: "mig",
    description: "MIG instances of this profile such as 3g.40gb, or of any. Without it, whole GPUs that are not in MIG mode.",
    example: "any",
    is_required: false,
    schema: || pattern(v1::PROFILE),
};
const HELD: Declared = Declared {
    name: "held",
    description: "true also offers idle devices on which memory is held, after those that are free. Default: false.",
    example: "true",
    is_required: false,
    schema: || words(&["true", "false"]),
};
const LABELS: Declared = Declared {
    name: "labels",
    description: "Labels of the host, which a hub has: key:value, or several separated by commas; all must match.",
    example: "rack:a1",
    is_required: false,
    schema: || pattern(v1::LABELS),
};
const CHOICES: Declared = Declared {
    description: "Maximum number of choices, of which each host has one at most. Default: 20.",
    example: "20",
    schema: || pattern(v1::NUMBER),
    ..LIMIT
};

pub(super) const NONE: Parameters = parameters!();
pub(super) const PROCESSES: Parameters = parameters!(GPU, USER, TYPE);
pub(super) const EVENTS: Parameters = parameters!(SINCE, UNTIL, LIMIT);
pub(super) const HISTORY: Parameters = parameters!(METRIC, GPU, SINCE, UNTIL, STEP, AGG, FORMAT);
pub(super) const USAGE: Parameters = parameters!(USAGE_SINCE, USAGE_UNTIL, BY, USAGE_USER, USAGE_GPU, TZ, USAGE_FORMAT);
pub(super) const SESSIONS: Parameters =
    parameters!(USAGE_SINCE, USAGE_UNTIL, USAGE_GPU, USAGE_USER, SESSIONS_LIMIT, CURSOR, USAGE_FORMAT);
pub(super) const FIND: Parameters = parameters!(COUNT, MEMORY, MODEL, MIG, HELD, LABELS, CHOICES);
pub(super) const STREAM: Parameters = parameters!(STREAM_VIEW);
pub(super) const STATUS: Parameters = parameters!(IDX, PROCESS);

fn time() -> RefOr<Schema> {
    let date =
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    AnyOfBuilder::new().item(pattern(time::PATTERN)).item(date).into()
}

/// A time, or one without a zone.
fn local_time() -> RefOr<Schema> {
    // No format is a time without a zone.
    let of = |format| ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format)));
    let [date, date_time] = [KnownFormat::Date, KnownFormat::DateTime].map(of);
    AnyOfBuilder::new().item(pattern(time::PATTERN)).item(date).item(date_time).into()
}

fn metrics() -> RefOr<Schema> {
    let names: Vec<&str> = metric::ALL.iter().map(|metric| metric.spec().path).collect();
    let one = format!("({})", names.join("|").replace('.', "\\."));
    pattern(&format!("^{one}(,{one})*$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_find_are_those_of_the_hub() {
        assert_eq!(FIND.names, v1::FIND_PARAMETERS);
        for declared in FIND.all.iter().filter(|declared| declared.name != "count") {
            let query = format!("{}={}", declared.name, declared.example);
            assert!(v1::find_request(&query).is_ok(), "{query}");
        }
    }

    #[test]
    fn example_of_metric_is_kept() {
        assert!(metric::find(METRIC.example).is_some());
        assert!(SINCE.description.contains(time::FORMS.split(" with a zone").next().unwrap()), "{}", time::FORMS);
    }
}
