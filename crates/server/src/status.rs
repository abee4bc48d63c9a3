//! `/status` and `/count`: rendered whole once per snapshot, and cut into the parts of which every other answer is
//! put together.

use std::ops::Range;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use telemetry::snapshot::{CollectorState, Gpu, ProcessKind, Snapshot};

use crate::{
    answer, envelope,
    pieces::Pieces,
    query::{self, Filter, QueryError, StatusQuery},
    rows::{self, DeviceRow, ProcessRow},
};

/// What is said while the collector has not read anything yet.
const STARTING: &str = "Collector Starting";

const BETWEEN: &[u8] = b"],\"processes\":[";
const END: &[u8] = b"]}}";

/// Both answers for one snapshot.
#[derive(Debug)]
pub struct StatusView(Outcome);

#[derive(Debug)]
enum Outcome {
    /// The driver cannot be read; the body says why.
    Failed(Bytes),
    Read(Rendered),
}

/// Everything but `count` is a part of `whole`, or of a copy of some of its rows.
#[derive(Debug)]
struct Rendered {
    count: Bytes,
    whole: Bytes,
    /// From the beginning to where the devices begin.
    head: Bytes,
    gpus: Vec<GpuRows>,
}

/// One GPU's rows, each list with commas between its rows.
#[derive(Debug)]
struct GpuRows {
    device: Bytes,
    processes: Bytes,
    compute: Bytes,
    graphics: Bytes,
}

impl StatusView {
    /// Renders a snapshot.
    #[must_use]
    pub fn render(snapshot: &Snapshot) -> Self {
        let outcome = match &snapshot.collector.state {
            CollectorState::NoDriver { text } => envelope::driver_failure(text).map(Outcome::Failed),
            CollectorState::Starting => envelope::driver_failure(STARTING).map(Outcome::Failed),
            CollectorState::Ok | CollectorState::Stalled | CollectorState::Restarting => {
                render(&snapshot.gpus).map(Outcome::Read)
            }
        };
        Self(outcome.unwrap_or_else(|error| {
            // Rows hold nothing that JSON cannot, and memory cannot fail to be written to.
            tracing::error!(%error, "the status cannot be rendered");
            Outcome::Failed(envelope::internal_body())
        }))
    }

    /// Answers `/count`.
    pub(crate) fn count(&self) -> Response {
        match &self.0 {
            Outcome::Failed(body) => failed(body),
            Outcome::Read(rendered) => answer::json(StatusCode::OK, rendered.count.clone()),
        }
    }

    /// Answers `/status` with that query.
    pub(crate) fn status(&self, query: Option<&str>) -> Response {
        match &self.0 {
            Outcome::Failed(body) => failed(body),
            Outcome::Read(rendered) => rendered.status(query.unwrap_or_default()),
        }
    }
}

fn failed(body: &Bytes) -> Response {
    answer::json(StatusCode::INTERNAL_SERVER_ERROR, body.clone())
}

impl Rendered {
    fn status(&self, query: &str) -> Response {
        if query.is_empty() {
            return answer::json(StatusCode::OK, self.whole.clone());
        }
        match query::parse(query, self.gpus.len()) {
            Ok(StatusQuery { gpus: None, processes: Filter::All }) => answer::json(StatusCode::OK, self.whole.clone()),
            Ok(wanted) => answer::json_body(StatusCode::OK, self.part(&wanted)),
            Err(QueryError::Index) => envelope::invalid_index(),
            Err(QueryError::Process) => envelope::invalid_process(),
        }
    }

