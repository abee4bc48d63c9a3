//! Answers about a large fleet, which are rendered on another thread unless somebody has asked lately.

use super::*;

/// A hub with so many hosts that it does not render at once.
fn large() -> Hub {
    let names: Vec<String> = (0..40).map(|number| format!("host{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut hub = Hub::new(false, &names);
    names.iter().for_each(|name| hub.fleet.see(&endpoint(name), seen(report(vec![gpu(0, UseVerdict::Free)])), hub.now));
    hub.publish();
    hub
}

fn request(hub: &Hub, path: &str, encoding: &str) -> http_server::Reply {
    hub.app.reply(None, &Request::builder().uri(path).header("accept-encoding", encoding).body(()).unwrap())
}

/// Runs something where only one thread renders.
fn with_one_renderer(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap().block_on(test);
}

/// Asserts that something waits for another thread, which has other work for the moment.
fn waits(what: &str, mut work: impl Future + Unpin) {
    let (done, working) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || working.recv());
    assert!((&mut work).now_or_never().is_none(), "{what}: rendered while others wait");
    drop(done);
}

#[test]
fn answer_rendered_elsewhere_once() {
    with_one_renderer(answers());
}

#[test]
fn first_event_rendered_elsewhere_and_changes_ahead() {
    with_one_renderer(streams());
}

async fn answers() {
    for path in ["/api/v1/fleet", "/api/v1/fleet/users", "/api/v1/fleet/summary.txt", "/api/v1/find"] {
        for encoding in ["identity", "gzip"] {
            let mut hub = large();
            for _ in 0..2 {
                let [mut first, second] = [request(&hub, path, encoding), request(&hub, path, encoding)];
                waits(path, &mut first);
                assert_eq!((second.await.status(), first.await.status()), (StatusCode::OK, StatusCode::OK));
                let response = request(&hub, path, encoding).now_or_never().expect("rendered already");
                let bytes = response.into_body().collect().await.unwrap().to_bytes();
                let is_packed = encoding == "gzip" && ["/api/v1/fleet", "/api/v1/fleet/users"].contains(&path);
                assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), is_packed, "{path}");
                // The next publication has an answer of its own, after a minute without a question.
                hub.now.boot.0 += 61_000;
                hub.publish();
            }
        }
    }
}

async fn streams() {
    for query in ["", "?rows=0-39", "?rows=host07,host08"] {
        for packed in [false, true] {
            let mut hub = large();
            let mut stream = Stream::open(&hub, query, packed);
            stream.frame().await;
            waits(query, stream.body.frame());
            stream.frame().await;
            assert_eq!(names(&stream.events())[0], "fleet");
            for watts in [71.0, 72.0] {
                hub.reports("host07", watts);
                assert_eq!(names(&stream.events()), ["hosts"], "{query}: nothing to render");
            }
        }
    }
}
