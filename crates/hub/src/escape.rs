//! Percent-encoding of values in queries and forms.

use std::fmt::Write as _;

/// Appends a value with all bytes escaped that have a meaning anywhere in a URL or a form.
pub(crate) fn escape_into(to: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_escaped_for_queries() {
        let mut text = String::new();
        escape_into(&mut text, "a-1_~. ä+&=?#/%\r\n");
        assert_eq!(text, "a-1_~.%20%C3%A4%2B%26%3D%3F%23%2F%25%0D%0A");
    }
}
