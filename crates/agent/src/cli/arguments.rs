//! Arguments of the commands.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::{ReportArgs, gpu_name, moment, release_length, user_name};

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

#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct UsageArgs {
    #[command(subcommand)]
    pub(crate) command: Option<UsageCommand>,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Copy the file of the accounting, also while the agent runs
    ///
    /// Copies usage.sqlite in the folder of --state-dir (for an installed service, its own) as it was at one moment. The
    /// copy is an SQLite file that only its owner can read. This does not need the agent, only the right to read its file.
    Export(ExportArgs),
    /// Remove a person's name from the accounting
    ///
    /// The person's time, sessions and totals are counted for `(removed)` from then on, without container, pod, job and
    /// command. Sums stay as they are, and the person's exported series ends. Copies that `usage export` made are not
    /// changed. The person is counted again if it uses a GPU again. Root and the agent's own user can use it. The exit
    /// status is 1 if nobody of this name was found.
    Forget(ForgetUserArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArgs {
    /// Write to this file, which must not exist
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ForgetUserArgs {
    /// Remove this name, as the page shows it
    #[arg(long, value_name = "NAME", value_parser = user_name)]
    pub(crate) user: String,

    /// Remove it only from what began before this date or time, such as 2026-11-30 (of this host's time zone)
    #[arg(long, value_name = "DATE", value_parser = moment)]
    pub(crate) before: Option<u64>,
}
