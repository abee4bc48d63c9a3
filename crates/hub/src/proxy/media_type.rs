//! Media types of answers that are passed on. They are written again, so that no browser reads another type in them.

use hyper::{
    HeaderMap,
    header::{CONTENT_TYPE, HeaderValue},
};

/// Kind of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// Anything that ends.
    Data,
    /// Server-Sent Events.
    Events,
}

/// Media types, with the parameters that they may have besides `charset`.
const LISTED: [(&str, MediaType, &[&str]); 6] = [
    ("application/json", MediaType::Data, &[]),
    ("application/problem+json", MediaType::Data, &[]),
    ("text/event-stream", MediaType::Events, &[]),
    ("text/plain", MediaType::Data, &["version", "escaping"]),
    ("application/openmetrics-text", MediaType::Data, &["version", "escaping"]),
    ("text/csv", MediaType::Data, &["header"]),
];

/// Longest value of a parameter.
const MAX_VALUE: usize = 32;

/// Media type of an answer, and the header for the viewer; none if it is missing, repeated, or not on the list.
pub(super) fn read(headers: &HeaderMap) -> Option<(MediaType, HeaderValue)> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let mut parts = value.to_str().ok()?.split(';').map(|part| part.trim_matches([' ', '\t']));
    let essence = parts.next()?.to_ascii_lowercase();
    let (name, kind, allowed) = LISTED.into_iter().find(|(name, ..)| *name == essence)?;
    let mut written = name.to_owned();
    let mut seen = Vec::new();
    for part in parts {
        let (key, value) = part.split_once('=')?;
        let key = key.to_ascii_lowercase();
        let is_known = allowed.contains(&&*key) && is_token(value);
        // Another encoding of characters can make markup of harmless bytes.
        let is_utf8 = key == "charset" && value.eq_ignore_ascii_case("utf-8");
        if !(is_known || is_utf8) || seen.contains(&key) {
            return None;
        }
        written.push_str(&format!("; {key}={}", if is_utf8 { "utf-8" } else { value }));
        seen.push(key);
    }
    Some((kind, HeaderValue::try_from(written).ok()?))
}

/// True for a short token (RFC 9110, 5.6.2) of the characters that these parameters have.
fn is_token(value: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !value.is_empty() && value.len() <= MAX_VALUE && value.bytes().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(values: &[&str]) -> Option<(MediaType, String)> {
        let headers = values.iter().map(|value| (CONTENT_TYPE, HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        read(&map).map(|(kind, value)| (kind, value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn listed_types_written_again() {
        for (value, kind, written) in [
            ("application/json", MediaType::Data, "application/json"),
            ("Application/JSON;charset=UTF-8", MediaType::Data, "application/json; charset=utf-8"),
            ("application/problem+json", MediaType::Data, "application/problem+json"),
            ("text/event-stream", MediaType::Events, "text/event-stream"),
            ("text/event-stream; charset=utf-8", MediaType::Events, "text/event-stream; charset=utf-8"),
            ("text/plain; charset=utf-8", MediaType::Data, "text/plain; charset=utf-8"),
            (
                "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
                MediaType::Data,
                "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            ),
            (
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                MediaType::Data,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            ),
            ("text/csv; charset=utf-8; header=present", MediaType::Data, "text/csv; charset=utf-8; header=present"),
        ] {
            assert_eq!(read_all(&[value]), Some((kind, written.into())), "{value}");
        }
    }

    #[test]
    fn other_types_refused() {
        for values in [
            &[][..],
            &[""],
            &["text/html"],
            &["text/html; charset=utf-8"],
            &["application/xhtml+xml"],
            &["image/svg+xml"],
            &["text/javascript"],
            &["application/octet-stream"],
            &["multipart/x-mixed-replace; boundary=x"],
            &["application/json", "text/html"],
            &["application/json", "application/json"],
            &["application/json, text/html"],
            &["application/json; charset=x, text/html"],
            &["application/json; charset=utf-8, text/html"],
            &["application/json; charset=\"utf-8, text/html\""],
            &["application/json;"],
            &["application/json; charset"],
            &["application/json; charset=utf-7"],
            &["application/json; charset=utf-16"],
            &["application/json; charset=iso-2022-jp"],
            &["application/json; charset=utf-8; charset=utf-7"],
            &["application/json; charset =utf-8"],
            &["application/json; profile=x"],
            &["text/plain; version=<script>"],
            &["text/plain; version=00000000000000000000000000000000000000000"],
            &["application/json text/html"],
            &["application/jsonx"],
            &["application/json\u{e9}"],
            &["*/*"],
            &["text/*"],
        ] {
            assert_eq!(read_all(values), None, "{values:?}");
        }
    }
}
