//! Command lines as one string, by the original agent's rules, which its recordings fix.

/// A command is cut here, in bytes.
pub const MAX_BYTES: usize = 32 * 1024;

/// Joins arguments by a space and quotes those that need it.
///
/// One argument alone is not quoted, so that a process that rewrote its title (`nginx: worker process`) reads as it
/// wrote it; trailing empty arguments are what such a rewrite leaves, and are dropped. No arguments give an empty
/// string. The result is cut at [`MAX_BYTES`], at a character's boundary.
#[must_use]
pub fn join<S: AsRef<str>>(arguments: &[S]) -> String {
    let used = arguments.iter().rposition(|argument| !argument.as_ref().is_empty()).map_or(0, |last| last + 1);
    let mut line = String::new();
    match &arguments[..used] {
        [only] => line.push_str(only.as_ref()),
        several => {
            for (position, argument) in several.iter().enumerate() {
                if position > 0 {
                    line.push(' ');
                }
                quote(argument.as_ref(), &mut line);
                if line.len() > MAX_BYTES {
                    break;
                }
            }
        }
    }
    line.truncate(floor_char_boundary(&line, MAX_BYTES));
    line
}

fn quote(argument: &str, line: &mut String) {
    let has = |wanted: char| argument.contains(wanted);
    if argument.is_empty() {
        line.push_str("\"\"");
    } else if !has('$') && !has('\\') && !has('\n') && !has(' ') {
        line.push_str(argument);
    } else if !has('$') && !has('\\') && !has('\n') && !has('"') {
        wrap('"', argument, line);
    } else if !has('\'') && !has('\n') {
        wrap('\'', argument, line);
    } else {
        line.push('"');
        for character in argument.chars() {
            match character {
                '\\' | '"' | '$' => {
                    line.push('\\');
                    line.push(character);
                }
                '\n' => line.push_str("\\n"),
                other => line.push(other),
            }
        }
        line.push('"');
    }
}

fn wrap(mark: char, argument: &str, line: &mut String) {
    line.push(mark);
    line.push_str(argument);
    line.push(mark);
}

fn floor_char_boundary(text: &str, limit: usize) -> usize {
    if text.len() <= limit {
        return text.len();
    }
    (0..=limit).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quoting_matches_recordings() {
        for (arguments, expected) in [
            (&["python", "a", "b"][..], "python a b"),
            (&["python train.py --x"], "python train.py --x"),
            (&["python", "a b"], "python \"a b\""),
            (&["python", "", "x"], "python \"\" x"),
            (&["python", "x", "", ""], "python x"),
            (&["python", "a\"b"], "python a\"b"),
            (&["python", "a \"b"], "python 'a \"b'"),
            (&["python", "it's \"me\""], "python \"it's \\\"me\\\"\""),
            (&["python", "$HOME"], "python '$HOME'"),
            (&["python", "a\nb"], "python \"a\\nb\""),
            (&["", ""], ""),
            (&[], ""),
        ] {
            assert_eq!(join(arguments), expected);
        }
    }

    proptest! {
        #[test]
        fn command_never_longer_than_limit(parts in proptest::collection::vec(("\\PC{0,9}", 0..3000_usize), 0..9)) {
            let arguments: Vec<String> = parts.iter().map(|(part, times)| part.repeat(*times)).collect();
            prop_assert!(join(&arguments).len() <= MAX_BYTES);
        }
    }

    #[test]
    fn command_cut_at_character_boundary() {
        let line = join(&["x", &"é".repeat(MAX_BYTES)]);
        assert!(line.len() <= MAX_BYTES && line.len() > MAX_BYTES - 2);
    }
}
