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

/// Longest name that an error repeats, in characters.
const MAX_SHOWN: usize = 40;

/// The error for the first parameter whose name is not known, with the known ones. Empty fields, as in `?a=1&`, are none.
#[must_use]
pub fn unknown(query: &str, known: &[&str]) -> Option<String> {
    let mut keys =
        query.split('&').filter(|field| !field.is_empty()).map(|field| field.split('=').next().unwrap_or(field));
    let key = keys.find(|key| !known.iter().any(|name| is_name(key, name)))?;
    let name = percent::decode_query(key.as_bytes());
    let name: String = String::from_utf8_lossy(&name).chars().take(MAX_SHOWN).collect();
    let meant = known.iter().find(|known| is_near(&name, known));
    let meant = meant.map_or_else(String::new, |meant| format!("Did you mean {meant}? "));
    let all = match known {
        [] => "This path takes no parameters; leave it out.".to_owned(),
        [only] => format!("The only parameter of this path is {only}."),
        [others @ .., last] => format!("The parameters of this path are {} and {last}.", others.join(", ")),
    };
    Some(format!("The parameter {name:?} is unknown. {meant}{all}"))
}

/// True if a name is probably a misspelling of a known one: other case, added or missing letters at its end, or
/// one letter more, less or other.
fn is_near(name: &str, known: &str) -> bool {
    let name = name.to_lowercase();
    let is_part = name.len() >= 3 && known.starts_with(name.as_str());
    is_part || name.starts_with(known) || distance(&name, known) <= 1
}

/// The number of letters to add, remove or replace.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut before = line;
        row[0] = line + 1;
        for (column, wanted) in other.iter().enumerate() {
            let replaced = before + usize::from(letter != *wanted);
            before = row[column + 1];
            row[column + 1] = replaced.min(before + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// True if a key is this name, encoded or, as nearly always, plain: that is compared without decoding.
fn is_name(key: &str, name: &str) -> bool {
    key == name || key.contains(['%', '+']) && *percent::decode_query(key.as_bytes()) == *name.as_bytes()
}

/// The decoded value of a field, if it has this name.
fn decoded(field: &str, name: &str) -> Option<String> {
    let (key, value) = field.split_once('=').unwrap_or((field, ""));
    is_name(key, name).then(|| String::from_utf8_lossy(&percent::decode_query(value.as_bytes())).into_owned())
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

    #[test]
    fn unknown_parameter_named_with_known_ones() {
        let known = ["gpu", "user", "type"];
        for query in ["", "&", "gpu=0&&user=x&", "%67pu=0", "gpu", "user=&user=b", "type==", "gpu=0;users=x"] {
            assert_eq!(unknown(query, &known), None, "{query}");
        }
        let all = "The parameters of this path are gpu, user and type.";
        for (query, name, meant) in [
            ("users=alice", "users", "user"),
            ("gpu=0&User=x", "User", "user"),
            ("typ=C", "typ", "type"),
            ("gpu%5B%5D=0", "gpu[]", "gpu"),
            ("uesr=x", "uesr", ""),
            ("usre", "usre", ""),
            ("verdict=free", "verdict", ""),
            ("=x", "", ""),
            ("gpu+=0", "gpu ", "gpu"),
            ("_=1700000000", "_", ""),
        ] {
            let meant = if meant.is_empty() { String::new() } else { format!("Did you mean {meant}? ") };
            assert_eq!(
                unknown(query, &known),
                Some(format!("The parameter {name:?} is unknown. {meant}{all}")),
                "{query}"
            );
        }
        assert!(unknown("x=1", &[]).unwrap().ends_with("takes no parameters; leave it out."));
        assert!(unknown("x=1", &["since"]).unwrap().ends_with("The only parameter of this path is since."));
        let long = unknown(&"é".repeat(30_000), &known).unwrap();
        assert!(long.len() < 300, "{}", long.len());
        assert!(unknown("%ff=1", &known).unwrap().contains('\u{fffd}'));
    }
}
