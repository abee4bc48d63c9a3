//! Visibility by scope, over every path.

use std::{io::Read as _, time::Duration};

use flate2::read::GzDecoder;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, HOST, HeaderValue};
use telemetry::{
    Stamp,
    history::{Depth, History},
    snapshot::Snapshot,
};

use super::*;
use crate::{
    metrics::MetricsSettings,
    publish::{Publisher, Show},
    store::archive::Archive,
    v1::tests::hosts,
};
use http_server::{
    Access, ErrorKind, Handler, HostName, Later, RequestContext, Response, Route, WebOrigin,
    auth::{Anonymous, Scope, Token, Tokens},
    net::StreamPermits,
    response,
};
use hyper::{Method, StatusCode};
use tokio::time::Instant;

mod lowered;

const READ: &str = "reads-everything";
const SUMMARY: &str = "sees-a-summary-only";
const METRICS: &str = "scrapes-and-no-more";
const WRONG: &str = "is-nobodys-token-at-all";

fn file() -> (watch::Sender<Arc<Tokens>>, ServerConfig) {
    let text = format!("whole read {READ}\nboard summary {SUMMARY}\nprometheus metrics {METRICS}\n");
    let (sender, tokens) = watch::channel(Arc::new(Tokens::parse(text.as_bytes()).unwrap()));
    (sender, ServerConfig { tokens: Some(tokens), ..ServerConfig::default() })
}

fn app(config: ServerConfig) -> App {
    publishing(config, hosts::planted()).1
}

/// With all that can be served at `/metrics`.
fn publishing(config: ServerConfig, snapshot: Snapshot) -> (Publisher, App) {
    let names = "native,dcgm".parse().unwrap();
    let metrics = MetricsSettings { names, processes: Some(100), ..MetricsSettings::default() };
    let past = Arc::new(Archive::new(History::new(Depth::default())));
    let publisher = Publisher::keeping(Stamp::default(), Show { metrics, ..Show::default() }, past);
    publisher.publish(snapshot);
    let app = App::new(config, publisher.subscribe());
    (publisher, app)
}

fn request(path: &str, token: Option<&str>) -> Request<()> {
    let request = Request::get(path);
    let request = token.into_iter().fold(request, |request, token| request.header(AUTHORIZATION, token));
    request.body(()).unwrap()
}

/// The response to a client without a known address, which is never throttled.
fn ask(app: &App, path: &str, token: Option<&str>) -> Response {
    app.reply(None, &request(path, token)).now_or_never().unwrap()
}

fn status(app: &App, path: &str, token: Option<&str>) -> u16 {
    ask(app, path, token).status().as_u16()
}

