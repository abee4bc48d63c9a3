//! A capture: everything is asked of the driver once, by the functions that the collector reads with, and each call is
//! written to standard output as it comes back.
//!
//! Each GPU has a thread here too, so that a call which hangs keeps no other GPU from being captured. Whoever started
//! this reads what came, sees on the board which calls did not come back, and waits no longer than it wants to.

use std::{
    io,
    os::fd::{AsFd as _, RawFd},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use telemetry::{
    Absence,
    board::{SLOTS, lane_slot},
    capture::Outcome,
};

use crate::{
    board::Board,
    crash,
    lane::Lane,
    leave::exit_at_once,
    nvml::{Device, EventSet, Library, find},
    record::Recorder,
    run::{end_on_panic, ignore_the_parents_signals, shared_board, take_standard_output},
};

/// How long Xid events are waited for: to see whether waiting works.
const WAIT: Duration = Duration::from_millis(100);

/// What a capture is told.
#[derive(Clone, Debug)]
pub struct CaptureSettings {
    /// The driver library; none to look for it where it usually is.
    pub library: Option<PathBuf>,
    /// The root of `/proc`, of which only the host's memory is read.
    pub proc_root: PathBuf,
    /// The descriptor of the call board that the parent shares ([`telemetry::board`]).
    pub board: Option<RawFd>,
}

/// Asks the driver for everything once, and ends the process: with status 0 when all calls came back.
///
/// # Errors
/// What keeps it from beginning: the board, a thread.
pub fn capture(settings: CaptureSettings) -> io::Result<std::convert::Infallible> {
    ignore_the_parents_signals()?;
    end_on_panic();
    let out = take_standard_output()?;
    let board = Board::map(shared_board(settings.board)?.as_ref().map(|board| board.as_fd()))?;
    crash::note_on(board)?;
    leave_when_input_ends()?;
    let recorder = Recorder::new(out);
    let desk = board.desk(Some(0), None);
    crash::works_at(&desk);
    match find(settings.library.as_deref(), &desk) {
        Ok(library) => walk(library, board, &recorder, &settings.proc_root)?,
        Err(failure) => recorder.keep(&failure.function, Outcome::Code(failure.code)),
    }
    drop(recorder);
    exit_at_once(0)
}

/// Asks about the driver, every GPU, and events.
fn walk(library: Library, board: Board, recorder: &Recorder, proc_root: &Path) -> io::Result<()> {
    let desk = board.desk(Some(0), None).recording(recorder.another(None));
    if library.init(&desk).is_err() {
        return Ok(());
    }
    let counted = library.count(&desk).unwrap_or(0);
    let _ = (library.driver_version(&desk), library.nvml_version(&desk), library.cuda_version(&desk));
    // A count past the board's end is absurd, and is kept as it was told.
    let last = u32::try_from(SLOTS - 1).unwrap_or(u32::MAX);
    let mut lanes = Vec::new();
    for index in 0..counted.min(last) {
        let lane = Lane {
            index,
            library,
            pulse: Arc::default(),
            desk: board.desk(lane_slot(index), Some(index)).recording(recorder.another(Some(index))),
            proc_root: proc_root.to_path_buf(),
            xids: Arc::default(),
        };
        lanes.push(thread::Builder::new().name(format!("gpu {index}")).spawn(move || lane.capture())?);
    }
    let listen = |index| {
        let device = Device::by_index(library, &desk, index)?;
        EventSet::listening(&device, index, Err(Absence::Timeout))
    };
    let sets: Vec<EventSet> = (0..counted.min(last)).filter_map(|index| listen(index).ok()).collect();
    if let Some(first) = sets.first() {
        let _ = first.wait(library, &desk, WAIT);
    }
    for set in sets {
        set.free(library, &desk);
    }
    for lane in lanes {
        // A thread that panics ends the process.
        let _ = lane.join();
    }
    let _ = library.shutdown(&desk);
    Ok(())
}

/// Leaves when standard input ends: the parent is gone, or has waited long enough. A call may be in flight, so the
/// library is not shut down.
fn leave_when_input_ends() -> io::Result<()> {
    let watch = || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        exit_at_once(1)
    };
    thread::Builder::new().name("leave".into()).spawn(watch).map(drop)
}
