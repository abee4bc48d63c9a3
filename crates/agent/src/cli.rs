//! Command line: each option and environment variable with its help, declared once.

mod arguments;
mod claim;
mod client;
mod engine;
mod help;
mod hub;
#[cfg(test)]
mod pages;
mod parse;
mod setting;
#[cfg(test)]
mod tests;
mod value;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use server::{Commands, FrameAncestors, HostName, MetricsSet, Names, Peers, Prefix, Price, WebOrigin};
use telemetry::snapshot::ContainerCount;

pub(crate) use self::engine::LiveFrom;
pub(crate) use self::hub::HubArgs;
use crate::{bind::Binds, logging::AccessLog, service::Service};
pub(crate) use arguments::{
    CaptureArgs, CheckArgs, ExportArgs, ForgetArgs, HealthArgs, ReleaseArgs, SlurmArgs, UsageArgs, UsageCommand,
};
pub(crate) use claim::{ClaimArgs, UnclaimArgs};
pub(crate) use client::{ClientArgs, Color, ReportArgs};
#[cfg(test)]
use parse::parse_from;
pub(crate) use parse::{Stop, has_argument, is_health_command, parse};
pub(crate) use setting::{Setting, Source};
#[cfg(test)]
pub(crate) use value::MAX_GPU_NAME;
pub(crate) use value::{MAX_USER_NAME, RELEASE_LENGTHS, is_gpu_name, is_user_name};
use value::{
    claim_max, coarse, commands, container_count, fine, gpu_name, hostname, interval, label, long, metrics_set, moment,
    names, path, port, release_length, retention, socket, user_name,
};

/// Show who is using which NVIDIA GPU on this host, over HTTP
///
/// Without a command, serves a web page, a JSON API and Prometheus metrics. Each option is a flag or an environment
/// variable; the flag wins. PORT, URL_PREFIX and TOKEN can also be set in the file .env in the working directory, where
/// environment variables win.
#[derive(Debug, Parser)]
#[command(name = "nvidia-smi-web-agent", version, after_help = help::AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// TOKEN, which has no flag.
    #[arg(skip)]
    pub(crate) token: Option<OsString>,
    /// Each option with its value and source, for `check`.
    #[arg(skip)]
    pub(crate) settings: Vec<Setting>,
    /// Variables that are set and that a hub does not use.
    #[arg(skip)]
    pub(crate) ignored: Vec<String>,
    /// Settings of the installed service, for commands that concern it.
    #[arg(skip)]
    pub(crate) service: Service,
}

