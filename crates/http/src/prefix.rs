//! The path prefix of every route: `URL_PREFIX`.

use std::{fmt, str::FromStr};

/// A path in front of every route, such as `/gpu/host1`. The root by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// Begins with a slash and does not end in one; empty for the root.
    path: String,
}

/// A text that cannot be a URL prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Two slashes in a row.
    #[error("the URL prefix {prefix:?} has an empty segment: two slashes in a row")]
    EmptySegment {
        /// The text.
        prefix: String,
    },
    /// `.` or `..`, which browsers and proxies resolve before they send a request.
    #[error("the URL prefix {prefix:?} has the segment {segment:?}, which clients resolve before they send a request")]
    DotSegment {
        /// The text.
        prefix: String,
        /// The segment.
        segment: String,
    },
    /// A character that a path cannot contain, or that has another meaning there.
    #[error("the URL prefix {prefix:?} contains {character:?}; use letters, digits and -._~!$&'()+,;=:@/")]
    Character {
        /// The text.
        prefix: String,
        /// The first such character.
        character: char,
    },
}

impl Prefix {
    /// The prefix with a leading slash and no trailing one; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Removes the prefix from a path; the rest is empty or begins with a slash. `None` if the path is not under it.
    #[must_use]
    pub fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.path.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The last segment; `None` for the root.
    #[must_use]
    pub fn last_segment(&self) -> Option<&str> {
        self.path.rsplit_once('/').map(|(_, segment)| segment)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.path)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// Reads `""`, `/`, `a/b` or `/a/b/`: slashes at either end are optional.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        if let Some(character) = text.chars().find(|character| !allowed(*character)) {
            return Err(PrefixError::Character { prefix: text.into(), character });
        }
        if text.is_empty() || text == "/" {
            return Ok(Self::default());
        }
        let inner = text.strip_prefix('/').unwrap_or(text);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        for segment in inner.split('/') {
            match segment {
                "" => return Err(PrefixError::EmptySegment { prefix: text.into() }),
                "." | ".." => return Err(PrefixError::DotSegment { prefix: text.into(), segment: segment.into() }),
                _ => {}
            }
        }
        Ok(Self { path: format!("/{inner}") })
    }
}

/// True for what RFC 3986 allows unescaped in a path, except `*`, which looks like a pattern. `%` is excluded because
/// an escape has more than one spelling.
fn allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || "/-._~!$&'()+,;=:@".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prefix_spellings_parsed() {
        for (text, expected) in [
            ("", ""),
            ("/", ""),
            ("a", "/a"),
            ("a/b", "/a/b"),
            ("/a/b/", "/a/b"),
            ("server1", "/server1"),
            ("/server2", "/server2"),
            ("a.b/..c/~d:e", "/a.b/..c/~d:e"),
        ] {
            assert_eq!(text.parse::<Prefix>().map(|prefix| prefix.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn rejected_value_is_named() {
        for text in ["//", "a//b", "//a", "a//"] {
            assert!(matches!(text.parse::<Prefix>(), Err(PrefixError::EmptySegment { .. })), "{text}");
        }
        for text in ["..", "/a/../b", "."] {
            assert!(matches!(text.parse::<Prefix>(), Err(PrefixError::DotSegment { .. })), "{text}");
        }
        for bad in ['?', '#', '{', '}', '*', ' ', '\t', '\n', '\0', 'é', '\u{a0}', '\\', '%', '"', '<'] {
            let error = format!("/a{bad}b").parse::<Prefix>().unwrap_err();
            assert!(matches!(error, PrefixError::Character { character, .. } if character == bad), "{error}");
        }
        assert_eq!(
            "a b".parse::<Prefix>().unwrap_err().to_string(),
            "the URL prefix \"a b\" contains ' '; use letters, digits and -._~!$&'()+,;=:@/"
        );
    }

    #[test]
    fn prefix_strips_whole_segments() {
        let prefix: Prefix = "a/b".parse().unwrap();
        assert_eq!(prefix.strip("/a/b"), Some(""));
        assert_eq!(prefix.strip("/a/b/"), Some("/"));
        assert_eq!(prefix.strip("/a/b/count"), Some("/count"));
        assert_eq!(prefix.strip("/a/bc"), None);
        assert_eq!(prefix.strip("/count"), None);
        assert_eq!(Prefix::default().strip("/count"), Some("/count"));
        assert_eq!(prefix.last_segment(), Some("b"));
        assert_eq!(Prefix::default().last_segment(), None);
    }

    proptest! {
        #[test]
        fn parsed_value_round_trips(text in "[a./%*]{0,6}") {
            if let Ok(prefix) = text.parse::<Prefix>() {
                prop_assert_eq!(prefix.as_str().parse::<Prefix>(), Ok(prefix));
            }
        }
    }
}
