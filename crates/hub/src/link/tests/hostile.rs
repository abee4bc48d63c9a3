//! Servers that harm: each affects its own row only, and costs bounded memory.

use super::*;
use fake::End;

fn text(event: &str) -> Vec<u8> {
    stream_of(&format!("event: summary\ndata: {event}\n\n"))
}

fn head(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}\r\n")
}

/// Each server, and a part of the reason that its row shows. Where many run at once, a flood can take longer than the time that
/// is allowed, which is the second reason; [`flood_ended_by_its_limit`] verifies the first.
fn servers() -> Vec<(&'static str, Plan, &'static str)> {
    let event_stream = "content-type: text/event-stream\r\n";
    let gzip = format!("{event_stream}content-encoding: gzip\r\n");
    let gpus: Vec<_> = (0..1_000_000).map(|_| "{}").collect();
    let few: Vec<_> = (0..10_000).map(|_| "{}").collect();
    let twice = json!({"collector_state": "ok", "gpus": [{"index": 0}, {"index": 0}]}).to_string();
    let negative = summary("x").replace("\"index\":0", "\"index\":-1");
    vec![
        ("silent after the request", Plan::hold(""), "no answer within 2 s"),
        (
            "head without end",
            Plan::then("HTTP/1.1 200 OK\r\n", End::Repeat(b"x: y\r\n".to_vec())),
            "expected an HTTP answer|no answer within",
        ),
        (
            "head byte by byte",
            Plan::then("", End::Drip(head("200 OK", event_stream).into(), Duration::from_millis(100))),
            "no answer within 2 s",
        ),
        (
            "interim answers forever",
            Plan::then("", End::Repeat(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())),
            "expected an HTTP answer|no answer within",
        ),
        ("closed at once", Plan::close(""), "closed before the end of the answer"),
        ("another protocol", Plan::hold("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "expected an HTTP answer"),
        (
            "redirect",
            Plan::close(answer("302 Found", "location: http://127.0.0.1:9/\u{202e}<b>\r\n", "")),
            "302: a redirect to",
        ),
        ("redirect to nowhere", Plan::close(answer("308 Permanent Redirect", "", "")), "308: a redirect nowhere"),
        (
            "page",
            Plan::close(answer("200 OK", "content-type: text/html\r\n", "<html>")),
            "expected a stream of events, got text/html",
        ),
        (
            "JSON for a stream",
            Plan::close(answer("200 OK", "content-type: application/json\r\n", "{}")),
            "got application/json",
        ),
        ("no type", Plan::close(answer("200 OK", "", "{}")), "got data of unknown type"),
        ("gzip", Plan::hold(head("200 OK", &gzip)), "expected a body without compression"),
        (
            "no free stream",
            Plan::close(answer("503 No", "content-type: application/problem+json\r\n", "{}")),
            "all streams of the agent are taken",
        ),
        ("bad gateway", Plan::close(answer("502 Bad Gateway", "content-type: text/html\r\n", "<b>")), "got status 502"),
        ("error forever", Plan::close(answer("500 No", "", "")), "got status 500"),
        ("status out of use", Plan::close(answer("299 Fine", event_stream, "")), "got status 299"),
        ("not found", Plan::close(NOT_FOUND), "got status 404"),
        ("invalid parameter for everything", Plan::close(answer("400 Bad Request", "", "")), "got status 400"),
        ("stream that ends", Plan::close(stream_of("")), "the agent ended the stream"),
        ("silent stream", Plan::hold(stream_of("")), "no report within 3 s"),
        (
            "comments forever",
            Plan::then(stream_of(""), End::Every(b": alive\n\n".to_vec(), Duration::from_millis(50))),
            "no report within 3 s",
        ),
        (
            "heartbeats without a report",
            Plan::then(stream_of(""), End::Every(b"event: alive\ndata: {}\n\n".to_vec(), Duration::from_millis(50))),
            "no report within 3 s",
        ),
        (
            "event byte by byte",
            Plan::then(stream_of("event: summary\ndata: "), End::Drip(summary("x").into(), Duration::from_millis(50))),
            "no report within 3 s",
        ),
        (
            "event of a gigabyte",
            Plan::then(stream_of("event: summary\ndata: "), End::Repeat(vec![b'1'; 65_536])),
            "an event is longer than 256 kB|no report within",
        ),
        (
            "event of many lines",
            Plan::then(stream_of("event: summary\n"), End::Repeat(b"data: 1234567890\n".repeat(1000))),
            "an event is longer than 256 kB|no report within",
        ),
        (
            "line without end",
            Plan::then(stream_of(""), End::Repeat(vec![b'x'; 65_536])),
            "an event is longer than 256 kB|no report within",
        ),
        (
            "unknown events forever",
            Plan::then(stream_of(""), End::Repeat(b"event: x\ndata: y\n\n".repeat(1000))),
            "events per second|no report within",
        ),
        (
            "comments at full speed",
            Plan::then(stream_of(""), End::Repeat(format!(": {}\n", "x".repeat(1000)).repeat(50).into())),
            "events per second|no report within",
        ),
        (
            "reports at full speed",
            Plan::then(stream_of(""), End::Repeat(format!("event: summary\ndata: {}\n\n", summary("x")).into())),
            "events per second|no report within",
        ),
        ("nonsense", Plan::hold(text("<html>")), "expected the summary of an agent"),
        (
            "bytes that are no text",
            Plan::hold([stream_of("event: summary\ndata: "), b"\"\xff\xfe\"\n\n".to_vec()].concat()),
            "expected the summary of an agent",
        ),
        ("deep JSON", Plan::hold(text(&"[".repeat(100_000))), "expected the summary of an agent"),
        (
            "a million GPUs",
            Plan::hold(text(&format!("{{\"gpus\":[{}]}}", gpus.join(",")))),
            "an event is longer than 256 kB|no report within",
        ),
        (
            "ten thousand GPUs",
            Plan::hold(text(&format!("{{\"gpus\":[{}]}}", few.join(",")))),
            "at most 64 GPUs, got 10000",
        ),
        ("same index twice", Plan::hold(text(&twice)), "two with index 0"),
        ("negative index", Plan::hold(text(&negative)), "an index of each GPU"),
        (
            "chunks that are none",
            Plan::hold(head("200 OK", &format!("{event_stream}transfer-encoding: chunked\r\n")) + "zz\r\n"),
            "expected an HTTP answer",
        ),
    ]
}

#[tokio::test]
async fn hostile_server_affects_only_its_row() {
    let seconds = Duration::from_secs;
    // One attempt each, so that the floods end.
    let timing = Timing {
        min_silence: seconds(3),
        max_silence: seconds(3),
        first_retry: seconds(600),
        max_retry: seconds(600),
        ..timing()
    };
    let healthy = fake(|_, _| {
        let event = format!("event: summary\ndata: {}\n\n", summary("healthy"));
        Plan::then(stream_of(""), End::Every(event.into(), Duration::from_millis(50)))
    })
    .await;
    let servers: Vec<_> = servers();
    let count = servers.len();
    let mut fakes = Vec::new();
    let mut rows = HashMap::new();
    for (name, plan, reason) in servers {
        let (bytes, end) = (plan.bytes, std::sync::Mutex::new(plan.end));
        let agent = fake(move |_, _| {
            // A plan for each connection.
            let end = match &*end.lock().unwrap() {
                End::Close => End::Close,
                End::Hold => End::Hold,
                End::Drip(bytes, pause) => End::Drip(bytes.clone(), *pause),
                End::Repeat(bytes) => End::Repeat(bytes.clone()),
                End::Every(bytes, pause) => End::Every(bytes.clone(), *pause),
            };
            Plan::then(bytes.clone(), end)
        })
        .await;
        rows.insert(agent.endpoint.port, (name, reason));
        fakes.push(agent);
    }
    let mut endpoints: Vec<&Endpoint> = fakes.iter().map(|fake| &fake.endpoint).collect();
    endpoints.push(&healthy.endpoint);
    let mut hub = Hub::to(&endpoints, timing);
    let (mut failed, mut reports) = (HashMap::new(), 0);
    while failed.len() < count {
        let Observation { endpoint, seen, .. } = hub.next().await;
        let row = rows.get(&endpoint.port);
        match (row, seen) {
            (None, Seen::Report(report)) => {
                assert!(is_whole(&report));
                reports += 1;
            }
            (None, other) => panic!("the healthy row: {other:?}"),
            (Some((name, reason)), Seen::Failed(Failure::Unreachable(found))) => {
                assert!(reason.split('|').any(|reason| found.contains(reason)), "{name}: {found}");
                assert!(!found.contains(char::is_control) && found.chars().count() <= 240, "{name}: {found}");
                failed.entry(*name).or_insert(found);
            }
            (Some((name, _)), Seen::Report(_)) => assert_eq!(*name, "reports at full speed"),
            (Some((name, _)), other) => panic!("{name}: {other:?}"),
        }
    }
    assert!(reports > 5, "{reports}");
    drop(hub);
    for fake in &fakes {
        fake.closed().await;
    }
}

#[tokio::test]
async fn flood_ended_by_its_limit() {
    let long = Duration::from_secs(600);
    let timing = Timing { min_silence: long, max_silence: long, first_retry: long, max_retry: long, ..timing() };
    let mut count = 0;
    for (name, plan, reasons) in servers() {
        let Some(limit) = reasons.strip_suffix("|no report within") else { continue };
        let (bytes, end) = (plan.bytes, std::sync::Mutex::new(Some(plan.end)));
        let flood = fake(move |_, _| Plan::then(bytes.clone(), end.lock().unwrap().take().unwrap_or(End::Hold))).await;
        let Failure::Unreachable(found) = Hub::to(&[&flood.endpoint], timing).failure().await else {
            panic!("{name} is refused")
        };
        assert!(found.contains(limit), "{name}: {found}");
        count += 1;
    }
    assert_eq!(count, 7);
}

#[tokio::test]
async fn flood_read_no_further_than_its_limit() {
    let flood = fake(|_, _| Plan::then(stream_of("event: summary\ndata: "), End::Repeat(vec![b'1'; 65_536]))).await;
    let long = Duration::from_secs(600);
    let mut hub = Hub::to(&[&flood.endpoint], Timing { first_retry: long, max_retry: long, ..timing() });
    hub.failure().await;
    flood.closed().await;
    // Buffers of the kernel take some of it.
    let sent = flood.sent.load(std::sync::atomic::Ordering::SeqCst);
    assert!(sent < 32 << 20, "{sent}");
}

#[tokio::test]
async fn refusals_have_their_own_state() {
    for (status, token, reason) in [
        ("401 Unauthorized", None, "401: the agent requires a token"),
        ("401 Unauthorized", Some("x"), "401: the agent does not accept the token"),
        ("403 Forbidden", Some("x"), "403: the agent does not allow this"),
    ] {
        let agent =
            fake(move |_, _| Plan::close(answer(status, "content-type: application/problem+json\r\n", "{}"))).await;
        let mut hub = Hub::with_token(&[&agent.endpoint], timing(), token);
        let Failure::Refused(found) = hub.failure().await else { panic!("{status} is not refused") };
        assert!(found.starts_with(reason), "{found}");
    }
}

#[tokio::test]
async fn agent_of_another_name_says_how_to_reach_it() {
    let agent = fake(|_, _| Plan::close(answer("421 Misdirected", "content-type: application/problem+json\r\n", "{}")));
    let agent = agent.await;
    let mut hub = Hub::to(&[&agent.endpoint], timing());
    let Failure::Unreachable(found) = hub.failure().await else { panic!("421 is refused") };
    assert!(found.starts_with("421: ") && found.contains("--allowed-hosts"), "{found}");
}

#[tokio::test]
async fn connection_failures_have_plain_words() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let plain = fake(|_, _| Plan::hold("")).await;
    let at = |host: &str, port, scheme| Endpoint { scheme, host: host.into(), port, prefix: "".into() };
    use crate::target::Scheme::{Http, Https};
    for (endpoint, reason) in [
        (at("127.0.0.1", port, Http), "connection refused"),
        (at("host.invalid", port, Http), "cannot resolve the name"),
        (at("127.0.0.1", plain.endpoint.port, Https), "no connection within 2 s"),
    ] {
        let mut hub = Hub::to(&[&endpoint], timing());
        let Failure::Unreachable(found) = hub.failure().await else { panic!("{endpoint} is refused") };
        assert!(found.starts_with(reason), "{found}");
    }
}

#[tokio::test]
async fn flapping_agent_asked_ever_less() {
    let agent = fake(|_, _| Plan::close(text(&summary("x")))).await;
    let ms = Duration::from_millis;
    let timing = Timing { first_retry: ms(40), max_retry: ms(100_000), stable: ms(100_000), ..timing() };
    let mut hub = Hub::to(&[&agent.endpoint], timing);
    let began = std::time::Instant::now();
    for _ in 0..5 {
        hub.report().await;
        hub.failure().await;
    }
    // Four pauses: 40, 80, 160 and 320 ms.
    assert!(began.elapsed() >= ms(600), "{:?}", began.elapsed());
    assert_eq!(agent.connections(), 5);
}

#[tokio::test]
async fn token_never_sent_to_a_redirect() {
    let other = fake(|_, _| Plan::close(answer("200 OK", "", ""))).await;
    let place = format!("location: http://127.0.0.1:{}/\r\n", other.endpoint.port);
    let agent = fake(move |_, _| Plan::close(answer("307 Temporary Redirect", &place, ""))).await;
    let mut hub = Hub::with_token(&[&agent.endpoint], timing(), Some("secret"));
    for _ in 0..3 {
        assert!(matches!(hub.failure().await, Failure::Unreachable(reason) if reason.starts_with("307")));
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn older_agent_that_turns_hostile_is_unreachable() {
    for (bytes, end, reason) in [
        (json_answer("{}"), End::Close, "expected the snapshot of an agent"),
        (
            answer("200 OK", "content-type: text/html\r\n", "<html>"),
            End::Close,
            "expected the JSON of an agent, got text/html",
        ),
        (
            head("200 OK", "content-type: application/json\r\n").into(),
            End::Repeat(b" ".repeat(65_536)),
            "expected at most 4194304 bytes",
        ),
        (
            head("200 OK", "content-type: application/json\r\ncontent-length: 9\r\n").into(),
            End::Hold,
            "no answer within 0.5 s",
        ),
        (
            head("200 OK", "content-type: application/json\r\n").into(),
            End::Drip(b" ".repeat(1000), Duration::from_millis(10)),
            "no answer within 0.5 s",
        ),
        (
            answer("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "x"),
            End::Close,
            "without compression",
        ),
    ] {
        let (bytes, end) = (Arc::new(bytes), Arc::new(std::sync::Mutex::new(Some(end))));
        let agent = fake(move |number, request| match (number, fake::path(request)) {
            (0 | 1, path) => Plan::close(older(path)),
            (_, "/api/v1/snapshot") => Plan::then((*bytes).clone(), end.lock().unwrap().take().unwrap_or(End::Hold)),
            (_, path) => Plan::close(older(path)),
        })
        .await;
        let mut hub = Hub::to(&[&agent.endpoint], Timing { answer: Duration::from_millis(500), ..timing() });
        hub.viewers.send_replace(1);
        hub.report().await;
        let Failure::Unreachable(found) = hub.failure().await else { panic!("refused: {reason}") };
        assert!(found.contains(reason), "{found}");
    }
}
