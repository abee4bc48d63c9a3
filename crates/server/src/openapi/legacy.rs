//! The objects of `/status` and `/count`, in the original's format, and of `/healthz` and `/readyz`.

use telemetry::{
    Words as _,
    snapshot::{CollectorState, ProcessKind},
};
use utoipa::openapi::{
    ObjectBuilder, RefOr, Schema,
    schema::{OneOfBuilder, Type},
};

use super::builders::{array, integer, object, reference, text};

pub(super) fn schemas() -> impl Iterator<Item = (String, RefOr<Schema>)> {
    let all = [
        ("Count", envelope("How many GPUs there are.", integer("How many."))),
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
        "What went wrong, in the original's form.",
        [("code", integer(code)), ("data", null.into()), ("error", text("What is wrong."))],
    )
}

fn data() -> RefOr<Schema> {
    let properties = [
        ("count", integer("How many GPUs the host has.")),
        ("devices", array(reference("StatusDevice"))),
        ("processes", array(reference("StatusProcess"))),
    ];
    object("GPUs and processes.", properties)
}

fn device() -> RefOr<Schema> {
    let properties = [
        ("idx", integer("Its index.")),
        ("name", text("What it is called.")),
        ("fan_speed", or_not_available("Of its first fan, in %.")),
        ("temperature", or_not_available("Of the chip, in °C.")),
        ("power_status", text("What it draws and may draw, such as `119W / 350W`.")),
        ("gpu_utilization", or_not_available("How busy it is, in %.")),
        ("memory_total_human", text("All of its memory, such as `24576MiB`.")),
        ("memory_used_human", text("What of it is in use.")),
        ("memory_free_human", text("What of it is free.")),
        ("memory_utilization", or_not_available("What of it is in use, in %.")),
        ("ts", integer("When it was read, Unix time in milliseconds.")),
    ];
    object("A GPU. A value that it does not report is `N/A`.", properties)
}

fn process() -> RefOr<Schema> {
    let properties = [
        ("idx", integer("The GPU's index.")),
        ("pid", or_not_available("In the host's PID namespace; `N/A` for a token that may not see it.")),
        ("username", text("Whose it is.")),
        ("command", text("Its command line.")),
        ("type", word("`C` (it computes), `G` (it draws) or `C+G`.", ProcessKind::WORDS)),
        ("gpu_memory", text("Memory in use on the GPU, such as `11710MiB`.")),
        ("running_time", text("How long it has run, such as `0:16:13`.")),
    ];
    object("A process. An unknown value is `N/A`.", properties)
}

fn readiness() -> RefOr<Schema> {
    object(
        "Whether GPUs are read.",
        [("state", word("Whether GPUs are read, and if not, why.", CollectorState::WORDS))],
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
