//! The OpenAPI document, compared with the routes and with answers.

use std::collections::BTreeSet;

use http_server::Access;
use serde_json::Value;
use telemetry::snapshot::UseVerdict;

use super::{routes, tests::Hub};
use crate::{
    GpuReport,
    fleet::tests::{endpoint, gpu, instance, report, seen},
};

/// Routes for browsers, and those that lead to agents.
const UNDOCUMENTED: [&str; 5] = ["/", "/docs", "/assets/", "/hosts/", ""];

fn document() -> Value {
    serde_json::from_str(&routes::openapi(true)).unwrap()
}

#[test]
fn document_has_the_routes() {
    let document = document();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let documented: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let routed = routes::ROUTES.iter().map(|route| route.path).filter(|path| !UNDOCUMENTED.contains(path));
    assert_eq!(documented, routed.collect());
    for route in routes::ROUTES.iter().filter(|route| !UNDOCUMENTED.contains(&route.path)) {
        let operation = &document["paths"][route.path]["get"];
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let names: Vec<&str> = parameters.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(names, route.parameters.unwrap_or_default(), "{}", route.path);
        assert_eq!(operation["security"] == serde_json::json!([{}]), route.access == Access::Open, "{}", route.path);
        assert_eq!(operation["responses"].get("400").is_some(), route.parameters.is_some(), "{}", route.path);
    }
}

#[test]
fn references_lead_somewhere() {
    let document = document();
    let text = document.to_string();
    let mut count = 0;
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
        count += 1;
    }
    assert!(count > 50, "{count}");
    let open = routes::openapi(false);
    assert!(open.contains(r#""security":[]"#) && !open.contains(r#""security":[{"TOKEN""#));
}

#[test]
fn answers_are_as_documented() {
    let document = document();
    let mut hub = Hub::new(false, &["a", "b", "c"]);
    let with_instance = GpuReport {
        mig: vec![instance("x", UseVerdict::Free)],
        mig_mode: Some(true),
        uuid: Some("GPU-00000000-1111-2222-3333-444444444444".into()),
        ..gpu(0, UseVerdict::Held)
    };
    let free = GpuReport { uuid: Some("GPU-55555555-1111-2222-3333-444444444444".into()), ..gpu(1, UseVerdict::Free) };
    hub.fleet.see(&endpoint("a"), seen(report(vec![with_instance, free])), hub.now);
    let unknown = GpuReport {
        uuid: None,
        name: None,
        state: None,
        users: None,
        health: None,
        since_ms: None,
        mig_mode: None,
        ..gpu(0, UseVerdict::Busy)
    };
    hub.fleet.see(&endpoint("b"), seen(report(vec![unknown])), hub.now);
    hub.fleet.see(&endpoint("b"), crate::Seen::Failed(crate::Failure::Unreachable("no".into())), hub.now);
    hub.publish();
    for path in [
        "/api/v1/fleet",
        "/api/v1/fleet/users",
        "/api/v1/find",
        "/api/v1/find?count=9",
        "/api/v1/targets",
        "/healthz",
        "/readyz",
    ] {
        let answer: Value = serde_json::from_str(&hub.text(path)).unwrap();
        let operation = &document["paths"][path.split('?').next().unwrap()]["get"];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        check(&document, schema, &answer, path);
    }
}

/// Checks a value against a schema: types, words, and that keys are documented and present.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(pointer) = schema["$ref"].as_str() {
        return check(document, document.pointer(pointer.trim_start_matches('#')).unwrap(), value, place);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_kind = |documented: &Value| documented == kind || kind == "integer" && documented == "number";
    let kinds = &schema["type"];
    assert!(is_kind(kinds) || kinds.as_array().is_some_and(|kinds| kinds.iter().any(is_kind)), "{place}: {value}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value}");
    }
    for (at, element) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], element, &format!("{place}.{at}"));
    }
    let Some(object) = value.as_object() else { return };
    for (key, value) in object {
        let known = schema["properties"].get(key).or(schema.get("additionalProperties"));
        let known = known.unwrap_or_else(|| panic!("{place}.{key} is not documented"));
        check(document, known, value, &format!("{place}.{key}"));
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        assert!(object.contains_key(key.as_str().unwrap()), "{place} has no {key}");
    }
}
