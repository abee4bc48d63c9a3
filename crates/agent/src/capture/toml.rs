//! The few forms of TOML that a capture has.

use telemetry::capture::{Field, Item, List, Metric};

/// A text, in quotes.
pub(super) fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

/// A key: bare where it may be.
pub(super) fn key(name: &str, with: &[u64]) -> String {
    if with.is_empty() {
        return name.to_owned();
    }
    let with: Vec<String> = with.iter().map(u64::to_string).collect();
    text(&format!("{name}({})", with.join(",")))
}

/// A number's bits, as TOML's integers have them: all ones is -1.
pub(super) fn word(word: u64) -> String {
    word.cast_signed().to_string()
}

/// A floating number; what is none has words of its own.
pub(super) fn real(value: f64) -> String {
    match value {
        value if value.is_nan() => "nan".into(),
        value if value == f64::INFINITY => "inf".into(),
        value if value == f64::NEG_INFINITY => "-inf".into(),
        value => format!("{value:?}"),
    }
}

/// What a call wrote.
pub(super) fn items(items: &[Item]) -> String {
    match items {
        [one] => item(one),
        several => format!("[{}]", several.iter().map(item).collect::<Vec<_>>().join(", ")),
    }
}

fn item(item: &Item) -> String {
    match item {
        Item::Word(bits) => word(*bits),
        Item::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(told) => text(told),
            Err(_) => format!("{{ bytes = {bytes:?} }}"),
        },
    }
}

/// A return code in the place of values.
pub(super) fn code(code: u32) -> String {
    format!("{{ code = {code} }}")
}

/// A list that a call wrote.
pub(super) fn list(list: &List) -> String {
    match list {
        List::Unknown { count, written } => format!("{{ count = {count}, written = {written} }}"),
        List::Entries { width, entries } => {
            let entry =
                |entry: &Vec<u64>| format!("[{}]", entry.iter().copied().map(word).collect::<Vec<_>>().join(", "));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{ width = {width}, entries = [{}] }}", entries.join(", "))
        }
    }
}

// `nvmlValueType_t`.
const DOUBLE: u32 = 0;
const UNSIGNED_INT: u32 = 1;
const SIGNED_INT: u32 = 5;
const UNSIGNED_SHORT: u32 = 6;

/// A field's value. A library may leave anything in those bytes of the union that its type does not have.
pub(super) fn field(told: &Field) -> String {
    if told.code != 0 {
        return code(told.code);
    }
    let value = match told.kind {
        DOUBLE => real(f64::from_bits(told.bits)),
        UNSIGNED_INT | SIGNED_INT => word(told.bits & u64::from(u32::MAX)),
        UNSIGNED_SHORT => word(told.bits & u64::from(u16::MAX)),
        _ => word(told.bits),
    };
    format!("{{ value = {value}, type = {} }}", told.kind)
}

/// A field that counts up.
pub(super) fn counter(from: &Field, per_s: f64) -> String {
    format!("{{ value = {{ count_from = {}, per_s = {} }}, type = {} }}", word(from.bits), real(per_s), from.kind)
}

/// A metric's value.
pub(super) fn metric(told: &Metric) -> String {
    if told.code == 0 { real(told.value) } else { code(told.code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_values_are_valid() {
        assert_eq!(text("a\"b\\c\n\u{7f}é"), "\"a\\\"b\\\\c\\u000A\\u007Fé\"");
        assert_eq!([key("f", &[]), key("f", &[1, 2])], ["f", "\"f(1,2)\""]);
        assert_eq!([word(7), word(u64::MAX)], ["7", "-1"]);
        assert_eq!([real(1.0), real(f64::NAN), real(-f64::INFINITY)], ["1.0", "nan", "-inf"]);
        let told = [Item::Word(1), Item::Text(b"x".into()), Item::Text(vec![255, 1])];
        assert_eq!(items(&told), "[1, \"x\", { bytes = [255, 1] }]");
        assert_eq!(items(&told[..1]), "1");
        let entries = vec![vec![1, u64::MAX], vec![]];
        assert_eq!(list(&List::Entries { width: 16, entries }), "{ width = 16, entries = [[1, -1], []] }");
        let told = Field { id: 1, scope: 0, code: 0, kind: 0, bits: 41.5_f64.to_bits() };
        assert_eq!(field(&told), "{ value = 41.5, type = 0 }");
        assert_eq!(field(&Field { code: 3, ..told }), "{ code = 3 }");
        assert_eq!(field(&Field { kind: 3, bits: 9, ..told }), "{ value = 9, type = 3 }");
        assert_eq!(field(&Field { kind: 1, bits: 7 << 32 | 9, ..told }), "{ value = 9, type = 1 }");
    }
}
