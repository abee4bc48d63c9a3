//! Streams: unbuffered, limited, and ended with the token, the list, the hub or the viewer.

use super::*;

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A host that sends an event for each message, and reports the end of its connection.
async fn streaming() -> (Host, mpsc::UnboundedSender<&'static str>, mpsc::UnboundedReceiver<()>) {
    let (say, said) = mpsc::unbounded_channel::<&'static str>();
    let (ended, end) = mpsc::unbounded_channel();
    let said = Arc::new(tokio::sync::Mutex::new(said));
    let host = Host::playing(move |mut stream, _| {
        let (said, ended) = (Arc::clone(&said), ended.clone());
        async move {
            stream.write_all(EVENTS.as_bytes()).await.unwrap();
            let mut buffer = [0; 8];
            loop {
                let mut said = said.lock().await;
                tokio::select! {
                    text = said.recv() => match text {
                        Some(text) => stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await.unwrap(),
                        None => break,
                    },
                    _ = stream.read(&mut buffer) => break,
                }
            }
            let _ = ended.send(());
        }
    });
    (host.await, say, end)
}

/// A viewer of a stream.
struct Viewer(TcpStream, String);

impl Viewer {
    async fn new(hub: &Hub, path: &str) -> Self {
        Self(hub.send(&request(path, READ, "")).await, String::new())
    }

