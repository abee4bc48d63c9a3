//! The lock in the runtime directory: never a second caller beside one that is stuck in the kernel, even if the
//! parent of the first has been killed and started again.

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

/// How often it is tried to take over from a collector that still holds the lock.
const TRY_LOCK: Duration = Duration::from_millis(250);

/// The lock's file, not locked yet.
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

    /// Waits until no other collector holds the lock, and says so in frames. It is held as long as the process lives,
    /// so a collector that is stuck in the kernel keeps every later one from joining it there.
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
