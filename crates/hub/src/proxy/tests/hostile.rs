//! Agents that attack the viewer's browser through the hub's origin.

use super::*;

/// Header fields that a viewer may see of a proxied answer.
const FIELDS: [&str; 15] = [
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-resource-policy",
    "date",
    "link",
    "referrer-policy",
    "retry-after",
    "transfer-encoding",
    "vary",
    "x-accel-buffering",
    "x-content-type-options",
];

const SCRIPT: &str = "<script>EVIL</script>";

#[tokio::test]
async fn answers_that_are_no_agents_become_502() {
    let ok = |headers: &str| said(headers, SCRIPT);
    let status = |line: &str| {
        format!("HTTP/1.1 {line}\r\n{JSON}location: http://evil.example/EVIL\r\ncontent-length: 21\r\n\r\n{SCRIPT}")
    };
    for bytes in [
        ok("content-type: text/html\r\n"),
        ok("content-type: text/html; charset=utf-8\r\nx-content-type-options: sniff\r\n"),
        ok(""),
        ok("content-type: application/json; charset=x, text/html\r\n"),
        ok("content-type: application/json, text/html\r\n"),
        ok("content-type: application/json\r\ncontent-type: text/html\r\n"),
        ok("content-type: application/json; charset=utf-7\r\n"),
        ok("content-type: text/javascript\r\n"),
        ok("content-type: image/svg+xml\r\n"),
        ok("content-type: text/event-stream\r\n"),
        ok("content-type: multipart/x-mixed-replace; boundary=EVIL\r\n"),
        ok(&format!("{JSON}content-encoding: gzip\r\n")),
        ok(&format!("{JSON}content-encoding: EVIL\r\n")),
        ok(&format!("{JSON}content-encoding: br, br\r\n")),
        ok(&format!("{JSON}content-encoding: br\r\ncontent-encoding: br\r\n")),
        status("301 Moved"),
        status("302 Found"),
        status("303 See Other"),
        status("307 Temporary Redirect"),
        status("308 Permanent Redirect"),
        status("300 EVIL"),
        format!("HTTP/1.1 304 Not Modified\r\n{JSON}\r\n"),
        status("401 Unauthorized").replace("location: ", "www-authenticate: Basic realm="),
        status("403 Forbidden"),
        status("407 Proxy Authentication Required").replace("location: ", "proxy-authenticate: Basic realm="),
        status("408 Request Timeout"),
        status("421 Misdirected"),
        status("425 Too Early"),
        status("600 EVIL"),
        status("999 EVIL"),
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nEVIL".into(),
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(5000),
        "HTTP/1.1 103 Early Hints\r\nlink: </EVIL.js>; rel=preload\r\n\r\n".repeat(5000),
        "HTTP/1.1 204 No Content\r\nset-cookie: EVIL=1\r\n\r\n".into(),
        format!("HTTP/1.1 200 OK\r\n{JSON}x: {}\r\n\r\n{SCRIPT}", "EVIL".repeat(20_000)),
        format!("HTTP/1.1 200 OK\r\n{JSON}{}\r\n{SCRIPT}", "x: EVIL\r\n".repeat(100)),
        format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 5, 6\r\n\r\n{SCRIPT}"),
        format!("HTTP/1.1 200 OK\r\n{JSON}content-length: -1\r\n\r\n{SCRIPT}"),
        format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 5\r\ncontent-length: 6\r\n\r\n{SCRIPT}"),
        format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 999999999999\r\n\r\n{SCRIPT}"),
        format!("HTTP/1.1 200 OK\r\n{JSON}x\0y: EVIL\r\n\r\n{SCRIPT}"),
        format!("HTTP/1.1 200 OK\r\n{JSON}x: a\r\n set-cookie: EVIL=1\r\n\r\n{SCRIPT}"),
        format!("HTTP/1.1 200 OK\r\n{JSON}: EVIL\r\n\r\n{SCRIPT}"),
        format!("HTTP/2 200 OK\r\n{JSON}\r\n{SCRIPT}"),
        "HTTP/1.1 200".into(),
        "SSH-2.0-OpenSSH_9.2 EVIL\r\n\r\n".into(),
        SCRIPT.into(),
        String::new(),
    ] {
        let host = Host::answering(bytes.clone()).await;
        let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
        let shown = &bytes[..bytes.len().min(150)];
        let answer = hub.get("gpu01/api/v1/snapshot", READ).await;
        assert_eq!(answer.status, 502, "{shown}: {answer:?}");
        assert!(answer.is_whole && !answer.detail().contains("EVIL</"), "{shown}");
        check_fields(&answer, shown);
    }
}

