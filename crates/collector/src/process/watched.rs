//! Processes that the agent itself waits for, by PID and start.

use std::{
    fs, io,
    os::fd::{FromRawFd as _, OwnedFd},
};

use nix::libc;

use super::parse;

/// State letter of a process that has exited and was not waited for, and of one that is being removed.
const ENDED: [u8; 2] = [b'Z', b'X'];

/// Opens a descriptor of a process (pidfd) that is readable once the process has ended.
///
/// # Errors
/// There is no such process, or the kernel (before 5.3) or a filter of system calls does not have the call.
pub fn open_process(pid: u32) -> io::Result<OwnedFd> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::NotFound)?;
    // SAFETY: the call takes two integers and returns a new descriptor, which closes on exec, or -1.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let descriptor = i32::try_from(descriptor).ok().filter(|descriptor| *descriptor >= 0);
    let descriptor = descriptor.ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the descriptor is new, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Start of a process that runs, in clock ticks since boot: `/proc/PID/stat`, field 22. None if it has ended.
///
/// # Errors
/// It cannot be read, as with `hidepid` for processes of others: then it may have ended or not.
pub fn process_start(pid: u32) -> io::Result<Option<u64>> {
    let stat = fs::read(format!("/proc/{pid}/stat"))?;
    let stat = parse::stat(&stat).ok_or(io::ErrorKind::InvalidData)?;
    Ok((!ENDED.contains(&stat.state)).then_some(stat.start_ticks))
}

/// Real user ID of a process: `/proc/PID/status`, `Uid`.
///
/// # Errors
/// It has ended, or cannot be read.
pub fn process_uid(pid: u32) -> io::Result<u32> {
    let status = fs::read(format!("/proc/{pid}/status"))?;
    parse::real_uid(&status).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::{os::fd::AsRawFd as _, process::Command};

    use super::*;

    #[test]
    fn process_watched_until_its_end() {
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let watched = open_process(child.id()).unwrap();
        assert!(process_start(child.id()).unwrap().is_some_and(|ticks| ticks > 0));
        assert_eq!(process_uid(child.id()).unwrap(), nix::unistd::getuid().as_raw());
        let mut poll = [libc::pollfd { fd: watched.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
        // SAFETY: one element, which lives as long as the call.
        let mut wait = |ms| unsafe { libc::poll(poll.as_mut_ptr(), 1, ms) };
        assert_eq!(wait(0), 0);
        drop(child.stdin.take());
        assert_eq!(wait(20_000), 1);
        assert_eq!(process_start(child.id()).unwrap(), None, "it is not waited for yet");
        child.wait().unwrap();
        assert!(open_process(child.id()).is_err() && process_start(child.id()).is_err());
    }
}
