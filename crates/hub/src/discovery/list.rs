//! Lists of targets in Prometheus' format: JSON and YAML.

use std::{collections::BTreeMap, fmt, marker::PhantomData, rc::Rc};

use http_server::encoding_of_text;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

use super::{
    notes::quoted,
    yaml::{self, Value},
};

/// Longest file or answer, in bytes: 20,000 targets with a few labels each.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// Most labels of a group that are read.
const MAX_LABELS: usize = 1000;
/// Most targets of a list, and of a hub.
pub const MAX_TARGETS: usize = 20_000;

/// Targets with the same labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) targets: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
}

/// A group of JSON. Another key refuses the list, as in Prometheus: the file is probably another
/// one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with targets and labels")]
struct Raw {
    targets: Option<Limited<JsonText>>,
    labels: Option<Labels<JsonText>>,
}

/// As many groups, or targets of a group, as a list may have targets.
struct Limited<T>(Vec<T>);

/// Labels, of which a hostile list could have millions.
struct Labels<T>(BTreeMap<String, T>);

/// A text of JSON. A number or a boolean is its own text, as it is in YAML.
struct JsonText(String);

/// Format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

/// Reads a list.
///
/// # Errors
/// It is no list of targets, or exceeds a limit; one line.
pub(super) fn parse(bytes: &[u8], format: Format) -> Result<Vec<Group>, String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("expected at most {MAX_BYTES} bytes, got more"));
    }
    if bytes.trim_ascii().is_empty() {
        // A program that truncates before it writes must not remove every host.
        return Err("it is empty; a list without targets is []".into());
    }
    // A byte order mark is no part of JSON, but of YAML.
    let text = match format {
        Format::Json => bytes,
        Format::Yaml => bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes),
    };
    if let Some(problem) = encoding_of_text::problem(text) {
        return Err(problem.into());
    }
    let groups = match format {
        Format::Json => json(text),
        Format::Yaml => yaml(text),
    };
    let groups = groups.map_err(|error| {
        let line: String = error.lines().next().unwrap_or_default().chars().take(200).collect();
        let example = match format {
            Format::Json => r#"[{"targets": ["gpu01:8000"]}]"#,
            Format::Yaml => "- targets: [gpu01:8000]",
        };
        format!("expected a list of targets and labels as Prometheus reads it, such as {example}; got something else: {line}")
    })?;
    let targets: usize = groups.iter().map(|group| group.targets.len()).sum();
    if targets > MAX_TARGETS {
        return Err(format!("expected at most {MAX_TARGETS} targets, got {targets}"));
    }
    Ok(groups)
}

fn json(bytes: &[u8]) -> Result<Vec<Group>, String> {
    let Limited::<Raw>(groups) = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let group = |raw: Raw| Group {
        targets: raw.targets.into_iter().flat_map(|all| all.0).map(|text| text.0).collect(),
        labels: raw.labels.into_iter().flat_map(|all| all.0).map(|(name, text)| (name, text.0)).collect(),
    };
    Ok(groups.into_iter().map(group).collect())
}

/// Reads the first document, as Prometheus does.
fn yaml(bytes: &[u8]) -> Result<Vec<Group>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let document = yaml::first_document(text)?;
    let Value::List(groups) = &*document else { return Err("expected a list of groups".into()) };
    check_count(groups.len(), MAX_TARGETS, "groups")?;
    let mut room = Room(MAX_TEXT);
    groups.iter().map(|group| yaml_group(group, &mut room)).collect()
}

/// Most bytes of texts. Aliases can make them more than the file has.
const MAX_TEXT: usize = 4 * MAX_BYTES;

/// Bytes that are left for texts.
struct Room(usize);

impl Room {
    fn text(&mut self, value: &Value) -> Result<String, String> {
        // Each counts, also without a text.
        const EACH: usize = 32;
        let Value::Text(text) = value else { return Err("expected a text, got a list or a map".into()) };
        let text = text.as_deref().unwrap_or_default();
        let left = self.0.checked_sub(text.len() + EACH);
        self.0 = left.ok_or("its aliases make it too long")?;
        Ok(text.to_owned())
    }
}