impl Cli {
    /// Log level. `check` shows what it finds itself, without lines in between.
    pub(crate) fn log_level(&self) -> tracing::Level {
        let is_default = self.settings.iter().any(|setting| setting.name == "log" && setting.is_default());
        let is_check = match &self.command {
            Some(Command::Check(_)) => true,
            Some(Command::Hub(hub)) => hub.check,
            _ => false,
        };
        let is_quiet = is_default && is_check;
        if is_quiet { tracing::Level::ERROR } else { self.options.log }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Listen on this port (a hub: 8080)
    #[arg(long, env = "PORT", default_value = "8000", value_parser = port, global = true)]
    pub(crate) port: u16,

    /// Listen on these addresses and Unix sockets
    ///
    /// An address can have a port of its own (127.0.0.1, [::1]:9000), and a socket a mode
    /// (unix:/run/gpu.sock,mode=0660). Separate several with commas, or repeat the option.
    #[arg(long, env = "NVSMI_BIND", default_value = "0.0.0.0", value_name = "ADDRESSES", global = true)]
    pub(crate) bind: Vec<Binds>,

    /// Serve everything under this path, such as /server1 or a/b
    #[arg(long, env = "URL_PREFIX", default_value = "", value_name = "PATH", hide_default_value = true, global = true)]
    pub(crate) url_prefix: Prefix,

    /// Call this host by this name in all answers, instead of by the kernel's hostname
    ///
    /// A container's hostname is usually not the host's.
    #[arg(long, env = "NVSMI_HOSTNAME", value_name = "NAME", value_parser = hostname, global = true)]
    pub(crate) hostname: Option<String>,

    /// Serve HTTPS with this certificate
    ///
    /// A PEM file with the certificate and its intermediates, reloaded when it changes.
    #[arg(long, env = "NVSMI_TLS_CERT", value_name = "FILE", global = true)]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Use this private key for the certificate (PEM)
    #[arg(long, env = "NVSMI_TLS_KEY", value_name = "FILE", global = true)]
    pub(crate) tls_key: Option<PathBuf>,

    /// Require client certificates of these authorities (PEM)
    #[arg(long, env = "NVSMI_TLS_CLIENT_CA", value_name = "FILE", global = true)]
    pub(crate) tls_client_ca: Option<PathBuf>,

    /// Accept the tokens in this file
    ///
    /// Each line is a name, a scope and a token. Scopes: read (everything), summary (nothing about people), metrics
    /// (only /metrics). The file is reloaded when it changes.
    #[arg(long, env = "NVSMI_TOKEN_FILE", value_name = "FILE", global = true)]
    pub(crate) token_file: Option<PathBuf>,

    /// Give clients without a token this scope [default: none if there is a token, else read]
    #[arg(long, env = "NVSMI_ANONYMOUS", value_name = "SCOPE", global = true)]
    pub(crate) anonymous: Option<AnonymousScope>,

    /// Let pages of these origins read answers (CORS), such as https://gpu.example.org
    ///
    /// Separate several with commas.
    #[arg(long, env = "NVSMI_CORS_ORIGINS", value_name = "LIST", value_delimiter = ',', global = true)]
    pub(crate) cors_origins: Vec<WebOrigin>,

    /// Let pages of these origins embed the page in a frame, such as https://grafana.example.org
    ///
    /// none, or self (this origin) and origins, separated by commas. API answers are never embedded.
    #[arg(long, env = "NVSMI_FRAME_ANCESTORS", default_value = "none", value_name = "LIST", global = true)]
    pub(crate) frame_ancestors: FrameAncestors,

    /// Accept these Host names when no token is required
    ///
    /// localhost and addresses are always accepted. Separate several with commas. Default: any name, unless bound to
    /// loopback.
    #[arg(long, env = "NVSMI_ALLOWED_HOSTS", value_name = "LIST", value_delimiter = ',', global = true)]
    pub(crate) allowed_hosts: Vec<HostName>,

    /// Log each request to standard error, without secrets
    #[arg(long, env = "NVSMI_ACCESS_LOG", default_value = "off", value_name = "FORMAT", global = true)]
    pub(crate) access_log: AccessLog,

    /// Read the GPUs at this interval, from 100ms to 60s
    #[arg(long, env = "NVSMI_INTERVAL", default_value = "1s", value_name = "TIME", value_parser = interval, global = true)]
    pub(crate) interval: Duration,

    /// Load this driver library instead of searching for libnvidia-ml.so.1
    #[arg(long, env = "NVSMI_NVML_LIBRARY", value_name = "FILE", global = true)]
    pub(crate) nvml_library: Option<PathBuf>,

    /// Report a GPU with allocated memory as idle after this long below 5 % utilization
    #[arg(long, env = "NVSMI_IDLE_AFTER", default_value = "15m", value_name = "TIME", value_parser = humantime::parse_duration, global = true)]
    pub(crate) idle_after: Duration,

    /// Release idle GPUs so that they can be suspended
    ///
    /// auto: where runtime power management is enabled for all of them. never: keep the driver open.
    #[arg(long, env = "NVSMI_SLEEP", default_value = "auto", value_name = "WHEN", global = true)]
    pub(crate) sleep: Sleep,

    /// Release GPUs after this long without a process, for tests
    #[arg(long, env = "NVSMI_SLEEP_AFTER", default_value = "60s", value_parser = humantime::parse_duration, hide = true, global = true)]
    pub(crate) sleep_after: Duration,

    /// Use this root of sysfs, for tests
    #[arg(long, env = "NVSMI_SYS_ROOT", default_value = "/sys", value_name = "FOLDER", hide = true, global = true)]
    pub(crate) sys_root: PathBuf,

    /// Show users and commands although this is not the host's PID namespace
    #[arg(long, env = "NVSMI_RESOLVE_PIDS", global = true)]
    pub(crate) resolve_pids: bool,

    /// Accept `release` and `resume` on this socket
    ///
    /// Default: control.sock in $RUNTIME_DIRECTORY. The commands also look in /run/nvidia-smi-web-agent.
    #[arg(long, env = "NVSMI_CONTROL_SOCKET", value_name = "FILE", global = true)]
    pub(crate) control_socket: Option<PathBuf>,

    /// Let users of this host claim GPUs, visibly for all
    ///
    /// Nothing enforces a claim. `claim --help` has more.
    #[arg(long, env = "NVSMI_CLAIMS", default_value = "true", value_name = "BOOL", action = clap::ArgAction::Set, global = true)]
    pub(crate) claims: bool,

    /// Accept claims on this socket
    ///
    /// Default: claims.sock in $RUNTIME_DIRECTORY. The commands also look in /run/nvidia-smi-web-agent. Every user of this host
    /// may connect.
    #[arg(long, env = "NVSMI_CLAIMS_SOCKET", value_name = "FILE", global = true)]
    pub(crate) claims_socket: Option<PathBuf>,

    /// Accept claims for at most this long, from 1s to 30d
    #[arg(long, env = "NVSMI_CLAIM_MAX", default_value = "24h", value_name = "TIME", value_parser = claim_max, global = true)]
    pub(crate) claim_max: Duration,

    /// Accept claims of at most this many GPUs of a user [default: all]
    #[arg(long, env = "NVSMI_CLAIM_GPUS", value_name = "NUMBER", global = true)]
    pub(crate) claim_gpus: Option<usize>,

    /// Count processes in containers for their account or the container
    ///
    /// account: root counts for the container, another user for its account on this host. container: every user counts for
    /// the container, for images whose users are not those of this host. In LXC and systemd-nspawn every user always counts
    /// for the container.
    #[arg(long, env = "NVSMI_COUNT_CONTAINERS", default_value = "account", value_name = "WHOM", value_parser = container_count(), global = true)]
    pub(crate) count_containers: ContainerCount,

    /// Get container names from Docker or Podman at this socket
    ///
    /// Usually /run/docker.sock or /run/podman/podman.sock. Whoever can open it has root's power over this host, and so
    /// has the agent, although it sends only GET requests. Without it, containers are shown by ID.
    #[arg(long, env = "NVSMI_CONTAINER_SOCKET", value_name = "PATH", value_parser = socket, global = true)]
    pub(crate) container_socket: Option<PathBuf>,

    /// Get the pods of each GPU from the kubelet at this socket
    ///
    /// Usually /var/lib/kubelet/pod-resources/kubelet.sock, which accepts no commands. With it, a GPU that is allocated
    /// to a pod is not free, and pods are shown by name.
    #[arg(long, env = "NVSMI_KUBELET_SOCKET", value_name = "PATH", value_parser = socket, global = true)]
    pub(crate) kubelet_socket: Option<PathBuf>,

    /// Ask the kubelet at this interval, for tests
    #[arg(long, env = "NVSMI_KUBELET_PERIOD", default_value = "10s", value_parser = humantime::parse_duration, hide = true, global = true)]
    pub(crate) kubelet_period: Duration,

    /// Show this much of command lines
    ///
    /// full; masked: without obvious secrets; name: only the program; hidden. Default: masked in /api/v1, and full in
    /// /status as in the Python agent.
    #[arg(long, env = "NVSMI_COMMANDS", value_name = "HOW", value_parser = commands(), global = true)]
    pub(crate) commands: Option<Commands>,

    /// Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways
    ///
    /// Separate several with commas. A scrape can select others with ?names=.
    #[arg(long, env = "NVSMI_METRICS_NAMES", default_value = "native", value_name = "LIST", value_parser = names, global = true)]
    pub(crate) metrics_names: Names,

    /// Serve this set of series at /metrics: fleet, standard or full
    ///
    /// fleet: at most 4 series and 12 of each GPU, with native names. standard: all metrics of GPUs. full: also the
    /// durations of driver calls, two series for each of some 60 functions. A scrape can select another with ?set=.
    #[arg(long, env = "NVSMI_METRICS_SET", default_value = "standard", value_name = "SET", value_parser = metrics_set, global = true)]
    pub(crate) metrics_set: MetricsSet,

    /// Add processes to /metrics, with users, containers and names
    ///
    /// Each process leaves its series in the monitoring system when it ends.
    #[arg(long, env = "NVSMI_METRICS_PROCESSES", global = true)]
    pub(crate) metrics_processes: bool,

    /// Limit the processes in /metrics to this many
    ///
    /// Those with the least memory are left out; nvsmi_agent_metrics_processes_left_out is their number.
    #[arg(long, env = "NVSMI_METRICS_PROCESSES_MAX", default_value = "1000", value_name = "NUMBER", global = true)]
    pub(crate) metrics_processes_max: usize,

    /// Add users to /metrics by name, with their GPU time, energy and memory
    ///
    /// The scopes read and metrics see them, summary never does: with it a scraper and everyone who reads its monitoring
    /// system learn who uses the GPUs, and when. Names of users leave this host and stay where the metrics are stored.
    /// Commands are not among them. Not together with --anonymous metrics. The series of a user stay until `usage forget`,
    /// and root in a container counts as a user with the container's name: containers with ever new names add series without limit.
    #[arg(long, env = "NVSMI_METRICS_USERS", global = true)]
    pub(crate) metrics_users: bool,

    /// Serve under dcgm-exporter's names the metrics that this file of its selects (its -f)
    ///
    /// `check` lists the ones that cannot be served.
    #[arg(long, env = "NVSMI_DCGM_COUNTERS", value_name = "FILE", value_parser = path, global = true)]
    pub(crate) dcgm_counters: Option<PathBuf>,

    /// Use this label for the host's name under dcgm-exporter's names
    ///
    /// dcgm-exporter itself uses hostname since 4.8.3, and Hostname before. Default: Hostname with the names dcgm, and
    /// hostname with dcgm4.9.
    #[arg(long, env = "NVSMI_DCGM_HOSTNAME_LABEL", value_name = "NAME", value_parser = label, global = true)]
    pub(crate) dcgm_hostname_label: Option<String>,

    /// Read the jobs of each GPU from this folder, for dcgm-exporter's label hpc_job
    ///
    /// The scheduler writes one file per GPU, named by its index (0), or per GPU instance (0.1), with one job per line.
    /// Without it, Slurm jobs are found by the processes' cgroups.
    #[arg(long, env = "NVSMI_DCGM_JOB_DIR", value_name = "FOLDER", value_parser = path, global = true)]
    pub(crate) dcgm_job_dir: Option<PathBuf>,

    /// Show usage with this price of a GPU-hour, such as 1.20EUR
    ///
    /// An amount with a point and the three capitals of the currency. It changes no number that is stored.
    #[arg(long, env = "NVSMI_PRICE_GPU_HOUR", value_name = "PRICE", global = true)]
    pub(crate) price_gpu_hour: Option<Price>,

    /// Keep this much history in steps of 1 s, or of the interval: from 1m to 2h
    #[arg(long, env = "NVSMI_HISTORY_FINE", default_value = "15m", value_name = "TIME", value_parser = fine, global = true)]
    pub(crate) history_fine: Duration,

    /// Keep this much history in steps of 10 s, or of the interval: from 1m to 7d
    #[arg(long, env = "NVSMI_HISTORY_COARSE", default_value = "24h", value_name = "TIME", value_parser = coarse, global = true)]
    pub(crate) history_coarse: Duration,

    /// Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none
    #[arg(long, env = "NVSMI_HISTORY_LONG", default_value = "30d", value_name = "TIME", value_parser = long, global = true)]
    pub(crate) history_long: Duration,

    /// Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]
    #[arg(long, env = "NVSMI_STATE_DIR", value_name = "FOLDER", global = true)]
    pub(crate) state_dir: Option<PathBuf>,

    /// Count the use of the GPUs with people's names, without them, or not at all
    ///
    /// people: by user, container, pod and job, with sessions and their commands. totals: without all of these. It is kept in
    /// usage.sqlite in the folder of --state-dir, or for one day in memory. Names that were stored before a change to totals
    /// are kept and no longer shown; `usage forget` removes them.
    #[arg(long, env = "NVSMI_USAGE", default_value = "people", value_name = "WHAT", global = true)]
    pub(crate) usage: UsageMode,

    /// Keep the use of the GPUs for this long, from 1d to 20y
    ///
    /// By hour; minutes are kept for 48 hours and sessions for at most 90 days.
    #[arg(long, env = "NVSMI_USAGE_RETENTION", default_value = "400d", value_name = "TIME", value_parser = retention, global = true)]
    pub(crate) usage_retention: Duration,

    /// Write the use of the GPUs to its file at this interval, for tests
    #[arg(long, env = "NVSMI_USAGE_FLUSH", default_value = "60s", value_parser = humantime::parse_duration, hide = true, global = true)]
    pub(crate) usage_flush: Duration,

    /// Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3
    ///
    /// Each is a name and the path of its agent behind the same proxy. An address such as https://gpu09.example/ becomes
    /// a link. The agent itself does not contact them.
    #[arg(
        long,
        env = "NVSMI_PEERS",
        default_value = "",
        value_name = "NAME=PATH,...",
        hide_default_value = true,
        global = true
    )]
    pub(crate) peers: Peers,

    /// Limit the clients of /api/v1/stream to this many; others must poll
    #[arg(long, env = "NVSMI_STREAM_CLIENTS", default_value = "1000", value_name = "NUMBER", global = true)]
    pub(crate) stream_clients: usize,

    /// Log to standard error at this level: error, warn, info or debug
    #[arg(long, env = "NVSMI_LOG", default_value = "info", value_name = "LEVEL", global = true)]
    pub(crate) log: tracing::Level,

    /// Use this folder of device files, for tests
    #[arg(long, env = "NVSMI_DEV_ROOT", default_value = "/dev", value_name = "FOLDER", hide = true, global = true)]
    pub(crate) dev_root: PathBuf,

    /// Use this root of the proc file system, for tests
    #[arg(long, env = "NVSMI_PROC_ROOT", default_value = "/proc", value_name = "FOLDER", hide = true, global = true)]
    pub(crate) proc_root: PathBuf,
}

