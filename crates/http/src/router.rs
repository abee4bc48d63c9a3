//! Routing and access control: token, `Host` header, scope, path and method, in this order, before a handler runs.

pub(crate) mod route;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    header::{HeaderValue, ORIGIN},
};
use tokio::time::Instant;

use crate::{
    ErrorFormat, ErrorKind, HostName, Prefix, Reply, RequestCounters, Response, WebOrigin,
    access_log::{self, Entry},
    auth::{
        AuthConfig, Authenticator, Principal, RefusalLog, Revocation, Scope,
        throttle::{AuthThrottle, Verdict},
    },
    cors::Cors,
    error::problem,
    host_header::AllowedHosts,
    net::ClientAddr,
    percent, query,
    reply::{self, Later},
    response, scope_header, security_headers,
};
use route::{Access, Handler, Route};

/// The response of a handler, or the wait for it.
enum Answer {
    Now(Response),
    Later(Later),
}

/// A request on the way to its handler.
struct Asked<S: 'static> {
    route: Option<&'static Route<S>>,
    errors: ErrorFormat,
    principal: Option<Principal>,
    /// The scope to which the request lowers its own.
    lowered: Result<Option<Scope>, ()>,
}

/// Parts of a request on which the headers of any response depend, and its entry in the access log.
struct Exchange {
    entry: Option<Entry>,
    is_head: bool,
    /// The request lowers its scope, and the response repeats that.
    is_lowered: bool,
    origin: Option<HeaderValue>,
}

/// The input of a handler.
pub struct RequestContext<'a, S: 'static> {
    /// The router, with its configuration.
    pub router: &'a Router<S>,
    /// The scope of the client, or the lower one for which the request asks.
    pub scope: Scope,
    /// The authenticated client; `None` for an open route.
    pub principal: Option<&'a Principal>,
    /// The client's address, if it is known.
    pub client: Option<ClientAddr>,
    /// The method.
    pub method: &'a Method,
    /// The request target.
    pub uri: &'a Uri,
    /// The query, without the question mark.
    pub query: Option<&'a str>,
    /// The request's headers.
    pub headers: &'a HeaderMap,
}

/// Configuration of a router.
pub struct RouterConfig<S: 'static> {
    /// The prefix of all paths.
    pub prefix: Prefix,
    /// Tokens and anonymous access.
    pub auth: AuthConfig,
    /// Host names allowed for requests without a token; `None` allows all.
    pub allowed_hosts: Option<Vec<HostName>>,
    /// Origins whose pages may read responses.
    pub cors_origins: Vec<WebOrigin>,
    /// Logs each request.
    pub access_log: bool,
    /// Names of the query parameters that the access log contains.
    pub logged_parameters: &'static [&'static str],
    /// The routes.
    pub routes: Vec<&'static Route<S>>,
    /// Path below which everyone may ask, and learn that nothing is there.
    pub open_below: &'static str,
    /// The error format of paths without a route.
    pub unrouted_errors: fn(&str) -> ErrorFormat,
}

/// Answers requests by a table of routes.
pub struct Router<S: 'static> {
    /// The state that the handlers use.
    pub state: S,
    config: RouterConfig<S>,
    auth: Authenticator,
    throttle: Arc<AuthThrottle>,
    refusal_log: RefusalLog,
    allowed_hosts: Option<AllowedHosts>,
    cors: Cors,
    requests: Arc<RequestCounters>,
}

impl<S> RequestContext<'_, S> {
    /// Watches for the revocation of the client's token.
    #[must_use]
    pub fn revocation(&self) -> Revocation {
        self.principal.map_or_else(Revocation::never, |principal| self.router.auth.revocation(principal))
    }

    /// The name of the client's token, or `-` without one, as in the access log.
    #[must_use]
    pub fn who(&self) -> &str {
        access_log::who(self.principal)
    }

    /// The path and query as the access log has them: without secrets.
    #[must_use]
    pub fn logged_target(&self) -> String {
        let Router { config, auth, .. } = self.router;
        access_log::target(self.uri, config.logged_parameters, |text| auth.contained_in(text))
    }

    /// The error response of this router's legacy routes.
    #[must_use]
    pub fn not_found(&self) -> Response {
        ErrorFormat::Legacy.error(ErrorKind::NotFound)
    }
}

