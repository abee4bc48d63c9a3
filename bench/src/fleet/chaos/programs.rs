//! Programs of a run that are killed, stopped and started again: hubs, agents and an engine.

use std::{
    fs::{File, OpenOptions},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use crate::{Outcome, host::Host, places::built};

/// A program, and how it is started.
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    process: Option<Child>,
    is_stopped: bool,
    /// Time of its last start.
    pub(super) started: Instant,
    pub(super) address: SocketAddr,
}

impl Program {
    pub(super) fn new(path: PathBuf, log: PathBuf, address: SocketAddr, arguments: Vec<String>) -> Self {
        Self { path, arguments, log, process: None, is_stopped: false, started: Instant::now(), address }
    }

    pub(super) fn start(&mut self, more: impl FnOnce(&mut Command)) -> Outcome {
        let log: File = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).env_clear().env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        more(&mut command);
        let process = command.spawn().map_err(|error| format!("{}: {error}", self.path.display()))?;
        (self.process, self.started, self.is_stopped) = (Some(process), Instant::now(), false);
        Ok(())
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    pub(super) const fn is_running(&self) -> bool {
        self.process.is_some() && !self.is_stopped
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It has ended before.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sends `STOP` or `CONT`.
    pub(super) fn stop(&mut self, is_stopped: bool) -> Outcome {
        if let Some(pid) = self.pid() {
            let signal = if is_stopped { "-STOP" } else { "-CONT" };
            Command::new("kill").args([signal, &pid.to_string()]).status()?;
            self.is_stopped = is_stopped;
        }
        Ok(())
    }

    /// True if it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.try_wait().is_ok_and(|status| status.is_some()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Arguments of a hub.
pub(super) fn hub(folder: &Path, name: &str, address: SocketAddr, more: &[String]) -> Outcome<Program> {
    let mut arguments = vec!["hub".to_owned(), "--bind=127.0.0.1".into(), format!("--port={}", address.port())];
    arguments.extend_from_slice(more);
    let log = folder.join(format!("{name}.log"));
    Ok(Program::new(built("nvidia-smi-web-agent")?, log, address, arguments))
}

/// A GPU that is free, and one that is used.
const FREE: &str = "utilization_percent = 0\nmemory_used_bytes = 0\n";
const BUSY: &str = "utilization_percent = 97\nmemory_used_bytes = 60000000000\n";

/// Agent of this build on the simulated driver.
pub(super) struct RealAgent {
    /// Its name on the hubs.
    pub(super) name: String,
    pub(super) program: Program,
    host: Host,
    /// Times in Unix milliseconds since which its GPUs are free or not.
    history: Vec<(u64, [bool; 2])>,
}

impl RealAgent {
    pub(super) fn new(folder: &Path, name: &str, address: SocketAddr, number: usize, now_ms: u64) -> Outcome<Self> {
        let uses = [true, false];
        let host = Host::playing(&scenario(number, uses))?;
        let arguments = vec![
            format!("--bind={}", address.ip()),
            format!("--port={}", address.port()),
            format!("--nvml-library={}", host.library().display()),
            // Without a token an agent answers to its own names only.
            format!("--allowed-hosts={}", super::room::NODE_NAME),
            "--log=error".into(),
        ];
        let log = folder.join(format!("agent-{number}.log"));
        let program = Program::new(built("nvidia-smi-web-agent")?, log, address, arguments);
        let mut agent = Self { name: name.into(), program, host, history: vec![(now_ms, uses)] };
        agent.start()?;
        Ok(agent)
    }

    pub(super) fn start(&mut self) -> Outcome {
        let host = &self.host;
        self.program.start(|command| {
            command.current_dir(host.folder()).env("FAKE_NVML_SCENARIO", host.folder().join("scenario.toml"));
        })
    }

    /// Gives its GPUs these uses.
    pub(super) fn play(&mut self, number: usize, uses: [bool; 2], now_ms: u64) -> Outcome {
        let (new, scenario_file) = (self.host.folder().join("new"), self.host.folder().join("scenario.toml"));
        std::fs::write(&new, scenario(number, uses))?;
        std::fs::rename(new, scenario_file)?;
        self.history.push((now_ms, uses));
        Ok(())
    }

    /// True if a GPU was free at some time of a period.
    pub(super) fn was_free(&self, gpu: u64, period: (u64, u64)) -> bool {
        let gpu = usize::try_from(gpu).unwrap_or(usize::MAX);
        let ends = self.history.iter().skip(1).map(|(begin, _)| *begin).chain([u64::MAX]);
        self.history.iter().zip(ends).any(|((begin, uses), end)| {
            *begin <= period.1 && end >= period.0 && uses.get(gpu).copied().unwrap_or(false)
        })
    }
}

fn scenario(number: usize, uses: [bool; 2]) -> String {
    let gpus = uses.iter().enumerate().map(|(gpu, is_free)| {
        let state = if *is_free { FREE } else { BUSY };
        format!(
            "[[gpu]]\nname = 'NVIDIA H200'\nuuid = 'GPU-real-{number}-{gpu}'\nmemory_total_bytes = 150754820096\n{state}"
        )
    });
    gpus.collect()
}
