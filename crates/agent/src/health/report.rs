//! Output of `health` by the Monitoring Plugins guidelines: a verdict line with performance data, then a line per GPU,
//! then the performance data of each GPU.
//!
//! Nagios takes the text of an alert from the first line, and performance data from behind the first `|` of the first
//! line and from behind the next `|` on. So no text contains one.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

use telemetry::terminal::{printable, printable_in};

use crate::health::{
    Verdict,
    gpus::{GpuHealth, HostHealth},
};

/// Most characters of a reason, of its remedy, and of all problems in the verdict line.
pub(super) const MAX_REASON: usize = 200;
/// Most characters of all reasons of a GPU.
const MAX_REASONS: usize = 600;
/// Most characters of the name of a GPU.
const MAX_NAME: usize = 48;

/// Most GPUs that the driver does not list in one problem: their names are as long as a UUID.
const MAX_UNLISTED: usize = 2;

/// First line of every answer: `GPU CRITICAL - 1: lost (4 GPUs)`.
pub(super) fn verdict_line(subject: &str, verdict: Verdict, text: &str) -> String {
    format!("{subject} {} - {}", verdict.as_str().to_uppercase(), plain(text))
}

/// Text in at most [`MAX_REASON`] characters.
pub(super) fn limited(text: &str) -> String {
    printable_in(text, MAX_REASON).into_owned()
}

/// Words for a problem: `reset_required` is `reset required`, `xid_79` is `Xid 79`.
pub(super) fn label(code: &str) -> String {
    let word = |word: &str| match word {
        "xid" => "Xid".into(),
        "pcie" => "PCIe".into(),
        "ecc" => "ECC".into(),
        "nvlink" => "NVLink".into(),
        "hw" => "HW".into(),
        "sw" => "SW".into(),
        plain => plain.to_owned(),
    };
    code.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// The whole answer.
pub(super) fn text(host: &HostHealth) -> String {
    let mut text = format!("{} | {}\n", verdict_line("GPU", host.verdict(), &summary(host)), counts(host));
    if let Some((state, Some(why))) = &host.not_read {
        text.push_str(&line("-", Verdict::Unknown, "(collector)", &[format!("{state}: {why}")]));
    }
    for gpu in &host.gpus {
        let index = gpu.index.map_or_else(|| "-".into(), |index| index.to_string());
        text.push_str(&line(&index, gpu.verdict, &gpu.name, &gpu.reasons));
    }
    let values: Vec<String> = host.gpus.iter().filter_map(values).collect();
    if !values.is_empty() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "values of the GPUs | {}", values.join("\n"));
    }
    text
}

