//! A booted Debian: systemd itself, in a container on this host's kernel and network.
//!
//! What it cannot show is the filter of devices: a container has no say in those.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    kit::{Root, both, said},
    support::eventually,
};

/// Halted when dropped.
pub(crate) struct Machine {
    root: Root,
    container: Child,
    /// The PID of its systemd, seen from here.
    leader: u32,
}

impl Machine {
    pub(crate) fn boot(root: Root) -> Self {
        let mut command = Command::new("systemd-nspawn");
        command.args(["--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe", "--directory"]);
        command.arg(root.path()).args(["systemd.unit=multi-user.target", "systemd.mask=systemd-logind.service"]);
        let container = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let container = container.expect("systemd-nspawn is there: run `make test-packages`");
        let leader = eventually("the container's systemd", || systemd_of(container.id()));
        let machine = Self { root, container, leader };
        // Degraded is fine: not every unit of Debian's likes a container.
        eventually("the container to boot", || {
            let state = both(&machine.command("systemctl is-system-running").output().unwrap());
            ["running", "degraded"].contains(&state.trim()).then_some(())
        });
        machine
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// A shell's line in it.
    pub(crate) fn run(&self, line: &str) -> String {
        said(&mut self.command(line))
    }

    /// The same for what may fail: its status too.
    pub(crate) fn status(&self, line: &str) -> (i32, String) {
        let output = self.command(line).output().unwrap();
        (output.status.code().unwrap(), both(&output))
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.leader.to_string()]);
        command.args(["--mount", "--uts", "--ipc", "--pid", "--root", "--wd", "/bin/sh", "-euc", line]);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// One property of a unit.
    pub(crate) fn property(&self, unit: &str, name: &str) -> String {
        self.run(&format!("systemctl show --property={name} --value {unit}")).trim().to_owned()
    }

    /// Log of a unit.
    pub(crate) fn log(&self, unit: &str) -> String {
        self.run(&format!("journalctl --no-pager --output=cat --unit={unit}"))
    }
}

/// The first process of the container.
fn systemd_of(container: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{container}/task/{container}/children")).ok()?;
    let mut pids = children.split_whitespace();
    let pid = pids.find(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "systemd\n"))?;
    pid.parse().ok()
}

impl Drop for Machine {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!(
                "--- the journal ---\n{}",
                both(&self.command("journalctl --no-pager | tail -n 60").output().unwrap())
            );
        }
        // Its init ends, and with it all that lives in it.
        let leader = crate::support::nix_pid(self.leader);
        let _ = nix::sys::signal::kill(leader, nix::sys::signal::Signal::SIGKILL);
        let begun = Instant::now();
        while self.container.try_wait().is_ok_and(|status| status.is_none())
            && begun.elapsed() < Duration::from_secs(10)
        {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.container.kill();
        let _ = self.container.wait();
    }
}
