//! Queries of the Prometheus HTTP API.

use std::{
    fmt::Write as _,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};

use super::{
    answer::{self, Head, Series},
    config::EngineConfig,
};
use crate::client::{Ask, Client, ClientError};

/// Longest time of a query.
pub(super) const QUERY_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest answer, in bytes.
const MAX_BYTES: usize = 64 << 20;
/// Most series of an answer.
const MAX_SERIES: usize = 250_000;
/// Longest text of an engine in an error, in characters.
const MAX_TEXT: usize = 200;

/// An engine.
#[derive(Clone)]
pub(super) struct Engine {
    client: Client,
    config: EngineConfig,
    asked: Arc<AtomicU64>,
}

/// Answer of an engine.
#[derive(Debug)]
pub(super) struct Answered<T> {
    /// Series, as the caller folded them.
    pub(super) value: T,
    /// True if parts of the engine did not answer.
    pub(super) is_partial: bool,
    /// Note for readers, if a part of the engine did not answer or it warns; one line.
    pub(super) note: Option<String>,
}

/// Reason why there is no answer; one line.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No answer.
    #[error("the engine: {0}")]
    Client(#[from] ClientError),
    /// The credentials cannot be read.
    #[error("the engine's credentials: {0}")]
    Credentials(io::Error),
    /// It wants other credentials.
    #[error("the engine refuses the credentials (status {0})")]
    Refused(u16),
    /// A redirect.
    #[error("the engine redirects (status {0}): configure the URL that it redirects to")]
    Redirect(u16),
    /// The answer is none of the API.
    #[error("expected an answer of the Prometheus HTTP API, got {0}")]
    Foreign(String),
    /// A part of the engine did not answer, and the question needs all.
    #[error("the engine answered in part: a part of its storage is not reached")]
    Partial,
    /// Others ask already.
    #[error("the engine answers others; ask again later")]
    Busy,
    /// The engine reports an error.
    #[error("the engine reports: {0}")]
    Reported(String),
}

impl Engine {
    pub(super) fn new(client: &Client, config: EngineConfig) -> Self {
        // The head of an answer comes when the query is done.
        Self { client: client.with_timeout(QUERY_TIMEOUT), config, asked: Arc::default() }
    }

