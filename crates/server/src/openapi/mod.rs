//! `/openapi.json`, generated from the table of routes and from the types that are rendered.

pub(crate) mod builders;
mod find;
mod legacy;
pub(crate) mod operation;
mod refusal;
mod schemas;
mod usage;

use std::sync::OnceLock;

use bytes::Bytes;
use http_server::gzip;
use serde_json::{Map, Value};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder, ServerBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    tag::TagBuilder,
};

use operation::{Documented, Tag};

/// An example response of each path of `/api/v1`, taken from a simulated host; a test compares them.
const EXAMPLES: &str = include_str!("../../assets/examples.json");

const DESCRIPTION: &str = "The state of every NVIDIA GPU of a host and of every process on it. A value that was not \
    read is null, and `absent` contains its dotted path and the reason. Keys are never left out; new ones may be added. \
    An unknown query parameter below /api/v1 is answered with 400. The request header NVSMI-Scope: summary lowers a request to \
    that scope, and the response repeats it; another value is answered with 400. Every path answers GET and HEAD, and 405 to other methods. Invalid HTTP is answered with 400, an address over 64 KiB \
    with 414, headers over 128 KiB with 431, each without a body.";

const TOKEN: &str = "TOKEN";

/// The document, and true if it is compressed. It is built and compressed once, for a server that requires a token and
/// for one that does not.
pub(crate) fn document(restricted: bool, gzip: bool, routes: fn() -> Vec<Documented>) -> (Bytes, bool) {
    static FORMS: [OnceLock<Form>; 2] = [const { OnceLock::new() }; 2];
    let form = FORMS[usize::from(restricted)].get_or_init(|| Form::of(&build(restricted, &routes())));
    match form.gzipped.as_ref().filter(|_| gzip) {
        Some(gzipped) => (gzipped.clone(), true),
        None => (form.plain.clone(), false),
    }
}

/// The bytes of a document.
struct Form {
    plain: Bytes,
    gzipped: Option<Bytes>,
}

impl Form {
    fn of(document: &OpenApi) -> Self {
        let text = document.to_json().unwrap_or_default();
        // The types in Rust end in `View`, because their sources have the plain names; clients see the plain names.
        let plain = Bytes::from(text.replace("View\"", "\""));
        Self { gzipped: gzip::compress_document(&plain), plain }
    }
}

fn build(restricted: bool, routes: &[Documented]) -> OpenApi {
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let paths = routes.iter().fold(PathsBuilder::new(), |paths, route| {
        paths.path(route.path.as_str(), route.item(examples.get(&route.path)))
    });
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "A token from TOKEN or --token-file, with or without the word Bearer. Its scope is read (everything), summary \
         (users and their programs are `hidden`, or `N/A` in /status) or metrics (/metrics alone).",
    ));
    let components = schemas::add_to(refusal::add_to(ComponentsBuilder::new()))
        .security_scheme(TOKEN, SecurityScheme::Http(token.build()));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("nvidia-smi-web-agent")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build())),
        )
        // Relative to this document, so that it is valid under any prefix.
        .servers(Some([ServerBuilder::new().url(".").build()]))
        .tags(Some(Tag::ALL.map(|tag| {
            let (name, description) = tag.texts();
            TagBuilder::new().name(name).description(Some(description)).build()
        })))
        .paths(paths)
        .components(Some(components.build()))
        .security(restricted.then(|| [SecurityRequirement::new(TOKEN, [""; 0])]))
        .build()
}
