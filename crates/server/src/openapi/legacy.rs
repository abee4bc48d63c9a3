//! The objects of `/status` and `/count`, in the original's format, and of `/healthz` and `/readyz`.

use telemetry::{
    VariantNames as _,
    snapshot::{CollectorState, ProcessKind},
};
use utoipa::openapi::{
    ObjectBuilder, RefOr, Schema,
    schema::{OneOfBuilder, Type},
};

use super::builders::{array, integer, object, reference, text};

pub(super) fn schemas() -> impl Iterator<Item = (String, RefOr<Schema>)> {
    let all = [
        ("Count", envelope("Number of GPUs.", integer("Number."))),
        ("Status", envelope("Every GPU asked for, and the processes on it.", reference("StatusData"))),
        ("StatusData", data()),
        ("StatusDevice", device()),
        ("StatusProcess", process()),
        ("Failure", failure()),
        ("Readiness", readiness()),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema))
}

fn envelope(meaning: &str, data: RefOr<Schema>) -> RefOr<Schema> {
    object(meaning, [("code", integer("0: it went well.")), ("data", data)])
}

fn failure() -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null).description(Some("Nothing."));
    let code = "1: the request is wrong; 2: the driver cannot be read; 401: no token, or a wrong one; 403: the token \
                does not go so far; 421: another host's name; 500: our own fault.";
    object(
        "Error in the original's format.",
        [("code", integer(code)), ("data", null.into()), ("error", text("Error text."))],
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
        ("idx", integer("Its index.")),
        ("name", text("Name.")),
        ("fan_speed", or_not_available("Speed of the first fan, in %.")),
        ("temperature", or_not_available("Temperature of the chip, in °C.")),
        ("power_status", text("Power draw and limit, such as `119W / 350W`.")),
        ("gpu_utilization", or_not_available("Utilization, in %.")),
        ("memory_total_human", text("All of its memory, such as `24576MiB`.")),
        ("memory_used_human", text("Used memory.")),
        ("memory_free_human", text("Free memory.")),
        ("memory_utilization", or_not_available("Used memory, in %.")),
        ("ts", integer("When it was read, Unix time in milliseconds.")),
    ];
    object("A GPU. A value that it does not report is `N/A`.", properties)
}

fn process() -> RefOr<Schema> {
    let properties = [
        ("idx", integer("The GPU's index.")),
        ("pid", or_not_available("In the host's PID namespace; `N/A` for a token that may not see it.")),
        ("username", text("User name.")),
        ("command", text("Its command line.")),
        ("type", word("`C` (it computes), `G` (it draws) or `C+G`.", ProcessKind::VARIANTS)),
        ("gpu_memory", text("Memory in use on the GPU, such as `11710MiB`.")),
        ("running_time", text("Running time, such as `0:16:13`.")),
    ];
    object("A process. An unknown value is `N/A`.", properties)
}

fn readiness() -> RefOr<Schema> {
    object(
        "Readiness of the readings.",
        [("state", word("`ok` if GPUs are read, else the reason.", CollectorState::VARIANTS))],
    )
}

/// A number, or `N/A`.
fn or_not_available(meaning: &str) -> RefOr<Schema> {
    let none = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["N/A"]));
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    OneOfBuilder::new().item(number).item(none).description(Some(meaning)).into()
}

fn word(meaning: &str, words: &[&str]) -> RefOr<Schema> {
    let words = words.iter().copied();
    ObjectBuilder::new().schema_type(Type::String).description(Some(meaning)).enum_values(Some(words)).into()
}
