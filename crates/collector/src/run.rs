//! Main function of the collector process.

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
    awaited::DriverWait,
    call_table::CallTable,
    crash,
    driver_monitor::{DriverMonitor, Places},
    exclusive::Exclusive,
    in_flight::InFlight,
    leave::{Exit, exit_at_once},
    process::{Containers, Host, Jobs, Notes, Owners, ProcFs, ProcessCache},
    readers::GpuReaders,
    settings::Settings,
    sleep::{Policy, SuspendState, SuspendWatch},
    socket::{Kind, Socket, Sockets},
    ticker::Ticker,
};

/// Longest interval between two checks of suspended GPUs; a frame is written each time.
const CHECK_SUSPENDED: Duration = Duration::from_millis(700);

/// Reads the machine and writes frames to standard output until standard input ends or the driver fails, and then
/// ends the process.
///
/// # Errors
/// The call table cannot be mapped, the lock file is not open, or a thread cannot be started.
pub fn run(settings: Settings) -> io::Result<std::convert::Infallible> {
    ignore_the_parents_signals()?;
    end_on_panic();
    let out = take_standard_output()?;
    let calls = CallTable::map(shared_table(settings.call_table)?.as_ref().map(AsFd::as_fd))?;
    crash::record_in(calls)?;
    let ticker = Arc::new(Ticker::default());
    let in_flight = InFlight::default();
    let lock_path = settings.runtime_directory.unwrap_or_default();
    let lock = settings.lock.map(|descriptor| Exclusive::inherited(descriptor, lock_path)).transpose()?;
    let monitor = DriverMonitor::new();
    let exit = Exit { ticker: Arc::clone(&ticker), monitor: Arc::clone(&monitor), calls, in_flight: in_flight.clone() };
    exit.clone().when_input_ends()?;
    let proc = ProcFs::new(settings.proc_root.clone());
    let resolve = settings.resolve_pids || proc.sees_the_hosts_pids();
    let mut sleep = Policy { after: settings.sleep_after, root: settings.sys_root };
    let mut assembler = Assembler {
        out,
        interval: settings.interval,
        ticker: Arc::clone(&ticker),
        monitor: Arc::clone(&monitor),
        calls,
        host: Host::start(settings.proc_root.clone(), settings.hostname, settings.interval),
        jobs: settings.job_dir.map(|folder| Jobs::start(folder, settings.interval)),
        began: BootTime::now(),
        notes: Notes::begin(&proc, resolve),
        process_cache: resolve.then(|| ProcessCache::start(proc)),
        owners: Owners::start(),
        sockets: Sockets {
            engine: settings.container_socket.map(|path| Socket { kind: Kind::Engine, path }),
            kubelet: settings.kubelet_socket.map(|path| Socket { kind: Kind::Kubelet, path }),
            period: settings.kubelet_period,
        },
        containers: Containers::default(),
        allocations: Allocations::default(),
        proc_root: settings.proc_root,
        in_flight: in_flight.clone(),
        readers: GpuReaders::new(&settings.excluded),
        xids: Arc::default(),
        written: Instant::now(),
    };
    // Held until the process ends.
    if let Some(lock) = &lock
        && let Err(error) = lock.wait(&mut assembler)
    {
        exit.leave(&error.to_string());
    }
    if !settings.suspended.is_empty()
        && let Err(error) = report_suspended(settings.suspended, &mut sleep, settings.interval, &mut assembler)
    {
        exit.leave(&error.to_string());
    }
    let seen = settings.library_seen;
    if let Some(library) = seen.clone().filter(|_| settings.await_driver) {
        let wait = DriverWait::new(library, &assembler.proc_root, &sleep.root);
        if let Err(error) = wait.wait(&mut assembler) {
            exit.leave(&error.to_string());
        }
    }
    let places = Places { library: settings.library, proc_root: assembler.proc_root.clone(), sleep, seen };
    monitor.start(places, calls.slot(Some(0), None), ticker, in_flight.enter());
    match assembler.run() {
        End::Reported => exit.leave("a new collector must try"),
        End::Unwritten(error) => exit.leave(&error.to_string()),
    }
}

/// Ignores the signals of the service manager: they reach the parent, which then closes our input.
pub(crate) fn ignore_the_parents_signals() -> io::Result<()> {
    for number in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe { signal(number, SigHandler::SigIgn)? };
    }
    Ok(())
}

/// Ends the process on a panic: a new collector is better than one that lacks a thread.
pub(crate) fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(%panic, "the collector has a bug and ends");
        exit_at_once(101);
    }));
}

/// Moves the frame pipe away from descriptor 1, which becomes a copy of standard error. A library that prints to
/// standard output, as some do when a GPU fails, then prints into the log and not into a frame.
pub(crate) fn take_standard_output() -> io::Result<File> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    dup2_stdout(io::stderr())?;
    Ok(pipe.into())
}

/// Takes over the descriptor that the parent left open for us.
///
/// # Errors
/// It is not open, or too short for a call table.
pub(crate) fn shared_table(descriptor: Option<RawFd>) -> io::Result<Option<OwnedFd>> {
    let Some(descriptor) = descriptor else { return Ok(None) };
    // SAFETY: the parent opened it for us alone; the next line checks that it is open.
    let file = File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    fcntl(&file, FcntlArg::F_GETFD)?;
    let length = file.metadata()?.len();
    if length < telemetry::call_table::BYTES as u64 {
        return Err(io::Error::other(format!(
            "expected a call table of {} bytes at descriptor {descriptor}, got {length}",
            telemetry::call_table::BYTES
        )));
    }
    Ok(Some(file.into()))
}

/// Reports that the GPUs are suspended, until they are resumed. If they do not suspend they are not released again.
fn report_suspended(
    buses: Vec<String>,
    sleep: &mut Policy,
    interval: Duration,
    assembler: &mut Assembler<File>,
) -> Result<(), FrameError> {
    let mut watch = SuspendWatch::new(sleep.clone(), buses, Instant::now());
    loop {
        match watch.check(Instant::now()) {
            SuspendState::Suspended => assembler.write(Driver::Suspended)?,
            SuspendState::Resumed => return Ok(()),
            SuspendState::Failed => {
                sleep.after = None;
                return assembler.write(Driver::SuspendFailed);
            }
        }
        thread::sleep(interval.min(CHECK_SUSPENDED));
    }
}
