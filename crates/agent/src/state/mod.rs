//! What is kept over a restart of the agent: the history, events, and since when each GPU is in use as it is. It is
//! written when the agent stops and every ten minutes, at once or not at all, and read at the start.

mod file;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};
use server::{Archive, Published};
use telemetry::{
    Stamp,
    derive::SavedState,
    history::{History, SavedGpu},
};
use tokio::sync::watch;

use file::{FileError, Reader, Writer};

/// How often it is written. What a crash of the host loses is at most this.
pub(crate) const EVERY: Duration = Duration::from_secs(600);
/// How long the end waits for the last writing: a disk that hangs does not keep the agent.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// Its name in the folder, and the name under which it is written until it is whole.
const NAME: &str = "history";
const STAGED: &str = "history.new";

/// The first part: when it was written, and in which boot.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    at: Stamp,
    boot: String,
}

/// Reads what is kept in that folder into a past. What cannot be read is one line in the log, and an empty start.
pub(crate) fn load(folder: &Path, history: &mut History) -> SavedState {
    let path = folder.join(NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return SavedState::default(),
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "what was kept cannot be read: the history begins anew");
            return SavedState::default();
        }
    };
    let depth = history.depth();
    read(BufReader::new(file), history).unwrap_or_else(|error| {
        tracing::warn!(file = %path.display(), %error, "what was kept cannot be read: the history begins anew");
        *history = History::new(depth);
        SavedState::default()
    })
}

fn read(from: impl io::Read, history: &mut History) -> Result<SavedState, FileError> {
    let mut reader = Reader::begin(from)?;
    let head: Head = reader.part()?.ok_or(FileError::Damaged)?;
    let kept: SavedState = reader.part()?.ok_or(FileError::Damaged)?;
    let now = Stamp::now();
    while let Some(gpu) = reader.part::<SavedGpu>()? {
        history.load(&gpu, head.at, now);
    }
    Ok(if head.boot == boot() { kept } else { kept.after_a_boot() })
}

/// The thread that writes.
pub(crate) struct Keeper {
    stop: mpsc::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl Keeper {
    /// Starts it, to write so often.
    pub(crate) fn start(
        folder: PathBuf,
        archive: Arc<Archive>,
        newest: watch::Receiver<Arc<Published>>,
        every: Duration,
    ) -> io::Result<Self> {
        if let Err(error) = prepare(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "the history will be lost when the agent stops");
        }
        let (stop, stopped) = mpsc::channel();
        let (lives, ended) = mpsc::channel();
        thread::Builder::new().name("keeper".into()).spawn(move || {
            let _lives: mpsc::Sender<()> = lives;
            loop {
                let go_on = matches!(stopped.recv_timeout(every), Err(mpsc::RecvTimeoutError::Timeout));
                let newest = Arc::clone(&newest.borrow());
                match write(&folder, &archive, &newest) {
                    Ok(()) => tracing::debug!(folder = %folder.display(), "the history is written"),
                    Err(error) => {
                        tracing::warn!(folder = %folder.display(), %error, "the history cannot be written");
                    }
                }
                if !go_on {
                    return;
                }
            }
        })?;
        Ok(Self { stop, ended })
    }

    /// Writes for the last time.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if matches!(self.ended.recv_timeout(STOP_WITHIN), Err(mpsc::RecvTimeoutError::Timeout)) {
            tracing::warn!("the history is not written in time and is left");
        }
    }
}

fn write(folder: &Path, archive: &Archive, newest: &Published) -> Result<(), FileError> {
    let staged = folder.join(STAGED);
    // It names people in what happened; nobody else is to read it.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
    let mut writer = Writer::begin(BufWriter::new(file))?;
    writer.part(&Head { at: newest.snapshot.at, boot: boot() })?;
    writer.part(&SavedState::of(&newest.snapshot))?;
    let uuids: Vec<String> = archive.read().gpus().map(String::from).collect();
    for uuid in uuids {
        // The lock is held for the copy and not for the writing.
        let saved = archive.read().save(&uuid);
        if let Some(saved) = saved {
            writer.part(&saved)?;
        }
    }
    let mut file = writer.end()?;
    file.flush()?;
    file.get_ref().sync_all()?;
    fs::rename(&staged, folder.join(NAME))?;
    // Else a crash of the host may bring the old name back.
    Ok(File::open(folder)?.sync_all()?)
}

/// Whether the folder can be written to or, where it is missing, be made. Changes nothing: an agent may be at work there,
/// and who asks need not be who it runs as.
pub(crate) fn usable(folder: &Path) -> io::Result<()> {
    let there = folder.ancestors().find(|part| part.exists()).unwrap_or(Path::new("."));
    if !there.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(there, AccessFlags::W_OK | AccessFlags::X_OK)?)
}

/// Makes the folder if it is missing, and tries whether it can be written to.
fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let probe = folder.join(STAGED);
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&probe)?;
    fs::remove_file(&probe)
}

/// The kernel's name for this boot; empty where it has none.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().into()
}

#[cfg(test)]
mod tests;
