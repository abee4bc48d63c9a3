//! Files that are read again when they change.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Files that are read together.
pub(super) struct Watched {
    pub(super) paths: Vec<PathBuf>,
    /// As they were before they were read.
    pub(super) seen: Vec<Look>,
    /// Reads them. What is wrong with them is told by itself.
    pub(super) read: Box<dyn Fn() + Send>,
}

/// By what a file is known to be as it was: device, inode, size, and the times of the last change of content and of
/// anything. None if it cannot be looked at.
pub(super) type Look = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// What was seen of some files.
struct Seen {
    watched: Watched,
    /// As they were when they were read.
    read: Vec<Look>,
    /// As they were at the last look.
    last: Vec<Look>,
}

/// Looks after files until the process ends.
pub(super) fn watch(all: Vec<Watched>) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let mut all: Vec<Seen> = all.into_iter().map(Seen::new).collect();
    let look = move || {
        loop {
            thread::sleep(EVERY);
            all.iter_mut().for_each(Seen::look);
        }
    };
    thread::Builder::new().name("files".into()).spawn(look).map(drop)
}

impl Seen {
    fn new(watched: Watched) -> Self {
        Self { last: watched.seen.clone(), read: watched.seen.clone(), watched }
    }

    /// Reads them if they have changed and are not changing any more: somebody may be writing them just now.
    fn look(&mut self) {
        let now = looks(&self.watched.paths);
        if now == self.last && now != self.read {
            (self.watched.read)();
            self.read.clone_from(&now);
        }
        self.last = now;
    }
}

/// Through links, since a changed link is how Kubernetes replaces files.
pub(super) fn looks<P: AsRef<Path>>(paths: &[P]) -> Vec<Look> {
    let look = |path: &Path| {
        let file = fs::metadata(path).ok()?;
        Some((
            file.dev(),
            file.ino(),
            file.size(),
            (file.mtime(), file.mtime_nsec()),
            (file.ctime(), file.ctime_nsec()),
        ))
    };
    paths.iter().map(|path| look(path.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use tempfile::TempDir;

    fn seen(paths: Vec<PathBuf>) -> (Seen, Receiver<()>) {
        let (told, heard) = channel();
        let read = Box::new(move || told.send(()).unwrap());
        (Seen::new(Watched { seen: looks(&paths), paths, read }), heard)
    }

    #[test]
    fn file_change_read_once_after_it_settles() {
        let folder = TempDir::new().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        fs::write(&one, "1").unwrap();
        let (mut seen, heard) = seen(vec![one.clone(), other.clone()]);
        let mut reads = |looks: usize| {
            (0..looks).for_each(|_| seen.look());
            heard.try_iter().count()
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
        let (mut seen, heard) = seen(vec![link.clone()]);
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&new, &link).unwrap();
        (0..3).for_each(|_| seen.look());
        assert_eq!(heard.try_iter().count(), 1);
    }
}
