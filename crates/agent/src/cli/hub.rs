//! Arguments of `hub`.

use std::{path::PathBuf, str::FromStr};

use clap::{Arg, Args, Command};
use hub::discovery::{Source, SourceError};

use super::{engine::EngineArgs, path};

/// Name of the command.
pub(super) const NAME: &str = "hub";
/// Default port of a hub: that of an agent may be in use on the same host.
pub(super) const PORT: u16 = 8080;
/// Place of an agent's options in the help of a hub: after its own.
const AFTER_OWN: usize = 100;

/// Options that a hub uses besides its own, by their name on the command line. The others concern the GPUs of this host.
pub(super) const SHARED: [&str; 14] = [
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
    ///
    /// The file is reloaded when it changes. The servers of lists and the engine may have a certificate of these or of this
    /// host's authorities.
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

/// Checks for an option of an agent that a hub has, too.
pub(super) fn takes(argument: &Arg) -> bool {
    argument.get_long().is_some_and(|name| SHARED.contains(&name) || ["help", "version"].contains(&name))
}

/// The command line with the help of `hub` limited to the options that it has, and with its default port.
pub(super) fn adapted(mut command: Command, port: &str) -> Command {
    // Each command has the options of an agent only now, and clap has numbered them: none may move.
    command.build();
    let place = |argument: &Arg| SHARED.iter().position(|shared| argument.get_long() == Some(*shared));
    let of_hub = |argument: Arg| match place(&argument) {
        Some(place) if argument.get_id() == "port" => {
            argument.help("Listen on this port").default_value(port.to_owned()).display_order(AFTER_OWN + place)
        }
        Some(place) => argument.display_order(AFTER_OWN + place),
        None => {
            let is_foreign = argument.is_global_set() && !takes(&argument);
            let is_hidden = is_foreign || argument.is_hide_set();
            argument.hide(is_hidden)
        }
    };
    command.mut_subcommands(|command| if command.get_name() == NAME { command.mut_args(&of_hub) } else { command })
}

/// Advice for an argument without an option.
pub(super) fn hint(message: &str) -> &'static str {
    match message.strip_prefix("unexpected argument '") {
        Some("check' found") => "; write hub --check",
        Some(rest) if !rest.starts_with('-') => "; hosts follow --hosts, such as --hosts static:gpu01:8000,gpu02:8000",
        _ => "",
    }
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
