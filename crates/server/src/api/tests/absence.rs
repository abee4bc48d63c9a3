//! What is null has a reason, and what has a reason is null.

use serde_json::{Value, json};

use super::{Host, SCOPES, hosts};
use crate::{Commands, scope::Scope};

/// Where null needs no reason; the last is of events, which hold nothing that is read.
const FREE: [&str; 10] = [
    "state_detail",
    "detail",
    "last",
    "last_at",
    "gpu_instance",
    "compute_instance",
    "container",
    "pod",
    "job",
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
        let free = FREE.contains(&path.rsplit('.').next().unwrap());
        assert!(free || absent.contains_key(&path), "{path} is null for no reason in {object}");
    }
    for path in absent.keys() {
        let value = at(object, path);
        assert!(value.is_null() || *value == json!([]), "{path} has a reason and is {value}");
    }
}

#[test]
fn null_and_reason_go_together() {
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
fn reasons_are_those_of_the_readings() {
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
fn commands_are_shown_as_far_as_the_administrator_lets_them() {
    let row = |commands| Host::new(hosts::planted(), Scope::Read, commands).json("processes")[0].clone();
    assert_eq!(row(Commands::Masked)["command"], "planted-name planted-argument");
    let (name, hidden) = (row(Commands::Name), row(Commands::Hidden));
    assert_eq!(
        (&name["command"], &name["absent"]["command"], &name["name"]),
        (&Value::Null, &json!("hidden"), &json!("planted-name"))
    );
    assert_eq!((&hidden["name"], &hidden["absent"]["name"]), (&Value::Null, &json!("hidden")));
}
