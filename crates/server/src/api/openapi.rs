//! `/openapi.json`: generated from the very types that are rendered.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi,
        OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Schema, ServerBuilder,
        path::{OperationBuilder, ParameterBuilder, ParameterIn},
        schema::{ArrayBuilder, SchemaType, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::sections::{CollectorView, EventView, GpuView, HostView, PeerView, ProcessView, SummaryView, UserView};

/// One answer of each path, taken from a simulated host; the tests keep them true.
const EXAMPLES: &str = include_str!("../../assets/examples.json");

/// The document as it is sent.
pub(crate) fn document() -> Bytes {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
        let text = build().to_json().unwrap_or_default();
        // In Rust views are called so because what they show has their names; outside only they are seen.
        text.replace("View\"", "\"").into()
    });
    DOCUMENT.clone()
}

/// One path: its parameters as name and meaning.
struct Path {
    path: &'static str,
    summary: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    refusals: &'static [&'static str],
    answer: fn() -> RefOr<Schema>,
}

const GPU: &str = "An index or a UUID, or several with commas between them.";

const PATHS: &[Path] = &[
    Path {
        path: "/api/v1/snapshot",
        summary: "All that is known at this moment",
        parameters: &[],
        refusals: &[],
        answer: || reference("Snapshot"),
    },
    Path {
        path: "/api/v1/gpus",
        summary: "Every GPU",
        parameters: &[],
        refusals: &[],
        answer: || array(reference("GpuView")),
    },
    Path {
        path: "/api/v1/gpus/{gpu}",
        summary: "One GPU",
        parameters: &[("{gpu}", "An index or a UUID.")],
        refusals: &["404"],
        answer: || reference("GpuView"),
    },
    Path {
        path: "/api/v1/processes",
        summary: "The processes on the GPUs",
        parameters: &[
            ("gpu", GPU),
            ("user", "A user's name or uid."),
            ("type", "C keeps what computes, G what draws, C+G what does both."),
        ],
        refusals: &["400", "403"],
        answer: || array(reference("ProcessView")),
    },
    Path {
        path: "/api/v1/users",
        summary: "Who has what",
        parameters: &[],
        refusals: &["403"],
        answer: || array(reference("UserView")),
    },
    Path {
        path: "/api/v1/summary",
        summary: "The host at a glance, without people and their programs",
        parameters: &[],
        refusals: &[],
        answer: || reference("SummaryView"),
    },
    Path {
        path: "/api/v1/summary.txt",
        summary: "The same for a terminal: a line for the host, and one per GPU",
        parameters: &[],
        refusals: &[],
        answer: || ObjectBuilder::new().schema_type(Type::String).into(),
    },
    Path {
        path: "/api/v1/events",
        summary: "What happened, the newest last; the newest 10,000 are kept",
        parameters: &[("since", "Unix time in milliseconds, or how long ago, such as -15m (s, m, h or d).")],
        refusals: &["400"],
        answer: || array(reference("EventView")),
    },
    Path {
        path: "/api/v1/history",
        summary: "Numbers of the last minutes in fine steps, or of the last day in coarse ones; null where nothing was read",
        parameters: &[
            (
                "metric",
                "Required: dotted paths in a GPU's object, with commas between them; a wrong one is answered with all there are.",
            ),
            ("gpu", GPU),
            (
                "since",
                "Unix time in milliseconds, or how long ago, such as -15m (s, m, h or d); by default all of the fine steps.",
            ),
            (
                "step",
                "The length of a step, such as 10s or 1m; by default the finest that covers the time. A multiple of what is kept is answered.",
            ),
            ("agg", "How a longer step is made of those kept: mean, or max for the highest of their means."),
        ],
        refusals: &["400"],
        answer: || reference("History"),
    },
    Path {
        path: "/api/v1/peers",
        summary: "Other hosts, as the administrator named them; nobody but the page asks them for anything",
        parameters: &[],
        refusals: &[],
        answer: || array(reference("PeerView")),
    },
    Path {
        path: "/api/v1/stream",
        summary: "Server-Sent Events without an end: `snapshot` (the whole, its number as id) on every tick, `event` for what happens",
        parameters: &[],
        refusals: &["503"],
        answer: || ObjectBuilder::new().schema_type(Type::String).into(),
    },
];

fn build() -> OpenApi {
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let paths = PATHS.iter().fold(PathsBuilder::new(), |paths, path| {
        paths.path(path.path, PathItem::new(HttpMethod::Get, path.operation(examples.get(path.path))))
    });
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The administrator's token, if one is set; 401 otherwise, in the envelope of /status."));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("nvidia-smi-web-agent")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "What every NVIDIA GPU of a host and every process on it is doing. A value that was not read is \
                     null, and its dotted path stands in `absent` with the reason. Keys are never left out; new ones \
                     may come.",
                ))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build())),
        )
        // Relative to this document, so that it holds under any prefix.
        .servers(Some([ServerBuilder::new().url(".").build()]))
        .paths(paths)
        .components(Some(
            components(ComponentsBuilder::new()).security_scheme("token", SecurityScheme::Http(token.build())).build(),
        ))
        .security(Some([SecurityRequirement::new("token", [""; 0])]))
        .build()
}

