//! Encoding of configuration files.

/// Reason why a file is not UTF-8 without a byte order mark, and the remedy. Editors of other systems write such files,
/// and the error of the first line that cannot be parsed would not name the cause.
#[must_use]
pub fn problem(file: &[u8]) -> Option<&'static str> {
    let utf_16 = file.starts_with(b"\xff\xfe") || file.starts_with(b"\xfe\xff");
    // Without its mark, UTF-16 has a zero byte in each letter of ASCII.
    if utf_16 || file.iter().take(4).any(|byte| *byte == 0) {
        Some("the file is UTF-16 or binary; save it as UTF-8")
    } else if file.starts_with(b"\xef\xbb\xbf") {
        Some("the file begins with a byte order mark; save it as UTF-8 without one")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_other_than_utf_8_is_named() {
        for file in [&b""[..], b"a", b"TOKEN=x\n", b"\xc3\xa9", b"\xe4", b"\xef\xbb"] {
            assert_eq!(problem(file), None, "{file:?}");
        }
        for file in [&b"\xff\xfeT\0"[..], b"\xfe\xff\0T", b"T\0O\0", b"\0T\0O", b"\0"] {
            assert!(problem(file).is_some_and(|problem| problem.contains("UTF-16")), "{file:?}");
        }
        assert!(problem(b"\xef\xbb\xbfTOKEN=x").is_some_and(|problem| problem.contains("byte order mark")));
    }
}
