//! A process that waits forever and ignores its arguments.
//!
//! Tests and the demo need processes whose command lines look like those of GPU jobs. It ends with its parent, so that
//! an aborted test leaves no processes behind. With `STAND_IN_KEEP` it outlives the parent.

#![allow(unsafe_code, reason = "prctl and getppid have no safe form in std")]

fn main() {
    if std::env::var_os("STAND_IN_KEEP").is_none() {
        // SAFETY: getppid takes no arguments and cannot fail.
        let parent = unsafe { libc::getppid() };
        // SAFETY: this option takes one integer, a signal, and touches no memory of ours.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // The signal is not sent if the parent ended before the call above.
        // SAFETY: as above.
        if unsafe { libc::getppid() } != parent {
            return;
        }
    }
    loop {
        std::thread::park();
    }
}
