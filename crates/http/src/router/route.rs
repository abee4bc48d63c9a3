//! Routes: a path, the clients that may use it, and the function that answers.

use super::RequestContext;
use crate::{ErrorFormat, Response, reply::Later};

/// A path and its handler.
pub struct Route<S: 'static> {
    /// The path after the prefix.
    pub path: &'static str,
    /// The clients that may use it.
    pub access: Access,
    /// The format of its errors.
    pub errors: ErrorFormat,
    /// The names of its query parameters: others are answered with 400. `None`: others are ignored.
    pub parameters: Option<&'static [&'static str]>,
    /// The function that answers it.
    pub handler: Handler<S>,
}

/// The clients that may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone: the route serves no data.
    Open,
    /// Clients with the scope `read` or `summary`.
    Views,
    /// Clients of every scope, including `metrics`.
    AnyScope,
}

/// The function that answers a route. Most handlers only pick bytes, so they are plain functions.
pub enum Handler<S: 'static> {
    /// Answers `GET` and `HEAD`.
    Read(fn(&RequestContext<'_, S>) -> Response),
    /// Answers `GET` and `HEAD` of every path with one more segment, which it is given.
    Below(fn(&RequestContext<'_, S>, &str) -> Response),
    /// Redirects every method, as the original does.
    Redirect(fn(&RequestContext<'_, S>) -> Response),
    /// Answers `GET` and `HEAD` once this has waited for something else. All requests share a thread, so it must not
    /// compute for long.
    Later(fn(&RequestContext<'_, S>) -> Later),
    /// Answers `GET` and `HEAD` of every path below the route's later. It is given the rest of the path as it was sent,
    /// with its escapes: what they hide is its own business.
    Under(fn(&str) -> Access, fn(&RequestContext<'_, S>, &str) -> Later),
}

impl<S> Route<S> {
    /// A route that answers `GET` and `HEAD`.
    pub const fn read(
        path: &'static str,
        access: Access,
        errors: ErrorFormat,
        handler: fn(&RequestContext<'_, S>) -> Response,
    ) -> Self {
        Self { path, access, errors, parameters: None, handler: Handler::Read(handler) }
    }

    /// A route that answers `GET` and `HEAD` of the paths one segment below it.
    pub const fn below(
        path: &'static str,
        access: Access,
        errors: ErrorFormat,
        handler: fn(&RequestContext<'_, S>, &str) -> Response,
    ) -> Self {
        Self { path, access, errors, parameters: None, handler: Handler::Below(handler) }
    }

    /// A route that redirects.
    pub const fn redirect(path: &'static str, access: Access, handler: fn(&RequestContext<'_, S>) -> Response) -> Self {
        Self { path, access, errors: ErrorFormat::Legacy, parameters: None, handler: Handler::Redirect(handler) }
    }

    /// A route that answers `GET` and `HEAD` later.
    pub const fn later(
        path: &'static str,
        access: Access,
        errors: ErrorFormat,
        handler: fn(&RequestContext<'_, S>) -> Later,
    ) -> Self {
        Self { path, access, errors, parameters: None, handler: Handler::Later(handler) }
    }

    /// A route that answers `GET` and `HEAD` of every path below it later. The rest of the path, as it was sent, decides
    /// which clients may use it.
    pub const fn under(
        path: &'static str,
        access: fn(&str) -> Access,
        errors: ErrorFormat,
        handler: fn(&RequestContext<'_, S>, &str) -> Later,
    ) -> Self {
        let handler = Handler::Under(access, handler);
        Self { path, access: Access::Views, errors, parameters: None, handler }
    }

    /// This route, with 400 for query parameters of other names.
    #[must_use]
    pub const fn knowing(mut self, parameters: &'static [&'static str]) -> Self {
        self.parameters = Some(parameters);
        self
    }

    /// The name under which requests are counted.
    pub(crate) const fn name(&self) -> &'static str {
        match self.path.as_bytes() {
            [] => "(prefix)",
            _ => self.path,
        }
    }

    /// True if the route answers this path, without the prefix.
    pub(crate) fn matches(&self, path: &str) -> bool {
        match self.handler {
            Handler::Below(_) => {
                path.strip_prefix(self.path).is_some_and(|name| !name.is_empty() && !name.contains('/'))
            }
            Handler::Under(..) => self.rest(path).is_some_and(|rest| !rest.is_empty()),
            Handler::Read(_) | Handler::Redirect(_) | Handler::Later(_) => path == self.path,
        }
    }
    /// True if the route answers only paths as they were sent: escapes can hide slashes.
    pub(crate) const fn is_literal(&self) -> bool {
        matches!(self.handler, Handler::Redirect(_) | Handler::Under(..))
    }

    /// The part of a path, without the prefix, after the route's.
    pub(crate) fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.path)
    }

    /// The clients that may use this path, without the prefix.
    pub(crate) fn access_to(&self, path: &str) -> Access {
        match self.handler {
            Handler::Under(access, _) => access(self.rest(path).unwrap_or_default()),
            _ => self.access,
        }
    }
}
