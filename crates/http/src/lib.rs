//! The parts of an HTTP server that do not depend on what it serves.
//!
//! [`Router`] checks the token, the `Host` header and the scope of a request before a handler runs. [`net::serve`]
//! accepts connections within [`net::Limits`]. This crate knows no view and no snapshot.

pub mod access_log;
pub mod auth;
pub mod body;
mod cors;
pub mod encoding;
pub mod encoding_of_text;
pub mod error;
pub mod gzip;
mod host_header;
pub mod net;
pub mod percent;
mod prefix;
pub mod query;
mod reply;
mod request_counters;
pub mod response;
mod router;
mod scope_header;
mod security_headers;

pub use body::{Aborted, Body};
pub use cors::{WebOrigin, WebOriginError};
pub use error::{ErrorFormat, ErrorKind};
pub use host_header::{HostName, HostNameError};
pub use prefix::{Prefix, PrefixError};
pub use reply::{Later, Reply, elsewhere};
pub use request_counters::RequestCounters;
pub use response::Response;
pub use router::{
    RequestContext, Router, RouterConfig,
    route::{Access, Handler, Route},
};
pub use scope_header::SCOPE_HEADER;
