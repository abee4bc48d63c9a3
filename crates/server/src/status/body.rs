//! The bodies of `/status` and `/count` for one snapshot: rendered once, and cut into parts for filtered responses.

use std::ops::Range;

use bytes::Bytes;
use http_server::{Body, Response};
use hyper::StatusCode;
use serde::Serialize;
use telemetry::snapshot::{Gpu, ProcessKind};

use http_server::{auth::Scope, body::BodyParts, response};

use crate::{
    config::commands::Commands,
    status::{
        error,
        query::{self, Filter, QueryError, StatusQuery},
        row::{self, DeviceRow, Merged, ProcessRow},
    },
};

const BETWEEN: &[u8] = b"],\"processes\":[";
const END: &[u8] = b"]}}";

/// Approximate sizes, in bytes.
const CAPACITY: usize = 128;
const CAPACITY_PER_GPU: usize = 320;
const CAPACITY_PER_PROCESS: usize = 192;

/// Rendered rows. Everything except `count` is a slice of `whole`, or of a copy of some of its rows.
#[derive(Debug)]
pub(crate) struct Rendered {
    count: Bytes,
    whole: Bytes,
    /// The bytes before the devices.
    head: Bytes,
    gpus: Vec<GpuRows>,
}

/// One GPU's rows, each list separated by commas.
#[derive(Debug)]
struct GpuRows {
    device: Bytes,
    processes: Bytes,
    compute: Bytes,
    graphics: Bytes,
}

impl Rendered {
    /// Renders the rows of these GPUs.
    pub(crate) fn new(gpus: &[Gpu], scope: Scope, commands: Commands) -> serde_json::Result<Self> {
        let processes: usize = gpus.iter().map(|gpu| gpu.processes.len()).sum();
        let mut text = Vec::with_capacity(CAPACITY + gpus.len() * CAPACITY_PER_GPU + processes * CAPACITY_PER_PROCESS);
        text.extend_from_slice(format!(r#"{{"code":0,"data":{{"count":{},"devices":["#, gpus.len()).as_bytes());
        let head = text.len();
        let devices = write_devices(gpus, List::begin(&mut text))?;
        text.extend_from_slice(BETWEEN);
        let processes = write_processes(gpus, scope, commands, List::begin(&mut text))?;
        text.extend_from_slice(END);
        let whole = Bytes::from(text);
        let cut = |(device, rows): (Range<usize>, Vec<Row>)| GpuRows {
            device: whole.slice(device),
            processes: kept(&whole, &rows, |_| true),
            compute: kept(&whole, &rows, ProcessKind::computes),
            graphics: kept(&whole, &rows, ProcessKind::draws),
        };
        Ok(Self {
            count: format!(r#"{{"code":0,"data":{}}}"#, gpus.len()).into(),
            head: whole.slice(..head),
            gpus: devices.into_iter().zip(processes).map(cut).collect(),
            whole,
        })
    }

    /// Answers `/count`.
    pub(crate) fn count(&self) -> Response {
        response::json(StatusCode::OK, self.count.clone())
    }

    /// Answers `/status` with a query; an empty one selects everything.
    pub(crate) fn status(&self, query: &str) -> Response {
        if query.is_empty() {
            return response::json(StatusCode::OK, self.whole.clone());
        }
        match query::parse(query, self.gpus.len()) {
            Ok(StatusQuery { gpus: None, processes: Filter::All }) => {
                response::json(StatusCode::OK, self.whole.clone())
            }
            Ok(wanted) => response::json_body(StatusCode::OK, self.part(&wanted)),
            Err(QueryError::Index) => error::invalid_index(),
            Err(QueryError::Process) => error::invalid_process(),
        }
    }

    fn part(&self, wanted: &StatusQuery) -> Body {
        let gpus: Vec<&GpuRows> = match &wanted.gpus {
            None => self.gpus.iter().collect(),
            Some(indices) => indices.iter().filter_map(|index| self.gpus.get(*index)).collect(),
        };
        let mut pieces = BodyParts::default();
        pieces.push(&self.head);
        push_list(&mut pieces, gpus.iter().map(|rows| &rows.device));
        pieces.push(&Bytes::from_static(BETWEEN));
        push_list(&mut pieces, gpus.iter().filter_map(|rows| rows.kept(wanted.processes)));
        pieces.push(&Bytes::from_static(END));
        pieces.into_body()
    }
}

impl GpuRows {
    fn kept(&self, filter: Filter) -> Option<&Bytes> {
        match filter {
            Filter::All => Some(&self.processes),
            Filter::Compute => Some(&self.compute),
            Filter::Graphics => Some(&self.graphics),
            Filter::Nothing => None,
        }
    }
}

/// Appends parts separated by commas; empty ones are skipped.
fn push_list<'a>(pieces: &mut BodyParts, parts: impl Iterator<Item = &'a Bytes>) {
    for (position, part) in parts.filter(|part| !part.is_empty()).enumerate() {
        if position > 0 {
            pieces.push(&Bytes::from_static(b","));
        }
        pieces.push(part);
    }
}

/// The position of a process row, and its kind for the filter.
struct Row {
    at: Range<usize>,
    kind: ProcessKind,
}

/// A JSON array that is being written.
struct List<'a> {
    text: &'a mut Vec<u8>,
    begins: usize,
}

impl<'a> List<'a> {
    fn begin(text: &'a mut Vec<u8>) -> Self {
        Self { begins: text.len(), text }
    }

    /// Writes a row and returns its position.
    fn push(&mut self, row: &impl Serialize) -> serde_json::Result<Range<usize>> {
        if self.text.len() > self.begins {
            self.text.push(b',');
        }
        let start = self.text.len();
        serde_json::to_writer(&mut *self.text, row)?;
        Ok(start..self.text.len())
    }
}

fn write_devices(gpus: &[Gpu], mut list: List<'_>) -> serde_json::Result<Vec<Range<usize>>> {
    gpus.iter().enumerate().map(|(idx, gpu)| list.push(&DeviceRow::new(idx, gpu))).collect()
}

fn write_processes(
    gpus: &[Gpu],
    scope: Scope,
    commands: Commands,
    mut list: List<'_>,
) -> serde_json::Result<Vec<Vec<Row>>> {
    let mut write = |(idx, gpu): (usize, &Gpu)| {
        let row = |merged: &Merged<'_>| {
            Ok(Row { at: list.push(&ProcessRow::new(idx, merged, scope, commands))?, kind: merged.kind })
        };
        row::by_pid(&gpu.processes).iter().map(row).collect()
    };
    gpus.iter().enumerate().map(&mut write).collect()
}

/// One GPU's rows of the selected kinds: a slice of the whole if all are selected, otherwise a copy.
fn kept(whole: &Bytes, rows: &[Row], keep: impl Fn(ProcessKind) -> bool) -> Bytes {
    let kept: Vec<&Row> = rows.iter().filter(|row| keep(row.kind)).collect();
    match kept.as_slice() {
        [first, .., last] if kept.len() == rows.len() => whole.slice(first.at.start..last.at.end),
        [only] => whole.slice(only.at.clone()),
        several => several.iter().map(|row| &whole[row.at.clone()]).collect::<Vec<_>>().join(&b","[..]).into(),
    }
}
