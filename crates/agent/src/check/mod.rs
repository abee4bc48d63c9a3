//! `check`: prints the configuration without secrets, and its problems.

mod rights;
mod running;

use std::{collections::HashSet, io, path::Path, process::ExitCode, sync::Arc, time::Duration};

use server::Publisher;
use telemetry::{
    Stamp,
    history::Depth,
    snapshot::{CollectorState, GpuState, Snapshot},
};

use crate::{
    cli::{CheckArgs, Cli, Setting, given},
    config::Config,
    control,
    exposure::{self, Exposure},
    say,
    state::{self, NewestState},
    supervisor::{SharedClaims, Supervisor},
    usage,
};
use running::RunningAgent;

/// Timeout of the driver, which takes seconds to initialize if nothing keeps it loaded.
const DRIVER_TIMEOUT: Duration = Duration::from_secs(15);

/// Exit status if a problem prevents the agent from working.
const EXIT_PROBLEM: u8 = 1;

/// Results, in the order in which they are printed.
#[derive(Default)]
struct Findings {
    problems: Vec<String>,
    warnings: Vec<String>,
    facts: Vec<String>,
}

/// Prints the configuration and tries it.
pub(crate) fn run(cli: &Cli, arguments: CheckArgs) -> io::Result<ExitCode> {
    let config = Config::new(cli)?;
    let found = findings(cli, &config)?;
    // The collector's own notes can repeat a check.
    let mut printed = HashSet::new();
    let problems = found.problems.iter().map(|problem| ("problem", problem));
    let warnings = found.warnings.iter().map(|warning| ("warning", warning));
    for (kind, text) in problems.chain(warnings).filter(|(_, text)| printed.insert(text.as_str())) {
        say::line(&format!("{kind:<22} {text}"))?;
    }
    if printed.is_empty() {
        say::line(&format!("{:<22} none", "problems"))?;
    }
    say::out("\n")?;
    for fact in &found.facts {
        say::line(fact)?;
    }
    say::out("\n")?;
    let shown = |setting: &&Setting| arguments.all || !setting.is_default();
    for Setting { name, value, source } in cli.settings.iter().filter(shown) {
        say::line(&format!("{name:<22} {value:<28} {source}"))?;
    }
    let hidden = cli.settings.iter().filter(|setting| !shown(setting)).count();
    if hidden > 0 {
        say::line(&format!("{:<22} {hidden} options; --all lists them", "at their default"))?;
    }
    Ok(if found.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_PROBLEM) })
}

fn findings(cli: &Cli, config: &Config) -> io::Result<Findings> {
    let mut found = Findings::default();
    let running = RunningAgent::find(cli);
    for bind in &config.exposure.binds {
        match bind.listen(&config.exposure.binds, &config.exposure.given_by) {
            Ok(_) => found.facts.push(format!("listening              {bind} is free")),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && running.serves() => {
                found.facts.push(format!("listening              {bind} is in use by the running agent"));
            }
            Err(error) => found.problems.push(error.to_string()),
        }
    }
    found.facts.extend(access(&config.exposure));
    found.facts.push(format!("account                {}", rights::account()));
    // Not while another agent reads it or has released it.
    let snapshot = if running.uses_driver() { None } else { driver(config)? };
    let driver = match (running.driver(), snapshot.as_deref()) {
        (Some(outcome), _) => outcome,
        (None, Some(snapshot)) => judge(snapshot),
        (None, None) => Err(format!("the driver did not answer within {} s", DRIVER_TIMEOUT.as_secs())),
    };
    match driver {
        Ok(summary) => found.facts.push(format!("driver                 {summary}")),
        Err(problem) => found.problems.push(problem),
    }
    found.warnings.extend(cli.service.unreadable.iter().map(|file| unreadable_settings(file)));
    found.warnings.extend(exposure::warnings(&config.exposure));
    found.warnings.extend(rights::missing(&cli.options.dev_root, &cli.options.proc_root, snapshot.as_deref()));
    resources(cli, config, snapshot.as_deref(), &mut found);
    counters(cli, config, &mut found);
    let names = config.metrics_users.then_some("the scopes read and metrics see names of users at /metrics");
    found.facts.extend(names.map(|fact| format!("metrics users          {fact}")));
    Ok(found)
}

