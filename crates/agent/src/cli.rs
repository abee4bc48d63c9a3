//! Flags, variables and their help: one declaration each.

#[cfg(test)]
mod pages;
mod value;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{
    ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, error::ErrorKind,
    parser::ValueSource,
};
use server::{HostName, Names, Peers, Prefix, WebOrigin};

use crate::{bind::Binds, dotenv::DotEnv, service::Service};
use value::{coarse, fine, interval, label, length, names, path, port, socket};

/// Tells, live and honestly, what every NVIDIA GPU on this host and every process on it is doing.
///
/// Started without a command it serves GET /count and GET /status over HTTP. Each option can be given as a flag or as
/// the variable named with it; the flag wins. PORT, URL_PREFIX and TOKEN may also stand in a file .env in the working
/// directory, where variables of the environment win.
#[derive(Debug, Parser)]
#[command(name = "nvidia-smi-web-agent", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// TOKEN, which has no flag.
    #[arg(skip)]
    pub(crate) token: Option<OsString>,
    /// What each option is and where it comes from, for `check`.
    #[arg(skip)]
    pub(crate) settings: Vec<Setting>,
    /// What is known of the installed service, if the command is about it.
    #[arg(skip)]
    pub(crate) service: Service,
}

/// One option as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) source: String,
}

const AFTER_HELP: &str = "\
The token:
  TOKEN=...  What clients must send in the Authorization header, alone or after 'Bearer '. Only a variable or a line in
             .env: flags can be read by everyone on the host. Empty or unset: the API is open to everyone who can
             reach it.

