//! Percent-decoding of paths and queries.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Decodes escapes. A `%` without two hexadecimal digits after it is kept.
#[must_use]
pub fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    percent_decode(raw).into()
}

/// Decodes escapes, and `+` to a space, as in a query.
#[must_use]
pub fn decode_query(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'+') {
        return decode(raw);
    }
    // Only a `+` in the raw bytes is a space, and it ends an escape, so it is replaced first.
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> Vec<u8> {
        decode_query(raw.as_bytes()).into_owned()
    }

    #[test]
    fn escapes_decoded() {
        assert_eq!(query("a%2Cb+%2B%2c"), b"a,b +,");
        assert_eq!(query("%E6%97%a5%ff"), b"\xe6\x97\xa5\xff");
        assert_eq!(query("%"), b"%");
        assert_eq!(query("%2"), b"%2");
        assert_eq!(query("%zz%%31"), b"%zz%1");
        // A `+` ends an escape: `%2+` is `%2` and a space.
        assert_eq!(query("%2+1%+11+"), b"%2 1% 11 ");
        assert_eq!(query(""), b"");
        assert_eq!(decode(b"/a+%2f").as_ref(), b"/a+/");
    }
}
