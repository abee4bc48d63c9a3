//! State saved over a restart: the history, events, the GPUs, and the use of each. It is written at the end and every
//! ten minutes, atomically, and read at the start. Other modules keep small files of the same form beside it.

mod file;

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use server::{Archive, Published};
use telemetry::{
    Stamp,
    derive::{EarlierGpu, SavedState, is_lasting},
    history::{History, LongSteps, SavedGpu},
};
use tokio::sync::watch;

use crate::regular;
use file::{FileError, Part, Reader, Writer};

/// Interval at which it is saved, the most that a crash of the host loses.
pub(crate) const SAVE_INTERVAL: Duration = Duration::from_secs(600);
/// Timeout of the last save: a disk that hangs does not block the agent's end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// File name in the folder, and file name while it is being written.
const NAME: &str = "history";
const STAGED: &str = "history.new";

/// First part: time and boot of the save.
#[derive(Debug, Serialize, Deserialize)]
struct FileHead {
    at: Stamp,
    boot: String,
}

/// Loads the saved state of a folder. If it cannot be read, that is logged, and the agent starts without it.
pub(crate) fn load(folder: &Path, history: &mut History) -> SavedState {
    let path = folder.join(NAME);
    let file = match regular::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return SavedState::default(),
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "cannot read the saved state; starting without history");
            return SavedState::default();
        }
    };
    let depth = history.depth();
    read(BufReader::new(file), history).unwrap_or_else(|error| {
        tracing::warn!(file = %path.display(), %error, "cannot read the saved state; starting without history");
        *history = History::new(depth);
        SavedState::default()
    })
}

fn read(from: impl io::Read, history: &mut History) -> Result<SavedState, FileError> {
    let mut reader = Reader::begin(from)?;
    let head: FileHead = reader.part()?.ok_or(FileError::Damaged)?;
    let (saved_state, gpus): (SavedState, Vec<EarlierGpu>) = reader.extended_part()?.ok_or(FileError::Damaged)?;
    let saved_state = saved_state.with_earlier_gpus(gpus);
    let now = Stamp::now();
    while let Some(gpu) = reader.extended_part::<SavedGpu, LongSteps>()? {
        history.load(&gpu, head.at, now);
    }
    Ok(if head.boot == boot() { saved_state } else { saved_state.after_a_boot() })
}

/// Newest state to save, from the loaded one on. The supervisor updates it and the saver reads it, so that what a run
/// has not read is saved as it was loaded, however early the run ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewestState(Option<Arc<Mutex<SavedState>>>);

impl NewestState {
    /// State that will be saved. The default is one that never is.
    pub(crate) fn kept(loaded: SavedState) -> Self {
        Self(Some(Arc::new(Mutex::new(loaded))))
    }

    pub(crate) fn get(&self) -> SavedState {
        self.0.as_deref().map(|state| Self::lock(state).clone()).unwrap_or_default()
    }

    /// Replaces it, unless it is never saved.
    pub(crate) fn set(&self, newest: impl FnOnce() -> SavedState) {
        if let Some(state) = &self.0 {
            *Self::lock(state) = newest();
        }
    }

    /// A thread that panicked has left a whole state.
    fn lock(state: &Mutex<SavedState>) -> MutexGuard<'_, SavedState> {
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Thread that saves the state.
pub(crate) struct StateSaver {
    stop: mpsc::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl StateSaver {
    /// Starts the thread.
    pub(crate) fn start(
        folder: PathBuf,
        archive: Arc<Archive>,
        newest: watch::Receiver<Arc<Published>>,
        state: NewestState,
        interval: Duration,
    ) -> io::Result<Self> {
        if let Err(error) = prepare(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "the history will be lost when the agent stops");
        }
        let (stop, stopped) = mpsc::channel();
        let (running, ended) = mpsc::channel();
        thread::Builder::new().name("state".into()).spawn(move || {
            let _running: mpsc::Sender<()> = running;
            loop {
                let again = matches!(stopped.recv_timeout(interval), Err(mpsc::RecvTimeoutError::Timeout));
                let newest = Arc::clone(&newest.borrow());
                match write(&folder, &archive, &newest, state.get()) {
                    Ok(()) => tracing::debug!(folder = %folder.display(), "saved the state"),
                    Err(error) => {
                        tracing::warn!(folder = %folder.display(), %error, "cannot save the state");
                    }
                }
                if !again {
                    return;
                }
            }
        })?;
        Ok(Self { stop, ended })
    }

    /// Saves a last time and ends the thread.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if matches!(self.ended.recv_timeout(STOP_TIMEOUT), Err(mpsc::RecvTimeoutError::Timeout)) {
            tracing::warn!("saving the state took too long; exiting without it");
        }
    }
}

fn write(folder: &Path, archive: &Archive, newest: &Published, state: SavedState) -> Result<(), FileError> {
    replace(folder, NAME, |writer| {
        writer.part(&FileHead { at: newest.snapshot.at, boot: boot() })?;
        let state = state.with_events(&newest.snapshot);
        writer.part(&(&state, state.earlier_gpus()))?;
        let uuids: Vec<String> = archive.read().gpus().filter(|key| is_lasting(key)).map(String::from).collect();
        for uuid in uuids {
            // The lock is held for the copy only, not while writing.
            let part = archive.read().save(&uuid).map(|gpu| Part::new(&gpu)).transpose()?;
            if let Some(part) = part {
                writer.write(&part)?;
            }
        }
        Ok(())
    })
}

/// Replaces a file of parts at once, so that a crash leaves the old or the new one.
fn replace(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut Writer<BufWriter<File>>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let staged = folder.join(format!("{name}.new"));
    // It names users, so only this account can read it.
    let file = regular::create(&staged)?;
    let mut writer = Writer::begin(BufWriter::new(file))?;
    write(&mut writer)?;
    let mut file = writer.end()?;
    file.flush()?;
    file.get_ref().sync_all()?;
    fs::rename(&staged, folder.join(name))?;
    // Without it a crash of the host could undo the rename.
    Ok(File::open(folder)?.sync_all()?)
}

/// Replaces a file with one part.
pub(crate) fn write_part(folder: &Path, name: &str, part: &impl Serialize) -> io::Result<()> {
    replace(folder, name, |writer| writer.part(part)).map_err(io::Error::other)
}

/// Reads a file with one part; none if there is no file.
///
/// # Errors
/// It cannot be read, or is damaged.
pub(crate) fn read_part<T: DeserializeOwned>(folder: &Path, name: &str) -> io::Result<Option<T>> {
    let file = match regular::open(&folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let whole = |mut reader: Reader<BufReader<File>>| {
        let part = reader.part()?.ok_or(FileError::Damaged)?;
        // The end mark: a part of it could mean something else.
        reader.part::<T>()?.map_or(Ok(part), |_| Err(FileError::Damaged))
    };
    Reader::begin(BufReader::new(file)).and_then(whole).map(Some).map_err(io::Error::other)
}

/// Checks that the folder is writable, or can be created. It changes nothing, because an agent may use the folder, and
/// `check` may run as another account.
pub(crate) fn check_folder(folder: &Path) -> io::Result<()> {
    let existing = folder.ancestors().find(|part| part.exists()).unwrap_or(Path::new("."));
    if !existing.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(existing, AccessFlags::W_OK | AccessFlags::X_OK)?)
}

/// Creates the folder if it is missing, and checks that it is writable.
fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let probe = folder.join(STAGED);
    regular::create(&probe)?;
    fs::remove_file(&probe)
}

/// Boot ID of the kernel; empty if it has none.
pub(crate) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().into()
}

#[cfg(test)]
mod tests;
