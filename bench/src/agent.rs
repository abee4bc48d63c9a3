//! The agent on a simulated host.

use std::{net::SocketAddr, process::Child, time::Duration};

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

/// What the agent is called in counts of calls.
pub(crate) const NAME: &str = "agent";

impl Agent {
    /// Starts it, and waits until everything has been read once.
    pub(crate) fn start(host: &Host, interval: Duration, arguments: &[&str]) -> Outcome<Self> {
        let address: SocketAddr = ([127, 0, 0, 1], free_port()?).into();
        let mut command = host.command(&built("nvidia-smi-web-agent")?, NAME);
        command.arg("--nvml-library").arg(host.library()).args(["--bind=127.0.0.1", "--log=error", "--resolve-pids"]);
        command.arg(format!("--port={}", address.port())).arg(format!("--interval={}ms", interval.as_millis()));
        let agent = Self { process: command.args(arguments).spawn()?, address };
        get::until(address, "/readyz", |answer| answer.status == 200)?;
        if host.gpus > 0 {
            // What is measured over a window comes last.
            let all = |text: &str| text.matches("\nnvsmi_gpu_sm_active_ratio{").count() == host.gpus;
            get::until(address, "/metrics", |answer| all(&String::from_utf8_lossy(&answer.body)))?;
        }
        Ok(agent)
    }

    /// The agent and its collector.
    pub(crate) fn pids(&self) -> Vec<u32> {
        cost::tree(self.process.id())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
