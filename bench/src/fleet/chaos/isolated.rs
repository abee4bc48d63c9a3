//! Namespaces of a run, so that a name server of ours can be the system's, and nothing outlives the run.

use std::{
    fs,
    process::{Command, Stdio},
};

use super::dns;
use crate::Outcome;

/// Arguments of `unshare`; another user is root only in a namespace of its own.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !is_root {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

/// Command that runs this program in namespaces; none if the machine does not allow them.
pub(super) fn command(seed: u64, minutes: u64, keep: bool) -> Outcome<Option<Command>> {
    let is_allowed = unshare()
        .args(["ip", "link", "set", "lo", "up"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_allowed {
        return Ok(None);
    }
    let mut command = unshare();
    command.arg(std::env::current_exe()?).args(["chaos", "--inside"]);
    command.args([format!("--seed={seed}"), format!("--minutes={minutes}")]);
    if keep {
        command.arg("--keep");
    }
    Ok(Some(command))
}

/// Makes the loopback interface and the name server's configuration of the namespaces.
pub(super) fn prepare() -> bool {
    let run = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
    };
    let file = std::env::temp_dir().join(format!("chaos-resolv-{}", std::process::id()));
    let text = format!("nameserver {}\noptions timeout:2 attempts:1\n", dns::ADDRESS);
    let is_done = fs::write(&file, text).is_ok()
        && run("ip", &["link", "set", "lo", "up"])
        && run("mount", &["--bind", &file.to_string_lossy(), "/etc/resolv.conf"]);
    // The mount keeps it.
    let _ = fs::remove_file(&file);
    is_done
}