/// Returns the path that an option names. An empty one counts as none, because a container's environment often has one.
pub(crate) fn given(path: Option<&PathBuf>) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty()).cloned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnonymousScope {
    None,
    Metrics,
    Summary,
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sleep {
    Auto,
    Never,
}

/// Extent of usage accounting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsageMode {
    People,
    Totals,
    Off,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Release the driver and all GPUs for a while
    ///
    /// A GPU cannot be reset, switched to MIG or lose its driver while a program has its device file open. This stops
    /// the running agent's collector, and returns when it has ended and nothing of the agent holds a GPU. The page stays
    /// up and says so. The agent reads again when the time is over, or after `resume`. Repeat it to set another time.
    /// Root and the agent's own user can use it. The exit status is 1 if the GPUs were not released.
    Release(ReleaseArgs),
    /// Read the GPUs again before the release is over
    Resume,
    /// Forget a GPU that was taken out or is missing
    ///
    /// The running agent reports a GPU that the driver no longer lists, also one that only an earlier run read (with
    /// --state-dir), because it may be broken. If it was removed, moved to another host or given to a virtual machine
    /// on purpose, this ends the report: the GPU leaves the lists, the health and the saved state. If the driver lists
    /// it again, it comes back. A GPU that the driver lists cannot be forgotten. Root and the agent's own user can use
    /// it. The exit status is 1 if no GPU was forgotten.
    Forget(ForgetArgs),
    /// Print the configuration and its problems
    ///
    /// Options that are not given are taken from the installed service's file, /etc/nvidia-smi-web-agent/agent.env, if
    /// this user can read it. The driver is tried unless a running agent reads or has released it. Problems come first,
    /// then warnings, then what was found, then the options that are not at their default.
    Check(CheckArgs),
    /// Check that the agent serves, or with --gpus the health of its GPUs
    ///
    /// A plugin for Nagios and compatible systems: everything is on standard output, the verdict in the first line.
    /// The exit status is 0 for ok, 1 for a warning, 2 for critical and 3 for unknown. It is unknown if the agent does
    /// not answer, or after a wrong option. The worst GPU decides: critical, then unknown, then warning. The agent is
    /// found, and the token sent, according to the agent's own options. Options that are not given are taken from the
    /// installed service's file, /etc/nvidia-smi-web-agent/agent.env, if this user can read it.
    Health(HealthArgs),
    /// Show who used which GPU, for how long and how busily
    ///
    /// Sums up the GPU-hours of each user: time for which it had GPUs, split equally where several had one. Busy is the part in
    /// which they worked, idle h the hours below 5 % of work. The rest of the time is free, unknown (it cannot be seen who had
    /// the GPU), unassigned (slices of a GPU in MIG mode in no instance) or unobserved (not read). Asks this host's agent, or
    /// another one (--url); the token is that of NVSMI_TOKEN, --send-token-file or the configuration file. The exit status is
    /// 1 if nobody used a GPU, 2 after a wrong option, and 3 if no agent answers. `usage export` copies the file of the
    /// accounting, and `usage forget` removes a person's name from it.
    Usage(UsageArgs),
    /// Say that GPUs of this host are yours for a while, visibly for all
    ///
    /// Nothing enforces a claim: it is shown on the page, in the API and in listings, and `find` skips claimed devices. It ends by
    /// itself. A process of another user on a claimed GPU is an event. A device that another user has claimed or computes on is
    /// refused, with the exit status 1 and the name; --force claims it although others compute there. The exit status is 2 after
    /// a wrong option, and 3 if no agent answers. There is no queue: a scheduler such as Slurm has one.
    Claim(ClaimArgs),
    /// End claims
    ///
    /// Without devices, ends all claims for a time of the user who runs it. Root may end any claim, by its device. The exit status
    /// is 1 if nothing was ended.
    Unclaim(UnclaimArgs),
    /// Record the driver's answers for a bug report
    ///
    /// Calls every function that the agent uses once, and writes its return code and values as a scenario that the
    /// simulated driver plays back: a capture attached to a bug report becomes a test. UUIDs, serial numbers and PIDs are
    /// replaced; users, commands and the host's name are not read. A running agent is not disturbed. The exit status is 1
    /// if a call did not return or crashed the library, which the capture then contains.
    Capture(CaptureArgs),
    /// Serve many hosts on one page, from their agents
    ///
    /// Needs no GPU. Shows all hosts of --hosts, finds free GPUs among them (/api/v1/find), and serves the page and API of each
    /// below /hosts/NAME/. With --agent-token-file viewers need a token too (TOKEN or --token-file), unless --anonymous is set.
    /// Options about GPUs are refused. Their variables are ignored with a line in the log, so that agents and hubs can share a
    /// file of variables.
    #[command(after_help = help::AFTER_HUB_HELP)]
    Hub(HubArgs),
}
