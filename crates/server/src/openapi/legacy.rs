//! The objects of `/status` and `/count`, in the original's format, and of `/healthz` and `/readyz`.

use telemetry::{
    VariantNames as _,
    snapshot::{CollectorState, ProcessKind},
};
use utoipa::openapi::{
    ObjectBuilder, RefOr, Schema,
    schema::{OneOfBuilder, Type},
};

use super::builders::{array, integer, object, reference, text, word};

pub(super) fn schemas() -> impl Iterator<Item = (String, RefOr<Schema>)> {
    let all = [
        ("Count", envelope("Number of GPUs.", integer("Number of GPUs."))),
        ("Status", envelope("The requested GPUs, and the processes on them.", reference("StatusData"))),
        ("StatusData", data()),
        ("StatusDevice", device()),
        ("StatusProcess", process()),
        ("Failure", failure()),
        ("Readiness", readiness()),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema))
}

fn envelope(meaning: &str, data: RefOr<Schema>) -> RefOr<Schema> {
    object(meaning, [("code", integer("0: success.")), ("data", data)])
}

fn failure() -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null).description(Some("Nothing."));
    let code = "1: invalid request; 2: the driver cannot be read; 401: no token, or a wrong one; 403: the token's \
                scope does not include this; 421: Host not allowed; 500: internal error.";
    object(
        "An error, in the original's format.",
        [("code", integer(code)), ("data", null.into()), ("error", text("The error."))],
    )
}

fn data() -> RefOr<Schema> {
    let properties = [
        ("count", integer("Number of GPUs of the host.")),
        ("devices", array(reference("StatusDevice"))),
        ("processes", array(reference("StatusProcess"))),
    ];
    object("GPUs and processes.", properties)
}

fn device() -> RefOr<Schema> {
    let properties = [
        ("idx", integer("Index.")),
        ("name", text("Model name.")),
        ("fan_speed", or_not_available("Speed of the first fan, in %.")),
        ("temperature", or_not_available("Temperature of the GPU, in °C.")),
        ("power_status", text("Power draw and limit, such as `119W / 350W`.")),
        ("gpu_utilization", or_not_available("Utilization, in %.")),
        ("memory_total_human", text("Total memory, such as `24576MiB`.")),
        ("memory_used_human", text("Used memory.")),
        ("memory_free_human", text("Free memory.")),
        ("memory_utilization", or_not_available("Used memory, in %.")),
        ("ts", integer("Time of the reading, Unix time in milliseconds.")),
    ];
    object("A GPU. Values that it does not report are `N/A`.", properties)
}

fn process() -> RefOr<Schema> {
    let properties = [
        ("idx", integer("The GPU's index.")),
        ("pid", or_not_available("In the host's PID namespace; `N/A` for a token that may not see it.")),
        ("username", text("User name.")),
        ("command", text("Command line.")),
        ("type", word("`C` (compute), `G` (graphics) or `C+G`.", ProcessKind::VARIANTS)),
        ("gpu_memory", text("Memory in use on the GPU, such as `11710MiB`.")),
        ("running_time", text("Running time, such as `0:16:13`.")),
    ];
    object("A process. Unknown values are `N/A`.", properties)
}

fn readiness() -> RefOr<Schema> {
    object(
        "Readiness.",
        [(
            "state",
            word("State of the collector: `ok`, or the reason why GPUs are not read.", CollectorState::VARIANTS),
        )],
    )
}

/// A number, or `N/A`.
fn or_not_available(meaning: &str) -> RefOr<Schema> {
    let none = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["N/A"]));
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    OneOfBuilder::new().item(number).item(none).description(Some(meaning)).into()
}
