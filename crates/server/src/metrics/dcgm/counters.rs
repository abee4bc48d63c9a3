//! dcgm-exporter's own file of counters: which fields are served, as what type, and with what help.

use std::fmt::Write as _;

use http_server::encoding_of_text as encoding;

use super::fields::{self, DRIVER_VERSION, Field, KNOWN, Known, Named, Set, Version};
use crate::metrics::text::Kind;

/// Metrics served under dcgm-exporter's names.
#[derive(Clone)]
pub struct DcgmCounters {
    chosen: Vec<Chosen>,
    labels: Vec<&'static Known>,
    unserved: Vec<Unserved>,
}

/// A field that is served.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) field: &'static Field,
    /// Type and help under each version's name; none if that version does not serve it by default.
    heads: [Option<Head>; Version::ALL.len()],
    /// Versions whose name a line of the file has.
    is_given: [bool; Version::ALL.len()],
}

/// Type and help of a metric.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) help: String,
}

impl Chosen {
    /// Type and help under a version's name, if it is served under it.
    pub(super) const fn head(&self, version: Version) -> Option<&Head> {
        self.heads[version as usize].as_ref()
    }
}

/// A line of the file that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unserved {
    /// The number of the line, from 1.
    pub line: usize,
    /// Metrics that it requests.
    pub name: String,
    /// Reason.
    pub why: &'static str,
    /// True if an earlier line serves it.
    pub is_repeated: bool,
}

/// Reason of a line whose metric an earlier line serves.
const REPEATED: &str = "an earlier line serves it already; remove this one";

/// A line of the file that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct CountersError {
    line: usize,
    what: String,
}

impl std::fmt::Debug for DcgmCounters {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "DcgmCounters({} fields, {} not served)", self.chosen.len(), self.unserved.len())
    }
}

impl Default for DcgmCounters {
    /// The default set of each version of dcgm-exporter, and what more is read.
    fn default() -> Self {
        let head = |field: &'static Field, version| {
            let named = field.named(version);
            (named.set != Set::Asked).then(|| own_head(named))
        };
        let chosen = fields::all().map(|field| Chosen {
            field,
            heads: Version::ALL.map(|version| head(field, version)),
            is_given: [false; 2],
        });
        let chosen = chosen.filter(|chosen| chosen.heads.iter().any(Option::is_some));
        let labels = KNOWN.iter().filter(|known| known.until48 == DRIVER_VERSION);
        Self { chosen: chosen.collect(), labels: labels.collect(), unserved: Vec::new() }
    }
}

impl DcgmCounters {
    /// Reads the file's text: `name, type, help` on each line, comments after `#`. A line may have the name of either
    /// version; under the other version's name the field has its own type and help.
    ///
    /// # Errors
    /// A line that has not three parts, or whose type is none.
    pub fn parse(text: &str) -> Result<Self, CountersError> {
        let problem = encoding::problem(text.as_bytes());
        problem.map_or(Ok(()), |what| Err(CountersError { line: 1, what: what.into() }))?;
        let mut read = Self { chosen: Vec::new(), labels: Vec::new(), unserved: Vec::new() };
        for (line, record) in (1..).zip(text.lines()) {
            if !record.starts_with('#') && !record.trim().is_empty() {
                let [name, kind, help] = parts(record).map_err(|what| CountersError { line, what })?;
                if let Err(why) = read.take(&name, &kind, help).map_err(|what| CountersError { line, what })? {
                    read.unserved.push(Unserved { line, name, why, is_repeated: why == REPEATED });
                }
            }
        }
        Ok(read)
    }

    /// Entries of the file that cannot be served.
    #[must_use]
    pub fn unserved(&self) -> &[Unserved] {
        &self.unserved
    }

    /// Number of metrics and labels served.
    #[must_use]
    pub fn served(&self) -> usize {
        self.chosen.len() + self.labels.len()
    }

    pub(super) fn chosen(&self) -> &[Chosen] {
        &self.chosen
    }

    pub(super) fn labels(&self) -> &[&'static Known] {
        &self.labels
    }

    /// Takes a line in; the inner error is why it cannot be served.
    fn take(&mut self, name: &str, kind: &str, help: String) -> Result<Result<(), &'static str>, String> {
        let kind = match kind {
            "gauge" => Kind::Gauge,
            "counter" => Kind::Counter,
            "label" => {
                let Some(known) =
                    KNOWN.iter().find(|known| Version::ALL.iter().any(|version| known.name(*version) == name))
                else {
                    return Ok(Err("this agent does not read it as a label"));
                };
                if self.labels.iter().any(|label| std::ptr::eq(*label, known)) {
                    return Ok(Err(REPEATED));
                }
                self.labels.push(known);
                return Ok(Ok(()));
            }
            "histogram" | "summary" => return Ok(Err("no field is a histogram or a summary")),
            other => return Err(format!("{other:?} is no type; gauge, counter and label are")),
        };
        let named = |field: &Field| Version::ALL.map(|version| field.named(version).name == name);
        let Some(field) = fields::all().find(|field| named(field).contains(&true)) else {
            return Ok(Err(why_not(name)));
        };
        let place = self.chosen.iter().position(|chosen| std::ptr::eq(chosen.field, field)).unwrap_or_else(|| {
            let heads = Version::ALL.map(|version| Some(own_head(field.named(version))));
            self.chosen.push(Chosen { field, heads, is_given: [false; 2] });
            self.chosen.len() - 1
        });
        let Some(chosen) = self.chosen.get_mut(place) else { return Ok(Err(REPEATED)) };
        let is_named = named(field);
        if chosen.is_given.iter().zip(is_named).any(|(given, named)| *given && named) {
            return Ok(Err(REPEATED));
        }
        for ((head, given), _) in chosen.heads.iter_mut().zip(&mut chosen.is_given).zip(is_named).filter(|(_, is)| *is)
        {
            *head = Some(Head { kind, help: help.clone() });
            *given = true;
        }
        Ok(Ok(()))
    }
}

