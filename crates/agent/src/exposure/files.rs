//! Reloading of files when they change.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// Interval at which they are checked.
const POLL: Duration = Duration::from_secs(1);

/// Files that are reloaded together.
pub(crate) struct Watched {
    pub(super) paths: Vec<PathBuf>,
    /// States before they were read.
    pub(super) seen: Vec<FileState>,
    /// Reloads them, and logs errors itself.
    pub(super) read: Box<dyn Fn() + Send>,
}

/// Properties by which a change of a file shows: device, inode, size, mtime and ctime. None if it cannot be inspected.
pub(super) type FileState = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// Files with the states seen of them.
struct WatchState {
    watched: Watched,
    /// States when they were last reloaded.
    loaded: Vec<FileState>,
    /// States at the last check.
    last: Vec<FileState>,
}

/// Handle by which another thread has the files reloaded at once.
#[derive(Debug)]
pub(crate) struct Reload(mpsc::Sender<()>);

impl Reload {
    /// Reloads every file, changed or not.
    pub(crate) fn now(&self) {
        // Fails if there is no file to watch.
        let _ = self.0.send(());
    }
}

/// Watches files until the process ends.
pub(super) fn watch(all: Vec<Watched>) -> io::Result<Reload> {
    let (sender, requests) = mpsc::channel();
    let reload = Reload(sender);
    if all.is_empty() {
        return Ok(reload);
    }
    let mut all: Vec<WatchState> = all.into_iter().map(WatchState::new).collect();
    let look = move || {
        loop {
            match requests.recv_timeout(POLL) {
                Ok(()) => all.iter_mut().for_each(WatchState::reload),
                Err(RecvTimeoutError::Timeout) => all.iter_mut().for_each(WatchState::check),
                // The program ends.
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    };
    thread::Builder::new().name("files".into()).spawn(look)?;
    Ok(reload)
}

impl WatchState {
    fn new(watched: Watched) -> Self {
        Self { last: watched.seen.clone(), loaded: watched.seen.clone(), watched }
    }

    /// Reloads them.
    fn reload(&mut self) {
        let now = file_states(&self.watched.paths);
        (self.watched.read)();
        (self.loaded, self.last) = (now.clone(), now);
    }

    /// Reloads them if they have changed since, and not since the last check: another program may still be writing.
    fn check(&mut self) {
        let now = file_states(&self.watched.paths);
        if now == self.last && now != self.loaded {
            (self.watched.read)();
            self.loaded.clone_from(&now);
        }
        self.last = now;
    }
}

/// Reads the states of files. Symbolic links are followed, since Kubernetes replaces files by changing a link.
pub(super) fn file_states<P: AsRef<Path>>(paths: &[P]) -> Vec<FileState> {
    let state = |path: &Path| {
        let file = fs::metadata(path).ok()?;
        Some((
            file.dev(),
            file.ino(),
            file.size(),
            (file.mtime(), file.mtime_nsec()),
            (file.ctime(), file.ctime_nsec()),
        ))
    };
    paths.iter().map(|path| state(path.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use tempfile::TempDir;

    fn seen(paths: Vec<PathBuf>) -> (WatchState, Receiver<()>) {
        let (sender, reloads) = channel();
        let read = Box::new(move || sender.send(()).unwrap());
        (WatchState::new(Watched { seen: file_states(&paths), paths, read }), reloads)
    }

    #[test]
    fn file_change_read_once_after_it_settles() {
        let folder = TempDir::new().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        fs::write(&one, "1").unwrap();
        let (mut seen, reloads) = seen(vec![one.clone(), other.clone()]);
        let mut reads = |checks: usize| {
            (0..checks).for_each(|_| seen.check());
            reloads.try_iter().count()
        };
        assert_eq!(reads(3), 0);
        fs::write(&one, "12").unwrap();
        assert_eq!(reads(1), 0, "it may still be written");
        fs::write(&one, "123").unwrap();
        assert_eq!((reads(1), reads(3)), (0, 1));
        fs::write(&other, "new").unwrap();
        assert_eq!(reads(3), 1);
        fs::remove_file(&other).unwrap();
        assert_eq!(reads(3), 1);
    }

    #[test]
    fn file_change_by_symlink_detected() {
        let folder = TempDir::new().unwrap();
        let [old, new, link] = ["old", "new", "link"].map(|name| folder.path().join(name));
        fs::write(&old, "same").unwrap();
        fs::write(&new, "same").unwrap();
        std::os::unix::fs::symlink(&old, &link).unwrap();
        let (mut seen, reloads) = seen(vec![link.clone()]);
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&new, &link).unwrap();
        (0..3).for_each(|_| seen.check());
        assert_eq!(reloads.try_iter().count(), 1);
    }
}