/// Adds a line behind the first one.
pub(super) fn with_line(text: &str, line: &str) -> String {
    let (verdict, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("{verdict}\n{}\n{rest}", plain(line))
}

/// Problems, the worst first: `1: lost; 3: reset required (4 GPUs)`.
fn summary(host: &HostHealth) -> String {
    let listed = host.gpus.iter().filter(|gpu| gpu.index.is_some()).count();
    let all = if listed == 1 { "1 GPU".into() } else { format!("{listed} GPUs") };
    let worst = host.verdict();
    let unread = host.not_read.iter().map(|(state, why)| {
        let why = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        limited(&format!("GPUs not read: collector state {state}{why}"))
    });
    let found = [Verdict::Critical, Verdict::Unknown, Verdict::Warning].into_iter().flat_map(|verdict| {
        let mark = if verdict == worst { String::new() } else { format!(" ({})", verdict.as_str()) };
        problems(host, verdict).into_iter().map(move |problem| format!("{problem}{mark}"))
    });
    let parts: Vec<String> = found.chain(unread).collect();
    match (parts.is_empty(), host.gpus.is_empty()) {
        (true, true) => "no GPU found".into(),
        (true, false) => all,
        (false, true) => joined(&parts, MAX_REASON),
        (false, false) => format!("{} ({all})", joined(&parts, MAX_REASON)),
    }
}

/// Problems of one verdict, each with the GPUs that have it: `0-2,5: lost`.
pub(super) fn problems(host: &HostHealth, verdict: Verdict) -> Vec<String> {
    let mut by_problem: Vec<(String, Vec<&GpuHealth>)> = Vec::new();
    for gpu in host.gpus.iter().filter(|gpu| gpu.verdict == verdict) {
        let problem = gpu.problems.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        match by_problem.iter_mut().find(|(known, _)| *known == problem) {
            Some((_, gpus)) => gpus.push(gpu),
            None => by_problem.push((problem, vec![gpu])),
        }
    }
    let named = |(problem, gpus): (String, Vec<&GpuHealth>)| {
        let indices: Vec<u32> = gpus.iter().filter_map(|gpu| gpu.index).collect();
        let mut unlisted: Vec<String> =
            gpus.iter().filter(|gpu| gpu.index.is_none()).map(|gpu| gpu.id.clone()).collect();
        let more = unlisted.len().saturating_sub(MAX_UNLISTED);
        if more > 0 {
            unlisted.truncate(MAX_UNLISTED);
            unlisted.push(format!("{more} more GPUs"));
        }
        let names: Vec<String> = ranges(&indices).into_iter().chain(unlisted).collect();
        format!("{}: {problem}", names.join(","))
    };
    by_problem.into_iter().map(named).collect()
}

/// Joins parts with semicolons in at most so many characters; those that do not fit are counted.
pub(super) fn joined(parts: &[String], width: usize) -> String {
    let mut text = String::new();
    for (number, part) in parts.iter().map(|part| plain(part)).enumerate() {
        let rest = parts.len() - number;
        let separator = if number == 0 { "" } else { "; " };
        let more = if rest > 1 { format!("; {} more", rest - 1).len() } else { 0 };
        if text.chars().count() + separator.len() + part.chars().count() + more > width {
            let rest = if number == 0 { rest - 1 } else { rest };
            if number == 0 {
                text.push_str(&printable_in(&part, width.saturating_sub(more)));
            }
            if rest > 0 {
                // Writing to a string does not fail.
                let _ = write!(text, "; {rest} more");
            }
            return text;
        }
        text.push_str(separator);
        text.push_str(&part);
    }
    text
}

/// Ascending numbers with ranges of three and more: `0,2-4`.
fn ranges(numbers: &[u32]) -> Vec<String> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let shown = |(first, last): (u32, u32)| match last - first {
        0 => format!("{first}"),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    runs.into_iter().map(shown).collect()
}

/// Numbers of GPUs by verdict, with the thresholds by which Nagios would judge them.
fn counts(host: &HostHealth) -> String {
    let mut by_verdict: BTreeMap<Verdict, usize> = BTreeMap::new();
    for gpu in &host.gpus {
        *by_verdict.entry(gpu.verdict).or_default() += 1;
    }
    let all = host.gpus.len();
    let count = |verdict: Verdict, thresholds: &str| {
        let number = by_verdict.get(&verdict).copied().unwrap_or_default();
        format!("{}={number};{thresholds};0;{all}", verdict.as_str())
    };
    [
        count(Verdict::Ok, ";"),
        count(Verdict::Warning, "0;"),
        count(Verdict::Unknown, ";"),
        count(Verdict::Critical, ";0"),
    ]
    .join(" ")
}

fn line(index: &str, verdict: Verdict, name: &str, reasons: &[String]) -> String {
    let (why, name) = (joined(reasons, MAX_REASONS), printable_in(name, MAX_NAME));
    let line = format!("{index:>3}  {:<8}  {:<28}  {}", verdict.as_str(), plain(&name), plain(&why));
    format!("{}\n", line.trim_end())
}

/// Performance data of one GPU; none without a reading.
fn values(gpu: &GpuHealth) -> Option<String> {
    let (index, details) = (gpu.index?, gpu.details.as_ref()?);
    let memory = details.memory.used_bytes.map(|used| {
        let total = details.memory.total_bytes.map(|total| total.to_string()).unwrap_or_default();
        format!("gpu{index}_memory_used={used}B;;;0;{total}")
    });
    let values = [
        details.temperature.gpu_celsius.map(|celsius| format!("gpu{index}_temperature_celsius={celsius}")),
        details.utilization.gpu_percent.map(|percent| format!("gpu{index}_utilization={percent}%;;;0;100")),
        memory,
        details.power.draw_watts.map(|watts| format!("gpu{index}_power_watts={watts:.1};;;0")),
    ];
    let known: Vec<String> = values.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(" "))
}

