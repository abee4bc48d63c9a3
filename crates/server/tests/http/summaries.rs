//! `/api/v1/stream?view=summary`: a summary for each change, and a short event otherwise.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use hyper::Request;
use serde_json::{Value, json};
use server::{App, Publisher, Response, ServerConfig, StreamPermits};
use telemetry::{
    BootTime, Stamp,
    fixtures::{self as host, NOW},
    snapshot::{CollectorState, Snapshot, UseVerdict},
};

struct Site {
    app: App,
    publisher: Publisher,
}

impl Site {
    fn new() -> Self {
        let publisher = Publisher::new(Stamp::default());
        let config = ServerConfig { streams: Arc::new(StreamPermits::new(9)), ..ServerConfig::default() };
        Self { app: App::new(config, publisher.subscribe()), publisher }
    }

    /// Publishes a snapshot of that second, with this much memory free.
    fn publish(&self, sequence: u64, free_bytes: u64) {
        let mut snapshot = snapshot(sequence);
        let memory = &mut snapshot.gpus[0].readings.memory;
        (memory.total_bytes, memory.free_bytes) = (Ok(1000), Ok(free_bytes));
        self.publisher.publish(snapshot);
    }

    async fn ask(&self, query: &str) -> Response {
        let request = Request::get(format!("/api/v1/stream?{query}")).body(()).unwrap();
        self.app.reply(None, &request).await
    }

    async fn open(&self) -> Response {
        let mut stream = self.ask("view=summary").await;
        assert_eq!(next(&mut stream).await, "retry: 2000\n");
        stream
    }
}

fn snapshot(sequence: u64) -> Snapshot {
    let at = Stamp { boot: BootTime(NOW.boot.0 + sequence * 1000), unix_ms: NOW.unix_ms + sequence * 1000 };
    let base = host::snapshot(CollectorState::Ok, vec![host::gpu(0)]);
    Snapshot { sequence, at, read_at: Some(Stamp { boot: BootTime(at.boot.0 - 40), ..at }), ..base }
}

async fn next(stream: &mut Response) -> String {
    let frame = stream.body_mut().frame().await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

/// Name and data of the next event.
async fn said(stream: &mut Response) -> (String, Value) {
    let text = next(stream).await;
    let (name, data) = text.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
    (name.into(), serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap())
}

/// Name of the next event, and the free memory or the time in it.
async fn number(stream: &mut Response) -> (String, u64) {
    let (name, data) = said(stream).await;
    let value = if name == "summary" { &data["gpus"][0]["memory_free_bytes"] } else { &data["sampled_at"] };
    (name, value.as_u64().unwrap())
}

fn summary(free_bytes: u64) -> (String, u64) {
    ("summary".into(), free_bytes)
}

fn alive(sequence: u64) -> (String, u64) {
    ("alive".into(), NOW.unix_ms + sequence * 1000)
}

#[tokio::test(start_paused = true)]
async fn summary_sent_when_it_has_news() {
    let site = Site::new();
    site.publish(1, 500);
    let mut stream = site.open().await;
    let (name, first) = said(&mut stream).await;
    let whole = Request::get("/api/v1/summary").body(()).unwrap();
    let whole = site.app.reply(None, &whole).await.into_body().collect().await.unwrap().to_bytes();
    assert_eq!((name.as_str(), &first), ("summary", &serde_json::from_slice(&whole).unwrap()));
    for (sequence, free, expected) in
        [(2, 509, alive(2)), (3, 510, summary(510)), (4, 501, alive(4)), (5, 500, summary(500)), (6, 500, alive(6))]
    {
        tokio::time::advance(Duration::from_secs(1)).await;
        site.publish(sequence, free);
        assert_eq!(number(&mut stream).await, expected, "{sequence}");
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut busy = snapshot(7);
    busy.gpus[0].usage.verdict = UseVerdict::Busy;
    site.publisher.publish(busy);
    assert_eq!(said(&mut stream).await.1["gpus"][0]["use"], "busy");
}

#[tokio::test(start_paused = true)]
async fn alive_has_times_alone() {
    let site = Site::new();
    site.publish(1, 500);
    let mut stream = site.open().await;
    said(&mut stream).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    site.publish(2, 500);
    let at = NOW.unix_ms + 2000;
    assert_eq!(said(&mut stream).await, ("alive".into(), json!({"sampled_at": at, "read_at": at, "age_ms": 40})));
    // No more than one in an interval.
    tokio::time::advance(Duration::from_millis(300)).await;
    site.publish(3, 500);
    assert!(tokio::time::timeout(Duration::from_millis(1), next(&mut stream)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn event_comes_every_ten_seconds_without_a_snapshot() {
    let site = Site::new();
    site.publish(1, 500);
    let mut stream = site.open().await;
    said(&mut stream).await;
    let begin = tokio::time::Instant::now();
    assert_eq!(number(&mut stream).await, alive(1));
    assert_eq!(begin.elapsed().as_secs(), 10);
    // The watch over the age replaces the snapshot of a supervisor that is stuck.
    let mut aging = site.publisher.aging(Duration::from_secs(1));
    aging.check(Stamp { boot: BootTime(snapshot(1).at.boot.0 + 20_000), ..NOW });
    let (name, late) = said(&mut stream).await;
    assert_eq!(
        (name.as_str(), &late["collector_state"], &late["gpus"][0]["use"]),
        ("summary", &json!("stalled"), &json!("unknown"))
    );
    assert!(late["problems"][0].as_str().unwrap().contains("supervisor"), "{late}");
    assert_eq!(number(&mut stream).await.0, "alive");
}

#[tokio::test(start_paused = true)]
async fn late_reader_and_others_measure_from_the_same_summary() {
    let site = Site::new();
    site.publish(1, 500);
    let mut first = site.open().await;
    assert_eq!(number(&mut first).await, summary(500));
    tokio::time::advance(Duration::from_secs(1)).await;
    site.publish(2, 507);
    assert_eq!(number(&mut first).await, alive(2));
    let mut second = site.open().await;
    assert_eq!(number(&mut second).await, summary(507), "the newest, not what others were sent");
    tokio::time::advance(Duration::from_secs(1)).await;
    site.publish(3, 504);
    for stream in [&mut first, &mut second] {
        assert_eq!(number(stream).await, summary(504), "once for all");
    }
    // A reader that did not keep up is sent the newest.
    for sequence in 4..8 {
        tokio::time::advance(Duration::from_secs(1)).await;
        site.publish(sequence, 600 + sequence);
    }
    assert_eq!(number(&mut first).await, summary(607));
}

#[tokio::test]
async fn stream_view_is_one_of_two() {
    let site = Site::new();
    site.publish(1, 500);
    for query in ["", "view=snapshot"] {
        let mut stream = site.ask(query).await;
        next(&mut stream).await;
        assert!(next(&mut stream).await.contains("event: snapshot\n"), "{query}");
    }
    for (query, part) in [
        ("view=gpus", "choose snapshot or summary"),
        ("view=", "empty"),
        ("view=summary&view=snapshot", "several"),
        ("views=1", "Did you mean view?"),
    ] {
        let refused = site.ask(query).await;
        assert_eq!(refused.status(), 400, "{query}");
        let text = refused.into_body().collect().await.unwrap().to_bytes();
        assert!(std::str::from_utf8(&text).unwrap().contains(part), "{query}");
    }
}
