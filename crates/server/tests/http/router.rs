//! Paths, methods, the token and the order of checks, without a socket.

use http_body_util::BodyExt;
use hyper::{HeaderMap, Method, Request, StatusCode};
use server::{App, Publisher, ServerConfig, Token};
use telemetry::{
    Stamp,
    snapshot::{CollectorState, Snapshot},
};

use crate::host;

const UNAUTHORIZED: &str = r#"{"code":401,"data":null,"error":"Unauthorized"}"#;
pub(crate) const NOT_FOUND: &str = r#"{"code":1,"data":null,"error":"Not Found"}"#;
const INVALID_INDEX: &str = r#"{"code":1,"data":null,"error":"Invalid GPU index"}"#;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn redirects_to(&self, location: &str) {
        assert_eq!((self.brief(), self.header("location")), ((307, ""), location));
    }

    pub(crate) fn brief(&self) -> (u16, &str) {
        (self.status.as_u16(), &self.body)
    }
}

pub(crate) fn app(prefix: &str, token: &str, snapshot: Option<Snapshot>) -> App {
    let publisher = Publisher::new(Stamp::default());
    if let Some(snapshot) = snapshot {
        publisher.publish(snapshot);
    }
    let config =
        ServerConfig { url_prefix: prefix.parse().unwrap(), token: Token::new(token), ..ServerConfig::default() };
    App::new(config, publisher.subscribe())
}

fn two_gpus() -> Option<Snapshot> {
    Some(host::snapshot(CollectorState::Ok, vec![host::gpu(0), host::gpu(1)]))
}

fn no_driver() -> Option<Snapshot> {
    Some(host::snapshot(CollectorState::NoDriver { text: "Driver Not Loaded".into() }, vec![]))
}