/// Text of others without control characters and without the sign that begins performance data.
fn plain(text: &str) -> Cow<'_, str> {
    let shown = printable(text);
    if shown.contains('|') { Cow::Owned(shown.replace('|', "\\x7c")) } else { shown }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::health::gpus::tests::{Told, host};

    fn first(collector: &str, gpus: &[Told<'_>]) -> String {
        let text = text(&host(collector, gpus));
        text.lines().next().unwrap().split(" | ").next().unwrap().to_owned()
    }

    const LOST: Told<'_> = ("lost", "critical", &[("critical", "lost")]);
    const RESET: Told<'_> = ("ok", "critical", &[("critical", "reset_required"), ("warning", "pcie_link")]);
    const WORN: Told<'_> = ("ok", "warning", &[("warning", "row_remap_pending")]);
    const STALE: Told<'_> = ("stale", "warning", &[("warning", "not_answering")]);
    const WELL: Told<'_> = ("ok", "ok", &[]);

    #[test]
    fn first_line_is_the_verdict() {
        for (gpus, line) in [
            (&[WELL, LOST, WELL, RESET][..], "GPU CRITICAL - 1: lost; 3: reset required (4 GPUs)"),
            (&[WELL; 8], "GPU OK - 8 GPUs"),
            (&[WELL], "GPU OK - 1 GPU"),
            (&[WORN, WELL, WORN], "GPU WARNING - 0,2: row remap pending (3 GPUs)"),
            (&[STALE, WORN], "GPU UNKNOWN - 0: stale; 1: row remap pending (warning) (2 GPUs)"),
            (
                &[WORN, STALE, LOST],
                "GPU CRITICAL - 2: lost; 1: stale (unknown); 0: row remap pending (warning) (3 GPUs)",
            ),
            (&[LOST, LOST, LOST, WELL, LOST, LOST], "GPU CRITICAL - 0-2,4,5: lost (6 GPUs)"),
            (&[], "GPU UNKNOWN - no GPU found"),
        ] {
            assert_eq!(first("ok", gpus), line);
        }
        assert_eq!(first("no_driver", &[]), "GPU UNKNOWN - GPUs not read: collector state no_driver");
        assert_eq!(first("stalled", &[LOST]), "GPU CRITICAL - 0: lost; GPUs not read: collector state stalled (1 GPU)");
    }

    #[test]
    fn performance_data_has_counts_with_thresholds() {
        let text = text(&host("ok", &[WELL, LOST, WORN, STALE]));
        let (_, data) = text.lines().next().unwrap().split_once(" | ").unwrap();
        assert_eq!(data, "ok=1;;;0;4 warning=1;0;;0;4 unknown=1;;;0;4 critical=1;;0;0;4");
        assert_eq!(text.lines().count(), 5, "no values were read: {text}");
    }

    #[test]
    fn many_missing_gpus_keep_their_problem() {
        let mut host = host("ok", &[WELL; 8]);
        for (number, gpu) in host.gpus.iter_mut().enumerate() {
            (gpu.index, gpu.verdict, gpu.id) = (None, Verdict::Critical, format!("GPU-{number}{}", "0".repeat(35)));
            gpu.problems = ["missing".into()].into();
        }
        let line = text(&host);
        assert!(line.lines().next().unwrap().contains(",6 more GPUs: missing"), "{line}");
    }

    #[test]
    fn line_has_reason_and_remedy_within_limit() {
        let text = text(&host("ok", &[WORN, LOST, STALE, WELL]));
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert!(lines[0].ends_with("row_remap_pending on it (Reset it)"), "{text}");
        assert!(lines[1].ends_with("state lost; lost on it (Reset it)"), "{text}");
        assert!(lines[2].ends_with("state stale; not_answering on it (Reset it)"), "{text}");
        assert!(lines[3].ends_with("H200"), "{text}");
        let parts: Vec<String> = (0..20).map(|number| format!("{number} {}", "x".repeat(30))).collect();
        let short = joined(&parts, MAX_REASON);
        assert!(short.ends_with("; 15 more") && short.chars().count() <= MAX_REASON, "{short}");
        let first = joined(&["x".repeat(500), "hidden".into(), "hidden".into()], MAX_REASON);
        assert!(first.ends_with("; 2 more") && first.chars().count() <= MAX_REASON, "{first}");
        let long = joined(&["é".repeat(500)], MAX_REASON);
        assert!(long.ends_with('…') && long.chars().count() == MAX_REASON, "{long}");
    }

    proptest! {
        #[test]
        fn reasons_never_exceed_limit(parts in prop::collection::vec("\\PC{0,90}", 0..12)) {
            prop_assert!(joined(&parts, MAX_REASON).chars().count() <= MAX_REASON);
        }

        #[test]
        fn names_cannot_add_lines_or_performance_data(name in "(.|\\n|\\||\\PC){0,60}", reason in "(.|\\n|\\||\\PC){0,300}") {
            let mut host = host("ok", &[WORN]);
            host.gpus[0].name = name.clone();
            host.gpus[0].reasons = vec![reason];
            host.gpus[0].problems = [name].into();
            let text = text(&host);
            prop_assert_eq!(text.lines().count(), 2, "{}", &text);
            prop_assert_eq!(text.matches('|').count(), 1, "{}", &text);
        }
    }
}
