//! `/api/v1/stream`: every snapshot at once, events without a loss, places that are given back.

use std::{io::Read as _, sync::Arc};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use hyper::{Request, StatusCode};
use serde_json::Value;
use server::{App, Publisher, Response, ServerConfig, StreamPermits};
use telemetry::{
    Stamp,
    snapshot::{CollectorState, Event, EventKind, Severity, Snapshot},
};

use crate::host;

struct Site {
    app: App,
    publisher: Publisher,
    streams: Arc<StreamPermits>,
}

impl Site {
    fn new(places: usize) -> Self {
        let publisher = Publisher::new(Stamp::default());
        let streams = Arc::new(StreamPermits::new(places));
        let config = ServerConfig { streams: Arc::clone(&streams), ..ServerConfig::default() };
        Self { app: App::new(config, publisher.subscribe()), publisher, streams }
    }

    /// Publishes the snapshot of that number, with these events.
    fn publish(&self, sequence: u64, events: &[u64]) {
        let events = events.iter().map(|sequence| event(*sequence)).collect();
        let base = host::snapshot(CollectorState::Ok, vec![host::gpu(0)]);
        self.publisher.publish(Snapshot { sequence, events: Arc::new(events), ..base });
    }

    async fn open(&self, headers: &[(&str, &str)]) -> Response {
        let request =
            headers.iter().fold(Request::get("/api/v1/stream"), |request, (name, value)| request.header(*name, *value));
        self.app.reply(None, &request.body(()).unwrap()).await
    }
}

fn event(sequence: u64) -> Event {
    Event {
        sequence,
        at: Stamp::default(),
        kind: EventKind::Xid,
        gpu_uuid: None,
        severity: Severity::Critical,
        code: format!("xid_{sequence}"),
        text: String::new(),
        action: String::new(),
    }
}

/// The next bytes of a stream; none at its end.
async fn next(response: &mut Response) -> Option<Bytes> {
    response.body_mut().frame().await.map(|frame| frame.unwrap().into_data().unwrap())
}

/// Content of the next bytes, as `event code` and `snapshot number`.
async fn said(response: &mut Response) -> Vec<String> {
    let text = next(response).await.unwrap();
    read(std::str::from_utf8(&text).unwrap())
}

fn read(text: &str) -> Vec<String> {
    assert!(text.ends_with("\n\n"), "{text}");
    let messages = text.split("\n\n").filter(|message| !message.is_empty());
    messages
        .map(|message| {
            let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name));
            let data: Value = serde_json::from_str(field("data: ").unwrap()).unwrap();
            match field("event: ").unwrap() {
                "snapshot" => {
                    let (sequence, _run) = field("id: ").unwrap().split_once('-').unwrap();
                    assert_eq!(sequence, data["sequence"].to_string());
                    format!("snapshot {}", data["sequence"])
                }
                kind => format!("{kind} {}", data["code"].as_str().unwrap()),
            }
        })
        .collect()
}

#[tokio::test]
async fn stream_sends_each_snapshot() {
    let site = Site::new(1);
    site.publish(1, &[]);
    let mut stream = site.open(&[]).await;
    assert_eq!(stream.status(), StatusCode::OK);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.headers()["cache-control"], "no-store");
    assert_eq!(stream.headers()["x-accel-buffering"], "no");
    assert_eq!(next(&mut stream).await.unwrap(), "retry: 2000\n");
    assert_eq!(said(&mut stream).await, ["snapshot 1"]);
    for sequence in 2..5 {
        site.publish(sequence, &[]);
        assert_eq!(said(&mut stream).await, [format!("snapshot {sequence}")]);
    }
}

#[tokio::test]
async fn slow_stream_skips_snapshots_not_events() {
    let site = Site::new(1);
    site.publish(1, &[]);
    let mut stream = site.open(&[]).await;
    next(&mut stream).await;
    assert_eq!(said(&mut stream).await, ["snapshot 1"]);
    for sequence in 2..9 {
        site.publish(sequence, &[3, 6, 8]);
    }
    assert_eq!(said(&mut stream).await, ["event xid_3", "event xid_6", "event xid_8", "snapshot 8"]);
    site.publish(9, &[3, 6, 8, 9]);
    assert_eq!(said(&mut stream).await, ["event xid_9", "snapshot 9"]);
}

