//! Obvious secrets in command lines, replaced by `***`.
//!
//! It errs on the side of hiding: the text after a suspicious name is masked to the end of the argument, or to the next
//! space where several words stand in one argument. What does not look like a secret is shown: this is a courtesy to
//! those who put secrets into arguments, and no promise.

use std::ops::Range;

const MASK: &str = "***";

/// A name that ends so, in lower case and without `-`, `_` and `.`, marks a secret.
const NAMES: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "accesskeyid",
    "secretkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authkey",
    "credential",
    "credentials",
    "authorization",
];

/// Keys that are known by how they begin, each with how many characters at least follow.
const BEGINNINGS: [(&str, usize); 16] = [
    ("sk-", 8),
    ("sk_", 8),
    ("hf_", 8),
    ("ghp_", 8),
    ("gho_", 8),
    ("ghu_", 8),
    ("ghs_", 8),
    ("ghr_", 8),
    ("github_pat_", 8),
    ("glpat-", 8),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("AKIA", 12),
    ("ASIA", 12),
    ("AIza", 12),
    ("eyJ", 16),
];

/// Text between a name like `Authorization` and the secret itself.
const SCHEMES: [&str; 4] = ["bearer", "basic", "token", "apikey"];

/// Arguments with their secrets masked, each still in its place.
#[must_use]
pub fn arguments<S: AsRef<str>>(arguments: &[S]) -> Vec<String> {
    let mut follows = false;
    let mask_one = |argument: &S| {
        let argument = argument.as_ref();
        let is_secret = std::mem::replace(&mut follows, false) && !argument.is_empty();
        follows = announces(argument) || (is_secret && is_scheme(argument));
        if is_secret && !follows { MASK.to_owned() } else { text(argument) }
    };
    arguments.iter().map(mask_one).collect()
}

/// A text with its secrets masked.
#[must_use]
pub fn text(text: &str) -> String {
    let mut found: Vec<Range<usize>> = Vec::new();
    named(text, &mut found);
    spaced(text, &mut found);
    known_keys(text, &mut found);
    in_addresses(text, &mut found);
    found.retain(|range| !range.is_empty());
    found.sort_by_key(|range| (range.start, range.end));
    let mut masked = String::with_capacity(text.len());
    let mut shown_to = 0;
    for range in found {
        if range.start >= shown_to {
            masked.push_str(&text[shown_to..range.start]);
            masked.push_str(MASK);
        }
        shown_to = shown_to.max(range.end);
    }
    masked.push_str(&text[shown_to..]);
    masked
}

/// True if the argument after this one is a secret: `--password`, or a header's name or scheme alone.
fn announces(argument: &str) -> bool {
    let name = argument.strip_suffix(':').unwrap_or(argument);
    (argument.starts_with('-') && !argument.contains('=') && marks_secret(name))
        || (name.len() < argument.len() && marks_secret(name))
}

/// True if a name marks a secret.
fn marks_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|letter| !matches!(letter, '-' | '_' | '.'))
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    NAMES.iter().any(|ending| plain.ends_with(ending))
}

fn is_scheme(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

const fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

const fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// `name=secret` and `name: secret`. At the beginning of the text the secret is all the rest.
fn named(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b'=' | b':')) {
        // In JSON a quote is between the name and the colon.
        let mut end = at;
        while end > 0 && (is_quote(bytes[end - 1]) || bytes[end - 1] == b'\\' || is_space(bytes[end - 1])) {
            end -= 1;
        }
        let start = bytes[..end].iter().rposition(|byte| !in_name(*byte)).map_or(0, |before| before + 1);
        if marks_secret(&text[start..end]) {
            found.push(if start == 0 { at + 1..text.len() } else { value(text, at + 1) });
        }
    }
    // Text that begins with the name keeps a space before the secret.
    for range in found.iter_mut() {
        range.start += bytes[range.clone()].iter().take_while(|byte| is_space(**byte)).count();
    }
}

/// `--password secret` and `Bearer secret` in the middle of a text.
fn spaced(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| is_space(**byte)) {
        let start = bytes[..at].iter().rposition(|byte| !in_name(*byte)).map_or(0, |before| before + 1);
        let word = &text[start..at];
        if (word.starts_with('-') && marks_secret(word)) || word.eq_ignore_ascii_case("bearer") {
            found.push(value(text, at + 1));
        }
    }
}

/// The value from here on: in quotes to the closing one, else to the next space. A scheme before it is no part of it.
fn value(text: &str, from: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let mut start = from;
    loop {
        start += bytes[start..].iter().take_while(|byte| is_space(**byte) || **byte == b'\\').count();
        let quote = bytes.get(start).copied().filter(|byte| is_quote(*byte));
        let end = match quote {
            Some(quote) => {
                start += 1;
                bytes[start..].iter().position(|byte| *byte == quote)
            }
            None => bytes[start..].iter().position(|byte| is_space(*byte)),
        }
        .map_or(text.len(), |length| start + length);
        let word = text[start..end].split_ascii_whitespace().next().unwrap_or_default();
        if !is_scheme(word) || start + word.len() == text.len() {
            return start..end;
        }
        start += word.len();
        if quote.is_some() {
            return start + bytes[start..end].iter().take_while(|byte| is_space(**byte)).count()..end;
        }
    }
}

