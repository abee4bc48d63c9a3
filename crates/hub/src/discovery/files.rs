//! Files of targets, in a thread of their own: reading can wait for a network file system.
//!
//! They are polled and not watched: inotify reports nothing that another host changes on a network file system, nothing
//! behind an overlay or a link of Kubernetes, and fails where its watches are used up. A `stat` per second costs nothing.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use super::{
    Sender,
    entry::Entry,
    list::{self, Format, MAX_BYTES},
    merge,
};

/// Interval at which files are looked at. A change is read once it has not changed for one interval.
const POLL: Duration = Duration::from_secs(1);
/// Looks after which a file that changes all the time is read anyway.
const MAX_UNSETTLED: u32 = 3;
/// A file that was written this long before it was read may have changed again without another time.
const COARSE_CLOCK: Duration = Duration::from_secs(3);
/// Error before there is a file.
const NO_FILE: &str = "there is no such file yet; create it, or correct --hosts";
/// Most files of a pattern.
const MAX_FILES: usize = 1000;

/// Properties by which a change of a file shows: device, inode, size, mtime and ctime.
type FileState = (u64, u64, u64, (i64, i64), (i64, i64));
/// Files of a pattern.
type States = BTreeMap<PathBuf, FileState>;

/// Files of a pattern, and what was read of them.
#[derive(Debug)]
struct Files {
    pattern: PathBuf,
    /// States at the last look.
    last: Option<States>,
    /// Looks since they were the same.
    unsettled: u32,
    read: BTreeMap<PathBuf, ReadFile>,
    /// True once there was a file.
    is_loaded: bool,
    /// The error of the last look, by which the files could not be listed.
    error: Option<String>,
}

/// Content of a file as it was read.
#[derive(Debug)]
struct ReadFile {
    /// State before it was read; none if reading failed, so that it is tried again.
    state: Option<FileState>,
    /// True if its time may be too coarse to show another change.
    is_fresh: bool,
    bytes: Vec<u8>,
    entries: Option<Vec<Entry>>,
    notes: Vec<String>,
    error: Option<String>,
}

/// Result of a look at the files.
#[derive(Debug, PartialEq)]
enum Found {
    Nothing,
    /// All entries with their notes, and the error of a file whose last list stays.
    List(Vec<Entry>, Vec<String>, Option<String>),
    /// Nothing was ever read.
    Failed(String),
}

/// Starts a thread, which ends when nobody listens any more.
pub(super) fn start(pattern: &Path, news: Sender) -> io::Result<()> {
    let mut files = Files::new(pattern);
    let look = move || {
        while !news.news.is_closed() {
            let message = match files.look() {
                Found::Nothing => None,
                Found::List(entries, notes, error) => {
                    Some(super::News { source: news.source, entries: Some(entries), notes, error })
                }
                Found::Failed(error) => {
                    Some(super::News { source: news.source, entries: None, notes: Vec::new(), error: Some(error) })
                }
            };
            if message.is_some_and(|message| news.news.blocking_send(message).is_err()) {
                return;
            }
            thread::sleep(POLL);
        }
    };
    thread::Builder::new().name("hosts".into()).spawn(look).map(drop)
}

impl Files {
    fn new(pattern: &Path) -> Self {
        Self { pattern: pattern.into(), last: None, unsettled: 0, read: BTreeMap::new(), is_loaded: false, error: None }
    }

    /// Looks for changes.
    fn look(&mut self) -> Found {
        let states = match states(&self.pattern) {
            Ok(states) => states,
            Err(error) => {
                let is_new = self.error.as_ref() != Some(&error);
                self.error = Some(error);
                return if is_new { self.found() } else { Found::Nothing };
            }
        };
        let was_failed = self.error.take().is_some();
        let is_first = self.last.is_none();
        if self.last.as_ref() != Some(&states) {
            self.unsettled += 1;
            self.last = Some(states.clone());
            // Another program may still be writing.
            if !is_first && self.unsettled < MAX_UNSETTLED {
                return if was_failed { self.found() } else { Found::Nothing };
            }
        }
        self.unsettled = 0;
        let changed = self.read_changed(&states);
        if changed || was_failed || is_first { self.found() } else { Found::Nothing }
    }

    /// Reads the files that have changed; true if any has.
    fn read_changed(&mut self, states: &States) -> bool {
        let count = self.read.len();
        self.read.retain(|path, _| states.contains_key(path));
        let mut changed = self.read.len() < count;
        for (path, state) in states {
            let before = self.read.get(path);
            if before.is_some_and(|before| before.state == Some(*state) && !before.is_fresh) {
                continue;
            }
            let (read, is_new) = ReadFile::new(path, *state, self.read.remove(path));
            self.is_loaded |= read.entries.is_some();
            self.read.insert(path.clone(), read);
            changed |= is_new;
        }
        changed
    }

    /// Error of a file, with its name if the source has another one.
    fn error_of(&self, path: &Path, error: &str) -> String {
        if path == self.pattern { error.to_owned() } else { format!("{}: {error}", path.display()) }
    }

