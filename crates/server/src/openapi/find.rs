//! The objects of `/find`.

use telemetry::{VariantNames as _, find::Lack};
use utoipa::openapi::{
    ObjectBuilder, RefOr, Schema,
    schema::{ArrayBuilder, SchemaType, Type},
};

use super::builders::{integer, object, reference, text, word};

/// Every object of `/find`.
pub(super) fn schemas() -> [(String, RefOr<Schema>); 5] {
    [
        ("Find".into(), answer()),
        ("FindChoice".into(), choice()),
        ("FindDevice".into(), device()),
        ("FindNearest".into(), nearest()),
        ("FindMissing".into(), missing()),
    ]
}

fn list(of: &str, meaning: &str) -> RefOr<Schema> {
    ArrayBuilder::new().items(reference(of)).description(Some(meaning)).into()
}

fn or_null(kind: Type, meaning: &str) -> RefOr<Schema> {
    let kind = SchemaType::from_iter([kind, Type::Null]);
    ObjectBuilder::new().schema_type(kind).description(Some(meaning)).into()
}

fn answer() -> RefOr<Schema> {
    let found = ObjectBuilder::new().schema_type(Type::Boolean).description(Some("True if there is a choice.")).into();
    let properties = [
        ("schema", integer("Version of this answer: 1.")),
        ("found", found),
        ("choices", list("FindChoice", "At most one choice of each host, the best first.")),
        ("nearest", list("FindNearest", "If there is no choice, the hosts that nearly have one, at most three.")),
    ];
    object("Devices that fit a request.", properties)
}

fn choice() -> RefOr<Schema> {
    let properties = [
        ("host", text("Name of the host; on an agent its hostname.")),
        ("devices", list("FindDevice", "The devices, by index.")),
        ("cuda_visible_devices", text("Their UUIDs, for the variable of this name.")),
        ("command", or_null(Type::String, "Command that opens a shell on the host, from a hub; null on an agent.")),
    ];
    object("Devices of one host, as many as requested.", properties)
}

fn device() -> RefOr<Schema> {
    let name = "Product name; of a MIG instance with its profile, as NVML writes it; null if it was not read.";
    let properties = [
        ("index", integer("NVML's current index of the GPU.")),
        ("uuid", text("UUID of the GPU or the MIG instance.")),
        ("name", or_null(Type::String, name)),
        ("memory_free_bytes", or_null(Type::Integer, "Free memory in bytes; null if it was not read.")),
    ];
    object("GPU or MIG instance.", properties)
}

fn nearest() -> RefOr<Schema> {
    let missing = "Reasons why the other devices do not fit. Each device counts once, for the first of `model`, `memory` in total, `stale`, \
                   `health`, `held`, `claimed`, free `memory`.";
    let properties = [
        ("host", text("Name of the host.")),
        ("fitting", integer("Number of devices that fit.")),
        ("missing", list("FindMissing", missing)),
    ];
    object("Host that nearly has a choice.", properties)
}

fn missing() -> RefOr<Schema> {
    let what = "`count`: the host has fewer devices than requested. `model`: another model or profile, or a GPU in MIG mode. \
                `stale`: not read on time, of unknown use, or without a UUID of its own. `health`: a warning or worse. `held`: \
                busy, or held without `held=true`. `claimed`: somebody has claimed it. `memory`: too little.";
    let properties = [
        ("what", word(what, Lack::VARIANTS)),
        ("devices", integer("Number of devices; for `count`, how many the host lacks.")),
    ];
    object("Reason why devices of a host do not fit.", properties)
}
