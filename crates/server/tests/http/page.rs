//! The page's files as a browser gets them.

use http_body_util::BodyExt;
use hyper::{Method, Request};
use server::{App, Publisher, ServerConfig};
use telemetry::Stamp;

use crate::router::{Answer, NOT_FOUND, app, ask, get};

/// Files that the page loads, from its own text.
fn files(page: &str) -> Vec<&str> {
    let links = ["href=\"", "src=\""].into_iter().flat_map(|mark| page.split(mark).skip(1));
    let links = links.filter_map(|rest| rest.split('"').next());
    links.map(|link| link.trim_start_matches("./")).filter(|link| link.starts_with("assets/")).collect()
}

/// Asks with this header; the body is as it was sent.
async fn ask_with(app: &App, address: &str, header: (&str, &str)) -> (Answer, Vec<u8>) {
    let request = Request::get(address).header(header.0, header.1).body(()).unwrap();
    let (parts, body) = app.reply(None, &request).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    (Answer { status: parts.status, headers: parts.headers, body: String::new() }, body)
}

#[tokio::test]
async fn page_files_have_prefix_and_policy() {
    for prefix in ["", "/a/b"] {
        let app = app(prefix, "changeme", None);
        for (path, title) in [("/", "<title>"), ("/docs", "<title>API reference</title>")] {
            let answer = get(&app, &format!("{prefix}{path}")).await;
            assert!(answer.status == 200 && answer.body.contains(title), "{path}");
        }
        let page = get(&app, &format!("{prefix}/")).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(page.header("cache-control"), "no-cache");
        let reference = get(&app, &format!("{prefix}/docs")).await;
        let files = [files(&page.body), files(&reference.body)].concat();
        assert!(!files.is_empty());
        for file in files {
            let answer = get(&app, &format!("{prefix}/{file}")).await;
            assert_eq!(answer.status, 200, "{file}");
            let kind = if file.ends_with(".js") { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
            assert_eq!(answer.header("content-type"), kind, "{file}");
            for answer in [&page, &reference, &answer] {
                let policy = answer.header("content-security-policy");
                assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
                assert!(!policy.contains("unsafe") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
                assert_eq!(answer.header("x-content-type-options"), "nosniff");
                assert_eq!(answer.header("referrer-policy"), "no-referrer");
            }
        }
    }
}

#[tokio::test]
async fn page_can_be_embedded_by_named_origins() {
    let publisher = Publisher::new(Stamp::default());
    let frame_ancestors = "self,https://grafana.example.org".parse().unwrap();
    let config = ServerConfig { frame_ancestors, ..ServerConfig::default() };
    let app = App::new(config, publisher.subscribe());
    let page = get(&app, "/").await;
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("; frame-ancestors 'self' https://grafana.example.org"), "{policy}");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
    for answer in ["/status", "/api/v1/summary", "/openapi.json", "/nothing"] {
        let answer = get(&app, answer).await;
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    }
}

#[tokio::test]
async fn page_obeys_own_policy() {
    let app = app("", "", None);
    let page = get(&app, "/").await.body + &get(&app, "/docs").await.body;
    for forbidden in [" style=", "<style", "https:", "href=\"/", "src=\"/", "src=\"http", "href=\"http", " onload="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for script in page.split("<script").skip(1) {
        let (tag, rest) = script.split_once('>').unwrap();
        assert!(tag.contains(" src=") && rest.starts_with("</script>"), "{script}");
    }
}

#[tokio::test]
async fn missing_page_file_needs_no_token() {
    let app = app("p", "changeme", None);
    for missing in ["/p/assets/none.js", "/p/assets/", "/p/assets/%2e%2e/count", "/p/assets/x/y.js"] {
        assert_eq!(get(&app, missing).await.brief(), (404, NOT_FOUND), "{missing}");
    }
}

#[tokio::test]
async fn unchanged_file_is_304() {
    let app = app("", "", None);
    let (page, _) = ask_with(&app, "/", ("accept-encoding", "identity")).await;
    let tag = page.header("etag").to_owned();
    assert!(tag.len() > 10 && tag.starts_with('"'), "{tag}");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
        let (answer, body) = ask_with(&app, "/", ("if-none-match", &known)).await;
        assert_eq!((answer.status.as_u16(), body.len()), (304, 0), "{known}");
        assert_eq!(answer.header("etag"), tag);
    }
    for unknown in ["\"x\"", "", "x"] {
        assert_eq!(ask_with(&app, "/", ("if-none-match", unknown)).await.0.status, 200, "{unknown}");
    }
}

#[tokio::test]
async fn head_has_length() {
    let app = app("", "", None);
    let page = get(&app, "/").await;
    for address in files(&page.body).iter().map(|file| format!("/{file}")).chain(["/".into()]) {
        let with = get(&app, &address).await;
        let without = ask(&app, Method::HEAD, &address, None).await;
        assert_eq!((without.status.as_u16(), without.body.as_str()), (200, ""), "{address}");
        assert_eq!(without.header("content-length"), with.body.len().to_string(), "{address}");
        assert_eq!(without.header("etag"), with.header("etag"), "{address}");
    }
}

/// Checks of the page that is built from `web/`.
#[cfg(feature = "page")]
mod built {
    use std::io::Read as _;

    use super::*;

    #[tokio::test]
    async fn hashed_files_cached_forever() {
        let app = app("", "", None);
        for file in files(&get(&app, "/").await.body) {
            let answer = get(&app, &format!("/{file}")).await;
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{file}");
        }
    }

    #[tokio::test]
    async fn smallest_accepted_encoding_sent() {
        let app = app("", "", None);
        let page = get(&app, "/").await;
        for address in files(&page.body).iter().map(|file| format!("/{file}")).chain(["/".into()]) {
            let plain = get(&app, &address).await;
            assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
            let (packed, gzip) = ask_with(&app, &address, ("accept-encoding", "gzip")).await;
            assert_eq!(packed.header("content-encoding"), "gzip");
            let mut unpacked = String::new();
            flate2::read::GzDecoder::new(&gzip[..]).read_to_string(&mut unpacked).unwrap();
            assert!(unpacked == plain.body, "{address}");
            let (smallest, brotli) = ask_with(&app, &address, ("accept-encoding", "gzip, br")).await;
            assert_eq!((smallest.header("content-encoding"), smallest.header("vary")), ("br", "accept-encoding"));
            assert!(brotli.len() < gzip.len() && gzip.len() < plain.body.len(), "{address}");
            assert_ne!(smallest.header("etag"), packed.header("etag"));
        }
    }

    #[tokio::test]
    async fn first_load_is_small() {
        let app = app("", "", None);
        let page = get(&app, "/").await;
        let mut sum = 0;
        let files = files(&page.body);
        for address in files.iter().map(|file| format!("/{file}")).chain(["/".into()]) {
            sum += ask_with(&app, &address, ("accept-encoding", "gzip")).await.1.len();
        }
        assert!(files.len() <= 3 && sum < 56 * 1024, "{} files, {sum} bytes", files.len());
    }
}

/// The plain page, which says what is here.
#[cfg(not(feature = "page"))]
#[tokio::test]
async fn plain_page_links_to_endpoints() {
    let app = app("p", "", None);
    let page = get(&app, "/p/").await.body;
    let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() > 9, "{links:?}");
    for link in links {
        assert_ne!(get(&app, &format!("/p/{link}")).await.status, 404, "{link}");
    }
    assert_eq!(get(&app, "/p/assets/style.css").await.header("cache-control"), "no-cache");
}
