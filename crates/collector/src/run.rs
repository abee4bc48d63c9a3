//! The collector process from its start to its end.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, FromRawFd, OwnedFd, RawFd},
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, Flock, FlockArg, fcntl},
    sys::signal::{SigHandler, Signal, signal},
    unistd::dup2_stdout,
};
use telemetry::{frame::FrameError, sample::Driver};

use crate::{
    assemble::{Assembler, End},
    board::Board,
    census::Census,
    leave::{Callers, Exit, exit_at_once},
    process::{Book, Owners, ProcFs},
    pulse::Pulse,
};

/// How often it is tried to take over from a collector that still holds the lock.
const TRY_LOCK: Duration = Duration::from_millis(250);

/// What the collector is told by its parent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The time between two readings.
    pub interval: Duration,
    /// The driver library; none to look for it where it usually is.
    pub library: Option<PathBuf>,
    /// Resolve PIDs although this is not the host's PID namespace.
    pub resolve_pids: bool,
    /// The root of `/proc`.
    pub proc_root: PathBuf,
    /// The descriptor of the call board that the parent shares ([`telemetry::board`]).
    pub board: Option<RawFd>,
    /// Where a lock is held against a second collector.
    pub runtime_directory: Option<PathBuf>,
}

/// Reads the machine and writes frames to standard output until standard input ends or the driver fails, and then
/// ends the process.
///
/// # Errors
/// What keeps it from beginning: the board, the lock's file, a thread.
pub fn run(settings: Settings) -> io::Result<std::convert::Infallible> {
    ignore_the_parents_signals()?;
    end_on_panic();
    let out = take_standard_output()?;
    let board = Board::map(shared_board(settings.board)?.as_ref().map(AsFd::as_fd))?;
    let pulse = Arc::new(Pulse::default());
    let callers = Callers::default();
    let waiting = settings.runtime_directory.as_deref().map(|folder| folder.join("collector.lock"));
    let lock = waiting.as_deref().map(take_lock).transpose()?;
    let census = Census::new();
    let exit = Exit { pulse: Arc::clone(&pulse), census: Arc::clone(&census), board, callers: callers.clone() };
    exit.clone().when_input_ends()?;
    let proc = ProcFs::new(settings.proc_root.clone());
    let resolve = settings.resolve_pids || proc.sees_the_hosts_pids();
    if !resolve {
        tracing::warn!(
            "not in the host's PID namespace: processes are listed without user and command. Run with the host's \
             (docker run --pid=host), or with --resolve-pids if the PIDs match all the same"
        );
    }
    let mut assembler = Assembler {
        out,
        interval: settings.interval,
        pulse: Arc::clone(&pulse),
        census: Arc::clone(&census),
        board,
        proc_root: settings.proc_root,
        book: resolve.then(|| Book::start(proc)),
        owners: Owners::start(),
        callers: callers.clone(),
        lanes: 0,
        written: Instant::now(),
    };
    let _held = match lock {
        Some(lock) => match wait_for(lock, &mut assembler) {
            Ok(held) => Some(held),
            Err(error) => exit.leave(&error.to_string()),
        },
        None => None,
    };
    census.start(settings.library, board.desk(Some(0), None), pulse, callers.join());
    match assembler.run() {
        End::Failed => exit.leave("the driver cannot be read"),
        End::Unwritten(error) => exit.leave(&error.to_string()),
    }
}

/// A signal that is meant for the service reaches the parent, which then closes our input.
fn ignore_the_parents_signals() -> io::Result<()> {
    for number in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe { signal(number, SigHandler::SigIgn)? };
    }
    Ok(())
}

/// A thread that panics would leave a collector that reads less than it says; a fresh one is better.
fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(%panic, "the collector has a bug and ends");
        exit_at_once(101);
    }));
}

/// Takes the pipe for frames away from descriptor 1, which becomes standard error's: a library that prints to standard
/// output, as some do when a GPU is in trouble, would print into a frame. So it is read in the log instead.
fn take_standard_output() -> io::Result<File> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    dup2_stdout(io::stderr())?;
    Ok(pipe.into())
}

/// Takes over the descriptor that the parent left open for us, if it is a board.
fn shared_board(descriptor: Option<RawFd>) -> io::Result<Option<OwnedFd>> {
    let Some(descriptor) = descriptor else { return Ok(None) };
    // SAFETY: the parent opened it for us alone and says its number; whether it is open is asked next.
    let file = File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    fcntl(&file, FcntlArg::F_GETFD)?;
    if file.metadata()?.len() < telemetry::board::BYTES as u64 {
        return Err(io::Error::other(format!("descriptor {descriptor} is not a call board")));
    }
    Ok(Some(file.into()))
}

struct Unlocked {
    file: File,
    path: PathBuf,
}

fn take_lock(path: &std::path::Path) -> io::Result<Unlocked> {
    let file =
        File::options().create(true).append(true).open(path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot open the lock {}: {error}", path.display()))
        })?;
    Ok(Unlocked { file, path: path.into() })
}

/// Waits until no other collector holds the lock, and says so in frames. It is held as long as the process lives, so
/// a collector that is stuck in the kernel keeps every later one from joining it there.
fn wait_for(lock: Unlocked, assembler: &mut Assembler<File>) -> Result<Flock<File>, FrameError> {
    let mut file = lock.file;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => return Ok(held),
            Err((back, Errno::EWOULDBLOCK)) => file = back,
            Err((_, error)) => return Err(FrameError::Io(error.into())),
        }
        let detail = format!("an earlier collector has not ended yet and holds {}", lock.path.display());
        assembler.write(Driver::Waiting { detail })?;
        thread::sleep(TRY_LOCK);
    }
}
