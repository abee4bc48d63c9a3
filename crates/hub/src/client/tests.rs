//! Tests of the client beside servers of the test.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

fn client() -> Client {
    let builder = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let tls = builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Client::new(tls.into(), Duration::from_millis(300))
}

/// Sends an answer to each request, after which it leaves the connection open.
async fn server(answer: Vec<u8>) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            assert!(head[..length].starts_with(b"GET /gpu01/count HTTP/1.1\r\n"));
            stream.write_all(&answer).await.unwrap();
            open.push(stream);
        }
    });
    Endpoint { scheme: Scheme::Http, host: "127.0.0.1".into(), port, prefix: "/gpu01".into() }
}

async fn fetched(answer: impl Into<Vec<u8>>) -> Result<(u16, Bytes), ClientError> {
    let endpoint = server(answer.into()).await;
    let ask =
        Ask { endpoint: &endpoint, method: Method::GET, path: "/count", headers: HeaderMap::new(), body: Bytes::new() };
    let fetched = client().fetch(ask, 10, Duration::from_millis(500)).await;
    fetched.map(|(status, _, body)| (status.as_u16(), body))
}

#[tokio::test]
async fn answer_of_any_status_fetched() {
    for (answer, status, body) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 302, ""),
        ("HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 503, "abc"),
    ] {
        assert_eq!(fetched(answer).await.unwrap(), (status, body.into()), "{answer:?}");
    }
}

#[tokio::test]
async fn answer_beyond_limits_is_an_error() {
    for (answer, error) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nelevenbytes".to_owned(), "expected at most 10 bytes"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok".to_owned(), "no answer within 0.5 s"),
        ("HTTP/1.1 200".to_owned(), "no answer within 0.3 s"),
        ("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok".to_owned(), "compression"),
        ("HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000), "expected an HTTP answer"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(), "expected an HTTP answer"),
        (format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(100_000)), "expected an HTTP answer"),
        (format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: a\r\n".repeat(100)), "expected an HTTP answer"),
    ] {
        let found = fetched(answer).await.unwrap_err().to_string();
        assert!(found.contains(error), "{found}");
    }
}

#[tokio::test]
async fn refused_connection_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let endpoint = Endpoint { scheme: Scheme::Https, host: "127.0.0.1".into(), port, prefix: "".into() };
    let ask =
        Ask { endpoint: &endpoint, method: Method::GET, path: "/", headers: HeaderMap::new(), body: Bytes::new() };
    let error = client().send(ask).await.unwrap_err();
    assert!(matches!(error, ClientError::Connect(_)) && !error.is_certificate(), "{error}");
}

#[tokio::test]
async fn connections_limited_until_one_closes() {
    let endpoint = server(Vec::new()).await;
    let client = client().limited_to(2);
    let (first, _second) = (client.connect(&endpoint).await.unwrap(), client.connect(&endpoint).await.unwrap());
    let error = client.connect(&endpoint).await.err().unwrap();
    assert!(matches!(error, ClientError::NoDescriptor(2)), "{error}");
    assert!(client.beside(Duration::from_secs(1)).connect(&endpoint).await.is_ok());
    drop(first);
    assert!(client.connect(&endpoint).await.is_ok());
}