Examples:
  nvidia-smi-web-agent                         serve on port 8000
  PORT=9000 TOKEN=secret nvidia-smi-web-agent  as the original agent is configured
  nvidia-smi-web-agent check                   show what is configured, and what is wrong with it
  nvidia-smi-web-agent health --gpus           how every GPU is, for cron and Slurm
  nvidia-smi-web-agent capture --output bug.toml  write down what the driver answers, for a bug report
  nvidia-smi-web-agent release --for 10m       have the service let the GPUs go, to reset one or to change the driver
  curl localhost:8000/status?idx=0             the first GPU and its processes";

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The port to listen on
    #[arg(long, env = "PORT", default_value = "8000", value_parser = port, global = true)]
    pub(crate) port: u16,

    /// Where to listen: addresses, with a port of their own or the one above (127.0.0.1, [::1]:9000), and sockets
    /// (unix:/run/gpu.sock,mode=0660), several with commas or by saying it again
    #[arg(long, env = "NVSMI_BIND", default_value = "0.0.0.0", value_name = "PLACES", global = true)]
    pub(crate) bind: Vec<Binds>,

    /// The path that everything lives under, such as /server1 or a/b
    #[arg(long, env = "URL_PREFIX", default_value = "", value_name = "PATH", hide_default_value = true, global = true)]
    pub(crate) url_prefix: Prefix,

    /// The certificate to speak HTTPS with, and after it those that lead to an authority, in PEM. It is read again when
    /// it changes
    #[arg(long, env = "NVSMI_TLS_CERT", value_name = "FILE", global = true)]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key, in PEM
    #[arg(long, env = "NVSMI_TLS_KEY", value_name = "FILE", global = true)]
    pub(crate) tls_key: Option<PathBuf>,

    /// Let in only who has a certificate of one of these authorities, in PEM
    #[arg(long, env = "NVSMI_TLS_CLIENT_CA", value_name = "FILE", global = true)]
    pub(crate) tls_client_ca: Option<PathBuf>,

    /// Further tokens: a line is a name, a scope (read: everything; summary: nothing of people; metrics: /metrics alone)
    /// and a token. It is read again when it changes
    #[arg(long, env = "NVSMI_TOKEN_FILE", value_name = "FILE", global = true)]
    pub(crate) token_file: Option<PathBuf>,

    /// What is seen without a token [default: none where there is one, else read]
    #[arg(long, env = "NVSMI_ANONYMOUS", value_name = "SCOPE", global = true)]
    pub(crate) anonymous: Option<Anonymous>,

    /// Origins whose pages may read answers (CORS), such as https://board.example.org, with commas
    #[arg(long, env = "NVSMI_CORS_ORIGINS", value_name = "LIST", value_delimiter = ',', global = true)]
    pub(crate) cors_origins: Vec<WebOrigin>,

    /// By which names this host may be asked where it wants no token, beside localhost and addresses, with commas. Not
    /// given, any name will do, unless it listens for this host alone
    #[arg(long, env = "NVSMI_ALLOWED_HOSTS", value_name = "LIST", value_delimiter = ',', global = true)]
    pub(crate) allowed_hosts: Vec<HostName>,

    /// A line for each request on standard error, without secrets
    #[arg(long, env = "NVSMI_ACCESS_LOG", default_value = "off", value_name = "FORM", global = true)]
    pub(crate) access_log: AccessLog,

    /// How often the GPUs are read: from 100ms to 60s
    #[arg(long, env = "NVSMI_INTERVAL", default_value = "1s", value_name = "TIME", value_parser = interval, global = true)]
    pub(crate) interval: Duration,

    /// The driver library to load, instead of looking for libnvidia-ml.so.1
    #[arg(long, env = "NVSMI_NVML_LIBRARY", value_name = "FILE", global = true)]
    pub(crate) nvml_library: Option<PathBuf>,

    /// After how long without work a GPU whose memory is held counts as held and no longer as busy
    #[arg(long, env = "NVSMI_IDLE_AFTER", default_value = "15m", value_name = "TIME", value_parser = humantime::parse_duration, global = true)]
    pub(crate) idle_after: Duration,

    /// Let idle GPUs be suspended where runtime power management is on for all of them (auto), or not (never)
    #[arg(long, env = "NVSMI_SLEEP", default_value = "auto", value_name = "WHEN", global = true)]
    pub(crate) sleep: Sleep,

    /// After how long without a process GPUs are let go, for tests
    #[arg(long, env = "NVSMI_SLEEP_AFTER", default_value = "60s", value_parser = humantime::parse_duration, hide = true, global = true)]
    pub(crate) sleep_after: Duration,

    /// The root of sysfs, for tests
    #[arg(long, env = "NVSMI_SYS_ROOT", default_value = "/sys", value_name = "FOLDER", hide = true, global = true)]
    pub(crate) sys_root: PathBuf,

    /// Show users and commands although this is not the host's PID namespace
    #[arg(long, env = "NVSMI_RESOLVE_PIDS", global = true)]
    pub(crate) resolve_pids: bool,

    /// The socket on which the agent hears `release` and `resume` [default: control.sock in $RUNTIME_DIRECTORY; the
    /// commands also look in /run/nvidia-smi-web-agent]
    #[arg(long, env = "NVSMI_CONTROL_SOCKET", value_name = "FILE", global = true)]
    pub(crate) control_socket: Option<PathBuf>,

    /// Ask Docker or Podman for the names of containers, at this socket (usually /run/docker.sock or
    /// /run/podman/podman.sock). Whoever can open it has root's power over this host, and so has the agent then, though it
    /// never sends anything but GET. Without it containers are shown by their id
    #[arg(long, env = "NVSMI_CONTAINER_SOCKET", value_name = "PATH", value_parser = socket, global = true)]
    pub(crate) container_socket: Option<PathBuf>,

    /// Ask the kubelet which pods have which GPUs, at this socket (usually
    /// /var/lib/kubelet/pod-resources/kubelet.sock). It tells and takes no orders. With it a GPU that was given to a pod is
    /// not free, and pods are shown by their names
    #[arg(long, env = "NVSMI_KUBELET_SOCKET", value_name = "PATH", value_parser = socket, global = true)]
    pub(crate) kubelet_socket: Option<PathBuf>,

    /// How often the kubelet is asked, for tests
    #[arg(long, env = "NVSMI_KUBELET_PERIOD", default_value = "10s", value_parser = humantime::parse_duration, hide = true, global = true)]
    pub(crate) kubelet_period: Duration,

    /// What is shown of command lines: full; masked, without what is obviously a secret; name, of the program alone;
    /// or hidden. Where this is not given, /api/v1 shows them masked, and /status in full, as the original agent does
    #[arg(long, env = "NVSMI_COMMANDS", value_name = "HOW", global = true)]
    pub(crate) commands: Option<Commands>,

    /// Under which names GPUs are served at /metrics: native, dcgm (those of dcgm-exporter, for dashboards and alerts that
    /// were written for it), or both with a comma. A scrape may ask for others with ?names=
    #[arg(long, env = "NVSMI_METRICS_NAMES", default_value = "native", value_name = "LIST", value_parser = names, global = true)]
    pub(crate) metrics_names: Names,

    /// Serve the processes on the GPUs at /metrics too, with their users and names. Each leaves its series behind in the
    /// monitoring system when it ends
    #[arg(long, env = "NVSMI_METRICS_PROCESSES", global = true)]
    pub(crate) metrics_processes: bool,

    /// How many processes may have series; those with the least memory have none, and
    /// nvsmi_agent_metrics_processes_left_out says how many
    #[arg(long, env = "NVSMI_METRICS_PROCESSES_MAX", default_value = "1000", value_name = "NUMBER", global = true)]
    pub(crate) metrics_processes_max: usize,

    /// dcgm-exporter's own file of counters (its -f), which chooses what is served under its names. `check` lists what of
    /// it cannot be
    #[arg(long, env = "NVSMI_DCGM_COUNTERS", value_name = "FILE", value_parser = path, global = true)]
    pub(crate) dcgm_counters: Option<PathBuf>,

    /// The label that bears the host's name under dcgm-exporter's names: it was Hostname until 4.8.3 made it hostname
    #[arg(long, env = "NVSMI_DCGM_HOSTNAME_LABEL", default_value = "Hostname", value_name = "NAME", value_parser = label, global = true)]
    pub(crate) dcgm_hostname_label: String,

    /// The folder in which a scheduler says which jobs are on which GPU, for the label hpc_job of DCGM's names: a file
    /// per GPU, named by its index, with a job per line. Without it jobs are Slurm's, by the processes' cgroups
    #[arg(long, env = "NVSMI_DCGM_JOB_DIR", value_name = "FOLDER", value_parser = path, global = true)]
    pub(crate) dcgm_job_dir: Option<PathBuf>,

    /// For how long the history is kept in fine steps of 1 s, or of the interval: from 1m to 2h
    #[arg(long, env = "NVSMI_HISTORY_FINE", default_value = "15m", value_name = "TIME", value_parser = fine, global = true)]
    pub(crate) history_fine: Duration,

    /// For how long the history is kept in coarse steps of 10 s, or of the interval: from 1m to 7d
    #[arg(long, env = "NVSMI_HISTORY_COARSE", default_value = "24h", value_name = "TIME", value_parser = coarse, global = true)]
    pub(crate) history_coarse: Duration,

    /// Where the history, events and the use of GPUs are kept over a restart [default: $STATE_DIRECTORY, else nowhere]
    #[arg(long, env = "NVSMI_STATE_DIR", value_name = "FOLDER", global = true)]
    pub(crate) state_dir: Option<PathBuf>,

    /// Other hosts that the page shows over its overview, such as gpu02=/server2,gpu03=/server3: a name and the path at
    /// which their agents are seen at this one's address, as behind one proxy. An address such as
    /// https://gpu09.example/ is shown as a link. The agent itself asks none of them
    #[arg(
        long,
        env = "NVSMI_PEERS",
        default_value = "",
        value_name = "NAME=PATH,...",
        hide_default_value = true,
        global = true
    )]
    pub(crate) peers: Peers,

    /// How many may read /api/v1/stream at once; further ones are told to poll
    #[arg(long, env = "NVSMI_STREAM_CLIENTS", default_value = "1000", value_name = "NUMBER", global = true)]
    pub(crate) stream_clients: usize,

    /// What is logged to standard error: error, warn, info or debug
    #[arg(long, env = "NVSMI_LOG", default_value = "info", value_name = "LEVEL", global = true)]
    pub(crate) log: tracing::Level,

    /// Where the driver's devices are, for tests
    #[arg(long, env = "NVSMI_DEV_ROOT", default_value = "/dev", value_name = "FOLDER", hide = true, global = true)]
    pub(crate) dev_root: PathBuf,

    /// The root of the proc file system, for tests
    #[arg(long, env = "NVSMI_PROC_ROOT", default_value = "/proc", value_name = "FOLDER", hide = true, global = true)]
    pub(crate) proc_root: PathBuf,
}