#[tokio::test]
async fn reconnecting_stream_gets_missed_events() {
    let site = Site::new(3);
    // `/events` has what was kept from the run before.
    site.publish(9, &[0, 3, 6, 7]);
    let mut first = site.open(&[]).await;
    next(&mut first).await;
    let text = next(&mut first).await.unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    let run = text.strip_prefix("id: 9").and_then(|rest| rest.lines().next()).unwrap();
    drop(first);
    let all = &["event xid_3", "event xid_6", "event xid_7", "snapshot 9"][..];
    for (seen, expected) in [
        (format!("5{run}"), &all[1..]),
        (format!("7{run}"), &all[3..]),
        (String::new(), &all[3..]),
        ("x".into(), &all[3..]),
        // Of another run of the agent, whose numbers may be higher or lower: it has seen nothing of this one.
        ("4000-1".into(), all),
        ("5-1".into(), all),
        ("9-1".into(), all),
        ("5".into(), all),
    ] {
        let mut stream = site.open(&[("last-event-id", &seen)]).await;
        next(&mut stream).await;
        assert_eq!(said(&mut stream).await, expected, "{seen:?}");
    }
    let mut current = site.open(&[("last-event-id", &format!("9{run}"))]).await;
    next(&mut current).await;
    site.publish(10, &[3, 6, 7]);
    assert_eq!(said(&mut current).await, ["snapshot 10"], "what it has seen is not sent again");
}

#[tokio::test]
async fn stream_tick_rendered_once() {
    let site = Site::new(4);
    site.publish(1, &[1]);
    for headers in [&[][..], &[("accept-encoding", "gzip")]] {
        let (mut one, mut other) = (site.open(headers).await, site.open(headers).await);
        next(&mut one).await;
        next(&mut other).await;
        assert_eq!(next(&mut one).await.unwrap().as_ptr(), next(&mut other).await.unwrap().as_ptr());
    }
}

#[tokio::test]
async fn stream_compressed_on_request() {
    let site = Site::new(2);
    site.publish(1, &[1]);
    let mut stream = site.open(&[("accept-encoding", "gzip")]).await;
    assert_eq!(stream.headers()["content-encoding"], "gzip");
    let mut bytes = next(&mut stream).await.unwrap().to_vec();
    bytes.extend(next(&mut stream).await.unwrap());
    for sequence in [2, 5] {
        site.publish(sequence, &[1, 4]);
        bytes.extend(next(&mut stream).await.unwrap());
    }
    let mut text = String::new();
    assert!(GzDecoder::new(&bytes[..]).read_to_string(&mut text).is_err(), "it has no end");
    let text = text.strip_prefix("retry: 2000\n").unwrap();
    assert_eq!(read(text), ["event xid_1", "snapshot 1", "snapshot 2", "event xid_4", "snapshot 5"]);
}

#[tokio::test]
async fn stream_limit_answer_has_remedy() {
    let site = Site::new(2);
    let first = site.open(&[]).await;
    let _second = site.open(&[]).await;
    let refused = site.open(&[]).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert!(refused.headers().contains_key("retry-after"));
    let problem: Value = serde_json::from_slice(&refused.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert!(problem["detail"].as_str().unwrap().starts_with("All 2 streams are taken; poll /api/v1/snapshot"));
    drop(first);
    assert_eq!(site.open(&[]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn streams_end_when_agent_stops() {
    let site = Site::new(2);
    site.publish(1, &[]);
    let mut stream = site.open(&[]).await;
    next(&mut stream).await;
    said(&mut stream).await;
    site.streams.close();
    assert_eq!(next(&mut stream).await, None);
    // Also one that begins after it.
    let mut late = site.open(&[]).await;
    next(&mut late).await;
    assert_eq!(next(&mut late).await, None);
}

#[tokio::test(start_paused = true)]
async fn stream_sends_keepalive() {
    let site = Site::new(1);
    let mut stream = site.open(&[]).await;
    next(&mut stream).await;
    said(&mut stream).await;
    assert_eq!(next(&mut stream).await.unwrap(), ": alive\n");
}
