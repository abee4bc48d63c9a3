//! Query parameters.

use crate::percent;

/// The decoded value of the last parameter of this name. Bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn value(query: &str, name: &str) -> Option<String> {
    query.rsplit('&').find_map(|field| decoded(field, name))
}

/// The decoded values of all parameters of this name, in their order.
pub fn values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    query.split('&').filter_map(move |field| decoded(field, name))
}

/// The decoded value of a field, if it has this name.
fn decoded(field: &str, name: &str) -> Option<String> {
    let (key, value) = field.split_once('=').unwrap_or((field, ""));
    let is_name = *percent::decode_query(key.as_bytes()) == *name.as_bytes();
    is_name.then(|| String::from_utf8_lossy(&percent::decode_query(value.as_bytes())).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_value_wins() {
        assert_eq!(value("a=1&b=%C3%A9&a=2", "a").as_deref(), Some("2"));
        assert_eq!(value("a=1&b=%C3%A9+x", "b").as_deref(), Some("é x"));
        assert_eq!(value("a", "a").as_deref(), Some(""));
        assert_eq!(value("a=1", "b"), None);
        assert_eq!(values("a=1&b=2&a=%33&a", "a").collect::<Vec<_>>(), ["1", "3", ""]);
    }
}
