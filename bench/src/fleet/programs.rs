//! Programs of a measurement: the simulated agents, a hub, and Prometheus that scrapes the same agents.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Outcome, cost, get,
    places::{built, free_port, repository},
};

/// A running program; killed when dropped.
pub(super) struct Program {
    process: Child,
    pub(super) address: SocketAddr,
}

impl Program {
    pub(super) fn start(command: &mut Command, address: SocketAddr) -> Outcome<Self> {
        let process = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        Ok(Self { process, address })
    }

    /// Asks it to end, and waits for that.
    pub(super) fn end(mut self) -> Outcome {
        Command::new("kill").arg(self.process.id().to_string()).status()?;
        self.process.wait()?;
        Ok(())
    }

    pub(super) fn processor_time(&self) -> Duration {
        cost::processor_time(&[self.process.id()])
    }

    pub(super) fn memory_mib(&self) -> Outcome<f64> {
        Ok(cost::proportional_kib(&[self.process.id()])? as f64 / 1024.0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(super) fn address() -> Outcome<SocketAddr> {
    Ok(([127, 0, 0, 1], free_port()?).into())
}

/// Agents, with the list of them.
pub(super) struct Agents {
    pub(super) program: Program,
    folder: TempDir,
}

impl Agents {
    pub(super) fn start(hosts: usize, more: &[String]) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let mut command = Command::new(built("bench")?);
        command.args(["agents", &format!("--hosts={hosts}"), "--list"]).arg(folder.path().join("hosts.json"));
        command.args(more).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut program = Program::start(&mut command, ([127, 0, 0, 1], 0).into())?;
        // It prints its addresses when it serves.
        let mut line = String::new();
        BufReader::new(program.process.stdout.take().ok_or("expected an output")?).read_line(&mut line)?;
        let printed: Value = serde_json::from_str(&line)?;
        program.address = printed["addresses"][0].as_str().ok_or("expected an address")?.parse()?;
        Ok(Self { program, folder })
    }

    pub(super) fn list(&self) -> PathBuf {
        self.folder.path().join("hosts.json")
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Starts a hub, and waits until it has heard from all hosts that answer.
pub(super) fn hub(agents: &Agents, hosts: usize) -> Outcome<Program> {
    let address = address()?;
    let mut command = Command::new(built("nvidia-smi-web-agent")?);
    command.arg("hub").arg("--hosts").arg(agents.list());
    command.args(["--bind=127.0.0.1", "--stream-clients=1000", "--log=error"]);
    command.arg(format!("--port={}", address.port())).env("PATH", "/usr/bin:/bin");
    let hub = Program::start(&mut command, address)?;
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let ok = fleet(address).map_or(0, |fleet| fleet["totals"]["hosts"]["ok"].as_u64().unwrap_or(0));
        if ok >= hosts as u64 {
            return Ok(hub);
        }
        if Instant::now() > deadline {
            return Err(format!("expected {hosts} hosts that are ok, got {ok}").into());
        }
        thread::sleep(Duration::from_millis(500));
    }
}

/// The whole fleet.
pub(super) fn fleet(hub: SocketAddr) -> Outcome<Value> {
    Ok(serde_json::from_slice(&get::get(hub, "/api/v1/fleet", "identity")?.body)?)
}

/// Starts Prometheus (`scripts/clients prometheus`), which scrapes the agents every 15 s.
pub(super) fn prometheus(agents: &Agents, set: Option<&str>) -> Outcome<Program> {
    let program = repository("target/clients/bin/prometheus");
    if !program.exists() {
        return Err("Prometheus is missing; run `scripts/clients prometheus`".into());
    }
    let address = address()?;
    let parameters = set.map_or_else(String::new, |set| format!("    params: {{set: [{set}]}}\n"));
    let config = format!(
        "global:\n  scrape_interval: 15s\nscrape_configs:\n  - job_name: nvidia-smi-web-agent\n{parameters}    \
         file_sd_configs:\n      - files: [{}]\n",
        agents.list().display()
    );
    let file = agents.folder().join("prometheus.yml");
    fs::write(&file, config)?;
    let mut command = Command::new(program);
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", agents.folder().join("prometheus").display()));
    command.arg(format!("--web.listen-address={address}")).stderr(Stdio::null()).stdout(Stdio::null());
    let prometheus = Program::start(&mut command, address)?;
    get::until(address, "/-/ready", |answer| answer.status == 200)?;
    Ok(prometheus)
}
