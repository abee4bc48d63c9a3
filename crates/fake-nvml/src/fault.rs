//! What goes wrong in a call before it answers.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::abi::Function;
use crate::scenario::{Crash, Fault, Pattern};
use crate::stray;

/// How often a hanging call looks whether it may go on.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// How often a fault was met, in one version of a scenario.
#[derive(Default)]
pub(crate) struct Met {
    calls: AtomicU64,
    short_lists: AtomicU64,
}

impl Met {
    /// Counts a matching call, and tells whether it is among those that go wrong.
    pub(crate) fn strikes(&self, fault: &Fault) -> bool {
        let earlier = self.calls.fetch_add(1, Ordering::Relaxed);
        earlier >= fault.after_calls && fault.times.is_none_or(|times| earlier - fault.after_calls < times)
    }

    /// Counts a process list, and tells whether it must be called too short.
    pub(crate) fn shortens(&self, fault: &Fault) -> bool {
        let earlier = self.short_lists.fetch_add(1, Ordering::Relaxed);
        fault.insufficient_size_times.is_some_and(|times| earlier < times)
    }
}

impl Fault {
    /// Whether this fault is about a function, and about a GPU if the function is.
    pub(crate) fn matches(&self, function: Function, gpu: Option<usize>) -> bool {
        let function_matches = match self.function {
            Pattern::Every => gpu.is_some(),
            Pattern::One(named) => named == function,
        };
        function_matches && (self.gpu.is_none() || self.gpu == gpu)
    }

    /// Takes its time, if the fault says how much.
    pub(crate) fn delay(&self, seconds: f64) {
        if let Some(latency) = self.latency_ms {
            thread::sleep(Duration::from_millis(u64::try_from(latency.whole(seconds)).unwrap_or(0)));
        }
    }

    /// Writes where it does not belong, if the fault says so.
    pub(crate) fn write_astray(&self) {
        if let Some(write) = &self.write {
            stray::write(write);
        }
    }

    /// Ends the process, if the fault says so. Returns if it does not.
    pub(crate) fn end_process(&self) {
        if let Some(crash) = self.crash {
            crash.happen();
        }
        if let Some(status) = self.exit {
            // SAFETY: _exit takes an integer and does not return. It runs no handlers, as when a library gives up.
            unsafe { libc::_exit(status) }
        }
    }
}

impl Crash {
    fn happen(self) {
        match self {
            Self::Segv => {
                let nowhere = std::ptr::without_provenance_mut::<u8>(black_box(0x10));
                // SAFETY: this is not sound, and is not meant to be: the kernel never maps the first page, so that the write
                // ends the process before it changes anything.
                unsafe { nowhere.write_volatile(0) }
            }
            Self::Heap => overrun_the_heap(),
            #[expect(clippy::panic, reason = "the scenario asks for it, to show that no panic leaves the library")]
            Self::Panic => panic!("the scenario asked for a panic"),
            Self::Abort => {}
        }
        // Also where one of the above was survived.
        std::process::abort();
    }
}

/// Does what a call does that fills a buffer sized for smaller entries.
fn overrun_the_heap() {
    const SIZE: usize = 2_000;
    // SAFETY: this is not sound, and is not meant to be: it writes past an allocation into the allocator's own records,
    // which the allocator notices in free, and aborts. Nothing runs after it but the abort that follows.
    unsafe {
        let first = libc::malloc(SIZE).cast::<u8>();
        let second = libc::malloc(SIZE);
        black_box(first).write_bytes(0xee, SIZE + 64);
        libc::free(second);
    }
}
