//! Arguments of the commands.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{gpu_name, release_length};

#[derive(Clone, Debug, Args)]
pub(crate) struct CaptureArgs {
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Stop after this long, and write the answers so far
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// Release for this long, from 1s to 24h
    #[arg(long = "for", default_value = "10m", value_name = "TIME", value_parser = release_length)]
    pub(crate) length: Duration,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ForgetArgs {
    /// UUID, PCI bus id or index as shown
    #[arg(value_name = "GPU", value_parser = gpu_name)]
    pub(crate) gpu: String,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct CheckArgs {
    /// List options that are at their default too
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct HealthArgs {
    /// Print a verdict and a line for each GPU, for cron and Nagios
    #[arg(long)]
    pub(crate) gpus: bool,

    /// Drain this Slurm node if a GPU is critical; implies --gpus
    ///
    /// The reason names all critical GPUs: GPU 1: lost; 3: reset required (nvidia-smi-web-agent). A node that is drained,
    /// down or failing for another reason is left as it is. If you resume the node, it is drained again only for a new
    /// problem, or after a reboot. Without an answer of the agent nothing is changed. If Slurm cannot be asked, the exit
    /// status is 3, or 2 if a GPU is critical.
    #[arg(long)]
    pub(crate) drain: bool,

    #[command(flatten)]
    pub(crate) slurm: SlurmArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SlurmArgs {
    /// Resume the node once all GPUs are well, if its reason is still that of --drain
    #[arg(long, requires = "drain")]
    pub(crate) resume: bool,

    /// Use this node name [default: $SLURMD_NODENAME, else the hostname up to its first dot]
    #[arg(long, requires = "drain", value_name = "NAME")]
    pub(crate) node: Option<String>,

    /// Run this scontrol instead of the one in PATH, /usr/bin, /bin, /usr/local/bin or /opt/slurm/bin
    #[arg(long, requires = "drain", value_name = "FILE")]
    pub(crate) scontrol: Option<PathBuf>,

    /// Use this slurm.conf [default: $SLURM_CONF, else Slurm's own]
    #[arg(long, requires = "drain", value_name = "FILE")]
    pub(crate) slurm_conf: Option<PathBuf>,

    /// End scontrol after this long; it runs at most twice
    ///
    /// Without a controller scontrol takes its MessageTimeout, 10 s by default. slurmd ends the whole check after 60 s.
    #[arg(long, default_value = "20s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) scontrol_timeout: Duration,

    /// Remember in this folder for which problems the node was drained
    #[arg(long, default_value = "/run/nvidia-smi-web-agent-drained", value_name = "FOLDER")]
    pub(crate) drained: PathBuf,
}
