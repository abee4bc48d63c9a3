//! `docs/api.md` and the document's examples are made from the code; a stale one fails here.

use std::{fmt::Write as _, path::Path};

use serde_json::{Map, Value};
use telemetry::readings::{Every, SPECS, Unit};

use super::{Host, OTHER_PATHS, PATHS, absence, body, document, hosts, usage};
use crate::config::commands::Commands;
use http_server::auth::Scope;

const RENEW: &str = "RENEW_DOCS=1 cargo test -p server --lib docs";

/// Compares a file with its expected contents; writes it with `RENEW_DOCS`.
pub(crate) fn fresh(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    if std::env::var_os("RENEW_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{file} is stale; renew it with: {RENEW}");
}

#[test]
fn docs_examples_are_real_answers() {
    let host = Host::new(hosts::healthy(), Scope::Read, Commands::Masked);
    let mut examples = Map::new();
    for (asked, path) in PATHS {
        let answer = body(host.get(asked));
        let value = serde_json::from_slice(&answer).unwrap_or_else(|_| String::from_utf8(answer).unwrap().into());
        examples.insert(path.into(), value);
    }
    examples.extend(usage::examples().into_iter().map(|(path, value)| (path.into(), value)));
    fresh("crates/server/assets/examples.json", &(serde_json::to_string_pretty(&examples).unwrap() + "\n"));
}

#[test]
fn docs_reference_matches_code() {
    let document = document();
    for free in absence::FREE {
        assert!(
            HEAD.contains(&format!("`{free}`")) || HEAD.contains(&format!(".{free}`")),
            "null without a reason: {free}"
        );
    }
    let periods: String = PERIODS.map(|(period, what)| format!("| *{period}* | {what} |\n")).concat();
    let mut text = HEAD.replace("PERIODS", &periods);
    let views = || PATHS.into_iter().chain(usage::PATHS).map(|(_, path)| path);
    let paths = || views().chain(["/api/v1/stream"]).chain(OTHER_PATHS);
    for path in paths() {
        let operation = &document["paths"][path]["get"];
        let answer = &operation["responses"]["200"]["content"];
        let schema = &answer.as_object().unwrap().values().next().unwrap()["schema"];
        writeln!(text, "| `GET {path}` | {} | {} |", operation["summary"].as_str().unwrap(), kind(&document, schema))
            .unwrap();
    }
    text.push_str("\n## Refusals\n\n| status | form | when | paths |\n|---|---|---|---|\n");
    text.push_str(&refusals(&document, &paths().collect::<Vec<_>>()));
    text.push_str(PARAMETERS);
    for path in paths() {
        for parameter in document["paths"][path]["get"]["parameters"].as_array().into_iter().flatten() {
            let word = |key: &str| parameter[key].as_str().unwrap();
            writeln!(text, "| `{path}` | `{}` | {} |", word("name"), word("description")).unwrap();
        }
    }
    text.push_str(SUMMARIES);
    text.push_str("\n## Metrics of the history\n\n");
    for metric in &telemetry::history::metric::ALL {
        writeln!(text, "- `{}`", metric.spec().path).unwrap();
    }
    text.push_str(STORED);
    text.push_str(&plausible());
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if let Some(properties) = schema["properties"].as_object() {
            let meaning = schema["description"].as_str().unwrap_or_else(|| panic!("{name} is not described"));
            let columns = if PLAIN.contains(&name.as_str()) { PLAIN_COLUMNS } else { COLUMNS };
            write!(text, "\n## {name}\n\n{meaning}\n\n{columns}").unwrap();
            for (key, schema) in properties {
                text.push_str(&row(&document, name, key, schema));
            }
        }
    }
    fresh("docs/api.md", &text);
}

#[test]
fn docs_list_values_of_open_sets() {
    let document = document();
    for spec in &SPECS {
        let words: Vec<&str> = match spec.unit {
            Unit::Word(table) => table.iter().map(|(_, word)| *word).collect(),
            Unit::Bits(names) => names.to_vec(),
            _ => continue,
        };
        let missing: Vec<_> = words.iter().filter(|word| !spec.description.contains(&format!("`{word}`"))).collect();
        assert!(missing.is_empty(), "the description of {} lacks {missing:?}", spec.path);
        let object = spec.path.split_once('.').map_or("Gpu", |(section, _)| section);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let (_, schema) = schemas.iter().find(|(name, _)| name.eq_ignore_ascii_case(object)).unwrap();
        assert_eq!(schema["properties"][spec.key]["description"], spec.description, "{}", spec.path);
    }
}

