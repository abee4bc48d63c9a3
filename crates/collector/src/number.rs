//! Numbers in the names that others give.

/// Returns whether a text has only digits, and no sign as `str::parse` would accept.
pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
