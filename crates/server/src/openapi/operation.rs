//! Operations of the OpenAPI document: the documentation of a route.

use http_server::{Access, ErrorFormat};
use serde_json::Value;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, ObjectBuilder, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    schema::Type,
    security::SecurityRequirement,
};

use super::refusal::{self, Refusal};

/// Media type of JSON.
pub(crate) const JSON: &str = "application/json";
/// Media type of plain text.
pub(crate) const TEXT: &str = "text/plain";
/// Media type of comma-separated values.
pub(crate) const CSV: &str = "text/csv";
/// Media type of Server-Sent Events.
pub(crate) const STREAM: &str = "text/event-stream";

/// The documentation of a route.
pub(crate) struct Operation {
    /// Name of the operation in generated clients.
    pub(crate) id: &'static str,
    /// One line about the route.
    pub(crate) summary: &'static str,
    /// Group of the operation in the reference and in generated clients.
    pub(crate) tag: Tag,
    /// The path's parameter.
    pub(crate) segment: Option<Declared>,
    /// Query parameters.
    pub(crate) parameters: Parameters,
    /// Schema of the response.
    pub(crate) schema: fn() -> RefOr<Schema>,
    /// Media type of the response.
    pub(crate) media_type: &'static str,
    /// Another media type that a parameter selects, with its schema.
    pub(crate) other_form: Option<OtherForm>,
    /// Names of the refusals besides those of every route of its kind; see [`refusal`].
    pub(crate) refusals: &'static [&'static str],
}

/// Another form of a response.
pub(crate) struct OtherForm {
    pub(crate) media_type: &'static str,
    pub(crate) schema: fn() -> RefOr<Schema>,
}

/// A group of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// The present state.
    State,
    /// Events and history.
    Past,
    /// Accounting of usage.
    Usage,
    /// Other hosts.
    Hosts,
    /// The contract of the Python agent.
    Original,
    /// The agent itself.
    Agent,
}

impl Tag {
    pub(crate) const ALL: [Self; 6] = [Self::State, Self::Past, Self::Usage, Self::Hosts, Self::Original, Self::Agent];

    /// Name and description.
    pub(crate) const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::State => ("state", "GPUs, processes and users as they are now"),
            Self::Past => ("past", "Events and history"),
            Self::Usage => ("usage", "Use of the GPUs over time: by user, day and more, and session by session"),
            Self::Hosts => ("hosts", "Other hosts"),
            Self::Original => ("original", "The answers of the Python agent of the same name"),
            Self::Agent => ("agent", "The agent itself"),
        }
    }
}

/// A parameter, declared once: for the router, which refuses others, and for the document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) example: &'static str,
    pub(crate) is_required: bool,
    pub(crate) schema: fn() -> RefOr<Schema>,
}

/// The query parameters of a route, and their names alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters {
    pub(crate) all: &'static [Declared],
    pub(crate) names: &'static [&'static str],
}

/// [`Parameters`] of constants.
macro_rules! parameters {
    ($($parameter:ident),*) => {
        Parameters { all: &[$($parameter),*], names: &[$($parameter.name),*] }
    };
}
pub(crate) use parameters;

/// A route and its operation.
pub(crate) struct Documented {
    /// The path, with its parameter in braces.
    pub(crate) path: String,
    pub(crate) access: Access,
    pub(crate) errors: ErrorFormat,
    /// True if unknown query parameters are refused.
    pub(crate) is_strict: bool,
    pub(crate) operation: &'static Operation,
}

impl Documented {
    /// The path and its one operation.
    pub(super) fn item(&self, example: Option<&Value>) -> PathItem {
        let Operation { id, tag, summary, segment, parameters, schema, media_type, other_form, refusals } =
            self.operation;
        let content = ContentBuilder::new().schema(Some(schema())).example(example.cloned()).build();
        let mut response = ResponseBuilder::new().description(*summary).content(*media_type, content);
        if let Some(OtherForm { media_type, schema }) = other_form {
            response = response.content(*media_type, ContentBuilder::new().schema(Some(schema())).build());
        }
        let mut operation = OperationBuilder::new()
            .operation_id(Some(*id))
            .tag(tag.texts().0)
            .summary(Some(*summary))
            .response("200", response.build());
        let common = refusal::common(self.access, self.errors);
        let unknown: &[&str] = if self.is_strict { &["BadRequest"] } else { &[] };
        for refusal in common.iter().chain(unknown).chain(*refusals).filter_map(|name| Refusal::named(name)) {
            operation = operation.response(refusal.status, Ref::from_response_name(refusal.name));
        }
        for (declared, place) in segment.iter().map(|segment| (segment, ParameterIn::Path)).chain(query(parameters)) {
            operation = operation.parameter(declared.parameter(place));
        }
        if self.access == Access::Open {
            operation = operation.security(SecurityRequirement::default());
        }
        PathItem::new(HttpMethod::Get, operation)
    }
}

fn query(parameters: &Parameters) -> impl Iterator<Item = (&'static Declared, ParameterIn)> {
    parameters.all.iter().map(|declared| (declared, ParameterIn::Query))
}

impl Declared {
    fn parameter(&self, place: ParameterIn) -> Parameter {
        let is_required = if self.is_required { Required::True } else { Required::False };
        ParameterBuilder::new()
            .name(self.name)
            .description(Some(self.description))
            .example(Some(self.example.into()))
            .schema(Some((self.schema)()))
            .parameter_in(place)
            .required(is_required)
            .build()
    }
}

/// A string that matches a regular expression.
pub(crate) fn pattern(pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).into()
}