/// Warns that the service's settings are unknown.
fn unreadable_settings(file: &Path) -> String {
    format!(
        "this account cannot read the installed service's settings in {}: this output is about the options given, not the \
         service; run this as root",
        file.display()
    )
}

/// Tries the configured sockets and folders.
fn resources(cli: &Cli, config: &Config, snapshot: Option<&Snapshot>, found: &mut Findings) {
    // systemd gives its variables to the service, not to a shell.
    let of_service = cli.service.file.is_some();
    let none = "no socket: `release`, `resume` and `forget` are not available";
    let control = match config.control_socket.as_deref().map(control::bind) {
        None if of_service => Ok("the service's own socket, in its runtime directory".into()),
        None => Ok(none.into()),
        // Dropping it removes the file.
        Some(Ok(bound)) => Ok(format!("{} is free", bound.path().display())),
        Some(Err(error)) => Err(error.to_string()),
    };
    found.add(control.map(|fact| format!("control                {fact}")));
    sockets(config).into_iter().for_each(|socket| found.add(socket));
    found.facts.push(history(config.depth, snapshot.map_or(0, |snapshot| snapshot.gpus.len())));
    let state = match config.state_dir.as_deref().map(|folder| (folder.display(), state::check_folder(folder))) {
        None if of_service => Ok("the service's own folder".into()),
        None => Ok("no folder: the history is lost when the agent stops".into()),
        Some((folder, Ok(()))) => Ok(format!("{folder} is writable")),
        Some((folder, Err(error))) => Err(format!(
            "the history is lost when the agent stops: {folder}: {error}; set --state-dir to a folder that the agent can write"
        )),
    };
    found.add(state.map(|fact| format!("state                  {fact}")));
    for outcome in usage(config, of_service) {
        found.add(outcome.map(|fact| format!("usage                  {fact}")));
    }
}

/// Describes where usage is kept, with a warning if its file cannot be used, or is on a network file system.
fn usage(config: &Config, of_service: bool) -> Vec<Result<String, String>> {
    let Some(settings) = config.usage else { return vec![Ok("off".into())] };
    let whose = if settings.people { "with people's names" } else { "without names" };
    let days = settings.retention.as_secs() / 86_400;
    match config.state_dir.as_deref() {
        None if of_service => vec![Ok(format!("{whose}, in the service's own folder, for {days} days"))],
        None => {
            vec![Ok(format!("{whose}, in memory, for one day and until the agent stops: set --state-dir to keep it"))]
        }
        Some(folder) => usage::inspect(folder)
            .into_iter()
            .map(|outcome| match outcome {
                Ok(file) => Ok(format!("{whose}, for {days} days, in {file}")),
                Err(problem) => Err(format!("usage: {problem}")),
            })
            .collect(),
    }
}

impl Findings {
    /// Adds a fact, or the error as a warning.
    fn add(&mut self, outcome: Result<String, String>) {
        match outcome {
            Ok(fact) => self.facts.push(fact),
            Err(warning) => self.warnings.push(warning),
        }
    }
}

/// Describes access: the names of tokens, and TLS.
pub(crate) fn access(exposure: &Exposure) -> Vec<String> {
    let own = exposure.own.iter().map(|_| "TOKEN (read)".to_owned());
    let listed = exposure.file.iter().flat_map(|file| {
        let tokens = file.tokens().borrow().clone();
        tokens.names().map(|(name, scope)| format!("{name} ({scope})")).collect::<Vec<_>>()
    });
    let tokens: Vec<String> = own.chain(listed).collect();
    let tokens = if tokens.is_empty() { "none".into() } else { tokens.join(", ") };
    let tls = exposure.certificates.as_ref().map(|certificates| {
        let clients = if certificates.requires_client_certificates() { ", for clients with a certificate" } else { "" };
        format!("tls                    {} and its key are valid{clients}", certificates.path().display())
    });
    std::iter::once(format!("tokens                 {tokens}")).chain(tls).collect()
}

