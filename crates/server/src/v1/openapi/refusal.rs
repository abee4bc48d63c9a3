//! Everything that is refused, and in which form.

use utoipa::openapi::{ComponentsBuilder, ContentBuilder, RefOr, Response, ResponseBuilder};

use super::schemas::reference;

pub(super) const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// An answer that refuses.
pub(super) struct Refusal {
    pub(super) name: &'static str,
    pub(super) status: &'static str,
    /// Media type and schema; none where there is no body.
    form: Option<(&'static str, &'static str)>,
    meaning: &'static str,
}

impl Refusal {
    /// That of a name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        REFUSALS.iter().find(|refusal| refusal.name == name)
    }

    const fn problem(name: &'static str, status: &'static str, meaning: &'static str) -> Self {
        Self { name, status, form: Some((PROBLEM, "Problem")), meaning }
    }

    /// In the form of the original, or one of our own that is no problem.
    const fn json(name: &'static str, status: &'static str, schema: &'static str, meaning: &'static str) -> Self {
        Self { name, status, form: Some((JSON, schema)), meaning }
    }

    /// Refused before it was understood.
    const fn bare(name: &'static str, status: &'static str, meaning: &'static str) -> Self {
        Self { name, status, form: None, meaning }
    }
}

const OTHER_HOST: &str =
    "The agent is open to its own host alone, and was asked by a name that it does not know (--allowed-hosts).";

pub(super) const REFUSALS: &[Refusal] = &[
    Refusal::json("Unauthorized", "401", "Failure", "The token is missing or wrong."),
    Refusal::problem("BadRequest", "400", "A parameter cannot be understood, or asks for too much; it is named."),
    Refusal::problem("Forbidden", "403", "The token does not allow that."),
    Refusal::json("NotForThisToken", "403", "Failure", "The token does not allow that."),
    Refusal::problem("OtherHost", "421", OTHER_HOST),
    Refusal::json("NotThisHost", "421", "Failure", OTHER_HOST),
    Refusal::problem("NotFound", "404", "This host has no such GPU."),
    Refusal::problem("Broken", "500", "The answer could not be made; the agent's log says more."),
    Refusal::json("WrongParameter", "400", "Failure", "A wrong index or process type."),
    Refusal::json("NoDriver", "500", "Failure", "The driver cannot be read; `error` has its own words."),
    Refusal::problem(
        "NoPlace",
        "503",
        "All places for streams are taken, or as many as one address may have; Retry-After says when to come again.",
    ),
    Refusal::json("NotReady", "503", "Readiness", "No GPU is read on time."),
    Refusal::bare("AddressTooLong", "414", "The address is over 64 KiB."),
    Refusal::bare("HeadersTooLarge", "431", "The headers are over 128 KiB."),
];

/// What each path of the rich contract may refuse.
pub(super) const RICH: &[&str] =
    &["Unauthorized", "Forbidden", "OtherHost", "Broken", "AddressTooLong", "HeadersTooLarge"];
/// What each path of the frozen contract may refuse.
pub(super) const FROZEN: &[&str] =
    &["Unauthorized", "NotForThisToken", "NotThisHost", "NoDriver", "AddressTooLong", "HeadersTooLarge"];
/// What each path without a token may refuse.
pub(super) const OPEN: &[&str] = &["AddressTooLong", "HeadersTooLarge"];

/// Every refusal, where the paths refer to it.
pub(super) fn add_to(components: ComponentsBuilder) -> ComponentsBuilder {
    REFUSALS.iter().fold(components, |components, refusal| {
        let mut response = ResponseBuilder::new().description(refusal.meaning);
        if let Some((kind, schema)) = refusal.form {
            response = response.content(kind, ContentBuilder::new().schema(Some(reference(schema))).build());
        }
        components.response(refusal.name, RefOr::<Response>::T(response.build()))
    })
}
