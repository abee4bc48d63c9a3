//! The objects of usage accounting.

use utoipa::openapi::{
    ObjectBuilder, RefOr, Schema,
    schema::{ArrayBuilder, OneOfBuilder, SchemaType, Type},
};

use super::builders::{array, integer, object, reference, text};

/// Every object of `/usage` and `/sessions`.
pub(super) fn schemas() -> [(String, RefOr<Schema>); 5] {
    [
        ("Usage".into(), usage()),
        ("UsageRow".into(), row()),
        ("Price".into(), price()),
        ("Sessions".into(), sessions()),
        ("Session".into(), session()),
    ]
}

fn number(meaning: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Number).description(Some(meaning)).into()
}

fn truth(meaning: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Boolean).description(Some(meaning)).into()
}

fn or_null(kind: Type, meaning: &str) -> RefOr<Schema> {
    let kind = SchemaType::from_iter([kind, Type::Null]);
    ObjectBuilder::new().schema_type(kind).description(Some(meaning)).into()
}

fn usage() -> RefOr<Schema> {
    let by = ArrayBuilder::new()
        .items(ObjectBuilder::new().schema_type(Type::String))
        .description(Some("Keys of the rows, as asked for."));
    let rows = ArrayBuilder::new()
        .items(reference("UsageRow"))
        .description(Some("Groups of holders, by `gpu_seconds`, the largest first."));
    let price = OneOfBuilder::new().item(reference("Price")).item(ObjectBuilder::new().schema_type(Type::Null));
    let properties = [
        ("schema", integer("Version of this answer: 1.")),
        ("since", integer("Begin of the period, Unix time in milliseconds.")),
        ("until", integer("End of the period, which is not included, Unix time in milliseconds.")),
        ("tz", text("Time zone of days and hours; `local` if the agent's has no name.")),
        ("by", by.into()),
        ("persistent", truth("True if usage is stored in a file; otherwise it is kept in memory for one day.")),
        ("people", truth("True if users, containers, pods, jobs and commands are stored (`--usage people`).")),
        ("note", or_null(Type::String, "Problem: no file, or one that cannot be used or written; null without one.")),
        ("price_gpu_hour", price.into()),
        ("devices", integer("Number of GPUs without MIG and of MIG instances that existed in the period.")),
        ("device_seconds", number("Time for which the GPUs existed, in seconds: the sum of all times below.")),
        (
            "edge_seconds",
            number(
                "Largest possible error of a row by the edges of the period, which share the sums of their minute or hour, in \
                 seconds.",
            ),
        ),
        ("rows", rows.into()),
        ("free_gpu_seconds", number("Time in which nobody used them, in seconds.")),
        ("unknown_gpu_seconds", number("Time in which the holder is not known, in seconds.")),
        ("unassigned_gpu_seconds", number("Time of MIG slices in no instance, in seconds.")),
        (
            "unobserved_gpu_seconds",
            number("Time that was not sampled, in seconds: the agent was down, or the GPU lost, stale or denied."),
        ),
        ("energy_joules", number("Board energy of all of it, in joules.")),
    ];
    object("Usage of a period.", properties)
}