/// The body; of a stream what comes until it would wait.
fn text(response: Response) -> String {
    let packed = response.headers().contains_key(CONTENT_ENCODING);
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(Some(frame)) = body.frame().now_or_never() {
        bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    if packed {
        let mut plain = Vec::new();
        // A stream has no end.
        let _ = GzDecoder::new(&bytes[..]).read_to_end(&mut plain);
        bytes = plain;
    }
    String::from_utf8(bytes).unwrap()
}

/// Every path of the table, and questions that look at people in other ways.
fn paths() -> Vec<String> {
    let table = ENDPOINTS.iter().map(|endpoint| &endpoint.route).map(|route| match route.handler {
        Handler::Below(_) => format!("{}0", route.path),
        _ => route.path.to_owned(),
    });
    let asked = [
        "/status?idx=0,1",
        "/status?process=C",
        "/status?idx=1&process=G",
        "/api/v1/processes?gpu=0",
        "/api/v1/processes?type=C",
        "/api/v1/processes?user=planted-user",
        "/api/v1/events?since=0",
        "/api/v1/gpus/GPU-1",
        "/api/v1/history?metric=memory.used_bytes",
        "/api/v1/history?metric=memory.used_bytes&since=-1h&until=now&format=csv",
        "/api/v1/nothing",
        "/nothing",
    ];
    table.filter(|path| !path.is_empty()).chain(asked.map(String::from)).collect()
}

/// All responses to a token, plain and compressed.
async fn all(app: &App, token: Option<&str>) -> String {
    let mut told = String::new();
    for path in paths() {
        for encoding in ["identity", "gzip"] {
            let mut request = request(&path, token);
            request.headers_mut().insert(ACCEPT_ENCODING, encoding.parse().unwrap());
            let response = app.reply(None, &request).await;
            told.push_str(&format!("{:?}", response.headers()));
            told.push_str(&text(response));
        }
    }
    told
}

#[tokio::test]
async fn scopes_never_expose_denied_names() {
    let everything = all(&app(file().1), Some(READ)).await;
    for planted in hosts::PLANTED {
        assert!(everything.contains(planted) || planted == "planted-argument", "{planted} is not planted");
    }
    // `/status` shows command lines in full.
    assert!(everything.contains("planted-argument"));
    let open = |scope| app(ServerConfig { anonymous: Anonymous::Sees(scope), ..ServerConfig::default() });
    let told = [
        ("summary", all(&app(file().1), Some(SUMMARY)).await),
        ("nobody", all(&app(file().1), None).await),
        ("a wrong token", all(&app(file().1), Some(WRONG)).await),
        ("anonymous summary", all(&open(Scope::Summary), None).await),
    ];
    for (who, told) in told {
        for planted in hosts::PLANTED {
            assert!(!told.contains(planted), "{who} sees {planted}");
        }
    }
    // A scraper sees pods, jobs and processes, but neither users nor programs.
    for told in [all(&app(file().1), Some(METRICS)).await, all(&open(Scope::Metrics), None).await] {
        assert!(told.contains("nvsmi_gpu_process_memory_bytes{") && told.contains("planted-pod"));
        for person in &hosts::PLANTED[..3] {
            assert!(!told.contains(person), "metrics contain {person}");
        }
    }
    for token in [READ, SUMMARY, METRICS] {
        assert!(!everything.contains(token), "no answer holds a token");
    }
}

#[tokio::test]
async fn scopes_reach_allowed_paths_only() {
    let app = app(file().1);
    for path in paths() {
        let open = ["/healthz", "/readyz", "/", "/docs"].contains(&path.as_str()) || path.starts_with(ASSETS);
        let about_people = path.ends_with("/users") || path.ends_with("/sessions") || path.contains("user=");
        let read = status(&app, &path, Some(READ));
        assert!(read < 500 && !matches!(read, 401 | 403), "{path}: {read}");
        let summary = if about_people { 403 } else { read };
        assert_eq!(status(&app, &path, Some(SUMMARY)), summary, "{path}");
        let [metrics, none] = if open { [read, read] } else { [403, 401] };
        let metrics = if path == "/metrics" { read } else { metrics };
        assert_eq!(status(&app, &path, Some(METRICS)), metrics, "{path}");
        assert_eq!([status(&app, &path, None), status(&app, &path, Some(WRONG))], [none, none], "{path}");
    }
    assert_eq!(status(&app, "/%6detrics", Some(METRICS)), 200);
}

#[tokio::test]
async fn status_summary_keeps_rows_and_keys() {
    let app = app(file().1);
    let data = |token| -> serde_json::Value { serde_json::from_str(&text(ask(&app, "/status", Some(token)))).unwrap() };
    let (whole, summary) = (data(READ), data(SUMMARY));
    assert_eq!(whole["data"]["devices"], summary["data"]["devices"]);
    let rows = |data: &serde_json::Value| data["data"]["processes"].as_array().unwrap().clone();
    assert_eq!(rows(&whole).len(), rows(&summary).len());
    for (seen, hidden) in rows(&whole).iter().zip(rows(&summary)) {
        let keys = |row: &serde_json::Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(seen), keys(&hidden));
        for key in keys(seen) {
            let expected = match key.as_str() {
                "pid" | "username" | "command" => &"N/A".into(),
                key => &seen[key],
            };
            assert_eq!(&hidden[&key], expected, "{key}");
        }
    }
}

#[tokio::test]
async fn anonymous_scope_is_as_configured() {
    let token = || Token::new("of-the-environment");
    for (anonymous, token, seen) in [
        (Anonymous::Unsaid, None, [200, 200, 200]),
        (Anonymous::Unsaid, token(), [401, 401, 401]),
        (Anonymous::Nothing, token(), [401, 401, 401]),
        (Anonymous::Sees(Scope::Metrics), token(), [401, 401, 401]),
        (Anonymous::Sees(Scope::Summary), token(), [200, 401, 200]),
        (Anonymous::Sees(Scope::Read), token(), [200, 200, 200]),
        // Without any token none would help.
        (Anonymous::Sees(Scope::Summary), None, [200, 403, 200]),
        (Anonymous::Sees(Scope::Metrics), None, [403, 403, 403]),
    ] {
        let has_tokens = token.is_some();
        let app = app(ServerConfig { anonymous, token, ..ServerConfig::default() });
        let told =
            |presented| ["/status", "/api/v1/users", "/api/v1/summary"].map(|path| status(&app, path, presented));
        assert_eq!(told(None), seen, "{anonymous:?}");
        if has_tokens {
            assert_eq!(told(Some("of-the-environment")), [200; 3], "{anonymous:?}");
            assert_eq!(told(Some(WRONG)), [401; 3], "{anonymous:?}: a wrong token is wrong");
        } else {
            assert_eq!(told(Some(WRONG)), seen, "{anonymous:?}: what is not wanted is not looked at");
        }
    }
}