/// Plausible values of each reading, in the API's unit.
fn plausible() -> String {
    let mut text = PLAUSIBLE.to_owned();
    for spec in SPECS.iter().filter(|spec| !spec.plausible.is_empty()) {
        let range = spec.range.as_ref().map_or_else(String::new, |range| {
            let factor = match spec.unit {
                Unit::Milliwatts | Unit::Millijoules => 1e3,
                Unit::Nanoseconds => 1e9,
                _ => 1.0,
            };
            format!("{} to {}", number(range.start() / factor), number(range.end() / factor))
        });
        writeln!(text, "| `{}` | {range} | {} |", spec.path, spec.plausible).unwrap();
    }
    text
}

fn number(value: f64) -> String {
    if value.abs() < 1e7 { format!("{value}") } else { format!("{value:.3e}") }
}

const PLAUSIBLE: &str = "
## Plausible values

A driver may report success and a number that cannot be. A reading outside of its range is absent with the reason `error`:
it has no sample in `/metrics`, raises no alarm and is in no sum, counter or history, and `/status` has `N/A`. So is every
number that drivers and tools use for \"none\": all ones of 32 and 64 bits, the lowest and highest signed numbers, and the
sixteen numbers from 2147483632 and from 2^63 − 16 on. Besides:

- Parts of the memory are not larger than the total. Free memory is what is left of it, so it is absent with a part, and if
  free and used memory exceed the total by more than a sixty-fourth. A total of 0 is absent; only an integrated GPU (GB10, Thor,
  Orin, Xavier, Tegra, by its name) has the host's memory then.
- A draw of more than three times the enforced limit (else the limit) is absent.
- The memory of a process is not larger than that of its GPU or MIG instance.
- A counter that falls, or rises faster than can be, is absent until the next reading goes on from it. So one wrong answer is
  in no rate, and a real restart is one reading late.

| reading | plausible | reason |
|---|---|---|
";

const STORED: &str = "
A value is the mean of a step. It is stored as a whole number of small parts, and is at most a tenth of the unit in which the
page shows a value of its size beside the mean that was read. Percentages up to 250, \u{b0}C, W and MHz that are whole numbers are
exact, and so is 0.

| metrics | error at most | unit on the page |
|---|---|---|
| `_percent`, `_ratio`, `_celsius` | 0.004 %, 0.00002, 0.002 \u{b0}C | 1 %, 0.01, 1 \u{b0}C |
| `_watts`, `_mhz` | 0.09 W, 0.09 MHz | 1 W, 1 MHz |
| `_bytes` | 85 bytes below 1 MiB, 86 KiB below 1 GiB, 8 MiB below 1000 GiB, 0.1 GiB above | 1 KiB, 1 MiB, 0.1 GiB, 1 GiB |
| `_bytes_per_second` | 84 B/s below 1 MB/s, 84 kB/s below 1 GB/s, 10 MB/s above | 1 kB/s, 1 MB/s, 0.1 GB/s |
";

const PARAMETERS: &str = "
## Parameters

A path below `/api/v1` answers an unknown parameter with 400 and lists its own, so that a misspelled filter is not an answer
about everything. Names are case-sensitive. `gpu` and `metric` are lists: separated by commas, repeated, or both. Another
parameter that is given twice with two values, or without a value, is 400, except that `user` of `/usage` and `/sessions` may be
repeated for several users. `/status`, `/count`, `/metrics`, `/healthz`,
`/readyz`, `/docs` and `/openapi.json` ignore unknown parameters.

`since` and `until` are a period from `since` until before `until`; an empty period is 400. ISO 8601 needs a zone (`Z`,
`+01:00`), because the clocks of a script and of the host can be in different ones; the plus sign may be unescaped. A number
of 4 to 11 digits is 400: it is probably in seconds. `/usage` and `/sessions` also take dates, and times without a zone, which
are in `tz` or else in the agent's zone, since a month of usage is that of the place. A history has the steps that the period touches and that are over.

