//! Content negotiation by `Accept-Encoding` (RFC 9110, section 12.5.3).

use hyper::header::{ACCEPT_ENCODING, HeaderMap};

/// True if the client accepts a coding: it is listed, or `*` is and the coding is not refused.
pub fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut any = None;
    for entry in lists.flat_map(|list| list.split(',')) {
        let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let refused = parameters
            .split(';')
            .filter_map(|parameter| parameter.trim().strip_prefix("q="))
            .any(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        match name.trim() {
            // `x-gzip` is the old name of gzip.
            name if is(name, coding) || (coding == "gzip" && is(name, "x-gzip")) => return !refused,
            "*" => any = Some(!refused),
            _ => {}
        }
    }
    any.unwrap_or(false)
}

fn is(name: &str, coding: &str) -> bool {
    name.eq_ignore_ascii_case(coding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn accepted_encodings_parsed() {
        for (header, gzip, brotli) in [
            ("gzip", true, false),
            ("deflate, GZip;q=0.5, br", true, true),
            ("*", true, true),
            ("gzip;q=0", false, false),
            ("gzip; q=0.0, *", false, true),
            ("*;q=0", false, false),
            ("br", false, true),
            ("x-gzip", true, false),
            ("", false, false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(header))]);
            assert_eq!((accepts(&headers, "gzip"), accepts(&headers, "br")), (gzip, brotli), "{header}");
        }
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }
}
