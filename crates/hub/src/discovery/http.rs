//! Lists of targets at a URL, in Prometheus' `http_sd` format.

use std::time::Duration;

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT},
};
use tokio::time::sleep;

use super::{
    Sender,
    entry::Entry,
    list::{self, Format, MAX_BYTES},
    merge,
};
use crate::{
    client::{Ask, Client},
    credentials::Credentials,
    target::Endpoint,
};

/// Interval between two requests, which Prometheus' header names too.
pub(super) const INTERVAL: Duration = Duration::from_secs(4);
/// Timeout of an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Header by which Prometheus reports its interval, in seconds.
const REFRESH_INTERVAL: &str = "x-prometheus-refresh-interval-seconds";

/// A list at a URL.
pub(super) struct List {
    server: Endpoint,
    path: String,
    client: Client,
    credentials: Credentials,
    /// The body of the last good answer; none after an error, so that the same list ends the error.
    last: Option<Bytes>,
}

impl List {
    pub(super) const fn new(server: Endpoint, path: String, client: Client, credentials: Credentials) -> Self {
        Self { server, path, client, credentials, last: None }
    }

    /// Requests the list at this interval until nobody listens any more.
    pub(super) async fn run(mut self, interval: Duration, news: Sender) {
        while self.request(&news).await && !news.news.is_closed() {
            sleep(interval).await;
        }
    }

    /// Requests the list once; true while somebody listens.
    async fn request(&mut self, news: &Sender) -> bool {
        let body = match fetch(self).await {
            Ok(body) if self.last.as_ref() == Some(&body) => return true,
            Ok(body) => body,
            Err(error) => {
                self.last = None;
                return news.failed(error).await;
            }
        };
        match read(body.clone()).await {
            Ok((entries, notes)) => {
                self.last = Some(body);
                news.listed(entries, notes, None).await
            }
            Err(error) => {
                self.last = None;
                news.failed(error).await
            }
        }
    }
}

/// Reads a list on another thread: a long one would delay all links.
async fn read(body: Bytes) -> Result<(Vec<Entry>, Vec<String>), String> {
    let read = move || list::parse(&body, Format::Json).map(|groups| merge::entries(&groups));
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(format!("cannot read it: {error}")))
}

async fn fetch(list: &List) -> Result<Bytes, String> {
    let List { server, path, client, credentials, last: _ } = list;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("nvidia-smi-web-agent hub"));
    headers.insert(REFRESH_INTERVAL, HeaderValue::from(INTERVAL.as_secs()));
    if let Some(authorization) = credentials.for_list(server) {
        headers.insert(AUTHORIZATION, authorization);
    }
    let ask = Ask { endpoint: server, method: Method::GET, path, headers, body: Bytes::new() };
    let (status, headers, body) = client.fetch(ask, MAX_BYTES, TIMEOUT).await.map_err(|error| error.to_string())?;
    if status != StatusCode::OK {
        let hint = if status.is_redirection() { "; redirects are not followed" } else { "" };
        return Err(format!("expected status 200, got {}{hint}", status.as_u16()));
    }
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if !is_json(kind) {
        let kind: String = String::from_utf8_lossy(kind).chars().take(80).collect();
        return Err(format!("expected the content type application/json, got {kind:?}"));
    }
    Ok(body)
}

/// True for the types that Prometheus accepts: `application/json`, with the charset UTF-8 or none.
fn is_json(kind: &[u8]) -> bool {
    let lower = kind.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix(b"application/json") else { return false };
    let Some(parameter) = rest.strip_prefix(b";") else { return rest.is_empty() };
    [&b"charset=utf-8"[..], b"charset=\"utf-8\""].contains(&parameter.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_type_judged_as_by_prometheus() {
        for kind in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(is_json(kind.as_bytes()), "{kind}");
        }
        for kind in
            ["", "text/html", "application/json; charset=latin1", "application/json2", "text/plain; application/json"]
        {
            assert!(!is_json(kind.as_bytes()), "{kind}");
        }
    }
}
