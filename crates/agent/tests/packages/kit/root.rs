//! The root of an older Debian, with the packages on it that are tested.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::kit::{old, said, tools};

/// Removed when dropped.
pub(crate) struct Root(TempDir);

impl Root {
    pub(crate) fn unpack() -> Self {
        assert!(nix::unistd::getuid().is_root(), "the tests of the packages take root: roots of file systems are made");
        let folder = TempDir::new().unwrap();
        said(Command::new("tar").arg("-C").arg(folder.path()).arg("-xf").arg(tools("bullseye.tar")));
        // Whoever serves on it may be nobody.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file of it, as seen from outside.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let file = self.file(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Puts a file there under a name of its own.
    pub(crate) fn bring(&self, from: &Path, to: &str) {
        let file = self.file(to);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::copy(from, file).unwrap();
    }

    /// A shell's line with this as its root.
    pub(crate) fn run(&self, line: &str) -> String {
        said(&mut self.command(line))
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new("chroot");
        command.arg(self.path()).args(["/bin/sh", "-euc", line]).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DEBIAN_FRONTEND", "noninteractive").current_dir("/");
        command
    }

    /// Puts a driver there, where the vendor's would be, which plays a scenario that can be read by all.
    pub(crate) fn with_driver(self, scenario: &str) -> Self {
        self.bring(&old("libfake_nvml.so"), "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1");
        self.bring(&old("stand-in"), "/usr/local/bin/stand-in");
        self.play(scenario);
        self
    }

    /// Changes the scenario.
    pub(crate) fn play(&self, scenario: &str) {
        self.write("/etc/scenario.new", scenario);
        fs::rename(self.file("/etc/scenario.new"), self.file("/etc/scenario.toml")).unwrap();
    }
}
