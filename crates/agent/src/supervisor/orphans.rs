//! Processes that the kernel gives to this one as PID 1 of a container: helpers of the library, or of another process
//! there. Without an init nobody else waits for them, and each would stay as a zombie.

use nix::{
    errno::Errno,
    sys::wait::{Id, WaitPidFlag, waitid, waitpid},
    unistd::{Pid, getpid},
};

/// Processes that are reaped at once.
const MOST: usize = 64;

/// Reaps the orphans that have ended, if this is PID 1. The collector is left to its handle.
pub(super) fn reap(collector: Option<u32>) {
    if getpid() != Pid::from_raw(1) {
        return;
    }
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    for _ in 0..MOST {
        let ended = match waitid(Id::All, flags) {
            Ok(status) => status.pid(),
            Err(Errno::EINTR) => continue,
            Err(_) => return,
        };
        let Some(ended) = ended.filter(|pid| u32::try_from(pid.as_raw()).ok() != collector) else { return };
        tracing::debug!(pid = ended.as_raw(), "reaped an orphan");
        // Nobody else waits for it.
        let _ = waitpid(ended, None);
    }
}
