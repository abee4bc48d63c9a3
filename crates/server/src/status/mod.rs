//! `/status` and `/count` in each state of the collector.

mod body;
mod error;
mod number;
mod query;
mod row;

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use telemetry::snapshot::{CollectorState, Snapshot};

use http_server::{Response, auth::Scope, response};

use crate::{
    config::commands::Commands,
    store::cache::{CacheKey, Demand, RenderCache},
};
use body::Rendered;

/// Error while the collector has not read anything yet.
const STARTING: &str = "Collector Starting";
/// Errors while the collector is stalled or restarted before it has read anything: no GPU was counted, which is not
/// none.
const STALLED: &str = "Collector Stalled";
const RESTARTING: &str = "Collector Restarting";
/// Error while the driver is released.
const RELEASED: &str = "Released by the Administrator";

/// Both responses for one snapshot.
#[derive(Debug)]
pub struct StatusView(Outcome);

#[derive(Debug)]
enum Outcome {
    /// The driver cannot be read; the body has the reason.
    Failed(Bytes),
    Read(Rendered),
}

impl StatusView {
    /// Renders a snapshot for a scope.
    #[must_use]
    pub fn render(snapshot: &Snapshot, scope: Scope, commands: Commands) -> Self {
        let outcome = match &snapshot.collector.state {
            CollectorState::NoDriver { text } => error::driver_failure(text).map(Outcome::Failed),
            CollectorState::Starting => error::driver_failure(STARTING).map(Outcome::Failed),
            CollectorState::Released => error::driver_failure(RELEASED).map(Outcome::Failed),
            CollectorState::Stalled if !snapshot.has_counted() => error::driver_failure(STALLED).map(Outcome::Failed),
            CollectorState::Restarting if !snapshot.has_counted() => {
                error::driver_failure(RESTARTING).map(Outcome::Failed)
            }
            CollectorState::Ok | CollectorState::Stalled | CollectorState::Restarting => {
                Rendered::new(&snapshot.gpus, scope, commands).map(Outcome::Read)
            }
        };
        Self(outcome.unwrap_or_else(|error| {
            // Rows hold nothing that JSON cannot represent, and writing to memory does not fail.
            tracing::error!(%error, "cannot render /status");
            Outcome::Failed(error::internal_body())
        }))
    }

    /// Answers `/count`.
    pub(crate) fn count(&self) -> Response {
        match &self.0 {
            Outcome::Failed(body) => failed(body),
            Outcome::Read(rendered) => rendered.count(),
        }
    }

    /// Answers `/status` with a query.
    pub(crate) fn status(&self, query: Option<&str>) -> Response {
        match &self.0 {
            Outcome::Failed(body) => failed(body),
            Outcome::Read(rendered) => rendered.status(query.unwrap_or_default()),
        }
    }
}

/// Time for which a view stays in demand.
pub(crate) const KEEP_MS: u64 = 60_000;

/// The view of clients who see people, or who do not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatusKey {
    people: bool,
}

impl CacheKey for StatusKey {
    const COUNT: usize = 2;

    fn index(self) -> usize {
        usize::from(self.people)
    }

    fn all() -> impl Iterator<Item = Self> {
        [false, true].into_iter().map(|people| Self { people })
    }
}

/// `/status` and `/count` of one snapshot, rendered ahead while they are in demand.
#[derive(Debug)]
pub(crate) struct StatusViews {
    cache: RenderCache<StatusKey, StatusView>,
    commands: Commands,
}

impl StatusViews {
    pub(crate) fn render(snapshot: &Snapshot, commands: Commands, demand: &Arc<Demand<StatusKey>>) -> Self {
        let views = Self { cache: RenderCache::new(demand), commands };
        for key in views.cache.in_demand(snapshot.at.boot) {
            views.get(snapshot, key);
        }
        views
    }

    /// The view of a scope, of the snapshot that this was rendered from.
    pub(crate) fn of(&self, scope: Scope, snapshot: &Snapshot) -> &StatusView {
        let key = StatusKey { people: scope.sees_people() };
        self.cache.note(key, snapshot.at.boot);
        self.get(snapshot, key)
    }

