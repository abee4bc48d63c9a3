//! Text in PromQL: the only way by which names of hosts and words of viewers enter a query.

use std::fmt::Write as _;

/// A PromQL string: the text in double quotes, with escapes. Nothing in it ends the string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            _ if character.is_control() => drop(write!(quoted, "\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// A PromQL string with a regular expression that matches these texts and nothing else. Engines anchor expressions at both
/// ends; anchors of our own would hide the list from their index.
pub(super) fn one_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut pattern = String::new();
    for (position, text) in texts.into_iter().enumerate() {
        if position > 0 {
            pattern.push('|');
        }
        for character in text.chars() {
            if r"\.+*?()|[]{}^$".contains(character) {
                pattern.push('\\');
            }
            pattern.push(character);
        }
    }
    quoted(&pattern)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a string as Go does: the text, and what follows it.
    fn unquoted(text: &str) -> Option<(String, &str)> {
        let mut read = String::new();
        let mut rest = text.strip_prefix('"')?.chars();
        while let Some(character) = rest.next() {
            match character {
                '"' => return Some((read, rest.as_str())),
                '\n' => return None,
                '\\' => match rest.next()? {
                    'n' => read.push('\n'),
                    'u' => {
                        let digits: String = rest.by_ref().take(4).collect();
                        read.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                    }
                    escaped @ ('"' | '\\') => read.push(escaped),
                    _ => return None,
                },
                _ => read.push(character),
            }
        }
        None
    }

    /// Alternatives of a regular expression that has nothing but literals; none if it has an operator.
    fn alternatives(pattern: &str) -> Option<Vec<String>> {
        let mut found = vec![String::new()];
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            let literal = match character {
                '|' => {
                    found.push(String::new());
                    continue;
                }
                '\\' => characters.next().filter(|next| !next.is_alphanumeric())?,
                '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
                _ => character,
            };
            found.last_mut()?.push(literal);
        }
        Some(found)
    }

    #[test]
    fn operators_and_quotes_escaped() {
        assert_eq!(quoted(r#"a"} or up{b="\"#), r#""a\"} or up{b=\"\\""#);
        assert_eq!(quoted("a\nb\0"), r#""a\nb\u0000""#);
        assert_eq!(one_of(["a.b:1", "c|d", ".*"]), r#""a\\.b:1|c\\|d|\\.\\*""#);
    }

    proptest! {
        #[test]
        fn quoted_text_read_back(text in "(?s).{0,40}") {
            let query = quoted(&text) + "} rest";
            prop_assert_eq!(unquoted(&query), Some((text, "} rest")));
        }

        #[test]
        fn expression_matches_its_texts_alone(texts in prop::collection::vec("(?s).{0,12}|[a-c.|*\\\\\"(){}]{1,8}", 1..5)) {
            let query = one_of(texts.iter().map(String::as_str));
            let (pattern, rest) = unquoted(&query).unwrap();
            prop_assert_eq!(alternatives(&pattern), Some(texts));
            prop_assert_eq!(rest, "");
        }
    }
}
