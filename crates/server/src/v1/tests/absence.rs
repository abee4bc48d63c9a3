//! Null values have a reason, and values with a reason are null.

use serde_json::{Value, json};
use telemetry::{Absence, snapshot::Process};

use super::{Host, SCOPES, hosts};
use crate::config::commands::Commands;
use http_server::auth::Scope;

/// Where null needs no reason; the last is of events, which hold nothing that is read.
pub(super) const FREE: [&str; 20] = [
    "claim",
    "state_detail",
    "detail",
    "last",
    "last_at",
    "gpu_instance",
    "compute_instance",
    "owner_container",
    "container",
    "container_runtime",
    "container_name",
    "system_container",
    "pod",
    "pod_namespace",
    "pod_name",
    "podman_pod",
    "job",
    "job_display",
    "job_step",
    "gpu_uuid",
];

/// The paths of all nulls in an object, but those in objects that have a map of their own.
fn nulls(value: &Value, path: &str, found: &mut Vec<String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Null => found.push(path.to_owned()),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                nulls(item, &below(&at.to_string()), found);
            }
        }
        Value::Object(object) => {
            for (key, item) in object.iter().filter(|(key, _)| *key != "absent") {
                nulls(item, &below(key), found);
            }
        }
        _ => {}
    }
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or_else(|| panic!("{path} leads nowhere in {value}"))
}

fn judge(object: &Value) {
    let absent = object["absent"].as_object().unwrap();
    let mut found = Vec::new();
    nulls(object, "", &mut found);
    for path in found {
        // A claim has either a process or an end.
        let of_claim = path.ends_with("claim.pid") || path.ends_with("claim.until");
        let free = of_claim || FREE.contains(&path.rsplit('.').next().unwrap());
        assert!(free || absent.contains_key(&path), "{path} is null for no reason in {object}");
    }
    for path in absent.keys() {
        let value = at(object, path);
        assert!(value.is_null() || *value == json!([]), "{path} has a reason and is {value}");
    }
}

#[test]
fn null_always_has_reason() {
    let hosts = hosts::all().into_iter().chain([("planted", hosts::planted())]);
    for (_, snapshot) in hosts {
        for scope in SCOPES {
            for commands in [Commands::Masked, Commands::Name, Commands::Hidden] {
                let host = Host::new(snapshot.clone(), scope, commands);
                let whole = host.json("snapshot");
                judge(&whole["host"]);
                judge(&whole["collector"]);
                let users = if scope == Scope::Read { host.json("users") } else { json!([]) };
                let rows = [&whole["gpus"], &whole["processes"], &users];
                rows.into_iter().flat_map(|rows| rows.as_array().unwrap()).for_each(judge);
                judge(&host.json("summary"));
            }
        }
    }
}

#[test]
fn names_null_without_reason_only_if_nothing_to_name() {
    let row = |change: fn(&mut Process)| {
        let mut snapshot = hosts::planted();
        change(&mut snapshot.gpus[0].processes[0]);
        Host::new(snapshot, Scope::Read, Commands::Masked).json("processes")[0].clone()
    };
    const NAMES: [&str; 3] = ["container_name", "pod_namespace", "pod_name"];
    let shown = |row: &Value| NAMES.map(|key| (row[key].clone(), row["absent"][key].clone()));
    let outside = row(|process| (process.container, process.pod) = (None, None));
    assert_eq!(shown(&outside), [const { (Value::Null, Value::Null) }; 3]);
    let unread = row(|process| {
        (process.container, process.pod, process.placed) = (None, None, Err(Absence::Denied));
    });
    assert_eq!(shown(&unread), [const { Value::Null }; 3].map(|null| (null, json!("denied"))));
    assert_eq!((&unread["job"], &unread["absent"]["job"]), (&Value::Null, &json!("denied")));
    let untold = row(|process| {
        if let (Some(container), Some(pod)) = (&mut process.container, &mut process.pod) {
            (container.name, pod.name) = (Err(Absence::Timeout), Err(Absence::NotSupported));
        }
    });
    let why = |why: &str| (Value::Null, json!(why));
    assert_eq!(shown(&untold), [why("timeout"), why("not_supported"), why("not_supported")]);
    assert_eq!((&untold["container"], &untold["pod"]), (&json!("planted-container"), &json!("planted-pod")));
    let mut summary = hosts::healthy();
    summary.gpus[0].processes[0].container = None;
    let summary = Host::new(summary, Scope::Summary, Commands::Masked).json("snapshot");
    assert_eq!(shown(&summary["processes"][0]), [why("hidden"), why("hidden"), why("hidden")]);
    assert_eq!((&summary["gpus"][1]["pods"], &summary["gpus"][1]["absent"]["pods"]), (&json!([]), &json!("hidden")));
}

#[test]
fn reasons_are_those_of_readings() {
    let lost = Host::new(hosts::all().swap_remove(2).1, Scope::Read, Commands::Masked).json("snapshot");
    let absent = &lost["gpus"][1]["absent"];
    for path in ["name", "memory.total_bytes", "utilization.gpu_percent", "mig", "fans", "use.unattributed_bytes"] {
        assert_eq!(absent[path], "lost", "{path}");
    }
    assert_eq!(lost["processes"][0]["absent"]["uid"], "lost");
    let mig = Host::new(hosts::all().swap_remove(3).1, Scope::Read, Commands::Masked).json("gpus/0");
    assert_eq!(mig["absent"]["mig.1.profile"], "error");
    let state = |position: usize| Host::new(hosts::all().swap_remove(position).1, Scope::Read, Commands::Masked);
    let starting = state(5).json("snapshot");
    assert_eq!(
        (&starting["collector"]["state"], &starting["host"]["absent"]["driver_version"]),
        (&json!("starting"), &json!("timeout"))
    );
    let no_driver = state(6).json("snapshot");
    assert_eq!(
        (&no_driver["collector"]["detail"], &no_driver["host"]["absent"]["driver_version"]),
        (&json!("Driver Not Loaded"), &json!("error"))
    );
}

#[test]
fn commands_shown_as_configured() {
    let row = |commands| Host::new(hosts::planted(), Scope::Read, commands).json("processes")[0].clone();
    assert_eq!(row(Commands::Masked)["command"], "planted-name planted-argument");
    let (name, hidden) = (row(Commands::Name), row(Commands::Hidden));
    assert_eq!(
        (&name["command"], &name["absent"]["command"], &name["name"]),
        (&Value::Null, &json!("hidden"), &json!("planted-name"))
    );
    assert_eq!((&hidden["name"], &hidden["absent"]["name"]), (&Value::Null, &json!("hidden")));
}
