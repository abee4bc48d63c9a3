//! Text of others on a terminal: names from the driver, the host and its users.

use std::{borrow::Cow, fmt::Write as _};

/// Escapes characters that control a terminal or change the order of a line: controls as `\x1b`, and separators of
/// lines, directions of writing and invisible characters as `\u{202e}`. Everything else stays, so a backslash of the
/// text does too.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        // Writing to a string does not fail.
        let _ = match character {
            '\n' => escaped.write_str("\\n"),
            '\r' => escaped.write_str("\\r"),
            '\t' => escaped.write_str("\\t"),
            control if is_unsafe(control) && control.is_ascii() => write!(escaped, "\\x{:02x}", u32::from(control)),
            other if is_unsafe(other) => write!(escaped, "\\u{{{:x}}}", u32::from(other)),
            plain => escaped.write_char(plain),
        };
    }
    Cow::Owned(escaped)
}

/// As [`printable`], in at most `width` characters, the last of them `…` if some are left out.
#[must_use]
pub fn printable_in(text: &str, width: usize) -> Cow<'_, str> {
    let shown = printable(text);
    match shown.char_indices().nth(width) {
        None => shown,
        Some(_) => Cow::Owned(shown.chars().take(width.saturating_sub(1)).chain(['…']).collect()),
    }
}

/// True for controls (C0, DEL, C1), separators of lines, marks of direction (Unicode's Bidi_Control), invisible
/// characters and tags.
const fn is_unsafe(character: char) -> bool {
    matches!(character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn terminal_controls_escaped() {
        for (text, shown) in [
            ("NVIDIA H200", "NVIDIA H200"),
            ("a\\b \u{e9} \u{4e2d}", "a\\b \u{e9} \u{4e2d}"),
            ("\u{1b}[2J\u{1b}]0;x\u{7}", "\\x1b[2J\\x1b]0;x\\x07"),
            ("a\nb\r\tc\u{7f}", "a\\nb\\r\\tc\\x7f"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("abc\u{202e}fed\u{2066}", "abc\\u{202e}fed\\u{2066}"),
            ("\u{2028}\u{200b}\u{feff}\u{e0041}", "\\u{2028}\\u{200b}\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert_eq!(printable_in("abcd", 4), "abcd");
        assert_eq!(printable_in("abcde", 4), "abc…");
        assert_eq!(printable_in("\n\n\n", 5), "\\n\\n…");
    }

    proptest! {
        #[test]
        fn printable_text_has_no_controls(text in "\\PC{0,8}(.|\\n|\\PC){0,24}", width in 1_usize..40) {
            let shown = printable(&text);
            prop_assert!(!shown.contains(is_unsafe) && !shown.contains(char::is_control), "{:?}", shown);
            prop_assert_eq!(printable(&shown), shown.as_ref());
            prop_assert!(printable_in(&text, width).chars().count() <= width);
        }
    }
}
