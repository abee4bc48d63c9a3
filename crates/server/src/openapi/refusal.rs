//! The error responses of the document.

use utoipa::openapi::{ComponentsBuilder, ContentBuilder, RefOr, Response, ResponseBuilder};

use http_server::{Access, ErrorFormat};

use super::{builders::reference, operation::JSON};

const PROBLEM: &str = "application/problem+json";

/// An error response.
pub(super) struct Refusal {
    pub(super) name: &'static str,
    pub(super) status: &'static str,
    /// Media type and schema; `None` without a body.
    form: Option<(&'static str, &'static str)>,
    meaning: &'static str,
}

impl Refusal {
    /// The refusal of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        REFUSALS.iter().find(|refusal| refusal.name == name)
    }

    const fn problem(name: &'static str, status: &'static str, meaning: &'static str) -> Self {
        Self { name, status, form: Some((PROBLEM, "Problem")), meaning }
    }

    /// An error in the legacy format, or another one that is not a problem.
    const fn json(name: &'static str, status: &'static str, schema: &'static str, meaning: &'static str) -> Self {
        Self { name, status, form: Some((JSON, schema)), meaning }
    }

    /// An error without a body.
    const fn bare(name: &'static str, status: &'static str, meaning: &'static str) -> Self {
        Self { name, status, form: None, meaning }
    }
}

const OTHER_HOST: &str =
    "The Host header names a host that is not allowed (--allowed-hosts), and the agent requires no token.";

pub(super) const REFUSALS: &[Refusal] = &[
    Refusal::json("Unauthorized", "401", "Failure", "The token is missing or wrong."),
    Refusal::problem("BadRequest", "400", "A parameter is unknown, invalid or too large; the detail names it."),
    Refusal::problem("Forbidden", "403", "The token's scope does not include this."),
    Refusal::json("NotForThisToken", "403", "Failure", "The token's scope does not include this."),
    Refusal::problem("OtherHost", "421", OTHER_HOST),
    Refusal::json("NotThisHost", "421", "Failure", OTHER_HOST),
    Refusal::problem("NotFound", "404", "This host has no such GPU."),
    Refusal::problem("Broken", "500", "The response could not be rendered; see the log."),
    Refusal::json("WrongParameter", "400", "Failure", "A wrong index or process type."),
    Refusal::json("NoDriver", "500", "Failure", "The driver cannot be read; `error` contains its message."),
    Refusal::problem("NoPlace", "503", "All streams are taken, or the maximum of this address; see Retry-After."),
    Refusal::problem("NoUsage", "404", "Usage is not kept (--usage off), or no GPU of this name was ever counted."),
    Refusal::problem(
        "Busy",
        "503",
        "The query took 5 s, too many others wait, or the store cannot be read; see Retry-After.",
    ),
    Refusal::json("NotReady", "503", "Readiness", "No GPU has a fresh reading."),
    Refusal::bare("AddressTooLong", "414", "The address is over 64 KiB."),
    Refusal::bare("HeadersTooLarge", "431", "The headers are over 128 KiB."),
];

/// Refusals of each route with problems.
const PROBLEM_ROUTES: &[&str] =
    &["Unauthorized", "Forbidden", "OtherHost", "Broken", "AddressTooLong", "HeadersTooLarge"];
/// Refusals of each route with legacy errors.
const LEGACY_ROUTES: &[&str] =
    &["Unauthorized", "NotForThisToken", "NotThisHost", "NoDriver", "AddressTooLong", "HeadersTooLarge"];
/// Refusals of each open route.
const OPEN_ROUTES: &[&str] = &["AddressTooLong", "HeadersTooLarge"];

/// Names of the refusals that all routes of a kind share.
pub(super) const fn common(access: Access, errors: ErrorFormat) -> &'static [&'static str] {
    match (access, errors) {
        (Access::Open, _) => OPEN_ROUTES,
        (_, ErrorFormat::Legacy) => LEGACY_ROUTES,
        (_, ErrorFormat::Problem) => PROBLEM_ROUTES,
    }
}

/// Adds every refusal to the components, which the routes refer to.
pub(super) fn add_to(components: ComponentsBuilder) -> ComponentsBuilder {
    REFUSALS.iter().fold(components, |components, refusal| {
        let mut response = ResponseBuilder::new().description(refusal.meaning);
        if let Some((kind, schema)) = refusal.form {
            response = response.content(kind, ContentBuilder::new().schema(Some(reference(schema))).build());
        }
        components.response(refusal.name, RefOr::<Response>::T(response.build()))
    })
}
