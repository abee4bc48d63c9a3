//! A request to one agent.

use bytes::Bytes;
use http_server::SCOPE_HEADER;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use serde::Deserialize;
use tokio::time::timeout;

use super::UsageConfig;
use crate::{
    client::{self, Ask, ClientError},
    target::Endpoint,
    wire::clean,
};

/// Longest answer, in bytes: about 12,000 rows. As many answers as are asked for at once can be in memory.
const MAX_BYTES: usize = 4 << 20;
/// Longest text of an agent in a reason, in characters.
const MAX_TEXT: usize = 200;
/// Only scope to which a request is lowered.
static SUMMARY: HeaderValue = HeaderValue::from_static("summary");

/// Body of an agent's answer.
pub(super) type Body = Bytes;

/// The agent's answer to this path and query, or the reason why there is none.
pub(super) async fn ask(
    config: &UsageConfig,
    endpoint: &Endpoint,
    path: &str,
    is_lowered: bool,
) -> Result<Body, String> {
    let fetched = timeout(config.timeout, fetch(config, endpoint, path, is_lowered)).await;
    let fetched = fetched.unwrap_or(Err(ClientError::Timeout(config.timeout)));
    let (status, headers, body) = fetched.map_err(|error| match error {
        ClientError::TooLong(max) => {
            format!("its answer is longer than {} MiB; ask for fewer keys, or a shorter time", max >> 20)
        }
        error => clean(&error.to_string(), MAX_TEXT),
    })?;
    check(status, &headers, &body, is_lowered)?;
    Ok(body)
}

async fn fetch(
    config: &UsageConfig,
    endpoint: &Endpoint,
    path: &str,
    is_lowered: bool,
) -> Result<(StatusCode, HeaderMap, Bytes), ClientError> {
    let connection = config.client.connect(endpoint).await?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if is_lowered {
        headers.insert(SCOPE_HEADER.clone(), SUMMARY.clone());
    }
    if let Some(token) = (config.token_for)(endpoint, connection.peer()) {
        headers.insert(AUTHORIZATION, token);
    }
    let ask = Ask { endpoint, method: Method::GET, path, headers, body: Bytes::new() };
    client::whole(connection.send(ask).await?, MAX_BYTES).await
}

fn check(status: StatusCode, headers: &HeaderMap, body: &[u8], is_lowered: bool) -> Result<(), String> {
    if status == StatusCode::UNAUTHORIZED {
        return Err("it refuses the hub's token, or needs one".into());
    }
    let mut confirmed = headers.get_all(&SCOPE_HEADER).iter();
    if is_lowered && (confirmed.next() != Some(&SUMMARY) || confirmed.next().is_some()) {
        return Err("its agent cannot hide users from your token: it is of an earlier release".into());
    }
    match status.as_u16() {
        200 => Ok(()),
        403 => Err("the scope of the hub's token does not see usage on it".into()),
        404 => Err("it keeps no usage: its agent is of an earlier release, or was started with --usage off".into()),
        421 => {
            Err("it does not answer to the name by which the hub knows it: add that to --allowed-hosts there".into())
        }
        503 => Err("it is busy with other questions (status 503)".into()),
        300..=399 => Err(format!("it redirects (status {}); the hub follows none", status.as_u16())),
        400 => Err(match detail(body) {
            Some(detail) => format!("it refuses the question: {detail}"),
            None => "it refuses the question (status 400)".into(),
        }),
        other => Err(format!("expected its usage, got the status {other}")),
    }
}

/// Detail of a problem.
fn detail(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let problem: Problem = serde_json::from_slice(body).ok()?;
    Some(clean(&problem.detail, MAX_TEXT))
}
