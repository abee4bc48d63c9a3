//! Several tokens, each with a name and a scope, as they stand in a file.

use std::{fmt, sync::Arc};

use super::token::{Presented, Token};
use crate::auth::scope::Scope;

/// How many tokens a file may have: each is compared with what every reader presents.
const MOST: usize = 256;
/// How long a token in a file must be, in bytes. A right one is never slowed, so its length is what protects it.
const SHORTEST: usize = 16;
/// How long a name may be, in bytes.
const LONGEST_NAME: usize = 64;

/// A token with what it opens.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: Box<str>,
    pub(crate) scope: Scope,
    pub(super) token: Token,
}

/// The tokens of a file. None of them shows in any text.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<Arc<Named>>);

/// What is wrong with a file of tokens. Neither of them stands in it, nor anything else of the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct TokensError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and the remedy.
    pub why: String,
}

impl Tokens {
    /// Reads a file: a line has a name, a scope and a token, with white space between them; what begins with `#` is a
    /// comment.
    ///
    /// # Errors
    /// The first line that is not so, or that has a name or a token for the second time.
    pub fn parse(text: &[u8]) -> Result<Self, TokensError> {
        let mut tokens = Self::default();
        for (position, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let added = named(line).and_then(|named| tokens.add(named));
            added.map_err(|why| TokensError { line: position + 1, why })?;
        }
        Ok(tokens)
    }

    /// Each token's name and scope, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = (&str, Scope)> {
        self.0.iter().map(|named| (&*named.name, named.scope))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the token that is the same as this one.
    #[must_use]
    pub fn name_of(&self, token: &Token) -> Option<&str> {
        self.0.iter().find(|named| named.token.equals(token)).map(|named| &*named.name)
    }

    /// The one that is presented. All are looked at, whichever it is.
    pub(super) fn find(&self, presented: &Presented<'_>) -> Option<&Arc<Named>> {
        self.0.iter().fold(None, |found, named| if named.token.is(presented) { Some(named) } else { found })
    }

    /// Whether a token still opens what it opened.
    pub(super) fn has(&self, earlier: &Named) -> bool {
        self.0.iter().any(|named| named.scope == earlier.scope && named.token.equals(&earlier.token))
    }

    pub(super) fn any_in(&self, text: &[u8]) -> bool {
        self.0.iter().any(|named| named.token.stands_in(text))
    }

    fn add(&mut self, named: Named) -> Result<(), String> {
        if self.0.len() == MOST {
            return Err(format!("there are more than {MOST} tokens; remove some"));
        }
        if self.0.iter().any(|other| other.name == named.name) {
            return Err(format!("the name {:?} stands there twice; give each token its own", named.name));
        }
        if let Some(other) = self.name_of(&named.token) {
            return Err(format!("{:?} has the same token as {other:?}; give each its own", named.name));
        }
        self.0.push(Arc::new(named));
        Ok(())
    }
}

/// Reads a line. Its parts are told only where they are what they should be: a line that was meant otherwise may hold
/// the token anywhere.
fn named(line: &[u8]) -> Result<Named, String> {
    const FORM: &str = "a name, a scope (read, summary or metrics) and a token are wanted, with spaces between them";
    let parts: Vec<&[u8]> =
        line.split(u8::is_ascii_whitespace).filter(|part| !part.is_empty()).map(<[u8]>::trim_ascii).collect();
    let [name, scope, token] = parts.as_slice() else {
        return Err(format!("it has {} of 3 parts: {FORM}", parts.len()));
    };
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= LONGEST_NAME && name.bytes().all(in_a_name));
    let name = name.ok_or_else(|| {
        format!("its first part is no name: up to {LONGEST_NAME} letters, digits, dots, dashes and underscores are")
    })?;
    let scope = scope_of(scope).ok_or_else(|| format!("its second part is no scope: {FORM}"))?;
    if !token.iter().all(u8::is_ascii_graphic) {
        return Err("its token has characters that a header cannot carry; take letters and digits".into());
    }
    if token.len() < SHORTEST {
        return Err(format!(
            "its token has fewer than {SHORTEST} characters, so that it could be guessed; `openssl rand -hex 24` makes one"
        ));
    }
    let token = Token::new(token).ok_or_else(|| FORM.to_owned())?;
    Ok(Named { name: name.into(), scope, token })
}

const fn in_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

fn scope_of(text: &[u8]) -> Option<Scope> {
    Scope::ALL.into_iter().find(|scope| scope.to_string().as_bytes() == text)
}