    fn get(&self, snapshot: &Snapshot, key: StatusKey) -> &StatusView {
        let scope = if key.people { Scope::Read } else { Scope::Summary };
        self.cache.get(key, || StatusView::render(snapshot, scope, self.commands))
    }
}

fn failed(body: &Bytes) -> Response {
    response::json(StatusCode::INTERNAL_SERVER_ERROR, body.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use telemetry::snapshot::{Gpu, Process, ProcessKind};

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
        StatusView::render(&host::snapshot(CollectorState::Ok, gpus), Scope::Read, Commands::Full)
    }

    fn shown(data: &Value) -> (Vec<u64>, Vec<(u64, u64)>) {
        let number = |row: &Value, key: &str| row[key].as_u64().unwrap();
        let devices = data["devices"].as_array().unwrap().iter().map(|row| number(row, "idx")).collect();
        let rows = data["processes"].as_array().unwrap();
        (devices, rows.iter().map(|row| (number(row, "idx"), number(row, "pid"))).collect())
    }

    #[test]
    fn filtered_answers_are_cut_from_whole() {
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
    fn single_process_is_filtered() {
        let mut gpu = host::gpu(0);
        gpu.processes = vec![host::process(5)];
        let view = StatusView::render(&host::snapshot(CollectorState::Ok, vec![gpu]), Scope::Read, Commands::Full);
        assert_eq!(shown(&data(&view, "idx=0&process=C")).1, [(0, 5)]);
        assert_eq!(shown(&data(&view, "idx=0&process=G")).1, []);
        assert_eq!(body(view.status(Some("idx=0"))), body(view.status(None)));
    }

    #[test]
    fn host_without_gpu_has_answer() {
        let view = StatusView::render(&host::snapshot(CollectorState::Ok, vec![]), Scope::Read, Commands::Full);
        assert_eq!(body(view.status(None)), r#"{"code":0,"data":{"count":0,"devices":[],"processes":[]}}"#);
        assert_eq!(body(view.status(Some("process=C"))), body(view.status(None)));
        assert_eq!(body(view.count()), r#"{"code":0,"data":0}"#);
        assert_eq!(view.status(Some("idx=0")).status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn last_rows_shown_while_unread() {
        for state in [CollectorState::Ok, CollectorState::Stalled, CollectorState::Restarting] {
            let view = StatusView::render(&host::snapshot(state, vec![host::gpu(0)]), Scope::Read, Commands::Full);
            assert_eq!(view.status(None).status(), StatusCode::OK);
            assert_eq!(body(view.count()), r#"{"code":0,"data":1}"#);
        }
    }

    #[test]
    fn uncounted_gpus_are_not_none() {
        for (state, text) in
            [(CollectorState::Stalled, "Collector Stalled"), (CollectorState::Restarting, "Collector Restarting")]
        {
            let view = StatusView::render(&host::snapshot(state, vec![]), Scope::Read, Commands::Full);
            for response in [view.count(), view.status(None)] {
                let value: Value = serde_json::from_str(&body(response)).unwrap();
                assert_eq!(value, json!({"code": 2, "data": null, "error": text}));
            }
        }
    }

    #[test]
    fn driver_error_text_in_every_answer() {
        let no_driver = CollectorState::NoDriver { text: "Driver Not Loaded".into() };
        for (state, text) in [
            (no_driver, "Driver Not Loaded"),
            (CollectorState::Starting, "Collector Starting"),
            (CollectorState::Released, "Released by the Administrator"),
        ] {
            // Even with earlier rows available, and before the query is parsed.
            let view = StatusView::render(&host::snapshot(state, vec![host::gpu(0)]), Scope::Read, Commands::Full);
            for response in [view.count(), view.status(None), view.status(Some("idx=a"))] {
                assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
                let value: Value = serde_json::from_str(&body(response)).unwrap();
                assert_eq!(value, json!({"code": 2, "data": null, "error": text}));
            }
        }
    }

    #[test]
    fn row_index_is_position() {
        let view = StatusView::render(
            &host::snapshot(CollectorState::Ok, vec![host::gpu(4), host::gpu(9)]),
            Scope::Read,
            Commands::Full,
        );
        assert_eq!(shown(&data(&view, "")).0, [0, 1]);
    }
}
