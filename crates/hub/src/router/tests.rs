mod prepared;
mod streams;

use std::io::Read as _;

use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use http_server::{Body, Response, gzip};
use hyper::{Method, StatusCode};
use serde_json::Value;
use telemetry::{BootTime, Stamp, snapshot::UseVerdict};

use super::*;
use crate::fleet::{
    Fleet, Publisher,
    tests::{endpoint, gpu, list, report, seen, target},
};

const READ: &str = "sees-everything-here";
const SUMMARY: &str = "sees-a-summary-only";
const METRICS: &str = "scrapes-and-no-more";

/// A hub whose clock a test moves.
pub(super) struct Hub {
    pub(super) app: App,
    pub(super) fleet: Fleet,
    publisher: Publisher,
    pub(super) now: Stamp,
    streams: Arc<StreamPermits>,
    viewers: Viewers,
    targets: watch::Sender<TargetList>,
}

impl Hub {
    pub(super) fn new(tokens: bool, names: &[&str]) -> Self {
        let text = format!("alice read {READ}\nboard summary {SUMMARY}\nscraper metrics {METRICS}\n");
        let file = tokens.then(|| watch::channel(Arc::new(Tokens::parse(text.as_bytes()).unwrap())).1);
        let now = Stamp::now();
        let (publisher, newest) = Publisher::new(now);
        let viewers = Viewers::default();
        let streams = Arc::new(StreamPermits::new(8));
        let (targets, listed) = watch::channel(list(names));
        let config = AppConfig {
            url_prefix: Prefix::default(),
            token: None,
            tokens: file,
            anonymous: Anonymous::default(),
            allowed_hosts: None,
            cors_origins: Vec::new(),
            frame_ancestors: FrameAncestors::default(),
            access_log: false,
            streams: Arc::clone(&streams),
            viewers: viewers.clone(),
            targets: listed,
            proxy: None,
            usage: None,
        };
        let mut fleet = Fleet::default();
        fleet.list(&targets.borrow(), now);
        Self { app: App::new(config, newest), fleet, publisher, now, streams, viewers, targets }
    }

    /// Waits this long, reports one GPU of this host, and publishes.
    fn reports(&mut self, host: &str, watts: f64) {
        self.now = Stamp { boot: BootTime(self.now.boot.0 + 1000), unix_ms: self.now.unix_ms + 1000 };
        let gpu = crate::GpuReport { power_watts: Some(watts), ..gpu(0, UseVerdict::Free) };
        self.fleet.see(&endpoint(host), seen(report(vec![gpu])), self.now);
        self.publish();
    }

    pub(super) fn publish(&mut self) {
        self.publisher.publish(&mut self.fleet, self.now);
    }

