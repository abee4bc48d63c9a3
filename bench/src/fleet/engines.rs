//! Engines that scrape the simulated agents and evaluate the shipped rules, and a hub that reads them.

use std::{fs, net::SocketAddr, process::Command, process::Stdio, thread, time::Duration, time::Instant};

use clap::ValueEnum;
use serde_json::Value;

use super::programs::{Agents, Program, address};
use crate::{
    Outcome, get,
    places::{built, repository},
};

/// An engine with the Prometheus HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EngineKind {
    Prometheus,
    VictoriaMetrics,
}

impl EngineKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::VictoriaMetrics => "victoria-metrics",
        }
    }
}

/// A running engine, and vmalert if it needs one for the rules.
pub(super) struct Engine {
    kind: EngineKind,
    program: Option<Program>,
    pub(super) rules: Option<Program>,
    pub(super) address: SocketAddr,
    folder: std::path::PathBuf,
    scrape: u64,
}

fn client(name: &str) -> Outcome<std::path::PathBuf> {
    let program = repository("target/clients/bin").join(name);
    program.canonicalize().map_err(|_| format!("{name} is missing; run `scripts/clients {name}`").into())
}

/// Starts a program without input and output.
fn quiet(command: &mut Command, address: SocketAddr) -> Outcome<Program> {
    Program::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()), address)
}

impl Engine {
    /// Starts an engine that scrapes the set fleet of all agents every `scrape` seconds, with this number of jobs.
    pub(super) fn start(kind: EngineKind, agents: &Agents, scrape: u64, jobs: usize) -> Outcome<Self> {
        let folder = agents.folder().to_path_buf();
        let rules = match kind {
            EngineKind::Prometheus => {
                format!("rule_files: [{}]\n", repository("deploy/prometheus/fleet.yml").display())
            }
            EngineKind::VictoriaMetrics => String::new(),
        };
        let evaluation = match kind {
            EngineKind::Prometheus => format!("  evaluation_interval: {scrape}s\n"),
            EngineKind::VictoriaMetrics => String::new(),
        };
        let timeout = scrape.min(10);
        let mut config = format!(
            "global:\n  scrape_interval: {scrape}s\n  scrape_timeout: {timeout}s\n{evaluation}{rules}scrape_configs:\n"
        );
        for job in 0..jobs {
            config += &format!(
                "  - job_name: agents{job}\n    params: {{set: [fleet]}}\n    file_sd_configs: [{{files: [{}]}}]\n",
                agents.list().display()
            );
        }
        fs::write(folder.join("engine.yml"), config)?;
        let mut engine = Self { kind, program: None, rules: None, address: address()?, folder, scrape };
        engine.run()?;
        if kind == EngineKind::VictoriaMetrics {
            engine.rules = Some(engine.vmalert()?);
        }
        Ok(engine)
    }

    /// Starts it, again with the data that it has.
    pub(super) fn run(&mut self) -> Outcome {
        let (config, data) = (self.folder.join("engine.yml"), self.folder.join("data"));
        let mut command = Command::new(client(self.kind.name())?);
        match self.kind {
            EngineKind::Prometheus => command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", data.display()))
                .arg(format!("--web.listen-address={}", self.address)),
            EngineKind::VictoriaMetrics => command
                .arg(format!("-promscrape.config={}", config.display()))
                .arg(format!("-storageDataPath={}", data.display()))
                .arg(format!("-httpListenAddr={}", self.address)),
        };
        self.program = Some(quiet(&mut command, self.address)?);
        let ready = if self.kind == EngineKind::Prometheus { "/-/ready" } else { "/health" };
        get::until(self.address, ready, |answer| answer.status == 200)?;
        Ok(())
    }

    /// vmalert as docs/fleet.md says.
    fn vmalert(&self) -> Outcome<Program> {
        let (url, address) = (format!("http://{}", self.address), address()?);
        let mut command = Command::new(client(self.kind.name())?.with_file_name("vmalert"));
        command
            .arg(format!("-rule={}", repository("deploy/prometheus/fleet.yml").display()))
            .arg(format!("-datasource.url={url}/?nocache=1"))
            .arg(format!("-remoteWrite.url={url}"))
            .arg(format!("-evaluationInterval={}s", self.scrape))
            .arg(format!("-httpListenAddr={address}"));
        quiet(&mut command, address)
    }

    /// Ends it, as a service manager or as a crash does.
    pub(super) fn stop(&mut self, is_crash: bool) -> Outcome {
        match self.program.take() {
            Some(program) if !is_crash => program.end(),
            other => {
                drop(other);
                Ok(())
            }
        }
    }

    /// Its programs.
    pub(super) fn programs(&self) -> Vec<&Program> {
        self.program.iter().chain(&self.rules).collect()
    }

    /// The one number that a query returns.
    pub(super) fn number(&self, query: &str) -> Outcome<f64> {
        let path = format!("/api/v1/query?nocache=1&query={query}");
        let answer: Value = serde_json::from_slice(&get::get(self.address, &path, "identity")?.body)?;
        Ok(answer["data"]["result"][0]["value"][1].as_str().and_then(|value| value.parse().ok()).unwrap_or(0.0))
    }

    /// Waits until the rules have recorded all hosts.
    pub(super) fn wait(&self, hosts: usize) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(120 + 4 * self.scrape);
        loop {
            let found = self.number("count(instance:nvsmi_fleet_read_timestamp_seconds:max)").unwrap_or(0.0);
            if found >= hosts as f64 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("expected {hosts} hosts in the engine, got {found}").into());
            }
            thread::sleep(Duration::from_secs(2));
        }
    }
}

/// Starts a hub that reads an engine; its log is `hub.log` in the folder of the agents.
pub(super) fn hub(agents: &Agents, engine: SocketAddr) -> Outcome<Program> {
    let address = address()?;
    let log = fs::File::create(agents.folder().join("hub.log"))?;
    let mut command = Command::new(built("nvidia-smi-web-agent")?);
    command.arg("hub").arg("--hosts").arg(agents.list()).arg(format!("--prometheus=http://{engine}"));
    command.args(["--live-from=prometheus", "--bind=127.0.0.1", "--log=debug"]);
    command.arg(format!("--port={}", address.port())).env("PATH", "/usr/bin:/bin");
    let hub = Program::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log), address)?;
    get::until(address, "/healthz", |answer| answer.status == 200)?;
    Ok(hub)
}

/// Refreshes by the log of the hub: milliseconds, queries, and hosts that somebody looked at.
pub(super) fn refreshes(agents: &Agents) -> Outcome<Vec<(f64, f64, f64)>> {
    let log = fs::read_to_string(agents.folder().join("hub.log"))?;
    let of = |line: &str, key: &str| -> Option<f64> {
        let rest = line.split_once(&format!("{key}="))?.1;
        rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
    };
    let refresh = |line: &str| Some((of(line, "milliseconds")?, of(line, "queries")?, of(line, "looked_at")?));
    Ok(log.lines().filter(|line| line.contains("refreshed from the engine")).filter_map(refresh).collect())
}
