//! `NVSMI-Scope` over every path.

use http_server::SCOPE_HEADER;

use super::*;

/// Response to a request that lowers its scope to this.
async fn lowered(app: &App, path: &str, token: Option<&str>, scope: &'static str) -> Response {
    let mut request = request(path, token);
    request.headers_mut().insert(SCOPE_HEADER.clone(), HeaderValue::from_static(scope));
    app.reply(None, &request).await
}

#[tokio::test]
async fn scope_header_lowers_every_path() {
    let app = app(file().1);
    for path in paths() {
        for encoding in ["identity", "gzip"] {
            let mut asked = request(&path, Some(READ));
            asked.headers_mut().insert(ACCEPT_ENCODING, encoding.parse().unwrap());
            asked.headers_mut().insert(SCOPE_HEADER.clone(), HeaderValue::from_static("summary"));
            let response = app.reply(None, &asked).await;
            assert_eq!(response.headers()[&SCOPE_HEADER], "summary", "{path}");
            let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
            assert!(vary.len() == 1 && vary[0].to_str().unwrap().contains("nvsmi-scope"), "{path}: {vary:?}");
            let own = status(&app, &path, Some(SUMMARY));
            assert_eq!(response.status().as_u16(), own, "{path}: as a token of that scope");
            let told = text(response);
            for planted in hosts::PLANTED {
                assert!(!told.contains(planted), "{path} shows {planted}");
            }
        }
    }
    let plain = ask(&app, "/api/v1/summary", Some(READ));
    assert!(!plain.headers().contains_key(&SCOPE_HEADER) && plain.headers()["vary"] == "accept-encoding");
}

#[tokio::test]
async fn scope_header_never_raises() {
    let app = app(file().1);
    for path in paths() {
        let before = status(&app, &path, Some(METRICS));
        let response = lowered(&app, &path, Some(METRICS), "summary").await;
        assert_eq!(response.status().as_u16(), before, "{path}");
        for token in [None, Some(WRONG)] {
            let response = lowered(&app, &path, token, "summary").await;
            assert_eq!(response.status(), ask(&app, &path, token).status(), "{path}");
            assert_eq!(response.headers()[&SCOPE_HEADER], "summary", "{path}");
        }
    }
    let told = text(lowered(&app, "/metrics", Some(METRICS), "summary").await);
    assert!(told.contains("nvsmi_gpu_use{"), "{told}");
    assert!(hosts::PLANTED.iter().all(|planted| !told.contains(planted)), "less than the token's own: no pods");
    let open =
        ServerConfig { anonymous: Anonymous::Sees(Scope::Read), tokens: file().1.tokens, ..ServerConfig::default() };
    let open = super::app(open);
    assert_eq!(lowered(&open, "/api/v1/users", None, "summary").await.status(), 403, "a token would not help");
}

#[tokio::test]
async fn wrong_scope_header_refused() {
    let app = app(file().1);
    for wrong in ["read", "metrics", "", "Summary", "summary, read"] {
        let response = lowered(&app, "/api/v1/summary", Some(READ), wrong).await;
        assert_eq!((response.status().as_u16(), response.headers().get(&SCOPE_HEADER)), (400, None), "{wrong}");
        assert!(text(response).contains("expected summary"));
        assert_eq!(lowered(&app, "/status", Some(READ), wrong).await.status(), 400, "{wrong}");
        assert_eq!(lowered(&app, "/status", Some(WRONG), wrong).await.status(), 401, "{wrong}");
        assert_eq!(lowered(&app, "/api/v1/summary", Some(METRICS), wrong).await.status(), 403, "{wrong}");
    }
    let mut twice = request("/count", Some(READ));
    twice.headers_mut().append(SCOPE_HEADER.clone(), HeaderValue::from_static("summary"));
    twice.headers_mut().append(SCOPE_HEADER.clone(), HeaderValue::from_static("read"));
    assert_eq!(app.reply(None, &twice).await.status(), 400);
}

#[tokio::test]
async fn stream_stays_lowered() {
    let (publisher, app) = publishing(file().1, hosts::planted());
    for path in ["/api/v1/stream", "/api/v1/stream?view=summary"] {
        let mut body = lowered(&app, path, Some(READ), "summary").await.into_body();
        let mut own = ask(&app, path, Some(READ)).into_body();
        for sequence in 0..3 {
            let next = async |body: &mut http_server::Body| {
                let bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
                String::from_utf8(bytes.to_vec()).unwrap()
            };
            let (told, whole) = (next(&mut body).await, next(&mut own).await);
            assert!(!told.contains(hosts::PLANTED[0]), "{path}: {told}");
            assert!(sequence == 0 || whole.contains(hosts::PLANTED[0]), "{path}: {whole}");
            let mut snapshot = hosts::planted();
            (snapshot.sequence, snapshot.gpus[0].health) = (snapshot.sequence + 1 + sequence, Default::default());
            snapshot.gpus[0].readings.memory.free_bytes = Ok(sequence << 32);
            publisher.publish(snapshot);
        }
    }
}
