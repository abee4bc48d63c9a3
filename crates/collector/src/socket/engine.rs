//! Client of the container engine: Docker's HTTP API, which Podman supports too. Only `GET` is used.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{CONNECTION, HOST},
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::socket::Fault;

/// Limit of the status line and headers of a response.
const HEAD_BYTES: usize = 16 * 1024;
/// Limit of a response. Usually it is a few kilobytes; labels and mounts may be long.
const MAX_BYTES: usize = 1024 * 1024;
/// Longest name. The longest are those of the kubelet's older scheme: container, pod, namespace and UID in one.
const NAME_BYTES: usize = 512;

/// Checks whether an engine answers: `GET /_ping`. Any response counts, also 404.
pub(crate) async fn ping(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<(), Fault> {
    match get(stream, "/_ping").await? {
        (status, _) if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
        (status, _) => Err(refusal(status)),
    }
}

/// Returns the name of a container: `GET /containers/{id}/json`. None if the engine does not know it.
pub(crate) async fn name(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    id: &str,
) -> Result<Option<String>, Fault> {
    match get(stream, &format!("/containers/{id}/json")).await? {
        (StatusCode::OK, body) => told(&body, id).map(Some),
        (StatusCode::NOT_FOUND, _) => Ok(None),
        (status, _) => Err(refusal(status)),
    }
}

fn refusal(status: StatusCode) -> Fault {
    let text = format!("answered with HTTP status {}", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Fault::denied(text),
        _ => Fault::error(text),
    }
}

async fn get(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    path: &str,
) -> Result<(StatusCode, Bytes), Fault> {
    let unreadable =
        |error: &dyn std::fmt::Display| Fault::error(format!("gave no HTTP answer that can be read: {error}"));
    let request = Request::get(path).header(HOST, "localhost").header(CONNECTION, "close").body(Empty::<Bytes>::new());
    let request = request.map_err(|error| Fault::error(format!("cannot be asked for {path}: {error}")))?;
    let shaken = http1::Builder::new().max_buf_size(HEAD_BYTES).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| unreadable(&error))?;
    // The task ends with the runtime.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| unreadable(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_BYTES).collect().await.map_err(|error| unreadable(&error))?;
    Ok((status, body.to_bytes()))
}

/// Used fields of the engine's response; the others are skipped.
#[derive(Deserialize)]
struct Inspected {
    #[serde(rename = "Id")]
    id: Option<String>,
    #[serde(rename = "Name")]
    name: String,
}

/// Parses the name in a response. The id is checked, since an engine also finds containers by other keys.
fn told(body: &[u8], id: &str) -> Result<String, Fault> {
    let inspected: Inspected = serde_json::from_slice(body)
        .map_err(|error| Fault::error(format!("sent an invalid container object: {error}")))?;
    if inspected.id.is_some_and(|found| found != id) {
        return Err(Fault::error("sent another container than was requested"));
    }
    let name = inspected.name.strip_prefix('/').unwrap_or(&inspected.name);
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(fine) {
        return Err(Fault::error("sent an invalid container name"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests;