impl<S> Router<S> {
    /// A router with this configuration and state.
    #[must_use]
    pub fn new(mut config: RouterConfig<S>, state: S) -> Self {
        Self {
            auth: Authenticator::new(std::mem::take(&mut config.auth)),
            throttle: Arc::default(),
            refusal_log: RefusalLog::default(),
            allowed_hosts: config.allowed_hosts.take().map(AllowedHosts::new),
            cors: Cors::new(std::mem::take(&mut config.cors_origins)),
            requests: Arc::new(RequestCounters::new(config.routes.iter().map(|route| route.name()))),
            config,
            state,
        }
    }

    /// The prefix of all paths.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        &self.config.prefix
    }

    /// The authenticator.
    #[must_use]
    pub const fn auth(&self) -> &Authenticator {
        &self.auth
    }

    /// The counters of requests.
    #[must_use]
    pub const fn requests(&self) -> &Arc<RequestCounters> {
        &self.requests
    }

    /// Answers a request of this client, if its address is known. A request that its client gives up while it waits has
    /// no response, so it is neither counted nor logged.
    pub fn reply<B>(self: &Arc<Self>, client: Option<ClientAddr>, request: &Request<B>) -> Reply
    where
        S: Send + Sync,
    {
        let exchange = self.begin(client, request);
        if let Some(response) = self.cors.preflight(request.method(), request.headers()) {
            return Reply::now(self.end(exchange, None, response));
        }
        let (answer, asked) = self.respond(request, client);
        let response = match answer {
            Answer::Now(response) => self.end(exchange, asked.principal.as_ref(), response),
            Answer::Later(later) => {
                let router = Arc::clone(self);
                return Reply::later(Box::pin(async move {
                    let response = router.checked(reply::caught(later).await, &asked);
                    router.end(exchange, asked.principal.as_ref(), response)
                }));
            }
        };
        match (asked.principal, client) {
            (Some(Principal::WrongToken), Some(client)) => {
                self.log_wrong_token(client);
                match self.throttle.wrong_token(client.net(), Instant::now()) {
                    Verdict::Reject => Reply::now(response),
                    Verdict::Delay(slot) => Reply::delayed(slot, response),
                    Verdict::RejectAndClose => Reply::now(response::closing(response)),
                }
            }
            _ => Reply::now(response),
        }
    }

    fn begin<B>(&self, client: Option<ClientAddr>, request: &Request<B>) -> Exchange {
        let entry = self
            .config
            .access_log
            .then(|| Entry::begin(request.method(), request.uri(), client, &self.auth, self.config.logged_parameters));
        let is_head = request.method() == Method::HEAD;
        let is_lowered = matches!(scope_header::wanted(request.headers()), Ok(Some(_)));
        Exchange { entry, is_head, is_lowered, origin: request.headers().get(ORIGIN).cloned() }
    }

    /// Adds to a response what every response has, and logs it.
    fn end(&self, exchange: Exchange, principal: Option<&Principal>, mut response: Response) -> Response {
        security_headers::protect(response.headers_mut());
        self.cors.mark(exchange.origin.as_ref(), response.headers_mut());
        if exchange.is_lowered {
            scope_header::mark(response.headers_mut());
        }
        if exchange.is_head {
            response = response::without_body(response);
        }
        if let Some(entry) = exchange.entry {
            entry.end(principal, &response);
        }
        response
    }

    /// Logs a wrong token now and then, never the token.
    fn log_wrong_token(&self, client: ClientAddr) {
        if let Some(requests) = self.refusal_log.wrong_token(client.net(), Instant::now()) {
            let client = client.host();
            tracing::warn!(%client, requests, "refused a wrong token; correct it in the client, or list it here");
        }
    }

    /// The response to a request or the wait for it, and what it depends on.
    fn respond<B>(&self, request: &Request<B>, client: Option<ClientAddr>) -> (Answer, Asked<S>) {
        let path = request.uri().path();
        if let Some(response) = self.root_redirect(request) {
            self.count(None, response.status());
            let asked = Asked { route: None, errors: ErrorFormat::Legacy, principal: None, lowered: Ok(None) };
            return (Answer::Now(response), asked);
        }
        // CONNECT names a host instead of a path.
        let route = if path.is_empty() { None } else { self.find(path) };
        let errors = route.map_or_else(|| self.unrouted_errors(path), |route| route.errors);
        // A path that leads to an open route by its last slash is as open as that.
        let principal = self.authenticate(request, route.or_else(|| self.without_slash(path)));
        let asked = Asked { route, errors, principal, lowered: scope_header::wanted(request.headers()) };
        // Handlers change no state, so a panic cannot leave anything half done.
        let answer = match catch_unwind(AssertUnwindSafe(|| self.answer(request, client, &asked))) {
            Ok(Answer::Later(later)) => Answer::Later(later),
            Ok(Answer::Now(response)) => Answer::Now(self.checked(Ok(response), &asked)),
            Err(panic) => Answer::Now(self.checked(Err(panic), &asked)),
        };
        (answer, asked)
    }

    /// The answer of the handler, or the refusal.
    fn answer<B>(&self, request: &Request<B>, client: Option<ClientAddr>, asked: &Asked<S>) -> Answer {
        let Asked { route, errors, ref principal, lowered } = *asked;
        let (scope, anonymous) = match principal {
            None => (None, false),
            Some(Principal::Token(token)) => (Some(token.scope), false),
            Some(Principal::Anonymous(scope)) => (Some(*scope), true),
            Some(Principal::WrongToken | Principal::NoToken) => {
                return Answer::Now(errors.error(ErrorKind::Unauthorized));
            }
        };
        let context = RequestContext {
            router: self,
            // Access is by the token's own scope, so that the lower one of a scraper opens nothing more to it.
            scope: lowered.ok().flatten().or(scope).unwrap_or(Scope::Read),
            principal: principal.as_ref(),
            client,
            method: request.method(),
            uri: request.uri(),
            query: request.uri().query(),
            headers: request.headers(),
        };
        let path = request.uri().path();
        let without_slash = if route.is_none() { self.without_slash(path) } else { None };
        match self.authorize(request, route.or(without_slash), scope, anonymous) {
            Ok(()) if lowered.is_err() => Answer::Now(errors.error(ErrorKind::WrongScope)),
            Ok(()) if without_slash.is_some() => Answer::Now(to_last_segment(path, request.uri().query())),
            Ok(()) => handle(request, route, errors, &context),
            Err(kind) => Answer::Now(errors.error(kind)),
        }
    }

    /// The response of a handler, or the error if it panicked; counts it.
    fn checked(&self, answered: std::thread::Result<Response>, asked: &Asked<S>) -> Response {
        let Asked { route, errors, ref principal, lowered } = *asked;
        let mut response = answered.unwrap_or_else(|_| {
            // The panic hook has logged the panic itself.
            tracing::error!(path = route.map(|route| route.path), "panic in a handler");
            self.requests.count_panic();
            errors.error(ErrorKind::Internal)
        });
        // 401, not 403: a token with a wider scope exists, and the request does not ask for less.
        let anonymous = matches!(principal, Some(Principal::Anonymous(_))) && lowered == Ok(None);
        let is_refused = response.status() == StatusCode::FORBIDDEN && !response::is_final(&response);
        if anonymous && is_refused && self.auth.has_tokens() {
            response = errors.error(ErrorKind::Unauthorized);
        }
        self.count(route, response.status());
        response
    }

    /// Redirects `GET` and `HEAD` of `/` to the prefix, if there is one: people type the host's name alone. It is open,
    /// as the page is, and relative, so that no header chooses another host.
    fn root_redirect<B>(&self, request: &Request<B>) -> Option<Response> {
        let prefix = self.config.prefix.as_str();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let leads = is_read && request.uri().path() == "/" && !prefix.is_empty();
        // Begins with a dot, because a segment can contain a colon and would then read as a scheme.
        leads.then(|| response::redirect(&format!(".{prefix}/"), request.uri().query()))
    }

    /// Checks the `Host` header of anonymous clients, then the scope.
    fn authorize<B>(
        &self,
        request: &Request<B>,
        route: Option<&'static Route<S>>,
        scope: Option<Scope>,
        anonymous: bool,
    ) -> Result<(), ErrorKind> {
        let refused = |hosts: &AllowedHosts| hosts.refused(request.uri(), request.headers()).is_some();
        if anonymous && self.allowed_hosts.as_ref().is_some_and(refused) {
            return Err(ErrorKind::HostNotAllowed);
        }
        let path = self.config.prefix.strip(request.uri().path()).unwrap_or_default();
        let for_metrics = route.is_some_and(|route| route.access_to(path) == Access::AnyScope);
        if scope == Some(Scope::Metrics) && !for_metrics {
            return Err(ErrorKind::Forbidden);
        }
        Ok(())
    }

    /// The authenticated client; `None` if the route is open.
    fn authenticate<B>(&self, request: &Request<B>, route: Option<&'static Route<S>>) -> Option<Principal> {
        let path = self.config.prefix.strip(request.uri().path());
        let open = match route {
            Some(route) => route.access_to(path.unwrap_or_default()) == Access::Open,
            None => path.is_some_and(|path| path.starts_with(self.config.open_below)),
        };
        if open { None } else { Some(self.auth.authenticate(request.headers())) }
    }

    /// The route of a path, as it is written or, like the original, decoded. A redirect is not followed from a path with
    /// escapes, because they can hide the slashes that its relative address depends on.
    fn find(&self, path: &str) -> Option<&'static Route<S>> {
        let direct = self.at(path);
        if direct.is_some() || !path.contains('%') {
            return direct;
        }
        let decoded = String::from_utf8(percent::decode(path.as_bytes()).into_owned()).ok()?;
        self.at(&decoded).filter(|route| !route.is_literal())
    }

    /// The route of a path without its last slash, if it has one. A path with escapes has none, as above.
    fn without_slash(&self, path: &str) -> Option<&'static Route<S>> {
        let path = path.strip_suffix('/').filter(|path| !path.ends_with('/') && !path.contains('%'))?;
        self.at(path).filter(|route| !route.is_literal())
    }

    fn at(&self, path: &str) -> Option<&'static Route<S>> {
        let rest = self.config.prefix.strip(path)?;
        self.config.routes.iter().copied().find(|route| route.matches(rest))
    }

    fn unrouted_errors(&self, path: &str) -> ErrorFormat {
        self.config.prefix.strip(path).map_or(ErrorFormat::Legacy, self.config.unrouted_errors)
    }

    fn count(&self, route: Option<&'static Route<S>>, status: StatusCode) {
        let position = route.and_then(|route| self.config.routes.iter().position(|other| std::ptr::eq(route, *other)));
        self.requests.count(position, status);
    }
}

