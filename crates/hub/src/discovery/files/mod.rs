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

/// Interval at which files are looked at.
const POLL: Duration = Duration::from_secs(1);
/// Looks for which a file has to be the same, or gone, before that counts: another program may still be writing.
const SETTLED: u32 = 2;
/// Looks after which a file that changes all the time is read anyway. A list in YAML that is written slowly is valid, and
/// too short, at any moment.
const MAX_UNSETTLED: u32 = 60;
/// A file that was written this long before it was read may have changed again without another time.
const COARSE_CLOCK: Duration = Duration::from_secs(3);
/// Error before there is a file.
const NO_FILE: &str = "there is no such file yet; create it, or correct --hosts";
/// Most files of a pattern.
const MAX_FILES: usize = 1000;

/// Error of a file that was named and is gone.
const GONE: &str = "the file is gone; create it again, with [] if there are no hosts";

/// Properties by which a change of a file shows: device, inode, size, mtime and ctime.
type FileState = (u64, u64, u64, (i64, i64), (i64, i64));

/// Files of a pattern at one moment, each with its state or the reason why it has none.
#[derive(Debug, Default)]
struct Listing {
    files: BTreeMap<PathBuf, Result<FileState, String>>,
    /// The error by which some of them could not be listed: then not even that a file is gone is known.
    error: Option<String>,
}

/// Files of a pattern, and what was read of them.
#[derive(Debug)]
struct Files {
    pattern: PathBuf,
    files: BTreeMap<PathBuf, Watched>,
    has_looked: bool,
    /// True once there was a file.
    is_loaded: bool,
    /// The error of the last listing.
    error: Option<String>,
}

/// A file that was seen.
#[derive(Debug)]
struct Watched {
    /// State at the last look; none if it was gone.
    last: Option<Result<FileState, String>>,
    /// Looks for which it has been the same.
    same: u32,
    /// Looks since it was no longer what was read.
    unread: u32,
    read: ReadFile,
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
        Self { pattern: pattern.into(), files: BTreeMap::new(), has_looked: false, is_loaded: false, error: None }
    }

    /// Looks for changes.
    fn look(&mut self) -> Found {
        let listing = list_files(&self.pattern);
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        let mut changed = is_first | (self.error != listing.error);
        for (path, seen) in &listing.files {
            let watched = self.files.entry(path.clone()).or_insert_with(Watched::new);
            changed |= watched.see(path, seen, is_first);
            self.is_loaded |= watched.read.entries.is_some();
        }
        if listing.error.is_none() {
            changed |= self.miss(&listing);
        }
        self.error = listing.error;
        if changed { self.found() } else { Found::Nothing }
    }

    /// Notes the files that are gone; true if that changes anything. Those of a pattern take their hosts with them. A file
    /// that is named keeps them: whoever moves it or has not mounted it yet does not mean that there are no hosts.
    fn miss(&mut self, listing: &Listing) -> bool {
        let mut changed = false;
        let gone = self.files.iter_mut().filter(|(path, _)| !listing.files.contains_key(*path));
        let settled: Vec<PathBuf> =
            gone.filter_map(|(path, watched)| watched.is_settled(None).then(|| path.clone())).collect();
        if !is_pattern(&self.pattern) {
            for path in settled {
                changed |= self.files.get_mut(&path).is_some_and(|watched| watched.read.fail(GONE.into()));
            }
            return changed;
        }
        let mut hosts = 0;
        for path in &settled {
            let gone = self.files.remove(path);
            hosts += gone.and_then(|watched| watched.read.entries).map_or(0, |entries| entries.len());
        }
        if let Some(first) = settled.first() {
            let (source, file, files) = (self.pattern.display(), first.display(), settled.len());
            tracing::warn!(%source, %file, files, hosts, "files are gone, and their hosts with them");
        }
        !settled.is_empty()
    }

    /// Error of a file, with its name if the source has another one.
    fn error_of(&self, path: &Path, error: &str) -> String {
        if path == self.pattern { error.to_owned() } else { format!("{}: {error}", path.display()) }
    }

    /// All that is known.
    fn found(&self) -> Found {
        let files = || self.files.iter().map(|(path, watched)| (path, &watched.read));
        let mut errors = self
            .error
            .iter()
            .cloned()
            .chain(files().filter_map(|(path, read)| read.error.as_ref().map(|error| self.error_of(path, error))));
        let error = errors.next();
        if !self.is_loaded {
            return Found::Failed(error.unwrap_or_else(|| NO_FILE.into()));
        }
        let entries = files().flat_map(|(_, read)| read.entries.iter().flatten()).cloned().collect();
        let notes = files().flat_map(|(_, read)| &read.notes).cloned().chain(errors);
        Found::List(entries, merge::limited(notes), error)
    }
}