/// Type and help without a file.
fn own_head(named: &Named) -> Head {
    let mut help = named.help.to_owned();
    if !named.unit_text.is_empty() {
        // A string takes what is written to it.
        let _ = write!(help, " (in {})", named.unit_text);
    }
    help.push('.');
    Head { kind: named.kind, help }
}

fn why_not(name: &str) -> &'static str {
    let begins = |beginning: &str| name.starts_with(beginning);
    if begins("DCGM_EXP_") {
        "only the totals of Xid errors and of clock events are; see docs/from-dcgm-exporter.md for what to use in its place"
    } else if begins("DCGM_FI_DEV_NVSWITCH") || name.contains("_SWITCH_") {
        "it is NVSwitch's, which this agent does not read"
    } else if begins("DCGM_FI_DEV_CPU") {
        "it is a processor's, which this agent does not read"
    } else if begins("DCGM_FI_PROF_") {
        "this agent has no source for this profiling metric"
    } else if begins("DCGM_FI_") {
        "this agent does not read it"
    } else {
        "it is no name of DCGM's fields"
    }
}

/// The three parts of a line, with spaces around them cut. A part that begins with a quotation mark ends with one, and may
/// hold commas.
fn parts(line: &str) -> Result<[String; 3], String> {
    let mut parts = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (part, after) = match text.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => match text.split_once(',') {
                Some((part, after)) => (part.trim().to_owned(), Some(after)),
                None => (text.trim().to_owned(), None),
            },
        };
        parts.push(part);
        rest = after;
    }
    let found = parts.len();
    parts.try_into().map_err(|_| format!("expected a name, a type and a help, separated by commas, got {found} parts"))
}

