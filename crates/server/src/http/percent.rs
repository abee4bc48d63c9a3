//! Percent-decoding, byte by byte and without copying.

/// The bytes that `raw` stands for. A `%` that two hexadecimal digits do not follow stands for itself.
pub(crate) fn decode(raw: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = raw;
    std::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, after),
                _ => (b'%', &rest[1..]),
            },
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        rest = after;
        Some(byte)
    })
}

/// As [`decode`], with `+` for a space, as in a query.
pub(crate) fn decode_query(raw: &[u8]) -> impl Iterator<Item = u8> + '_ {
    // Only a `+` that was written as one is a space, so the raw bytes decide.
    raw.split_inclusive(|byte| *byte == b'+').flat_map(|piece| {
        let (text, space) = match piece {
            [text @ .., b'+'] => (text, Some(b' ')),
            text => (text, None),
        };
        decode(text).chain(space)
    })
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> Vec<u8> {
        decode_query(raw.as_bytes()).collect()
    }

    #[test]
    fn percent_decoding_is_exact() {
        assert_eq!(query("a%2Cb+%2B%2c"), b"a,b +,");
        assert_eq!(query("%E6%97%a5%ff"), b"\xe6\x97\xa5\xff");
        assert_eq!(query("%"), b"%");
        assert_eq!(query("%2"), b"%2");
        assert_eq!(query("%zz%%31"), b"%zz%1");
        // A `+` ends an escape: `%2+` is `%2` and a space.
        assert_eq!(query("%2+1%+11+"), b"%2 1% 11 ");
        assert_eq!(query(""), b"");
        assert_eq!(decode(b"/a+%2f").collect::<Vec<_>>(), b"/a+/");
    }
}
