//! The table of a run.

use std::collections::BTreeMap;

use super::{faults::Faults, growth::Growth, judge::Judge};
use crate::table::{markdown, number};

/// A run in numbers.
pub(super) struct Ran {
    pub(super) seed: u64,
    pub(super) minutes: u64,
    pub(super) seconds: u64,
    pub(super) busy: u64,
}

/// Violations of a rule that are printed in full.
const SHOWN: usize = 4;
/// Longest text of a violation.
const LENGTH: usize = 700;

pub(super) fn text(judge: &Judge<'_>, faults: &Faults, growth: &Growth, ran: &Ran) -> String {
    let begun = faults.begun.iter().map(|(name, count)| vec![(*name).to_owned(), count.to_string()]);
    let hubs = ["hub", "hub-restarted", "hub-engine"];
    let checks = judge.checks.iter().map(|(rule, count)| {
        let failed = |hub: &str| {
            let failed = judge.violations.iter().filter(|violation| violation.rule == *rule && violation.hub == hub);
            failed.count().to_string()
        };
        let mut cells = vec![(*rule).to_owned(), number(*count as f64)];
        cells.extend(hubs.map(failed));
        cells
    });
    let (first, last) = (growth.first(), growth.last());
    let row = |name: &str, one: f64, other: f64| vec![name.to_owned(), number(one), number(other)];
    let grown = [
        row("memory, MiB", first.memory_kib / 1024.0, last.memory_kib / 1024.0),
        row("descriptors", first.descriptors, last.descriptors),
        row("threads", first.threads, last.threads),
    ];
    let minute = format!("minute {}", growth.first_minute);
    let mut text = format!(
        "{} minutes, seed {}: {} seconds, in {} of which the machine was too busy to judge ages.\n\n{}\n{}\n{}",
        ran.minutes,
        ran.seed,
        ran.seconds,
        ran.busy,
        markdown(&["fault", "times"], &begun.collect::<Vec<_>>()),
        markdown(
            &["rule", "checks", "violations of the hub", "of one that is restarted", "of one with an engine"],
            &checks.collect::<Vec<_>>()
        ),
        markdown(&["hub", &minute, "last minute"], &grown),
    );
    let mut shown = BTreeMap::<(&str, &str), usize>::new();
    for violation in &judge.violations {
        let count = shown.entry((violation.rule, violation.hub)).or_default();
        *count += 1;
        if *count > SHOWN {
            continue;
        }
        let detail: String = violation.detail.chars().take(LENGTH).collect();
        text.push_str(&format!("\n{}: expected {}: {detail}", violation.hub, violation.rule));
    }
    if !judge.violations.is_empty() {
        text.push('\n');
    }
    text
}
