//! The objects of the document.

use telemetry::readings::Section;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, ObjectBuilder, RefOr, Schema,
        schema::{ArrayBuilder, SchemaType, Type},
    },
};

use super::{
    builders::{array, integer, object, reference, text, word},
    find, legacy, usage,
};
use crate::v1::sections::{
    CollectorView, EventView, GpuView, HostView, PeerView, ProcessView, SummaryView, UserView, add_keys,
};

/// Adds every object of a response.
pub(super) fn add_to(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    with::<HostView>(&mut schemas);
    with::<CollectorView>(&mut schemas);
    with::<GpuView>(&mut schemas);
    if let Some((_, RefOr::T(Schema::Object(gpu)))) = schemas.last_mut() {
        add_keys(gpu, Section::Identity);
        add_keys(gpu, Section::State);
    }
    with::<ProcessView>(&mut schemas);
    with::<UserView>(&mut schemas);
    with::<SummaryView>(&mut schemas);
    with::<EventView>(&mut schemas);
    with::<PeerView>(&mut schemas);
    schemas.push(("Snapshot".into(), snapshot()));
    schemas.push(("Problem".into(), problem()));
    schemas.push(("History".into(), history()));
    schemas.push(("Series".into(), series()));
    schemas.extend(find::schemas());
    schemas.extend(usage::schemas());
    schemas.extend(legacy::schemas());
    components.schemas_from_iter(schemas)
}

fn with<T: ToSchema + PartialSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    T::schemas(schemas);
    schemas.push((T::name().into(), T::schema()));
}

/// The snapshot, which is written in parts and has no type of its own.
fn snapshot() -> RefOr<Schema> {
    let version = "The version of this contract: 1. Source: the program. Read: not read. Absent: never.";
    let sequence = "Counts up by one per snapshot. Source: derived. Read: derived. Absent: never.";
    let at = "When this was derived, Unix time in milliseconds. Source: the wall clock. Read: derived. Absent: never.";
    let scope = "Access of this client: `read` is everything, `summary` is without users and their programs. Source: the \
                 token. Read: not read. Absent: never.";
    let properties = [
        ("schema", integer(version)),
        ("sequence", integer(sequence)),
        ("sampled_at", integer(at)),
        ("scope", word(scope, &["read", "summary"])),
        ("host", reference("HostView")),
        ("collector", reference("CollectorView")),
        ("gpus", array(reference("GpuView"))),
        ("processes", array(reference("ProcessView"))),
    ];
    object("All that is known at this moment.", properties)
}

fn history() -> RefOr<Schema> {
    let step = "The length of a step, in milliseconds. Source: the question. Read: derived. Absent: never.";
    let start =
        "When the first step begins, Unix time in milliseconds. Source: the wall clock. Read: derived. Absent: never.";
    let properties = [("step_ms", integer(step)), ("start_at", integer(start)), ("series", array(reference("Series")))];
    object("History.", properties)
}

fn series() -> RefOr<Schema> {
    let value = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Number, Type::Null]));
    let values = ArrayBuilder::new().items(value).description(Some(
        "The mean of each step; null where nothing was read, and where the collector was restarted. Source: the past. \
         Read: derived. Absent: never.",
    ));
    let index = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Integer, Type::Null])).description(Some(
        "Index of the GPU as of now. Source: NVML's order. Read: derived. Absent: null for a GPU that is no longer listed.",
    ));
    let properties = [
        ("gpu", index.into()),
        ("gpu_uuid", text("The GPU. Source: `nvmlDeviceGetUUID`. Read: derived. Absent: never.")),
        ("metric", text("The dotted path of the number. Source: the question. Read: derived. Absent: never.")),
        ("values", values.into()),
    ];
    object("One number of one GPU.", properties)
}

fn problem() -> RefOr<Schema> {
    let properties = [
        ("type", text("`about:blank`: the status says what kind of problem it is.")),
        ("title", text("The status in words.")),
        ("status", integer("The HTTP status.")),
        ("detail", text("Description of the error and its remedy.")),
    ];
    object("Error (RFC 9457).", properties)
}
