//! Targets: the agents that the hub asks.

use std::{collections::BTreeMap, fmt, sync::Arc};

use http_server::Prefix;

/// Longest name in a command.
const MAX_SSH_HOST: usize = 253;

/// Protocol of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    #[default]
    Http,
    /// HTTP over TLS.
    Https,
}

/// Place of an agent. Two targets with the same endpoint are one host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Protocol.
    pub scheme: Scheme,
    /// Name or IP address, without brackets.
    pub host: Box<str>,
    /// Port.
    pub port: u16,
    /// Prefix of all paths, as [`Prefix`] writes it; empty for none.
    pub prefix: Box<str>,
}

/// A listed agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Place of the agent.
    pub endpoint: Endpoint,
    /// Name of the host, unique on this hub: it is part of URLs.
    pub name: Arc<str>,
    /// Labels without a leading `__`, except `name` and `ssh_host`. They are displayed, and group and filter hosts. The
    /// targets of a group share them.
    pub labels: Arc<BTreeMap<Box<str>, Box<str>>>,
    /// Name for commands that are copied, such as `ssh gpu01`.
    pub ssh_host: Option<Box<str>>,
    /// Problems of its entry in the list, such as a name that is in use.
    pub notes: Vec<Arc<str>>,
}

/// The list of targets.
#[derive(Clone, Debug, Default)]
pub struct TargetList {
    /// Sorted by name.
    pub targets: Arc<[Arc<Target>]>,
    /// False until each source was read for the first time.
    pub is_loaded: bool,
    /// Problems of the sources, such as a file that cannot be read; the last good list stays.
    pub notes: Vec<String>,
    /// The sources, in their order.
    pub sources: Arc<[SourceState]>,
}

/// State of a source of targets.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SourceState {
    /// Its name, without secrets.
    pub source: Box<str>,
    /// False until it was read for the first time.
    pub is_loaded: bool,
    /// The error that keeps it from being read; none if it was read the last time.
    pub error: Option<Box<str>>,
    /// Begin of the error, Unix time in milliseconds.
    pub since: Option<u64>,
}

impl Scheme {
    /// Name in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Endpoint {
    /// `host:port`, with brackets around an IPv6 address.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Endpoint with this prefix.
    #[must_use]
    pub fn below(self, prefix: &Prefix) -> Self {
        Self { prefix: prefix.as_str().into(), ..self }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}://{}{}", self.scheme.as_str(), self.authority(), self.prefix)
    }
}

/// True for a name that needs no quotes in a shell and is no option of `ssh`: `[A-Za-z0-9_][A-Za-z0-9._@-]{0,252}`.
pub(crate) fn is_ssh_host(name: &str) -> bool {
    name.len() <= MAX_SSH_HOST
        && name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_host_needs_no_quotes() {
        for name in ["gpu01", "_a", "alice@gpu-01.example.org"] {
            assert!(is_ssh_host(name), "{name}");
        }
        for name in ["", "-oProxyCommand=x", "a b", "a;b", "$(x)", "::1", "[::1]", "a'b", "é", &"a".repeat(254)] {
            assert!(!is_ssh_host(name), "{name}");
        }
    }

    #[test]
    fn endpoint_written_as_url() {
        let endpoint = Endpoint { scheme: Scheme::Https, host: "::1".into(), port: 8000, prefix: "/gpu01".into() };
        assert_eq!(endpoint.to_string(), "https://[::1]:8000/gpu01");
    }
}
