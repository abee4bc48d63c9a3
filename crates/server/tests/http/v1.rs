//! `/api/v1` through the router: where it is, in what form it refuses, and that states of the collector are answers.

use std::{io::Read as _, sync::Arc};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use server::{App, Archive, Commands, Publisher, ServerConfig, Show, Token};
use telemetry::{
    Stamp,
    history::{Depth, History},
    snapshot::{CollectorState, Process, Snapshot},
};

use crate::host;

fn app(publisher: &Publisher) -> App {
    let config = ServerConfig { url_prefix: "p".parse().unwrap(), ..ServerConfig::default() };
    App::new(config, publisher.subscribe())
}

fn archive() -> Arc<Archive> {
    Arc::new(Archive::new(History::new(Depth::default())))
}

fn published(commands: Option<Commands>, snapshot: Snapshot) -> App {
    let publisher = Publisher::keeping(Stamp::default(), Show { commands, ..Show::default() }, archive());
    publisher.publish(snapshot);
    app(&publisher)
}

fn with_a_secret() -> Snapshot {
    let mut gpu = host::gpu(0);
    let arguments = Ok(["python", "--token", "planted"].into_iter().collect());
    gpu.processes = vec![Process { arguments, ..host::process(7) }];
    host::snapshot(CollectorState::Ok, vec![gpu])
}

async fn ask(app: &App, method: Method, address: &str) -> (StatusCode, HeaderMap, Bytes) {
    let request = Request::builder().method(method).uri(address).header("accept-encoding", "gzip");
    let response = app.reply(None, &request.body(()).unwrap()).await;
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

async fn refusal(app: &App, method: Method, address: &str) -> u16 {
    let (status, headers, body) = ask(app, method, address).await;
    assert_eq!(headers["content-type"], "application/problem+json", "{address}");
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["status"], status.as_u16());
    for key in ["type", "title", "detail"] {
        assert!(problem[key].as_str().is_some_and(|text| !text.is_empty()), "{address}: {key}");
    }
    status.as_u16()
}

#[tokio::test]
async fn errors_are_problem_documents() {
    let app = published(None, with_a_secret());
    for path in ["", "/", "/nothing", "/snapshot//", "/gpus//", "/gpus/7", "/gpus/0/x", "/metrics"] {
        assert_eq!(refusal(&app, Method::GET, &format!("/p/api/v1{path}")).await, 404, "{path}");
    }
    assert_eq!(refusal(&app, Method::GET, "/p/api/v1/processes?gpu=9").await, 404);
    for path in ["/api/v1/processes?gpu=", "/api/v1/processes?type=X", "/api/v1/events?since=x", "/metrics?names=x"] {
        assert_eq!(refusal(&app, Method::GET, &format!("/p{path}")).await, 400, "{path}");
    }
    for path in ["/api/v1/snapshot", "/api/v1/gpus/0", "/openapi.json", "/metrics"] {
        assert_eq!(refusal(&app, Method::POST, &format!("/p{path}")).await, 405, "{path}");
    }
    // Paths outside /api/v1 keep the legacy format.
    for path in ["/p/api/v1x", "/p/api", "/api/v1/snapshot", "/p/metrics//"] {
        let (status, headers, _) = ask(&app, Method::GET, path).await;
        assert_eq!((status.as_u16(), headers["content-type"].to_str().unwrap()), (404, "application/json"), "{path}");
    }
}

#[tokio::test]
async fn unknown_parameters_refused_by_every_v1_path() {
    let app = published(None, with_a_secret());
    let (_, _, document) = ask(&app, Method::GET, "/p/openapi.json").await;
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&document[..]).read_to_string(&mut unpacked).unwrap();
    let document: Value = serde_json::from_str(&unpacked).unwrap();
    let mut strict = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.replace("{gpu}", "0");
        let parameters = operations["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let known: Vec<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let asked = format!("/p{path}?nonsense=1");
        if !path.starts_with("/api/v1/") {
            let (status, ..) = ask(&app, Method::GET, &asked).await;
            assert_eq!(status.as_u16(), 200, "{path}");
            continue;
        }
        assert_eq!(refusal(&app, Method::GET, &asked).await, 400, "{path}");
        let (status, headers, body) = ask(&app, Method::HEAD, &asked).await;
        assert_eq!((status.as_u16(), body.len()), (400, 0), "{path}");
        assert_eq!(headers["content-type"], "application/problem+json");
        let (_, _, body) = ask(&app, Method::GET, &asked).await;
        let problem: Value = serde_json::from_slice(&body).unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("\"nonsense\" is unknown") && known.iter().all(|name| detail.contains(name)),
            "{detail}"
        );
        strict += 1;
    }
    assert_eq!(strict, 14);
    // A redirect keeps the query, and the method is checked first.
    assert_eq!(ask(&app, Method::GET, "/p/api/v1/gpus/?nonsense=1").await.0.as_u16(), 307);
    assert_eq!(refusal(&app, Method::POST, "/p/api/v1/gpus?nonsense=1").await, 405);
    assert_eq!(refusal(&app, Method::GET, "/p/api/v1/nothing?nonsense=1").await, 404);
    for path in ["gpus?", "gpus?&", "events?since=now&", "processes?%67pu=0"] {
        assert_eq!(ask(&app, Method::GET, &format!("/p/api/v1/{path}")).await.0.as_u16(), 200, "{path}");
    }
}

