//! The objects of the document.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, ObjectBuilder, Ref, RefOr, Schema,
        schema::{ArrayBuilder, SchemaType, Type},
    },
};

use super::frozen;
use crate::v1::sections::{CollectorView, EventView, GpuView, HostView, PeerView, ProcessView, SummaryView, UserView};

/// Every object that a path answers, or that stands in one.
pub(super) fn add_to(components: ComponentsBuilder) -> ComponentsBuilder {
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
    schemas.push(("Problem".into(), problem()));
    schemas.push(("History".into(), history()));
    schemas.push(("Series".into(), series()));
    schemas.extend(frozen::schemas());
    components.schemas_from_iter(schemas)
}

fn with<T: ToSchema + PartialSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    T::schemas(schemas);
    schemas.push((T::name().into(), T::schema()));
}

/// The whole, which is written piece by piece and so has no type of its own.
fn snapshot() -> RefOr<Schema> {
    let version = "The version of this contract: 1. Source: the program. Lane: none. Absent: never.";
    let sequence = "Counts up by one per snapshot. Source: derived. Lane: derived. Absent: never.";
    let at = "When this was derived, Unix time in milliseconds. Source: the wall clock. Lane: derived. Absent: never.";
    let properties = [
        ("schema", integer(version)),
        ("sequence", integer(sequence)),
        ("sampled_at", integer(at)),
        ("host", reference("HostView")),
        ("collector", reference("CollectorView")),
        ("gpus", array(reference("GpuView"))),
        ("processes", array(reference("ProcessView"))),
    ];
    object("All that is known at this moment.", properties)
}

fn history() -> RefOr<Schema> {
    let step = "The length of a step, in milliseconds. Source: the question. Lane: derived. Absent: never.";
    let start =
        "When the first step begins, Unix time in milliseconds. Source: the wall clock. Lane: derived. Absent: never.";
    let properties = [("step_ms", integer(step)), ("start_at", integer(start)), ("series", array(reference("Series")))];
    object("What was.", properties)
}

fn series() -> RefOr<Schema> {
    let value = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Number, Type::Null]));
    let values = ArrayBuilder::new().items(value).description(Some(
        "The mean of each step; null where nothing was read, and where the collector was started anew. Source: the past. \
         Lane: derived. Absent: never.",
    ));
    let properties = [
        ("gpu_uuid", text("The GPU. Source: `nvmlDeviceGetUUID`. Lane: derived. Absent: never.")),
        ("metric", text("The dotted path of the number. Source: the question. Lane: derived. Absent: never.")),
        ("values", values.into()),
    ];
    object("One number of one GPU.", properties)
}

fn problem() -> RefOr<Schema> {
    let properties = [
        ("type", text("`about:blank`: the status says what kind of problem it is.")),
        ("title", text("The status in words.")),
        ("status", integer("The HTTP status.")),
        ("detail", text("What is wrong, and what to do about it.")),
    ];
    object("What went wrong (RFC 9457).", properties)
}

/// An object of which every property is always there.
pub(super) fn object<const COUNT: usize>(meaning: &str, properties: [(&str, RefOr<Schema>); COUNT]) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(meaning));
    properties.into_iter().fold(object, |object, (name, schema)| object.property(name, schema).required(name)).into()
}

pub(super) fn integer(meaning: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Integer).description(Some(meaning)).into()
}

pub(super) fn text(meaning: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).description(Some(meaning)).into()
}

/// One of these words.
pub(super) fn words(words: &[&str]) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).into()
}

pub(super) fn array(of: RefOr<Schema>) -> RefOr<Schema> {
    ArrayBuilder::new().items(of).into()
}

pub(super) fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}