impl Path {
    fn operation(&self, example: Option<&Value>) -> OperationBuilder {
        let kind = match self.path {
            "/api/v1/stream" => "text/event-stream",
            path if path.ends_with(".txt") => "text/plain",
            _ => "application/json",
        };
        let content = ContentBuilder::new().schema(Some((self.answer)())).example(example.cloned()).build();
        let answer = ResponseBuilder::new().description(self.summary).content(kind, content).build();
        let mut operation = OperationBuilder::new().summary(Some(self.summary)).response("200", answer);
        for status in self.refusals {
            let content = ContentBuilder::new().schema(Some(reference("Problem"))).build();
            let refusal = ResponseBuilder::new()
                .description("What is wrong, and what to do")
                .content("application/problem+json", content);
            operation = operation.response(*status, refusal.build());
        }
        for (name, meaning) in self.parameters {
            let in_path = name.starts_with('{');
            operation = operation.parameter(
                ParameterBuilder::new()
                    .name(name.trim_matches(['{', '}']))
                    .parameter_in(if in_path { ParameterIn::Path } else { ParameterIn::Query })
                    .required(if in_path { Required::True } else { Required::False })
                    .description(Some(*meaning))
                    .schema(Some(ObjectBuilder::new().schema_type(Type::String))),
            );
        }
        operation
    }
}

fn components(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    with::<HostView>(&mut schemas);
    with::<CollectorView>(&mut schemas);
    with::<GpuView>(&mut schemas);
    with::<ProcessView>(&mut schemas);
    with::<UserView>(&mut schemas);
    with::<SummaryView>(&mut schemas);
    with::<EventView>(&mut schemas);
    with::<PeerView>(&mut schemas);
    schemas.push(("Snapshot".into(), snapshot()));
    schemas.push(("History".into(), history()));
    schemas.push(("Series".into(), series()));
    schemas.push(("Problem".into(), problem()));
    components.schemas_from_iter(schemas)
}

fn with<T: ToSchema + PartialSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    T::schemas(schemas);
    schemas.push((T::name().into(), T::schema()));
}

/// The whole, which is written piece by piece and so has no type of its own.
fn snapshot() -> RefOr<Schema> {
    let number = |meaning: &str| ObjectBuilder::new().schema_type(Type::Integer).description(Some(meaning)).build();
    let properties: [(&str, RefOr<Schema>); 7] = [
        ("schema", Schema::Object(number("The version of this contract: 1. Source: the program. Lane: none. Absent: never.")).into()),
        ("sequence", Schema::Object(number("Counts up by one per snapshot. Source: derived. Lane: derived. Absent: never.")).into()),
        (
            "sampled_at",
            Schema::Object(number("When this was derived, Unix time in milliseconds. Source: the wall clock. Lane: derived. Absent: never.")).into(),
        ),
        ("host", reference("HostView")),
        ("collector", reference("CollectorView")),
        ("gpus", array(reference("GpuView"))),
        ("processes", array(reference("ProcessView"))),
    ];
    object("All that is known at this moment.", properties)
}

fn integer(meaning: &str) -> RefOr<Schema> {
    Schema::Object(ObjectBuilder::new().schema_type(Type::Integer).description(Some(meaning)).build()).into()
}

fn history() -> RefOr<Schema> {
    let properties: [(&str, RefOr<Schema>); 3] = [
        (
            "step_ms",
            integer("The length of a step, in milliseconds. Source: the question. Lane: derived. Absent: never."),
        ),
        (
            "start_at",
            integer(
                "When the first step begins, Unix time in milliseconds. Source: the wall clock. Lane: derived. Absent: never.",
            ),
        ),
        ("series", array(reference("Series"))),
    ];
    object("What was.", properties)
}

fn series() -> RefOr<Schema> {
    let text = |meaning: &str| -> RefOr<Schema> {
        Schema::Object(ObjectBuilder::new().schema_type(Type::String).description(Some(meaning)).build()).into()
    };
    let value = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Number, Type::Null]));
    let values = ArrayBuilder::new().items(value).description(Some(
        "The mean of each step; null where nothing was read, and where the collector was started anew. Source: the past. Lane: derived. Absent: never.",
    ));
    let properties: [(&str, RefOr<Schema>); 3] = [
        ("gpu_uuid", text("The GPU. Source: `nvmlDeviceGetUUID`. Lane: derived. Absent: never.")),
        ("metric", text("The dotted path of the number. Source: the question. Lane: derived. Absent: never.")),
        ("values", values.into()),
    ];
    object("One number of one GPU.", properties)
}

fn problem() -> RefOr<Schema> {
    let text = |meaning: &str| {
        Schema::Object(ObjectBuilder::new().schema_type(Type::String).description(Some(meaning)).build())
    };
    let status = ObjectBuilder::new().schema_type(Type::Integer).description(Some("The HTTP status."));
    let properties: [(&str, RefOr<Schema>); 4] = [
        ("type", text("`about:blank`: the status says what kind of problem it is.").into()),
        ("title", text("The status in words.").into()),
        ("status", Schema::Object(status.build()).into()),
        ("detail", text("What is wrong, and what to do about it.").into()),
    ];
    object("What went wrong (RFC 9457).", properties)
}

fn object<const COUNT: usize>(meaning: &str, properties: [(&str, RefOr<Schema>); COUNT]) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(meaning));
    properties.into_iter().fold(object, |object, (name, schema)| object.property(name, schema).required(name)).into()
}

fn array(of: RefOr<Schema>) -> RefOr<Schema> {
    ArrayBuilder::new().items(of).into()
}

fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}