#[tokio::test]
async fn stream_ends_when_own_token_revoked() {
    let (sender, config) = file();
    let (publisher, app) =
        publishing(ServerConfig { token: Token::new("of-the-environment"), ..config }, hosts::healthy());
    let mut streams =
        [READ, SUMMARY, "of-the-environment"].map(|token| Some(ask(&app, "/api/v1/stream", Some(token)).into_body()));
    // What has not ended is read until it would wait.
    let mut ended = || {
        for stream in &mut streams {
            while let Some(said) = stream.as_mut().and_then(|body| body.frame().now_or_never()) {
                if said.is_none() {
                    *stream = None;
                }
            }
        }
        streams.each_ref().map(Option::is_none)
    };
    assert_eq!(ended(), [false, false, false]);
    let change = |text: String| drop(sender.send_replace(Arc::new(Tokens::parse(text.as_bytes()).unwrap())));
    change(format!("renamed read {READ}\nboard summary {SUMMARY}\n"));
    assert_eq!(ended(), [false, false, false], "a name is no more than a name");
    change(format!("renamed read {READ}\nboard metrics {SUMMARY}\n"));
    assert_eq!(ended(), [false, true, false], "it opens something else now");
    change("# none\n".into());
    assert_eq!(ended(), [true, true, false]);
    assert_eq!([status(&app, "/count", Some(READ)), status(&app, "/count", Some("of-the-environment"))], [401, 200]);
    drop(publisher);
}

/// The other end of a connection from that address.
fn from(address: &str) -> Option<ClientAddr> {
    Some(ClientAddr::Ip(address.parse().unwrap()))
}

