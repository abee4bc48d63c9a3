//! YAML: the first document as a tree of texts.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use granit_parser::{Event, Parser, ScalarStyle, Tag};

/// Most values: 20,000 targets with 20 labels each.
const MAX_NODES: usize = 1_000_000;
/// Deepest nesting, with that of aliases; a list of targets has four levels. A deep tree would end in a deep recursion.
const MAX_DEPTH: usize = 16;
/// Words for null.
const NULLS: [&str; 5] = ["", "~", "null", "Null", "NULL"];

/// A value. Its aliases share it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A scalar as it is written, whatever its type; none for null.
    Text(Option<String>),
    List(Vec<Rc<Self>>),
    Map(BTreeMap<String, Rc<Self>>),
}

/// A collection that is not complete.
struct Frame {
    open: Open,
    anchor: usize,
    /// Depth of the deepest of its values.
    depth: usize,
}

/// Values of a collection that is not complete.
enum Open {
    List(Vec<Rc<Value>>),
    Map(OpenMap),
}

#[derive(Default)]
struct OpenMap {
    entries: BTreeMap<String, Rc<Value>>,
    /// Maps whose entries are taken over where there are no others.
    merged: Vec<Rc<Value>>,
    key: Option<Key>,
}

enum Key {
    Text(String),
    Merge,
}

/// Reads the first document; a list of others after it is ignored, as by Prometheus.
///
/// # Errors
/// It is no YAML, or exceeds a limit; one line.
pub(super) fn first_document(text: &str) -> Result<Rc<Value>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.chars().any(|character| character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}')) {
        return Err("control characters are not allowed".into());
    }
    let mut reader = Reader::default();
    for next in Parser::new_from_str(text) {
        let (event, _) = next.map_err(|error| reason(text, &error.to_string()))?;
        if let Event::DocumentEnd = event {
            break;
        }
        reader.take(event)?;
    }
    reader.root.ok_or_else(|| "there is no document".into())
}

/// Reason of a syntax error. The parser has none for some, as for a tab.
fn reason(text: &str, error: &str) -> String {
    let error = error.trim();
    let is_indented_by_tab =
        |line: &str| line.chars().take_while(|character| character.is_whitespace()).any(|character| character == '\t');
    if !error.starts_with("at ") {
        error.into()
    } else if text.lines().any(is_indented_by_tab) {
        format!("a tab {error}, which cannot indent; write spaces")
    } else {
        format!("invalid YAML {error}")
    }
}

#[derive(Default)]
struct Reader {
    /// Collections that are not complete.
    open: Vec<Frame>,
    /// Values with an anchor, and the depth of each.
    anchors: HashMap<usize, (Rc<Value>, usize)>,
    root: Option<Rc<Value>>,
    nodes: usize,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                if let Some(Frame { open: Open::Map(map), .. }) = self.open.last_mut()
                    && map.key.is_none()
                    && is_plain
                    && text == "<<"
                {
                    map.key = Some(Key::Merge);
                    return Ok(());
                }
                let value = Value::Text(scalar(&text, is_plain, tag.as_deref()));
                self.complete(Rc::new(value), anchor, 0)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Open::List(Vec::new()), anchor),
            Event::MappingStart(_, anchor, _) => self.begin(Open::Map(OpenMap::default()), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Frame { open, anchor, depth }) = self.open.pop() else { return Ok(()) };
                let value = match open {
                    Open::List(values) => Value::List(values),
                    Open::Map(map) => self.merge(map)?,
                };
                self.complete(Rc::new(value), anchor, depth + 1)
            }
            Event::Alias(anchor) => {
                // A collection that contains itself is not complete yet.
                let value = self.anchors.get(&anchor).cloned();
                let (value, depth) = value.ok_or("an alias is a part of its own value")?;
                self.complete(value, 0, depth)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, anchor: usize) -> Result<(), String> {
        self.open.push(Frame { open, anchor, depth: 0 });
        if self.open.len() > MAX_DEPTH { Err(too_deep()) } else { Ok(()) }
    }

    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES { Err(format!("expected at most {MAX_NODES} values, got more")) } else { Ok(()) }
    }

    /// Puts a complete value in its place.
    fn complete(&mut self, value: Rc<Value>, anchor: usize, depth: usize) -> Result<(), String> {
        self.count(1)?;
        if self.open.len() + depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (Rc::clone(&value), depth));
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        frame.depth = frame.depth.max(depth);
        match &mut frame.open {
            Open::List(values) => values.push(value),
            Open::Map(map) => map.take(value)?,
        }
        Ok(())
    }

    fn merge(&mut self, map: OpenMap) -> Result<Value, String> {
        let OpenMap { mut entries, merged, .. } = map;
        for value in merged {
            let Value::Map(others) = &*value else { return Err("<< expects a map, or a list of maps".into()) };
            self.count(others.len())?;
            for (key, value) in others {
                entries.entry(key.clone()).or_insert_with(|| Rc::clone(value));
            }
        }
        Ok(Value::Map(entries))
    }
}

