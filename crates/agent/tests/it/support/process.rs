//! Processes for the driver to list.

use std::{
    ffi::OsStr,
    fs,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use crate::support::{built, eventually};

/// A live process with any argument list, which waits until it is dropped.
pub(crate) struct StandIn(Child);

impl StandIn {
    pub(crate) fn start<S: AsRef<OsStr>>(arguments: &[S]) -> Self {
        Self::start_as(arguments, None)
    }

    pub(crate) fn start_as<S: AsRef<OsStr>>(arguments: &[S], uid: Option<u32>) -> Self {
        let mut command = Command::new(built("stand-in"));
        let (name, rest) = arguments.split_first().expect("a process has a name");
        command.arg0(name).args(rest).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(uid) = uid {
            command.uid(uid);
        }
        let process = command.spawn().expect("the stand-in starts; another account's needs the tests to run as root");
        let stand_in = Self(process);
        // Between fork and exec it still has the test's own arguments.
        let line = format!("/proc/{}/cmdline", stand_in.pid());
        let first = name.as_ref().as_encoded_bytes();
        eventually("the stand-in's own command line", || fs::read(&line).ok().filter(|line| line.starts_with(first)));
        stand_in
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that has exited and is not waited for until it is dropped.
pub(crate) fn zombie() -> StandIn {
    let process = Command::new("true").spawn().expect("`true` starts");
    let stat = format!("/proc/{}/stat", process.id());
    eventually("a zombie", || fs::read_to_string(&stat).ok().filter(|stat| stat.contains(") Z ")));
    StandIn(process)
}

/// The PID of a process that has ended.
pub(crate) fn gone() -> u32 {
    let mut process = Command::new("true").spawn().expect("`true` starts");
    let pid = process.id();
    process.wait().expect("it ends");
    pid
}
