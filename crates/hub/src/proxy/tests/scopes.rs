//! Scopes: a viewer who may not see people gets no byte of an agent that does not confirm that it hides them.

use super::*;

const PLANTED: &str = "planted-user";
/// Every path of an agent's API, and some that it does not have.
const PATHS: [&str; 22] = [
    "status",
    "count",
    "metrics",
    "metrics?set=full",
    "openapi.json",
    "api/v1/snapshot",
    "api/v1/gpus",
    "api/v1/gpus/0",
    "api/v1/processes",
    "api/v1/processes?user=planted-user",
    "api/v1/users",
    "api/v1/summary",
    "api/v1/summary.txt",
    "api/v1/events",
    "api/v1/history?metric=memory.used_bytes",
    "api/v1/usage?by=user",
    "api/v1/sessions",
    "api/v1/peers",
    "api/v1/find",
    "api/v1/stream",
    "api/v1/stream?view=summary",
    "api/v1/nothing",
];

/// An agent that names a user, hides it if it is asked to, and repeats these lines then.
async fn agent(repeats: &'static str) -> Host {
    Host::playing(move |mut stream, head| async move {
        let is_asked = head.lines().any(|line| line == "nvsmi-scope: summary");
        let kind = if head.contains("/stream") { "text/event-stream" } else { "application/json" };
        let name = if is_asked && repeats == "nvsmi-scope: summary\r\n" { "hidden" } else { PLANTED };
        let line = if is_asked { repeats } else { "" };
        let _ =
            stream.write_all(said(&format!("content-type: {kind}\r\n{line}x-user: {name}\r\n"), name).as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await
}

#[tokio::test]
async fn agent_hides_people_or_nothing_is_shown() {
    let mut current = agent("nvsmi-scope: summary\r\n").await;
    let older = agent("").await;
    let original = agent("").await;
    let lying = agent("nvsmi-scope: read\r\n").await;
    let twice = agent("nvsmi-scope: summary\r\nnvsmi-scope: read\r\n").await;
    let listed = agent("nvsmi-scope: summary, read\r\n").await;
    let upper = agent("nvsmi-scope: Summary\r\n").await;
    let hosts = [
        ("current", &current.endpoint),
        ("older", &older.endpoint),
        ("original", &original.endpoint),
        ("lying", &lying.endpoint),
        ("twice", &twice.endpoint),
        ("listed", &listed.endpoint),
        ("upper", &upper.endpoint),
    ];
    let hub = Hub::with(&hosts, Anonymous::Sees(Scope::Summary), StreamPermits::new(8)).await;
    for path in PATHS {
        for token in [SUMMARY, ""] {
            for name in ["older", "original", "lying", "twice", "listed", "upper"] {
                let answer = hub.get(&format!("{name}/{path}"), token).await;
                assert_eq!(answer.status, 403, "{name}/{path}: {answer:?}");
                assert!(!answer.head.contains(PLANTED) && !answer.detail().contains(PLANTED), "{name}/{path}");
            }
            let answer = hub.get(&format!("current/{path}"), token).await;
            assert_eq!((answer.status, answer.text()), (200, "hidden"), "{path}");
            assert!(!answer.head.contains(PLANTED), "{path}");
            assert!(current.next_head().await.contains("nvsmi-scope: summary\r\n"));
        }
        for name in ["current", "older", "lying"] {
            let answer = hub.get(&format!("{name}/{path}"), READ).await;
            assert_eq!((answer.status, answer.text()), (200, PLANTED), "{name}/{path}");
        }
        assert!(!current.next_head().await.contains("nvsmi-scope"));
    }
}

#[tokio::test]
async fn scraper_reaches_metrics_without_people_only() {
    let mut current = agent("nvsmi-scope: summary\r\n").await;
    let older = agent("").await;
    let hub = Hub::new(&[("current", &current.endpoint), ("older", &older.endpoint)]).await;
    for path in PATHS {
        let status = if path.starts_with("metrics") { 200 } else { 403 };
        let answer = hub.get(&format!("current/{path}"), METRICS).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.text().contains(PLANTED));
        assert_eq!(current.heard(), status == 200, "{path}");
        assert_eq!(hub.get(&format!("older/{path}"), METRICS).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn viewer_without_token_gets_nothing() {
    let mut host = agent("nvsmi-scope: summary\r\n").await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    for path in PATHS.iter().map(|path| format!("gpu01/{path}")).chain(["gpu09/status".into(), "..".into()]) {
        for token in ["", "is-nobodys-token-at-all"] {
            // A wrong token waits for nothing here: the first ten of an address are free.
            if !token.is_empty() && !path.ends_with("count") {
                continue;
            }
            let answer = hub.get(&path, token).await;
            assert_eq!((answer.status, answer.text()), (401, r#"{"code":401,"data":null,"error":"Unauthorized"}"#));
        }
    }
    assert!(!host.heard());
}

#[tokio::test]
async fn refusal_by_a_confirmed_scope_is_403() {
    let bytes = format!("HTTP/1.1 403 Forbidden\r\n{JSON}nvsmi-scope: summary\r\ncontent-length: 12\r\n\r\n{PLANTED}");
    let host = Host::answering(bytes).await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let answer = hub.get("gpu01/api/v1/users", SUMMARY).await;
    assert_eq!((answer.status, &*answer.detail()), (403, "The scope summary does not see this."));
}
