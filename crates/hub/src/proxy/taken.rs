//! Heads of agents' answers: what of them reaches a viewer, and which answers are refused whole.

use http_server::{Body, Response, SCOPE_HEADER, encoding, error::problem, response};
use hyper::{
    HeaderMap, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LINK, RETRY_AFTER, VARY,
    },
};

use super::{
    links,
    media_type::{self, MediaType},
    path::Kind,
    sent::SUMMARY,
};

/// Policy of proxied bodies: a browser that opens one runs nothing, and gives it an origin of its own.
static POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'");
static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
static BY_REQUEST: HeaderValue = HeaderValue::from_static("accept, accept-encoding");
static UNBUFFERED: HeaderValue = HeaderValue::from_static("no");
/// Delay after a refusal for lack of permits, in seconds.
static RETRY: HeaderValue = HeaderValue::from_static("5");

/// Codings of a body that are passed on, if the viewer accepts them.
const CODINGS: [&str; 4] = ["gzip", "br", "deflate", "zstd"];
/// Longest delay in `Retry-After` that is passed on, in seconds.
const MAX_DELAY: u32 = 86_400;
/// Longest text of an agent's in an error.
const MAX_SHOWN: usize = 60;

/// Request as far as its answer depends on it.
pub(super) struct Expected<'a> {
    /// Group of the path.
    pub(super) kind: Kind,
    /// True if the agent has to confirm that it hides people.
    pub(super) is_lowered: bool,
    /// Header fields of the viewer.
    pub(super) viewer: &'a HeaderMap,
}

/// Refusal of an answer: the status for the viewer, and the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) StatusCode, pub(super) String);

impl Refused {
    pub(super) fn bad_gateway(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_GATEWAY, why.into())
    }

    /// The response for the viewer. Its 403 stays for clients without a token: a token does not make the agent newer.
    pub(super) fn response(&self) -> Response {
        let mut response = response::keep_status(problem(self.0, &self.1));
        if self.0 == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY.clone());
        }
        response
    }
}

/// Checks the head of an agent's answer, and makes the head for the viewer with an empty body.
pub(super) fn head(
    status: StatusCode,
    headers: &HeaderMap,
    expected: &Expected<'_>,
) -> Result<(MediaType, Response), Refused> {
    check_status(status, headers, expected.is_lowered)?;
    let Some((kind, media_type)) = media_type::read(headers) else { return Err(wrong_type(headers)) };
    if kind == MediaType::Events && expected.kind != Kind::Stream {
        return Err(Refused::bad_gateway("Expected an answer that ends, got a stream of events."));
    }
    let coding = coding(headers, expected.viewer)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let to = response.headers_mut();
    to.insert(CONTENT_TYPE, media_type);
    to.insert(CACHE_CONTROL, NO_STORE.clone());
    to.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    to.insert(VARY, BY_REQUEST.clone());
    if let Some(coding) = coding {
        to.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if let Some(delay) = delay(headers) {
        to.insert(RETRY_AFTER, delay.into());
    }
    for link in links::read(headers) {
        to.append(LINK, link);
    }
    if kind == MediaType::Events {
        to.insert("x-accel-buffering", UNBUFFERED.clone());
    }
    Ok((kind, response))
}

fn check_status(status: StatusCode, headers: &HeaderMap, is_lowered: bool) -> Result<(), Refused> {
    if status == StatusCode::UNAUTHORIZED {
        return Err(Refused::bad_gateway(
            "The host refuses the hub's token, or needs one: correct its line in the hub's file of --agent-token-file.",
        ));
    }
    if is_lowered && !confirms(headers) {
        return Err(Refused(
            StatusCode::FORBIDDEN,
            "Your token has the scope summary, and this host's agent cannot hide users and their programs from it: it is of \
             an earlier release. Upgrade it, or use a token with the scope read."
                .into(),
        ));
    }
    match status.as_u16() {
        403 if is_lowered => Err(Refused(StatusCode::FORBIDDEN, "The scope summary does not see this.".into())),
        403 => Err(Refused::bad_gateway(
            "The scope of the hub's token does not see this on the host: give the hub a token with the scope read there.",
        )),
        421 => Err(Refused::bad_gateway(
            "The host does not answer to the name by which the hub knows it: add that to --allowed-hosts there, or set a \
             token.",
        )),
        // A browser would act on them by itself.
        407 | 408 | 425 => Err(unexpected(status)),
        200..=299 | 400..=599 => Ok(()),
        300..=399 => Err(Refused::bad_gateway(format!(
            "Expected an answer, got a redirect ({}). The hub follows none.",
            status.as_u16()
        ))),
        _ => Err(unexpected(status)),
    }
}

fn unexpected(status: StatusCode) -> Refused {
    Refused::bad_gateway(format!("Expected an agent's answer, got the status {}.", status.as_u16()))
}

fn wrong_type(headers: &HeaderMap) -> Refused {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let got = match (values.next(), values.next()) {
        (None, _) => "none".to_owned(),
        (Some(_), Some(_)) => "several".to_owned(),
        (Some(value), None) => {
            let text = String::from_utf8_lossy(value.as_bytes()).chars().take(MAX_SHOWN).collect::<String>();
            format!("{text:?}")
        }
    };
    Refused::bad_gateway(format!("Expected the media type of an agent's answer, got {got}."))
}

/// True if the agent confirms, in one field, that it lowered the scope.
fn confirms(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(&SCOPE_HEADER).iter();
    values.next() == Some(&SUMMARY) && values.next().is_none()
}

/// Coding of the body; an error if it is not one that the viewer accepts.
fn coding(headers: &HeaderMap, viewer: &HeaderMap) -> Result<Option<&'static str>, Refused> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let listed = CODINGS.into_iter().find(|coding| value.as_bytes().eq_ignore_ascii_case(coding.as_bytes()));
    match (listed, values.next()) {
        (Some(coding), None) if encoding::accepts(viewer, coding) => Ok(Some(coding)),
        _ => Err(Refused::bad_gateway("Expected a content coding that was accepted, got another one.")),
    }
}

/// Delay of `Retry-After`, if it is a sensible number of seconds.
fn delay(headers: &HeaderMap) -> Option<u32> {
    let mut values = headers.get_all(RETRY_AFTER).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let text = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok().filter(|delay| *delay <= MAX_DELAY)
}
