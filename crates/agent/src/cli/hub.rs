//! Arguments of `hub`.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use hub::discovery::{Source, SourceError};

use super::{engine::EngineArgs, path};

/// Default port of a hub: that of an agent may be in use on the same host.
pub(crate) const HUB_PORT: u16 = 8080;

/// Options that a hub uses besides its own, by their name on the command line. The others concern the GPUs of this host.
pub(crate) const SHARED: [&str; 14] = [
    "port",
    "bind",
    "url-prefix",
    "tls-cert",
    "tls-key",
    "tls-client-ca",
    "token-file",
    "anonymous",
    "cors-origins",
    "frame-ancestors",
    "allowed-hosts",
    "access-log",
    "stream-clients",
    "log",
];

#[derive(Clone, Debug, Args)]
pub(crate) struct HubArgs {
    /// Find the agents in these lists; separate several with spaces, or repeat the option
    ///
    /// A file in Prometheus' file_sd format, or a pattern of such files (/etc/hub/*.json, .yml or .yaml). A URL that serves
    /// its http_sd format. dns+a://NAME:PORT for each address of a name, as of a headless service in Kubernetes.
    /// dns+srv://NAME for each of its SRV records. static:HOST:PORT,HOST:PORT for these hosts. Changes are picked up within
    /// 5 s, or after the TTL of a DNS record (at most 60 s).
    #[arg(long, env = "NVSMI_HUB_HOSTS", value_name = "SOURCES")]
    pub(crate) hosts: Vec<Sources>,

    /// Send the tokens in this file to the agents
    ///
    /// Each line is PATTERN TOKEN, and the first match wins; a line with one word is a token for all agents. A pattern is a
    /// host name, *.domain, an IP address or a network, with :PORT if only that is meant. With https:// in front the token is
    /// never sent over plain HTTP. Patterns are matched against addresses, never against labels. The file is reloaded when it
    /// changes.
    #[arg(long, env = "NVSMI_AGENT_TOKEN_FILE", value_name = "FILE", value_parser = path)]
    pub(crate) agent_token_file: Option<PathBuf>,

    /// Authenticate agents by these authorities (PEM) [default: those of this host]
    #[arg(long, env = "NVSMI_AGENT_CA", value_name = "FILE", value_parser = path)]
    pub(crate) agent_ca: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,

    /// Print the configuration, the hosts and the problems, and exit
    #[arg(long)]
    pub(crate) check: bool,

    /// List options that are at their default too
    #[arg(long, requires = "check")]
    pub(crate) all: bool,
}

/// Sources separated by white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sources(pub(crate) Vec<Source>);

impl FromStr for Sources {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}
