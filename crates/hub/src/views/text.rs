//! `/api/v1/fleet/summary.txt`: the fleet for a terminal.

use std::{borrow::Cow, fmt::Write as _};

use telemetry::terminal::printable_in;

use crate::fleet::{HostRow, HostState, Published};

/// Characters of a host's name, and of the last column.
const WIDEST_NAME: usize = 48;
const WIDEST_REMARK: usize = 100;

/// A line with sums, a heading, and a line per host.
pub(crate) fn summary(published: &Published) -> String {
    let mut text = String::with_capacity(256 + published.hosts.len() * 96);
    // Writing to a string does not fail.
    let _ = write(published, &mut text);
    text
}

fn write(published: &Published, text: &mut String) -> std::fmt::Result {
    let totals = &published.totals;
    let states = HostState::ALL.into_iter().filter(|state| *state != HostState::Ok && totals.hosts.of(*state) > 0);
    write!(text, "{} of {} hosts ok", totals.hosts.of(HostState::Ok), published.hosts.len())?;
    for state in states {
        write!(text, ", {} {}", totals.hosts.of(state), state.as_str())?;
    }
    let gpus = &totals.gpus;
    write!(text, "; GPUs: {} free, {} held, {} busy, {} unknown", gpus.free, gpus.held, gpus.busy, gpus.unknown)?;
    if totals.mig_free > 0 {
        write!(text, "; MIG instances: {} free", totals.mig_free)?;
    }
    writeln!(text)?;
    if !published.inputs.is_loaded {
        writeln!(text, "The list of targets is not loaded yet.")?;
    }
    let names = published.hosts.iter().map(|row| shown(row.name(), WIDEST_NAME).chars().count());
    let width = names.max().unwrap_or(0).max("HOST".len());
    if !published.hosts.is_empty() {
        writeln!(
            text,
            "{:<width$}  {:<11} {:>4} {:>4} {:>4} {:>7} {:>4} {:>16}  REMARK",
            "HOST", "STATE", "FREE", "HELD", "BUSY", "UNKNOWN", "MIG", "MEMORY"
        )?;
    }
    for row in &published.hosts {
        host_line(row, width, text)?;
    }
    Ok(())
}

fn host_line(row: &HostRow, width: usize, text: &mut String) -> std::fmt::Result {
    let counts = &row.counts;
    let memory = free_memory(row);
    let line = format!(
        "{:<width$}  {:<11} {:>4} {:>4} {:>4} {:>7} {:>4} {memory:>16}  {}",
        shown(row.name(), WIDEST_NAME),
        row.state.as_str(),
        counts.gpus.free,
        counts.gpus.held,
        counts.gpus.busy,
        counts.gpus.unknown,
        counts.mig.free,
        shown(&remark(row), WIDEST_REMARK),
    );
    writeln!(text, "{}", line.trim_end())
}

/// Free memory of a host that is `ok`; the last known one of others is nobody's to use.
fn free_memory(row: &HostRow) -> String {
    if row.state != HostState::Ok {
        return "-".into();
    }
    let sums = row.report.as_ref().and_then(|report| report.counts);
    let known: Vec<u64> = row.gpus().iter().filter_map(|gpu| gpu.memory_free_bytes).collect();
    let bytes = match sums {
        Some(sums) => sums.memory_free_bytes,
        None => (!known.is_empty()).then(|| known.into_iter().fold(0, u64::saturating_add)),
    };
    bytes.map_or_else(|| "-".into(), |bytes| format!("{} GiB free", bytes >> 30))
}

/// The error of a host, else its worst problem.
fn remark(row: &HostRow) -> Cow<'_, str> {
    let error = row.error.as_deref().map(Cow::Borrowed);
    error.or_else(|| row.problems().into_iter().next()).unwrap_or_default()
}

fn shown(text: &str, width: usize) -> Cow<'_, str> {
    printable_in(text, width)
}
