//! The audit log.

use super::*;

#[tokio::test]
async fn each_proxied_request_is_one_line_without_secrets() {
    let (lines, _guard) = audited();
    let host = Host::answering(said(JSON, "{}")).await;
    let hub = Hub::with(&[("gpu01", &host.endpoint)], Anonymous::Sees(Scope::Summary), StreamPermits::new(8)).await;
    for (path, token) in [
        ("gpu01/api/v1/processes?user=alice&gpu=0&token=hush", READ),
        ("gpu01/count", ""),
        ("gpu01/metrics", METRICS),
        ("gpu02/count", READ),
        ("gpu01/%2e%2e/count", SUMMARY),
        ("gpu01/api/v1/sees-everything-here", READ),
    ] {
        hub.get(path, token).await;
    }
    let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
    let found: Vec<&str> = text.lines().filter(|line| line.contains(" audit: ")).collect();
    let expected = [
        r#"who="alice" host="gpu01" method="GET" path="/hub/hosts/gpu01/api/v1/processes?…&gpu=0&…" status=200 "#,
        r#"who="(anonymous)" host="gpu01" method="GET" path="/hub/hosts/gpu01/count" status=403 "#,
        r#"who="scraper" host="gpu01" method="GET" path="/hub/hosts/gpu01/metrics" status=403 "#,
        r#"who="alice" host="gpu02" method="GET" path="/hub/hosts/gpu02/count" status=404 "#,
        r#"who="board" host="-" method="GET" path="/hub/hosts/gpu01/%2e%2e/count" status=400 "#,
        r#"who="alice" host="gpu01" method="GET" path="(contains a token)" status=200 "#,
    ];
    assert_eq!(found.len(), expected.len(), "{text}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected) && found.contains("from=127.0.0.1:"), "{found}\n{expected}");
        assert!(found.contains("microseconds="), "{found}");
    }
    for secret in [READ, SUMMARY, METRICS, "the-agents-own-secret", "hush"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn request_that_its_viewer_gives_up_is_a_line_too() {
    let (lines, _guard) = audited();
    let mut host = Host::playing(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 8]).await;
    })
    .await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let viewer = hub.send(&request("gpu01/count", READ, "")).await;
    host.next_head().await;
    drop(viewer);
    let line = async {
        loop {
            let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
            if let Some(line) = text.lines().find(|line| line.contains(" audit: ")) {
                return line.to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    let line = timeout(SOON, line).await.unwrap();
    assert!(line.contains(r#"path="/hub/hosts/gpu01/count" microseconds="#), "{line}");
}
