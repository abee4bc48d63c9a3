//! The agent on a simulated host.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use crate::{
    Outcome, cost, get,
    host::Host,
    places::{built, free_port},
};

/// A running agent; killed when dropped.
pub(crate) struct Agent {
    process: Child,
    pub(crate) address: SocketAddr,
}

/// Name of the agent in the driver's call counters.
pub(crate) const NAME: &str = "agent";

impl Agent {
    /// Starts the agent of this build, and waits until it has read everything once.
    pub(crate) fn start(host: &Host, interval: Duration, arguments: &[&str]) -> Outcome<Self> {
        Self::start_program(&built("nvidia-smi-web-agent")?, NAME, host, interval, arguments)
    }

    /// Starts an agent of any build, whose calls the driver counts under `name`.
    pub(crate) fn start_program(
        program: &Path,
        name: &str,
        host: &Host,
        interval: Duration,
        arguments: &[&str],
    ) -> Outcome<Self> {
        let mut command = host.command(program, name);
        command.arg("--resolve-pids").arg(format!("--interval={}ms", interval.as_millis())).args(arguments);
        let agent = Self::spawn(command, &host.library())?;
        let address = agent.address;
        get::until(address, "/readyz", |answer| answer.status == 200)?;
        if host.gpus > 0 {
            // GPM metrics are the last to appear, because they need a time window.
            let all = |text: &str| text.matches("\nnvsmi_gpu_sm_active_ratio{").count() == host.gpus;
            get::until(address, "/metrics", |answer| all(&String::from_utf8_lossy(&answer.body)))?;
        }
        Ok(agent)
    }

    /// Starts a command that runs an agent, with this driver library.
    pub(crate) fn spawn(mut command: Command, library: &Path) -> Outcome<Self> {
        let address: SocketAddr = ([127, 0, 0, 1], free_port()?).into();
        command.arg("--nvml-library").arg(library).args(["--bind=127.0.0.1", "--log=error"]);
        command.arg(format!("--port={}", address.port()));
        let process = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        Ok(Self { process, address })
    }

    /// PIDs of the agent and its collector.
    pub(crate) fn pids(&self) -> Vec<u32> {
        cost::tree(self.process.id())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// PIDs of the collector.
    pub(crate) fn collector(&self) -> Vec<u32> {
        self.pids().into_iter().filter(|pid| *pid != self.pid()).collect()
    }

    /// Calls into the driver since the start, by function, as the agent counts them in the full set of `/metrics`.
    pub(crate) fn calls(&self) -> Outcome<BTreeMap<String, f64>> {
        const METRIC: &str = "nvsmi_agent_nvml_call_duration_seconds_count{";
        let text = String::from_utf8(get::get(self.address, "/metrics?set=full", "identity")?.body)?;
        let call = |line: &str| {
            let (labels, count) = line.strip_prefix(METRIC)?.rsplit_once(' ')?;
            let function = labels.split("function=\"").nth(1)?.split('"').next()?;
            Some((function.to_owned(), count.parse::<f64>().ok()?))
        };
        let mut calls = BTreeMap::new();
        for (function, count) in text.lines().filter_map(call) {
            *calls.entry(function).or_default() += count;
        }
        Ok(calls)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