    /// All that is known.
    fn found(&self) -> Found {
        let mut errors = self.error.iter().cloned().chain(
            self.read.iter().filter_map(|(path, read)| read.error.as_ref().map(|error| self.error_of(path, error))),
        );
        let error = errors.next();
        if !self.is_loaded {
            return Found::Failed(error.unwrap_or_else(|| NO_FILE.into()));
        }
        let entries = self.read.values().flat_map(|read| read.entries.iter().flatten()).cloned().collect();
        let notes = self.read.values().flat_map(|read| &read.notes).cloned().chain(errors).collect();
        Found::List(entries, merge::limited(notes), error)
    }
}

impl ReadFile {
    /// Reads a file; also true if that changes anything.
    fn new(path: &Path, state: FileState, before: Option<Self>) -> (Self, bool) {
        let now = SystemTime::now();
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let error = Some(format!("cannot read it: {error}; name a file that the hub's account can read"));
                let before = before.unwrap_or_else(Self::unread);
                let is_new = before.error != error;
                return (Self { state: None, error, ..before }, is_new);
            }
        };
        let is_fresh = is_fresh(state, now);
        let before = match before {
            Some(before) if before.bytes == bytes && before.state.is_some() => {
                return (Self { state: Some(state), is_fresh, ..before }, false);
            }
            other => other,
        };
        match list::parse(&bytes, format(path)) {
            Ok(groups) => {
                let (entries, notes) = merge::entries(&groups);
                (Self { state: Some(state), is_fresh, bytes, entries: Some(entries), notes, error: None }, true)
            }
            Err(error) => {
                let (entries, notes) = before.map(|before| (before.entries, before.notes)).unwrap_or_default();
                (Self { state: Some(state), is_fresh, bytes, entries, notes, error: Some(error) }, true)
            }
        }
    }

    const fn unread() -> Self {
        Self { state: None, is_fresh: false, bytes: Vec::new(), entries: None, notes: Vec::new(), error: None }
    }
}

/// True if a file was written so shortly before this time that the time of another change can be the same.
fn is_fresh((_, _, _, (seconds, _), _): FileState, now: SystemTime) -> bool {
    let written = u64::try_from(seconds).map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    // One of the future shows nothing.
    written.is_ok_and(|written| written + COARSE_CLOCK > now)
}