fn yaml_group(group: &Value, room: &mut Room) -> Result<Group, String> {
    let Value::Map(entries) = group else { return Err("expected a group with targets and labels".into()) };
    let mut read = Group::default();
    for (key, value) in entries {
        match (key.as_str(), &**value) {
            ("targets" | "labels", Value::Text(None)) => {}
            ("targets", Value::List(targets)) => {
                check_count(targets.len(), MAX_TARGETS, "targets")?;
                read.targets = targets.iter().map(|target| room.text(target)).collect::<Result<_, _>>()?;
            }
            ("labels", Value::Map(labels)) => {
                check_count(labels.len(), MAX_LABELS, "labels of a group")?;
                let text = |(name, value): (&String, &Rc<Value>)| Ok((name.clone(), room.text(value)?));
                read.labels = labels.iter().map(text).collect::<Result<_, String>>()?;
            }
            ("targets", _) => return Err("expected a list of targets".into()),
            ("labels", _) => return Err("expected a map of labels".into()),
            (other, _) => return Err(format!("expected targets and labels, got the key {}", quoted(other))),
        }
    }
    Ok(read)
}

fn check_count(count: usize, max: usize, what: &str) -> Result<(), String> {
    if count > max { Err(format!("expected at most {max} {what}, got more")) } else { Ok(()) }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Limited<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = Limited<T>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Limited<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(element) = from.next_element()? {
                    all.push(element);
                    check_count(all.len(), MAX_TARGETS, "targets or groups").map_err(de::Error::custom)?;
                }
                Ok(Limited(all))
            }
        }

        from.deserialize_seq(Elements(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Labels<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Labels<T>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("labels with their values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Labels<T>, A::Error> {
                let mut all = BTreeMap::new();
                while let Some((name, value)) = from.next_entry()? {
                    all.insert(name, value);
                    check_count(all.len(), MAX_LABELS, "labels of a group").map_err(de::Error::custom)?;
                }
                Ok(Labels(all))
            }
        }

        from.deserialize_map(Pairs(PhantomData))
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Scalar;

        impl Visitor<'_> for Scalar {
            type Value = JsonText;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<JsonText, E> {
                Ok(JsonText(value.into()))
            }

            fn visit_string<E: de::Error>(self, value: String) -> Result<JsonText, E> {
                Ok(JsonText(value))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<JsonText, E> {
                Ok(JsonText(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<JsonText, E> {
                Ok(JsonText(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<JsonText, E> {
                Ok(JsonText(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<JsonText, E> {
                Ok(JsonText(value.to_string()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<JsonText, E> {
                Ok(JsonText(String::new()))
            }
        }

        from.deserialize_any(Scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Vec<Group>, String> {
        parse(text.as_bytes(), Format::Json)
    }

    fn yaml(text: &str) -> Result<Vec<Group>, String> {
        parse(text.as_bytes(), Format::Yaml)
    }

    fn group(targets: &[&str], labels: &[(&str, &str)]) -> Group {
        Group {
            targets: targets.iter().map(|text| (*text).into()).collect(),
            labels: labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        }
    }

    #[test]
    fn json_list_read() {
        let text = r#"[{"targets": ["a:1", "b:1"], "labels": {"rack": "r1"}}, {"targets": []}, {}, {"targets": null, "labels": null}]"#;
        let expected =
            [group(&["a:1", "b:1"], &[("rack", "r1")]), Group::default(), Group::default(), Group::default()];
        assert_eq!(json(text).unwrap(), expected);
        assert_eq!(json(" [] ").unwrap(), []);
        assert_eq!(
            json(r#"[{"targets":["a:1"],"labels":{"u":4,"b":true,"e":null,"f":1.5}}]"#).unwrap()[0].labels.len(),
            4
        );
    }

    #[test]
    fn yaml_list_read_with_scalars_as_written() {
        let text = "# hosts\n- targets: ['a:1', b:8000, \"[::1]:1\"]\n  labels:\n    u: 042\n    v: 1.10\n    t: true\n    n: ~\n    q: '7'\n    o: 0x1F\n    y: yes\n    d: 2026-11-30\n";
        let expected = group(
            &["a:1", "b:8000", "[::1]:1"],
            &[
                ("u", "042"),
                ("v", "1.10"),
                ("t", "true"),
                ("n", ""),
                ("q", "7"),
                ("o", "0x1F"),
                ("y", "yes"),
                ("d", "2026-11-30"),
            ],
        );
        assert_eq!(yaml(text).unwrap(), [expected]);
        assert_eq!(yaml("[]\n").unwrap(), []);
        assert_eq!(yaml("- targets:\n  - a:1\n").unwrap(), [group(&["a:1"], &[])]);
        assert_eq!(yaml(r#"[{"targets": ["a:1"]}]"#).unwrap(), [group(&["a:1"], &[])]);
    }

    #[test]
    fn yaml_anchors_read() {
        let text = "- targets: [a:1]\n  labels: &l {rack: r}\n- targets: [b:1]\n  labels: *l\n";
        assert_eq!(yaml(text).unwrap()[1], group(&["b:1"], &[("rack", "r")]));
    }

    #[test]
    fn yaml_anchor_shared_by_many_groups() {
        let mut text = "- targets: [a:1]\n  labels: &l {rack: r, row: '1', owner: o}\n".to_owned();
        let merged = "  labels: {<<: *l, n: x}\n";
        for number in 0..15_000 {
            let labels = if number % 2 == 0 { "  labels: *l\n" } else { merged };
            text.push_str(&format!("- targets: [b{number}:1]\n{labels}"));
        }
        let groups = yaml(&text).unwrap();
        assert_eq!((groups.len(), groups[2].labels.len()), (15_001, 4));
        assert_eq!(groups[1], group(&["b0:1"], &[("rack", "r"), ("row", "1"), ("owner", "o")]));
    }

    #[test]
    fn first_document_of_several_read() {
        assert_eq!(yaml("- targets: [a:1]\n---\n- targets: [b:1]\n").unwrap(), [group(&["a:1"], &[])]);
    }

    #[test]
    fn broken_list_refused_in_one_line() {
        let broken = [
            "",
            " \n",
            "null",
            "{}",
            "1",
            "\"a\"",
            "[",
            r#"[{"targets": ["a:1"]"#,
            "[null]",
            "[1]",
            r#"[{"target": ["a:1"]}]"#,
            r#"[{"targets": "a:1"}]"#,
            r#"[{"targets": [["a:1"]]}]"#,
            r#"[{"targets": [], "labels": []}]"#,
            r#"[{"targets": [], "labels": {"a": {}}}]"#,
            r#"[{"targets": [], "labels": {"a": ["x"]}}]"#,
            "<html>",
        ];
        // YAML ends with the first document.
        assert!(json(r#"[{"targets": ["a:1"]}] x"#).is_err());
        for text in broken {
            for error in [json(text).unwrap_err(), yaml(text).err().unwrap_or_else(|| format!("yaml accepts {text}"))] {
                assert!(!error.contains('\n') && !error.contains("yaml accepts"), "{text:?}: {error}");
            }
        }
        for text in [
            "- targets: [a:1\n",
            "# only\n",
            "a: b",
            "- targets: [a:1]\n  targets: [b:1]\n",
            "- a\n",
            "- targets: *x\n",
            "\u{0}",
        ] {
            let error = yaml(text).unwrap_err();
            assert!(!error.contains('\n'), "{text:?}: {error}");
        }
        assert!(parse(b"- targets: [\xff]\n", Format::Yaml).is_err());
    }

    #[test]
    fn error_of_a_list_has_an_example_and_the_place() {
        for (text, part) in [
            (r#"[{"targets": ["a:1"]},]"#, "trailing comma at line 1 column 23"),
            (r#"["a:1"]"#, "an object with targets and labels"),
            (r#"[{"target": ["a:1"]}]"#, "unknown field `target`"),
        ] {
            let error = json(text).unwrap_err();
            assert!(error.contains(part) && error.contains(r#"[{"targets": ["gpu01:8000"]}]"#), "{error}");
        }
        for (text, part) in
            [("- targets:\n\t- a:1\n", "tab"), ("- targets: [a:1]\n  labels: {rack: a, rack: b}\n", "rack")]
        {
            let error = yaml(text).unwrap_err();
            assert!(error.contains(part) && error.contains("- targets: [gpu01:8000]"), "{error}");
        }
    }

    #[test]
    fn encoding_of_a_list_named() {
        assert!(json("\u{feff}[]").unwrap_err().contains("byte order mark"));
        assert_eq!(yaml("\u{feff}- targets: [a:1]\r\n").unwrap(), [group(&["a:1"], &[])]);
        for format in [Format::Json, Format::Yaml] {
            assert!(parse(b"\xff\xfe[\0]\0", format).unwrap_err().contains("UTF-16"));
        }
    }

    #[test]
    fn list_beyond_limits_refused() {
        let many = format!("[{{\"targets\": [{}]}}]", vec!["\"a:1\""; MAX_TARGETS + 1].join(","));
        assert!(json(&many).unwrap_err().contains("20000 targets"));
        assert!(parse(&vec![b' '; MAX_BYTES + 1], Format::Json).unwrap_err().contains("bytes"));
        let deep = "[".repeat(100_000);
        assert!(json(&deep).is_err() && yaml(&deep).is_err());
        let mut bomb = "- labels: {a: &a0 x}\n".to_owned();
        bomb.push_str("- targets: &b0 [a,a,a,a,a,a,a,a,a]\n");
        for level in 1..30 {
            let before = format!("*b{},", level - 1).repeat(9);
            bomb.push_str(&format!("- targets: &b{level} [{before}]\n"));
        }
        assert!(yaml(&bomb).is_err());
        // The same group many times, and the same long text.
        let targets = "a,".repeat(MAX_TARGETS / 2);
        let groups = format!("- &g {{targets: [{targets}]}}\n{}", "- *g\n".repeat(MAX_TARGETS - 1));
        assert!(yaml(&groups).unwrap_err().contains("too long"));
        let long = format!(
            "- labels: {{a: &t {}, {}}}\n",
            "x".repeat(MAX_BYTES / 2),
            "b: *t, c: *t, d: *t, e: *t, f: *t, g: *t, h: *t, i: *t"
        );
        assert!(yaml(&long).unwrap_err().contains("too long"));
        let labels: Vec<String> = (0..=MAX_LABELS).map(|number| format!("\"a{number}\": \"x\"")).collect();
        let text = format!(r#"[{{"targets": ["a:1"], "labels": {{{}}}}}]"#, labels.join(", "));
        for error in [json(&text).unwrap_err(), yaml(&text).unwrap_err()] {
            assert!(error.contains("1000 labels"), "{error}");
        }
        let groups = format!("[{}]", vec!["{}"; MAX_TARGETS + 1].join(","));
        assert!(json(&groups).unwrap_err().contains("groups") && yaml(&groups).is_err());
    }

    #[test]
    fn large_list_read() {
        let json_text = format!(
            "[{}]",
            (0..MAX_TARGETS)
                .map(|number| format!("{{\"targets\":[\"a{number}:1\"],\"labels\":{{\"rack\":\"r{number}\"}}}}"))
                .collect::<Vec<_>>()
                .join(",")
        );
        assert_eq!(json(&json_text).unwrap().len(), MAX_TARGETS);
        let yaml_text: String = (0..MAX_TARGETS)
            .map(|number| format!("- targets: ['a{number}:1']\n  labels: {{rack: r{number}}}\n"))
            .collect();
        assert_eq!(yaml(&yaml_text).unwrap().len(), MAX_TARGETS);
    }
}
