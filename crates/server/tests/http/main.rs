//! The server as its users see it: through the router, and over real sockets.

mod host;
mod router;
mod socket;