impl Watched {
    const fn new() -> Self {
        let read =
            ReadFile { state: None, is_fresh: false, bytes: Vec::new(), entries: None, notes: Vec::new(), error: None };
        Self { last: None, same: 0, unread: 0, read }
    }

    /// Notes a state; true if it has been the same for long enough.
    fn is_settled(&mut self, seen: Option<&Result<FileState, String>>) -> bool {
        self.same = if self.last.as_ref() == seen { self.same.saturating_add(1) } else { 0 };
        self.last = seen.cloned();
        self.same >= SETTLED
    }

    /// Notes the state of the file, and reads it if it has changed; true if that changes anything.
    fn see(&mut self, path: &Path, seen: &Result<FileState, String>, is_first: bool) -> bool {
        let is_settled = self.is_settled(Some(seen)) || is_first;
        let state = match seen {
            Ok(state) => *state,
            Err(error) => return is_settled && self.read.fail(error.clone()),
        };
        if self.read.state == Some(state) && !self.read.is_fresh {
            self.unread = 0;
            return false;
        }
        self.unread += 1;
        if !is_settled && self.unread < MAX_UNSETTLED {
            return false;
        }
        self.unread = 0;
        self.read.read(path, state)
    }
}

impl ReadFile {
    /// Notes an error, which keeps the list; true if it is new.
    fn fail(&mut self, error: String) -> bool {
        let error = Some(error);
        let is_new = self.error != error;
        (self.state, self.error) = (None, error);
        is_new
    }

    /// Reads the file in this state; true if that changes anything.
    fn read(&mut self, path: &Path, state: FileState) -> bool {
        let now = SystemTime::now();
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                return self.fail(format!("cannot read it: {error}; name a file that the hub's account can read"));
            }
        };
        let is_same = self.state.replace(state).is_some() && self.bytes == bytes;
        self.is_fresh = is_fresh(state, now);
        if is_same {
            return false;
        }
        match list::parse(&bytes, format(path)) {
            Ok(groups) => {
                let (entries, notes) = merge::entries(&groups);
                (self.entries, self.notes, self.error) = (Some(entries), notes, None);
            }
            Err(error) => self.error = Some(error),
        }
        self.bytes = bytes;
        true
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

fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// Files of a pattern with their states. Links are followed, since Kubernetes replaces files by changing a link. An error
/// of one file or folder is that of no other.
fn list_files(pattern: &Path) -> Listing {
    let mut listing = Listing::default();
    if !is_pattern(pattern) {
        listing.add(pattern.into());
        return listing;
    }
    let Some(text) = pattern.to_str() else {
        return Listing { error: Some("the pattern is not UTF-8".into()), ..listing };
    };
    let paths = match glob::glob(text) {
        Ok(paths) => paths,
        Err(error) => return Listing { error: Some(error.msg.into()), ..listing },
    };
    for path in paths.take(MAX_FILES + 1) {
        match path {
            Ok(path) => listing.add(path),
            Err(error) => {
                let text = format!("cannot list {}: {}", error.path().display(), error.error());
                listing.error.get_or_insert(text);
            }
        }
    }
    if listing.files.len() > MAX_FILES {
        let error = Some(format!("expected at most {MAX_FILES} files, got more"));
        return Listing { error, ..Listing::default() };
    }
    listing
}

impl Listing {
    /// Adds a file, unless there is none.
    fn add(&mut self, path: PathBuf) {
        let state = match fs::metadata(&path) {
            Ok(file) => {
                let times = ((file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec()));
                Ok((file.dev(), file.ino(), file.size(), times.0, times.1))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return,
            Err(error) => Err(format!("cannot inspect it: {error}")),
        };
        self.files.insert(path, state);
    }
}

#[cfg(test)]
mod tests;