/// Describes the result of dcgm-exporter's counters file, with a warning for each metric that cannot be served.
fn counters(cli: &Cli, config: &Config, found: &mut Findings) {
    let counters = &config.show.metrics.dcgm.counters;
    let unserved = counters.unserved();
    if given(cli.options.dcgm_counters.as_ref()).is_some() {
        let refused = unserved.iter().filter(|one| !one.is_repeated).count();
        let (all, served) = (counters.served() + refused, counters.served());
        found.facts.push(format!("dcgm counters          {served} of {all} metrics and labels can be served"));
    }
    let warning = |one: &server::Unserved| {
        format!("line {} of --dcgm-counters: {} is not served: {}", one.line, one.name, one.why)
    };
    found.warnings.extend(unserved.iter().map(warning));
}

/// Describes the length of the history and its memory.
fn history(depth: Depth, gpus: usize) -> String {
    let of = |length, step| {
        let [length, step] = [length, step].map(humantime::format_duration);
        format!("{length} in steps of {step}")
    };
    let mut tiers = vec![of(depth.fine, depth.fine_step), of(depth.coarse, depth.coarse_step)];
    if !depth.long.is_zero() {
        tiers.push(of(depth.long, depth.long_step));
    }
    let tenths = depth.bytes(gpus.max(1)) * 10 / (1 << 20);
    let of = if gpus == 0 { "for each GPU".into() } else { format!("for {gpus} GPUs") };
    let (whole, tenth) = (tenths / 10, tenths % 10);
    format!("history                {}: at most {whole}.{tenth} MiB {of}", tiers.join(", "))
}

/// Reads the driver once, with a collector as the agent starts it; none if it does not answer in time.
fn driver(config: &Config) -> io::Result<Option<Arc<Snapshot>>> {
    let publisher = Publisher::new(Stamp::now());
    let mut newest = publisher.subscribe();
    let supervisor = Supervisor::start(
        config.collector.clone(),
        config.rules,
        publisher,
        NewestState::default(),
        None,
        SharedClaims::default(),
    )?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let snapshot = runtime.block_on(async {
        let ready = newest.wait_for(|published| published.snapshot.collector.state != CollectorState::Starting);
        tokio::time::timeout(DRIVER_TIMEOUT, ready).await.ok()?.ok().map(|published| published.snapshot.clone())
    });
    supervisor.stop();
    Ok(snapshot)
}

/// Tries the sockets of the container engine and the kubelet, as the collector does.
fn sockets(config: &Config) -> Vec<Result<String, String>> {
    let containers = config.collector.container_socket.as_deref().map(|path| {
        collector::try_container_socket(path).map(|()| format!("containers             {} answers", path.display()))
    });
    let kubelet = config.collector.kubelet_socket.as_deref().map(|path| {
        let found =
            |count| format!("kubelet                {} answers; containers that have GPUs: {count}", path.display());
        collector::try_kubelet_socket(path).map(found)
    });
    containers.into_iter().chain(kubelet).collect()
}

/// Describes the driver; the error is a problem.
fn judge(snapshot: &Snapshot) -> Result<String, String> {
    let detail = snapshot.collector.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
    match &snapshot.collector.state {
        CollectorState::Ok => {
            let ok = snapshot.gpus.iter().filter(|gpu| gpu.state == GpuState::Ok).count();
            let version = snapshot.driver.as_ref().and_then(|driver| driver.driver_version.as_deref().ok());
            let version = version.unwrap_or("of unknown version");
            let all = snapshot.gpus.len();
            if ok == all {
                return Ok(format!("{version}, {all} GPUs"));
            }
            let not = snapshot.gpus.iter().filter(|gpu| gpu.state != GpuState::Ok);
            let list: Vec<String> = not.map(|gpu| format!("GPU {} is {}", gpu.index, gpu.state.as_str())).collect();
            Err(format!("driver {version}: {}{detail}", list.join(", ")))
        }
        CollectorState::NoDriver { text } => Err(format!("{text}{detail}")),
        other => Err(format!("the collector is {}{detail}", other.as_str())),
    }
}
