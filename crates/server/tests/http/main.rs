//! The server as its users see it: through the router, and over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should say where")]

mod host;
mod hostile;
mod page;
mod rich;
mod router;
mod socket;
mod stream;
