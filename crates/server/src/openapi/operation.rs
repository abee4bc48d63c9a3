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
/// Media type of Server-Sent Events.
pub(crate) const STREAM: &str = "text/event-stream";

/// The documentation of a route.
pub(crate) struct Operation {
    /// Name of the operation in generated clients.
    pub(crate) id: &'static str,
    /// One line about the route.
    pub(crate) summary: &'static str,
    /// Query and path parameters.
    pub(crate) parameters: fn() -> Vec<Parameter>,
    /// Schema of the response.
    pub(crate) schema: fn() -> RefOr<Schema>,
    /// Media type of the response.
    pub(crate) media_type: &'static str,
    /// Names of the refusals besides those of every route of its kind; see [`refusal`].
    pub(crate) refusals: &'static [&'static str],
}

/// A route and its operation.
pub(crate) struct Documented {
    /// The path, with its parameter in braces.
    pub(crate) path: String,
    pub(crate) access: Access,
    pub(crate) errors: ErrorFormat,
    pub(crate) operation: &'static Operation,
}

impl Documented {
    /// The path and its one operation.
    pub(super) fn item(&self, example: Option<&Value>) -> PathItem {
        let Operation { id, summary, parameters, schema, media_type, refusals } = self.operation;
        let content = ContentBuilder::new().schema(Some(schema())).example(example.cloned()).build();
        let response = ResponseBuilder::new().description(*summary).content(*media_type, content).build();
        let mut operation =
            OperationBuilder::new().operation_id(Some(*id)).summary(Some(*summary)).response("200", response);
        let common = refusal::common(self.access, self.errors);
        for refusal in common.iter().chain(*refusals).filter_map(|name| Refusal::named(name)) {
            operation = operation.response(refusal.status, Ref::from_response_name(refusal.name));
        }
        for parameter in parameters() {
            operation = operation.parameter(parameter);
        }
        if self.access == Access::Open {
            operation = operation.security(SecurityRequirement::default());
        }
        PathItem::new(HttpMethod::Get, operation)
    }
}

/// An optional query parameter.
pub(crate) fn optional(name: &str, description: &str, example: &str, schema: RefOr<Schema>) -> Parameter {
    let parameter = parameter(name, description, example, schema);
    parameter.parameter_in(ParameterIn::Query).required(Required::False).build()
}

/// A required query parameter.
pub(crate) fn required(name: &str, description: &str, example: &str, schema: RefOr<Schema>) -> Parameter {
    let parameter = parameter(name, description, example, schema);
    parameter.parameter_in(ParameterIn::Query).required(Required::True).build()
}

/// A segment of the path.
pub(crate) fn segment(name: &str, description: &str, example: &str, schema: RefOr<Schema>) -> Parameter {
    let parameter = parameter(name, description, example, schema);
    parameter.parameter_in(ParameterIn::Path).required(Required::True).build()
}

fn parameter(name: &str, description: &str, example: &str, schema: RefOr<Schema>) -> ParameterBuilder {
    let builder = ParameterBuilder::new().name(name).description(Some(description));
    builder.example(Some(example.into())).schema(Some(schema))
}

/// A string that matches a regular expression.
pub(crate) fn pattern(pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).into()
}
