//! Unix socket files: created, taken over from a dead agent, and removed.

use std::{
    fs::{self, File, Permissions, TryLockError},
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
    fcntl::OFlag,
    sys::{
        socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket},
        stat::{Mode, fchmod},
    },
    unistd::geteuid,
};

/// Listen backlog, as in std.
const BACKLOG: i32 = 128;
/// Timeout for the lock, which another agent holds while it creates or removes the same socket.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Reason why a socket cannot be bound.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Another process listens there.
    #[error("another agent listens on {}; give this one its own with {option}", path.display())]
    Live {
        /// Socket file.
        path: PathBuf,
        /// Option that named it.
        option: String,
    },
    /// Another kind of file exists there, and is kept.
    #[error("{} exists and is not a socket; remove it, or choose another file with {option}", path.display())]
    Occupied {
        /// Socket file.
        path: PathBuf,
        /// Option that named it.
        option: String,
    },
    /// A system call failed.
    #[error("cannot listen on {}: {error}; choose another file with {option}", path.display())]
    Failed {
        /// Socket file.
        path: PathBuf,
        /// Option that named it.
        option: String,
        /// Error of the call.
        error: io::Error,
    },
}

/// A listening socket; dropping it removes its file.
#[derive(Debug)]
pub(crate) struct BoundSocket {
    listener: Option<UnixListener>,
    path: PathBuf,
    /// Device and inode, to recognize the file as ours.
    identity: (u64, u64),
}

impl BoundSocket {
    /// Socket file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the listener; none from the second call on.
    pub(crate) fn take_listener(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }
}

impl BindError {
    /// Converts it; the kind says whether a retry can succeed.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Live { .. } => io::ErrorKind::AddrInUse,
            Self::Occupied { .. } => io::ErrorKind::AlreadyExists,
            Self::Failed { error, .. } => error.kind(),
        };
        io::Error::new(kind, self.to_string())
    }
}

impl Drop for BoundSocket {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// A socket file to create.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketFile<'a> {
    /// Path.
    pub(crate) path: &'a Path,
    /// Mode. Connecting requires write permission.
    pub(crate) mode: u32,
    /// Option that names it, for errors.
    pub(crate) option: &'a str,
}

impl SocketFile<'_> {
    /// Binds and listens. Replaces the file of a socket on which no process listens any more.
    pub(crate) fn bind(self) -> Result<BoundSocket, BindError> {
        // Without it, of two agents that start together and find a dead one's file, the second would remove the first's.
        let _lock = PathLock::acquire(self.path, LOCK_TIMEOUT).map_err(|error| self.failed(error))?;
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
        let bound = BoundSocket { listener: Some(listener), path: self.path.into(), identity };
        fs::set_permissions(self.path, Permissions::from_mode(self.mode)).map_err(|error| self.failed(error))?;
        Ok(bound)
    }

    fn listen(self) -> Result<UnixListener, Errno> {
        let listener = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        // The file gets the socket's mode at `bind`, less the umask: others cannot connect at any time.
        fchmod(&listener, Mode::from_bits_truncate(self.mode))?;
        bind(listener.as_raw_fd(), &UnixAddr::new(self.path)?)?;
        listen(&listener, Backlog::new(BACKLOG)?)?;
        Ok(listener.into())
    }

    /// Removes the file of a dead agent.
    fn clear(self) -> Result<(), BindError> {
        let Self { path, option, .. } = self;
        let failed = |error| self.failed(error);
        if !fs::symlink_metadata(path).map_err(failed)?.file_type().is_socket() {
            return Err(BindError::Occupied { path: path.into(), option: option.into() });
        }
        match answers(path) {
            Ok(false) => fs::remove_file(path).map_err(failed),
            Ok(true) => Err(BindError::Live { path: path.into(), option: option.into() }),
            Err(error) => Err(failed(error.into())),
        }
    }

    fn failed(self, error: io::Error) -> BindError {
        BindError::Failed { path: self.path.into(), option: self.option.into(), error }
    }
}

/// Lock for the creation and removal of one socket file. It is held on a separate file that no other account can open:
/// everyone who can read the folder could hold a lock on the folder.
#[derive(Debug)]
struct PathLock {
    path: PathBuf,
    _lock: File,
}

impl PathLock {
    /// Acquires the lock, or fails at the timeout.
    fn acquire(socket: &Path, timeout: Duration) -> io::Result<Self> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let deadline = Instant::now() + timeout;
        loop {
            let file = own_file(&path)?;
            match file.try_lock() {
                // The previous holder may have removed the file between our open and our lock.
                Ok(()) if is_still_there(&file, &path) => return Ok(Self { path, _lock: file }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "another agent is starting there"));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

impl Drop for PathLock {
    fn drop(&mut self) {
        // The lock is still held, so the file is ours. If removal fails, the next agent uses the file.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens or creates a file that only this account can open. Another account's is refused, because it could be locked
/// forever.
fn own_file(path: &Path) -> io::Result<File> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("its lock {}: {error}", path.display()));
    let mut options = File::options();
    options.create(true).append(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    let file = options.open(path).map_err(named)?;
    let owner = file.metadata().map_err(named)?.uid();
    if owner != geteuid().as_raw() {
        return Err(named(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another account; remove it")));
    }
    Ok(file)
}

/// Checks that the path still names the locked file.
fn is_still_there(lock: &File, path: &Path) -> bool {
    let identity = |file: fs::Metadata| (file.dev(), file.ino());
    lock.metadata().map(identity).ok() == fs::symlink_metadata(path).map(identity).ok()
}

/// Checks whether a process listens there. One with a full queue counts, and is not waited for.
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

    fn bind(path: &Path) -> Result<BoundSocket, BindError> {
        SocketFile { path, mode: MODE, option: "--its-option" }.bind()
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
        let first = PathLock::acquire(&path, Duration::ZERO).unwrap();
        let error = PathLock::acquire(&path, Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("is starting"), "{error}");
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
        let reader = File::open(folder.path()).unwrap();
        reader.lock().unwrap();
        bind(&path).unwrap();
        // A symbolic link is not followed.
        std::os::unix::fs::symlink("/dev/null", folder.path().join("s.lock")).unwrap();
        assert!(refusal(&path).contains("s.lock"));
    }

    #[test]
    fn socket_mode_set_at_creation() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s");
        // As bound, before the mode is set: no permission that the mode does not have, whatever the umask is.
        let wanted = SocketFile { path: &path, mode: 0o600, option: "--its-option" };
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