fn format(path: &Path) -> Format {
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if is_json { Format::Json } else { Format::Yaml }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // A FIFO would wait for a writer.
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() {
        let got = match kind {
            kind if kind.is_dir() => "a directory",
            kind if kind.is_fifo() => "a FIFO",
            _ => "another kind of file",
        };
        return Err(io::Error::other(format!("expected a regular file, got {got}")));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Files of a pattern with their states. Links are followed, since Kubernetes replaces files by changing a link.
///
/// # Errors
/// They cannot be listed: not even that a file is gone is known.
fn states(pattern: &Path) -> Result<States, String> {
    let text = pattern.to_str().ok_or_else(|| "the pattern is not UTF-8".to_owned())?;
    let paths: Vec<PathBuf> = if text.contains(['*', '?', '[']) {
        let found = glob::glob(text).map_err(|error| error.msg.to_owned())?;
        let paths: Result<Vec<PathBuf>, _> = found.take(MAX_FILES + 1).collect();
        paths.map_err(|error| format!("cannot list {}: {}", error.path().display(), error.error()))?
    } else {
        vec![pattern.into()]
    };
    if paths.len() > MAX_FILES {
        return Err(format!("expected at most {MAX_FILES} files, got more"));
    }
    let mut states = States::new();
    for path in paths {
        match fs::metadata(&path) {
            Ok(file) => {
                let times = ((file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec()));
                states.insert(path, (file.dev(), file.ino(), file.size(), times.0, times.1));
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(format!("cannot inspect {}: {error}", path.display())),
        }
    }
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const ONE: &str = r#"[{"targets": ["a:1"]}]"#;
    const TWO: &str = r#"[{"targets": ["a:1", "b:1"]}]"#;

    /// Hosts after so many looks, or none if nothing was found.
    fn hosts(files: &mut Files, looks: usize) -> Option<Vec<String>> {
        let mut hosts = None;
        for _ in 0..looks {
            if let Found::List(entries, ..) = files.look() {
                hosts = Some(entries.iter().map(|entry| entry.endpoint.host.to_string()).collect());
            }
        }
        hosts
    }

    fn list(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn files_read_at_once_and_after_a_change_settles() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, ONE).unwrap();
        let mut files = Files::new(&path);
        assert_eq!(hosts(&mut files, 1), list(&["a"]));
        assert_eq!(hosts(&mut files, 3), None);
        fs::write(&path, TWO).unwrap();
        assert_eq!(hosts(&mut files, 1), None, "it may still be written");
        assert_eq!(hosts(&mut files, 1), list(&["a", "b"]));
    }

    #[test]
    fn file_that_changes_all_the_time_is_read() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, ONE).unwrap();
        let mut files = Files::new(&path);
        hosts(&mut files, 1);
        let mut found = None;
        for number in 0..4 {
            fs::write(&path, format!("{TWO}{}", " ".repeat(number + 1))).unwrap();
            found = found.or(hosts(&mut files, 1));
        }
        assert_eq!(found, list(&["a", "b"]));
    }

    #[test]
    fn change_of_same_size_and_time_is_read() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.json");
        let now = SystemTime::now();
        let write = |text: &str| {
            fs::write(&path, text).unwrap();
            File::options().write(true).open(&path).unwrap().set_modified(now).unwrap();
        };
        write(ONE);
        let mut files = Files::new(&path);
        hosts(&mut files, 1);
        write(&ONE.replace("a:1", "c:1"));
        // The state is made the same as on a file system with a coarse clock and no ctime.
        let states = states(&path).unwrap();
        files.last = Some(states.clone());
        files.read.get_mut(&path).unwrap().state = states.get(&path).copied();
        assert_eq!(hosts(&mut files, 1), list(&["c"]));
    }

    #[test]
    fn broken_file_keeps_its_last_list() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.json");
        for broken in ["", " ", "[{\"targets\": [\"b", "{}", "<html>", "null", "[{\"target\": []}]"] {
            fs::write(&path, ONE).unwrap();
            let mut files = Files::new(&path);
            hosts(&mut files, 1);
            fs::write(&path, broken).unwrap();
            let found: Vec<Found> = (0..3).map(|_| files.look()).collect();
            let Some(Found::List(entries, _, Some(error))) = found.into_iter().find(|found| *found != Found::Nothing)
            else {
                panic!("{broken:?}");
            };
            assert_eq!(entries.len(), 1, "{broken:?}");
            assert!(error.contains("expected") || error.contains("empty"), "{error}");
            fs::write(&path, "[]").unwrap();
            assert_eq!(hosts(&mut files, 2), list(&[]), "an empty list after {broken:?}");
        }
    }

    #[test]
    fn broken_file_among_several_keeps_its_own_list_only() {
        let folder = TempDir::new().unwrap();
        let [one, other] = ["a.json", "b.yml"].map(|name| folder.path().join(name));
        fs::write(&one, ONE).unwrap();
        fs::write(&other, "- targets: [c:1]\n").unwrap();
        fs::write(folder.path().join("c.txt"), "no list").unwrap();
        let mut files = Files::new(&folder.path().join("[ab].*"));
        assert_eq!(hosts(&mut files, 1), list(&["a", "c"]));
        fs::write(&one, "broken").unwrap();
        fs::write(&other, "- targets: [d:1]\n").unwrap();
        assert_eq!(hosts(&mut files, 2), list(&["a", "d"]));
        fs::remove_file(&one).unwrap();
        assert_eq!(hosts(&mut files, 2), list(&["d"]));
    }

    #[test]
    fn deleted_file_empties_the_list() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, ONE).unwrap();
        let mut files = Files::new(&path);
        hosts(&mut files, 1);
        fs::remove_file(&path).unwrap();
        assert_eq!(hosts(&mut files, 2), list(&[]));
        fs::write(&path, TWO).unwrap();
        assert_eq!(hosts(&mut files, 2), list(&["a", "b"]));
    }

    #[test]
    fn replaced_file_never_looks_deleted() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, ONE).unwrap();
        let mut files = Files::new(&path);
        hosts(&mut files, 1);
        // An editor that deletes it first.
        fs::remove_file(&path).unwrap();
        assert_eq!(hosts(&mut files, 1), None);
        fs::write(&path, TWO).unwrap();
        assert_eq!(hosts(&mut files, 2), list(&["a", "b"]));
    }

    #[test]
    fn missing_file_is_not_loaded_until_it_is_there() {
        let folder = TempDir::new().unwrap();
        for pattern in ["a.json", "*.json"] {
            let path = folder.path().join("a.json");
            let mut files = Files::new(&folder.path().join(pattern));
            assert_eq!(files.look(), Found::Failed(NO_FILE.into()));
            assert_eq!(files.look(), Found::Nothing);
            fs::write(&path, ONE).unwrap();
            assert_eq!(hosts(&mut files, 2), list(&["a"]));
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn what_is_no_file_is_an_error() {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("a.json")).unwrap();
        let Found::Failed(error) = Files::new(&folder.path().join("a.json")).look() else { panic!() };
        assert!(error.contains("regular file, got a directory"), "{error}");
        fs::write(folder.path().join("b"), "").unwrap();
        let found = Files::new(&folder.path().join("b/c.json")).look();
        assert_eq!(found, Found::Failed(NO_FILE.into()));
    }

    #[test]
    fn symlink_change_is_read() {
        let folder = TempDir::new().unwrap();
        let [old, new, link] = ["old", "new", "link.json"].map(|name| folder.path().join(name));
        fs::write(&old, ONE).unwrap();
        fs::write(&new, TWO).unwrap();
        std::os::unix::fs::symlink(&old, &link).unwrap();
        let mut files = Files::new(&link);
        assert_eq!(hosts(&mut files, 1), list(&["a"]));
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&new, &link).unwrap();
        assert_eq!(hosts(&mut files, 2), list(&["a", "b"]));
    }
}
