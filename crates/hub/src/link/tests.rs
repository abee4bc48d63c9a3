//! Links to agents of each kind, and to servers that play none, over real sockets.

mod fake;
mod hostile;
mod tls;

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use serde_json::json;

use super::*;
use crate::report::{Failure, Report, Seen, Source};
use fake::{Fake, Hub, Plan, fake, stream_of, summary};

/// Times that are short where a test waits for them, and long where it must not.
fn timing() -> Timing {
    let ms = Duration::from_millis;
    Timing {
        first_retry: ms(20),
        max_retry: ms(100),
        stable: ms(300),
        min_silence: ms(400),
        max_silence: ms(5000),
        min_lasting_lag: Duration::from_millis(500),
        max_lag: ms(5000),
        older: [ms(30), ms(60_000)],
        original: [ms(30), ms(60_000)],
        answer: ms(5000),
        recheck: ms(60_000),
        lease: ms(50),
    }
}

fn json_answer(body: &str) -> Vec<u8> {
    answer("200 OK", "content-type: application/json\r\n", body)
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

const NOT_FOUND: &str =
    "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 22\r\n\r\n{\"detail\":\"Not Found\"}";
const SNAPSHOT: &str = include_str!("../../../../fixtures/releases/snapshot-0.1.0.json");

fn older(path: &str) -> Vec<u8> {
    match path {
        "/api/v1/snapshot" => json_answer(SNAPSHOT),
        _ => answer("400 Bad Request", "content-type: application/problem+json\r\n", "{}"),
    }
}

fn original(path: &str) -> Vec<u8> {
    match path {
        "/status" => json_answer(
            &json!({"code": 0, "data": {"count": 1, "processes": [], "devices": [{"idx": 0,
            "name": "A", "gpu_utilization": 0, "memory_total_human": "100MiB", "memory_used_human": "1MiB"}]}})
            .to_string(),
        ),
        _ => NOT_FOUND.into(),
    }
}

#[tokio::test]
async fn summaries_and_heartbeats_observed_with_their_age() {
    let agent = fake(|_, request| {
        assert!(request.starts_with("GET /gpu/api/v1/stream?view=summary HTTP/1.1\r\n"), "{request}");
        let request = request.to_ascii_lowercase();
        assert!(
            request.contains("\r\naccept: text/event-stream\r\n") && !request.contains("accept-encoding"),
            "{request}"
        );
        let text = format!(
            "retry: 2000\nid: 1\nevent: summary\ndata: {}\n\n: alive\n\nevent: alive\ndata: {{\"age_ms\":40}}\n\n",
            summary("a")
        );
        Plan::hold(stream_of(&text))
    })
    .await;
    let mut hub = Hub::to(&[&agent.below("/gpu")], timing());
    let report = hub.report().await;
    assert_eq!((report.source, report.hostname.as_deref(), report.gpus.len()), (Source::Agent, Some("a"), 1));
    assert_eq!(report.age, Some(Duration::from_millis(210)));
    let Seen::Alive { age } = hub.next().await.seen else { panic!("no heartbeat") };
    assert_eq!(age, Some(Duration::from_millis(40)));
    assert_eq!(hub.failure().await, Failure::Unreachable("no report within 0.4 s".into()));
}

#[tokio::test]
async fn events_that_waited_on_the_way_are_older_and_skipped() {
    let agent = fake(|number, _| {
        let alive = |sent: u64| format!("event: alive\ndata: {{\"sampled_at\":{sent},\"age_ms\":40}}\n\n");
        let text = format!("event: summary\ndata: {}\n\n", summary(&format!("run {number}")));
        // They arrive at once, so the others have waited for as long as they were sent before the last.
        Plan::hold(stream_of(&if number == 0 {
            [text, alive(9_000), alive(6_000), alive(3_000)].concat()
        } else {
            text
        }))
    })
    .await;
    let mut hub = Hub::to(&[&agent.endpoint], timing());
    assert_eq!(hub.report().await.hostname.as_deref(), Some("run 0"));
    for least in [40, 3_040] {
        let Seen::Alive { age: Some(age) } = hub.next().await.seen else { panic!("no heartbeat") };
        assert!((least..least + 2_000).contains(&age.as_millis()), "{age:?}");
    }
    // The third is too late: a new stream shows what is true now.
    let Seen::Report(report) = hub.next().await.seen else { panic!("no report") };
    assert_eq!((report.hostname.as_deref(), report.age), (Some("run 1"), Some(Duration::from_millis(210))));
}

#[tokio::test]
async fn agent_back_after_its_restart() {
    let agent = fake(|number, _| {
        let text = format!("event: summary\ndata: {}\n\n", summary(&format!("run {number}")));
        if number == 0 { Plan::close(stream_of(&text)) } else { Plan::hold(stream_of(&text)) }
    })
    .await;
    let mut hub = Hub::to(&[&agent.endpoint], timing());
    assert_eq!(hub.report().await.hostname.as_deref(), Some("run 0"));
    assert_eq!(hub.failure().await, Failure::Unreachable("the agent ended the stream".into()));
    assert_eq!(hub.report().await.hostname.as_deref(), Some("run 1"));
}

#[tokio::test]
async fn agent_of_earlier_release_polled() {
    for streams in [false, true] {
        let agent = fake(move |_, request| match fake::path(request) {
            // It ignores the parameter, and its snapshot is longer than an event may be.
            "/api/v1/stream?view=summary" if streams => {
                Plan::hold(stream_of(&format!("retry: 2000\n\nid: 1\nevent: snapshot\ndata: {}", "1".repeat(300_000))))
            }
            path => Plan::close(older(path)),
        })
        .await;
        let mut hub = Hub::to(&[&agent.endpoint], timing());
        hub.viewers.send_replace(1);
        for _ in 0..3 {
            let report = hub.report().await;
            assert_eq!((report.source, report.gpus.len()), (Source::OlderAgent, 2));
            assert!(report.notes[0].contains("earlier release"), "{:?}", report.notes);
            assert_eq!(report.interval, Some(timing().older[0]));
        }
    }
}

#[tokio::test]
async fn original_agent_polled_with_either_form_of_token() {
    for token in [None, Some("secret")] {
        let agent = fake(move |_, request| {
            let is_accepted = token.is_none_or(|token| request.contains(&format!("authorization: {token}\r\n")));
            let refusal = r#"{"code":401,"data":null,"error":"Unauthorized"}"#;
            let refused = || answer("401 Unauthorized", "content-type: application/json\r\n", refusal);
            Plan::close(if is_accepted { original(fake::path(request)) } else { refused() })
        })
        .await;
        let mut hub = Hub::with_token(&[&agent.endpoint], timing(), token);
        hub.viewers.send_replace(1);
        for _ in 0..2 {
            let report = hub.report().await;
            assert_eq!((report.source, report.gpus.len()), (Source::Original, 1));
            assert!(report.notes[0].contains("original"), "{:?}", report.notes);
            assert_eq!(report.takes_bare_token, token.is_some());
        }
    }
}

#[tokio::test]
async fn polls_begin_when_a_viewer_comes() {
    let agent = fake(|_, request| Plan::close(older(fake::path(request)))).await;
    let mut hub = Hub::to(&[&agent.endpoint], timing());
    hub.report().await;
    let requests = agent.connections();
    hub.viewers.send_replace(1);
    hub.report().await;
    assert!(agent.connections() > requests);
}

#[tokio::test]
async fn polls_for_the_first_viewer_limited() {
    let is_silent = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = Arc::clone(&is_silent);
    let agent = fake(move |_, request| match fake::path(request) {
        path if path.ends_with("/snapshot") && !path.starts_with("/healthy") && now.load(SeqCst) => {
            Plan::hold(Vec::new())
        }
        path => Plan::close(older(path.find("/api").map_or(path, |begin| &path[begin..]))),
    })
    .await;
    let mut endpoints: Vec<Endpoint> = (0..3 * MAX_POLLING).map(|number| agent.below(&format!("/{number}"))).collect();
    endpoints.push(agent.below("/healthy"));
    for lease in [Duration::from_secs(600), timing().lease] {
        is_silent.store(false, SeqCst);
        let endpoints: Vec<&Endpoint> = endpoints.iter().collect();
        let mut hub = Hub::to(&endpoints, Timing { lease, answer: Duration::from_secs(600), ..timing() });
        for _ in &endpoints {
            hub.report().await;
        }
        is_silent.store(true, SeqCst);
        hub.viewers.send_replace(1);
        if lease == timing().lease {
            // Those that do not answer wait without delaying it.
            hub.report().await;
            continue;
        }
        while agent.open() < MAX_POLLING {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(agent.open(), MAX_POLLING, "the others wait");
        drop(hub);
        agent.closed().await;
    }
}

#[tokio::test]
async fn interval_is_the_period_in_use() {
    for source in [Source::OlderAgent, Source::Original] {
        let agent = fake(move |_, request| {
            let path = fake::path(request);
            Plan::close(if source == Source::Original { original(path) } else { older(path) })
        })
        .await;
        let mut hub = Hub::to(&[&agent.endpoint], timing());
        let [with, without] = timing().older;
        assert_eq!(hub.report().await.interval, Some(without));
        hub.viewers.send_replace(1);
        assert_eq!(hub.report().await.interval, Some(with));
        hub.viewers.send_replace(0);
        // The report before it says that there is a newer one within this period.
        hub.until(|report| report.interval == Some(without)).await;
    }
}

#[tokio::test]
async fn upgrade_and_downgrade_noticed() {
    // The version of what listens there; each is asked until another replaces it.
    let release = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let now = Arc::clone(&release);
    let agent = fake(move |_, request| {
        let path = fake::path(request);
        match now.load(SeqCst) {
            0 => Plan::close(original(path)),
            1 => Plan::close(older(path)),
            _ if path.starts_with("/api/v1/stream") => {
                Plan::close(stream_of(&format!("event: summary\ndata: {}\n\n", summary("new"))))
            }
            // This release has these, too.
            _ if path == "/status" => Plan::close(original(path)),
            _ => Plan::close(json_answer(&SNAPSHOT.replace("\"0.1.0\"", "\"0.2.0\""))),
        }
    })
    .await;
    let timing = Timing { recheck: Duration::from_millis(50), ..timing() };
    let mut hub = Hub::to(&[&agent.endpoint], timing);
    hub.viewers.send_replace(1);
    for (now, source) in [
        (0, Source::Original),
        (1, Source::OlderAgent),
        (2, Source::Agent),
        (1, Source::OlderAgent),
        (2, Source::Agent),
        (0, Source::Original),
        (2, Source::Agent),
    ] {
        release.store(now, SeqCst);
        hub.until(|report| report.source == source).await;
    }
}

#[tokio::test]
async fn upgraded_agent_asked_for_the_stream_at_once() {
    let agent = fake(|number, request| match (number, fake::path(request)) {
        (0..3, path) => Plan::close(older(path)),
        (_, "/api/v1/stream?view=summary") => {
            Plan::hold(stream_of(&format!("event: summary\ndata: {}\n\n", summary("new"))))
        }
        _ => Plan::close(json_answer(&SNAPSHOT.replace("\"0.1.0\"", "\"0.2.0\""))),
    })
    .await;
    let mut hub = Hub::to(&[&agent.endpoint], timing());
    hub.viewers.send_replace(1);
    hub.until(|report| report.source == Source::Agent).await;
    assert!(agent.connections() <= 6, "{}", agent.connections());
}

#[tokio::test]
async fn changed_token_restarts_links_that_get_it() {
    let one = fake(|_, request| {
        if request.contains("authorization: Bearer new\r\n") {
            Plan::hold(stream_of(&format!("event: summary\ndata: {}\n\n", summary("in"))))
        } else {
            Plan::close(answer("401 Unauthorized", "content-type: application/problem+json\r\n", "{}"))
        }
    })
    .await;
    let other = fake(|_, _| Plan::hold(stream_of(&format!("event: summary\ndata: {}\n\n", summary("other"))))).await;
    let slow = Duration::from_secs(600);
    let timing = Timing { first_retry: slow, max_retry: slow, min_silence: slow, max_silence: slow, ..timing() };
    let mut hub =
        Hub::with_tokens(&[&one.endpoint, &other.endpoint], timing, &format!("127.0.0.1:{} old", one.endpoint.port));
    let mut seen = [hub.next().await, hub.next().await].map(|seen| seen.endpoint.port);
    seen.sort_unstable();
    hub.set_tokens(&format!("127.0.0.1:{} new", one.endpoint.port));
    let report = hub.report().await;
    assert_eq!(report.hostname.as_deref(), Some("in"));
    assert_eq!((one.connections(), other.connections()), (2, 1));
    // A token that is taken away ends the stream that was opened with it.
    hub.set_tokens("");
    assert_eq!(
        hub.failure().await,
        Failure::Refused("401: the agent requires a token; add one to --agent-token-file".into())
    );
    assert_eq!(other.connections(), 1);
}

#[tokio::test]
async fn changed_list_starts_and_ends_only_its_links() {
    let plan = |_, _: &str| Plan::hold(stream_of(&format!("event: summary\ndata: {}\n\n", summary("x"))));
    let agents: [Fake; 3] = [fake(plan).await, fake(plan).await, fake(plan).await];
    let long = Duration::from_secs(600);
    let timing = Timing { min_silence: long, max_silence: long, ..timing() };
    // Two targets with one endpoint are one host.
    let mut hub = Hub::to(&[&agents[0].endpoint, &agents[1].endpoint, &agents[1].endpoint], timing);
    hub.report().await;
    hub.report().await;
    hub.list(&[&agents[1].endpoint, &agents[2].endpoint]);
    assert_eq!(hub.next().await.endpoint.port, agents[2].endpoint.port);
    agents[0].closed().await;
    assert_eq!([0, 1, 2].map(|agent| agents[agent].connections()), [1, 1, 1]);
    assert_eq!([1, 2].map(|agent| agents[agent].open()), [1, 1]);
    drop(hub);
    agents[1].closed().await;
    agents[2].closed().await;
}

#[tokio::test]
async fn dead_hosts_delay_no_others() {
    // They accept, and say nothing: each holds its attempt for the whole timeout.
    let silent = fake(|_, _| Plan::hold(Vec::new())).await;
    let healthy = fake(|_, _| Plan::hold(stream_of(&format!("event: summary\ndata: {}\n\n", summary("x"))))).await;
    let dead: Vec<Endpoint> = (0..300).map(|number| silent.below(&format!("/{number}"))).collect();
    let mut endpoints: Vec<&Endpoint> = dead.iter().collect();
    endpoints.push(&healthy.endpoint);
    let began = std::time::Instant::now();
    let mut hub = Hub::to(&endpoints, timing());
    hub.report().await;
    // The client's timeout is 2 s: with a place held for so long, five rounds would take 10 s.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

fn is_whole(report: &Report) -> bool {
    report.gpus.len() == 1 && report.problems.is_empty()
}
