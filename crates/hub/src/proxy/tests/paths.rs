//! Requests that a viewer can make the hub send.

use super::*;

#[tokio::test]
async fn request_to_agent_has_listed_fields_only() {
    let mut host = Host::answering(said(JSON, "{}")).await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let more = "cookie: session=secret\r\naccept: text/csv\r\naccept: application/json\r\naccept-encoding: gzip\r\n\
                last-event-id: 7-a\r\nuser-agent: spy\r\nreferer: http://a/\r\norigin: http://evil.example\r\n\
                x-forwarded-for: 192.0.2.1\r\nforwarded: for=192.0.2.1\r\nx-real-ip: 192.0.2.1\r\nvia: 1.1 x\r\n\
                proxy-authorization: Basic c2VjcmV0\r\nif-none-match: *\r\nrange: bytes=0-1\r\nte: trailers\r\n\
                upgrade: websocket\r\nexpect: 100-continue\r\nx-token: secret\r\n";
    let answer = hub.answer_to(&request("gpu01/api/v1/usage?by=user&since=%2D7d&x=%00+%2e%2e/", READ, more)).await;
    assert_eq!((answer.status, answer.text()), (200, "{}"));
    let head = host.next_head().await;
    let mut lines: Vec<&str> = head.trim_end().lines().collect();
    assert_eq!(lines.remove(0), "GET /agent/api/v1/usage?by=user&since=%2D7d&x=%00+%2e%2e/ HTTP/1.1");
    lines.sort_unstable();
    let authority = host.endpoint.authority();
    assert_eq!(
        lines,
        [
            "accept-encoding: gzip",
            "accept: application/json",
            "accept: text/csv",
            &format!("authorization: {AGENTS_TOKEN}"),
            &format!("host: {authority}"),
            "last-event-id: 7-a",
        ]
    );
}

#[tokio::test]
async fn head_request_stays_one() {
    let host = Host::answering(format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 12345\r\nset-cookie: a=b\r\n\r\n"));
    let mut host = host.await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    for path in ["gpu01/api/v1/snapshot", "gpu01/api/v1/stream"] {
        let answer = hub.answer_to(&request(path, READ, "").replacen("GET", "HEAD", 1)).await;
        assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, "12345", 0), "{path}");
        assert_eq!(answer.header("set-cookie"), "");
        assert!(host.next_head().await.starts_with("HEAD /agent/api/v1/s"));
    }
    assert_eq!(hub.streams.taken(), 0);
}

#[tokio::test]
async fn paths_that_are_unclear_or_not_listed_reach_nobody() {
    let mut host = Host::answering(said(JSON, "{}")).await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    for (path, status) in [
        ("gpu01/../gpu01/status", 400),
        ("gpu01/%2e%2e/status", 400),
        ("gpu01/api/v1/%2E%2e/%2e%2E/status", 400),
        ("gpu01/api/v1/a%2fb", 400),
        ("gpu01%2fstatus", 400),
        ("gpu01/api/v1/a\\..\\b", 400),
        ("gpu01/api/v1/a%5Cb", 400),
        ("gpu01//status", 400),
        ("/status", 400),
        ("gpu01/http://127.0.0.1/", 400),
        ("gpu01/api/v1/a%0d%0aset-cookie:%20a", 400),
        ("gpu01/api/v1/%00", 400),
        ("gpu01/api/v1/%252e%252e/", 400),
        ("gpu01/api/v1/%zz", 400),
        ("gpu01", 404),
        ("gpu01/", 404),
        ("gpu01/healthz", 404),
        ("gpu01/docs", 404),
        ("gpu01/assets/index.js", 404),
        ("gpu01/api/v1", 404),
        ("gpu01/api/v2/x", 404),
        ("gpu01/status/", 404),
        ("gpu02/status", 404),
        ("GPU01/status", 404),
        ("127.0.0.1/status", 404),
        ("localhost:22/status", 404),
        (&format!("{}/status", host.endpoint.authority()), 404),
        (&format!("{}/status", "a".repeat(5000)), 404),
    ] {
        let answer = hub.get(path, READ).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(
            !answer.detail().is_empty() && answer.header("content-security-policy").starts_with("default-src 'none'")
        );
    }
    let whole = format!(
        "GET http://evil.example/hub/hosts/gpu01/status HTTP/1.1\r\nhost: hub\r\nconnection: close\r\nauthorization: {READ}\r\n\r\n"
    );
    assert_eq!(hub.answer_to(&whole).await.status, 400);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let head = request("gpu01/status", READ, "").replacen("GET", method, 1);
        assert_eq!(hub.answer_to(&head).await.status, 405, "{method}");
    }
    assert!(!host.heard());
    assert_eq!(hub.get("gpu01/status", READ).await.status, 200);
    assert!(host.heard());
}