    fn ask(&self, path: &str, token: Option<&str>, headers: &[(&'static str, &str)]) -> Response {
        let mut request = Request::builder().method(Method::GET).uri(path);
        for (name, value) in token.map(|token| ("authorization", token)).iter().chain(headers) {
            request = request.header(*name, *value);
        }
        self.app.reply(None, &request.body(()).unwrap()).now_or_never().unwrap()
    }

    fn status(&self, path: &str, token: Option<&str>) -> u16 {
        self.ask(path, token, &[]).status().as_u16()
    }

    pub(super) fn text(&self, path: &str) -> String {
        body(self.ask(path, None, &[]))
    }
}

fn body(response: Response) -> String {
    let bytes = response.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A stream, and the bytes that it has sent so far.
struct Stream {
    body: Body,
    received: Vec<u8>,
    packed: bool,
    read: usize,
}

impl Stream {
    fn open(hub: &Hub, query: &str, packed: bool) -> Self {
        let headers: &[_] = if packed { &[("accept-encoding", "gzip")] } else { &[] };
        let response = hub.ask(&format!("/api/v1/fleet/stream{query}"), None, headers);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers().contains_key("content-encoding"), packed);
        Self { body: response.into_body(), received: Vec::new(), packed, read: 0 }
    }

    /// Waits for some bytes.
    async fn frame(&mut self) {
        let frame = self.body.frame().await.unwrap().unwrap();
        self.received.extend_from_slice(&frame.into_data().unwrap());
    }

    /// The events since the last call: their names and data.
    fn events(&mut self) -> Vec<(String, Value)> {
        while let Some(Some(frame)) = self.body.frame().now_or_never() {
            self.received.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        let mut text = Vec::new();
        if self.packed {
            assert!(self.received.starts_with(gzip::STREAM_HEADER));
            // The stream has no end yet.
            let _ = flate2::read::GzDecoder::new(&self.received[..]).read_to_end(&mut text);
        } else {
            text.clone_from(&self.received);
        }
        let new = String::from_utf8(text[self.read..].to_vec()).unwrap();
        self.read = text.len();
        assert!(new.is_empty() || new.ends_with("\n\n"), "{new}");
        let events = new.trim_start_matches("retry: 2000\n").split_terminator("\n\n");
        let event = |event: &str| {
            let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
            (name.to_owned(), serde_json::from_str(data).unwrap())
        };
        events.map(event).collect()
    }
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn scopes_see_their_own() {
    let mut hub = Hub::new(true, &["a"]);
    hub.reports("a", 70.0);
    for (path, statuses) in [
        ("/api/v1/fleet", [401, 200, 200, 403]),
        ("/api/v1/fleet/stream", [401, 200, 200, 403]),
        ("/api/v1/fleet/users", [401, 200, 403, 403]),
        ("/api/v1/fleet/summary.txt", [401, 200, 200, 403]),
        ("/api/v1/find", [401, 200, 200, 403]),
        ("/openapi.json", [401, 200, 200, 403]),
        ("/metrics", [401, 200, 200, 200]),
        ("/healthz", [200; 4]),
        ("/readyz", [200; 4]),
        ("/", [200; 4]),
        ("/docs", [200; 4]),
        ("/hosts/a", [307; 4]),
        ("/hosts/a/", [200; 4]),
        ("/hosts/no-such-host/", [200; 4]),
        ("/hosts/a/assets/none.js", [404; 4]),
        ("/assets/none.js", [404; 4]),
        ("/none", [401, 404, 404, 403]),
        ("/hosts/%2e%2e/", [401, 404, 404, 403]),
    ] {
        let found = [None, Some(READ), Some(SUMMARY), Some(METRICS)].map(|token| hub.status(path, token));
        assert_eq!(found, statuses, "{path}");
    }
    let users = |token| {
        let text = body(hub.ask("/api/v1/fleet", Some(token), &[]));
        serde_json::from_str::<Value>(&text).unwrap()["hosts"][0]["gpus"][0]["users"].clone()
    };
    assert_eq!((users(READ)[0].as_str(), users(SUMMARY)), (Some("alice"), Value::Null));
}

#[test]
fn wrong_parameters_refused() {
    let mut hub = Hub::new(false, &["a"]);
    hub.reports("a", 70.0);
    for path in [
        "/api/v1/fleet?rows=a",
        "/api/v1/fleet/stream?row=a",
        "/api/v1/fleet/stream?rows=9-1",
        "/api/v1/fleet/summary.txt?x",
        "/api/v1/find?count=0",
        "/api/v1/find?memory=lots",
    ] {
        let response = hub.ask(path, None, &[]);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
    }
}

#[test]
fn host_redirects_to_its_page() {
    let hub = Hub::new(false, &[]);
    let response = hub.ask("/hosts/gpu01:8000?view=x", None, &[]);
    assert_eq!(response.headers()["location"], "./gpu01:8000/?view=x");
    let page = hub.ask("/hosts/gpu01/", None, &[]);
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
}

#[test]
fn fleet_in_one_piece_or_compressed() {
    let mut hub = Hub::new(false, &["a", "b"]);
    hub.reports("a", 70.5);
    let plain = hub.text("/api/v1/fleet");
    let response = hub.ask("/api/v1/fleet", None, &[("accept-encoding", "gzip")]);
    assert!(response.headers()["content-encoding"] == "gzip" && response.headers()["vary"] == "accept-encoding");
    let bytes = response.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
    let mut read = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut read).unwrap();
    assert_eq!(read, plain);
    let fleet: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!((&fleet["schema"], &fleet["hosts"][1]["state"]), (&1.into(), &"starting".into()));
}

#[test]
fn ready_once_the_list_is_loaded() {
    let mut hub = Hub::new(false, &[]);
    let ready = |hub: &Hub| (hub.status("/readyz", None), hub.text("/readyz"));
    assert_eq!(ready(&hub), (503, r#"{"state":"loading"}"#.into()));
    hub.publish();
    assert_eq!(ready(&hub), (200, r#"{"state":"ok"}"#.into()));
}

#[test]
fn old_publication_not_served() {
    let mut hub = Hub::new(false, &["a"]);
    let now = BootTime::now();
    hub.now.boot = BootTime(now.0.saturating_sub(11_000));
    hub.publish();
    for path in [
        "/api/v1/fleet",
        "/api/v1/fleet/stream",
        "/api/v1/fleet/stream?rows=a",
        "/api/v1/fleet/users",
        "/api/v1/fleet/summary.txt",
        "/api/v1/find",
        "/readyz",
    ] {
        assert_eq!(hub.status(path, None), 503, "{path}");
    }
    let metrics = hub.text("/metrics");
    let families: Vec<&str> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE nvsmi_hub_")?.split(' ').next()).collect();
    let expected = [
        "build_info",
        "published_age_seconds",
        "http_requests_total",
        "http_panics_total",
        "fleet_stream_clients",
        "stream_clients",
        "fleet_stream_sent_bytes_total",
    ];
    assert_eq!(families, expected, "what it knows without the fleet");
}

#[tokio::test]
async fn stream_ends_when_nothing_renews_the_fleet() {
    let mut hub = Hub::new(false, &["a"]);
    let publish = |hub: &mut Hub, age_ms: u64| {
        hub.now.boot = BootTime(BootTime::now().0 - age_ms - 1000);
        hub.reports("a", 70.0);
    };
    publish(&mut hub, 0);
    let mut stream = Stream::open(&hub, "", false);
    assert_eq!(names(&stream.events()), ["fleet"]);
    assert!(stream.body.frame().now_or_never().is_none(), "it goes on");
    publish(&mut hub, 9_500);
    let end = async { while stream.body.frame().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), end).await.expect("its end");
    assert_eq!(hub.status("/api/v1/fleet/stream", None), 503);
    // A client that was too slow for the old state does not get it now.
    publish(&mut hub, 0);
    let mut stream = Stream::open(&hub, "", false);
    publish(&mut hub, 11_000);
    let mut next = || stream.body.frame().now_or_never().unwrap();
    assert_eq!(next().unwrap().unwrap().into_data().unwrap(), "retry: 2000\n");
    assert!(next().is_none());
}

#[tokio::test]
async fn questions_about_hosts_count_as_viewers() {
    for (path, counts) in [
        ("/api/v1/find?count=1", true),
        ("/api/v1/fleet", true),
        ("/api/v1/fleet/users", true),
        ("/api/v1/fleet/summary.txt", true),
        ("/api/v1/fleet/stream", true),
        ("/api/v1/find?count=0", false),
        ("/api/v1/targets", false),
        ("/metrics", false),
        ("/readyz", false),
        ("/", false),
    ] {
        let mut hub = Hub::new(false, &["a"]);
        hub.publish();
        hub.ask(path, None, &[]);
        assert_eq!(hub.viewers.has_asked(BootTime::now()), counts, "{path}");
    }
    let mut hub = Hub::new(true, &["a"]);
    hub.publish();
    for (path, token) in [("/api/v1/find", None), ("/api/v1/fleet/users", Some(SUMMARY))] {
        hub.ask(path, token, &[]);
        assert!(!hub.viewers.has_asked(BootTime::now()), "{path}: who may not ask is no viewer");
    }
}

#[test]
fn labels_hidden_in_the_log() {
    // A label is often a person's name, such as `owner`.
    let shown: Vec<_> = server::FIND_PARAMETERS.iter().filter(|name| LOGGED_PARAMETERS.contains(name)).collect();
    assert_eq!(shown, [&"count", &"memory", &"model", &"mig", &"held", &"limit"]);
}

#[test]
fn find_offers_hosts_that_are_ok() {
    let mut hub = Hub::new(false, &["a", "b:8000"]);
    for host in ["a", "b:8000"] {
        let mut free = gpu(0, UseVerdict::Free);
        free.uuid = Some(format!("GPU-00000000-1111-2222-3333-44444444444{}", host.len()).into());
        hub.fleet.see(&endpoint(host), seen(report(vec![free])), hub.now);
    }
    hub.publish();
    let found: Value = serde_json::from_str(&hub.text("/api/v1/find")).unwrap();
    assert_eq!((&found["found"], found["choices"].as_array().unwrap().len()), (&true.into(), 2), "{found}");
    assert_eq!((&found["choices"][0]["command"], &found["choices"][1]["command"]), (&"ssh a".into(), &"ssh b".into()));
    hub.fleet.see(&endpoint("a"), crate::Seen::Failed(crate::Failure::Unreachable("no".into())), hub.now);
    hub.publish();
    let found: Value = serde_json::from_str(&hub.text("/api/v1/find?count=1")).unwrap();
    assert_eq!((found["choices"].as_array().unwrap().len(), &found["choices"][0]["host"]), (1, &"b:8000".into()));
    // Between two publications time goes on.
    hub.now.boot = BootTime(BootTime::now().0.saturating_sub(4000));
    hub.fleet.see(&endpoint("b:8000"), seen(report(vec![gpu(0, UseVerdict::Free)])), hub.now);
    hub.publish();
    let found: Value = serde_json::from_str(&hub.text("/api/v1/find")).unwrap();
    assert_eq!(found["found"], false, "{found}");
}

#[test]
fn find_never_offers_what_cannot_be_used_as_a_whole() {
    let mut hub = Hub::new(false, &["a"]);
    let mut offered = |mig_mode, is_prohibited, health, usage| {
        let uuid = Some("GPU-00000000-1111-2222-3333-444444444444".into());
        let gpu = crate::GpuReport { mig_mode, is_prohibited: Some(is_prohibited), health, uuid, ..gpu(0, usage) };
        hub.fleet.see(&endpoint("a"), seen(report(vec![gpu])), hub.now);
        hub.publish();
        let found: Value = serde_json::from_str(&hub.text("/api/v1/find?held=true")).unwrap();
        found["found"] == true
    };
    let ok = Some(telemetry::snapshot::Severity::Ok);
    for usage in [UseVerdict::Free, UseVerdict::Held] {
        assert!(offered(Some(false), false, ok, usage));
        assert!(!offered(Some(true), false, ok, usage), "MIG mode without instances");
        assert!(!offered(None, false, ok, usage), "mode unread");
        assert!(!offered(Some(false), true, ok, usage), "compute mode prohibited");
        assert!(!offered(Some(false), false, None, usage), "unknown health");
    }
}

#[test]
fn held_gpu_of_unknown_compute_mode_not_offered() {
    let mut hub = Hub::new(false, &["a"]);
    for (usage, is_offered) in [(UseVerdict::Free, true), (UseVerdict::Held, false)] {
        let uuid = Some("GPU-00000000-1111-2222-3333-444444444444".into());
        let gpu = crate::GpuReport { is_prohibited: None, uuid, ..gpu(0, usage) };
        hub.fleet.see(&endpoint("a"), seen(report(vec![gpu])), hub.now);
        hub.publish();
        let found: Value = serde_json::from_str(&hub.text("/api/v1/find?held=true")).unwrap();
        assert_eq!(found["found"], is_offered, "{usage:?}");
    }
}

#[test]
fn users_summed_over_hosts() {
    let mut hub = Hub::new(false, &["a", "b", "c"]);
    let of = |index, users: &[&str], usage| crate::GpuReport {
        users: Some(users.iter().map(|user| Box::from(*user)).collect()),
        ..gpu(index, usage)
    };
    let shared = of(1, &["alice", "bob"], UseVerdict::Busy);
    let gpus = vec![of(0, &["alice"], UseVerdict::Held), shared, of(2, &[], UseVerdict::Free)];
    hub.fleet.see(&endpoint("a"), seen(report(gpus)), hub.now);
    hub.fleet.see(&endpoint("b"), seen(report(vec![of(0, &["alice"], UseVerdict::Busy)])), hub.now);
    hub.publish();
    let users: Value = serde_json::from_str(&hub.text("/api/v1/fleet/users")).unwrap();
    let alice = &users["users"][0];
    assert_eq!(users["unknown_hosts"], 1, "{users}");
    assert_eq!(
        (&alice["user"], &alice["devices"], &alice["held"], &alice["shared"]),
        (&"alice".into(), &3.into(), &1.into(), &1.into())
    );
    // 40 of 100 bytes are used on each, and the shared ones are not known by user.
    assert_eq!((&alice["memory_bytes"], &users["users"][1]["memory_bytes"]), (&80.into(), &Value::Null));
    assert_eq!(alice["hosts"][0]["gpus"], serde_json::json!([0, 1]));
    assert_eq!(alice["hosts"][1]["name"], "b");
}

#[test]
fn summary_has_a_line_per_host() {
    let mut hub = Hub::new(false, &["gpu01", "gpu02", "gpu03"]);
    hub.reports("gpu01", 70.0);
    let nasty = crate::Report { problems: vec!["\x1b[2J\nfake".into()], ..report(vec![gpu(1, UseVerdict::Busy)]) };
    hub.fleet.see(&endpoint("gpu02"), seen(nasty), hub.now);
    hub.fleet.see(&endpoint("gpu03"), crate::Seen::Failed(crate::Failure::Refused("401".into())), hub.now);
    hub.publish();
    let text = hub.text("/api/v1/fleet/summary.txt");
    let expected = [
        "2 of 3 hosts ok, 1 refused; GPUs: 1 free, 0 held, 1 busy, 0 unknown",
        "HOST   STATE       FREE HELD BUSY UNKNOWN  MIG           MEMORY  REMARK",
        "gpu01  ok             1    0    0       0    0       0 GiB free",
        "gpu02  ok             0    0    1       0    0       0 GiB free  \\x1b[2J\\nfake",
        "gpu03  refused        0    0    0       0    0                -  401",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn metrics_have_types_and_values() {
    let mut hub = Hub::new(false, &["a", "b"]);
    hub.reports("a", 70.0);
    hub.text("/api/v1/fleet");
    let text = hub.text("/metrics");
    for line in [
        "nvsmi_hub_hosts{state=\"ok\"} 1",
        "nvsmi_hub_hosts{state=\"starting\"} 1",
        "nvsmi_hub_gpus{use=\"free\"} 1",
        "nvsmi_hub_target_list_loaded 1",
        "nvsmi_hub_target_list_notes 0",
        "nvsmi_hub_http_requests_total{route=\"/api/v1/fleet\",status=\"200\"} 1",
        "nvsmi_hub_fleet_stream_clients 0",
        "nvsmi_hub_http_panics_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for name in &names {
        let is_counter = text.contains(&format!("# TYPE {name} counter"));
        assert_eq!(name.ends_with("_total"), is_counter, "{name}");
        assert!(text.contains(&format!("# HELP {name} ")) && name.starts_with("nvsmi_hub_"));
    }
    let open = body(hub.ask("/metrics", None, &[("accept", "application/openmetrics-text")]));
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE nvsmi_hub_http_requests counter"), "{open}");
}

#[test]
fn targets_unavailable_until_loaded() {
    let hub = Hub::new(false, &["a"]);
    hub.targets.send_replace(TargetList {
        is_loaded: false,
        targets: [target("a", "a")].into(),
        ..TargetList::default()
    });
    assert_eq!(hub.status("/api/v1/targets", None), 503);
    hub.targets.send_replace(list(&["a"]));
    let targets: Value = serde_json::from_str(&hub.text("/api/v1/targets")).unwrap();
    assert_eq!(targets[0]["targets"], serde_json::json!(["a:8000"]));
}
