//! Answers that no agent sends. Each must affect only the row of its host.

use std::{borrow::Cow, fmt::Write as _, sync::LazyLock};

/// Made once, because it has 70 MB.
static MANY_GPUS: LazyLock<String> = LazyLock::new(|| summary("NVIDIA H200", 1_000_000));

/// Answers of a hostile host, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hostile {
    /// A redirect to another host.
    Redirect,
    /// A page of a web server.
    Html,
    /// Bytes without an end and without a line.
    Endless,
    /// A compressed body that nobody asked for.
    Compressed,
    /// Names that are markup.
    Markup,
    /// Many more GPUs than a host has.
    ManyGpus,
    /// 401, whatever the token is.
    Unauthorized,
    /// A body that ends within a string.
    Truncated,
    /// Values of other types.
    Types,
    /// 500.
    Failing,
}

const ALL: [Hostile; 10] = [
    Hostile::Redirect,
    Hostile::Html,
    Hostile::Endless,
    Hostile::Compressed,
    Hostile::Markup,
    Hostile::ManyGpus,
    Hostile::Unauthorized,
    Hostile::Truncated,
    Hostile::Types,
    Hostile::Failing,
];

/// An answer: its head after the version, without the length, and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) headers: &'static str,
    pub(crate) body: Cow<'static, str>,
    /// True if the body is repeated forever.
    pub(crate) is_endless: bool,
}

impl Hostile {
    pub(crate) fn of(number: usize) -> Self {
        ALL[number % ALL.len()]
    }

    pub(crate) fn answer(self) -> Answer {
        const JSON: &str = "content-type: application/json\r\n";
        const HTML: &str = "content-type: text/html\r\nset-cookie: session=stolen; path=/\r\n";
        let (status, headers, body) = match self {
            Self::Redirect => ("302 Found", "location: http://127.0.0.1:1/\r\n", Cow::default()),
            Self::Html => ("200 OK", HTML, "<html><script>alert(1)</script>It works!</html>".into()),
            Self::Endless => ("200 OK", JSON, "a".repeat(64 << 10).into()),
            Self::Compressed => ("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "no".into()),
            Self::Markup => ("200 OK", JSON, summary("<img src=x onerror=alert(1)>", 2).into()),
            Self::ManyGpus => ("200 OK", JSON, Cow::Borrowed(&**MANY_GPUS)),
            Self::Unauthorized => ("401 Unauthorized", JSON, r#"{"code":401,"data":null}"#.into()),
            Self::Truncated => ("200 OK", JSON, r#"{"hostname":"gpu"#.into()),
            Self::Types => ("200 OK", JSON, r#"{"hostname":7,"sampled_at":"now","gpus":{"a":[]},"use":-1}"#.into()),
            Self::Failing => ("500 Internal Server Error", HTML, "<h1>Internal Server Error</h1>".into()),
        };
        Answer { status, headers, body, is_endless: self == Self::Endless }
    }
}

fn summary(name: &str, gpus: usize) -> String {
    let mut text = format!(r#"{{"hostname":"{name}","sampled_at":1796059256545,"collector_state":"ok","gpus":["#);
    for index in 0..gpus {
        let comma = if index > 0 { "," } else { "" };
        // Writing to a string does not fail.
        let _ =
            write!(text, r#"{comma}{{"index":{index},"name":"{name}","state":"ok","verdict":"free","health":"ok"}}"#);
    }
    text + "]}"
}
