//! The server as its users see it: through the router, and over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should say where")]

mod documented;
mod hostile;
mod page;
mod router;
#[path = "../../src/v1/tests/schema.rs"]
mod schema;
mod socket;
mod stream;
mod summaries;
mod v1;

use telemetry::fixtures as host;
