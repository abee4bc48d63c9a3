//! Crash attribution: on a fatal signal the thread that received it stores its slot in the call table.
//!
//! Several readers may be in a call when the library crashes; only the one that received the signal is to blame. The
//! handler stores a number and raises the signal again, which then takes its default action: a signal that another
//! process sent, or that the library raised, would otherwise be over when the handler returns.

use std::{
    cell::Cell,
    io,
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

use nix::{
    libc::{c_int, raise},
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
};
use telemetry::call_table::DIED_ELSEWHERE;

use crate::call_table::{CallSlot, CallTable};

/// Signals by which a bug of the library ends the process.
const FATAL: [Signal; 5] = [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGABRT, Signal::SIGILL, Signal::SIGFPE];

/// Word in the call table; null before [`record_in`].
static DIED: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    /// This thread's slot plus one. Constant and without a destructor, so that a signal handler may read it.
    static SLOT: Cell<u64> = const { Cell::new(DIED_ELSEWHERE) };
}

/// Sets the slot that this thread stores if it crashes.
pub(crate) fn set_slot(slot: &CallSlot) {
    SLOT.set(slot.index().map_or(DIED_ELSEWHERE, |slot| slot as u64 + 1));
}

/// Installs the handlers of the fatal signals.
pub(crate) fn record_in(calls: CallTable) -> io::Result<()> {
    let Some(died) = calls.died() else { return Ok(()) };
    DIED.store(std::ptr::from_ref(died).cast_mut(), Ordering::Release);
    // Once: during the handler the signal is at its default and blocked, so that the one raised there ends the process
    // when it returns. On the signal stack, since a thread's own may be what overflowed.
    let flags = SaFlags::SA_RESETHAND | SaFlags::SA_ONSTACK;
    let action = SigAction::new(SigHandler::Handler(last_words), flags, SigSet::empty());
    for signal in FATAL {
        // SAFETY: the handler does only what a handler may: it reads a constant-initialised thread-local without a
        // destructor, stores to an atomic, and calls `raise`.
        unsafe { sigaction(signal, &action)? };
    }
    Ok(())
}

extern "C" fn last_words(signal: c_int) {
    let died = DIED.load(Ordering::Acquire);
    // SAFETY: null, or the word in the call table, which is mapped for as long as the process lives.
    if let Some(died) = unsafe { died.as_ref() } {
        died.store(SLOT.get(), Ordering::Release);
    }
    // SAFETY: `raise` is async-signal-safe.
    unsafe { raise(signal) };
}
