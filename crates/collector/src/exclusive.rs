//! Lock in the runtime directory. It prevents a second collector beside one that hangs in the kernel, even if the parent of
//! the first was killed and started again.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use telemetry::{frame::FrameError, sample::Driver};

use crate::assemble::Assembler;

/// Interval between attempts to take a lock that another collector holds.
const TRY_LOCK: Duration = Duration::from_millis(250);

/// File of the lock, not locked yet.
pub(crate) struct Exclusive {
    file: File,
    path: PathBuf,
}

impl Exclusive {
    /// Opens the file in the runtime directory.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("collector.lock");
        let file = File::options().create(true).append(true).open(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot open the lock {}: {error}", path.display()))
        })?;
        Ok(Self { file, path })
    }

    /// Waits until no other collector holds the lock, and reports that in frames. The lock is held until the process
    /// ends, so a collector that hangs in the kernel blocks all later ones.
    pub(crate) fn wait<W: Write>(self, assembler: &mut Assembler<W>) -> Result<Flock<File>, FrameError> {
        let mut file = self.file;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => return Ok(held),
                Err((back, Errno::EWOULDBLOCK)) => file = back,
                Err((_, error)) => return Err(FrameError::Io(error.into())),
            }
            let detail = format!("an earlier collector has not ended yet and holds {}", self.path.display());
            assembler.write(Driver::Waiting { detail })?;
            thread::sleep(TRY_LOCK);
        }
    }
}
