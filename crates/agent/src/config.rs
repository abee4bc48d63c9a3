//! Configuration of each part, from the command line.

use std::{
    io,
    path::{Path, PathBuf},
};

use collector::Settings;
use server::{Commands, DcgmCounters, DcgmSettings, MetricsSet, MetricsSettings, ServerConfig, Show, encoding_of_text};
use telemetry::{
    claims::Limits,
    history::Depth,
    usage::{KeptCommands, LedgerConfig},
};

use crate::{
    claims::ClaimSettings,
    cli::{AnonymousScope, Cli, Options, Sleep, UsageMode, given},
    exposure::{Exposure, TokenFile},
    logging::{self, AccessLog},
    regular, service,
    supervisor::Rules,
    usage::UsageSettings,
};

/// Configuration of each part.
#[derive(Debug)]
pub(crate) struct Config {
    /// Listeners and access.
    pub(crate) exposure: Exposure,
    pub(crate) server: ServerConfig,
    /// Maximum clients of the stream, if there are connections for them.
    pub(crate) stream_clients: usize,
    /// Display of command lines, and settings of metrics.
    pub(crate) show: Show,
    /// Users have series at `/metrics`.
    pub(crate) metrics_users: bool,
    pub(crate) collector: Settings,
    /// Rules by which snapshots are derived.
    pub(crate) rules: Rules,
    /// Depth of the history.
    pub(crate) depth: Depth,
    /// Folder that keeps the history over a restart.
    pub(crate) state_dir: Option<PathBuf>,
    /// Usage accounting; none if it is off.
    pub(crate) usage: Option<UsageSettings>,
    /// Socket for `release` and `resume`.
    pub(crate) control_socket: Option<PathBuf>,
    /// Claims; none if they are disabled, or there is no place for the socket.
    pub(crate) claims: Option<ClaimSettings>,
}

impl Config {
    /// # Errors
    /// An option requires another, or its file cannot be used.
    pub(crate) fn new(cli: &Cli) -> io::Result<Self> {
        let options = &cli.options;
        let exposure = Exposure::new(cli)?;
        Ok(Self {
            server: ServerConfig {
                url_prefix: options.url_prefix.clone(),
                peers: options.peers.clone(),
                token: exposure.own.clone(),
                tokens: exposure.file.as_ref().map(TokenFile::tokens),
                anonymous: exposure.anonymous,
                // Behind another program's port, as in a container, the agent cannot know that only this host reaches it;
                // naming hosts enables the check there.
                allowed_hosts: (exposure.is_local() || exposure.names_hosts).then(|| options.allowed_hosts.clone()),
                cors_origins: options.cors_origins.clone(),
                frame_ancestors: options.frame_ancestors.clone(),
                access_log: options.access_log != AccessLog::Off,
                price_gpu_hour: options.price_gpu_hour.clone(),
                ..ServerConfig::default()
            },
            exposure,
            stream_clients: options.stream_clients,
            show: show(options)?,
            metrics_users: metrics_users(options)?,
            collector: collector_settings(options),
            rules: Rules { idle_after: options.idle_after, container_count: options.count_containers },
            depth: Depth::new(options.interval, options.history_fine, options.history_coarse, options.history_long),
            state_dir: state_dir(options),
            usage: usage(options),
            control_socket: control_socket(cli),
            claims: claims(cli),
        })
    }
}

/// Settings of the collector, and of the child of a capture.
pub(crate) fn collector_settings(options: &Options) -> Settings {
    Settings {
        interval: options.interval,
        library: given(options.nvml_library.as_ref()),
        resolve_pids: options.resolve_pids,
        proc_root: options.proc_root.clone(),
        container_socket: given(options.container_socket.as_ref()),
        kubelet_socket: given(options.kubelet_socket.as_ref()),
        kubelet_period: options.kubelet_period,
        hostname: options.hostname.clone().filter(|name| !name.is_empty()),
        job_dir: given(options.dcgm_job_dir.as_ref()),
        runtime_directory: runtime_directory(),
        lock: None,
        sleep_after: (options.sleep == Sleep::Auto).then_some(options.sleep_after),
        sys_root: options.sys_root.clone(),
        log: options.log,
        log_time: logging::has_time(),
        call_table: None,
        excluded: Vec::new(),
        library_seen: None,
        await_driver: false,
        suspended: Vec::new(),
    }
}

fn show(options: &Options) -> io::Result<Show> {
    let counters = given(options.dcgm_counters.as_ref()).as_deref().map(counters).transpose()?.unwrap_or_default();
    if options.metrics_set == MetricsSet::Fleet && !options.metrics_names.is_native() {
        return Err(io::Error::other(
            "--metrics-set fleet has native names only: leave out --metrics-names, or choose the set standard",
        ));
    }
    let hostname_label = options.dcgm_hostname_label.clone().filter(|label| !label.is_empty());
    let metrics = MetricsSettings {
        names: options.metrics_names,
        set: options.metrics_set,
        processes: options.metrics_processes.then_some(options.metrics_processes_max),
        users: None,
        dcgm: DcgmSettings { counters, hostname_label },
    };
    Ok(Show { interval: options.interval, commands: options.commands, metrics })
}

