//! The reverse proxy: `/hosts/{name}/…` of the hub is the API of a listed host's agent.
//!
//! The agent is not trusted. Its answer reaches the viewer on the hub's own origin, so of its head only what is on a list
//! is passed on, written again, and its body only with a media type that no browser runs. The viewer is not trusted
//! either: its path has to be on a list, and neither its token nor a cookie leaves the hub.

mod audit;
mod links;
mod media_type;
mod path;
mod permits;
mod relay;
mod sent;
mod taken;

use std::{net::IpAddr, sync::Arc, time::Duration};

use http_server::{
    Body, Later, RequestContext, Response,
    net::{StreamLimit, StreamPermit, StreamPermits},
};
use hyper::{
    HeaderMap, Method, StatusCode,
    body::{Body as _, Incoming},
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
};
use tokio::sync::watch;

use crate::{
    client::{Ask, Client, ClientError},
    credentials::bare,
    target::{Endpoint, Target, TargetList},
};
use audit::Audit;
pub use audit::TARGET as AUDIT_LOG;
use media_type::MediaType;
pub use path::access;
use path::{HostPath, Kind, Refusal};
use permits::{Permit, Permits};
use relay::Leave;
use taken::{Expected, Refused};

/// The hub's token for an agent at this endpoint, whose connection leads to this address.
pub type TokenFor = Box<dyn Fn(&Endpoint, IpAddr) -> Option<HeaderValue> + Send + Sync>;
/// The original Python agent at this endpoint, if it is one.
pub type OriginalAt = Box<dyn Fn(&Endpoint) -> Option<Original> + Send + Sync>;

/// An original Python agent.
#[derive(Clone, Copy, Debug)]
pub struct Original {
    /// True if it takes only a token without `Bearer`.
    pub takes_bare_token: bool,
}

/// Timeout for a connection to an agent, and for the head of its answer: an agent computes one about usage for up to 6 s.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Configuration of a proxy.
pub struct ProxyConfig {
    /// The hosts.
    pub targets: watch::Receiver<TargetList>,
    /// Client for agents.
    pub client: Client,
    /// Tokens for agents.
    pub token_for: TokenFor,
    /// Hosts with few paths.
    pub original_at: OriginalAt,
    /// False if nothing finds the hosts with few paths, as while the live state comes from an engine. Then one that refuses a token
    /// gets it once more in the form of the original.
    pub knows_originals: bool,
    /// Permits for streams. They end when these are closed.
    pub streams: Arc<StreamPermits>,
}

/// The proxy.
pub struct Proxy {
    config: ProxyConfig,
    permits: Permits,
}

/// A request that may be sent to its agent.
struct Passed {
    proxy: Arc<Proxy>,
    method: Method,
    /// Path on the agent, with its query.
    path: String,
    kind: Kind,
    is_lowered: bool,
    takes_bare_token: bool,
    /// Header fields of the viewer.
    viewer: HeaderMap,
    /// Header fields for the agent, without a token.
    fields: HeaderMap,
    leave: Leave,
    permit: Permit,
    stream: Option<StreamPermit>,
}

impl Proxy {
    /// A proxy to these hosts.
    #[must_use]
    pub fn new(config: ProxyConfig) -> Self {
        Self { config, permits: Permits::default() }
    }
}

/// Answers `GET` and `HEAD` of the path `rest` below `/hosts/`, as it was sent.
pub fn answer<S>(proxy: &Arc<Proxy>, context: &RequestContext<'_, S>, rest: &str) -> Later {
    let asked = path::parse(rest);
    let host = asked.as_ref().map_or("-", |asked| &asked.name);
    let audit = Audit::begin(context, host);
    let passed = asked.map_err(refused_path).and_then(|asked| pass(proxy, context, asked));
    Box::pin(async move {
        let answered = match passed {
            Ok(passed) => passed.answered().await,
            Err(refused) => Err(refused),
        };
        let response = answered.unwrap_or_else(|refused| refused.response());
        audit.end(response.status());
        response
    })
}

fn refused_path(refusal: Refusal) -> Refused {
    match refusal {
        Refusal::Ambiguous(why) => Refused(StatusCode::BAD_REQUEST, format!("The path is not clear: {why}.")),
        Refusal::NotListed => Refused(
            StatusCode::NOT_FOUND,
            "No such path of a host; below /hosts/NAME the hub has /api/v1/…, /status, /count, /metrics and /openapi.json."
                .into(),
        ),
    }
}

