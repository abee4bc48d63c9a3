//! A process that waits for ever, whatever its arguments.
//!
//! Tests and the demonstration need live processes whose command lines look like those of GPU jobs, without a job.
//! It ends with its parent, so that a test that dies leaves nothing behind; `STAND_IN_KEEP` lets it outlive the parent.

#![allow(unsafe_code, reason = "prctl and getppid have no safe form in std")]

fn main() {
    if std::env::var_os("STAND_IN_KEEP").is_none() {
        // SAFETY: getppid takes nothing and cannot fail.
        let parent = unsafe { libc::getppid() };
        // SAFETY: this option takes one integer, a signal, and touches no memory of ours.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // A parent that died before the call above would never be noticed.
        // SAFETY: as above.
        if unsafe { libc::getppid() } != parent {
            return;
        }
    }
    loop {
        std::thread::park();
    }
}