impl OpenMap {
    /// Takes a key, or the value of the key before it.
    fn take(&mut self, value: Rc<Value>) -> Result<(), String> {
        match (self.key.take(), &*value) {
            (None, Value::Text(Some(key))) => self.key = Some(Key::Text(key.clone())),
            (None, _) => return Err("expected a text as a key".into()),
            (Some(Key::Merge), Value::List(values)) => self.merged.extend(values.iter().cloned()),
            (Some(Key::Merge), _) => self.merged.push(value),
            (Some(Key::Text(key)), _) => {
                if self.entries.contains_key(&key) {
                    return Err(format!("the key {key:?} is there twice"));
                }
                self.entries.insert(key, value);
            }
        }
        Ok(())
    }
}

fn too_deep() -> String {
    format!("expected at most {MAX_DEPTH} levels, got more")
}

/// Text of a scalar; none for null.
fn scalar(text: &str, is_plain: bool, tag: Option<&Tag>) -> Option<String> {
    let is_null = match tag.and_then(Tag::core_suffix) {
        Some("null") => true,
        Some(_) => false,
        None => tag.is_none() && is_plain && NULLS.contains(&text),
    };
    (!is_null).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        first_document(text).map(|value| shown(&value))
    }

    /// A value in short.
    fn shown(value: &Value) -> String {
        match value {
            Value::Text(None) => "null".into(),
            Value::Text(Some(text)) => format!("{text:?}"),
            Value::List(values) => {
                format!("[{}]", values.iter().map(|value| shown(value)).collect::<Vec<_>>().join(","))
            }
            Value::Map(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{key}:{}", shown(value))).collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }

    #[test]
    fn documents_read() {
        for (text, expected) in [
            ("a: 1\nb: [x, 'y', \"z\\n\", ~, null, '~', '']\n", r#"{a:"1",b:["x","y","z\n",null,null,"~",""]}"#),
            ("- a\n-\n- - b\n  - c: |\n      d\n", r#"["a",null,["b",{c:"d\n"}]]"#),
            ("\u{feff}--- # c\n{a: b}\n...\n: broken", r#"{a:"b"}"#),
            ("[!!str null, !!null x, !!int '3', !other y, !!str ]", r#"["null",null,"3","y",""]"#),
            ("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\n", r#"{a:{b:"1",c:"2"},d:{b:"3",c:"2"}}"#),
            (
                "- &x {a: 1}\n- &y {a: 2, b: 2}\n- <<: [*x, *y]\n  c: 3\n",
                r#"[{a:"1"},{a:"2",b:"2"},{a:"1",b:"2",c:"3"}]"#,
            ),
            ("a: &x 1\nb: &x 2\nc: *x\n", r#"{a:"1",b:"2",c:"2"}"#),
            ("{'<<': 1, 042: yes}", r#"{042:"yes",<<:"1"}"#),
            ("a:\r\n  - b\r\n", r#"{a:["b"]}"#),
            ("---\n", "null"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn broken_documents_refused() {
        for text in [
            "# only\n",
            "a: [b\n",
            "a: 1\na: 2\n",
            "{a: 1, 'a': 2}",
            "a: *b\n",
            "a: &b [*b]\n",
            "a: &b {c: *b}\n",
            "? [a]\n: b\n",
            "~: b\n",
            "<<: 1\n",
            "<<: [1]\n",
            "a: b: c\n",
            "a: \u{0}\n",
            "a: 'b\n",
        ] {
            let error = read(text);
            assert!(error.as_ref().is_err_and(|error| !error.contains('\n')), "{text:?}: {error:?}");
        }
        assert!(read(&"[".repeat(100_000)).is_err() && read(&"- ".repeat(100_000)).is_err());
        let chain: String = (1..100_000).map(|level| format!("- &a{level} [*a{}]\n", level - 1)).collect();
        assert!(read(&format!("- &a0 x\n{chain}")).unwrap_err().contains("levels"));
        let many = "- &a {x: 1, y: 2}\n".to_owned() + &"- <<: *a\n".repeat(400_000);
        assert!(read(&many).unwrap_err().contains("at most 1000000 values"));
    }
}
