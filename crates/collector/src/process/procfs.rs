//! Files of `/proc` under a given root.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use nix::{
    fcntl::OFlag,
    sys::signal::kill,
    unistd::{Pid, SysconfVar, sysconf},
};
use telemetry::{Absence, Arguments, BootTime, Reading, command::MAX_BYTES};

use crate::process::{
    ancestors,
    cgroup::{self, Placement},
    parse,
};

/// Inode of the initial PID namespace (`PROC_PID_INIT_INO`).
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// `DEFAULT_OVERFLOWUID` of the kernel.
const USUAL_OVERFLOW_UID: u32 = 65534;
/// Usual limit of a process's file.
const USUAL_BYTES: usize = 1024;
/// Limit for the environment of a process: the kernel's for its arguments and environment is a quarter of the stack.
const ENVIRONMENT_BYTES: usize = 2 << 20;
/// Limit for the list of mounts: a host with thousands of containers has as many.
const MOUNTS_BYTES: usize = 16 * 1024 * 1024;

/// A mounted `/proc`.
#[derive(Clone, Debug)]
pub(crate) struct ProcFs {
    root: PathBuf,
    ticks_per_second: u64,
    page_bytes: u64,
    /// Options of the mount, if the root is one.
    options: String,
    /// User id of every user that the user namespace lacks; none if it has all.
    overflow_uid: Option<u32>,
}

/// Values of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcStat {
    /// Start in ticks since boot; with the PID it identifies a process.
    pub(crate) start_ticks: u64,
    pub(crate) started: BootTime,
    pub(crate) zombie: bool,
    pub(crate) cpu_ms: Reading<u64>,
    pub(crate) resident_bytes: Reading<u64>,
    /// Time of the reading.
    pub(crate) read_at: BootTime,
}

