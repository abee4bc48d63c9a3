//! A judge of answers, as strict as the contract: every key of the schema is there, and no other.

use serde_json::Value;

/// Schema of a path's answer with that status.
pub(crate) fn answer<'a>(document: &'a Value, path: &str, status: u16) -> &'a Value {
    let answer = &document["paths"][path]["get"]["responses"][status.to_string()];
    answer["$ref"].as_str().map_or(answer, |name| document.pointer(name.strip_prefix('#').unwrap()).unwrap())
}

/// Violations of the schema in a value.
pub(crate) fn faults(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.strip_prefix('#').unwrap();
        let target = document.pointer(pointer).unwrap_or_else(|| panic!("{at}: {name} leads nowhere"));
        return faults(document, target, value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().filter(|choice| faults(document, choice, value, at).is_empty()).count();
        return if fits == 1 { vec![] } else { vec![format!("{at}: {fits} of the choices fit {value}")] };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        other => panic!("{at}: a schema without a type: {other}"),
    };
    if !kinds.iter().any(|kind| is(kind, value)) {
        return vec![format!("{at}: {value} is no {kinds:?}")];
    }
    let mut found = Vec::new();
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        found.push(format!("{at}: {value} is none of {words:?}"));
    }
    if value.as_i64().zip(schema["minimum"].as_i64()).is_some_and(|(value, least)| value < least) {
        found.push(format!("{at}: {value} is too small"));
    }
    for (position, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(faults(document, &schema["items"], item, &format!("{at}[{position}]")));
    }
    if let Some(object) = value.as_object() {
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                found.push(format!("{at}: {key} is left out"));
            }
        }
        for (key, value) in object {
            let schema = match (&schema["properties"][key], &schema["additionalProperties"]) {
                (Value::Null, Value::Object(_)) => &schema["additionalProperties"],
                (Value::Null, _) => {
                    found.push(format!("{at}: {key} is not in the schema"));
                    continue;
                }
                (property, _) => property,
            };
            found.extend(faults(document, schema, value, &format!("{at}.{key}")));
        }
    }
    found
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type of JSON"),
    }
}

#[test]
fn schema_check_finds_errors() {
    use serde_json::json;
    let schema = json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": ["integer", "null"], "minimum": 0}, "b": {"type": "array", "items": {"enum": ["x"], "type": "string"}}}});
    let judged = |value: Value| faults(&Value::Null, &schema, &value, "").len();
    assert_eq!([judged(json!({"a": 1, "b": ["x"]})), judged(json!({"a": null}))], [0, 0]);
    for bad in [
        json!({}),
        json!({"a": "1"}),
        json!({"a": -1}),
        json!({"a": 1, "b": ["y"]}),
        json!({"a": 1, "c": 1}),
        json!([]),
    ] {
        assert_eq!(judged(bad.clone()), 1, "{bad}");
    }
}