    fn part(&self, wanted: &StatusQuery) -> Body {
        let gpus: Vec<&GpuRows> = match &wanted.gpus {
            None => self.gpus.iter().collect(),
            Some(indices) => indices.iter().filter_map(|index| self.gpus.get(*index)).collect(),
        };
        let mut pieces = Pieces::default();
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

/// The parts with commas between them; empty ones leave no comma.
fn push_list<'a>(pieces: &mut Pieces, parts: impl Iterator<Item = &'a Bytes>) {
    for (position, part) in parts.filter(|part| !part.is_empty()).enumerate() {
        if position > 0 {
            pieces.push(&Bytes::from_static(b","));
        }
        pieces.push(part);
    }
}

fn render(gpus: &[Gpu]) -> serde_json::Result<Rendered> {
    let mut text = format!(r#"{{"code":0,"data":{{"count":{},"devices":["#, gpus.len()).into_bytes();
    let head = 0..text.len();
    let devices = list(&mut text, gpus.iter().enumerate().map(|(idx, gpu)| (DeviceRow::new(idx, gpu), ())))?;
    text.extend_from_slice(BETWEEN);
    let processes = gpus.iter().enumerate().flat_map(|(idx, gpu)| {
        rows::by_pid(&gpu.processes)
            .into_iter()
            .map(move |merged| (ProcessRow::new(idx, &merged), Row { idx, kind: merged.kind }))
    });
    let processes = list(&mut text, processes)?;
    text.extend_from_slice(END);
    let whole = Bytes::from(text);
    let of_gpu = processes.chunk_by(|one, other| one.1.idx == other.1.idx);
    let mut of_gpu = of_gpu.peekable();
    let gpu_rows = devices.into_iter().enumerate().map(|(idx, (device, ()))| {
        let rows = of_gpu.next_if(|rows| rows.first().is_some_and(|row| row.1.idx == idx)).unwrap_or_default();
        GpuRows {
            device: whole.slice(device),
            processes: kept(&whole, rows, |_| true),
            compute: kept(&whole, rows, ProcessKind::computes),
            graphics: kept(&whole, rows, ProcessKind::draws),
        }
    });
    let gpus: Vec<GpuRows> = gpu_rows.collect();
    let count = format!(r#"{{"code":0,"data":{}}}"#, gpus.len()).into();
    Ok(Rendered { count, head: whole.slice(head), whole, gpus })
}

/// What is remembered of a process row, beside where it stands.
struct Row {
    idx: usize,
    kind: ProcessKind,
}

/// Writes rows with commas between them, and tells where each stands.
fn list<R: Serialize, T>(
    text: &mut Vec<u8>,
    rows: impl Iterator<Item = (R, T)>,
) -> serde_json::Result<Vec<(Range<usize>, T)>> {
    let mut written = Vec::new();
    for (row, tag) in rows {
        if !written.is_empty() {
            text.push(b',');
        }
        let start = text.len();
        serde_json::to_writer(&mut *text, &row)?;
        written.push((start..text.len(), tag));
    }
    Ok(written)
}

/// One GPU's rows of the kinds that are kept: a part of the whole if all are, else a copy.
fn kept(whole: &Bytes, rows: &[(Range<usize>, Row)], keep: impl Fn(ProcessKind) -> bool) -> Bytes {
    let kept: Vec<&Range<usize>> = rows.iter().filter(|row| keep(row.1.kind)).map(|row| &row.0).collect();
    match kept.as_slice() {
        [] => Bytes::new(),
        [first, .., last] if kept.len() == rows.len() => whole.slice(first.start..last.end),
        several => several.iter().map(|range| &whole[(*range).clone()]).collect::<Vec<_>>().join(&b","[..]).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use telemetry::snapshot::Process;

    fn body(response: Response) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bytes = runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn data(view: &StatusView, query: &str) -> Value {
        let value: Value = serde_json::from_str(&body(view.status(Some(query)))).unwrap();
        assert_eq!(value["code"], 0, "{query}: {value}");
        value["data"].clone()
    }

    /// GPU 0: a compute and a graphics process; 1: none; 2: one that is both, and a compute one.
    fn view() -> StatusView {
        let process = |pid, kind| Process { kind, ..host::process(pid) };
        let mut gpus: Vec<Gpu> = (0..3).map(host::gpu).collect();
        gpus[0].processes = vec![process(10, ProcessKind::Compute), process(11, ProcessKind::Graphics)];
        gpus[2].processes = vec![process(10, ProcessKind::Both), process(12, ProcessKind::Compute)];
        StatusView::render(&host::snapshot(CollectorState::Ok, gpus))
    }

    fn shown(data: &Value) -> (Vec<u64>, Vec<(u64, u64)>) {
        let number = |row: &Value, key: &str| row[key].as_u64().unwrap();
        let devices = data["devices"].as_array().unwrap().iter().map(|row| number(row, "idx")).collect();
        let rows = data["processes"].as_array().unwrap();
        (devices, rows.iter().map(|row| (number(row, "idx"), number(row, "pid"))).collect())
    }

    #[test]
    fn every_answer_is_cut_from_the_whole() {
        let view = view();
        for (query, devices, processes) in [
            ("", vec![0, 1, 2], vec![(0, 10), (0, 11), (2, 10), (2, 12)]),
            ("_=1", vec![0, 1, 2], vec![(0, 10), (0, 11), (2, 10), (2, 12)]),
            ("idx=2,0", vec![2, 0], vec![(2, 10), (2, 12), (0, 10), (0, 11)]),
            ("idx=1,0,0", vec![1, 0, 0], vec![(0, 10), (0, 11), (0, 10), (0, 11)]),
            ("idx=1", vec![1], vec![]),
            ("process=C", vec![0, 1, 2], vec![(0, 10), (2, 10), (2, 12)]),
            ("process=G", vec![0, 1, 2], vec![(0, 11), (2, 10)]),
            ("process=NA", vec![0, 1, 2], vec![]),
            ("idx=2&process=G", vec![2], vec![(2, 10)]),
            ("idx=0,1,2&process=", vec![0, 1, 2], vec![(0, 10), (0, 11), (2, 10), (2, 12)]),
        ] {
            let data = data(&view, query);
            assert_eq!(data["count"], 3);
            assert_eq!(shown(&data), (devices, processes), "{query}");
        }
        assert_eq!(body(view.status(Some("idx=0,1,2"))), body(view.status(None)));
    }

    #[test]
    fn one_process_alone_is_kept_and_filtered() {
        let mut gpu = host::gpu(0);
        gpu.processes = vec![host::process(5)];
        let view = StatusView::render(&host::snapshot(CollectorState::Ok, vec![gpu]));
        assert_eq!(shown(&data(&view, "idx=0&process=C")).1, [(0, 5)]);
        assert_eq!(shown(&data(&view, "idx=0&process=G")).1, []);
        assert_eq!(body(view.status(Some("idx=0"))), body(view.status(None)));
    }

    #[test]
    fn no_gpu_is_an_answer() {
        let view = StatusView::render(&host::snapshot(CollectorState::Ok, vec![]));
        assert_eq!(body(view.status(None)), r#"{"code":0,"data":{"count":0,"devices":[],"processes":[]}}"#);
        assert_eq!(body(view.status(Some("process=C"))), body(view.status(None)));
        assert_eq!(body(view.count()), r#"{"code":0,"data":0}"#);
        assert_eq!(view.status(Some("idx=0")).status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn the_last_rows_are_shown_while_nothing_is_read() {
        for state in [CollectorState::Ok, CollectorState::Stalled, CollectorState::Restarting] {
            let view = StatusView::render(&host::snapshot(state, vec![host::gpu(0)]));
            assert_eq!(view.status(None).status(), StatusCode::OK);
            assert_eq!(body(view.count()), r#"{"code":0,"data":1}"#);
        }
    }

    #[test]
    fn without_a_driver_every_answer_is_its_text() {
        let no_driver = CollectorState::NoDriver { text: "Driver Not Loaded".into() };
        for (state, text) in [(no_driver, "Driver Not Loaded"), (CollectorState::Starting, "Collector Starting")] {
            // Even with rows of the past at hand, and before the query is looked at.
            let view = StatusView::render(&host::snapshot(state, vec![host::gpu(0)]));
            for response in [view.count(), view.status(None), view.status(Some("idx=a"))] {
                assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
                let value: Value = serde_json::from_str(&body(response)).unwrap();
                assert_eq!(value, json!({"code": 2, "data": null, "error": text}));
            }
        }
    }

    #[test]
    fn a_position_is_the_index_whatever_nvml_said() {
        let view = StatusView::render(&host::snapshot(CollectorState::Ok, vec![host::gpu(4), host::gpu(9)]));
        assert_eq!(shown(&data(&view, "")).0, [0, 1]);
    }
}