impl fmt::Display for Scope {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Read => "read",
            Self::Summary => "summary",
            Self::Metrics => "metrics",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::{
        HeaderMap,
        header::{AUTHORIZATION, HeaderValue},
    };
    use proptest::prelude::*;

    fn found<'a>(tokens: &'a Tokens, presented: &str) -> Option<&'a str> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(presented).unwrap())]);
        tokens.find(&Presented::by(&headers).unwrap()).map(|named| &*named.name)
    }

    #[test]
    fn tokens_file_read_by_line() {
        let text = b"# who has what\n\n  alice\tread   0123456789abcdef \r\nboard summary 0123456789abcdeg\n\
            prom.1_x-y metrics 0123456789abcde#";
        let tokens = Tokens::parse(text).unwrap();
        let names: Vec<_> = tokens.names().collect();
        assert_eq!(names, [("alice", Scope::Read), ("board", Scope::Summary), ("prom.1_x-y", Scope::Metrics)]);
        for (presented, name) in [
            ("0123456789abcdef", Some("alice")),
            ("Bearer 0123456789abcdeg", Some("board")),
            ("bearer  0123456789abcde#", Some("prom.1_x-y")),
            ("0123456789abcde", None),
            ("0123456789abcdef0", None),
            ("alice", None),
        ] {
            assert_eq!(found(&tokens, presented), name, "{presented}");
        }
        assert!(!format!("{tokens:?} {:?}", tokens.0).contains("0123456789"), "a token shows nowhere");
    }

    #[test]
    fn tokens_error_names_line_and_remedy_without_token() {
        let secret = "0123456789abcdef";
        for (text, line, part) in [
            (format!("alice {secret}"), 1, "2 of 3 parts"),
            (format!("\n#\nalice read {secret} x"), 3, "4 of 3 parts"),
            (secret.to_owned(), 1, "1 of 3 parts"),
            (format!("alice admin {secret}"), 1, "no scope"),
            (format!("alice READ {secret}"), 1, "no scope"),
            (format!("alice {secret} read"), 1, "no scope"),
            (format!("al/ice read {secret}"), 1, "no name"),
            (format!("{} read {secret}", "a".repeat(65)), 1, "no name"),
            ("alice read 0123456789abcde".into(), 1, "openssl rand"),
            (format!("alice read {secret}\u{e9}"), 1, "a header cannot carry"),
            (format!("alice read {secret}\nalice summary {secret}2"), 2, "stands there twice"),
            (format!("alice read {secret}\nbob summary {secret}"), 2, "\"bob\" has the same token as \"alice\""),
        ] {
            let error = Tokens::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            let error = error.to_string();
            assert!(error.contains(part) && !error.contains(secret), "{error:?} lacks {part:?}");
        }
        let many: String = (0..=MOST).map(|number| format!("n{number} read {secret}{number}\n")).collect();
        assert!(Tokens::parse(many.as_bytes()).unwrap_err().why.contains("more than 256"));
        assert!(Tokens::parse(b"# none\n").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_tolerated_and_errors_hide_secrets(
            lines in prop::collection::vec("(read|summary|metrics|alice|#| |\t|\r|0123456789abcdef|\\PC){0,8}", 0..6),
        ) {
            if let Err(error) = Tokens::parse(lines.join("\n").as_bytes()) {
                prop_assert!(!error.to_string().contains("0123456789abcdef"), "{}", error);
            }
        }

        #[test]
        fn arbitrary_binary_tolerated(bytes in any::<Vec<u8>>()) {
            let _ = Tokens::parse(&bytes);
        }

        #[test]
        fn written_tokens_are_found(
            all in prop::collection::btree_map("[a-zA-Z0-9._-]{1,64}", (0..3_usize, "[!-~]{16,80}"), 1..20),
        ) {
            let mut seen = std::collections::BTreeSet::new();
            let all: Vec<_> = all.into_iter().filter(|(_, (_, token))| seen.insert(token.clone())).collect();
            let line = |(name, (scope, token)): &(String, (usize, String))| format!("{name} {} {token}\n", Scope::ALL[*scope]);
            let text: String = all.iter().map(line).collect();
            let tokens = Tokens::parse(text.as_bytes()).unwrap();
            for (name, (_, token)) in &all {
                prop_assert_eq!(found(&tokens, token), Some(name.as_str()));
                prop_assert_eq!(found(&tokens, &format!("Bearer {token}")), Some(name.as_str()));
            }
            prop_assert_eq!(tokens.names().count(), all.len());
        }
    }
}
