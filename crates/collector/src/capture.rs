//! Capture: reads everything once with the collector's own functions, and writes each call to standard output as it
//! returns.
//!
//! Each GPU has a thread here too, so that a call that hangs does not affect other GPUs. The parent reads the records,
//! finds the calls that have not returned in the call table, and decides how long it waits.

use std::{io, os::fd::AsFd as _, path::Path, sync::Arc, thread, time::Duration};

use telemetry::{
    Absence,
    call_table::{SLOTS, gpu_slot},
    capture::Outcome,
};

use crate::{
    call_table::CallTable,
    crash,
    gpu_reader::GpuReader,
    leave::exit_at_once,
    nvml::{Device, EventSet, Library, find},
    record::Recorder,
    run::{end_on_panic, ignore_the_parents_signals, shared_table, take_standard_output},
    settings::Settings,
};

/// Wait for Xid events, to record whether waiting works.
const WAIT: Duration = Duration::from_millis(100);

/// Reads everything once, and ends the process; with status 0 if all calls have returned. Of the settings it uses the
/// library, the call table, and the root of `/proc`, of which it reads the host's memory.
///
/// # Errors
/// The call table cannot be mapped, or a thread not started.
pub fn capture(settings: &Settings) -> io::Result<std::convert::Infallible> {
    ignore_the_parents_signals()?;
    end_on_panic();
    let out = take_standard_output()?;
    let calls = CallTable::map(shared_table(settings.call_table)?.as_ref().map(|board| board.as_fd()))?;
    crash::record_in(calls)?;
    leave_when_input_ends()?;
    let recorder = Recorder::new(out);
    let slot = calls.slot(Some(0), None);
    crash::set_slot(&slot);
    match find(settings.library.as_deref(), &slot) {
        Ok(library) => walk(library, calls, &recorder, &settings.proc_root)?,
        Err(failure) => recorder.keep(&failure.function, Outcome::Code(failure.code)),
    }
    drop(recorder);
    exit_at_once(0)
}

/// Reads the driver, every GPU, and events.
fn walk(library: Library, calls: CallTable, recorder: &Recorder, proc_root: &Path) -> io::Result<()> {
    let slot = calls.slot(Some(0), None).recording(recorder.another(None));
    if library.init(&slot).is_err() {
        return Ok(());
    }
    let counted = library.count(&slot).unwrap_or(0);
    let _ = (library.driver_version(&slot), library.nvml_version(&slot), library.cuda_version(&slot));
    // A count past the end of the call table is absurd, and is recorded as it is.
    let last = u32::try_from(SLOTS - 1).unwrap_or(u32::MAX);
    let mut readers = Vec::new();
    for index in 0..counted.min(last) {
        let reader = GpuReader {
            index,
            library,
            ticker: Arc::default(),
            slot: calls.slot(gpu_slot(index), Some(index)).recording(recorder.another(Some(index))),
            proc_root: proc_root.to_path_buf(),
            xids: Arc::default(),
        };
        readers.push(thread::Builder::new().name(format!("gpu {index}")).spawn(move || reader.capture())?);
    }
    let subscribe = |index| {
        let device = Device::by_index(library, &slot, index)?;
        EventSet::subscribe(&device, index, Err(Absence::Timeout))
    };
    let sets: Vec<EventSet> = (0..counted.min(last)).filter_map(|index| subscribe(index).ok()).collect();
    if let Some(first) = sets.first() {
        let _ = first.wait(library, &slot, WAIT);
    }
    for set in sets {
        set.free(library, &slot);
    }
    for reader in readers {
        // A thread that panics ends the process.
        let _ = reader.join();
    }
    let _ = library.shutdown(&slot);
    Ok(())
}

/// Ends the process when standard input ends: the parent is gone, or has waited long enough. A call may be in flight,
/// so the library is not shut down.
fn leave_when_input_ends() -> io::Result<()> {
    let watch = || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        exit_at_once(1)
    };
    thread::Builder::new().name("leave".into()).spawn(watch).map(drop)
}