/// True if users have series, which everyone must not see who finds the port.
fn metrics_users(options: &Options) -> io::Result<bool> {
    if options.metrics_users && options.anonymous == Some(AnonymousScope::Metrics) {
        return Err(io::Error::other(
            "--metrics-users names people at /metrics, and --anonymous metrics opens it to everyone: give the scraper a token of \
             the scope metrics (--token-file), or leave out one of the two",
        ));
    }
    if options.metrics_users && options.usage != UsageMode::People {
        return Err(io::Error::other(
            "--metrics-users needs users, and --usage totals or off keeps none: set --usage people, or leave out --metrics-users",
        ));
    }
    Ok(options.metrics_users)
}

/// Maximum size of a counters file in bytes; dcgm-exporter's own has 10 kB.
const MAX_COUNTERS: u64 = 4 << 20;

/// Reads a counters file of dcgm-exporter.
fn counters(path: &Path) -> io::Result<DcgmCounters> {
    let shown = path.display();
    let bytes = regular::read(path, MAX_COUNTERS)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot read --dcgm-counters {shown}: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let why = encoding_of_text::problem(error.as_bytes()).unwrap_or("the file is not UTF-8; save it as UTF-8");
        io::Error::other(format!("--dcgm-counters {shown}: {why}"))
    })?;
    DcgmCounters::parse(&text).map_err(|error| io::Error::other(format!("--dcgm-counters {shown}, {error}")))
}

fn usage(options: &Options) -> Option<UsageSettings> {
    let people = match options.usage {
        UsageMode::People => true,
        UsageMode::Totals => false,
        UsageMode::Off => return None,
    };
    let commands = match options.commands {
        Some(Commands::Hidden) => KeptCommands::Nothing,
        Some(Commands::Name) => KeptCommands::Program,
        Some(Commands::Full | Commands::Masked) | None => KeptCommands::Line,
    };
    Some(UsageSettings {
        people,
        retention: options.usage_retention,
        interval: options.usage_flush,
        ledger: LedgerConfig { people, commands, interval: options.interval },
    })
}

/// Folder of the option, else systemd's, else none.
pub(crate) fn state_dir(options: &Options) -> Option<PathBuf> {
    given(options.state_dir.as_ref()).or_else(|| first_folder("STATE_DIRECTORY"))
}

/// Name of the control socket in the runtime directory.
const CONTROL_SOCKET: &str = "control.sock";

/// Control socket of the option, else in the runtime directory, else none.
fn control_socket(cli: &Cli) -> Option<PathBuf> {
    given(cli.options.control_socket.as_ref()).or_else(|| runtime_directory().map(|folder| folder.join(CONTROL_SOCKET)))
}

/// Name of the socket of claims in the runtime directory.
const CLAIMS_SOCKET: &str = "claims.sock";

/// Socket of claims by the option, else in the runtime directory, else none.
fn claims_socket(cli: &Cli) -> Option<PathBuf> {
    given(cli.options.claims_socket.as_ref()).or_else(|| runtime_directory().map(|folder| folder.join(CLAIMS_SOCKET)))
}

/// Socket of claims that a command connects to; that of the service without another.
pub(crate) fn client_claims_socket(cli: &Cli) -> PathBuf {
    claims_socket(cli).unwrap_or_else(|| service::folder().join(CLAIMS_SOCKET))
}

fn claims(cli: &Cli) -> Option<ClaimSettings> {
    let options = &cli.options;
    let socket = claims_socket(cli).filter(|_| options.claims)?;
    let limits = Limits { longest: options.claim_max, gpus: options.claim_gpus };
    Some(ClaimSettings { socket, limits })
}

/// Control socket that a command connects to. An administrator's shell does not have the service's variables, so the
/// default is the service's socket.
pub(crate) fn client_control_socket(cli: &Cli) -> PathBuf {
    control_socket(cli).unwrap_or_else(|| service::folder().join(CONTROL_SOCKET))
}

/// First of systemd's runtime directories, where the collector holds its lock.
pub(crate) fn runtime_directory() -> Option<PathBuf> {
    first_folder("RUNTIME_DIRECTORY")
}

/// First folder that systemd names in a variable.
fn first_folder(variable: &str) -> Option<PathBuf> {
    let folders = std::env::var_os(variable)?;
    std::env::split_paths(&folders).next().filter(|folder| !folder.as_os_str().is_empty())
}
