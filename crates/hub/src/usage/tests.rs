//! Usage over hosts that play a part, asked for by viewers of each scope.

mod engine;
mod hostile;
mod sums;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http_body_util::BodyExt as _;
use http_server::{
    Access, ErrorFormat, Response, Route, Router, RouterConfig,
    auth::{Anonymous, AuthConfig, Tokens},
};
use hyper::{Request, header::HeaderValue};
use serde_json::{Value, json};
use telemetry::{Stamp, snapshot::UseVerdict};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::rustls;

use super::{Usage, UsageConfig, answer};
use crate::{
    Client, Endpoint, Failure, GpuReport, Report, Scheme, Seen, Source, Target, TargetList,
    engine::Past,
    fleet::{
        Fleet, Published, Publisher,
        tests::{gpu, report, seen},
    },
};

const READ: &str = "sees-everything-here";
const SUMMARY: &str = "sees-a-summary-only";
const METRICS: &str = "scrapes-and-no-more";
const AGENTS_TOKEN: &str = "Bearer the-agents-own-secret";
/// Time of an agent in tests.
const AGENTS_TIME: Duration = Duration::from_millis(1500);

struct State {
    usage: Arc<Usage>,
    published: Arc<Published>,
}

static ROUTES: [Route<State>; 1] = [Route::later("/usage", Access::Views, ErrorFormat::Problem, |context| {
    let State { usage, published } = &context.router.state;
    answer(usage, context, Arc::clone(published))
})];

/// A host that plays a part, and the heads of the requests to it.
struct Host {
    name: &'static str,
    endpoint: Endpoint,
    heads: Arc<Mutex<Vec<String>>>,
    seen: Seen,
}

impl Host {
    /// A host whose answer to a request's head is these bytes; without any it stays silent.
    async fn new(name: &'static str, answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, answer) = (Arc::clone(&heads), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut read = Vec::new();
                    while !read.ends_with(b"\r\n\r\n") {
                        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let head = String::from_utf8(read).unwrap();
                    log.lock().unwrap().push(head.clone());
                    let bytes = answer(&head);
                    let _ = stream.write_all(&bytes).await;
                    if bytes.is_empty() {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        let endpoint = Endpoint { scheme: Scheme::Http, host: "127.0.0.1".into(), port, prefix: "/agent".into() };
        let gpus = vec![gpu(0, UseVerdict::Free), gpu(1, UseVerdict::Free)];
        Self { name, endpoint, heads, seen: seen(report(gpus)) }
    }

    /// A host with this usage, for whatever period and keys it is asked.
    async fn with(name: &'static str, usage: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::new(name, move |head| {
            let mut body = usage_of(head);
            usage(&mut body);
            json_answer(head, &body.to_string())
        })
        .await
    }

