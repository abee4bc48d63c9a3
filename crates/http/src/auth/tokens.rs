//! A file of tokens, each with a name and a scope.

use std::sync::Arc;

use super::token::{Credential, Token};
use crate::{auth::scope::Scope, encoding_of_text};

/// Maximum number of tokens in a file: each request is compared with all of them.
const MAX_TOKENS: usize = 256;
/// Minimum length of a token, in bytes. A correct token is never delayed, so only its length prevents guessing.
const MIN_TOKEN_LEN: usize = 16;
/// Maximum length of a name, in bytes.
const MAX_NAME_LEN: usize = 64;

/// A token with its name and scope.
#[derive(Clone, Debug)]
pub struct TokenEntry {
    /// The name, for the access log.
    pub(crate) name: Box<str>,
    /// The scope that it opens.
    pub(crate) scope: Scope,
    pub(super) token: Token,
}

/// The tokens of a file. No text shows them.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<Arc<TokenEntry>>);

/// An error in a file of tokens. It contains nothing of the line, which may hold a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct TokensError {
    /// The line, counted from 1.
    pub line: usize,
    /// The problem and its fix.
    pub why: String,
}

impl Tokens {
    /// Reads a file: each line has a name, a scope and a token, separated by white space. Lines that begin with `#` are
    /// comments.
    ///
    /// # Errors
    /// The first invalid line, or the first with a repeated name or token.
    pub fn parse(text: &[u8]) -> Result<Self, TokensError> {
        if let Some(problem) = encoding_of_text::problem(text) {
            return Err(TokensError { line: 1, why: problem.into() });
        }
        let mut tokens = Self::default();
        for (position, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let added = entry(line).and_then(|entry| tokens.add(entry));
            added.map_err(|why| TokensError { line: position + 1, why })?;
        }
        Ok(tokens)
    }

    /// Names and scopes of the tokens, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = (&str, Scope)> {
        self.0.iter().map(|entry| (&*entry.name, entry.scope))
    }

    /// True if there are no tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Name of the token with the same value, if any.
    #[must_use]
    pub fn name_of(&self, token: &Token) -> Option<&str> {
        self.0.iter().find(|entry| entry.token.equals(token)).map(|entry| &*entry.name)
    }

    /// The entry that matches a credential. All are compared, so that the time does not depend on the position.
    pub(super) fn find(&self, credential: &Credential<'_>) -> Option<&Arc<TokenEntry>> {
        self.0.iter().fold(None, |found, entry| if entry.token.matches(credential) { Some(entry) } else { found })
    }

    /// True if the token is still in the file with the same scope.
    pub(super) fn has(&self, earlier: &TokenEntry) -> bool {
        self.0.iter().any(|entry| entry.scope == earlier.scope && entry.token.equals(&earlier.token))
    }

    pub(super) fn any_in(&self, text: &[u8]) -> bool {
        self.0.iter().any(|entry| entry.token.contained_in(text))
    }

    fn add(&mut self, entry: TokenEntry) -> Result<(), String> {
        if self.0.len() == MAX_TOKENS {
            return Err(format!("there are more than {MAX_TOKENS} tokens; remove some"));
        }
        if self.0.iter().any(|other| other.name == entry.name) {
            return Err(format!("duplicate name {:?}; give each token its own", entry.name));
        }
        if let Some(other) = self.name_of(&entry.token) {
            return Err(format!("{:?} has the same token as {other:?}; give each its own", entry.name));
        }
        self.0.push(Arc::new(entry));
        Ok(())
    }
}