#[tokio::test]
async fn host_that_left_the_list_is_404() {
    let mut host = Host::answering(said(JSON, "{}")).await;
    let hub = Hub::new(&[("gpu01", &host.endpoint), ("[::1]:8000", &host.endpoint)]).await;
    for name in ["gpu01", "[::1]:8000", "%5B%3A%3a1%5d:8000"] {
        assert_eq!(hub.get(&format!("{name}/count"), READ).await.status, 200, "{name}");
        assert!(host.heard());
    }
    hub.targets.send_replace(list(&[("gpu02", &host.endpoint)]));
    let answer = hub.get("gpu01/count", READ).await;
    assert_eq!(answer.status, 404);
    assert!(answer.detail().contains("No such host"));
    // Until the list is whole, nobody knows.
    hub.targets.send_modify(|list| list.is_loaded = false);
    let answer = hub.get("gpu01/count", READ).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    assert!(!host.heard());
    assert_eq!(hub.get("gpu02/count", READ).await.status, 200);
}

#[tokio::test]
async fn original_has_two_paths() {
    let mut host = Host::answering(said(JSON, r#"{"code":0,"data":2}"#)).await;
    let hub = Hub::new(&[("original", &host.endpoint)]).await;
    for path in ["api/v1/snapshot", "api/v1/stream", "metrics", "openapi.json"] {
        let answer = hub.get(&format!("original/{path}"), READ).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.detail().contains("original agent"), "{path}");
    }
    assert!(!host.heard());
    for path in ["status?idx=0", "count"] {
        assert_eq!(hub.get(&format!("original/{path}"), READ).await.status, 200, "{path}");
        assert!(host.next_head().await.starts_with(&format!("GET /agent/{path} ")));
    }
}

#[tokio::test]
async fn long_fields_of_a_viewer_are_refused() {
    let mut host = Host::answering(said(JSON, "{}")).await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let more = format!("accept: {}\r\n", "a".repeat(4000)).repeat(3);
    assert_eq!(hub.answer_to(&request("gpu01/count", READ, &more)).await.status, 431);
    assert!(!host.heard());
    let more = format!("cookie: {}\r\n", "a".repeat(40_000));
    assert_eq!(hub.answer_to(&request("gpu01/count", READ, &more)).await.status, 200);
}

#[tokio::test]
async fn original_gets_the_form_of_token_that_it_takes() {
    async fn strict() -> Host {
        Host::playing(|mut stream, head| async move {
            let is_bare = head.lines().any(|line| line == "authorization: the-agents-own-secret");
            let refused = format!("HTTP/1.1 401 Unauthorized\r\n{JSON}content-length: 2\r\n\r\n{{}}");
            let _ = stream.write_all(if is_bare { said(JSON, "{}") } else { refused }.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await
    }
    let (original, other, unknown) = (strict().await, strict().await, strict().await);
    let hub = Hub::new(&[("unknown", &unknown.endpoint)]).await;
    for path in ["status", "count"] {
        assert_eq!(hub.get(&format!("unknown/{path}"), READ).await.status, 200, "{path}: nobody knows the originals");
    }
    assert_eq!(hub.get("unknown/api/v1/summary", READ).await.status, 502, "the original does not have it");
    let hub = Hub::new(&[("original", &original.endpoint), ("other", &other.endpoint)]).await;
    for path in ["status", "count"] {
        assert_eq!(hub.get(&format!("original/{path}"), READ).await.status, 200, "{path}");
        assert_eq!(hub.get(&format!("other/{path}"), READ).await.status, 502, "{path}: others get Bearer only");
    }
}