    pub(super) const fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Number of queries so far.
    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Evaluates a query now, and folds its series.
    pub(super) async fn instant<T: Default>(
        &self,
        query: &str,
        fold: impl FnMut(&mut T, &Series<'_>),
    ) -> Result<Answered<T>, EngineError> {
        self.ask("/api/v1/query", &form(query), fold).await
    }

    /// Evaluates a query at this Unix time in milliseconds, and folds its series.
    pub(super) async fn instant_at<T: Default>(
        &self,
        query: &str,
        at_ms: u64,
        fold: impl FnMut(&mut T, &Series<'_>),
    ) -> Result<Answered<T>, EngineError> {
        let at = format!("&time={}.{:03}", at_ms / 1000, at_ms % 1000);
        self.ask("/api/v1/query", &(form(query) + &at), fold).await
    }

    async fn ask<T: Default>(
        &self,
        path: &str,
        form: &str,
        mut fold: impl FnMut(&mut T, &Series<'_>),
    ) -> Result<Answered<T>, EngineError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let headers = self.headers().await.map_err(EngineError::Credentials)?;
        let body = Bytes::from(form.to_owned());
        let ask = Ask { endpoint: &self.config.endpoint, method: Method::POST, path, headers, body };
        let (status, headers, body) = self.client.fetch(ask, MAX_BYTES, QUERY_TIMEOUT).await?;
        let mut value = T::default();
        let parsed = answer::parse(&body, MAX_SERIES, &mut |series| fold(&mut value, series));
        match (status, parsed) {
            (StatusCode::OK, Ok(head)) if head.status == "success" => {
                Ok(Answered { value, is_partial: head.is_partial, note: note(&head) })
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Err(EngineError::Refused(status.as_u16())),
            (status, _) if status.is_redirection() => Err(EngineError::Redirect(status.as_u16())),
            (_, Ok(Head { error: Some(error), error_type, .. })) => {
                let kind = error_type.filter(|kind| kind.parse::<u16>().is_err());
                Err(EngineError::Reported(
                    kind.map_or_else(|| plain(&error), |kind| plain(&format!("{kind}: {error}"))),
                ))
            }
            (status, parsed) => Err(EngineError::Foreign(foreign(status, &headers, &body, parsed.err().as_ref()))),
        }
    }

    async fn headers(&self) -> io::Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(value) = self.config.credentials.header().await? {
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(id) = &self.config.org_id {
            headers.insert(HeaderName::from_static("x-scope-orgid"), id.clone());
        }
        Ok(headers)
    }
}

/// Form of a request. `nocache=1` makes VictoriaMetrics answer as of now instead of 30 s ago; others ignore it.
fn form(query: &str) -> String {
    let mut form = format!("nocache=1&timeout={}s&query=", QUERY_TIMEOUT.as_secs());
    for byte in query.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            form.push(char::from(byte));
        } else {
            let _ = write!(form, "%{byte:02X}");
        }
    }
    form
}

fn note(head: &Head) -> Option<String> {
    let warning = head.warnings.first().map(|warning| plain(warning));
    match (head.is_partial, warning) {
        (true, None) => Some("the engine answered in part: a part of its storage is not reached".into()),
        (true, Some(warning)) => Some(format!("the engine answered in part: {warning}")),
        (false, warning) => warning.map(|warning| format!("the engine warns: {warning}")),
    }
}

/// Description of an answer that is none of the API's.
fn foreign(status: StatusCode, headers: &HeaderMap, body: &[u8], error: Option<&serde_json::Error>) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let start = String::from_utf8_lossy(body.get(..2 * MAX_TEXT).unwrap_or(body)).trim_start().to_owned();
    if kind.contains("html") || start.starts_with('<') {
        return format!(
            "HTML with status {}: the URL is another server's, or a proxy asks for a login",
            status.as_u16()
        );
    }
    match (status, error) {
        (StatusCode::NOT_FOUND, _) => "status 404: check the path of the URL".into(),
        (StatusCode::OK, Some(error)) if start.starts_with('{') => plain(&format!("broken JSON: {error}")),
        _ if start.is_empty() => format!("status {} without a body", status.as_u16()),
        _ => format!("status {}: {}", status.as_u16(), plain(&start)),
    }
}

