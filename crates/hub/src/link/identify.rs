//! The first question to an agent, which shows its release.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::Incoming,
    header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, HeaderValue},
};
use tokio::time::timeout;

use super::{
    failure::{content, is_type, status},
    follow::{Link, Sent},
    leased,
};
use crate::{
    client::{Ask, ClientError, whole},
    credentials::bare,
    report::{Failure, Report},
    wire,
};

const STREAM: &str = "/api/v1/stream?view=summary";
/// Longest snapshot of an agent of an earlier release: it has the processes.
const MAX_SNAPSHOT: usize = 4 << 20;
/// Longest `/status`.
const MAX_STATUS: usize = 1 << 20;

/// Agent that was found.
pub(super) enum Found {
    /// A stream of events, probably of summaries.
    Stream(Incoming),
    /// An agent that must be polled, and its first report.
    Polled(Poll, Box<Report>),
}

/// Agent that has no stream of summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Poll {
    /// An earlier release.
    Older,
    /// The original; true if it takes only a token without `Bearer`.
    Original(bool),
}

impl Link {
    /// Asks for the stream, and where there is none, for what earlier agents have.
    pub(super) async fn identify(&mut self) -> Result<Found, Failure> {
        let answer = self.ask(STREAM, "text/event-stream", false).await?;
        let (found, headers) = (answer.status(), answer.headers());
        match found {
            StatusCode::OK if headers.contains_key(CONTENT_ENCODING) => Err(ClientError::Compressed.into()),
            StatusCode::OK if is_type(headers, "text/event-stream") => Ok(Found::Stream(answer.into_body())),
            StatusCode::OK => Err(content("a stream of events", headers)),
            StatusCode::BAD_REQUEST => self.older().await,
            StatusCode::NOT_FOUND => match self.older().await {
                Err(_) if self.last_status == Some(StatusCode::NOT_FOUND) => self.original(false).await,
                found => found,
            },
            // The original takes a token only without `Bearer`, and answers so whatever the path.
            StatusCode::UNAUTHORIZED if self.has_token() && is_type(headers, "application/json") => {
                match self.ask(STREAM, "text/event-stream", true).await?.status() {
                    StatusCode::NOT_FOUND => self.original(true).await,
                    _ => Err(status(found, &HeaderMap::new(), true)),
                }
            }
            _ => Err(status(found, headers, self.has_token())),
        }
    }

    async fn older(&mut self) -> Result<Found, Failure> {
        let report = self.poll(Poll::Older).await?;
        Ok(Found::Polled(Poll::Older, Box::new(report)))
    }

    async fn original(&mut self, is_bare: bool) -> Result<Found, Failure> {
        let poll = Poll::Original(is_bare);
        let report = self.poll(poll).await?;
        Ok(Found::Polled(poll, Box::new(report)))
    }

    /// A whole state from an agent that must be polled.
    pub(super) async fn poll(&mut self, poll: Poll) -> Result<Report, Failure> {
        let (shared, within) = (Arc::clone(&self.shared), self.shared.timing.answer);
        let (path, max, is_bare) = match poll {
            Poll::Older => ("/api/v1/snapshot", MAX_SNAPSHOT, false),
            Poll::Original(is_bare) => ("/status", MAX_STATUS, is_bare),
        };
        let answer = async { Ok::<_, Failure>(whole(self.ask(path, "application/json", is_bare).await?, max).await?) };
        let answer = leased(&shared.polling, shared.timing.lease, timeout(within, answer)).await;
        let (found, headers, body) = answer.map_err(|_| ClientError::Timeout(within))??;
        if found != StatusCode::OK {
            return Err(status(found, &headers, self.has_token()));
        }
        if !is_type(&headers, "application/json") {
            return Err(content("the JSON of an agent", &headers));
        }
        Ok(match poll {
            Poll::Older => wire::snapshot(&body)?,
            Poll::Original(_) => wire::original(&body)?,
        })
    }

    /// Sends a request over a connection of its own. The token is that for the address to which it leads.
    async fn ask(&mut self, path: &str, accept: &'static str, is_bare: bool) -> Result<Response<Incoming>, Failure> {
        let (shared, endpoint) = (&self.shared, &self.endpoint);
        let attempt = async {
            let connection = shared.client.connect(endpoint).await?;
            let peer = connection.peer();
            let token = shared.credentials.for_endpoint(endpoint, Some(peer));
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            if let Some(token) = &token {
                headers.insert(AUTHORIZATION, if is_bare { bare(token) } else { token.clone() });
            }
            let ask = Ask { endpoint, method: Method::GET, path, headers, body: Bytes::new() };
            Ok::<_, ClientError>((Sent { peer, token }, connection.send(ask).await?))
        };
        let done = leased(&shared.opening, shared.timing.lease, attempt).await;
        let (sent, answer) = done?;
        self.sent = Some(sent);
        self.last_status = Some(answer.status());
        Ok(answer)
    }
}