impl ProcFs {
    pub(crate) fn new(root: PathBuf) -> Self {
        let of_the_system = |name, usual| {
            let told = sysconf(name).ok().flatten().and_then(|told| u64::try_from(told).ok());
            told.filter(|&told| told > 0).unwrap_or(usual)
        };
        let mounts = read_up_to(&root.join("self/mounts"), MOUNTS_BYTES).unwrap_or_default();
        Self {
            ticks_per_second: of_the_system(SysconfVar::CLK_TCK, 100),
            page_bytes: of_the_system(SysconfVar::PAGE_SIZE, 4096),
            options: parse::mount_options(&mounts, &root).unwrap_or_default().to_owned(),
            overflow_uid: overflow_uid(&root),
            root,
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the value of a mount option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.split(',').find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }

    /// Returns the value of `hidepid`, if it hides processes.
    pub(crate) fn hidepid(&self) -> Option<&str> {
        self.option("hidepid").filter(|how| !matches!(*how, "0" | "off"))
    }

    /// Returns whether this is the host's PID namespace, whose PIDs the driver lists.
    pub(crate) fn sees_the_hosts_pids(&self) -> bool {
        std::fs::read_link(self.root.join("self/ns/pid"))
            .map_or(true, |namespace| namespace.as_os_str() == INITIAL_PID_NAMESPACE)
    }

    /// Reads `/proc/PID/stat`; none if there is no such process.
    pub(crate) fn stat(&self, pid: u32) -> Reading<Option<ProcStat>> {
        let Some(bytes) = self.read(pid, "stat")? else {
            // A process hidden by `hidepid` looks like one that has ended; only then another call is needed.
            let hidden = self.hidepid().is_some() && lives(pid);
            return if hidden { Err(Absence::Denied) } else { Ok(None) };
        };
        let stat = parse::stat(&bytes).ok_or(Absence::Error)?;
        let times = |number: Option<u64>, factor| number.and_then(|it| it.checked_mul(factor)).ok_or(Absence::Error);
        Ok(Some(ProcStat {
            start_ticks: stat.start_ticks,
            started: BootTime(stat.start_ticks.saturating_mul(1000) / self.ticks_per_second),
            zombie: matches!(stat.state, b'Z' | b'X'),
            cpu_ms: times(stat.cpu_ticks, 1000).map(|thousandths| thousandths / self.ticks_per_second),
            resident_bytes: times(stat.resident_pages, self.page_bytes),
            read_at: BootTime::now(),
        }))
    }

    /// Reads `/proc/PID/comm`.
    pub(crate) fn name(&self, pid: u32) -> Reading<String> {
        let bytes = self.read(pid, "comm")?.ok_or(Absence::Error)?;
        parse::line(&bytes).ok_or(Absence::Error)
    }

    /// Reads `/proc/PID/cgroup`, and ancestors where that does not show a container or a job.
    pub(super) fn placement(&self, pid: u32) -> Reading<Placement> {
        let bytes = self.read(pid, "cgroup")?.ok_or(Absence::Error)?;
        let mut placement = cgroup::placement(&bytes);
        if placement.container.is_none() || placement.job.is_none() {
            ancestors::complete(self, pid, &bytes, &mut placement);
        }
        Ok(placement)
    }

    /// Reads the first [`ENVIRONMENT_BYTES`] of `/proc/PID/environ`. Blocks as [`ProcFs::arguments`] does.
    pub(super) fn environment(&self, pid: u32) -> Reading<Vec<u8>> {
        let path = self.root.join(pid.to_string()).join("environ");
        read_up_to(&path, ENVIRONMENT_BYTES).map_err(|error| reason(&error))
    }

    /// Reads the real user id in `/proc/PID/status`.
    pub(crate) fn real_uid(&self, pid: u32) -> Reading<u32> {
        let bytes = self.read(pid, "status")?.ok_or(Absence::Error)?;
        let uid = parse::real_uid(&bytes).ok_or(Absence::Error)?;
        if Some(uid) == self.overflow_uid { Err(Absence::Denied) } else { Ok(uid) }
    }

    /// Returns whether this user namespace lacks users, whose processes then look like nobody's.
    pub(crate) const fn lacks_users(&self) -> bool {
        self.overflow_uid.is_some()
    }

    /// Reads the arguments in the first [`MAX_BYTES`] bytes of `/proc/PID/cmdline`. Blocks while the process holds the
    /// lock of its address space.
    pub(crate) fn arguments(&self, pid: u32) -> Reading<Arguments> {
        let bytes = self.read(pid, "cmdline")?.ok_or(Absence::Error)?;
        Ok(parse::arguments(&bytes))
    }

    /// Reads at most [`MAX_BYTES`] of a process's file; none if there is no such process, or it has ended meanwhile.
    pub(super) fn read(&self, pid: u32, name: &str) -> Reading<Option<Vec<u8>>> {
        match read(&self.root.join(pid.to_string()).join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => Ok(None),
            Err(error) => Err(reason(&error)),
        }
    }
}

/// Returns the user id of users that `/proc/self/uid_map` does not map: `/proc/sys/kernel/overflowuid`.
fn overflow_uid(root: &Path) -> Option<u32> {
    let map = read(&root.join("self/uid_map")).ok()?;
    if parse::maps_all_users(&map) {
        return None;
    }
    let uid = read(&root.join("sys/kernel/overflowuid")).ok();
    let uid = uid.and_then(|uid| String::from_utf8(uid).ok()?.trim().parse().ok());
    Some(uid.unwrap_or(USUAL_OVERFLOW_UID))
}

/// Returns whether a process exists, by signal 0. A refusal means that it does.
fn lives(pid: u32) -> bool {
    // Zero and negative PIDs would mean process groups.
    let Some(pid) = i32::try_from(pid).ok().filter(|&pid| pid > 0) else { return false };
    matches!(kill(Pid::from_raw(pid), None), Ok(()) | Err(nix::errno::Errno::EPERM))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_to_limit(&File::open(path)?, MAX_BYTES)
}

/// Reads at most so many bytes of a file. A FIFO, as in a folder of job files, is not waited for.
pub(super) fn read_up_to(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    read_to_limit(&File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?, most)
}

fn read_to_limit(file: &File, most: usize) -> io::Result<Vec<u8>> {
    // Most files of a process are shorter than this and need one read.
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    file.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn reason(error: &io::Error) -> Absence {
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
    fn command_line_of_two_mebibytes_truncated() {
        let long = vec![b'x'; 2 << 20];
        let (_root, proc) = proc(&[("7/cmdline", &long)]);
        assert_eq!(proc.arguments(7).unwrap().line().len(), MAX_BYTES);
    }

    #[test]
    fn process_ended_is_no_error() {
        let (_root, proc) = proc(&[]);
        assert_eq!(proc.stat(7), Ok(None));
        assert_eq!(proc.real_uid(7), Err(Absence::Error));
    }

    #[test]
    fn ticks_and_pages_converted_to_ms_and_bytes() {
        let stat = b"7 (a) S 1 7 7 0 -1 4194560 1 0 0 0 10 32 5 6 20 0 1 0 500 9 77 8";
        let (_root, mut proc) = proc(&[("7/stat", stat)]);
        (proc.ticks_per_second, proc.page_bytes) = (50, 65536);
        let stat = proc.stat(7).unwrap().unwrap();
        assert_eq!((stat.started, stat.cpu_ms, stat.resident_bytes), (BootTime(10_000), Ok(840), Ok(77 << 16)));
    }

    #[test]
    fn user_that_namespace_lacks_is_absent() {
        let status = |uid: u32| format!("Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n");
        let (nobody, own, overflow) = (status(65534), status(0), status(4711));
        let uids = |map: &str, overflowuid: &str| {
            let (_root, proc) = proc(&[
                ("self/uid_map", map.as_bytes()),
                ("sys/kernel/overflowuid", overflowuid.as_bytes()),
                ("1/status", nobody.as_bytes()),
                ("2/status", own.as_bytes()),
                ("3/status", overflow.as_bytes()),
            ]);
            ([1, 2, 3].map(|pid| proc.real_uid(pid)), proc.lacks_users())
        };
        let denied = Err(Absence::Denied);
        assert_eq!(uids("         0          0 4294967295\n", "65534\n"), ([Ok(65534), Ok(0), Ok(4711)], false));
        assert_eq!(uids("         0       1000          1\n", "65534\n"), ([denied, Ok(0), Ok(4711)], true));
        assert_eq!(uids("0 1000 1\n1 100000 65536\n", "4711\n"), ([Ok(65534), Ok(0), denied], true));
        assert_eq!(uids("0 0 1\n1 1 4294967294\n", "65534\n"), ([Ok(65534), Ok(0), Ok(4711)], false));
        assert_eq!(uids("0 1000 1\n", "garbage"), ([denied, Ok(0), Ok(4711)], true));
    }

    #[test]
    fn own_process_is_read() {
        let proc = ProcFs::new("/proc".into());
        let pid = std::process::id();
        let stat = proc.stat(pid).unwrap().unwrap();
        assert!(!stat.zombie && stat.started <= BootTime::now() && stat.started > BootTime(0));
        assert!(stat.cpu_ms.is_ok() && stat.resident_bytes.unwrap() > 100_000, "{stat:?}");
        assert_eq!(proc.real_uid(pid), Ok(nix::unistd::getuid().as_raw()));
        let path = std::env::current_exe().unwrap();
        let program = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(proc.name(pid).unwrap(), program[..program.len().min(15)], "the main thread's name");
        assert!(proc.placement(pid).is_ok());
        assert!(!proc.arguments(pid).unwrap().is_empty());
        assert!(proc.options.split(',').any(|option| option == "rw" || option == "ro"), "{}", proc.options);
    }

    #[test]
    fn process_hidden_is_denied_not_gone() {
        let (root, plain) = proc(&[]);
        let pid = std::process::id();
        assert_eq!(plain.stat(pid), Ok(None));
        let mounts = |options: &str| {
            fs::create_dir_all(root.path().join("self")).unwrap();
            let line = format!("proc {} proc {options} 0 0\n", root.path().display());
            fs::write(root.path().join("self/mounts"), line).unwrap();
            ProcFs::new(root.path().into())
        };
        assert_eq!(mounts("rw,gid=5,hidepid=invisible").stat(pid), Err(Absence::Denied));
        assert_eq!(mounts("rw,hidepid=2").stat(0), Ok(None));
        assert_eq!(mounts("rw,hidepid=2").stat(u32::MAX), Ok(None));
        assert_eq!(mounts("rw,hidepid=0").stat(pid), Ok(None));
        assert_eq!(mounts("rw,gid=5,hidepid=1").option("gid"), Some("5"));
    }

    #[test]
    fn pid_namespace_difference_detected() {
        let (root, proc) = proc(&[("self/ns/x", b"")]);
        std::os::unix::fs::symlink("pid:[4026532000]", root.path().join("self/ns/pid")).unwrap();
        assert!(!proc.sees_the_hosts_pids());
    }
}
