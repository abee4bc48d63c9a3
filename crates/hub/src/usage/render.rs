//! Sums as JSON and CSV.

use std::fmt::Write as _;

use http_server::{Response, gzip, response};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use server::{Dimension, FleetKey, FleetQuestion, csv_cell};

use super::{
    answer::Price,
    sums::{Collected, Key, Missing, Note, Sum, Sums},
};

#[derive(Serialize)]
struct Rendered<'a> {
    schema: u32,
    at: u64,
    since: u64,
    until: u64,
    tz: &'a str,
    by: Vec<&'static str>,
    source: &'static str,
    hosts: usize,
    missing: &'a [Missing],
    persistent: Option<bool>,
    people: Option<bool>,
    notes: &'a [Note],
    price_gpu_hour: Option<&'a Price>,
    devices: Option<u64>,
    device_seconds: Option<f64>,
    edge_seconds: Option<f64>,
    rows: Vec<Row<'a>>,
    free_gpu_seconds: Option<f64>,
    unknown_gpu_seconds: Option<f64>,
    unassigned_gpu_seconds: Option<f64>,
    unobserved_gpu_seconds: Option<f64>,
    energy_joules: Option<f64>,
}

/// A row: a value per key, then the sums.
struct Row<'a> {
    by: &'a [FleetKey],
    keys: &'a [Key],
    sums: &'a Sums,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (key, value) in self.by.iter().zip(self.keys) {
            match value {
                Key::Unknown => map.serialize_entry(key.name(), &None::<&str>)?,
                Key::Text(text) => map.serialize_entry(key.name(), text)?,
                Key::Hour(hour) => map.serialize_entry(key.name(), hour)?,
                Key::Gpu(index, uuid) => {
                    map.serialize_entry(key.name(), index)?;
                    map.serialize_entry("uuid", uuid)?;
                }
            }
        }
        for (name, sum) in self.sums.named() {
            map.serialize_entry(name, &sum)?;
        }
        map.end()
    }
}

/// The response, compressed if the client accepts it.
pub(super) fn response(question: &FleetQuestion, collected: &Collected, at: u64, gzip: bool) -> Response {
    let body = if question.is_csv { csv(question, collected) } else { json(question, collected, at) };
    let packed = if gzip { gzip::compress(body.as_bytes()) } else { None };
    let is_packed = packed.is_some();
    let response = response::negotiated(packed.unwrap_or_else(|| body.into()), is_packed);
    if question.is_csv { response::as_csv(response) } else { response }
}

fn json(question: &FleetQuestion, collected: &Collected, at: u64) -> String {
    let by = &question.by;
    let whole = &collected.whole;
    let rows = collected.sorted().into_iter().map(|(keys, sums)| Row { by, keys, sums });
    // An engine does not know devices, nor how hosts keep usage.
    let is_known = !collected.is_of_engine;
    let known = |value: f64| is_known.then_some(value);
    let rendered = Rendered {
        schema: 1,
        at,
        since: question.since_ms,
        until: question.until_ms,
        tz: &question.tz,
        by: by.iter().map(|key| key.name()).collect(),
        source: if collected.is_of_engine { "engine" } else { "agents" },
        hosts: collected.hosts,
        missing: &collected.missing,
        persistent: is_known.then_some(collected.persistent),
        people: is_known.then_some(collected.people),
        notes: &collected.notes,
        price_gpu_hour: collected.price(),
        devices: is_known.then_some(whole.devices),
        device_seconds: known(whole.device_seconds),
        edge_seconds: known(whole.edge_seconds),
        rows: rows.collect(),
        free_gpu_seconds: known(whole.free_gpu_seconds),
        unknown_gpu_seconds: known(whole.unknown_gpu_seconds),
        unassigned_gpu_seconds: known(whole.unassigned_gpu_seconds),
        unobserved_gpu_seconds: known(whole.unobserved_gpu_seconds),
        energy_joules: known(whole.energy_joules),
    };
    // Text and numbers, which JSON can represent.
    serde_json::to_string(&rendered).unwrap_or_default()
}

/// A line per row. If hosts are missing, each has a line of its own, in two more columns: nobody takes the sums for all.
fn csv(question: &FleetQuestion, collected: &Collected) -> String {
    let rows = collected.sorted();
    let mut text = String::with_capacity(256 + rows.len() * 120);
    let mut columns = 0;
    for key in &question.by {
        let is_gpu = key.dimension() == Some(Dimension::Gpu);
        text.push_str(key.name());
        text.push_str(if is_gpu { ",uuid," } else { "," });
        columns += 1 + usize::from(is_gpu);
    }
    let names = Sums::default().named().map(|(name, _)| name);
    text.push_str(&names.join(","));
    columns += names.len();
    let after = if collected.missing.is_empty() { "\r\n" } else { ",,\r\n" };
    text.push_str(if collected.missing.is_empty() { "\r\n" } else { ",missing_host,error\r\n" });
    for (keys, sums) in rows {
        line(&mut text, keys, sums);
        text.push_str(after);
    }
    for Missing { host, error } in &collected.missing {
        // A comma after each column, which is empty.
        text.extend(std::iter::repeat_n(',', columns));
        let _ = write!(text, "{},{}\r\n", csv_cell(host), csv_cell(error));
    }
    text
}

fn line(text: &mut String, keys: &[Key], sums: &Sums) {
    for key in keys {
        let _ = match key {
            Key::Unknown => write!(text, ","),
            Key::Text(name) => write!(text, "{},", csv_cell(name)),
            Key::Hour(hour) => write!(text, "{hour},"),
            Key::Gpu(index, uuid) => {
                let index = index.map(|index| index.to_string()).unwrap_or_default();
                write!(text, "{index},{},", csv_cell(uuid.as_deref().unwrap_or_default()))
            }
        };
    }
    for (at, (_, sum)) in sums.named().into_iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "," });
        let _ = match sum {
            Sum::Number(Some(number)) => write!(text, "{number}"),
            Sum::Whole(Some(number)) => write!(text, "{number}"),
            Sum::Number(None) | Sum::Whole(None) => Ok(()),
        };
    }
}
