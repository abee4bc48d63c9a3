//! The collector process from its start to its end.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, FromRawFd, OwnedFd, RawFd},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::signal::{SigHandler, Signal, signal},
    unistd::dup2_stdout,
};
use telemetry::{BootTime, frame::FrameError, sample::Driver};

use crate::{
    allocations::Allocations,
    assemble::{Assembler, End},
    board::Board,
    callers::Callers,
    census::{Census, Places},
    crash,
    exclusive::Exclusive,
    lanes::Lanes,
    leave::{Exit, exit_at_once},
    process::{Book, Containers, Host, Jobs, Notes, Owners, ProcFs},
    pulse::Pulse,
    settings::Settings,
    sleep::{Policy, Rest, Resting},
    socket::{Kind, Socket, Sockets},
};

/// How often sleeping GPUs are looked at, at least; a frame is written each time.
const LOOK_AT_SLEEPERS: Duration = Duration::from_millis(700);

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
    crash::note_on(board)?;
    let pulse = Arc::new(Pulse::default());
    let callers = Callers::default();
    let lock = settings.runtime_directory.as_deref().map(Exclusive::open).transpose()?;
    let census = Census::new();
    let exit = Exit { pulse: Arc::clone(&pulse), census: Arc::clone(&census), board, callers: callers.clone() };
    exit.clone().when_input_ends()?;
    let proc = ProcFs::new(settings.proc_root.clone());
    let resolve = settings.resolve_pids || proc.sees_the_hosts_pids();
    let mut sleep = Policy { after: settings.sleep_after, root: settings.sys_root };
    let mut assembler = Assembler {
        out,
        interval: settings.interval,
        pulse: Arc::clone(&pulse),
        census: Arc::clone(&census),
        board,
        host: Host::start(settings.proc_root.clone(), settings.interval),
        jobs: settings.job_dir.map(|folder| Jobs::start(folder, settings.interval)),
        began: BootTime::now(),
        notes: Notes::begin(&proc, resolve),
        book: resolve.then(|| Book::start(proc)),
        owners: Owners::start(),
        sockets: Sockets {
            engine: settings.container_socket.map(|path| Socket { kind: Kind::Engine, path }),
            kubelet: settings.kubelet_socket.map(|path| Socket { kind: Kind::Kubelet, path }),
            period: settings.kubelet_period,
        },
        containers: Containers::default(),
        allocations: Allocations::default(),
        proc_root: settings.proc_root,
        callers: callers.clone(),
        lanes: Lanes::new(&settings.left_out),
        xids: Arc::default(),
        written: Instant::now(),
    };
    let _held = match lock {
        Some(lock) => match lock.wait(&mut assembler) {
            Ok(held) => Some(held),
            Err(error) => exit.leave(&error.to_string()),
        },
        None => None,
    };
    if !settings.asleep.is_empty()
        && let Err(error) = watch_over(settings.asleep, &mut sleep, settings.interval, &mut assembler)
    {
        exit.leave(&error.to_string());
    }
    let places = Places { library: settings.library, proc_root: assembler.proc_root.clone(), sleep };
    census.start(places, board.desk(Some(0), None), pulse, callers.join());
    match assembler.run() {
        End::Told => exit.leave("a fresh collector is to try"),
        End::Unwritten(error) => exit.leave(&error.to_string()),
    }
}

/// A signal that is meant for the service reaches the parent, which then closes our input.
pub(crate) fn ignore_the_parents_signals() -> io::Result<()> {
    for number in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe { signal(number, SigHandler::SigIgn)? };
    }
    Ok(())
}

/// A thread that panics would leave a collector that reads less than it says; a fresh one is better.
pub(crate) fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(%panic, "the collector has a bug and ends");
        exit_at_once(101);
    }));
}

/// Takes the pipe for frames away from descriptor 1, which becomes standard error's: a library that prints to standard
/// output, as some do when a GPU is in trouble, would print into a frame. So it is read in the log instead.
pub(crate) fn take_standard_output() -> io::Result<File> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    dup2_stdout(io::stderr())?;
    Ok(pipe.into())
}

/// Takes over the descriptor that the parent left open for us, if it is a board.
pub(crate) fn shared_board(descriptor: Option<RawFd>) -> io::Result<Option<OwnedFd>> {
    let Some(descriptor) = descriptor else { return Ok(None) };
    // SAFETY: the parent opened it for us alone and says its number; whether it is open is asked next.
    let file = File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    fcntl(&file, FcntlArg::F_GETFD)?;
    if file.metadata()?.len() < telemetry::board::BYTES as u64 {
        return Err(io::Error::other(format!("descriptor {descriptor} is not a call board")));
    }
    Ok(Some(file.into()))
}

/// Says that the GPUs are asleep, for as long as they are. If they do not suspend they are not let go again.
fn watch_over(
    buses: Vec<String>,
    sleep: &mut Policy,
    interval: Duration,
    assembler: &mut Assembler<File>,
) -> Result<(), FrameError> {
    let mut resting = Resting::new(sleep.clone(), buses, Instant::now());
    loop {
        match resting.look(Instant::now()) {
            Rest::Asleep => assembler.write(Driver::Asleep)?,
            Rest::Woken => return Ok(()),
            Rest::InVain => {
                sleep.after = None;
                return assembler.write(Driver::Sleepless);
            }
        }
        thread::sleep(interval.min(LOOK_AT_SLEEPERS));
    }
}
