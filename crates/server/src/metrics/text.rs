//! The exposition formats: Prometheus text 0.0.4, and OpenMetrics 1.0.
//!
//! OpenMetrics differs in three ways: a counter's family has no `_total`, units are declared, and the text ends with a
//! line of its own.

use std::fmt::Write as _;

use telemetry::{Reading, snapshot::Histogram};

use super::number::{Number, Seconds};

/// The exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up; its name ends in `_total`.
    Counter,
    /// Cumulative buckets, sum and count.
    Histogram,
    /// Sum and count without quantiles.
    Summary,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// A text that is being written.
#[derive(Debug)]
pub struct Page {
    format: Format,
    text: String,
}

/// A metric family: the header of its samples, written with the first of them.
#[derive(Clone, Copy, Debug)]
pub struct Family<'a> {
    /// Name.
    pub name: &'a str,
    /// Type.
    pub kind: Kind,
    /// Base unit, in which the name without `_total` ends; empty for none.
    pub unit: &'a str,
    /// Meaning.
    pub help: &'a str,
}

impl Page {
    /// An empty text with this capacity in bytes.
    #[must_use]
    pub fn new(format: Format, room: usize) -> Self {
        Self { format, text: String::with_capacity(room) }
    }

    /// Begins a family; its samples follow.
    pub fn begin<'a>(&'a mut self, family: Family<'a>) -> Samples<'a> {
        Samples { page: self, family, any: false, bounds_ns: &[], buckets: Vec::new() }
    }

    /// Writes the last line, if the format has one.
    #[must_use]
    pub fn end(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// The samples of one family. A family without samples is not written.
#[derive(Debug)]
pub struct Samples<'a> {
    page: &'a mut Page,
    family: Family<'a>,
    any: bool,
    /// The bounds of the last histogram, and its buckets' labels.
    bounds_ns: &'static [u64],
    buckets: Vec<String>,
}

impl Samples<'_> {
    /// Writes a sample, with formatted labels.
    pub fn push(&mut self, labels: &str, value: impl Number) {
        self.head();
        self.line("", labels, "", value);
    }

    /// Writes a sample of a value, if it was read, with formatted labels.
    pub(crate) fn read(&mut self, labels: &str, value: Reading<impl Number>) {
        if let Ok(value) = value {
            self.push(labels, value);
        }
    }

    /// Writes a histogram of times, in seconds, with formatted labels.
    pub(crate) fn histogram(&mut self, labels: &str, histogram: &Histogram) {
        self.head();
        if !std::ptr::eq(self.bounds_ns, histogram.bounds_ns) {
            self.bounds_ns = histogram.bounds_ns;
            // With a decimal point in both formats, so that the series does not depend on the format.
            let bounds = histogram.bounds_ns.iter().map(|bound| format!("le=\"{:?}\"", seconds(*bound)));
            self.buckets = bounds.chain(["le=\"+Inf\"".into()]).collect();
        }
        let mut so_far = 0_u64;
        let buckets = std::mem::take(&mut self.buckets);
        for (bucket, count) in buckets.iter().zip(histogram.counts()) {
            so_far = so_far.saturating_add(*count);
            self.line("_bucket", labels, bucket, so_far);
        }
        self.buckets = buckets;
        self.line("_sum", labels, "", Seconds { nanoseconds: histogram.sum_ns });
        self.line("_count", labels, "", so_far);
    }

    /// Writes the sum of times, in seconds, and their number, with formatted labels.
    pub(crate) fn summary(&mut self, labels: &str, histogram: &Histogram) {
        self.head();
        self.line("_sum", labels, "", Seconds { nanoseconds: histogram.sum_ns });
        self.line("_count", labels, "", histogram.count());
    }

    fn head(&mut self) {
        if std::mem::replace(&mut self.any, true) {
            return;
        }
        let Family { name, kind, unit, help } = self.family;
        let open = self.page.format == Format::OpenMetrics;
        let name = if open && kind == Kind::Counter { name.strip_suffix("_total").unwrap_or(name) } else { name };
        let text = &mut self.page.text;
        text.push_str("# HELP ");
        text.push_str(name);
        text.push(' ');
        escape_into(text, help, open);
        text.push_str("\n# TYPE ");
        text.push_str(name);
        text.push(' ');
        text.push_str(kind.as_str());
        text.push('\n');
        if open && !unit.is_empty() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
    }

    fn line(&mut self, ending: &str, labels: &str, label: &str, value: impl Number) {
        let text = &mut self.page.text;
        text.push_str(self.family.name);
        text.push_str(ending);
        if !(labels.is_empty() && label.is_empty()) {
            text.push('{');
            text.push_str(labels);
            text.push_str(if labels.is_empty() || label.is_empty() { "" } else { "," });
            text.push_str(label);
            text.push('}');
        }
        text.push(' ');
        value.write_to(text);
        text.push('\n');
    }
}