/// Keys that are known by how they begin, wherever a word begins.
fn known_keys(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let begins_word = |start: &usize| *start == 0 || !bytes[start - 1].is_ascii_alphanumeric();
    for start in (0..bytes.len()).filter(begins_word) {
        for (beginning, least) in BEGINNINGS {
            let Some(rest) = bytes[start..].strip_prefix(beginning.as_bytes()) else { continue };
            let length = rest.iter().take_while(|byte| in_name(**byte)).count();
            if length >= least {
                found.push(start..start + beginning.len() + length);
            }
        }
    }
}

/// `scheme://user:secret@host`: who and the secret both, up to the last `@` before the path.
fn in_addresses(text: &str, found: &mut Vec<Range<usize>>) {
    let colons = text.bytes().enumerate().filter(|(_, byte)| *byte == b':').map(|(at, _)| at);
    for at in colons.filter(|at| text[*at..].starts_with("://")) {
        let start = at + "://".len();
        let authority = &text[start..];
        let end = authority.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(authority.len());
        let word = &authority[..end];
        let host = word.find('/').unwrap_or(word.len());
        // A secret may hold a slash, so an `@` behind it counts if a colon is before the slash.
        let credentials = word[..host].rfind('@').or_else(|| word[..host].find(':').and_then(|_| word.rfind('@')));
        if let Some(length) = credentials {
            found.push(start..start + length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn obvious_secrets_are_masked() {
        for (plain, masked) in [
            (&["x", "--password=abc def"][..], &["x", "--password=***"][..]),
            (&["x", "--password", "abc def", "y"], &["x", "--password", "***", "y"]),
            (&["--db.admin_passwd", "a"], &["--db.admin_passwd", "***"]),
            (&["HF_TOKEN=abc", "python"], &["HF_TOKEN=***", "python"]),
            (&["--api-key=k", "--apiKey", "k"], &["--api-key=***", "--apiKey", "***"]),
            (&["curl", "-H", "Authorization: Bearer abc"], &["curl", "-H", "Authorization: ***"]),
            (&["curl", "-H", "Authorization:", "Bearer", "abc"], &["curl", "-H", "Authorization:", "Bearer", "***"]),
            (&["sh", "-c", "curl -H 'X-Token: abc' h; ls"], &["sh", "-c", "curl -H 'X-Token: *** h; ls"]),
            (&["sh", "-c", "x --token abc --y"], &["sh", "-c", "x --token *** --y"]),
            (&["sh", "-c", "x Bearer abc y"], &["sh", "-c", "x Bearer *** y"]),
            (&["x", r#"{"password": "a b", "y": 1}"#], &["x", r#"{"password": "***", "y": 1}"#]),
            (&["x", "sk-abcdefghijkl"], &["x", "***"]),
            (&["x", "key:hf_abcdefghijkl,y"], &["x", "key:***,y"]),
            (&["ghp_abcdefghijkl"], &["***"]),
            (&["AKIAIOSFODNN7EXAMPLE"], &["***"]),
            (&["psql", "postgres://me:p@ss@db/x"], &["psql", "postgres://***@db/x"]),
            (&["git", "https://t0ken@host/x.git"], &["git", "https://***@host/x.git"]),
        ] {
            assert_eq!(arguments(plain), masked, "{plain:?}");
        }
    }

    #[test]
    fn other_words_are_not_masked() {
        for plain in [
            &["python", "train.py", "--lr=3e-4", "--max-tokens", "512", "--tokenizer", "gpt2"][..],
            &["--token-file", "/run/token", "--key", "value", "sk-learn", "a:b", "http://host/x@y"],
            &["--password", ""],
            &["bash", "-c", "echo a=b; ls /x"],
            &["", "=", ":", "://", "é"],
        ] {
            assert_eq!(arguments(plain), plain, "{plain:?}");
        }
    }

    const PLANTED: &str = "Pl4ntedS3cretV4lue";

    fn around() -> impl Strategy<Value = String> {
        "[-a-z '\"=:;&/@\\\\é]{0,12}"
    }

    proptest! {
        #[test]
        fn arbitrary_text_masked_idempotently(parts in proptest::collection::vec("\\PC{0,24}|[-a-zA-Z=:/@'\" ]{0,24}", 0..6)) {
            let length = |parts: &[String]| parts.iter().map(String::len).sum::<usize>();
            prop_assert!(length(&arguments(&parts)) <= 2 * length(&parts));
        }

        #[test]
        fn planted_secret_never_shown(
            before in proptest::collection::vec(around(), 0..3),
            after in proptest::collection::vec(around(), 0..3),
            form in 0..9_usize,
            tail in "[-a-z;&/ '\"]{0,6}",
        ) {
            let planted: Vec<String> = match form {
                0 => vec![format!("--password={tail}{PLANTED}")],
                1 => vec!["--password".into(), format!("{tail}{PLANTED}{tail}")],
                2 => vec![format!("MY_TOKEN={PLANTED}{tail}")],
                3 => vec![format!("Authorization: Bearer {PLANTED}")],
                4 => vec![format!("x sk-{PLANTED}")],
                5 => vec![format!("(hf_{PLANTED})")],
                6 => vec![format!("redis://user:{PLANTED}@host/{tail}")],
                7 => vec!["sh".into(), "-c".into(), format!("cd x && SECRET={PLANTED} run")],
                _ => vec!["Authorization:".into(), "Bearer".into(), PLANTED.into()],
            };
            let all: Vec<String> = before.into_iter().chain(planted).chain(after).collect();
            let shown = arguments(&all).join("\n");
            prop_assert!(!shown.contains(PLANTED), "{all:?} gives {shown}");
        }
    }
}