/// Reads a line. Error texts do not quote it, because the token may be in any part of an invalid line.
fn entry(line: &[u8]) -> Result<TokenEntry, String> {
    const FORM: &str = "expected a name, a scope (read, summary or metrics) and a token, separated by spaces";
    let parts: Vec<&[u8]> =
        line.split(u8::is_ascii_whitespace).filter(|part| !part.is_empty()).map(<[u8]>::trim_ascii).collect();
    let [name, scope, token] = parts.as_slice() else {
        return Err(format!("{FORM}; got {} parts", parts.len()));
    };
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= MAX_NAME_LEN && name.bytes().all(in_a_name));
    let name = name.ok_or_else(|| format!("invalid name: use up to {MAX_NAME_LEN} letters, digits, '.', '-', '_'"))?;
    let scope = scope_of(scope).ok_or_else(|| "invalid scope: use read, summary or metrics".to_owned())?;
    if !token.iter().all(u8::is_ascii_graphic) {
        return Err("the token has characters that a header cannot carry; use letters and digits".into());
    }
    if token.len() < MIN_TOKEN_LEN {
        return Err(format!("the token has fewer than {MIN_TOKEN_LEN} characters; `openssl rand -hex 24` makes one"));
    }
    let token = Token::new(token).ok_or_else(|| FORM.to_owned())?;
    Ok(TokenEntry { name: name.into(), scope, token })
}

const fn in_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

fn scope_of(text: &[u8]) -> Option<Scope> {
    Scope::ALL.into_iter().find(|scope| scope.to_string().as_bytes() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::{
        HeaderMap,
        header::{AUTHORIZATION, HeaderValue},
    };
    use proptest::prelude::*;

    fn found<'a>(tokens: &'a Tokens, credential: &str) -> Option<&'a str> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(credential).unwrap())]);
        tokens.find(&Credential::read(&headers).unwrap()).map(|entry| &*entry.name)
    }

    #[test]
    fn tokens_file_read_by_line() {
        let text = b"# who has what\n\n  alice\tread   0123456789abcdef \r\nboard summary 0123456789abcdeg\n\
            prom.1_x-y metrics 0123456789abcde#";
        let tokens = Tokens::parse(text).unwrap();
        let names: Vec<_> = tokens.names().collect();
        assert_eq!(names, [("alice", Scope::Read), ("board", Scope::Summary), ("prom.1_x-y", Scope::Metrics)]);
        for (credential, name) in [
            ("0123456789abcdef", Some("alice")),
            ("Bearer 0123456789abcdeg", Some("board")),
            ("bearer  0123456789abcde#", Some("prom.1_x-y")),
            ("0123456789abcde", None),
            ("0123456789abcdef0", None),
            ("alice", None),
        ] {
            assert_eq!(found(&tokens, credential), name, "{credential}");
        }
        assert!(!format!("{tokens:?} {:?}", tokens.0).contains("0123456789"), "no text shows a token");
    }

    #[test]
    fn tokens_error_names_line_and_remedy_without_token() {
        let secret = "0123456789abcdef";
        for (text, line, part) in [
            (format!("alice {secret}"), 1, "got 2 parts"),
            (format!("\n#\nalice read {secret} x"), 3, "got 4 parts"),
            (secret.to_owned(), 1, "got 1 parts"),
            (format!("alice admin {secret}"), 1, "invalid scope"),
            (format!("alice READ {secret}"), 1, "invalid scope"),
            (format!("alice {secret} read"), 1, "invalid scope"),
            (format!("al/ice read {secret}"), 1, "invalid name"),
            (format!("{} read {secret}", "a".repeat(65)), 1, "invalid name"),
            ("alice read 0123456789abcde".into(), 1, "openssl rand"),
            (format!("alice read {secret}\u{e9}"), 1, "a header cannot carry"),
            (format!("alice read {secret}\nalice summary {secret}2"), 2, "duplicate name"),
            (format!("alice read {secret}\nbob summary {secret}"), 2, "\"bob\" has the same token as \"alice\""),
        ] {
            let error = Tokens::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            let error = error.to_string();
            assert!(error.contains(part) && !error.contains(secret), "{error:?} lacks {part:?}");
        }
        let many: String = (0..=MAX_TOKENS).map(|number| format!("n{number} read {secret}{number}\n")).collect();
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
