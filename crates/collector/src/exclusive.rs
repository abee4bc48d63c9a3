//! Lock in the runtime directory. It prevents a second collector beside one that hangs in the kernel, even if the
//! parent of the first was killed and started again.
//!
//! The parent opens the file once, so that a collector starts even if the directory is deleted. The lock is POSIX's,
//! which belongs to this process: a helper that the library forks does not inherit it, as it would inherit the lock of
//! `flock`.

use std::{
    fs::File,
    io::Write,
    os::fd::{FromRawFd as _, OwnedFd, RawFd},
    path::PathBuf,
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, fcntl},
    libc,
};
use telemetry::{frame::FrameError, sample::Driver};

use crate::assemble::Assembler;

/// Interval between attempts to take a lock that another collector holds.
const TRY_LOCK: Duration = Duration::from_millis(250);

/// File of the lock. This process must not open it again: closing any descriptor of the file releases the lock.
pub(crate) struct Exclusive {
    file: File,
    path: PathBuf,
}

impl Exclusive {
    /// Takes over the descriptor that the parent left open for us, of the file at this path.
    ///
    /// # Errors
    /// It is not open.
    pub(crate) fn inherited(descriptor: RawFd, path: PathBuf) -> nix::Result<Self> {
        // SAFETY: the parent opened it for us alone; the next line checks that it is open.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
        fcntl(&file, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        Ok(Self { file, path })
    }

    /// Waits until no other collector holds the lock, and reports that in frames. It is held until the process ends, so
    /// a collector that hangs in the kernel blocks all later ones.
    pub(crate) fn wait<W: Write>(&self, assembler: &mut Assembler<W>) -> Result<(), FrameError> {
        loop {
            match fcntl(&self.file, FcntlArg::F_SETLK(&whole_file())) {
                Ok(_) => return Ok(()),
                Err(Errno::EACCES | Errno::EAGAIN) => {}
                Err(error) => {
                    tracing::warn!(path = %self.path.display(), %error, "cannot lock; going on without the lock");
                    return Ok(());
                }
            }
            let detail =
                format!("an earlier collector{} has not ended yet and holds {}", self.holder(), self.path.display());
            assembler.write(Driver::Waiting { detail })?;
            thread::sleep(TRY_LOCK);
        }
    }

    /// Names the process that holds the lock; empty if that is unknown, as in another PID namespace.
    fn holder(&self) -> String {
        let mut lock = whole_file();
        match fcntl(&self.file, FcntlArg::F_GETLK(&mut lock)) {
            Ok(_) if lock.l_pid > 0 => format!(" (PID {})", lock.l_pid),
            _ => String::new(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "small constants of the C library")]
const fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}
