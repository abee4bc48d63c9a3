//! The files of `/proc`, read from a root that is a parameter.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use nix::unistd::{SysconfVar, sysconf};
use telemetry::{Absence, BootTime, Reading, command::MAX_BYTES};

use crate::process::parse;

/// The kernel's name of the first PID namespace (`PROC_PID_INIT_INO`).
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// A `/proc`.
#[derive(Clone, Debug)]
pub(crate) struct ProcFs {
    root: PathBuf,
    ticks_per_second: u64,
}

/// What `stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vital {
    /// Ticks since boot: with the PID, what tells one process from another.
    pub(crate) start_ticks: u64,
    pub(crate) started: BootTime,
    pub(crate) zombie: bool,
}

impl ProcFs {
    pub(crate) fn new(root: PathBuf) -> Self {
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten();
        let ticks_per_second = ticks.and_then(|ticks| u64::try_from(ticks).ok()).filter(|&ticks| ticks > 0);
        Self { root, ticks_per_second: ticks_per_second.unwrap_or(100) }
    }

    /// Whether the PIDs that the driver lists, which are the host's, mean the same here.
    pub(crate) fn sees_the_hosts_pids(&self) -> bool {
        std::fs::read_link(self.root.join("self/ns/pid"))
            .map_or(true, |namespace| namespace.as_os_str() == INITIAL_PID_NAMESPACE)
    }

    /// `/proc/PID/stat`; none if there is no such process.
    pub(crate) fn vital(&self, pid: u32) -> Reading<Option<Vital>> {
        let Some(bytes) = self.read(pid, "stat")? else { return Ok(None) };
        let stat = parse::stat(&bytes).ok_or(Absence::Error)?;
        Ok(Some(Vital {
            start_ticks: stat.start_ticks,
            started: BootTime(stat.start_ticks.saturating_mul(1000) / self.ticks_per_second),
            zombie: matches!(stat.state, b'Z' | b'X'),
        }))
    }

    /// The real user id in `/proc/PID/status`.
    pub(crate) fn real_uid(&self, pid: u32) -> Reading<u32> {
        let bytes = self.read(pid, "status")?.ok_or(Absence::Error)?;
        parse::real_uid(&bytes).ok_or(Absence::Error)
    }

    /// `/proc/PID/cmdline`: the arguments, of the first [`MAX_BYTES`] bytes. This can block for as long as the process
    /// holds the lock of its address space.
    pub(crate) fn arguments(&self, pid: u32) -> Reading<Vec<String>> {
        let bytes = self.read(pid, "cmdline")?.ok_or(Absence::Error)?;
        Ok(parse::arguments(&bytes))
    }

    /// At most [`MAX_BYTES`] of a process's file; none if there is no such process, or it ended meanwhile.
    fn read(&self, pid: u32, name: &str) -> Reading<Option<Vec<u8>>> {
        match read(&self.root.join(pid.to_string()).join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => Ok(None),
            Err(error) => Err(reason(&error)),
        }
    }
}

/// The host's memory from `/proc/meminfo`: total and available bytes.
pub(crate) fn host_memory(root: &Path) -> Reading<(u64, u64)> {
    let bytes = read(&root.join("meminfo")).map_err(|error| reason(&error))?;
    let line = |key| parse::memory(&bytes, key).ok_or(Absence::Error);
    Ok((line("MemTotal:")?, line("MemAvailable:")?))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn reason(error: &io::Error) -> Absence {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Absence::Denied,
        _ => Absence::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn proc(files: &[(&str, &[u8])]) -> (tempfile::TempDir, ProcFs) {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let proc = ProcFs::new(root.path().into());
        (root, proc)
    }

    #[test]
    fn a_command_line_of_two_mebibytes_is_cut() {
        let long = vec![b'x'; 2 << 20];
        let (_root, proc) = proc(&[("7/cmdline", &long)]);
        assert_eq!(proc.arguments(7).unwrap()[0].len(), MAX_BYTES);
    }

    #[test]
    fn a_process_that_is_gone_is_no_error() {
        let (_root, proc) = proc(&[]);
        assert_eq!(proc.vital(7), Ok(None));
        assert_eq!(proc.real_uid(7), Err(Absence::Error));
    }

    #[test]
    fn this_process_is_read() {
        let proc = ProcFs::new("/proc".into());
        let pid = std::process::id();
        let vital = proc.vital(pid).unwrap().unwrap();
        assert!(!vital.zombie && vital.started <= BootTime::now() && vital.started > BootTime(0));
        assert_eq!(proc.real_uid(pid), Ok(nix::unistd::getuid().as_raw()));
        assert!(!proc.arguments(pid).unwrap().is_empty());
        assert!(host_memory(Path::new("/proc")).unwrap().0 > 0);
    }

    #[test]
    fn another_pid_namespace_is_noticed() {
        let (root, proc) = proc(&[("self/ns/x", b"")]);
        std::os::unix::fs::symlink("pid:[4026532000]", root.path().join("self/ns/pid")).unwrap();
        assert!(!proc.sees_the_hosts_pids());
    }
}
