//! The stream of the fleet, from a driver to a reader that keeps the document up to date.

use serde_json::{Map, Value};

use super::{TWO_GPUS, agent, hub_of, in_state, name};
use crate::{http::stream::Stream, support::Driver};

type Object = Map<String, Value>;

/// Replaces the fields of an object with the changed ones.
fn replace(into: &mut Object, changed: &Object) {
    for (key, value) in changed.iter().filter(|(key, _)| *key != "gpus") {
        into.insert(key.clone(), value.clone());
    }
    let changed = changed.get("gpus").and_then(Value::as_array).into_iter().flatten();
    let Some(gpus) = into.get_mut("gpus").and_then(Value::as_array_mut) else { return };
    for gpu in changed {
        let own = gpus.iter_mut().find(|own| own["index"] == gpu["index"]).expect("a GPU that is known");
        replace(own.as_object_mut().unwrap(), gpu.as_object().unwrap());
    }
}

/// Merges an event `hosts` into the document.
fn merge(document: &mut Value, event: &Value) {
    let rows = document["hosts"].as_array_mut().unwrap();
    for changed in event["hosts"].as_array().unwrap() {
        let mut changed = changed.as_object().unwrap().clone();
        let is_whole = changed.remove("whole").is_some();
        match rows.iter_mut().find(|row| row["name"] == changed["name"]) {
            Some(row) if is_whole => *row = changed.into(),
            Some(row) => replace(row.as_object_mut().unwrap(), &changed),
            None => rows.push(changed.into()),
        }
    }
    let removed = event["removed"].as_array().cloned().unwrap_or_default();
    rows.retain(|row| !removed.contains(&row["name"]));
    rows.sort_by_key(|row| row["name"].as_str().unwrap().to_owned());
    if let Some(totals) = event.get("totals").filter(|totals| !totals.is_null()) {
        document["totals"] = totals.clone();
    }
}

/// A document without what the time changes: deltas of hosts that have not changed have none of it.
fn timeless(mut document: Value) -> Value {
    document.as_object_mut().unwrap().remove("at");
    for row in document["hosts"].as_array_mut().unwrap() {
        let row = row.as_object_mut().unwrap();
        row.remove("age_ms");
        row.remove("read_at");
    }
    document
}

#[test]
fn change_on_the_driver_reaches_readers_of_the_stream() {
    let drivers = [Driver::new(TWO_GPUS), Driver::new(TWO_GPUS)];
    let agents = drivers.each_ref().map(agent);
    let hub = hub_of(&[&agents[0], &agents[1]]).serve();
    let [first, second] = agents.each_ref().map(|agent| name(agent.address()));
    for host in [&first, &second] {
        in_state(&hub, host, "ok");
    }
    let (mut stream, _) = Stream::open(hub.address(), "/api/v1/fleet/stream", "");
    let (event, mut document) = stream.next().unwrap();
    assert_eq!(event, "fleet");
    let mut follow = |what: &str, wish: &dyn Fn(&Value) -> bool| {
        for _ in 0..30 {
            let row = document["hosts"].as_array().unwrap().iter().find(|row| row["name"] == *first).unwrap();
            if wish(row) && timeless(document.clone()) == timeless(hub.get("/api/v1/fleet").json()) {
                return;
            }
            let (event, data) = stream.next().unwrap();
            assert_eq!(event, "hosts", "{data}");
            merge(&mut document, &data);
        }
        panic!("no {what} in {document}, or it is not {}", hub.get("/api/v1/fleet").text());
    };
    follow("free GPU", &|row| row["gpus"][1]["use"] == "free");
    drivers[0].play(&TWO_GPUS.replacen("utilization_percent = 0", "utilization_percent = 77\npower_mw = 118923", 1));
    follow("use", &|row| row["gpus"][0]["utilization_percent"] == 77 && row["gpus"][0]["use"] == "busy");
    drivers[0].play("[[gpu]]\nname = 'NVIDIA L4'\n");
    follow("GPU of another kind", &|row| row["gpus"][0]["name"] == "NVIDIA L4");
    drivers[0].play(&format!("{TWO_GPUS}[[gpu]]\nname = 'NVIDIA L4'\n"));
    follow("third GPU", &|row| row["gpus"].as_array().is_some_and(|gpus| gpus.len() == 3));
}
