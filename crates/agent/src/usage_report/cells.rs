//! Texts of the table's cells.

use std::fmt::Write as _;

use serde_json::Value;
use telemetry::terminal::{printable, printable_in};

/// Mark of a value that is not known.
pub(super) const ABSENT: &str = "-";
/// Longest explanation of the agent, in characters.
const MAX_DETAIL: usize = 400;
const SECONDS_PER_HOUR: f64 = 3600.0;
const JOULES_PER_KWH: f64 = 3_600_000.0;

/// Hours with two digits; a use that would be rounded to none is not none.
pub(super) fn hours(seconds: Option<f64>) -> String {
    number(seconds.map(|seconds| seconds / SECONDS_PER_HOUR))
}

pub(super) fn kilowatt_hours(joules: Option<f64>) -> String {
    number(joules.map(|joules| joules / JOULES_PER_KWH))
}

/// A number with two digits.
pub(super) fn number(value: Option<f64>) -> String {
    match value.filter(|value| value.is_finite()) {
        None => ABSENT.into(),
        Some(small) if small > 0.0 && small < 0.005 => "<0.01".into(),
        Some(value) => format!("{value:.2}"),
    }
}

/// Part of a whole in percent, with as many digits.
pub(super) fn percent(part: Option<f64>, whole: Option<f64>, digits: usize) -> String {
    match (part, whole) {
        (Some(part), Some(whole)) if whole > 0.0 => {
            let percent = 100.0 * part / whole;
            let least = if digits == 0 { 0.5 } else { 0.05 };
            if percent > 0.0 && percent < least {
                let bound = if digits == 0 { "<1" } else { "<0.1" };
                return format!("{bound}%");
            }
            format!("{percent:.digits$}%")
        }
        _ => ABSENT.into(),
    }
}

/// Key of a group, harmless on a terminal.
pub(super) fn key(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) if !text.is_empty() => printable(text).into_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(value)) => value.to_string(),
        _ => ABSENT.into(),
    }
}

/// Explanation in a problem document.
pub(super) fn detail(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    let detail = problem.get("detail").or_else(|| problem.get("title"))?.as_str()?;
    Some(printable_in(detail, MAX_DETAIL).into_owned())
}

/// Lines of text of others for a terminal.
pub(super) fn printable_lines(text: &str) -> String {
    text.lines().fold(String::with_capacity(text.len()), |mut shown, line| {
        shown.push_str(&printable(line));
        shown.push('\n');
        shown
    })
}

/// JSON for a terminal, with an escape for each character that could control it. It is the same JSON.
pub(super) fn printable_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let mut bytes = [0; 4];
        let is_layout = matches!(character, '\n' | '\r' | '\t');
        if is_layout || matches!(printable(character.encode_utf8(&mut bytes)), std::borrow::Cow::Borrowed(_)) {
            shown.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_amounts_are_not_none() {
        for (seconds, shown) in [
            (None, "-"),
            (Some(0.0), "0.00"),
            (Some(1.0), "<0.01"),
            (Some(180.0), "0.05"),
            (Some(3_600_000.0), "1000.00"),
            (Some(f64::NAN), "-"),
        ] {
            assert_eq!(hours(seconds), shown, "{seconds:?}");
        }
        assert_eq!(kilowatt_hours(Some(3_600_000.0)), "1.00");
        for (part, whole, digits, shown) in [
            (Some(1.0), Some(3.0), 0, "33%"),
            (Some(1.0), Some(3.0), 1, "33.3%"),
            (Some(0.0), Some(3.0), 1, "0.0%"),
            (Some(0.001), Some(100.0), 1, "<0.1%"),
            (Some(0.4), Some(100.0), 0, "<1%"),
            (Some(1.0), Some(0.0), 0, "-"),
            (None, Some(1.0), 0, "-"),
            (Some(1.0), None, 0, "-"),
        ] {
            assert_eq!(percent(part, whole, digits), shown);
        }
    }

    #[test]
    fn text_of_others_harmless() {
        assert_eq!(key(Some(&Value::from("a\u{1b}[2J\nb"))), "a\\x1b[2J\\nb");
        assert_eq!(key(Some(&Value::Null)), "-");
        assert_eq!(key(Some(&Value::from(3))), "3");
        assert_eq!(printable_lines("a\u{9b}31m,b\n2\n"), "a\\u{9b}31m,b\n2\n");
        assert_eq!(
            detail(br#"{"title":"Bad","detail":"since\u001b is wrong"}"#).as_deref(),
            Some("since\\x1b is wrong")
        );
        assert_eq!(detail(b"<html>"), None);
    }

    proptest! {
        #[test]
        fn json_for_a_terminal_is_the_same_json(text in "\\PC{0,8}(.|\\n|\u{9b}|\u{202e}|\u{e0041}){0,24}") {
            let json = serde_json::to_string_pretty(&Value::from(vec![text])).unwrap();
            let shown = printable_json(&json);
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), serde_json::from_str::<Value>(&json).unwrap());
            prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'));
        }
    }
}