#[tokio::test]
async fn unauthorized_answer_is_envelope() {
    let publisher = Publisher::new(Stamp::default());
    let app = App::new(ServerConfig { token: Token::new("x"), ..ServerConfig::default() }, publisher.subscribe());
    for path in ["/api/v1/snapshot", "/api/v1/nothing", "/openapi.json"] {
        let (status, headers, body) = ask(&app, Method::GET, path).await;
        assert_eq!((status.as_u16(), headers["content-type"].to_str().unwrap()), (401, "application/json"));
        assert_eq!(body, r#"{"code":401,"data":null,"error":"Unauthorized"}"#);
    }
}

#[tokio::test]
async fn collector_states_have_answers() {
    let no_driver = CollectorState::NoDriver { text: "Driver Not Loaded".into() };
    let publisher = Publisher::new(Stamp::default());
    for (state, word) in [(None, "starting"), (Some(no_driver), "no_driver"), (Some(CollectorState::Ok), "ok")] {
        if let Some(state) = state {
            publisher.publish(host::snapshot(state, vec![]));
        }
        let (status, _, body) = ask(&app(&publisher), Method::GET, "/p/api/v1/snapshot").await;
        let snapshot: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status.as_u16(), &snapshot["collector"]["state"]), (200, &word.into()));
    }
}

#[tokio::test]
async fn gpu_found_by_escaped_path() {
    let app = published(None, with_a_secret());
    let (_, _, plain) = ask(&app, Method::GET, "/p/api/v1/gpus/GPU-0").await;
    for path in ["/p/api/v1/gpus/GPU%2D0", "/p/api/v1/gp%75s/GPU%2D0"] {
        let (status, _, body) = ask(&app, Method::GET, path).await;
        assert_eq!((status.as_u16(), body), (200, plain.clone()), "{path}");
    }
}

#[tokio::test]
async fn secrets_shown_by_legacy_contract_only() {
    for (setting, status, v1) in [
        (None, "--token planted", Some("python --token ***")),
        (Some(Commands::Full), "--token planted", Some("python --token planted")),
        (Some(Commands::Masked), "--token ***", Some("python --token ***")),
        (Some(Commands::Name), r#""command":"python""#, None),
        (Some(Commands::Hidden), r#""command":"N/A""#, None),
    ] {
        let app = published(setting, with_a_secret());
        let (_, _, legacy) = ask(&app, Method::GET, "/p/status").await;
        let legacy = String::from_utf8(legacy.to_vec()).unwrap();
        assert!(legacy.contains(status), "{setting:?}: {legacy}");
        let (_, _, rows) = ask(&app, Method::GET, "/p/api/v1/processes").await;
        let rows: Value = serde_json::from_slice(&rows).unwrap();
        assert_eq!(rows[0]["command"].as_str(), v1, "{setting:?}");
        assert_eq!(rows[0]["absent"]["command"].as_str(), v1.is_none().then_some("hidden"));
    }
}

#[tokio::test]
async fn peers_shown_to_authorized_clients() {
    let with = |peers: &str| {
        let publisher = Publisher::new(Stamp::default());
        publisher.publish(with_a_secret());
        let config =
            ServerConfig { peers: peers.parse().unwrap(), token: Token::new(b"planted"), ..ServerConfig::default() };
        App::new(config, publisher.subscribe())
    };
    let ask = async |app: &App, path: &str, token: &str| {
        let request = Request::get(path).header("authorization", token).body(()).unwrap();
        app.reply(None, &request).await
    };
    let app = with("gpu02=/server2,far=https://gpu9.example/");
    let answer = ask(&app, "/api/v1/peers", "planted").await;
    let body: Value = serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
    let expected = r#"[{"name":"gpu02","url":"/server2/"},{"name":"far","url":"https://gpu9.example/"}]"#;
    assert_eq!(body.to_string(), expected);
    for path in ["/api/v1/snapshot", "/api/v1/stream"] {
        let answer = ask(&app, path, "planted").await;
        assert_eq!(answer.headers()["link"], "<peers>; rel=\"related\"", "{path}");
    }
    // Clients without a token do not learn that there are others.
    for path in ["/api/v1/peers", "/api/v1/snapshot", "/api/v1/stream", "/"] {
        let answer = ask(&app, path, "other").await;
        assert_eq!(answer.headers().get("link"), None, "{path}");
        let status = if path == "/" { 200 } else { 401 };
        assert_eq!(answer.status(), status, "{path}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(!body.windows(7).any(|bytes| bytes == b"server2"), "{path}");
    }
    let alone = with("");
    assert_eq!(ask(&alone, "/api/v1/snapshot", "planted").await.headers().get("link"), None);
    let answer = ask(&alone, "/api/v1/peers", "planted").await;
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "[]");
}
