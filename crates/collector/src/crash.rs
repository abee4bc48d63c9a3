//! Last words: when a fatal signal strikes, its thread says on the board which slot it worked at.
//!
//! Several lanes may be in a call when the library crashes; only the one that the signal struck is to blame. The
//! handler does nothing but store a number, and then the signal takes its usual course.

use std::{
    cell::Cell,
    io,
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

use nix::{
    libc::c_int,
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
};
use telemetry::board::DIED_ELSEWHERE;

use crate::board::{Board, Desk};

/// The signals by which a library's mistake ends the process.
const FATAL: [Signal; 5] = [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGABRT, Signal::SIGILL, Signal::SIGFPE];

/// The word on the board; null until it is known.
static DIED: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    /// This thread's slot plus one. Constant and without a destructor, so that a signal handler may read it.
    static SLOT: Cell<u64> = const { Cell::new(DIED_ELSEWHERE) };
}

/// Says who this thread is, for its last words.
pub(crate) fn works_at(desk: &Desk) {
    SLOT.set(desk.slot().map_or(DIED_ELSEWHERE, |slot| slot as u64 + 1));
}

/// Has the fatal signals leave last words on the board.
pub(crate) fn note_on(board: Board) -> io::Result<()> {
    let Some(died) = board.died() else { return Ok(()) };
    DIED.store(std::ptr::from_ref(died).cast_mut(), Ordering::Release);
    // Once: after the handler the signal is at its default, and strikes again as soon as the handler returns. On the
    // signal stack, since a thread's own may be what overflowed.
    let flags = SaFlags::SA_RESETHAND | SaFlags::SA_ONSTACK;
    let action = SigAction::new(SigHandler::Handler(last_words), flags, SigSet::empty());
    for signal in FATAL {
        // SAFETY: the handler does only what a handler may: it reads a constant-initialised thread-local without a
        // destructor, and stores to an atomic.
        unsafe { sigaction(signal, &action)? };
    }
    Ok(())
}

extern "C" fn last_words(_: c_int) {
    let died = DIED.load(Ordering::Acquire);
    // SAFETY: null, or the word on the board, which is mapped for as long as the process lives.
    if let Some(died) = unsafe { died.as_ref() } {
        died.store(SLOT.get(), Ordering::Release);
    }
}
