//! Reasons for which there is no report, in one line of plain words.

use std::io::ErrorKind;

use hyper::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, HeaderName, LOCATION},
};

use crate::{
    client::ClientError,
    report::Failure,
    wire::{WireError, clean},
};

/// Most characters of a reason.
const MAX_REASON: usize = 240;
/// Most characters of a header field that is quoted.
const MAX_QUOTED: usize = 80;

pub(super) fn unreachable(reason: impl AsRef<str>) -> Failure {
    Failure::Unreachable(clean(reason.as_ref(), MAX_REASON))
}

fn refused(reason: impl AsRef<str>) -> Failure {
    Failure::Refused(clean(reason.as_ref(), MAX_REASON))
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Tls(_) if error.is_certificate() => refused(error.to_string()),
            ClientError::Connect(why) => unreachable(match why.kind() {
                ErrorKind::ConnectionRefused => "connection refused: no agent listens there".into(),
                ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => "the connection was closed".into(),
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no route to the host".into(),
                _ => error.to_string(),
            }),
            ClientError::Http(why) if why.is_incomplete_message() => {
                unreachable("the connection was closed before the end of the answer")
            }
            _ => unreachable(error.to_string()),
        }
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        unreachable(error.to_string())
    }
}

/// Reason for a status other than 200.
pub(super) fn status(status: StatusCode, headers: &HeaderMap, has_token: bool) -> Failure {
    match status {
        StatusCode::UNAUTHORIZED if has_token => refused("401: the agent does not accept the token"),
        StatusCode::UNAUTHORIZED => refused("401: the agent requires a token; add one to --agent-token-file"),
        StatusCode::FORBIDDEN => refused("403: the agent does not allow this with the token, or not from this address"),
        StatusCode::MISDIRECTED_REQUEST => unreachable(
            "421: the agent does not answer to the name in the list; add it to the agent's --allowed-hosts, or set a token there",
        ),
        StatusCode::SERVICE_UNAVAILABLE if is_type(headers, "application/problem+json") => {
            unreachable("503: all streams of the agent are taken; raise its --stream-clients")
        }
        redirect if redirect.is_redirection() => {
            let place = quoted(headers, &LOCATION).map_or_else(|| "nowhere".into(), |place| format!("to {place}"));
            unreachable(format!("{}: a redirect {place}, which is not followed", redirect.as_u16()))
        }
        other => unreachable(format!("expected an agent's answer, got status {}", other.as_u16())),
    }
}

/// Reason for an answer of another type.
pub(super) fn content(expected: &str, headers: &HeaderMap) -> Failure {
    let got = quoted(headers, &CONTENT_TYPE).unwrap_or_else(|| "data of unknown type".into());
    unreachable(format!("expected {expected}, got {got}"))
}

/// True for a body of this media type.
pub(super) fn is_type(headers: &HeaderMap, media: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media)
}

fn quoted(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(clean(&String::from_utf8_lossy(headers.get(name)?.as_bytes()), MAX_QUOTED))
}