/// The path that an option names. An empty one counts as none, since a container's environment often has one.
pub(crate) fn given(path: Option<&PathBuf>) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty()).cloned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Anonymous {
    None,
    Metrics,
    Summary,
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessLog {
    Off,
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sleep {
    Auto,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Commands {
    Full,
    Masked,
    Name,
    Hidden,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Have the running agent let the driver and all GPUs go for a while, and serve on
    ///
    /// An open device file is in the way of resetting a GPU, of switching MIG and of unloading the driver. This ends
    /// the agent's collector and answers when it has ended, so that nothing of the agent holds a GPU any more. The
    /// page stays up and says so. Reading begins again by itself when the time is over, or with `resume`. Said again,
    /// it sets the new time. Root and the agent's own user may. The status is 1 if it was not done.
    Release(ReleaseFor),
    /// Have the running agent read the GPUs again, before its release is over
    Resume,
    /// Print the effective configuration and say what is wrong with it
    ///
    /// What is not given is taken from the installed service's file, /etc/nvidia-smi-web-agent/agent.env, by those who may
    /// read it. The driver is tried unless an agent runs that reads it or has let it go.
    Check,
    /// Ask the running agent whether it serves, or with --gpus how every GPU is
    ///
    /// The status is 0 for ok, 1 for a warning, 2 for critical and 3 for unknown. An agent that does not answer is
    /// unknown, and so is a wrong option. Of several GPUs the worst counts: critical, then unknown, then a warning. The
    /// address, the prefix and the token are those of an agent that is started with the same options. What is not given
    /// is taken from the installed service's file, /etc/nvidia-smi-web-agent/agent.env, by those who may read it.
    Health(Health),
    /// Write down what the driver answers, for a bug report
    ///
    /// Every function that the agent reads with is called once, and its return code and what it wrote are kept as a
    /// scenario that the simulated driver plays: a capture attached to a bug report is a test. UUIDs, serial numbers
    /// and PIDs are replaced; users, commands and the host's name are not read at all. A running agent may go on. The
    /// status is 1 if a call did not come back or brought the library down, which the capture then says.
    Capture(CaptureTo),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CaptureTo {
    /// The file to write, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// How long the driver may take; what has come by then is written
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ReleaseFor {
    /// For how long: from 1s to 24h
    #[arg(long = "for", default_value = "10m", value_name = "TIME", value_parser = length)]
    pub(crate) length: Duration,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Health {
    /// Print a line for each GPU, for cron and Slurm
    #[arg(long)]
    pub(crate) gpus: bool,
}

/// Why there is nothing to run.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Help or version, as asked for.
    Asked(String),
    /// One line that names what is wrong.
    Wrong(String),
}

/// Reads flags, variables and `.env`.
pub(crate) fn parse() -> Result<Cli, Stop> {
    let dotenv = DotEnv::read(".env".as_ref()).map_err(Stop::Wrong)?;
    let of_service = (asks_health() || is_named("check")) && dotenv == DotEnv::default();
    let service = if of_service { Service::read() } else { Service::default() };
    parse_from(std::env::args_os(), dotenv, service, std::env::var_os("TOKEN"))
}

/// Whether this is the command `health`, as far as that can be told of arguments that may be wrong.
pub(crate) fn asks_health() -> bool {
    is_named("health")
}

fn is_named(command: &str) -> bool {
    std::env::args_os().skip(1).any(|argument| argument == command)
}

fn parse_from(
    arguments: impl IntoIterator<Item = OsString>,
    dotenv: DotEnv,
    service: Service,
    token: Option<OsString>,
) -> Result<Cli, Stop> {
    let mut command = Cli::command().mut_args(|argument| {
        let told = argument.get_env().and_then(|name| service.variables.get(name.to_str()?)).cloned();
        match told {
            Some(value) if argument.get_action().takes_values() => argument.default_value(value),
            _ => argument,
        }
    });
    for (id, value) in [("port", &dotenv.port), ("url_prefix", &dotenv.url_prefix)] {
        if let Some(value) = value.clone() {
            command = command.mut_arg(id, |argument| argument.default_value(value));
        }
    }
    let matches = command.try_get_matches_from(arguments).map_err(|error| stop(&error))?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| stop(&error))?;
    cli.settings = settings(&matches, &dotenv, &service);
    let told = service.variables.get("TOKEN").map(OsString::from);
    let (token, source) = match (token, dotenv.token, told) {
        (Some(token), ..) => (Some(token), "variable TOKEN".into()),
        (None, Some(token), _) => (Some(token.into()), ".env".into()),
        (None, None, token) => (token, service.source()),
    };
    cli.service = service;
    cli.token = token.filter(|token| !token.is_empty());
    cli.settings.push(match &cli.token {
        Some(_) => Setting { name: "token".into(), value: "(set)".into(), source },
        None => Setting { name: "token".into(), value: "(none)".into(), source: "default".into() },
    });
    Ok(cli)
}

/// Every option that help tells of, with its value as it was given.
fn settings(matches: &ArgMatches, dotenv: &DotEnv, service: &Service) -> Vec<Setting> {
    let command = Cli::command();
    let told = command.get_arguments().filter(|argument| argument.get_env().is_some() && !argument.is_hide_set());
    told.map(|argument| {
        let id = argument.get_id().as_str();
        let from_file = (id == "port" && dotenv.port.is_some()) || (id == "url_prefix" && dotenv.url_prefix.is_some());
        let variable = argument.get_env().unwrap_or_default().display();
        let raw: Vec<_> = matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy()).collect();
        let value = match raw.as_slice() {
            [] => "(none)".into(),
            [value] if value.is_empty() => "(empty)".into(),
            several => several.join(","),
        };
        let source = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => "flag".into(),
            Some(ValueSource::EnvVariable) => format!("variable {variable}"),
            _ if from_file => ".env".into(),
            _ if service.variables.contains_key(&*variable.to_string()) => service.source(),
            _ => "default".into(),
        };
        Setting { name: argument.get_long().unwrap_or(id).into(), value, source }
    })
    .collect()
}

/// Clap's message in one line, without what does not help.
fn stop(error: &clap::Error) -> Stop {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Stop::Asked(text);
    }
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let told: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("For more")).collect();
    let message = told.join("; ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    Stop::Wrong(format!("{message}{}; see --help", variable_named_in(message)))
}

/// The variable by which an option may have been set that a message names, since clap names the flag alone.
fn variable_named_in(message: &str) -> String {
    let command = Cli::command();
    let named = command
        .get_arguments()
        .find(|argument| argument.get_long().is_some_and(|long| message.contains(&format!("'--{long}"))));
    named
        .and_then(|argument| argument.get_env())
        .map(|variable| format!(" (the flag, the variable {} or .env)", variable.to_string_lossy()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn parsed(arguments: &[&str], dotenv: DotEnv) -> Result<Cli, Stop> {
        let arguments = ["agent"].iter().chain(arguments).map(OsString::from);
        parse_from(arguments, dotenv, Service::default(), None)
    }

    fn wrong(arguments: &[&str]) -> String {
        match parsed(arguments, DotEnv::default()) {
            Err(Stop::Wrong(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn clap_declaration_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn option_invalid_is_one_line_with_remedy() {
        for (arguments, expected) in [
            (&["--port", "70000"][..], &["70000", "--port", "PORT", "1 to 65535"][..]),
            (&["--port", "0"], &["'0'", "1 to 65535"]),
            (&["--interval", "0"], &["'0'", "NVSMI_INTERVAL", "100ms to 60s"]),
            (&["--interval", "61s"], &["61s"]),
            (&["--bind", "localhost"], &["localhost", "127.0.0.1"]),
            (&["--url-prefix", "a b"], &["a b", "URL_PREFIX"]),
            (&["--peers", "gpu02"], &["gpu02", "--peers", "NVSMI_PEERS", "NAME=PATH"]),
            (&["--prot", "1"], &["--prot", "--port"]),
            (&["--metrics-names", "prometheus"], &["prometheus", "native", "dcgm", "NVSMI_METRICS_NAMES"]),
            (&["--metrics-processes-max", "-1"], &["-1"]),
            (&["--dcgm-hostname-label", "host-name"], &["host-name", "letters"]),
            (&["--dcgm-hostname-label", "gpu"], &["'gpu'", "other label"]),
            (&["chekc"], &["chekc", "check"]),
            (
                &["--container-socket", "tcp://localhost:2375"],
                &["tcp://localhost:2375", "NVSMI_CONTAINER_SOCKET", "path"],
            ),
            (&["--kubelet-socket", "https://x"], &["https://x", "NVSMI_KUBELET_SOCKET", "path"]),
            (&["release", "--for", "25h"], &["25h", "--for", "1s to 24h"]),
            (&["release", "--for", "0s"], &["0s", "1s to 24h"]),
            (&["release", "10m"], &["10m"]),
            (&["resume", "--for", "10m"], &["--for"]),
        ] {
            let message = wrong(arguments);
            assert!(!message.contains('\n'), "{message}");
            for part in expected {
                assert!(message.contains(part), "{message:?} lacks {part:?}");
            }
        }
    }

    #[test]
    fn flag_overrides_dotenv() {
        let file = DotEnv { port: Some("9000".into()), url_prefix: Some("/x/".into()), token: Some("t".into()) };
        let cli = parsed(&[], file.clone()).unwrap();
        assert_eq!((cli.options.port, cli.options.url_prefix.as_str()), (9000, "/x"));
        assert_eq!(cli.token, Some("t".into()));
        let source = |name: &str| cli.settings.iter().find(|setting| setting.name == name).unwrap().source.clone();
        assert_eq!([source("port"), source("token"), source("bind")], [".env", ".env", "default"]);
        assert!(!format!("{:?}", cli.settings).contains("\"t\""), "the token is masked");
        assert_eq!(parsed(&["--port", "9001"], file).unwrap().options.port, 9001);
        let broken = DotEnv { port: Some("x".into()), ..DotEnv::default() };
        assert!(matches!(parsed(&[], broken), Err(Stop::Wrong(message)) if message.contains(".env")));
    }

    #[test]
    fn service_settings_have_lowest_precedence() {
        let service = [("PORT", "9000"), ("NVSMI_BIND", "127.0.0.2"), ("URL_PREFIX", "/x"), ("TOKEN", "t")];
        let variables: HashMap<_, _> = service.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let parsed = |arguments: &[&str], token: Option<&str>| {
            let arguments = ["agent", "health"].iter().chain(arguments).map(OsString::from);
            let service = Service { variables: variables.clone(), file: Some("/etc/agent.env".into()), closed: None };
            parse_from(arguments, DotEnv::default(), service, token.map(OsString::from)).unwrap()
        };
        let cli = parsed(&[], None);
        assert_eq!((cli.options.port, cli.options.url_prefix.as_str()), (9000, "/x"));
        assert_eq!((cli.options.bind, cli.token), (vec!["127.0.0.2".parse().unwrap()], Some("t".into())));
        let source = |name: &str| cli.settings.iter().find(|setting| setting.name == name).unwrap().source.clone();
        assert_eq!(["port", "token", "interval"].map(source), ["/etc/agent.env", "/etc/agent.env", "default"]);
        let cli = parsed(&["--port", "81"], Some("mine"));
        assert_eq!((cli.options.port, cli.token), (81, Some("mine".into())));
        assert_eq!(parsed(&[], Some("")).token, None, "an empty one is given too");
    }

    #[test]
    fn commands_option_is_optional() {
        assert_eq!(parsed(&[], DotEnv::default()).unwrap().options.commands, None);
        let told = parsed(&["--commands", "masked"], DotEnv::default()).unwrap().options.commands;
        assert_eq!(told, Some(Commands::Masked));
        let message = wrong(&["--commands", "some"]);
        assert!(
            message.contains("'some'") && message.contains("masked") && message.contains("NVSMI_COMMANDS"),
            "{message}"
        );
    }

    #[test]
    fn socket_option_is_path_or_none() {
        let of = |value: &str| {
            let options =
                parsed(&["--container-socket", value, "--kubelet-socket", value], DotEnv::default()).unwrap().options;
            (options.container_socket.unwrap(), options.kubelet_socket.unwrap())
        };
        for value in ["/run/docker.sock", "unix:///run/docker.sock"] {
            assert_eq!(of(value), ("/run/docker.sock".into(), "/run/docker.sock".into()));
        }
        assert_eq!(of(""), (PathBuf::new(), PathBuf::new()), "an empty variable is none");
        assert_eq!(parsed(&[], DotEnv::default()).unwrap().options.container_socket, None);
        let Err(Stop::Asked(help)) = parsed(&["--help"], DotEnv::default()) else { panic!("no help") };
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("Whoever can open it has root's power over this host"), "{help}");
    }

    #[test]
    fn empty_value_is_unset() {
        let options = parsed(&["--metrics-names=", "--dcgm-hostname-label="], DotEnv::default()).unwrap().options;
        assert_eq!((options.metrics_names, options.dcgm_hostname_label.as_str()), (Names::NATIVE, "Hostname"));
    }

    #[test]
    fn flags_accepted_after_subcommand() {
        assert_eq!(parsed(&["check", "--port", "81"], DotEnv::default()).unwrap().options.port, 81);
    }

    #[test]
    fn release_lasts_ten_minutes_by_default() {
        let length = |arguments: &[&str]| match parsed(arguments, DotEnv::default()).unwrap().command {
            Some(Command::Release(release)) => release.length.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!([length(&["release"]), length(&["release", "--for", "1h 30m"])], [600, 5400]);
    }

    #[test]
    fn help_lists_every_variable() {
        let Err(Stop::Asked(help)) = parsed(&["--help"], DotEnv::default()) else { panic!("no help") };
        for variable in ["PORT", "URL_PREFIX", "TOKEN", "NVSMI_BIND", "NVSMI_INTERVAL", "NVSMI_NVML_LIBRARY"] {
            assert!(help.contains(variable), "{variable}");
        }
    }
}
