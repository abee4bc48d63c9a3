//! Sums of a period as JSON and CSV.

use std::fmt::Write as _;

use http_server::auth::Scope;
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{Form, Rendered, question::AskedUsage};
use crate::{
    config::price::Price,
    usage::{Dimension, RowSums, UsageReport, UsageRow, UsageState},
    v1::csv::cell,
};

/// Version of the answer.
pub(super) const SCHEMA: u32 = 1;

/// Reason why nothing is stored, if there is no other.
const IN_MEMORY: &str = "There is no state directory (--state-dir): usage is kept in memory, for one day.";
/// Problems without the paths of files, for tokens that do not show people.
const UNWRITTEN: &str =
    "The usage file cannot be written; the log has the reason. Usage is kept in memory for one day.";
const UNUSABLE: &str = "The usage file cannot be used; the log has the reason. Usage is kept in memory, for one day.";

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    since: u64,
    until: u64,
    tz: &'a str,
    by: Vec<&'static str>,
    persistent: bool,
    people: bool,
    note: Option<&'a str>,
    price_gpu_hour: Option<&'a Price>,
    devices: u64,
    device_seconds: f64,
    edge_seconds: f64,
    rows: Vec<Row<'a>>,
    free_gpu_seconds: f64,
    unknown_gpu_seconds: f64,
    unassigned_gpu_seconds: f64,
    unobserved_gpu_seconds: f64,
    energy_joules: f64,
}

/// A row: a key per dimension, then the sums.
struct Row<'a> {
    by: &'a [Dimension],
    row: &'a UsageRow,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (at, dimension) in self.by.iter().enumerate() {
            let key = self.row.keys.get(at).and_then(Option::as_deref);
            match dimension {
                Dimension::Gpu => {
                    map.serialize_entry("gpu", &self.row.gpu_index)?;
                    map.serialize_entry("uuid", &key)?;
                }
                Dimension::HourOfDay => {
                    map.serialize_entry(dimension.name(), &key.and_then(|hour| hour.parse::<u32>().ok()))?;
                }
                _ => map.serialize_entry(dimension.name(), &key)?,
            }
        }
        for (name, sum) in sums(&self.row.sums) {
            map.serialize_entry(name, &sum)?;
        }
        map.serialize_entry("sessions", &self.row.sessions)?;
        map.end()
    }
}

/// A sum as it is shown.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum Sum {
    Number(Option<f64>),
    Whole(u64),
}

/// Sums of a row or session, by name.
pub(super) fn sums(sums: &RowSums) -> [(&'static str, Sum); 8] {
    let number = |value| Sum::Number(Some(value));
    [
        ("gpu_seconds", number(sums.gpu_seconds)),
        ("present_gpu_seconds", number(sums.present_gpu_seconds)),
        ("busy_gpu_seconds", Sum::Number(sums.busy_gpu_seconds)),
        ("idle_gpu_seconds", Sum::Number(sums.idle_gpu_seconds)),
        ("allocated_gpu_seconds", Sum::Number(sums.allocated_gpu_seconds)),
        ("memory_byte_seconds", number(sums.memory_byte_seconds)),
        ("peak_memory_bytes", Sum::Whole(sums.peak_memory_bytes)),
        ("energy_joules", number(sums.energy_joules)),
    ]
}

/// Appends a cell per sum, each after a comma.
pub(super) fn cells(text: &mut String, row: &RowSums) {
    for (_, sum) in sums(row) {
        text.push(',');
        // Writing to a string cannot fail.
        let _ = match sum {
            Sum::Number(Some(number)) => write!(text, "{number}"),
            Sum::Number(None) => Ok(()),
            Sum::Whole(number) => write!(text, "{number}"),
        };
    }
}

/// Appends the names of the sums, each after a comma.
pub(super) fn header(text: &mut String) {
    for (name, _) in sums(&RowSums::default()) {
        text.push(',');
        text.push_str(name);
    }
}

/// Problem of the store.
fn note(state: &UsageState, scope: Scope) -> Option<&str> {
    match &state.problem {
        Some(problem) if scope.sees_people() => Some(problem),
        Some(_) if state.persistent => Some(UNWRITTEN),
        Some(_) => Some(UNUSABLE),
        None if state.persistent => None,
        None => Some(IN_MEMORY),
    }
}

/// Facts of an answer besides the report.
pub(super) struct Context {
    pub(super) state: UsageState,
    pub(super) price: Option<Price>,
    pub(super) scope: Scope,
}

pub(super) fn render(asked: &AskedUsage, report: &UsageReport, context: &Context) -> Rendered {
    let body = match asked.form {
        Form::Json => json(asked, report, context).into(),
        Form::Csv => csv(&asked.query.by, &report.rows).into(),
    };
    Rendered { form: asked.form, body, next: None }
}

fn json(asked: &AskedUsage, report: &UsageReport, Context { state, price, scope }: &Context) -> String {
    let by = &asked.query.by;
    let whole = Whole {
        schema: SCHEMA,
        since: asked.query.since_ms,
        until: asked.query.until_ms,
        tz: &asked.tz,
        by: by.iter().map(|dimension| dimension.name()).collect(),
        persistent: state.persistent,
        people: state.people,
        note: note(state, *scope),
        price_gpu_hour: price.as_ref(),
        devices: report.devices,
        device_seconds: report.device_seconds,
        edge_seconds: report.edge_seconds,
        rows: report.rows.iter().map(|row| Row { by, row }).collect(),
        free_gpu_seconds: report.free_seconds,
        unknown_gpu_seconds: report.unknown_seconds,
        unassigned_gpu_seconds: report.unassigned_seconds,
        unobserved_gpu_seconds: report.unobserved_seconds,
        energy_joules: report.energy_joules,
    };
    // Text and numbers, which JSON can represent.
    serde_json::to_string(&whole).unwrap_or_default()
}

fn csv(by: &[Dimension], rows: &[UsageRow]) -> String {
    let mut text = String::with_capacity(256 + rows.len() * 120);
    for dimension in by {
        text.push_str(dimension.name());
        text.push_str(if *dimension == Dimension::Gpu { ",uuid," } else { "," });
    }
    let mut names = String::new();
    header(&mut names);
    text.push_str(names.trim_start_matches(','));
    text.push_str(",sessions\r\n");
    for row in rows {
        let mut line = String::new();
        for (at, dimension) in by.iter().enumerate() {
            let key = row.keys.get(at).and_then(Option::as_deref).unwrap_or_default();
            if *dimension == Dimension::Gpu {
                line.push(',');
                line.push_str(&row.gpu_index.map(|index| index.to_string()).unwrap_or_default());
            }
            line.push(',');
            line.push_str(&cell(key));
        }
        cells(&mut line, &row.sums);
        let _ = write!(line, ",{}\r\n", row.sessions);
        // Each cell comes after a comma, the first too.
        text.push_str(line.get(1..).unwrap_or_default());
    }
    text
}