/// Sums of a row or a session.
fn sums() -> [(&'static str, RefOr<Schema>); 8] {
    [
        (
            "gpu_seconds",
            number("Time for which it had GPUs, in seconds; a GPU with several holders is split equally among them."),
        ),
        ("present_gpu_seconds", number("The same, not split, in seconds.")),
        (
            "busy_gpu_seconds",
            or_null(
                Type::Number,
                "Part of `gpu_seconds` in which the GPU worked, in seconds: times its SM activity, else its utilization; null \
                 where neither is known.",
            ),
        ),
        (
            "idle_gpu_seconds",
            or_null(
                Type::Number,
                "Part of `gpu_seconds` in which the GPU was idle, in seconds; null where that is not known.",
            ),
        ),
        (
            "allocated_gpu_seconds",
            or_null(
                Type::Number,
                "Time for which a scheduler had them allocated to it, in seconds; null without a scheduler.",
            ),
        ),
        ("memory_byte_seconds", number("GPU memory of its processes times time, in bytes times seconds.")),
        (
            "peak_memory_bytes",
            integer("Largest GPU memory at one sample, in bytes; of a group that of its largest holder."),
        ),
        ("energy_joules", number("Board energy, in joules, split like `gpu_seconds`.")),
    ]
}

fn row() -> RefOr<Schema> {
    let keys = [
        ("user", or_null(Type::String, "With `by=user`: the user, as in `/users`; null if it is not stored.")),
        ("gpu", or_null(Type::Integer, "With `by=gpu`: last known index of the GPU.")),
        ("uuid", text("With `by=gpu`: the GPU, as in `/gpus`.")),
        ("job", or_null(Type::String, "With `by=job`: the Slurm job; null outside of one.")),
        ("pod", or_null(Type::String, "With `by=pod`: namespace and name of the pod; null outside of one.")),
        ("container", or_null(Type::String, "With `by=container`: name or ID of the container; null outside of one.")),
        ("model", or_null(Type::String, "With `by=model`: the model of the GPU.")),
        ("day", text("With `by=day`: the day, such as 2026-11-30.")),
        ("hour_of_day", integer("With `by=hour_of_day`: 0 to 23.")),
    ];
    let meaning = "One group of holders. It has the keys of `by`, and always the sums.";
    let row = ObjectBuilder::new().schema_type(Type::Object).description(Some(meaning));
    let row = keys.into_iter().fold(row, |row, (name, schema)| row.property(name, schema));
    let sessions =
        ("sessions", integer("Number of its sessions; one that lasts longer counts in every day it touches."));
    let always = sums().into_iter().chain([sessions]);
    always.fold(row, |row, (name, schema)| row.property(name, schema).required(name)).into()
}

fn price() -> RefOr<Schema> {
    let properties = [
        ("amount", number("Amount, in units of the currency.")),
        ("currency", text("Code of the currency, such as EUR.")),
    ];
    object("Price of an hour of a GPU (`--price-gpu-hour`).", properties)
}

fn sessions() -> RefOr<Schema> {
    let properties = [
        ("schema", integer("Version of this answer: 1.")),
        ("sessions", array(reference("Session"))),
        ("next", or_null(Type::String, "`cursor` of the next page; null on the last.")),
    ];
    object("A page of sessions.", properties)
}

fn session() -> RefOr<Schema> {
    let values = [
        ("id", text("Identity; it does not change.")),
        ("gpu", integer("Index of the GPU at the time.")),
        ("uuid", text("The GPU, as in `/gpus`.")),
        ("mig", or_null(Type::String, "Name of the MIG instance; null for the GPU itself.")),
        ("mig_uuid", or_null(Type::String, "UUID of the MIG instance; null for the GPU itself.")),
        ("user", or_null(Type::String, "The user, as in `/users`; null if users are not stored.")),
        ("container", or_null(Type::String, "Name or ID of its container; null outside of one.")),
        ("pod", or_null(Type::String, "Namespace and name of its pod; null outside of one.")),
        ("job", or_null(Type::String, "Its Slurm job; null outside of one.")),
        ("first_at", integer("First sample, Unix time in milliseconds.")),
        ("last_at", integer("Last sample, Unix time in milliseconds.")),
        ("open", truth("True if it has not ended.")),
        (
            "command",
            or_null(Type::String, "First command, as `--commands` shows it; null if it is hidden or not stored."),
        ),
        ("processes", integer("Number of its processes.")),
    ];
    let meaning = "One user on one GPU or MIG instance, from the first to the last sample; a minute's absence ends it.";
    let session = ObjectBuilder::new().schema_type(Type::Object).description(Some(meaning));
    let all = values.into_iter().chain(sums());
    all.fold(session, |session, (name, schema)| session.property(name, schema).required(name)).into()
}
