//! Arguments of the commands that ask an agent, here or on another host.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ClientArgs {
    /// Ask this agent: an address, or the name of a target in the configuration file
    ///
    /// An address is http://HOST:PORT/PATH, https://HOST/PATH, unix:PATH, or HOST:PORT. Default: the target that the
    /// configuration file names as its default, else the agent of this host.
    #[arg(long, env = "NVSMI_URL", value_name = "URL")]
    pub(crate) url: Option<String>,

    /// Send the token in this file
    ///
    /// Default: the token of the target in the configuration file, else NVSMI_TOKEN. To this host's agent: else that of the
    /// service, if this user can read it. --token-file is another file: of the tokens that an agent accepts.
    #[arg(long, value_name = "FILE")]
    pub(crate) send_token_file: Option<PathBuf>,

    /// Read the targets from this file [default: ~/.config/nvidia-smi-web-agent/config.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Use colours
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// Arguments of `usage`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReportArgs {
    /// Begin here: a date, a date with a time, or a time before now, such as -7d [default: -30d]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,

    /// End here [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,

    /// Sum by these: user, gpu, job, pod, container, model, day, hour_of_day [default: user]
    ///
    /// Separate several with commas.
    #[arg(long, value_name = "LIST")]
    pub(crate) by: Option<String>,

    /// Count only this user; repeat it for several
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Vec<String>,

    /// Count only these GPUs, by index or UUID
    ///
    /// Separate several with commas.
    #[arg(long, value_name = "LIST")]
    pub(crate) gpu: Option<String>,

    /// Count days and hours, and read times, in this zone, such as Europe/Berlin [default: this terminal's]
    #[arg(long, value_name = "ZONE")]
    pub(crate) tz: Option<String>,

    /// Print the answer of the API as CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,

    /// Print the answer of the API as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
