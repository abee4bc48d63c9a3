//! File of the lock that keeps out a second collector. It is opened once, for all collectors of this run.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::{notes, regular};

/// File in the runtime directory.
const NAME: &str = "collector.lock";
/// Topic of the note while there is no lock, or its directory is gone.
const NOTE: &str = "runtime directory";

/// The open file; none without a runtime directory, or if it cannot be opened.
#[derive(Debug, Default)]
pub(super) struct LockFile(Option<(File, PathBuf)>);

impl LockFile {
    /// Opens the file. Collectors also start without it.
    pub(super) fn open(folder: Option<&Path>) -> Self {
        let Some(folder) = folder else { return Self::default() };
        let path = folder.join(NAME);
        match create(&path) {
            Ok(file) => Self(Some((file, path))),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "no lock against the collector of another agent");
                notes::set(NOTE, format!("there is no lock against the collector of another agent: {error}"));
                Self::default()
            }
        }
    }

    /// Descriptor that a collector inherits.
    pub(super) fn descriptor(&self) -> Option<RawFd> {
        self.0.as_ref().map(|(file, _)| file.as_raw_fd())
    }

    /// Path of the file, for messages.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.0.as_ref().map(|(_, path)| path.clone())
    }

    /// Notes that the file was deleted: another agent would not find the lock, nor a client the control socket.
    pub(super) fn check(&self) {
        let Some((file, path)) = &self.0 else { return };
        let identity = |found: io::Result<fs::Metadata>| found.ok().map(|found| (found.dev(), found.ino()));
        if identity(fs::metadata(path)) == identity(file.metadata()) {
            notes::clear(NOTE);
            return;
        }
        let folder = path.parent().unwrap_or(path).display();
        notes::set(
            NOTE,
            format!("{folder} was deleted while the agent runs: `release` and the lock need it; restart the agent"),
        );
    }
}

fn create(path: &Path) -> io::Result<File> {
    let file = regular::create(path)?;
    // A collector inherits it.
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(file)
}