/// Redirects from a path that ends in a slash to the path without it, relative to it.
fn to_last_segment(path: &str, query: Option<&str>) -> Response {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    response::redirect(&format!("../{last}"), query)
}

/// Calls the handler of a route, if there is one and the method is allowed.
fn handle<S, B>(
    request: &Request<B>,
    route: Option<&'static Route<S>>,
    errors: ErrorFormat,
    context: &RequestContext<'_, S>,
) -> Answer {
    let Some(route) = route else { return Answer::Now(errors.error(ErrorKind::NotFound)) };
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads
        && let Some((query, known)) = request.uri().query().zip(route.parameters)
        && let Some(detail) = query::unknown(query, known)
    {
        return Answer::Now(problem(StatusCode::BAD_REQUEST, &detail));
    }
    Answer::Now(match &route.handler {
        Handler::Redirect(handler) => handler(context),
        Handler::Read(handler) if reads => handler(context),
        Handler::Below(handler) if reads => {
            handler(context, request.uri().path().rsplit('/').next().unwrap_or_default())
        }
        Handler::Later(handler) if reads => return Answer::Later(handler(context)),
        Handler::Under(_, handler) if reads => {
            let path = context.router.prefix().strip(request.uri().path()).unwrap_or_default();
            return Answer::Later(handler(context, route.rest(path).unwrap_or_default()));
        }
        Handler::Read(_) | Handler::Below(_) | Handler::Later(_) | Handler::Under(..) => {
            errors.error(ErrorKind::MethodNotAllowed)
        }
    })
}

#[cfg(test)]
mod tests;
