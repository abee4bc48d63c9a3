//! Tokens, and the credential that a client sends.

use std::fmt;

use hyper::header::{AUTHORIZATION, HeaderMap};
use memchr::memmem;
use subtle::{Choice, ConstantTimeEq};

/// A secret that a client must send. `Debug` does not write it, so no log contains it.
#[derive(Clone)]
pub struct Token(Box<[u8]>);

impl Token {
    /// A token of these bytes; `None` for no bytes, because an empty token protects nothing.
    #[must_use]
    pub fn new(secret: impl AsRef<[u8]>) -> Option<Self> {
        let secret = secret.as_ref();
        (!secret.is_empty()).then(|| Self(secret.into()))
    }

    /// Length in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no token is empty")]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// True if a header can carry it: no white space at the ends and no control characters.
    #[must_use]
    pub fn can_be_sent(&self) -> bool {
        self.0.trim_ascii().len() == self.0.len() && !self.0.iter().any(u8::is_ascii_control)
    }

    /// Compares with a credential. The time does not depend on how much of it is right.
    pub(super) fn matches(&self, presented: &Credential<'_>) -> bool {
        let bearer = presented.after_scheme.map_or(Choice::from(0), |rest| self.0.ct_eq(rest));
        (self.0.ct_eq(presented.whole) | bearer).into()
    }

    /// Compares with another token, in constant time.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// True if a text contains the token.
    pub(super) fn contained_in(&self, text: &[u8]) -> bool {
        memmem::find(text, &self.0).is_some()
    }
}

/// The token of a request: bare, as the original's clients send it, or `Bearer <token>`, the scheme in any case.
pub(super) struct Credential<'a> {
    whole: &'a [u8],
    after_scheme: Option<&'a [u8]>,
}

impl<'a> Credential<'a> {
    /// Reads the first `Authorization` header, if any.
    pub(super) fn read(headers: &'a HeaderMap) -> Option<Self> {
        let whole = headers.get(AUTHORIZATION)?.as_bytes();
        Some(Self { whole, after_scheme: after_scheme(whole) })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Token(…)")
    }
}

/// The part after `Bearer` and one or more spaces.
fn after_scheme(presented: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = presented.split_at_checked("Bearer ".len())?;
    let start = rest.iter().position(|byte| *byte != b' ')?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| &rest[start..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn admits(token: &str, presented: &[&[u8]]) -> bool {
        let mut headers = HeaderMap::new();
        for value in presented {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        Credential::read(&headers).is_some_and(|presented| Token::new(token).unwrap().matches(&presented))
    }

    #[test]
    fn token_accepted_bare_and_bearer() {
        for presented in ["changeme", "Bearer changeme", "bearer changeme", "BEARER   changeme"] {
            assert!(admits("changeme", &[presented.as_bytes()]), "{presented}");
        }
        assert!(admits("Bearer x", &[b"Bearer x"]));
        assert!(admits("é", &["é".as_bytes()]));
    }

    #[test]
    fn token_in_other_forms_rejected() {
        for presented in [
            "",
            "Changeme",
            "changeme2",
            "changem",
            "Bearer",
            "Bearer ",
            "Bearerchangeme",
            "Basic changeme",
            "Bearer\tchangeme",
            "Bearer Bearer changeme",
            "Bearer changeme ",
        ] {
            assert!(!admits("changeme", &[presented.as_bytes()]), "{presented}");
        }
        assert!(!admits("changeme", &[]));
        assert!(!admits("changeme", &[b"\xff\xfe"]));
    }

    #[test]
    fn first_authorization_header_counts() {
        assert!(admits("changeme", &[b"changeme", b"other"]));
        assert!(!admits("changeme", &[b"other", b"changeme"]));
    }

    #[test]
    fn token_never_in_debug_output() {
        let token = Token::new("changeme").unwrap();
        assert_eq!(format!("{token:?} {token:#?}"), "Token(…) Token(…)");
    }

    #[test]
    fn token_not_valid_in_header_detected() {
        for (token, can) in
            [("changeme", true), ("a b", true), ("é", true), ("a ", false), ("\ta", false), ("a\nb", false)]
        {
            assert_eq!(Token::new(token).unwrap().can_be_sent(), can, "{token:?}");
        }
    }

    #[test]
    fn empty_token_is_none() {
        assert!(Token::new("").is_none());
    }
}
