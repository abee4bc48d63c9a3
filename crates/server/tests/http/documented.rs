//! Paths outside `/api/v1` answer as documented in `/openapi.json`, for each client and state of the collector.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use server::{App, Publisher, ServerConfig, Token, Tokens};
use telemetry::{
    Stamp,
    snapshot::{CollectorState, Process, ProcessKind},
};
use tokio::sync::watch;

use crate::{host, schema};

async fn ask(app: &App, path: &str, token: Option<&str>) -> (StatusCode, HeaderMap, Bytes) {
    let request = token.into_iter().fold(Request::get(path), |request, token| request.header("authorization", token));
    let response = app.reply(None, &request.body(()).unwrap()).await;
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

async fn document(app: &App, token: Option<&str>) -> Value {
    serde_json::from_slice(&ask(app, "/openapi.json", token).await.2).unwrap()
}

/// Asks, and holds the answer against the document.
async fn judged(app: &App, document: &Value, asked: &str) -> u16 {
    let (status, headers, body) = ask(app, asked, None).await;
    let (path, kind) = (asked.split('?').next().unwrap(), headers["content-type"].to_str().unwrap());
    let content = &schema::answer(document, path, status.as_u16())["content"][kind];
    assert!(content.is_object(), "{asked}: {status} {kind} is not in the document");
    if path != "/openapi.json" {
        let faults = schema::faults(document, &content["schema"], &serde_json::from_slice(&body).unwrap(), path);
        assert!(faults.is_empty(), "{asked}: {faults:#?}");
    }
    status.as_u16()
}

#[tokio::test]
async fn answers_match_openapi() {
    let publisher = Publisher::new(Stamp::default());
    let app = App::new(ServerConfig::default(), publisher.subscribe());
    let document = document(&app, None).await;
    let answers = async |paths: &[&str]| {
        let mut found = Vec::new();
        for path in paths {
            found.push(judged(&app, &document, path).await);
        }
        found
    };
    let all = ["/status", "/count", "/healthz", "/readyz", "/openapi.json"];
    assert_eq!(answers(&all).await, [500, 500, 200, 503, 200], "before anything was read");
    let mut gpu = host::gpu(0);
    gpu.processes = vec![Process { kind: ProcessKind::Both, ..host::process(7) }];
    publisher.publish(host::snapshot(CollectorState::Ok, vec![gpu, host::gpu(1)]));
    assert_eq!(answers(&all).await, [200; 5]);
    assert_eq!(answers(&["/status?idx=1,0&process=C", "/status?idx=2", "/status?process=c"]).await, [200, 400, 400]);
}

#[tokio::test]
async fn unauthorized_answer_documented_if_tokens_exist() {
    let publisher = Publisher::new(Stamp::default());
    let app = |token| App::new(ServerConfig { token, ..ServerConfig::default() }, publisher.subscribe());
    let open = document(&app(None), None).await;
    assert_eq!(open["security"], Value::Null);
    let app = app(Token::new("x"));
    let guarded = document(&app, Some("x")).await;
    assert!(guarded["security"][0]["TOKEN"].is_array());
    for (path, operations) in guarded["paths"].as_object().unwrap() {
        let (status, headers, body) = ask(&app, path, None).await;
        if operations["get"]["security"] == serde_json::json!([{}]) {
            assert!(matches!(path.as_str(), "/healthz" | "/readyz") && status != 401, "{path}");
            continue;
        }
        let answer = schema::answer(&guarded, path, 401);
        let content = &answer["content"][headers["content-type"].to_str().unwrap()];
        let faults = schema::faults(&guarded, &content["schema"], &serde_json::from_slice(&body).unwrap(), path);
        assert!(status == 401 && faults.is_empty(), "{path}: {status} {faults:?}");
    }
}

#[tokio::test]
async fn forbidden_answer_documented() {
    let publisher = Publisher::new(Stamp::default());
    publisher.publish(host::snapshot(CollectorState::Ok, vec![host::gpu(0)]));
    let text = b"a read reads-everything\nb summary sees-a-summary-only\nc metrics scrapes-metrics-only\n";
    let (_sender, tokens) = watch::channel(Arc::new(Tokens::parse(text).unwrap()));
    let with_tokens = App::new(ServerConfig { tokens: Some(tokens), ..ServerConfig::default() }, publisher.subscribe());
    let document = document(&with_tokens, Some("reads-everything")).await;
    let for_one = ServerConfig { allowed_hosts: Some(vec![]), ..ServerConfig::default() };
    let for_one = App::new(for_one, publisher.subscribe());
    let mut seen = std::collections::BTreeSet::new();
    for path in document["paths"].as_object().unwrap().keys().filter(|path| *path != "/api/v1/stream") {
        let asked = path.replace("{gpu}", "0");
        let cases = ["sees-a-summary-only", "scrapes-metrics-only", "nobodys-token"]
            .map(|token| (&with_tokens, &*asked, Some(token)));
        let foreign = format!("http://evil.example{asked}");
        for (app, asked, token) in cases.into_iter().chain([(&for_one, &*foreign, None)]) {
            let (status, headers, body) = ask(app, asked, token).await;
            let kind = headers["content-type"].to_str().unwrap().split(';').next().unwrap();
            let content = &schema::answer(&document, path, status.as_u16())["content"][kind];
            assert!(content.is_object(), "{path}: {status} {kind} is not in the document");
            seen.insert(status.as_u16());
            if let Ok(body) = serde_json::from_slice(&body) {
                let faults = schema::faults(&document, &content["schema"], &body, path);
                assert!(path == "/openapi.json" || faults.is_empty(), "{path}: {status} {faults:?}");
            }
        }
    }
    assert!([200, 401, 403, 421].iter().all(|status| seen.contains(status)), "{seen:?}");
}

#[tokio::test]
async fn openapi_compressed_on_request() {
    let app = App::new(ServerConfig::default(), Publisher::new(Stamp::default()).subscribe());
    let mut lengths = Vec::new();
    for (takes, coding) in [("gzip", Some("gzip")), ("br", None)] {
        let request = Request::get("/openapi.json").header("accept-encoding", takes).body(()).unwrap();
        let response = app.reply(None, &request).await;
        assert_eq!(response.headers()["vary"], "accept-encoding");
        assert_eq!(response.headers().get("content-encoding").map(|coding| coding.to_str().unwrap()), coding);
        lengths.push(response.into_body().collect().await.unwrap().to_bytes().len());
    }
    assert!(lengths[0] * 4 < lengths[1], "{lengths:?}");
}