/// Checks all that can be checked without the agent.
fn pass<S>(proxy: &Arc<Proxy>, context: &RequestContext<'_, S>, asked: HostPath<'_>) -> Result<Passed, Refused> {
    let HostPath { name, path, kind } = asked;
    if context.uri.authority().is_some() {
        let why = "Expected a path, got a whole address.";
        return Err(Refused(StatusCode::BAD_REQUEST, why.into()));
    }
    let mut targets = proxy.config.targets.clone();
    let target = listed(&targets.borrow_and_update(), &name)?;
    let is_lowered = sent::is_lowered(context.scope);
    let original = (proxy.config.original_at)(&target.endpoint);
    if original.is_some() {
        check_original(kind, is_lowered)?;
    }
    let Some(fields) = sent::fields(context.headers, context.scope) else {
        let why = "The header fields that the hub passes on are too long; at most 8 KiB are.";
        return Err(Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, why.into()));
    };
    let is_stream = kind == Kind::Stream && *context.method == Method::GET;
    let permit = proxy.permits.take(&target.name, is_stream).map_err(busy)?;
    let streams = &proxy.config.streams;
    let stream = is_stream.then(|| streams.acquire(context.client)).transpose();
    let stream = stream.map_err(|limit| busy(no_stream(limit, streams.max())))?;
    let query = context.query.map(|query| format!("?{query}")).unwrap_or_default();
    Ok(Passed {
        proxy: Arc::clone(proxy),
        method: context.method.clone(),
        path: format!("{path}{query}"),
        kind,
        is_lowered,
        takes_bare_token: original.is_some_and(|original| original.takes_bare_token),
        viewer: context.headers.clone(),
        fields,
        leave: Leave { revocation: context.revocation(), targets, target },
        permit,
        stream,
    })
}

fn listed(list: &TargetList, name: &str) -> Result<Arc<Target>, Refused> {
    match list.targets.iter().find(|target| &*target.name == name) {
        Some(target) => Ok(Arc::clone(target)),
        None if list.is_loaded => {
            Err(Refused(StatusCode::NOT_FOUND, "No such host; /api/v1/targets lists the hosts.".into()))
        }
        None => Err(busy("The list of hosts is not yet complete.".into())),
    }
}

/// Checks a request to the original Python agent, which knows neither scopes nor other paths.
fn check_original(kind: Kind, is_lowered: bool) -> Result<(), Refused> {
    if is_lowered {
        return Err(Refused(
            StatusCode::FORBIDDEN,
            "This host runs the original agent, which cannot hide users and their programs; a token with the scope read \
             sees it."
                .into(),
        ));
    }
    if kind != Kind::Legacy {
        return Err(Refused(
            StatusCode::NOT_FOUND,
            "This host runs the original agent, which has /status and /count only.".into(),
        ));
    }
    Ok(())
}

const fn busy(why: String) -> Refused {
    Refused(StatusCode::SERVICE_UNAVAILABLE, why)
}

fn no_stream(limit: StreamLimit, max: usize) -> String {
    match limit {
        StreamLimit::Total => format!("All {max} streams of the hub are taken."),
        StreamLimit::PerClient(each) => {
            format!("Your address has {each} of the hub's {max} streams, the maximum for one address.")
        }
    }
}

impl Passed {
    /// Sends the request, and checks the answer.
    async fn answered(self) -> Result<Response, Refused> {
        let mut answer = self.ask(self.takes_bare_token).await?;
        if self.may_be_original(&answer) {
            answer = self.ask(true).await?;
        }
        let Self { method, kind, is_lowered, viewer, leave, permit, stream, .. } = self;
        let is_head = method == Method::HEAD;
        let (head, body) = answer.into_parts();
        let expected = Expected { kind, is_lowered, viewer: &viewer };
        let (media_type, mut response) = taken::head(head.status, &head.headers, &expected)?;
        let length = length(&head.headers, &body, is_head);
        *response.body_mut() = match (media_type, stream) {
            _ if is_head => Body::relayed(futures_util::stream::empty(), length),
            (MediaType::Events, Some(stream)) => relay::events(body, stream, leave, permit),
            _ if length.is_some_and(|length| length > relay::MAX_BYTES) => {
                let max = relay::MAX_BYTES >> 20;
                return Err(Refused::bad_gateway(format!("Expected at most {max} MiB, got more; ask for less.")));
            }
            _ => relay::data(body, length, leave, permit),
        };
        Ok(response)
    }
}

impl Passed {
    /// Sends the request over a connection of its own, with the token for the address to which that leads.
    async fn ask(&self, is_bare: bool) -> Result<hyper::Response<Incoming>, Refused> {
        let (config, endpoint) = (&self.proxy.config, &self.leave.target.endpoint);
        let connection = config.client.connect(endpoint).await.map_err(no_answer)?;
        let mut headers = self.fields.clone();
        if let Some(token) = (config.token_for)(endpoint, connection.peer()) {
            sent::add_token(&mut headers, if is_bare { bare(&token) } else { token });
        }
        let (method, body) = (self.method.clone(), bytes::Bytes::new());
        connection.send(Ask { endpoint, method, path: &self.path, headers, body }).await.map_err(no_answer)
    }

    /// True if an original may have refused the form of the token.
    fn may_be_original(&self, answer: &hyper::Response<Incoming>) -> bool {
        let is_json =
            answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let is_unknown = !self.proxy.config.knows_originals && self.kind == Kind::Legacy && !self.takes_bare_token;
        is_unknown && is_json && answer.status() == StatusCode::UNAUTHORIZED
    }
}

/// Length of a body, or that of the body that `HEAD` leaves out.
fn length(headers: &HeaderMap, body: &Incoming, is_head: bool) -> Option<u64> {
    if is_head { headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok() } else { body.size_hint().exact() }
}

fn no_answer(error: ClientError) -> Refused {
    let status = match error {
        ClientError::Timeout(_) | ClientError::ConnectTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
        ClientError::NoDescriptor(_) => return busy(format!("The hub is busy: {error}.")),
        _ => StatusCode::BAD_GATEWAY,
    };
    Refused(status, format!("The host does not answer: {error}."))
}

#[cfg(test)]
mod tests;