/// Appends a label to formatted labels.
pub fn label_into(labels: &mut String, name: &str, value: &str) {
    if !labels.is_empty() {
        labels.push(',');
    }
    labels.push_str(name);
    labels.push_str("=\"");
    escape_into(labels, value, true);
    labels.push('"');
}

/// Formats labels.
#[must_use]
pub fn labels(all: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in all {
        label_into(&mut text, name, value);
    }
    text
}

fn escape_into(text: &mut String, value: &str, quotes: bool) {
    if memchr::memchr3(b'\\', b'\n', if quotes { b'"' } else { b'\n' }, value.as_bytes()).is_none() {
        text.push_str(value);
        return;
    }
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

/// Converts to a double; exact for bounds of buckets and sums of times.
pub(crate) fn seconds(nanoseconds: u64) -> f64 {
    std::time::Duration::from_nanos(nanoseconds).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(format: Format, kind: Kind, write: impl FnOnce(&mut Samples<'_>)) -> String {
        let mut page = Page::new(format, 0);
        let name = if kind == Kind::Counter { "a_seconds_total" } else { "a_seconds" };
        write(&mut page.begin(Family { name, kind, unit: "seconds", help: "What \"it\" is\\does.\nReally." }));
        page.end()
    }

    #[test]
    fn formats_differ_where_required() {
        let sample = |samples: &mut Samples<'_>| samples.push(&labels(&[("x", "y")]), 1.5);
        assert_eq!(
            written(Format::Text, Kind::Counter, sample),
            "# HELP a_seconds_total What \"it\" is\\\\does.\\nReally.\n# TYPE a_seconds_total counter\n\
             a_seconds_total{x=\"y\"} 1.5\n"
        );
        assert_eq!(
            written(Format::OpenMetrics, Kind::Counter, sample),
            "# HELP a_seconds What \\\"it\\\" is\\\\does.\\nReally.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
             a_seconds_total{x=\"y\"} 1.5\n# EOF\n"
        );
    }

    #[test]
    fn family_without_samples_omitted() {
        assert_eq!(written(Format::Text, Kind::Gauge, |_| {}), "");
        assert_eq!(written(Format::OpenMetrics, Kind::Gauge, |_| {}), "# EOF\n");
    }

    #[test]
    fn summary_has_sum_and_count() {
        let mut histogram = Histogram::new(&[100_000, 1_000_000_000]);
        for length in [200_000_000, 300_000_000, 500_000_000, 1_500_000_000] {
            histogram.add(length);
        }
        for format in [Format::Text, Format::OpenMetrics] {
            let text = written(format, Kind::Summary, |samples| samples.summary("f=\"g\"", &histogram));
            assert!(text.contains("# TYPE a_seconds summary\n"), "{text}");
            assert!(text.contains("\na_seconds_sum{f=\"g\"} 2.5\na_seconds_count{f=\"g\"} 4\n"), "{text}");
        }
    }

    #[test]
    fn buckets_are_cumulative() {
        static BOUNDS: [u64; 2] = [100_000, 1_000_000_000];
        let mut histogram = Histogram::new(&BOUNDS);
        for length in [50_000, 100_000, 2_500_000, 3_000_000_000] {
            histogram.add(length);
        }
        let text = written(Format::Text, Kind::Histogram, |samples| {
            samples.histogram("", &histogram);
            samples.histogram("f=\"g\"", &histogram);
        });
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "a_seconds_bucket{le=\"0.0001\"} 2",
                "a_seconds_bucket{le=\"1.0\"} 3",
                "a_seconds_bucket{le=\"+Inf\"} 4",
                "a_seconds_sum 3.00265",
                "a_seconds_count 4",
                "a_seconds_bucket{f=\"g\",le=\"0.0001\"} 2",
                "a_seconds_bucket{f=\"g\",le=\"1.0\"} 3",
                "a_seconds_bucket{f=\"g\",le=\"+Inf\"} 4",
                "a_seconds_sum{f=\"g\"} 3.00265",
                "a_seconds_count{f=\"g\"} 4",
            ]
        );
    }

    proptest! {
        #[test]
        fn label_values_escaped(value in any::<String>()) {
            let text = labels(&[("x", &value)]);
            let inner = text.strip_prefix("x=\"").unwrap().strip_suffix('"').unwrap();
            prop_assert!(!inner.contains('\n'));
            let mut read = String::new();
            let mut characters = inner.chars();
            while let Some(character) = characters.next() {
                prop_assert!(character != '"', "an end before the end");
                read.push(match character {
                    '\\' => match characters.next() {
                        Some('n') => '\n',
                        Some(other) => other,
                        None => unreachable!("a lonely backslash"),
                    },
                    other => other,
                });
            }
            prop_assert_eq!(read, value);
        }
    }
}
