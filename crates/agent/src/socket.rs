//! A Unix socket's file: made, taken over from an agent that is dead, and removed.

use std::{
    fs::{self, File, Permissions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::{
            fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
            net::UnixListener,
        },
    },
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
    sys::{
        socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket},
        stat::{Mode, fchmod},
    },
    unistd::geteuid,
};

/// How many may wait to be taken in, as std has it.
const BACKLOG: i32 = 128;
/// How long another agent is waited for that is just making or removing the same socket, and how often it is looked.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Somebody answers there.
    #[error("another agent listens on {}; give this one its own with {option}", path.display())]
    Live {
        /// The socket's file.
        path: PathBuf,
        /// By which it was named.
        option: &'static str,
    },
    /// Something else is in the way, and is left alone.
    #[error("{} is there and is not a socket; remove it, or choose another file with {option}", path.display())]
    Occupied {
        /// The socket's file.
        path: PathBuf,
        /// By which it was named.
        option: &'static str,
    },
    /// Something else.
    #[error("cannot listen on {}: {error}; choose another file with {option}", path.display())]
    Failed {
        /// The socket's file.
        path: PathBuf,
        /// By which it was named.
        option: &'static str,
        /// What failed.
        error: io::Error,
    },
}

/// A socket that listens; its file is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: Option<UnixListener>,
    path: PathBuf,
    /// Device and inode, by which the file is known to be ours still.
    identity: (u64, u64),
}

impl Bound {
    /// The socket's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The listener, the first time.
    pub(crate) fn take_listener(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }
}

impl BindError {
    /// The same as an error of listening, of a kind by which one that may pass is told from one that will not.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Live { .. } => io::ErrorKind::AddrInUse,
            Self::Occupied { .. } => io::ErrorKind::AlreadyExists,
            Self::Failed { error, .. } => error.kind(),
        };
        io::Error::new(kind, self.to_string())
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// A socket's file as it is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// Where.
    pub(crate) path: &'a Path,
    /// Who may connect: whoever may write to it.
    pub(crate) mode: u32,
    /// By which option it is named, for errors.
    pub(crate) option: &'static str,
}

impl Wanted<'_> {
    /// Listens. A file that nobody listens on any more is replaced.
    pub(crate) fn bind(self) -> Result<Bound, BindError> {
        // Of two agents that start at once and find a dead one's file, the second would else remove the first's.
        let _alone = Alone::beside(self.path, PATIENCE).map_err(|error| self.failed(error))?;
        let listener = match self.listen() {
            Err(Errno::EADDRINUSE) => {
                self.clear()?;
                self.listen()
            }
            listening => listening,
        };
        let listener = listener.map_err(|error| self.failed(error.into()))?;
        let file = fs::symlink_metadata(self.path).map_err(|error| self.failed(error))?;
        let identity = (file.dev(), file.ino());
        let bound = Bound { listener: Some(listener), path: self.path.into(), identity };
        fs::set_permissions(self.path, Permissions::from_mode(self.mode)).map_err(|error| self.failed(error))?;
        Ok(bound)
    }

    fn listen(self) -> Result<UnixListener, Errno> {
        let listener = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        // The file has the mode that the socket has when it is bound, less the mask: at no moment may others connect.
        fchmod(&listener, Mode::from_bits_truncate(self.mode))?;
        bind(listener.as_raw_fd(), &UnixAddr::new(self.path)?)?;
        listen(&listener, Backlog::new(BACKLOG)?)?;
        Ok(listener.into())
    }

    /// Removes a dead agent's file, and nothing else.
    fn clear(self) -> Result<(), BindError> {
        let Self { path, option, .. } = self;
        let failed = |error| self.failed(error);
        if !fs::symlink_metadata(path).map_err(failed)?.file_type().is_socket() {
            return Err(BindError::Occupied { path: path.into(), option });
        }
        match answers(path) {
            Ok(false) => fs::remove_file(path).map_err(failed),
            Ok(true) => Err(BindError::Live { path: path.into(), option }),
            Err(error) => Err(failed(error.into())),
        }
    }

    fn failed(self, error: io::Error) -> BindError {
        BindError::Failed { path: self.path.into(), option: self.option, error }
    }
}

/// Held as long as no other agent may look for, remove or make that socket. The lock is on a file of our own that nobody
/// else can open: a lock on the folder could be held by everyone who may read it.
#[derive(Debug)]
struct Alone {
    path: PathBuf,
    _lock: Flock<File>,
}

