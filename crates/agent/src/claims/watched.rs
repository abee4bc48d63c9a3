//! Processes to which claims of `run` belong.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};
use telemetry::claims::ClaimProcess;

/// A process that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) process: ClaimProcess,
    /// Readable once the process has ended; none where the kernel or a filter has no such descriptor.
    descriptor: Option<OwnedFd>,
}

impl Watched {
    /// Watches the process that has this PID now; none if it does not run, or belongs to another user than the claim: then
    /// the one that asked has ended, and another has its PID.
    pub(super) fn begin(pid: u32, uid: u32) -> Option<Self> {
        // The descriptor first: what is read afterwards is of the same process, if that still runs.
        let descriptor = open(pid).ok()?;
        let started_ticks = collector::process_start(pid).ok();
        if started_ticks == Some(None) || collector::process_uid(pid).is_ok_and(|own| own != uid) {
            return None;
        }
        let watched = Self { process: ClaimProcess { pid, started_ticks: started_ticks.flatten() }, descriptor };
        watched.runs().then_some(watched)
    }

    /// Watches a process of an earlier run of the agent again; none if it has ended, or cannot be recognized.
    pub(super) fn again(process: ClaimProcess) -> Option<Self> {
        let descriptor = open(process.pid).ok()?;
        let is_same = process.started_ticks.is_some() && start_of(process.pid) == process.started_ticks;
        is_same.then_some(Self { process, descriptor })
    }

    /// Descriptor to wait on; none if the process must be looked at from time to time.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(OwnedFd::as_fd)
    }

    /// Looks whether it runs, for one without a descriptor. One that cannot be seen runs as long as its PID exists.
    pub(super) fn runs(&self) -> bool {
        match (&self.descriptor, self.process.started_ticks) {
            (Some(_), _) => true,
            (None, Some(ticks)) => start_of(self.process.pid) == Some(ticks),
            (None, None) => exists(self.process.pid),
        }
    }
}

fn start_of(pid: u32) -> Option<u64> {
    collector::process_start(pid).ok().flatten()
}

/// Opens a descriptor; none where there is no such call.
///
/// # Errors
/// There is no such process.
fn open(pid: u32) -> Result<Option<OwnedFd>, ()> {
    match collector::open_process(pid) {
        Ok(descriptor) => Ok(Some(descriptor)),
        Err(error) => {
            let has_no_call =
                [Errno::ENOSYS, Errno::EPERM].iter().any(|code| error.raw_os_error() == Some(*code as i32));
            if has_no_call && exists(pid) { Ok(None) } else { Err(()) }
        }
    }
}

/// True if a process has the PID. Signal 0 is sent to nobody.
fn exists(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return false };
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn process_recognized_by_its_start() {
        let uid = nix::unistd::getuid().as_raw();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(Watched::begin(child.id(), uid + 1).is_none(), "a process of another user");
        let watched = Watched::begin(child.id(), uid).unwrap();
        let process = watched.process;
        assert!(watched.descriptor().is_some() && watched.runs());
        assert_eq!(Watched::again(process).unwrap().process, process);
        let other = process.started_ticks.map(|ticks| ticks + 1);
        assert!(Watched::again(ClaimProcess { started_ticks: other, ..process }).is_none());
        assert!(Watched::again(ClaimProcess { started_ticks: None, ..process }).is_none());
        let polled = Watched { process, descriptor: None };
        assert!(polled.runs());
        let unseen = Watched { process: ClaimProcess { started_ticks: None, ..process }, descriptor: None };
        assert!(unseen.runs());
        child.kill().unwrap();
        // It is a zombie until it is waited for.
        while polled.runs() {
            std::thread::yield_now();
        }
        assert!(Watched::begin(child.id(), uid).is_none() && Watched::again(process).is_none());
        child.wait().unwrap();
        assert!(!polled.runs() && !unseen.runs());
        assert!(Watched::begin(child.id(), uid).is_none() && Watched::begin(u32::MAX, uid).is_none());
    }
}
