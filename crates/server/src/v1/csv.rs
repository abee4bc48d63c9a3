//! CSV, beside JSON.

use std::borrow::Cow;

use super::query::{InvalidParameter, given};

/// Format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
}

impl Form {
    /// Parses `format`.
    pub(super) fn read(query: &str) -> Result<Self, InvalidParameter> {
        match given(query, "format")?.as_deref() {
            None | Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some(other) => {
                Err(InvalidParameter::wrong(format!("The parameter format={other:?} is unknown; choose json or csv.")))
            }
        }
    }
}

/// A text in CSV (RFC 4180). One that a spreadsheet would take for a formula gets an apostrophe in front: names of users are
/// what they choose, and a UUID is what the driver says.
#[must_use]
pub fn cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@', '＋', '－', '＝', '＠'])
        || text.starts_with(['\t', '\r', '\n']);
    let harmless = if is_formula { Cow::from(format!("'{text}")) } else { Cow::from(text) };
    if harmless.contains(['"', ',', '\r', '\n']) {
        return format!("\"{}\"", harmless.replace('"', "\"\"")).into();
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_and_defuses_text() {
        for (text, expected) in [
            ("GPU-1", "GPU-1"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "'=1+1"),
            ("@x", "'@x"),
            (" -1", "' -1"),
            ("\tx", "'\tx"),
            ("\r=1,\"", "\"'\r=1,\"\"\""),
            ("＝1", "'＝1"),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