impl Alone {
    /// Waits so long for whoever has it.
    fn beside(socket: &Path, patience: Duration) -> io::Result<Self> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let end = Instant::now() + patience;
        loop {
            match Flock::lock(own_file(&path)?, FlockArg::LockExclusiveNonblock) {
                // Whoever had it before may have removed it between our opening and our locking.
                Ok(lock) if is_still_there(&lock, &path) => return Ok(Self { path, _lock: lock }),
                Ok(_) => {}
                Err((_, Errno::EWOULDBLOCK)) if Instant::now() < end => thread::sleep(PAUSE),
                Err((_, Errno::EWOULDBLOCK)) => {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "another agent is just starting there"));
                }
                Err((_, error)) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // While the lock is held, so that it is ours. If it stays the next one uses it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens or makes a file that only this account can open. Another's, which may be locked for ever, is no lock.
fn own_file(path: &Path) -> io::Result<File> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("its lock {}: {error}", path.display()));
    let mut options = File::options();
    options.create(true).append(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    let file = options.open(path).map_err(named)?;
    let owner = file.metadata().map_err(named)?.uid();
    if owner != geteuid().as_raw() {
        return Err(named(io::Error::new(io::ErrorKind::PermissionDenied, "it is another account's; remove it")));
    }
    Ok(file)
}

fn is_still_there(lock: &Flock<File>, path: &Path) -> bool {
    let identity = |file: fs::Metadata| (file.dev(), file.ino());
    lock.metadata().map(identity).ok() == fs::symlink_metadata(path).map(identity).ok()
}

/// Whether anybody listens there: also one whose queue is full, who is not waited for.
fn answers(path: &Path) -> Result<bool, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let probe = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match connect(probe.as_raw_fd(), &UnixAddr::new(path)?) {
        Ok(()) | Err(Errno::EAGAIN) => Ok(true),
        Err(Errno::ECONNREFUSED) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const MODE: u32 = 0o640;

    fn bind(path: &Path) -> Result<Bound, BindError> {
        Wanted { path, mode: MODE, option: "--its-option" }.bind()
    }

    fn refusal(path: &Path) -> String {
        bind(path).unwrap_err().to_string()
    }

    #[test]
    fn socket_file_is_private_and_removed() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        let bound = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn socket_replaced_if_dead_kept_if_live() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let live = bind(&path).unwrap();
        assert!(refusal(&path).contains("another agent listens"));
        assert!(path.exists(), "{live:?} keeps its file");
    }

    #[test]
    fn socket_busy_is_not_waited_for() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        let live = bind(&path).unwrap();
        // Fills the queue: nobody accepts.
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let mut queue = Vec::new();
        loop {
            let client = socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
            if connect(client.as_raw_fd(), &UnixAddr::new(&path).unwrap()).is_err() {
                break;
            }
            queue.push(client);
        }
        assert!(refusal(&path).contains("another agent listens"), "{live:?}");
    }

    #[test]
    fn socket_never_replaces_other_file() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        fs::write(&path, "precious").unwrap();
        assert!(refusal(&path).contains("is not a socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn socket_of_successor_is_kept() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        let bound = bind(&path).unwrap();
        fs::rename(&path, folder.path().join("ours")).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(bound);
        assert!(path.exists());
    }

    #[test]
    fn socket_creation_is_serialised() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        let first = Alone::beside(&path, Duration::ZERO).unwrap();
        let error = Alone::beside(&path, Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("just starting"), "{error}");
        let waiting = thread::spawn({
            let path = path.clone();
            move || bind(&path)
        });
        drop(first);
        let bound = waiting.join().unwrap().unwrap();
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["s"], "{bound:?} leaves no lock behind");
    }

    #[test]
    fn socket_lock_not_blocked_by_folder_readers() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        let _reader = Flock::lock(File::open(folder.path()).unwrap(), FlockArg::LockExclusive).unwrap();
        bind(&path).unwrap();
        // A lock that is somewhere else is not followed, nor one that is no file.
        std::os::unix::fs::symlink("/dev/null", folder.path().join("s.lock")).unwrap();
        assert!(refusal(&path).contains("s.lock"));
    }

    #[test]
    fn socket_mode_set_at_creation() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        // As bound, before anything is done about the mode: nothing that the mode does not have, whatever the mask is.
        let wanted = Wanted { path: &path, mode: 0o600, option: "--its-option" };
        let listener = wanted.listen().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o077, 0, "{listener:?}");
    }

    #[test]
    fn socket_error_names_file_and_remedy() {
        let long = Path::new("/tmp").join("x".repeat(200));
        for path in [Path::new("/no/such/folder/s"), &long] {
            let error = refusal(path);
            assert!(error.contains(&path.display().to_string()) && error.contains("--its-option"), "{error}");
        }
    }
}
