//! Precedence of routes, and what a handler of every path below its own is given.

use http_body_util::BodyExt as _;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};

use super::*;
use crate::{
    auth::{Anonymous, Token, Tokens},
    net::ClientAddr,
};

fn said(text: String) -> Response {
    response::text(StatusCode::OK, text.into())
}

fn access(rest: &str) -> Access {
    match rest {
        "page" => Access::Open,
        "a/metrics" => Access::AnyScope,
        _ => Access::Views,
    }
}

static ROUTES: [Route<()>; 5] = [
    Route::read("/", Access::Views, ErrorFormat::Legacy, |_| said("root".into())),
    Route::read("/hosts", Access::Views, ErrorFormat::Problem, |_| said("list".into())),
    Route::read("/hosts/exact", Access::Views, ErrorFormat::Problem, |_| said("exact".into())),
    Route::below("/files/", Access::Open, ErrorFormat::Legacy, |_, name| said(format!("file {name}"))),
    Route::under("/hosts/", access, ErrorFormat::Problem, |context, rest| {
        let text = format!("{} {} {rest} {:?}", context.method, context.who(), context.query);
        if rest == "refused" {
            return Box::pin(async { response::keep_status(problem(StatusCode::FORBIDDEN, "kept")) });
        }
        if rest == "forbidden" {
            return Box::pin(async { problem(StatusCode::FORBIDDEN, "not kept") });
        }
        Box::pin(async { said(text) })
    }),
];

fn router(auth: AuthConfig) -> Arc<Router<()>> {
    let config = RouterConfig {
        prefix: "/hub".parse().unwrap(),
        auth,
        allowed_hosts: None,
        cors_origins: Vec::new(),
        access_log: false,
        logged_parameters: &["gpu"],
        routes: ROUTES.iter().collect(),
        open_below: "/files/",
        unrouted_errors: |_| ErrorFormat::Legacy,
    };
    Arc::new(Router::new(config, ()))
}

fn tokens() -> AuthConfig {
    let text =
        "alice read sees-everything-here\nboard summary sees-a-summary-only\nscraper metrics scrapes-and-no-more";
    let (_, tokens) = tokio::sync::watch::channel(Arc::new(Tokens::parse(text.as_bytes()).unwrap()));
    AuthConfig { tokens: Some(tokens), ..AuthConfig::default() }
}

async fn asked(router: &Arc<Router<()>>, method: Method, path: &str, token: Option<&str>) -> (u16, String, String) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, token);
    }
    let client = Some(ClientAddr::Unix);
    let response = router.reply(client, &request.body(()).unwrap()).await;
    let kind = response.headers().get(CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap()).to_owned();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap(), kind)
}

async fn open(path: &str) -> (u16, String) {
    let (status, body, _) = asked(&router(AuthConfig::default()), Method::GET, path, None).await;
    (status, body)
}

#[tokio::test]
async fn exact_path_before_every_path_below() {
    for (path, status, body) in [
        ("/hub/hosts", 200, "list"),
        ("/hub/hosts/exact", 200, "exact"),
        ("/hub/hosts/exact/", 200, "GET - exact/ None"),
        ("/hub/hosts/exactly", 200, "GET - exactly None"),
        ("/hub/hosts/a", 200, "GET - a None"),
        ("/hub/hosts/a/b/c/?gpu=0", 200, "GET - a/b/c/ Some(\"gpu=0\")"),
        ("/hub/hosts//", 200, "GET - / None"),
        ("/hub/files/a", 200, "file a"),
        // An escape in a part that is not below the route.
        ("/hub/%66iles/a", 200, "file a"),
    ] {
        assert_eq!(open(path).await, (status, body.into()), "{path}");
    }
    // The slash at the end is that of the exact path.
    assert_eq!(open("/hub/hosts/").await.0, 307);
    assert_eq!(open("/hosts/a").await.0, 404);
    assert_eq!(open("/hub/hostsa").await.0, 404);
}

#[tokio::test]
async fn rest_of_path_is_as_it_was_sent() {
    for rest in ["a%2Fb", "%2e%2e/x", "a//b", "../x", "./x", "a%00", "a/%c3%a9", "a;b=c/@:d", "%", "a/../../status"] {
        assert_eq!(open(&format!("/hub/hosts/{rest}")).await, (200, format!("GET - {rest} None")), "{rest}");
    }
    // Nor does an escape lead to it.
    for path in ["/hub/%68osts/a", "/hub/hosts%2fa", "/hu%62/hosts/a", "/hub/files/..%2f..%2fhosts/a"] {
        assert_eq!(open(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn only_get_and_head_reach_paths_below() {
    let router = router(AuthConfig::default());
    assert_eq!(asked(&router, Method::HEAD, "/hub/hosts/a", None).await.0, 200);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE, Method::PATCH] {
        let (status, _, kind) = asked(&router, method.clone(), "/hub/hosts/a/b", None).await;
        assert_eq!((status, &*kind), (405, "application/problem+json"), "{method}");
    }
    // Query parameters are the handler's business.
    assert_eq!(asked(&router, Method::GET, "/hub/hosts/a?anything=1", None).await.0, 200);
}

#[tokio::test]
async fn access_to_paths_below_depends_on_the_rest() {
    let router = router(tokens());
    for (path, nobody, scraper, board) in [
        ("/hub/hosts/page", 200, 200, 200),
        ("/hub/hosts/a/metrics", 401, 200, 200),
        ("/hub/hosts/a/metrics/", 401, 403, 200),
        ("/hub/hosts/a/%6detrics", 401, 403, 200),
        ("/hub/hosts/a/api/v1/summary", 401, 403, 200),
        ("/hub/hosts/pag%65", 401, 403, 200),
    ] {
        for (token, status) in
            [(None, nobody), (Some("scrapes-and-no-more"), scraper), (Some("sees-a-summary-only"), board)]
        {
            assert_eq!(asked(&router, Method::GET, path, token).await.0, status, "{path} {token:?}");
        }
    }
    let (_, body, _) = asked(&router, Method::GET, "/hub/hosts/x", Some("Bearer sees-everything-here")).await;
    assert_eq!(body, "GET alice x None");
}

#[tokio::test]
async fn refusal_of_a_client_without_token_kept_only_on_request() {
    let router = router(AuthConfig { anonymous: Anonymous::Sees(Scope::Summary), ..tokens() });
    assert_eq!(asked(&router, Method::GET, "/hub/hosts/forbidden", None).await.0, 401);
    assert_eq!(asked(&router, Method::GET, "/hub/hosts/refused", None).await.0, 403);
    assert_eq!(asked(&router, Method::GET, "/hub/hosts/forbidden", Some("sees-a-summary-only")).await.0, 403);
}

#[test]
fn logged_target_has_no_secrets() {
    let router = router(AuthConfig { token: Token::new("hush-hush-hush-hush"), ..tokens() });
    let logged = |uri: &str| {
        let uri: Uri = uri.parse().unwrap();
        let (method, headers) = (Method::GET, HeaderMap::new());
        let context = RequestContext {
            router: &router,
            scope: Scope::Read,
            principal: None,
            client: None,
            method: &method,
            uri: &uri,
            query: uri.query(),
            headers: &headers,
        };
        context.logged_target()
    };
    assert_eq!(logged("/hub/hosts/a/api/v1/processes?user=alice&gpu=0"), "/hub/hosts/a/api/v1/processes?…&gpu=0");
    assert_eq!(logged("/hub/hosts/hush-hush-hush-hush"), "(contains a token)");
    assert_eq!(logged("/hub/hosts/sees%2deverything-here"), "(contains a token)");
}