/// Text of an engine as a part of one line.
fn plain(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let mut plain: String = line.chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect();
    if line.chars().count() > MAX_TEXT {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stand_in::{Answer, StandIn};

    async fn said(answer: Answer) -> Result<Answered<Vec<String>>, String> {
        let stand_in = StandIn::new(move |_| answer.clone()).await;
        let engine = stand_in.engine();
        let found = engine.instant("up", |all: &mut Vec<String>, series| {
            all.push(series.label("instance").unwrap_or_default().to_owned());
        });
        found.await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn success_of_each_dialect_read() {
        for (body, note) in [
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"a"},"value":[1.5,"1"]}]}}"#,
                None,
            ),
            (
                r#"{"status":"success","isPartial":false,"data":{"resultType":"vector","result":[{"metric":{"instance":"a"},"value":[1,"1"]}]},"stats":{"seriesFetched":"1"}}"#,
                None,
            ),
            (
                r#"{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[{"metric":{"instance":"a"},"value":[1,"1"]}]}}"#,
                Some("the engine answered in part: a part of its storage is not reached"),
            ),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"a"},"value":[1,"1"]}]},"warnings":["store s1\u0000 down\nx"]}"#,
                Some("the engine warns: store s1 down"),
            ),
        ] {
            let found = said(Answer::json(200, body)).await.unwrap();
            assert_eq!((found.value, found.note.as_deref()), (vec!["a".to_owned()], note), "{body}");
        }
    }

    #[tokio::test]
    async fn error_of_each_dialect_is_one_line() {
        let cases = [
            (
                Answer::json(400, r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error"}"#),
                "the engine reports: bad_data: 1:5: parse error",
            ),
            (
                Answer::json(422, r#"{"status":"error","errorType":"422","error":"cannot execute\nquery"}"#),
                "the engine reports: cannot execute",
            ),
            (
                Answer::json(503, r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#),
                "the engine reports: timeout: query timed out",
            ),
            (
                Answer::json(200, r#"{"status":"error","errorType":"execution","error":"no"}"#),
                "the engine reports: execution: no",
            ),
            (
                Answer::json(401, r#"{"status":"error","error":"no"}"#),
                "the engine refuses the credentials (status 401)",
            ),
            (Answer::text(403, ""), "the engine refuses the credentials (status 403)"),
            (Answer::text(302, ""), "the engine redirects (status 302)"),
            (Answer::html(200, "<!doctype html><title>Sign in</title>"), "got HTML with status 200"),
            (Answer::html(502, "<html>bad gateway"), "got HTML with status 502"),
            (Answer::text(404, "404 page not found\n"), "status 404: check the path of the URL"),
            (
                Answer::text(400, "unsupported path requested: \"/x\"\nmore"),
                "got status 400: unsupported path requested: \"/x\"",
            ),
            (Answer::text(500, ""), "got status 500 without a body"),
            (Answer::json(200, r#"{"status":"success","data":{"result":[{"metric":{"#), "broken JSON"),
            (
                Answer::json(200, r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#),
                "broken JSON",
            ),
            (Answer::json(200, r#"{"hello":1}"#), "got status 200"),
            (Answer::json(200, "[]"), "got status 200: []"),
            (Answer::json(503, r#"{"status":"success","data":{"result":[]}}"#), "got status 503"),
        ];
        for (answer, expected) in cases {
            let error = said(answer).await.unwrap_err();
            assert!(
                error.contains(expected) && !error.contains('\n') && error.len() < 400,
                "{error:?}, not {expected:?}"
            );
        }
        let long = format!(r#"{{"status":"error","error":"{}"}}"#, "x".repeat(5000));
        assert!(said(Answer::json(422, &long)).await.unwrap_err().len() < 400);
    }

    #[tokio::test]
    async fn request_has_form_and_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("token");
        std::fs::write(&token, "t0ken\n").unwrap();
        let stand_in = StandIn::new(|_| Answer::series(&[])).await;
        let mut config = stand_in.config();
        config.endpoint.prefix = "/select/0/prometheus".into();
        config.credentials = super::super::EngineCredentials::Token(token);
        let config = config.with_org_id("team-a").unwrap();
        let engine = Engine::new(&stand_in.client(), config);
        engine.instant("up{a=\"ä+ &\"}", |(): &mut (), _| ()).await.unwrap();
        let [instant] = &stand_in.asked()[..] else { panic!("one request") };
        assert!(instant.head.starts_with("POST /select/0/prometheus/api/v1/query HTTP/1.1\r\n"), "{}", instant.head);
        for line in [
            "authorization: Bearer t0ken\r\n",
            "x-scope-orgid: team-a\r\n",
            "content-type: application/x-www-form-urlencoded\r\n",
        ] {
            assert!(instant.head.contains(line), "{}", instant.head);
        }
        assert!(!instant.head.contains("accept-encoding"), "{}", instant.head);
        assert_eq!(instant.body, "nocache=1&timeout=20s&query=up%7Ba%3D%22%C3%A4%2B%20%26%22%7D");
    }

    #[tokio::test]
    async fn missing_credentials_are_an_error() {
        let stand_in = StandIn::new(|_| Answer::series(&[])).await;
        let mut config = stand_in.config();
        config.credentials = super::super::EngineCredentials::User("/nonexistent/user".into());
        let error = Engine::new(&stand_in.client(), config).instant("up", |(): &mut (), _| ()).await.unwrap_err();
        assert!(error.to_string().starts_with("the engine's credentials: cannot read /nonexistent/user"), "{error}");
        assert!(stand_in.asked().is_empty(), "nothing is sent without them");
    }
}
