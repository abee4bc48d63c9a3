//! Calls of `scontrol`. Its arguments go to it as they are, without a shell.

use std::{
    env,
    ffi::OsStr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use telemetry::terminal::printable_in;

use crate::{cli::SlurmArgs, health::drain::node::NodeName};

/// Folders searched after PATH, because slurmd passes none.
const FOLDERS: [&str; 4] = ["/usr/bin", "/bin", "/usr/local/bin", "/opt/slurm/bin"];
/// Most characters of its error that are shown.
const MAX_ERROR: usize = 200;

#[derive(Debug)]
pub(super) struct Scontrol {
    program: PathBuf,
    conf: Option<PathBuf>,
    timeout: Duration,
}

impl Scontrol {
    /// Finds the program.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn find(arguments: &SlurmArgs) -> Result<Self, String> {
        let program = match &arguments.scontrol {
            Some(given) => given.clone(),
            None => search(env::var_os("PATH").as_deref()).ok_or("scontrol is not in PATH; set --scontrol")?,
        };
        Ok(Self { program, conf: arguments.slurm_conf.clone(), timeout: arguments.scontrol_timeout })
    }

    /// Prints the state of a node, in one line.
    pub(super) fn show(&self, node: &NodeName) -> Result<String, String> {
        self.run(&["-o", "show", "node", node.as_str()])
    }

    /// Changes a node.
    pub(super) fn update(&self, node: &NodeName, changes: &[&str]) -> Result<(), String> {
        let node = format!("nodename={}", node.as_str());
        let arguments: Vec<&str> = ["update", &*node].into_iter().chain(changes.iter().copied()).collect();
        self.run(&arguments).map(|_| ())
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ours has the token.
        command.env_remove("TOKEN").env("LC_ALL", "C");
        if let Some(conf) = &self.conf {
            command.env("SLURM_CONF", conf);
        }
        let output = output_within(&mut command, self.timeout).map_err(|error| {
            format!("{} {}: {error}; see --scontrol and --slurm-conf", self.program.display(), arguments.join(" "))
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        // scontrol has errors of `show` on standard output.
        let texts = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
        let text = texts.into_iter().find(|text| !text.is_empty()).unwrap_or_else(|| "no error text".into());
        let how = crate::child_process::describe_exit(output.status);
        let text = text.lines().map(str::trim).collect::<Vec<_>>().join("; ");
        let text = printable_in(&text, MAX_ERROR);
        Err(format!("{} {} {how}: {text}", self.program.display(), arguments.join(" ")))
    }
}

fn search(path: Option<&OsStr>) -> Option<PathBuf> {
    let in_path = path.map(|path| env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
    let folders = in_path.iter().map(PathBuf::as_path).filter(|folder| folder.is_absolute());
    let all = folders.chain(FOLDERS.iter().map(Path::new));
    all.map(|folder| folder.join("scontrol")).find(|file| file.is_file())
}

/// Output of a command, which is killed with its children at the timeout.
fn output_within(command: &mut Command, timeout: Duration) -> Result<Output, String> {
    let child = command.process_group(0).spawn().map_err(|error| format!("cannot be started: {error}"))?;
    let group = i32::try_from(child.id()).map(Pid::from_raw).map_err(|error| error.to_string())?;
    let (sender, output) = mpsc::channel();
    let wait = thread::Builder::new().spawn(move || {
        // Fails after the timeout.
        let _ = sender.send(child.wait_with_output());
    });
    wait.map_err(|error| error.to_string())?;
    match output.recv_timeout(timeout) {
        Ok(output) => output.map_err(|error| error.to_string()),
        Err(_) => {
            // Fails if it has ended by itself meanwhile.
            let _ = killpg(group, Signal::SIGKILL);
            Err(format!("no answer within {}", humantime::format_duration(timeout)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_returned_or_child_killed_at_timeout() {
        let within = |script: &str, timeout| {
            output_within(
                Command::new("/bin/sh").args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::null()),
                timeout,
            )
        };
        let output = within("echo ok; exit 3", Duration::from_secs(60)).unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(3), b"ok\n".to_vec()));
        let error = within("sleep 600 & sleep 600", Duration::from_millis(50)).unwrap_err();
        assert_eq!(error, "no answer within 50ms");
        let missing = output_within(&mut Command::new("/no/such/scontrol"), Duration::from_secs(60));
        assert!(missing.unwrap_err().contains("cannot be started"));
    }

    #[test]
    fn program_searched_in_path_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scontrol");
        std::fs::write(&file, "").unwrap();
        assert_eq!(search(Some(folder.path().as_os_str())), Some(file));
    }
}
