//! File of the claims in the state directory, written by a thread of its own: a disk that hangs does not stop claims.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use telemetry::claims::SavedClaims;

use crate::state;

/// File name in the folder.
const NAME: &str = "claims";
/// Time for which an answer waits until a claim is on the disk.
const SAVE_TIMEOUT: Duration = Duration::from_millis(500);
/// Interval of retries after an error.
const RETRY: Duration = Duration::from_secs(10);

/// Loads the claims. If they cannot be read, that is logged, and the agent starts without them.
pub(super) fn load(folder: &Path) -> SavedClaims {
    match state::read_part(folder, NAME) {
        Ok(saved) => saved.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(file = %folder.join(NAME).display(), %error, "cannot read the claims; starting without them");
            SavedClaims::default()
        }
    }
}

/// Newest claims to save, each with a channel that is closed once they are saved.
type Newest = Arc<Mutex<Option<(SavedClaims, Sender<()>)>>>;

/// Thread that saves claims.
pub(super) struct Saver {
    newest: Newest,
    wake: Sender<()>,
}

impl Saver {
    pub(super) fn start(folder: PathBuf) -> io::Result<Self> {
        let (wake, woken) = bounded(1);
        let newest = Newest::default();
        let shared = Arc::clone(&newest);
        thread::Builder::new().name("claims file".into()).spawn(move || save_all(&folder, &shared, &woken))?;
        Ok(Self { newest, wake })
    }

    /// Saves the claims, and waits a little for that.
    pub(super) fn save(&self, claims: SavedClaims) {
        let (saving, saved) = bounded::<()>(0);
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some((claims, saving));
        // Full means that the thread will look anyway.
        let _ = self.wake.try_send(());
        // Disconnected once they are saved, or replaced by newer ones.
        let _ = saved.recv_timeout(SAVE_TIMEOUT);
    }
}

fn save_all(folder: &Path, newest: &Newest, woken: &Receiver<()>) {
    let mut unsaved: Option<SavedClaims> = None;
    loop {
        let is_over = match &unsaved {
            Some(_) => woken.recv_timeout(RETRY) == Err(RecvTimeoutError::Disconnected),
            None => woken.recv().is_err(),
        };
        if is_over {
            return;
        }
        let newer = newest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let was_saved = unsaved.is_none();
        let (claims, saving) = match newer {
            Some((claims, saving)) => (Some(claims), Some(saving)),
            None => (unsaved.take(), None),
        };
        let Some(claims) = claims else { continue };
        unsaved = match state::write_part(folder, NAME, &claims) {
            Ok(()) => None,
            Err(error) if was_saved => {
                let folder = folder.display();
                tracing::warn!(%folder, %error, "cannot save the claims: they would be lost at a restart");
                Some(claims)
            }
            Err(_) => Some(claims),
        };
        drop(saving);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn file_is_private_and_damage_is_no_claim() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()), SavedClaims::default());
        let saver = Saver::start(folder.path().into()).unwrap();
        let saved = telemetry::claims::Claims::default().saved("boot");
        saver.save(saved.clone());
        assert_eq!(load(folder.path()), saved);
        let path = folder.path().join(NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(load(folder.path()), SavedClaims::default());
    }

    #[test]
    fn disk_that_fails_stops_nobody_and_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let saver = Saver::start(missing.clone()).unwrap();
        let saved = telemetry::claims::Claims::default().saved("boot");
        saver.save(saved.clone());
        fs::create_dir(&missing).unwrap();
        // The next change is tried at once.
        saver.save(saved.clone());
        assert_eq!(load(&missing), saved);
    }
}