/// Checks that nothing of the agent is in the head.
#[track_caller]
fn check_fields(answer: &Answer, of: &str) {
    assert!(!answer.head.contains("EVIL") && !answer.head.contains("evil"), "{of}: {}", answer.head);
    for (name, _) in answer.headers() {
        assert!(FIELDS.contains(&name), "{of}: {name}");
    }
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{of}");
    assert_eq!(answer.header("cache-control"), "no-store", "{of}");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{of}");
}

#[tokio::test]
async fn fields_of_an_agent_do_not_reach_the_viewer() {
    let fields = "set-cookie: EVIL=1\r\nset-cookie2: EVIL=1\r\ncontent-security-policy: script-src * EVIL\r\n\
                  content-security-policy-report-only: EVIL\r\nx-content-type-options: EVIL\r\nx-frame-options: EVIL\r\n\
                  access-control-allow-origin: https://evil.example\r\naccess-control-allow-credentials: true\r\n\
                  cross-origin-resource-policy: cross-origin\r\nrefresh: 0; url=https://evil.example\r\n\
                  location: https://evil.example\r\ncontent-location: EVIL\r\nclear-site-data: \"*\"\r\n\
                  service-worker-allowed: /\r\nstrict-transport-security: max-age=9\r\nalt-svc: h3=\"evil.example:1\"\r\n\
                  nel: {\"report_to\":\"EVIL\"}\r\nreport-to: EVIL\r\nreporting-endpoints: EVIL=\"https://evil.example\"\r\n\
                  sourcemap: EVIL\r\nx-sourcemap: EVIL\r\nlink: </EVIL.js>; rel=modulepreload\r\n\
                  content-disposition: attachment; filename=EVIL.exe\r\nserver: EVIL\r\nx-powered-by: EVIL\r\n\
                  www-authenticate: Basic realm=EVIL\r\nretry-after: EVIL\r\ncache-control: public, max-age=99999\r\n\
                  etag: \"EVIL\"\r\nvary: EVIL\r\nage: 7\r\ntiming-allow-origin: *\r\npermissions-policy: EVIL=*\r\n\
                  origin-agent-cluster: ?0\r\nkeep-alive: timeout=EVIL\r\ntrailer: EVIL\r\n\
                  x-accel-redirect: /EVIL\r\nx-accel-buffering: EVIL\r\nnvsmi-scope: EVIL\r\n";
    let host = Host::answering(said(&format!("{JSON}{fields}"), r#"{"a":1}"#)).await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let answer = hub.get("gpu01/api/v1/snapshot", READ).await;
    assert_eq!((answer.status, answer.text(), answer.is_whole), (200, r#"{"a":1}"#, true));
    check_fields(&answer, "fields");
    assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'; frame-ancestors 'none'");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(answer.headers().filter(|(name, _)| *name == "content-security-policy").count(), 1);
    for absent in ["link", "retry-after", "x-accel-buffering", "content-encoding"] {
        assert_eq!(answer.header(absent), "", "{absent}");
    }
}

#[tokio::test]
async fn listed_fields_reach_the_viewer() {
    for (bytes, status, name, value) in [
        (said("content-type: Text/CSV;header=present;charset=UTF-8\r\n", "a"), 200, "content-type", "text/csv; header=present; charset=utf-8"),
        (said(&format!("{JSON}content-encoding: GZIP\r\n"), "x"), 200, "content-encoding", "gzip"),
        (said(&format!("{JSON}link: <peers>; rel=\"related\"\r\nlink: <usage>; rel=\"related\"\r\n"), "x"), 200, "link", "<usage>; rel=\"related\""),
        ("HTTP/1.1 503 Busy\r\ncontent-type: application/problem+json\r\nretry-after: 30\r\ncontent-length: 2\r\n\r\n{}".into(), 503, "retry-after", "30"),
        ("HTTP/1.1 404 No\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\n\r\n{}".into(), 404, "content-type", "application/problem+json"),
        ("HTTP/1.1 500 No\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n{}".into(), 500, "content-type", "text/plain"),
        // The end of the connection ends the body.
        (format!("HTTP/1.0 200 OK\r\n{JSON}\r\n{{}}"), 200, "transfer-encoding", "chunked"),
    ] {
        let host = Host::answering(bytes.clone()).await;
        let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
        let answer = hub.answer_to(&request("gpu01/api/v1/usage", READ, "accept-encoding: gzip, br\r\n")).await;
        assert_eq!((answer.status, answer.header(name), answer.is_whole), (status, value, true), "{bytes}");
        check_fields(&answer, &bytes);
    }
}

#[tokio::test]
async fn refusal_of_the_hubs_token_does_not_sign_the_viewer_out() {
    for (line, words) in
        [("401 Unauthorized", "--agent-token-file"), ("403 Forbidden", "scope"), ("421 No", "--allowed-hosts")]
    {
        let host = Host::answering(format!("HTTP/1.1 {line}\r\n{JSON}content-length: 2\r\n\r\n{{}}")).await;
        let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
        let answer = hub.get("gpu01/api/v1/snapshot", READ).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (502, ""), "{line}");
        assert!(answer.detail().contains(words), "{line}: {}", answer.detail());
    }
}

#[tokio::test]
async fn agent_that_does_not_answer_is_504_or_502() {
    let silent = Host::playing(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(600)).await;
        drop(stream);
    })
    .await;
    // Informational answers without an end are no answer either.
    let endless = Host::playing(|mut stream, _| async move {
        while stream.write_all("HTTP/1.1 102 Processing\r\n\r\n".repeat(100).as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let closed = Endpoint { port: 1, ..silent.endpoint.clone() };
    let good = Host::answering(said(JSON, "{}")).await;
    let hosts =
        [("silent", &silent.endpoint), ("endless", &endless.endpoint), ("closed", &closed), ("good", &good.endpoint)];
    let hub = Hub::new(&hosts).await;
    let answers = async {
        tokio::join!(
            hub.get("silent/count", READ),
            hub.get("endless/count", READ),
            hub.get("closed/count", READ),
            hub.get("good/count", READ)
        )
    };
    let (silent, endless, closed, good) = answers.await;
    assert_eq!((silent.status, endless.status, closed.status, good.status), (504, 502, 502, 200));
    assert!(closed.detail().contains("cannot connect"));
}

#[tokio::test]
async fn agent_that_does_not_answer_holds_few_requests() {
    let silent = Host::playing(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(600)).await;
        drop(stream);
    })
    .await;
    let good = Host::answering(said(JSON, "{}")).await;
    let hub = Hub::new(&[("silent", &silent.endpoint), ("good", &good.endpoint)]).await;
    let answers = futures_util::future::join_all((0..40).map(|_| hub.get("silent/count", READ))).await;
    let with = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(504), with(503)), (32, 8));
    assert!(answers.iter().all(|answer| (answer.status == 503) == (answer.header("retry-after") == "5")));
    assert_eq!(hub.get("good/count", READ).await.status, 200);
    assert_eq!(hub.get("silent/count", READ).await.status, 504);
}
