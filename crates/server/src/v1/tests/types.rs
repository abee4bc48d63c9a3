//! The page's types and its list of readings are made from the same document; a stale file fails here.

use std::fmt::Write as _;

use serde_json::Value;
use telemetry::readings::{Group, SPECS};

use super::{docs::fresh, document};

#[test]
fn docs_page_types_match_code() {
    let mut text = String::from(HEAD);
    for (name, schema) in document()["components"]["schemas"].as_object().unwrap() {
        write!(text, "\n{}export ", comment(schema, "")).unwrap();
        match schema["properties"].as_object() {
            Some(properties) => {
                writeln!(text, "interface {name} {{").unwrap();
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                for (key, schema) in properties {
                    let always = required.iter().any(|name| name == key);
                    let mark = if always { "" } else { "?" };
                    writeln!(text, "{}  {key}{mark}: {};", comment(schema, "  "), kind(schema)).unwrap();
                }
                text.push_str("}\n");
            }
            // New words may be added to a named list, as to the values of a map: the page takes any text.
            None if schema["enum"].is_array() => writeln!(text, "type {name} = string;").unwrap(),
            None => writeln!(text, "type {name} = {};", kind(schema)).unwrap(),
        }
    }
    fresh("web/src/api/types.ts", &text);
}

#[test]
fn docs_page_facts_match_code() {
    let document = document();
    let mut text = String::from(FACTS_HEAD);
    for group in Group::ALL {
        for spec in SPECS.iter().filter(|spec| spec.group == Some(group)) {
            let property = property(&document, spec.path);
            let attribute =
                |name: &str| property[name].as_str().unwrap_or_else(|| panic!("{} has no {name}", spec.path));
            let fact = [
                ("group", attribute("x-group")),
                ("label", attribute("x-label")),
                ("path", spec.path),
                ("unit", attribute("x-unit")),
                ("description", spec.description),
            ]
            .map(|(key, value)| format!("{key}: {}", Value::from(value)));
            writeln!(text, "  {{ {} }},", fact.join(", ")).unwrap();
        }
    }
    text.push_str("] as const;\n");
    fresh("web/src/api/facts.ts", &text);
}

/// Schema of the property at a dotted path of a GPU.
fn property<'a>(document: &'a Value, path: &str) -> &'a Value {
    let schemas = &document["components"]["schemas"];
    path.split('.').fold(&schemas["Gpu"], |schema, key| {
        let object = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()).map_or(schema, |name| &schemas[name]);
        &object["properties"][key]
    })
}

const HEAD: &str =
    "// Made from the code, as /openapi.json is; `RENEW_DOCS=1 cargo test -p server --lib docs` renews it.
";

const FACTS_HEAD: &str =
    "// Made from the code, as /openapi.json is; `RENEW_DOCS=1 cargo test -p server --lib docs` renews it.

/** Readings of a GPU that the page lists, in its order: `path` in the API's GPU, `unit` as in `x-unit`. */
export const FACTS = [
";

fn comment(schema: &Value, indent: &str) -> String {
    let described = schema["description"].as_str().unwrap_or_default();
    let meaning = described.split("Source: ").next().unwrap_or_default().replace('\n', " ");
    if meaning.is_empty() { String::new() } else { format!("{indent}/** {} */\n", meaning.trim()) }
}

fn kind(schema: &Value) -> String {
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" | ");
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return name.to_owned();
    }
    match &schema["type"] {
        Value::String(kind) => single(kind, schema),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).map(|kind| single(kind, schema)).collect::<Vec<_>>().join(" | ")
        }
        other => panic!("no type for {other}"),
    }
}

fn single(kind: &str, schema: &Value) -> String {
    match kind {
        "integer" | "number" => "number".into(),
        "array" => {
            let items = self::kind(&schema["items"]);
            if items.contains(' ') { format!("({items})[]") } else { format!("{items}[]") }
        }
        "object" if schema["additionalProperties"]["enum"].is_array() => "Record<string, string>".into(),
        "object" => format!("Record<string, {}>", self::kind(&schema["additionalProperties"])),
        "string" => words(schema).unwrap_or_else(|| "string".into()),
        other => other.to_owned(),
    }
}

/// Union of the words of a property.
fn words(schema: &Value) -> Option<String> {
    let words = schema["enum"].as_array()?;
    Some(words.iter().map(Value::to_string).collect::<Vec<_>>().join(" | "))
}