#[tokio::test(start_paused = true)]
async fn token_valid_never_throttled_by_invalid_ones() {
    let app = app(file().1);
    let mut waiting = Vec::new();
    let mut counts = [0; 3];
    for port in 1..=1000 {
        // All through one proxy.
        let mut reply = Box::pin(app.reply(from(&format!("192.0.2.1:{port}")), &request("/count", Some(WRONG))));
        match reply.as_mut().now_or_never() {
            None => {
                counts[1] += 1;
                waiting.push(reply);
            }
            Some(response) => {
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
                counts[if response.headers().contains_key(CONNECTION) { 2 } else { 0 }] += 1;
            }
        }
        let right = app.reply(from("192.0.2.1:7"), &request("/count", Some(READ))).now_or_never();
        let right = right.expect("it does not wait");
        assert!(right.status() == StatusCode::OK && !right.headers().contains_key(CONNECTION));
        let other = app.reply(from("192.0.2.2:7"), &request("/count", None)).now_or_never();
        assert!(other.is_some(), "nor does who presents nothing");
    }
    assert_eq!(counts, [10, 32, 958], "at once, after a while, and closed");
    let begun = Instant::now();
    for reply in waiting {
        assert_eq!(reply.await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[tokio::test]
async fn forwarded_addresses_ignored() {
    let app = app(file().1);
    let waits = (0..12).filter(|number| {
        let mut request = request("/count", Some(WRONG));
        for name in ["x-forwarded-for", "forwarded", "x-real-ip"] {
            request.headers_mut().insert(name, format!("198.51.100.{number}").parse().unwrap());
        }
        app.reply(from("192.0.2.1:1"), &request).now_or_never().is_none()
    });
    assert_eq!(waits.count(), 2);
}

#[tokio::test]
async fn token_in_address_rejected() {
    let app = app(file().1);
    for path in [format!("/count?token={READ}"), format!("/count?authorization={READ}"), format!("/{READ}/count")] {
        assert_eq!(status(&app, &path, None), 401, "{path}");
    }
}

#[tokio::test]
async fn open_local_agent_answers_to_own_names_only() {
    let named = || Some(vec!["gpu01".parse::<HostName>().unwrap()]);
    let open = app(ServerConfig { allowed_hosts: named(), ..ServerConfig::default() });
    let with_token = app(ServerConfig { allowed_hosts: named(), token: Token::new(READ), ..ServerConfig::default() });
    let ask = |app: &App, path: &str, host: &str, token| {
        let mut request = request(path, token);
        request.headers_mut().insert(HOST, host.parse().unwrap());
        app.reply(None, &request).now_or_never().unwrap()
    };
    for (host, expected) in [("localhost:8000", 200), ("127.0.0.1", 200), ("gpu01:8000", 200), ("evil.example", 421)] {
        assert_eq!(ask(&open, "/count", host, None).status(), expected, "{host}");
        assert_eq!(ask(&with_token, "/count", host, Some(READ)).status(), 200, "{host}");
        assert_eq!(ask(&with_token, "/count", host, None).status(), 401, "{host}");
        assert_eq!(ask(&open, "/healthz", host, None).status(), 200, "{host}");
    }
    let told = text(ask(&open, "/count", "evil.example", None));
    assert!(told.contains("--allowed-hosts") && told.starts_with(r#"{"code":421,"#), "{told}");
    let v1 = ask(&open, "/api/v1/snapshot", "evil.example", None);
    assert_eq!(v1.headers()["content-type"], "application/problem+json");
    let anywhere = app(ServerConfig::default());
    assert_eq!(ask(&anywhere, "/count", "evil.example", None).status(), 200);
}

#[tokio::test]
async fn answers_have_browser_protection_headers() {
    let app = app(ServerConfig { token: Token::new(READ), ..ServerConfig::default() });
    for path in paths() {
        for token in [Some(READ), None] {
            let response = ask(&app, &path, token);
            let header = |name: &str| response.headers()[name].to_str().unwrap();
            assert_eq!((header("x-content-type-options"), header("referrer-policy")), ("nosniff", "no-referrer"));
            assert_eq!(header("cross-origin-resource-policy"), "same-origin");
            let policy = header("content-security-policy");
            assert!(
                policy.starts_with("default-src 'none'") && policy.ends_with("frame-ancestors 'none'"),
                "{path}: {policy}"
            );
            assert!(!policy.contains("unsafe"), "{path}: {policy}");
            for name in ["access-control-allow-origin", "set-cookie", "server"] {
                assert!(!response.headers().contains_key(name), "{path}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn streams_limited_per_address() {
    let app = app(ServerConfig { streams: Arc::new(StreamPermits::new(4)), ..ServerConfig::default() });
    let open = |address: &str| {
        let peer = Some(ClientAddr::Ip(address.parse().unwrap()));
        app.reply(peer, &request("/api/v1/stream", None)).now_or_never().unwrap()
    };
    let taken: Vec<_> = (1..=3).map(|port| open(&format!("192.0.2.1:{port}"))).collect();
    assert!(taken.iter().all(|response| response.status() == StatusCode::OK));
    let refused = open("192.0.2.1:4");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(refused).contains("Your address has 3 of the 4 streams"));
    assert_eq!(open("192.0.2.2:1").status(), StatusCode::OK);
}

#[tokio::test]
async fn cors_allows_named_origins_only() {
    let origin: WebOrigin = "https://board.example.org".parse().unwrap();
    let named = app(ServerConfig { cors_origins: vec![origin], token: Token::new(READ), ..ServerConfig::default() });
    let closed = app(ServerConfig { token: Token::new(READ), ..ServerConfig::default() });
    let ask = |app: &App, method: Method, origin: &str, headers: &[(&'static str, &str)]| {
        let mut request = request("/count", None);
        *request.method_mut() = method;
        for (name, value) in headers.iter().chain([&("origin", origin)]) {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        app.reply(None, &request).now_or_never().unwrap()
    };
    let allowed = |response: &Response| {
        response.headers().get("access-control-allow-origin").map(|origin| origin.to_str().unwrap().to_owned())
    };
    let whom = "https://board.example.org";
    let asks_first = [("access-control-request-method", "GET"), ("access-control-request-headers", "authorization")];
    let permit = ask(&named, Method::OPTIONS, whom, &asks_first);
    assert_eq!((permit.status().as_u16(), allowed(&permit).as_deref()), (204, Some(whom)));
    assert_eq!(permit.headers()["access-control-allow-headers"], "authorization, last-event-id, nvsmi-scope");
    let right = ask(&named, Method::GET, whom, &[("authorization", READ)]);
    assert_eq!((right.status().as_u16(), allowed(&right).as_deref()), (200, Some(whom)));
    assert_eq!(right.headers()["vary"], "origin");
    let refused = ask(&named, Method::GET, whom, &[]);
    assert_eq!((refused.status().as_u16(), allowed(&refused).as_deref()), (401, Some(whom)), "it may read why");
    for (app, origin) in [(&named, "https://evil.example"), (&named, "null"), (&closed, whom)] {
        assert_eq!(ask(app, Method::OPTIONS, origin, &asks_first).status(), 401, "{origin}");
        assert_eq!(allowed(&ask(app, Method::GET, origin, &[("authorization", READ)])), None, "{origin}");
    }
    assert!(!ask(&closed, Method::GET, whom, &[]).headers().contains_key("vary"));
}

#[tokio::test]
async fn panic_is_500_and_counted() {
    fn breaks(_: &RequestContext<'_, State>) -> Response {
        panic!("a view that breaks, on purpose")
    }
    const BROKEN: &[Endpoint] =
        &[Endpoint::undocumented(Route::read("/broken", Access::Views, ErrorFormat::Legacy, breaks))];
    let app = App::with_endpoints(ServerConfig::default(), Publisher::new(Stamp::default()).subscribe(), BROKEN);
    for expected in 1..=2 {
        let response = ask(&app, "/broken", None);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(text(response), r#"{"code":500,"data":null,"error":"Internal Server Error"}"#);
        assert_eq!(app.0.requests().panics(), expected);
    }
}

/// Waits for a snapshot, then does what the query says.
fn waits(context: &RequestContext<'_, State>) -> Later {
    let mut published = context.router.state.published.clone();
    let query = context.query.map(str::to_owned);
    drop(published.borrow_and_update());
    Box::pin(async move {
        published.changed().await.unwrap();
        match query.as_deref() {
            Some("breaks") => panic!("a wait that breaks, on purpose"),
            Some("refuses") => ErrorFormat::Problem.error(ErrorKind::Forbidden),
            _ => response::json(StatusCode::OK, "{}".into()),
        }
    })
}

const WAITS: &[Endpoint] = &[
    Endpoint::undocumented(Route::later("/later", Access::Views, ErrorFormat::Problem, waits)),
    Endpoint::undocumented(Route::read("/now", Access::Views, ErrorFormat::Legacy, |_| {
        response::json(StatusCode::OK, "{}".into())
    })),
];

#[tokio::test]
async fn later_response_is_as_any_other() {
    let origin: WebOrigin = "https://board.example.org".parse().unwrap();
    let (_tokens, config) = file();
    let config = ServerConfig { cors_origins: vec![origin], anonymous: Anonymous::Sees(Scope::Read), ..config };
    let publisher = Publisher::new(Stamp::default());
    let app = App::with_endpoints(config, publisher.subscribe(), WAITS);
    let begin = |method: Method, path: &str, token| {
        let mut request = request(path, token);
        *request.method_mut() = method;
        request.headers_mut().insert("origin", "https://board.example.org".parse().unwrap());
        Box::pin(app.reply(None, &request))
    };
    // Refusals come before the handler, which would wait.
    assert_eq!(begin(Method::GET, "/later", Some(WRONG)).now_or_never().unwrap().status(), 401);
    assert_eq!(begin(Method::GET, "/later", Some(METRICS)).now_or_never().unwrap().status(), 403);
    assert_eq!(begin(Method::POST, "/later", None).now_or_never().unwrap().status(), 405);
    let mut waiting = [
        begin(Method::GET, "/later", Some(READ)),
        begin(Method::HEAD, "/later", None),
        begin(Method::GET, "/later?breaks", None),
        begin(Method::GET, "/later?refuses", Some(READ)),
        begin(Method::GET, "/later?refuses", None),
    ];
    assert!(waiting.iter_mut().all(|reply| reply.as_mut().now_or_never().is_none()));
    assert_eq!(status(&app, "/now", None), 200, "another request does not wait");
    drop(begin(Method::GET, "/later", None));
    publisher.publish(hosts::planted());
    for (reply, expected) in waiting.into_iter().zip([200, 200, 500, 403, 401]) {
        let response = reply.await;
        assert_eq!(response.status(), expected);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("access-control-allow-origin", "https://board.example.org"),
        ] {
            assert_eq!(response.headers()[name], value, "{expected}");
        }
    }
    let mut head = begin(Method::HEAD, "/later", None);
    assert!(head.as_mut().now_or_never().is_none());
    publisher.publish(hosts::planted());
    let head = head.await;
    assert_eq!(head.headers()["content-length"], "2");
    assert_eq!(text(head), "");
    assert_eq!(app.0.requests().panics(), 1);
    let mut counted = Vec::new();
    app.0.requests().each(|route, status, count| counted.push(format!("{route} {status} {count}")));
    let expected = ["/later 200 3", "/later 401 2", "/later 403 2", "/later 405 1", "/later 500 1", "/now 200 1"];
    assert_eq!(counted, expected);
}