/// Text up to the closing quotation mark, with doubled marks unescaped, and the rest after the next comma.
fn unquote(text: &str) -> Result<(String, Option<&str>), String> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else { return Err("a quotation mark is not closed".into()) };
        part.push_str(before);
        if let Some(more) = after.strip_prefix('"') {
            part.push('"');
            rest = more;
            continue;
        }
        return match after.trim_start() {
            "" => Ok((part, None)),
            next => match next.strip_prefix(',') {
                Some(following) => Ok((part, Some(following))),
                None => Err("after a closing quotation mark only a comma may follow".into()),
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn chosen(counters: &DcgmCounters, version: Version) -> Vec<(&'static str, Kind, &str)> {
        let named = counters.chosen.iter().map(|chosen| (chosen.field.named(version).name, chosen.head(version)));
        named.filter_map(|(name, head)| head.map(|head| (name, head.kind, head.help.as_str()))).collect()
    }

    #[test]
    fn counters_file_selects_and_lists_unavailable() {
        let text = "# Format\n\nDCGM_FI_DEV_GPU_TEMP, gauge, Temperature (in C).\r\n\
            DCGM_FI_DEV_DEC_UTIL ,     counter, \"With, a comma and \"\"marks\"\"\"\n\
            DCGM_FI_DEV_SERIAL, label, S\nDCGM_FI_DRIVER_VERSION, label, V\nDCGM_FI_DEV_GPU_TEMP, gauge, again\n\
            DCGM_EXP_XID_ERRORS_COUNT, gauge, x\nDCGM_FI_DEV_NVSWITCH_TEMPERATURE_CURRENT, gauge, x\n\
            DCGM_FI_DEV_BRAND, label, x\nDCGM_FI_PROF_PIPE_INT_ACTIVE, gauge, x\nnode_load1, gauge, x\n\
            DCGM_FI_DEV_RETIRED_SBE, counter, x\nDCGM_FI_DEV_SM_CLOCK, histogram, x\n";
        let counters = DcgmCounters::parse(text).unwrap();
        assert_eq!(
            chosen(&counters, Version::Until48),
            [
                ("DCGM_FI_DEV_GPU_TEMP", Kind::Gauge, "Temperature (in C)."),
                ("DCGM_FI_DEV_DEC_UTIL", Kind::Counter, "With, a comma and \"marks\""),
            ]
        );
        let labels: Vec<&str> = counters.labels.iter().map(|known| known.until48).collect();
        assert_eq!(labels, ["DCGM_FI_DEV_SERIAL", "DCGM_FI_DRIVER_VERSION"]);
        let repeated: Vec<usize> = counters.unserved.iter().filter(|one| one.is_repeated).map(|one| one.line).collect();
        assert_eq!(repeated, [7]);
        let unserved: Vec<(usize, &str)> = counters.unserved.iter().map(|one| (one.line, one.name.as_str())).collect();
        assert_eq!(
            unserved,
            [
                (7, "DCGM_FI_DEV_GPU_TEMP"),
                (8, "DCGM_EXP_XID_ERRORS_COUNT"),
                (9, "DCGM_FI_DEV_NVSWITCH_TEMPERATURE_CURRENT"),
                (10, "DCGM_FI_DEV_BRAND"),
                (11, "DCGM_FI_PROF_PIPE_INT_ACTIVE"),
                (12, "node_load1"),
                (13, "DCGM_FI_DEV_RETIRED_SBE"),
                (14, "DCGM_FI_DEV_SM_CLOCK"),
            ]
        );
    }

    #[test]
    fn counters_file_invalid_line_named() {
        for (text, message) in [
            (
                "# ok\nDCGM_FI_DEV_GPU_TEMP, gauge\n",
                "line 2: expected a name, a type and a help, separated by commas, got 2 parts",
            ),
            ("a, gauge, b, c", "line 1: expected a name, a type and a help, separated by commas, got 4 parts"),
            ("DCGM_FI_DEV_GPU_TEMP, guage, x", "line 1: \"guage\" is no type; gauge, counter and label are"),
            ("a, gauge, \"b", "line 1: a quotation mark is not closed"),
            (
                "\u{feff}DCGM_FI_DEV_GPU_TEMP, gauge, x",
                "line 1: the file begins with a byte order mark; save it as UTF-8 without one",
            ),
            ("a, gauge, \"b\" c", "line 1: after a closing quotation mark only a comma may follow"),
        ] {
            assert_eq!(DcgmCounters::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn counters_file_of_either_version_serves_both_names() {
        let text = "DCGM_FI_DEV_GPU_UTIL_RATIO, gauge, of 4.9\nDCGM_FI_DEV_FB_USED, counter, of 4.8\n\
            DCGM_FI_DEV_VGPU_LICENSE_STATUS, gauge, of both\nDCGM_EXP_XID_ERRORS_TOTAL, counter, x\n\
            DCGM_FI_SYSTEM_DRIVER_VERSION, label, V\nDCGM_FI_DEV_GPU_UTIL, gauge, the same\nDCGM_FI_DEV_FB_USED, gauge, again\n";
        let counters = DcgmCounters::parse(text).unwrap();
        assert_eq!(
            chosen(&counters, Version::Until48),
            [
                ("DCGM_FI_DEV_GPU_UTIL", Kind::Gauge, "the same"),
                ("DCGM_FI_DEV_FB_USED", Kind::Counter, "of 4.8"),
                ("DCGM_FI_DEV_VGPU_LICENSE_STATUS", Kind::Gauge, "of both"),
                ("DCGM_EXP_XID_ERRORS_TOTAL", Kind::Counter, "x"),
            ]
        );
        assert_eq!(
            chosen(&counters, Version::Since49),
            [
                ("DCGM_FI_DEV_GPU_UTIL_RATIO", Kind::Gauge, "of 4.9"),
                ("DCGM_FI_DEV_FB_USED_BYTES", Kind::Gauge, "Used memory (in B)."),
                ("DCGM_FI_DEV_VGPU_LICENSE_STATUS", Kind::Gauge, "of both"),
                ("DCGM_EXP_XID_ERRORS_TOTAL", Kind::Counter, "x"),
            ]
        );
        let unserved: Vec<(usize, bool)> = counters.unserved.iter().map(|one| (one.line, one.is_repeated)).collect();
        assert_eq!(unserved, [(7, true)]);
        assert_eq!((counters.served(), counters.labels.len()), (5, 1));
    }

    #[test]
    fn dcgm_defaults_are_exporters_and_more() {
        let of = |version, wanted| fields::all().filter(|field| field.named(version).set == wanted).count();
        assert_eq!((of(Version::Until48, Set::Default), of(Version::Until48, Set::More)), (25, 12));
        assert_eq!((of(Version::Since49, Set::Default), of(Version::Since49, Set::More)), (26, 14));
        let counters = DcgmCounters::default();
        assert_eq!(chosen(&counters, Version::Until48).len(), 37);
        assert_eq!((counters.labels.len(), counters.labels[0].since49), (1, "DCGM_FI_SYSTEM_DRIVER_VERSION"));
        for version in Version::ALL {
            let names: BTreeSet<&str> = fields::all().map(|field| field.named(version).name).collect();
            assert_eq!(names.len(), fields::all().count(), "no name is listed twice");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_tolerated(text in any::<String>()) {
            let _ = DcgmCounters::parse(&text);
        }

        #[test]
        fn counters_like_lines_tolerated(text in "([A-Z_]{0,9}[, \"#]{0,3}){0,12}\n?") {
            let _ = DcgmCounters::parse(&text);
        }
    }
}
