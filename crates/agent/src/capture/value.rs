//! Values of a capture as TOML.

use serde::{Serialize, Serializer};
use telemetry::capture::{Field, Item, List, Metric};

/// Writes a value as it follows a key.
pub(super) fn inline(value: &impl Serialize) -> String {
    let mut text = String::new();
    // Fails for values that TOML lacks: null, and integers above `i64::MAX`. The types below have neither.
    let _ = value.serialize(toml::ser::ValueSerializer::new(&mut text));
    text
}

/// Key of a call; its arguments follow the function's name.
pub(super) fn key(function: &str, arguments: &[u64]) -> String {
    if arguments.is_empty() {
        return function.to_owned();
    }
    let arguments: Vec<String> = arguments.iter().map(u64::to_string).collect();
    inline(&format!("{function}({})", arguments.join(",")))
}

/// A return code in place of a value.
#[derive(Serialize)]
pub(super) struct Code {
    pub(super) code: u32,
}

/// Bits of a number, as a TOML integer: all ones is -1.
pub(super) struct Word(u64);

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(self.0.cast_signed())
    }
}

/// Text that is not UTF-8.
#[derive(Serialize)]
struct Bytes<'a> {
    bytes: &'a [u8],
}

/// Values that a call wrote: one, or an array of several.
pub(super) struct Items<'a>(pub(super) &'a [Item]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => ItemValue(one).serialize(to),
            several => to.collect_seq(several.iter().map(ItemValue)),
        }
    }
}

struct ItemValue<'a>(&'a Item);

impl Serialize for ItemValue<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Item::Word(bits) => Word(*bits).serialize(to),
            Item::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => to.serialize_str(text),
                Err(_) => Bytes { bytes }.serialize(to),
            },
        }
    }
}

/// A list that a call wrote.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ListValue {
    Unknown { count: u32, written: usize },
    Entries { width: usize, entries: Vec<Vec<Word>> },
}

impl From<&List> for ListValue {
    fn from(list: &List) -> Self {
        match list {
            List::Unknown { count, written } => Self::Unknown { count: *count, written: *written },
            List::Entries { width, entries } => Self::Entries {
                width: *width,
                entries: entries.iter().map(|entry| entry.iter().copied().map(Word).collect()).collect(),
            },
        }
    }
}

// Values of `nvmlValueType_t`.
const DOUBLE: u32 = 0;
const UNSIGNED_INT: u32 = 1;
const SIGNED_INT: u32 = 5;
const UNSIGNED_SHORT: u32 = 6;

/// A number, integer or floating point.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Number {
    Word(Word),
    Real(f64),
}

/// A field's value, or its return code.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum FieldValue {
    Value {
        value: Number,
        #[serde(rename = "type")]
        kind: u32,
    },
    Counter {
        value: Count,
        #[serde(rename = "type")]
        kind: u32,
    },
    Code(Code),
}

/// A counter that increases at a rate.
#[derive(Serialize)]
pub(super) struct Count {
    count_from: Word,
    per_s: f64,
}

impl FieldValue {
    /// A counter that starts at the field's value.
    pub(super) fn counter(from: &Field, per_s: f64) -> Self {
        Self::Counter { value: Count { count_from: Word(from.bits), per_s }, kind: from.kind }
    }
}

impl From<&Field> for FieldValue {
    /// Keeps only the bytes of the union that the type has: the library can leave anything in the others.
    fn from(field: &Field) -> Self {
        if field.code != 0 {
            return Self::Code(Code { code: field.code });
        }
        let value = match field.kind {
            DOUBLE => Number::Real(f64::from_bits(field.bits)),
            UNSIGNED_INT | SIGNED_INT => Number::Word(Word(field.bits & u64::from(u32::MAX))),
            UNSIGNED_SHORT => Number::Word(Word(field.bits & u64::from(u16::MAX))),
            _ => Number::Word(Word(field.bits)),
        };
        Self::Value { value, kind: field.kind }
    }
}

/// A GPM metric's value, or its return code.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum MetricValue {
    Value(f64),
    Code(Code),
}

impl From<&Metric> for MetricValue {
    fn from(metric: &Metric) -> Self {
        if metric.code == 0 { Self::Value(metric.value) } else { Self::Code(Code { code: metric.code }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_values_are_valid() {
        for text in ["a\"b\\c\n\u{7f}é", "", "it's", "'''\"\"\""] {
            let line = format!("text = {}", inline(&text));
            assert_eq!(line.parse::<toml::Table>().unwrap()["text"].as_str(), Some(text));
        }
        assert_eq!([key("f", &[]), key("f", &[1, 2])], ["f", "\"f(1,2)\""]);
        assert_eq!([inline(&Word(7)), inline(&Word(u64::MAX))], ["7", "-1"]);
        assert_eq!([inline(&1.0), inline(&f64::NAN), inline(&-f64::INFINITY)], ["1.0", "nan", "-inf"]);
        let items = [Item::Word(1), Item::Text(b"x".into()), Item::Text(vec![255, 1])];
        assert_eq!(inline(&Items(&items)), "[1, \"x\", { bytes = [255, 1] }]");
        assert_eq!(inline(&Items(&items[..1])), "1");
        let entries = vec![vec![1, u64::MAX], vec![]];
        let list = List::Entries { width: 16, entries };
        assert_eq!(inline(&ListValue::from(&list)), "{ width = 16, entries = [[1, -1], []] }");
        let field = Field { id: 1, scope: 0, code: 0, kind: 0, bits: 41.5_f64.to_bits() };
        let written = |field: &Field| inline(&FieldValue::from(field));
        assert_eq!(written(&field), "{ value = 41.5, type = 0 }");
        assert_eq!(written(&Field { code: 3, ..field }), "{ code = 3 }");
        assert_eq!(written(&Field { kind: 3, bits: 9, ..field }), "{ value = 9, type = 3 }");
        assert_eq!(written(&Field { kind: 1, bits: 7 << 32 | 9, ..field }), "{ value = 9, type = 1 }");
    }
}