pub(crate) async fn ask(app: &App, method: Method, address: &str, token: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(address);
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    let response = app.reply(None, &request.body(()).unwrap()).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

pub(crate) async fn get(app: &App, address: &str) -> Answer {
    ask(app, Method::GET, address, None).await
}

#[tokio::test]
async fn prefix_spellings_answered() {
    for (prefix, base) in [("", ""), ("/", ""), ("a/b", "/a/b"), ("/a/b/", "/a/b")] {
        let app = app(prefix, "", two_gpus());
        assert_eq!(get(&app, &format!("{base}/count")).await.brief(), (200, r#"{"code":0,"data":2}"#));
        assert_eq!(get(&app, &format!("{base}/status?idx=0")).await.status, 200);
        assert_eq!(get(&app, &format!("{base}/healthz")).await.brief(), (200, r#"{"status":"ok"}"#));
        assert_eq!(get(&app, &format!("{base}/readyz")).await.brief(), (200, r#"{"state":"ok"}"#));
    }
    let app = app("a/b", "", two_gpus());
    for outside in ["/count", "/healthz", "/a", "/a/", "/a/bcount", "/a/b//count", "/a/b/count/x"] {
        assert_eq!(get(&app, outside).await.brief(), (404, NOT_FOUND), "{outside}");
    }
}

#[tokio::test]
async fn answers_have_type_and_no_store() {
    let app = app("", "", two_gpus());
    for address in ["/count", "/status", "/status?idx=0", "/status?idx=9", "/nothing", "/healthz", "/readyz"] {
        let answer = get(&app, address).await;
        assert_eq!(answer.header("content-type"), "application/json", "{address}");
        assert_eq!(answer.header("cache-control"), "no-store", "{address}");
        assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_ok(), "{address}");
    }
}

#[tokio::test]
async fn escaped_path_is_decoded() {
    let app = app("a/b", "x", two_gpus());
    assert_eq!(ask(&app, Method::GET, "/a/b/%63ount", Some("x")).await.status, 200);
    assert_eq!(ask(&app, Method::GET, "/a%2Fb%2fcount", Some("x")).await.status, 200);
    assert_eq!(get(&app, "/a/b/%63ount").await.brief(), (401, UNAUTHORIZED));
    assert_eq!(get(&app, "/a/b/assets/%2e%2e/count").await.brief(), (404, NOT_FOUND));
    assert_eq!(get(&app, "/a/b/health%7A").await.status, 200);
    for address in ["/a/b/%ff", "/a/b/%", "/a%2Fb/count/"] {
        assert_eq!(ask(&app, Method::GET, address, Some("x")).await.brief(), (404, NOT_FOUND), "{address}");
    }
}

#[tokio::test]
async fn token_checked_before_everything() {
    for snapshot in [two_gpus(), no_driver(), None] {
        let app = app("p", "changeme", snapshot);
        for address in [
            "/p/count",
            "/p/status",
            "/p/status?idx=9",
            "/p/count/",
            "/p/nothing",
            "/p/api/v1/snapshot",
            "/p/api/v1/gpus/0",
            "/p/api/v1/nothing",
            "/p/openapi.json",
            "/count",
            "//",
            "/healthz",
            "/assets/style.css",
            "/p/assets",
            "/px",
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
                for token in [None, Some(""), Some("Changeme"), Some("Bearer changeme2"), Some("Basic changeme")] {
                    let answer = ask(&app, method.clone(), address, token).await;
                    assert_eq!(answer.brief(), (401, UNAUTHORIZED), "{method} {address} {token:?}");
                }
            }
            let head = ask(&app, Method::HEAD, address, None).await;
            assert_eq!((head.brief(), head.header("content-length")), ((401, ""), "47"));
        }
    }
}

#[tokio::test]
async fn valid_token_is_accepted() {
    let app = app("p", "changeme", two_gpus());
    for token in ["changeme", "Bearer changeme", "bearer  changeme"] {
        assert_eq!(ask(&app, Method::GET, "/p/count", Some(token)).await.status, 200, "{token}");
        assert_eq!(ask(&app, Method::GET, "/count", Some(token)).await.brief(), (404, NOT_FOUND));
        assert_eq!(ask(&app, Method::PUT, "/p/count", Some(token)).await.status, 405);
    }
}

#[tokio::test]
async fn health_and_page_need_no_token() {
    let app = app("p", "changeme", None);
    assert_eq!(get(&app, "/p/healthz").await.status, 200);
    assert_eq!(get(&app, "/p/readyz").await.brief(), (503, r#"{"state":"starting"}"#));
    assert_eq!(get(&app, "/p/").await.status, 200);
    assert_eq!(get(&app, "/p/assets/none.js").await.brief(), (404, NOT_FOUND));
    assert_eq!(get(&app, "/p").await.status, 307);
    assert_eq!(ask(&app, Method::POST, "/p/healthz", None).await.status, 405);
}

#[tokio::test]
async fn driver_error_after_path_before_query() {
    let driver = r#"{"code":2,"data":null,"error":"Driver Not Loaded"}"#;
    let app = app("", "", no_driver());
    for address in ["/count", "/status", "/status?idx=a", "/status?process=Z"] {
        assert_eq!(get(&app, address).await.brief(), (500, driver), "{address}");
    }
    assert_eq!(get(&app, "/nothing").await.status, 404);
    assert_eq!(ask(&app, Method::POST, "/status", None).await.status, 405);
    assert_eq!(get(&app, "/readyz").await.brief(), (503, r#"{"state":"no_driver"}"#));
    assert_eq!(get(&app, "/healthz").await.status, 200);
}

#[tokio::test]
async fn starting_before_first_snapshot() {
    let app = app("", "", None);
    let starting = r#"{"code":2,"data":null,"error":"Collector Starting"}"#;
    assert_eq!(get(&app, "/count").await.brief(), (500, starting));
    assert_eq!(get(&app, "/status?idx=0").await.brief(), (500, starting));
}

#[tokio::test]
async fn index_checked_before_process() {
    let app = app("", "", two_gpus());
    assert_eq!(get(&app, "/status?process=Z&idx=9").await.brief(), (400, INVALID_INDEX));
    assert_eq!(get(&app, "/status?idx").await.brief(), (400, INVALID_INDEX));
    let process = r#"{"code":1,"data":null,"error":"Invalid process type, choose from C, G, NA"}"#;
    assert_eq!(get(&app, "/status?process=c&idx=1").await.brief(), (400, process));
    assert_eq!(get(&app, "/count?idx=9&process=Z").await.status, 200);
}

#[tokio::test]
async fn other_methods_get_allow_header() {
    let app = app("", "", two_gpus());
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::TRACE] {
        for address in ["/count", "/status", "/healthz", "/", "/assets/style.css"] {
            let answer = ask(&app, method.clone(), address, None).await;
            assert_eq!(answer.brief(), (405, r#"{"code":1,"data":null,"error":"Method Not Allowed"}"#));
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
        assert_eq!(ask(&app, method, "/nothing", None).await.brief(), (404, NOT_FOUND));
    }
}

#[tokio::test]
async fn head_is_get_without_body() {
    let app = app("", "", two_gpus());
    for address in ["/count", "/status", "/status?idx=0,1", "/status?idx=9", "/nothing", "/", "/healthz"] {
        let with = get(&app, address).await;
        let without = ask(&app, Method::HEAD, address, None).await;
        assert_eq!((without.status, without.body.as_str()), (with.status, ""), "{address}");
        assert_eq!(without.header("content-length"), with.body.len().to_string(), "{address}");
        assert_eq!(without.header("content-type"), with.header("content-type"), "{address}");
    }
}

#[tokio::test]
async fn root_redirects_to_prefix() {
    for token in ["", "changeme"] {
        let deep = app("a/b", token, two_gpus());
        for method in [Method::GET, Method::HEAD] {
            ask(&deep, method.clone(), "/", None).await.redirects_to("./a/b/");
            ask(&deep, method.clone(), "/?x=1", None).await.redirects_to("./a/b/?x=1");
            ask(&deep, method, "http://evil.example/", None).await.redirects_to("./a/b/");
        }
        // A segment with a colon is no scheme.
        get(&app("javascript:x", token, two_gpus()), "/").await.redirects_to("./javascript:x/");
        let refused = if token.is_empty() { (404, NOT_FOUND) } else { (401, UNAUTHORIZED) };
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert_eq!(ask(&deep, method, "/", None).await.brief(), refused);
        }
        for address in ["//", "/%2f", "/./", "/index.html", "/a", "/%2e"] {
            assert_eq!(get(&deep, address).await.brief(), refused, "{address}");
        }
        assert_eq!(get(&app("", token, two_gpus()), "/").await.status, 200, "without a prefix the page is there");
    }
}

#[tokio::test]
async fn trailing_slash_redirect_is_relative() {
    let app = app("a/b", "", two_gpus());
    for (address, location) in [
        ("/a/b/count/", "../count"),
        ("/a/b/status/", "../status"),
        ("/a/b/status/?", "../status?"),
        ("/a/b/status/?idx=0,%201&x=//evil.example", "../status?idx=0,%201&x=//evil.example"),
        ("/a/b/status/?%0d%0aset-cookie:%20a=b", "../status?%0d%0aset-cookie:%20a=b"),
        ("http://evil.example/a/b/count/", "../count"),
        ("/a/b", "./b/"),
        ("/a/b?x=1", "./b/?x=1"),
    ] {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            ask(&app, method, address, None).await.redirects_to(location);
        }
    }
    assert_eq!(get(&app, "/a/b/count//").await.status, 404);
}

#[tokio::test]
async fn slash_at_end_redirects_to_path() {
    let app = app("a/b", "changeme", two_gpus());
    for (address, location) in [
        ("/a/b/metrics/", "../metrics"),
        ("/a/b/metrics/?names=dcgm", "../metrics?names=dcgm"),
        ("/a/b/api/v1/gpus/", "../gpus"),
        ("/a/b/api/v1/gpus/0/", "../0"),
        ("/a/b/api/v1/summary.txt/", "../summary.txt"),
        ("/a/b/openapi.json/", "../openapi.json"),
    ] {
        ask(&app, Method::GET, address, Some("changeme")).await.redirects_to(location);
        assert_eq!(get(&app, address).await.brief(), (401, UNAUTHORIZED), "{address}");
    }
    for (address, location) in [("/a/b/healthz/", "../healthz"), ("/a/b/docs/", "../docs")] {
        get(&app, address).await.redirects_to(location);
    }
    for address in
        ["/a/b//", "/a/b/metrics//", "/a/b/api/v1/", "/a/b/nothing/", "/a/b/metrics%2f", "/a/b/api/v1/gpus%2f/"]
    {
        assert_eq!(ask(&app, Method::GET, address, Some("changeme")).await.status, 404, "{address}");
    }
    assert_eq!(get(&app, "/a/b/assets/").await.brief(), (404, NOT_FOUND));
}

#[tokio::test]
async fn unauthorized_has_challenge() {
    let app = app("p", "changeme", two_gpus());
    for address in ["/p/count", "/p/api/v1/snapshot", "/p/metrics", "/p/nothing", "/elsewhere"] {
        for token in [None, Some("Bearer wrong")] {
            let answer = ask(&app, Method::GET, address, token).await;
            assert_eq!(
                (answer.brief(), answer.header("www-authenticate")),
                ((401, UNAUTHORIZED), "Bearer"),
                "{address}"
            );
        }
        let answer = ask(&app, Method::GET, address, Some("changeme")).await;
        assert_eq!(answer.header("www-authenticate"), "", "{address}");
    }
}

#[tokio::test]
async fn connect_needs_token_and_finds_nothing() {
    for prefix in ["", "p"] {
        let app = app(prefix, "changeme", two_gpus());
        assert_eq!(ask(&app, Method::CONNECT, "evil.example:443", None).await.brief(), (401, UNAUTHORIZED));
        let answer = ask(&app, Method::CONNECT, "evil.example:443", Some("changeme")).await;
        assert_eq!(answer.brief(), (404, NOT_FOUND));
    }
}

#[tokio::test]
async fn new_snapshot_served_at_once() {
    let publisher = Publisher::new(Stamp::default());
    let app = App::new(ServerConfig::default(), publisher.subscribe());
    assert_eq!(get(&app, "/count").await.status, 500);
    for count in [1_u32, 3] {
        publisher.publish(host::snapshot(CollectorState::Ok, (0..count).map(host::gpu).collect()));
        assert_eq!(get(&app, "/count").await.body, format!(r#"{{"code":0,"data":{count}}}"#));
    }
    // What was published last stays, even when nobody is left to publish.
    drop(publisher);
    assert_eq!(get(&app, "/count").await.status, 200);
}
