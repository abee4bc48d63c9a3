//! `/openapi.json`: generated from the very types that are rendered.

mod frozen;
mod paths;
mod readings;
mod refusal;
mod schemas;

use std::sync::OnceLock;

use bytes::Bytes;
use http_server::gzip;
use serde_json::{Map, Value};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder, ServerBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use paths::PATHS;

/// One answer of each path of the rich contract, taken from a simulated host; the tests keep them true.
const EXAMPLES: &str = include_str!("../../../assets/examples.json");

const DESCRIPTION: &str = "What every NVIDIA GPU of a host and every process on it is doing. A value that was not \
    read is null, and its dotted path stands in `absent` with the reason. Keys are never left out; new ones may come. \
    Every path answers GET and HEAD, and 405 to other methods. What is not HTTP is 400, an address over 64 KiB 414, \
    headers over 128 KiB 431, each without a body.";

const TOKEN: &str = "TOKEN";

/// The document as it is sent, and whether it is compressed: made once, and compressed once, for a server that wants
/// a token, and for one that does not.
pub(crate) fn document(guarded: bool, packed: bool) -> (Bytes, bool) {
    static FORMS: [OnceLock<Form>; 2] = [const { OnceLock::new() }; 2];
    let form = FORMS[usize::from(guarded)].get_or_init(|| Form::of(&build(guarded)));
    match form.packed.as_ref().filter(|_| packed) {
        Some(packed) => (packed.clone(), true),
        None => (form.plain.clone(), false),
    }
}

/// A document's bytes.
struct Form {
    plain: Bytes,
    packed: Option<Bytes>,
}

impl Form {
    fn of(document: &OpenApi) -> Self {
        let text = document.to_json().unwrap_or_default();
        // In Rust views are called so because what they show has their names; outside only they are seen.
        let plain = Bytes::from(text.replace("View\"", "\""));
        Self { packed: gzip::compress(&plain), plain }
    }
}

fn build(guarded: bool) -> OpenApi {
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let paths =
        PATHS.iter().fold(PathsBuilder::new(), |paths, path| paths.path(path.path, path.item(examples.get(path.path))));
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "What the administrator gave as TOKEN or in --token-file. It may also stand alone, without Bearer. Its scope \
         says what it opens: read everything; summary nothing of people, which is `hidden`, or `N/A` in /status; \
         metrics /metrics alone.",
    ));
    let components = schemas::add_to(refusal::add_to(ComponentsBuilder::new()))
        .security_scheme(TOKEN, SecurityScheme::Http(token.build()));
    let mut components = components.build();
    readings::annotate(&mut components);
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("nvidia-smi-web-agent")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build())),
        )
        // Relative to this document, so that it holds under any prefix.
        .servers(Some([ServerBuilder::new().url(".").build()]))
        .paths(paths)
        .components(Some(components))
        .security(guarded.then(|| [SecurityRequirement::new(TOKEN, [""; 0])]))
        .build()
}