    fn seen(self, seen: Seen) -> Self {
        Self { seen, ..self }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A parameter of the query in a request's head, decoded.
fn asked(head: &str, name: &str) -> Option<String> {
    let query = head.split(' ').nth(1).unwrap().split_once('?').unwrap().1;
    http_server::query::value(query, name)
}

/// Usage of a host with one device in the requested hour: alice had it for 3/4 of the time.
fn usage_of(head: &str) -> Value {
    let time = |name| asked(head, name).unwrap().parse::<u64>().unwrap();
    let (since, until) = (time("since"), time("until"));
    let by = asked(head, "by").unwrap();
    let mut row = json!({
        "gpu_seconds": 2700.0, "present_gpu_seconds": 3000.0, "busy_gpu_seconds": 1350.0, "idle_gpu_seconds": 100.0,
        "allocated_gpu_seconds": null, "memory_byte_seconds": 1e12, "peak_memory_bytes": 1_u64 << 34,
        "energy_joules": 5e5, "sessions": 3,
    });
    for key in by.split(',') {
        let value = match key {
            "user" => json!("alice"),
            "model" => json!("NVIDIA H200"),
            "gpu" => json!(0),
            "day" => json!("2026-11-30"),
            "hour_of_day" => json!(17),
            _ => Value::Null,
        };
        row[key] = value;
        if key == "gpu" {
            row["uuid"] = json!("GPU-0");
        }
    }
    json!({
        "schema": 1, "since": since, "until": until, "tz": "UTC", "by": by.split(',').collect::<Vec<_>>(),
        "persistent": true, "people": true, "note": null, "price_gpu_hour": null, "devices": 1,
        "device_seconds": 3600.0, "edge_seconds": 60.0, "rows": [row], "free_gpu_seconds": 800.0,
        "unknown_gpu_seconds": 50.0, "unassigned_gpu_seconds": 0.0, "unobserved_gpu_seconds": 50.0,
        "energy_joules": 6e5,
    })
}

/// An agent's answer, which confirms a lowered scope as agents of this release do.
fn json_answer(head: &str, body: &str) -> Vec<u8> {
    let scope = if head.contains("nvsmi-scope: summary\r\n") { "nvsmi-scope: summary\r\n" } else { "" };
    with_status(200, scope, body)
}

fn with_status(status: u16, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{fields}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn client() -> Client {
    let builder = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let tls = builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Client::new(tls.into(), AGENTS_TIME)
}

struct Hub {
    router: Arc<Router<State>>,
    targets: watch::Sender<TargetList>,
}

impl Hub {
    fn new(hosts: &[&Host]) -> Self {
        Self::with_engine(hosts, None)
    }

    fn with_engine(hosts: &[&Host], engine: Option<Past>) -> Self {
        let target = |host: &&Host| {
            Arc::new(Target {
                endpoint: host.endpoint.clone(),
                name: host.name.into(),
                labels: Arc::default(),
                ssh_host: None,
                notes: Vec::new(),
            })
        };
        let list = TargetList { targets: hosts.iter().map(target).collect(), is_loaded: true, ..TargetList::default() };
        let now = Stamp::now();
        let (mut fleet, (publisher, newest)) = (Fleet::default(), Publisher::new(now));
        fleet.list(&list, now);
        for host in hosts {
            fleet.see(&host.endpoint, host.seen.clone(), now);
        }
        publisher.publish(&mut fleet, now);
        let (targets, listed) = watch::channel(list);
        let usage = Usage::new(UsageConfig {
            targets: listed,
            client: client(),
            token_for: Box::new(|_, peer| {
                assert!(peer.is_loopback());
                Some(HeaderValue::from_static(AGENTS_TOKEN))
            }),
            timeout: AGENTS_TIME,
            engine,
        });
        let tokens = format!("alice read {READ}\nboard summary {SUMMARY}\nscraper metrics {METRICS}\n");
        let tokens = watch::channel(Arc::new(Tokens::parse(tokens.as_bytes()).unwrap())).1;
        let config = RouterConfig {
            prefix: "".parse().unwrap(),
            auth: AuthConfig { tokens: Some(tokens), anonymous: Anonymous::Nothing, ..AuthConfig::default() },
            allowed_hosts: None,
            cors_origins: Vec::new(),
            access_log: false,
            logged_parameters: &[],
            routes: ROUTES.iter().collect(),
            open_below: "/assets/",
            unrouted_errors: |_| ErrorFormat::Problem,
        };
        let published = Arc::clone(&newest.borrow());
        let router = Router::new(config, State { usage: Arc::new(usage), published });
        Self { router: Arc::new(router), targets }
    }

    async fn ask(&self, query: &str, token: &str) -> Response {
        let request = Request::builder()
            .uri(format!("/usage{query}"))
            .header("authorization", token)
            .header("cookie", "of=the-viewer")
            .header("user-agent", "the-viewers");
        self.router.reply(None, &request.body(()).unwrap()).await
    }

    async fn text(&self, query: &str, token: &str) -> (u16, String) {
        let response = self.ask(query, token).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// The answer of an hour to a viewer who sees everything.
    async fn usage(&self, query: &str) -> Value {
        let (status, text) = self.text(&format!("?since=-1h{query}"), READ).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn missing(usage: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = usage["missing"].as_array().unwrap().iter();
    let mut all: Vec<_> = all.map(|missing| (text(&missing["host"]), text(&missing["error"]))).collect();
    all.sort();
    all
}

#[tokio::test]
async fn hosts_added_up() {
    let one = Host::with("gpu01", |_| {}).await;
    let two = Host::with("gpu02", |usage| {
        usage["rows"][0]["peak_memory_bytes"] = json!(1_u64 << 35);
        usage["rows"][0]["allocated_gpu_seconds"] = json!(2000.5);
        usage["edge_seconds"] = json!(30.0);
        usage["note"] = json!("kept in memory");
        usage["persistent"] = json!(false);
    })
    .await;
    let hub = Hub::new(&[&one, &two]);
    let usage = hub.usage("").await;
    assert_eq!(usage["until"].as_u64().unwrap() - usage["since"].as_u64().unwrap(), 3_600_000);
    let row = json!({
        "user": "alice", "gpu_seconds": 5400.0, "present_gpu_seconds": 6000.0, "busy_gpu_seconds": 2700.0,
        "idle_gpu_seconds": 200.0, "allocated_gpu_seconds": 2000.5, "memory_byte_seconds": 2e12,
        "peak_memory_bytes": 1_u64 << 35, "energy_joules": 1e6, "sessions": 6,
    });
    for (name, value) in [
        ("schema", json!(1)),
        ("source", json!("agents")),
        ("by", json!(["user"])),
        ("hosts", json!(2)),
        ("missing", json!([])),
        ("rows", json!([row])),
        ("devices", json!(2)),
        ("device_seconds", json!(7200.0)),
        ("edge_seconds", json!(60.0)),
        ("free_gpu_seconds", json!(1600.0)),
        ("unknown_gpu_seconds", json!(100.0)),
        ("unassigned_gpu_seconds", json!(0.0)),
        ("unobserved_gpu_seconds", json!(100.0)),
        ("energy_joules", json!(1.2e6)),
        ("persistent", json!(false)),
        ("people", json!(true)),
        ("notes", json!([{"host": "gpu02", "note": "kept in memory"}])),
        ("price_gpu_hour", json!(null)),
    ] {
        assert_eq!(usage[name], value, "{name}");
    }
    let by_host = hub.usage("&by=host").await;
    let hosts: Vec<&str> =
        by_host["rows"].as_array().unwrap().iter().map(|row| row["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["gpu01", "gpu02"]);
    let by_gpu = hub.usage("&by=gpu,day&tz=Asia/Tokyo").await;
    assert_eq!(by_gpu["by"], json!(["host", "gpu", "day"]));
    assert_eq!(by_gpu["rows"][1]["uuid"], "GPU-0");
    assert_eq!(by_gpu["rows"].as_array().unwrap().len(), 2, "GPUs of two hosts are two, whatever they are called");
}

#[tokio::test]
async fn nothing_of_the_viewer_reaches_agents() {
    let host = Host::with("gpu01", |_| {}).await;
    let hub = Hub::new(&[&host]);
    let query = "?since=1700000000000&until=1700003600000&by=user,day&tz=utc&user=a%26by%3Dpod%0D%0Ax&format=csv";
    assert_eq!(hub.text(query, READ).await.0, 200);
    let head = host.heads().pop().unwrap();
    let mut lines: Vec<&str> = head.trim_end().lines().collect();
    lines.sort_unstable();
    let address = format!("host: 127.0.0.1:{}", host.endpoint.port);
    assert_eq!(
        lines,
        [
            "GET /agent/api/v1/usage?since=1700000000000&until=1700003600000&by=user,day&tz=UTC&user=a%26by%3Dpod%0D%0Ax HTTP/1.1",
            "accept: application/json",
            &format!("authorization: {AGENTS_TOKEN}"),
            &address,
        ]
    );
}

#[tokio::test]
async fn scopes_see_their_own() {
    let host = Host::with("gpu01", |_| {}).await;
    let older = Host::new("gpu02", |head| with_status(200, "", &usage_of(head).to_string())).await;
    let hub = Hub::new(&[&host, &older]);
    let (status, text) = hub.text("?since=-1h", SUMMARY).await;
    assert_eq!(status, 200);
    let usage: Value = serde_json::from_str(&text).unwrap();
    assert!(!text.contains("alice"), "{text}");
    assert_eq!((&usage["by"], &usage["rows"][0]["gpu_seconds"]), (&json!([]), &json!(2700.0)));
    let [(name, why)] = &missing(&usage)[..] else { panic!("{text}") };
    assert!(name == "gpu02" && why.contains("cannot hide users"), "{why}");
    assert!(host.heads()[0].contains("nvsmi-scope: summary\r\n") && host.heads()[0].contains("&by=model "));
    let before = host.heads().len();
    for (query, token, status) in [
        ("?by=user", SUMMARY, 403),
        ("?by=host,job", SUMMARY, 403),
        ("?user=alice", SUMMARY, 403),
        ("?by=host,day&tz=UTC", SUMMARY, 200),
        ("", METRICS, 403),
        ("?by=host", METRICS, 403),
        ("", "a-wrong-token-of-nobody", 401),
        ("?since=now", READ, 400),
        ("?by=hosts", READ, 400),
    ] {
        assert_eq!(hub.text(query, token).await.0, status, "{query}");
    }
    assert_eq!(host.heads().len(), before + 1, "a refused question reaches no agent");
}

#[tokio::test]
async fn hosts_without_an_answer_are_missing() {
    let good = Host::with("gpu01", |_| {}).await;
    let silent = Host::new("gpu02", |_| Vec::new()).await;
    let down = Host::with("gpu03", |_| {}).await.seen(Seen::Failed(Failure::Unreachable("connection refused".into())));
    let original = Report { source: Source::Original, ..report(Vec::new()) };
    let original = Host::with("gpu04", |_| {}).await.seen(seen(original));
    let without = Host::new("gpu05", |_| with_status(404, "", r#"{"status":404,"detail":"off"}"#)).await;
    let refused = Host::new("gpu06", |_| with_status(401, "", "{}")).await;
    let busy = Host::new("gpu07", |_| with_status(503, "retry-after: 10\r\n", "{}")).await;
    let told = Host::new("gpu08", |_| with_status(400, "", r#"{"detail":"more than\u001b 50000 rows"}"#)).await;
    let elsewhere = Host::new("gpu09", |_| with_status(302, "location: http://127.0.0.1:1/\r\n", "")).await;
    let hosts = [&good, &silent, &down, &original, &without, &refused, &busy, &told, &elsewhere];
    let usage = Hub::new(&hosts).usage("").await;
    assert_eq!((&usage["hosts"], &usage["device_seconds"]), (&json!(1), &json!(3600.0)));
    let expected = [
        ("gpu02", "no answer within 1.5 s"),
        ("gpu03", "unreachable: connection refused"),
        ("gpu04", "original agent"),
        ("gpu05", "keeps no usage"),
        ("gpu06", "refuses the hub's token"),
        ("gpu07", "is busy"),
        ("gpu08", "refuses the question: more than"),
        ("gpu09", "redirects"),
    ];
    let found = missing(&usage);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((host, why), (name, part)) in found.iter().zip(expected) {
        assert!(host == name && why.contains(part) && !why.contains('\u{1b}'), "{host}: {why}");
    }
    assert!(down.heads().is_empty() && original.heads().is_empty(), "what cannot answer is not asked");
}

#[tokio::test]
async fn gpus_asked_of_their_hosts_only() {
    let named = |uuid: &str| GpuReport { uuid: Some(uuid.into()), ..gpu(0, UseVerdict::Free) };
    let one = Host::with("gpu01", |_| {}).await.seen(seen(report(vec![named("GPU-a")])));
    let two = Host::with("gpu02", |_| {}).await.seen(seen(report(vec![named("GPU-b"), gpu(1, UseVerdict::Free)])));
    let hub = Hub::new(&[&one, &two]);
    let usage = hub.usage("&gpu=GPU-b,GPU-nobodys").await;
    assert_eq!((&usage["hosts"], &usage["missing"]), (&json!(1), &json!([])));
    assert!(one.heads().is_empty() && two.heads()[0].contains("&gpu=GPU-b HTTP"), "{:?}", two.heads());
    assert_eq!(hub.usage("&gpu=0").await["hosts"], 2);
    let (status, text) = hub.text("?gpu=GPU-nobodys", READ).await;
    assert!(status == 404 && text.contains("No host has a GPU"), "{text}");
}

#[tokio::test]
async fn few_questions_at_once() {
    let silent = Host::new("gpu01", |_| Vec::new()).await;
    let hub = Hub::new(&[&silent]);
    let all = futures_util::future::join_all((0..6).map(|_| hub.ask("?since=-1h", READ))).await;
    let mut statuses: Vec<u16> = all.iter().map(|response| response.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 503, 503]);
    let refused = all.iter().find(|response| response.status() == 503).unwrap();
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_eq!(hub.text("?since=-1h", READ).await.0, 200, "a place is free again");
}

#[tokio::test]
async fn unloaded_list_is_no_answer() {
    let host = Host::with("gpu01", |_| {}).await;
    let hub = Hub::new(&[&host]);
    hub.targets.send_modify(|list| list.is_loaded = false);
    assert_eq!(hub.text("", READ).await.0, 503);
}

#[tokio::test]
async fn csv_names_missing_hosts() {
    let one = Host::with("gpu01", |usage| usage["rows"][0]["user"] = json!("=cmd,\"x")).await;
    let lines = async |hosts: &[&Host]| {
        let (status, text) = Hub::new(hosts).text("?since=-1h&by=host,user&format=csv", READ).await;
        assert_eq!(status, 200);
        text.split_terminator("\r\n").map(str::to_owned).collect::<Vec<_>>()
    };
    let head = "host,user,gpu_seconds,present_gpu_seconds,busy_gpu_seconds,idle_gpu_seconds,allocated_gpu_seconds,\
                memory_byte_seconds,peak_memory_bytes,energy_joules,sessions";
    let row = "gpu01,\"'=cmd,\"\"x\",2700,3000,1350,100,,1000000000000,17179869184,500000,3";
    assert_eq!(lines(&[&one]).await, [head, row]);
    let down = Host::with("gpu02", |_| {}).await.seen(Seen::Failed(Failure::Unreachable("a, b".into())));
    assert_eq!(
        lines(&[&one, &down]).await,
        [
            format!("{head},missing_host,error"),
            format!("{row},,"),
            format!("{}gpu02,\"unreachable: a, b\"", ",".repeat(11))
        ]
    );
}
