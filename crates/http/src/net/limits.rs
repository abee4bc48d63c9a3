//! Resource limits of the connection loop.

use std::time::Duration;

/// Minimum size of a connection's buffer in hyper, in bytes.
pub(crate) const MIN_HEAD_BYTES: usize = 8192;

/// Resource limits for clients, authenticated or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Concurrent connections. Further ones wait in the kernel's queue.
    pub connections: usize,
    /// Concurrent connections of one IPv4 address or one IPv6 network of 64 bits. Further ones are closed. Unix sockets
    /// are exempt, because their client is usually a proxy.
    pub connections_each: usize,
    /// Maximum size of request line and headers, in bytes; at least 8192. Larger ones are answered with 431, or with 414
    /// if the target alone is longer than 65,534 bytes and fits in here.
    pub head_bytes: usize,
    /// Memory of all incomplete requests together beyond 8 KiB of each, in bytes. A connection that exceeds it is closed.
    pub all_heads_bytes: usize,
    /// Timeout of a request's headers, and of an idle connection.
    pub head_timeout: Duration,
    /// Timeout of a TLS handshake.
    pub handshake_timeout: Duration,
    /// Cumulative timeout of writes while the client reads nothing, or almost nothing.
    pub write_timeout: Duration,
    /// Time for running requests to finish after the shutdown began.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            connections_each: 1536,
            head_bytes: 128 * 1024,
            all_heads_bytes: 32 << 20,
            head_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}