`format=csv` has a header, lines that end in CRLF, times in UTC, and empty cells where nothing was read. Text that a
spreadsheet would take for a formula begins with an apostrophe.

| path | parameter | meaning |
|---|---|---|
";

const SUMMARIES: &str = "
## The stream of summaries

`/api/v1/stream?view=summary` sends one of two events for each snapshot, and no other:

| event | data | when |
|---|---|---|
| `summary` | the whole of `/api/v1/summary` | first; at once when a state, use, its beginning, users, health, claim, MIG instance, problem or identity changes; when memory has moved by 1 % of the total, utilization by 5 points or power by 5 % of the limit since the last one; and at least once a minute |
| `alive` | `{\"sampled_at\":1700000000000,\"read_at\":1699999999960,\"age_ms\":40}` | otherwise, about once an interval and at least every ten seconds |

`alive` means that the last summary still holds, up to those steps, with these times: `read_at` and `age_ms` are those of the
newest reading, null before the first. An event has no id; a reader that was away begins with a summary. Readers of one scope
are sent the same bytes; `users` are hidden from the scope `summary`.

## A lower scope

The request header `NVSMI-Scope: summary` lowers a request to the scope `summary`, on every path, and never raises it: with a token
of the scope `metrics` it is `/metrics` without pods and jobs. The response repeats the header, with `Vary: NVSMI-Scope`;
earlier releases do neither. Another value is 400.
";

const HEAD: &str = "# Every path and every field

Made from the code, as `/openapi.json` is; `RENEW_DOCS=1 cargo test -p server --lib docs` renews it.

A value that was not read is `null` (a list is empty), and `absent` has its dotted path with the reason:
`not_supported`, `denied`, `lost`, `asleep`, `timeout`, `error`, or `hidden` (not visible to this token). Whatever the
last column says, every reading of a GPU is also absent while the GPU is (`lost`, `asleep`, `denied`, `timeout`,
`error`). Null has no reason where there is nothing to read: `state_detail`, `collector.detail`, `claim`, `xid.last`,
`xid.last_at`, `gpu_uuid` of an event, `uid` of a container in `/users`, and of a process `gpu_instance`, `compute_instance`,
`owner_container`, `container`, `container_runtime`, `container_name`, `system_container`, `pod`, `pod_namespace`, `pod_name`,
`podman_pod`, `job`, `job_display` and `job_step`. Keys are never left out; new ones may be added at any time.
`/find`, `/usage` and `/sessions` have no `absent`: their fields say what null means.

The column *read* says when a value is read. A tick is one `--interval`:

| read | meaning |
|---|---|
PERIODS
| path | answers | as |
|---|---|---|
";
/// Everything that a field may have in the column *read*.
const PERIODS: [(&str, &str); 13] = [
    (Every::Tick.as_str(), "on every tick"),
    (Every::TenTicks.as_str(), "at the first tick, and then once in ten ticks, spread over them"),
    (Every::Window.as_str(), "on every tick, over the time since the previous reading, of about a second or more"),
    (Every::Handle.as_str(), "when a handle of the GPU is opened, and again every ten ticks"),
    ("event", "when the driver reports it"),
    ("driver load", "once, when the driver is loaded"),
    ("sample", "measured while a sample is assembled"),
    ("/proc", "from `/proc` each interval or second, whichever is longer"),
    ("/proc/PID", "from `/proc` on every tick; cgroups once, names and command lines every ten seconds"),
    ("container engine", "from the container engine, once in ten minutes for each container"),
    ("kubelet", "from the kubelet every ten seconds"),
    ("not read", "known without reading"),
    ("derived", "computed from readings, for every snapshot"),
];

const PLAIN_COLUMNS: &str = "| field | type | what it is |\n|---|---|---|\n";
const COLUMNS: &str = "| field | type | unit | what it is | source | read | absent |\n|---|---|---|---|---|---|---|\n";

/// Objects without readings.
const PLAIN: [&str; 18] = [
    "Problem",
    "Readiness",
    "Count",
    "Status",
    "StatusData",
    "StatusDevice",
    "StatusProcess",
    "Failure",
    "Usage",
    "UsageRow",
    "Price",
    "Sessions",
    "Session",
    "Find",
    "FindChoice",
    "FindDevice",
    "FindNearest",
    "FindMissing",
];

