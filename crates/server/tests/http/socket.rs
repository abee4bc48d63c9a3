//! Tests that need a real connection: limits, broken requests, and the end.

use std::{net::SocketAddr, time::Duration};

use std::{future::Future, pin::Pin, sync::Arc};

use hyper::{Request, body::Incoming};
use server::{App, ClientAddr, Limits, Listener, Publisher, Response, ServerConfig, serve};
use telemetry::{Stamp, snapshot::CollectorState};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::host;

struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

impl Served {
    async fn start(app: App, limits: Limits) -> Self {
        Self::with_answer(move |_, request: Request<Incoming>| app.reply(None, &request), limits).await
    }

    async fn with_answer<A, R>(answer: A, limits: Limits) -> Self
    where
        A: Fn(ClientAddr, Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap() };
        let listeners = vec![Listener::Tcp(listener, None)];
        Self { address, stop, done: tokio::spawn(serve(listeners, answer, limits, shutdown)) }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// All that comes back on a connection of its own.
    async fn answer_to(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// The same of a connection that may be closed at any time.
    async fn answer_or_nothing(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        let mut answer = String::new();
        let _ = stream.write_all(request).await;
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.done.await.unwrap();
    }
}

fn app() -> App {
    let publisher = Publisher::new(Stamp::default());
    publisher.publish(host::snapshot(CollectorState::Ok, vec![host::gpu(0), host::gpu(1)]));
    App::new(ServerConfig::default(), publisher.subscribe())
}

async fn served() -> Served {
    Served::start(app(), Limits::default()).await
}

fn request(address: &str, headers: &str) -> Vec<u8> {
    format!("GET {address} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n").into_bytes()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// Reads until those bytes have come.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        let byte = stream.read_u8().await;
        read.push(byte.unwrap_or_else(|error| panic!("{error} after {}", String::from_utf8_lossy(&read))));
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn answer_is_complete() {
    let served = served().await;
    let answer = served.answer_to(&request("/count", "")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-length: 19\r\n"), "{head}");
    assert_eq!(body, r#"{"code":0,"data":2}"#);
}

#[tokio::test]
async fn answer_in_pieces_has_length() {
    let mut gpu = host::gpu(0);
    gpu.processes = (1..=100).map(host::process).collect();
    let publisher = Publisher::new(Stamp::default());
    publisher.publish(host::snapshot(CollectorState::Ok, vec![gpu]));
    let served = Served::start(App::new(ServerConfig::default(), publisher.subscribe()), Limits::default()).await;
    let answer = served.answer_to(&request(&format!("/status?idx={}0", "0,".repeat(255)), "")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
    let value: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(value["data"]["devices"].as_array().unwrap().len(), 256);
    assert_eq!(value["data"]["processes"].as_array().unwrap().len(), 25_600);
}

#[tokio::test]
async fn head_has_length_no_body_keeps_connection() {
    let served = served().await;
    let mut stream = served.connect().await;
    stream.write_all(b"HEAD /count HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("\r\ncontent-length: 19\r\n"), "{head}");
    stream.write_all(b"GET /count HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(read_until(&mut stream, r#"{"code":0,"data":2}"#).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn request_line_over_64_kib_is_414() {
    let served = served().await;
    let address = |bytes: usize| format!("/count?{}", "x".repeat(bytes - "/count?".len()));
    assert_eq!(status(&served.answer_to(&request(&address(65_534), "")).await), "200");
    assert_eq!(status(&served.answer_to(&request(&address(65_535), "")).await), "414");
    assert_eq!(status(&served.answer_to(&request(&address(120_000), "")).await), "414");
}

#[tokio::test]
async fn head_over_limit_is_431() {
    let served = served().await;
    let long = |bytes: usize| format!("x: {}\r\n", "y".repeat(bytes));
    assert_eq!(status(&served.answer_to(&request("/count", &long(100_000))).await), "200");
    // More than the server reads before it refuses: what is left must not cost the reader the answer.
    assert_eq!(status(&served.answer_to(&request("/count", &long(400_000))).await), "431");
    assert_eq!(status(&served.answer_to(&request(&format!("/{}", "x".repeat(400_000)), "")).await), "431");
    assert_eq!(status(&served.answer_to(&request("/count", &"x: y\r\n".repeat(90))).await), "200");
    assert_eq!(status(&served.answer_to(&request("/count", &"x: y\r\n".repeat(101))).await), "431");
}

#[tokio::test]
async fn malformed_request_is_400() {
    let served = served().await;
    for request in ["\x16\x03\x01\x02\x00 \x01\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /count\u{1} HTTP/1.1\r\n\r\n"] {
        assert_eq!(status(&served.answer_to(request.as_bytes()).await), "400", "{request:?}");
    }
    assert_eq!(status(&served.answer_to(&request("/count", "")).await), "200");
}

#[tokio::test]
async fn odd_targets_are_404() {
    let served = served().await;
    for target in ["OPTIONS *", "GET *", "CONNECT example:1", "GET http://example"] {
        let request = format!("{target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = served.answer_to(request.as_bytes()).await;
        let expected = if target == "GET http://example" { "200" } else { "404" };
        assert_eq!(status(&answer), expected, "{target}: {answer}");
    }
}

#[tokio::test]
async fn http_1_1_requires_one_host_header() {
    let served = served().await;
    let answer = |version: &'static str, headers: &'static str| {
        let request = format!("GET /count HTTP/{version}\r\n{headers}connection: close\r\n\r\n");
        let served = &served;
        async move { served.answer_to(request.as_bytes()).await }
    };
    for (headers, why) in [
        ("", "got none"),
        ("host: a\r\nhost: a\r\n", "got several"),
        ("host: a b/c@d\r\n", "a host name"),
        ("host: a/b\r\n", "a host name"),
    ] {
        let answer = answer("1.1", headers).await;
        assert!(status(&answer) == "400" && answer.contains(why), "{headers:?}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(status(&answer("1.1", "host:\r\n").await), "200");
    assert_eq!(status(&answer("1.0", "").await), "200");
    // The absolute form does not replace the header.
    let absolute = |headers: &str| format!("GET http://a/count HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
    assert_eq!(status(&served.answer_to(absolute("").as_bytes()).await), "400");
    assert_eq!(status(&served.answer_to(absolute("host: a\r\n").as_bytes()).await), "200");
}

#[tokio::test]
async fn malformed_request_ends_pipeline() {
    let served = served().await;
    let two = "GET /count HTTP/1.1\r\n\r\nGET /count HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = served.answer_to(two.as_bytes()).await;
    assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), ("400", 2), "{answer}");
}

#[tokio::test]
async fn http2_without_negotiation_is_505() {
    let served = served().await;
    // With the frame of settings that follows, as clients send it.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let answer = served.answer_to(preface).await;
    assert!(answer.starts_with("HTTP/1.1 505 ") && answer.contains("Expected HTTP/1.1, got HTTP/2"), "{answer}");
    // Also later on a connection.
    let mut stream = served.connect().await;
    stream.write_all(b"GET /count HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    read_until(&mut stream, "}").await;
    stream.write_all(preface).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 505 "), "{rest}");
}

/// RFC 9112, 2.2 allows a line feed alone as the end of a line. Bodies are not read, so nothing can be smuggled in.
#[tokio::test]
async fn bare_line_feeds_end_lines() {
    let served = served().await;
    let answer = served.answer_to(b"GET /count HTTP/1.1\nhost: a\nconnection: close\n\n").await;
    assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), ("200", 1), "{answer}");
    assert_eq!(status(&served.answer_to(b"GET /count HTTP/1.1\nhost: a\nhost: b\n\n").await), "400");
}

#[tokio::test(start_paused = true)]
async fn slow_head_times_out() {
    let served = served().await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET /count HTTP/1.1\r\nx: ").await.unwrap();
    let begun = Instant::now();
    let mut answer = String::new();
    timeout(Duration::from_secs(60), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    // The clock pauses while there is work, and then jumps to the next timeout.
    assert_eq!(answer, "");
    assert!(begun.elapsed() <= Duration::from_secs(11), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn connection_over_limit_waits() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let served = Served::start(app(), limits).await;
    let mut first = served.connect().await;
    let mut second = served.connect().await;
    for stream in [&mut first, &mut second] {
        stream.write_all(b"GET /count HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        read_until(stream, "}").await;
    }
    let mut third = served.connect().await;
    third.write_all(&request("/count", "")).await.unwrap();
    // Whoever is in is answered before whoever waits, however often.
    for _ in 0..50 {
        first.write_all(b"GET /count HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        read_until(&mut first, "}").await;
        assert!(third.try_read(&mut [0; 1]).is_err(), "the third is answered while two are open");
    }
    drop(second);
    let mut answer = String::new();
    third.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn connections_limited_per_address() {
    let limits = Limits { connections_each: 2, ..Limits::default() };
    let served = Served::start(app(), limits).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = served.connect().await;
        stream.write_all(b"GET /count HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        read_until(&mut stream, "}").await;
        open.push(stream);
    }
    let mut third = served.connect().await;
    // It is closed, whether or not it has asked by then.
    let _ = third.write_all(&request("/count", "")).await;
    assert!(!matches!(third.read(&mut [0; 1]).await, Ok(1..)), "a third of one address is answered");
    let other = TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = other.connect(served.address).await.unwrap();
    other.write_all(&request("/count", "")).await.unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn partial_requests_share_memory_budget() {
    let limits = Limits { all_heads_bytes: 64 * 1024, ..Limits::default() };
    let served = Served::start(app(), limits).await;
    let begun = |bytes: usize| format!("GET /count HTTP/1.1\r\nhost: a\r\nx: {}", "y".repeat(bytes)).into_bytes();
    let mut first = served.connect().await;
    first.write_all(&begun(60_000)).await.unwrap();
    // Of two the second goes over it, and is closed; whoever asks for no more than usual is answered all the while.
    let mut second = served.connect().await;
    let _ = second.write_all(&begun(60_000)).await;
    assert!(!matches!(second.read(&mut [0; 1]).await, Ok(1..)));
    assert_eq!(status(&served.answer_to(&request("/count", &format!("x: {}\r\n", "y".repeat(7_000)))).await), "200");
    // The first is answered once it is whole, and gives its memory back.
    first.write_all(b"\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).await.unwrap();
    assert!(status(&answer) == "200" && answer.contains("connection: close"), "{answer}");
    drop(first);
    let whole = [&begun(60_000)[..], b"\r\nconnection: close\r\n\r\n"].concat();
    let again = async { while status(&served.answer_or_nothing(&whole).await) != "200" {} };
    timeout(Duration::from_secs(60), again).await.unwrap();
}

/// Every request of a pipeline is answered.
#[tokio::test]
async fn pipelined_requests_all_answered() {
    const MANY: usize = 3000;
    let limits = Limits { all_heads_bytes: 0, ..Limits::default() };
    let served = Served::start(app(), limits).await;
    let (mut from, mut to) = served.connect().await.into_split();
    let asking = tokio::spawn(async move {
        let requests = "GET /count HTTP/1.1\r\nhost: a\r\n\r\n".repeat(MANY - 1);
        to.write_all(requests.as_bytes()).await.unwrap();
        to.write_all(&request("/count", "")).await.unwrap();
        to
    });
    let mut answers = String::new();
    from.read_to_string(&mut answers).await.unwrap();
    asking.await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), MANY);
    served.stop().await;
}

type Gated = Arc<dyn Fn(ClientAddr, Request<Incoming>) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

fn gated() -> (
    impl Fn(ClientAddr, Request<Incoming>) -> Answer + Clone + Send + Sync + 'static,
    mpsc::UnboundedReceiver<oneshot::Sender<()>>,
) {
    let (asked, waiting) = mpsc::unbounded_channel();
    let answer: Gated = Arc::new(move |_, _| {
        let (answer, released) = oneshot::channel();
        asked.send(answer).unwrap();
        Box::pin(async { Response::new(released.await.map_or("left", |()| "told").into()) })
    });
    (move |client, request| answer(client, request), waiting)
}

async fn refuses(address: SocketAddr) {
    // The listener closes on a task of its own; connecting either fails or meets the end at once.
    if let Ok(mut stream) = TcpStream::connect(address).await {
        let _ = stream.write_all(b"GET /count HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(!matches!(stream.read(&mut [0; 1]).await, Ok(1..)));
    }
}

#[tokio::test]
async fn shutdown_finishes_answers_and_accepts_none() {
    let (answer, mut waiting) = gated();
    let served = Served::with_answer(answer, Limits::default()).await;
    let (address, mut idle, mut busy) = (served.address, served.connect().await, served.connect().await);
    busy.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let answer = waiting.recv().await.unwrap();
    served.stop.send(()).unwrap();
    // The idle one is closed, which shows that the end has begun.
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
    refuses(address).await;
    answer.send(()).unwrap();
    let mut text = String::new();
    busy.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("told"), "{text}");
    drop((idle, busy));
    served.done.await.unwrap();
}

#[tokio::test]
async fn shutdown_bounded_by_grace_period() {
    let (answer, mut waiting) = gated();
    let served = Served::with_answer(answer, Limits::default()).await;
    let mut busy = served.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let answer = waiting.recv().await.unwrap();
    tokio::time::pause();
    let begun = Instant::now();
    served.stop().await;
    assert_eq!(begun.elapsed().as_secs(), Limits::default().shutdown_grace.as_secs());
    let mut text = String::new();
    let _ = busy.read_to_string(&mut text).await;
    assert_eq!(text, "");
    drop(answer);
}

#[tokio::test]
async fn shutdown_immediate_without_clients() {
    let served = served().await;
    served.stop().await;
}
