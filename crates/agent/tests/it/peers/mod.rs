//! Supervisors that run our command (Nagios, NRPE, Slurm) and container managers (LXC, systemd-nspawn), from Debian's
//! packages, without being installed.

mod containers;
mod nagios;
mod slurm;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::support::{agent_program, unpacked};

/// Two GPUs, of which the second is critical.
const SICK: &str = "[[gpu]]\nname = 'NVIDIA H200'\nuuid = 'GPU-A'\npower_mw = 1000\nmemory_total_bytes = 1048576000\n\
    memory_used_bytes = 0\n[[gpu]]\nname = 'NVIDIA L4'\nuuid = 'GPU-B'\npower_mw = 2000\nremapped_correctable = 1\n\
    remapped_uncorrectable = 0\nremapped_pending = false\nremapped_failed = true\n";
const SICK_VERDICT: &str = "GPU CRITICAL - 1: row remap failed (2 GPUs)";

/// A program's room: its root, its files, and its processes, which are killed when it is dropped.
struct Room {
    root: PathBuf,
    folder: TempDir,
    processes: Vec<Child>,
}

impl Room {
    fn new(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        // Some give up being root.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self { root: unpacked(name), folder, processes: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces `FOLDER` in a text with the room's, and writes it.
    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text.replace("FOLDER", self.folder.path().to_str().unwrap())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn folder(&self, name: &str) {
        fs::create_dir(self.path(name)).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o777)).unwrap();
    }

    /// A copy of the agent that any account can run.
    fn agent(&self) -> PathBuf {
        let path = self.path("nvidia-smi-web-agent");
        fs::copy(agent_program(), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A program of the root, with its libraries.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.root.join(program));
        let libraries = ["usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/slurm-wlm"];
        let libraries = libraries.map(|folder| self.root.join(folder).display().to_string());
        command.env("LD_LIBRARY_PATH", libraries.join(":")).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Starts a program in the background, with its output in a file.
    fn start(&mut self, command: &mut Command, log: &str) {
        let file = fs::File::create(self.path(log)).unwrap();
        let process = command.stdout(file.try_clone().unwrap()).stderr(file).spawn();
        self.processes.push(process.unwrap_or_else(|error| panic!("{command:?}: {error}")));
    }

    fn read(&self, name: &str) -> String {
        read(&self.path(name))
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

impl Drop for Room {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
        // Daemons of theirs, such as `slurmstepd`, live on. They work in the room.
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(pid) =
                pid.filter(|_| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == self.folder.path()))
            {
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
            }
        }
        if std::thread::panicking() {
            for file in fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
                let path = file.path();
                if path.extension().is_some_and(|extension| extension == "log") {
                    eprintln!("--- {} ---\n{}", path.display(), read(&path));
                }
            }
        }
    }
}