    /// Reads until this came.
    async fn sees(&mut self, text: &str) {
        while !self.1.contains(text) {
            let mut buffer = [0; 4096];
            let length = timeout(SOON, self.0.read(&mut buffer)).await.unwrap().unwrap();
            assert!(length > 0, "{}", self.1);
            self.1.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
    }

    /// Reads to the end, and returns everything.
    async fn ends(mut self) -> Answer {
        let mut rest = Vec::new();
        let _ = timeout(SOON, self.0.read_to_end(&mut rest)).await.unwrap();
        Answer::read(&[self.1.into_bytes(), rest].concat(), false)
    }
}

#[tokio::test]
async fn events_are_not_buffered() {
    let (host, say, mut end) = streaming().await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let mut viewer = Viewer::new(&hub, "gpu01/api/v1/stream").await;
    for text in ["data: 1\n\n", "data: 2\n\n", ": alive\n"] {
        say.send(text).unwrap();
        viewer.sees(text).await;
    }
    assert!(viewer.1.contains("\r\nx-accel-buffering: no\r\n"), "{}", viewer.1);
    assert_eq!(hub.streams.taken(), 1);
    drop(viewer);
    timeout(SOON, end.recv()).await.unwrap().unwrap();
    while hub.streams.taken() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stream_of_an_agent_that_ends_it_ends() {
    let (host, say, _) = streaming().await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let mut viewer = Viewer::new(&hub, "gpu01/api/v1/stream").await;
    say.send("data: 1\n\n").unwrap();
    viewer.sees("data: 1").await;
    drop(say);
    assert!(!viewer.ends().await.is_whole, "it was cut off");
}

#[tokio::test]
async fn stream_ends_with_its_viewers_token() {
    let (host, say, mut end) = streaming().await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let mut viewer = Viewer::new(&hub, "gpu01/api/v1/stream").await;
    say.send("data: 1\n\n").unwrap();
    viewer.sees("data: 1").await;
    // Another token's end is not this one's.
    hub.tokens.send_replace(tokens(&[("alice", "read", READ)]));
    say.send("data: 2\n\n").unwrap();
    viewer.sees("data: 2").await;
    hub.tokens.send_replace(tokens(&[("alice", "summary", READ)]));
    assert!(viewer.ends().await.is_whole);
    timeout(SOON, end.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn download_ends_with_its_viewers_token() {
    let host = Host::playing(|mut stream, _| async move {
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 9\r\n\r\nhalf").as_bytes()).await;
        let _ = stream.read(&mut [0; 8]).await;
    })
    .await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let mut viewer = Viewer::new(&hub, "gpu01/api/v1/usage").await;
    viewer.sees("half").await;
    hub.tokens.send_replace(tokens(&[]));
    assert!(!viewer.ends().await.is_whole);
}

#[tokio::test]
async fn stream_ends_when_its_host_leaves_the_list() {
    let (host, say, mut end) = streaming().await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let mut viewer = Viewer::new(&hub, "gpu01/api/v1/stream").await;
    say.send("data: 1\n\n").unwrap();
    viewer.sees("data: 1").await;
    hub.targets.send_replace(list(&[("gpu01", &host.endpoint), ("gpu02", &host.endpoint)]));
    say.send("data: 2\n\n").unwrap();
    viewer.sees("data: 2").await;
    // The name is another host's now.
    let other = Endpoint { port: 1, ..host.endpoint.clone() };
    hub.targets.send_replace(list(&[("gpu01", &other), ("gpu02", &host.endpoint)]));
    assert!(viewer.ends().await.is_whole);
    timeout(SOON, end.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn streams_end_at_shutdown() {
    let (host, say, mut end) = streaming().await;
    let mut hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let mut viewer = Viewer::new(&hub, "gpu01/api/v1/stream").await;
    say.send("data: 1\n\n").unwrap();
    viewer.sees("data: 1").await;
    hub.streams.close();
    hub.stop.take().unwrap().send(()).unwrap();
    assert!(viewer.ends().await.is_whole);
    timeout(SOON, end.recv()).await.unwrap().unwrap();
    timeout(SOON, hub.done).await.unwrap().unwrap();
}

#[tokio::test]
async fn streams_are_limited() {
    let (host, say, _end) = streaming().await;
    let hub = Hub::with(&[("gpu01", &host.endpoint)], Anonymous::Nothing, StreamPermits::new(4)).await;
    let mut viewers = Vec::new();
    for _ in 0..3 {
        viewers.push(Viewer::new(&hub, "gpu01/api/v1/stream").await);
        viewers.last_mut().unwrap().sees("200 OK").await;
    }
    let refused = hub.get("gpu01/api/v1/stream", READ).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
    assert!(refused.detail().contains("3 of the hub's 4 streams"), "{}", refused.detail());
    viewers.pop();
    while hub.streams.taken() > 2 {
        tokio::task::yield_now().await;
    }
    Viewer::new(&hub, "gpu01/api/v1/stream").await.sees("200 OK").await;
    drop(say);
}

#[tokio::test(start_paused = true)]
async fn silent_stream_is_given_up_later_than_one_with_heartbeats() {
    for (pause, least) in [(15, 600), (3600, 60)] {
        let host = Host::playing(move |mut stream, _| async move {
            let _ = stream.write_all(EVENTS.as_bytes()).await;
            let end = tokio::time::Instant::now() + Duration::from_secs(600);
            while tokio::time::Instant::now() < end && stream.write_all(b"9\r\n: alive\n\n\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(pause)).await;
            }
        })
        .await;
        let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
        let begun = tokio::time::Instant::now();
        let mut stream = hub.send(&request("gpu01/api/v1/stream", READ, "")).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        assert!(!Answer::read(&bytes, false).is_whole);
        let took = begun.elapsed().as_secs();
        assert!((least..least + 20).contains(&took), "{pause}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn stream_that_floods_is_slowed_down() {
    let host = Host::playing(|mut stream, _| async move {
        let _ = stream.write_all(EVENTS.as_bytes()).await;
        let chunk = [b"10000\r\n".as_slice(), &[b':'; 0x10000], b"\r\n"].concat();
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let hub = Hub::new(&[("gpu01", &host.endpoint)]).await;
    let begun = tokio::time::Instant::now();
    let mut stream = hub.send(&request("gpu01/api/v1/stream", READ, "")).await;
    let (mut buffer, mut read) = (vec![0; 1 << 16], 0);
    while read < 40 << 20 {
        read += stream.read(&mut buffer).await.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
}
