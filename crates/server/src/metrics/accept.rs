//! The format of a scrape, by its `Accept` header.

use hyper::header::{ACCEPT, HeaderMap, HeaderValue};

use super::text::Format;

const OPEN_METRICS: &str = "application/openmetrics-text";

static TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
static OPEN_METRICS_1: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Media type of a format.
#[must_use]
pub fn content_type(format: Format) -> &'static HeaderValue {
    match format {
        Format::Text => &TEXT,
        Format::OpenMetrics => &OPEN_METRICS_1,
    }
}

/// OpenMetrics if it is listed with at least the weight of plain text, otherwise plain text.
#[must_use]
pub fn format(headers: &HeaderMap) -> Format {
    let (mut open, mut text) = (0.0_f32, 0.0_f32);
    for header in headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
        for entry in header.split(',') {
            let mut parts = entry.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let weight = parts.filter_map(weight).next_back().unwrap_or(1.0);
            if kind.eq_ignore_ascii_case(OPEN_METRICS) {
                open = open.max(weight);
            } else if kind.eq_ignore_ascii_case("text/plain") {
                text = text.max(weight);
            }
        }
    }
    if open > 0.0 && open >= text { Format::OpenMetrics } else { Format::Text }
}

fn weight(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn openmetrics_only_on_request() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let newer = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (prometheus, Format::OpenMetrics),
            (newer, Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("Application/OpenMetrics-Text; Q=0.5, text/plain; q=0.5", Format::OpenMetrics),
            ("text/plain, application/openmetrics-text;q=0.9", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", Format::Text),
            ("text/html,*/*", Format::Text),
            ("", Format::Text),
            ("application/openmetrics-text;q=x", Format::OpenMetrics),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(super::format(&headers), format, "{accept}");
        }
        assert_eq!(super::format(&HeaderMap::new()), Format::Text);
    }
}