/// Every error, and the paths that answer it.
fn refusals(document: &Value, paths: &[&str]) -> String {
    let mut rows = Vec::new();
    for (name, refusal) in document["components"]["responses"].as_object().unwrap() {
        let of = |path: &&&str| {
            let answers = document["paths"][**path]["get"]["responses"].as_object().unwrap();
            answers
                .iter()
                .find(|(_, answer)| answer["$ref"].as_str().is_some_and(|to| to.ends_with(&format!("/{name}"))))
        };
        let refusing: Vec<&&str> = paths.iter().filter(|path| of(path).is_some()).collect();
        let status = refusing.first().and_then(of).unwrap_or_else(|| panic!("no path refuses with {name}")).0;
        let form = refusal["content"].as_object().and_then(|content| content.iter().next());
        let form = form
            .map_or("no body".into(), |(media, content)| format!("`{media}`, {}", kind(document, &content["schema"])));
        let named = |paths: Vec<&&str>| paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" ");
        let others: Vec<&&str> = paths.iter().filter(|path| !refusing.contains(path)).collect();
        let by = match others.len() {
            0 => "all".to_owned(),
            few if few < refusing.len() => format!("all but {}", named(others)),
            _ => named(refusing),
        };
        rows.push(format!("| {status} | {form} | {} | {by} |\n", refusal["description"].as_str().unwrap()));
    }
    rows.sort();
    rows.concat()
}

fn row(document: &Value, object: &str, key: &str, schema: &Value) -> String {
    let described = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
    let kind = kind(document, schema);
    if PLAIN.contains(&object) {
        return format!("| `{key}` | {kind} | {described} |\n");
    }
    let of_catalogue = schema["x-source"].as_str().map(|source| {
        let of = |key: &str| schema[key].as_str().unwrap_or_default();
        (described.as_str(), source, of("x-period"), of("x-absent"))
    });
    let origin = of_catalogue.or_else(|| {
        let (meaning, rest) = described.split_once("Source: ")?;
        let (source, rest) = rest.split_once(". Read: ")?;
        let (period, absent) = rest.split_once(". Absent: ")?;
        Some((meaning.trim(), source, period, absent.trim_end_matches('.')))
    });
    for period in origin.iter().flat_map(|(_, _, period, _)| period.split(", ")) {
        assert!(PERIODS.iter().any(|(known, _)| *known == period), "{object}.{key}: read {period}");
    }
    let parts = kind.contains("](#");
    let (meaning, source, period, absent) = match origin {
        Some(origin) => origin,
        // An object's own fields have their origin.
        None if parts || key == "absent" => (described.as_str(), "", "", ""),
        None => panic!("{object}.{key} lacks source, period and absence: {described:?}"),
    };
    format!("| `{key}` | {kind} | {} | {meaning} | {source} | {period} | {absent} |\n", unit(key))
}

fn kind(document: &Value, schema: &Value) -> String {
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().map(|choice| kind(document, choice)).collect::<Vec<_>>().join(" or ");
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let named = &document["components"]["schemas"][name];
        return match name {
            "Absent" => "map".into(),
            _ if named["enum"].is_array() => kind(document, named),
            _ => format!("[{name}](#{})", name.to_lowercase()),
        };
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect::<Vec<_>>().join(" ");
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", self::kind(document, &schema["items"])),
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    }
}

/// Unit by the ending of the name.
fn unit(key: &str) -> &'static str {
    const ENDINGS: [(&str, &str); 11] = [
        ("_bytes_per_second", "bytes/s"),
        ("_bytes", "bytes"),
        ("_watts", "W"),
        ("_joules", "J"),
        ("_celsius", "°C"),
        ("_mhz", "MHz"),
        ("_percent", "%"),
        ("_ratio", "0 to 1"),
        ("_seconds", "s"),
        ("_ms", "ms"),
        ("_at", "Unix ms"),
    ];
    let found = ENDINGS.iter().find(|(ending, _)| key.ends_with(ending));
    found.map_or(if matches!(key, "at" | "since") { "Unix ms" } else { "" }, |(_, unit)| unit)
}
